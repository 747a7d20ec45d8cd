package pagerduty_test

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"vigil/activities"
	"vigil/activities/internal/tell"
	"vigil/activities/internal/tell/telltest"
	"vigil/activities/pagerduty"
	"vigil/workflows/incident"
)

func channel(tb testing.TB, url string, rec activities.Recorder) tell.Channel {
	return pagerduty.New(pagerduty.Config{URL: url, RoutingKeyFile: telltest.File(tb, telltest.Secret+"\n")}, rec)
}

func accept(w http.ResponseWriter, _ telltest.Request) {
	w.WriteHeader(202)
	_, _ = io.WriteString(w, `{"status":"success","message":"Event processed","dedup_key":"x"}`)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	telltest.Conform(t, telltest.Adapter{Service: "pagerduty", Operation: "trigger", New: channel, OK: accept, Message: telltest.Message(incident.NotifyOpened)})
}

type sent struct {
	RoutingKey string `json:"routing_key"`
	Action     string `json:"event_action"`
	DedupKey   string `json:"dedup_key"`
	Client     string `json:"client"`
	ClientURL  string `json:"client_url"`
	Links      []struct{ Href, Text string }
	Payload    struct {
		Summary, Source, Severity string
		Timestamp                 time.Time
		Details                   map[string]string `json:"custom_details"`
	}
}

// send returns the events that m becomes.
func send(t *testing.T, m tell.Message) (out []sent, got tell.Receipt) {
	t.Helper()
	s := telltest.Serve(t, accept)
	got, err := channel(t, s.URL, nil).Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Requests() {
		var e sent
		if err := json.Unmarshal(r.Body, &e); err != nil {
			t.Fatal(err)
		}
		if len(r.Body) > 512<<10 || len(e.DedupKey) > 255 || e.RoutingKey != telltest.Secret {
			t.Errorf("%d bytes, key of %d, routing key %q", len(r.Body), len(e.DedupKey), e.RoutingKey)
		}
		out = append(out, e)
	}
	return out, got
}

func TestWhatEachIs(t *testing.T) {
	t.Parallel()
	with := func(k incident.NotificationKind, change func(*tell.Message)) tell.Message {
		m := telltest.Message(k)
		if change != nil {
			change(&m)
		}
		return m
	}
	both := "vigil-inc-1 vigil-inc-1-unsafe"
	for name, c := range map[string]struct {
		m    tell.Message
		want []string // action key
	}{
		"opened":            {with(incident.NotifyOpened, nil), []string{"trigger vigil-inc-1"}},
		"escalated":         {with(incident.NotifyEscalated, nil), []string{"trigger vigil-inc-1"}},
		"approval":          {with(incident.NotifyApproval, nil), []string{"trigger vigil-inc-1"}},
		"handover":          {with(incident.NotifyHandover, nil), []string{"trigger vigil-inc-1"}},
		"unsafe":            {with(incident.NotifyUnsafe, nil), []string{"trigger vigil-inc-1-unsafe"}},
		"somebody is on it": {with(incident.NotifyAcked, nil), []string{"acknowledge vigil-inc-1"}},
		"a person decided":  {with(incident.NotifyDecided, func(m *tell.Message) { m.By = "alice" }), []string{"acknowledge vigil-inc-1"}},
		"approved by one": {with(incident.NotifyDecided, func(m *tell.Message) {
			m.Proposal = telltest.Proposal()
			m.Proposal.State, m.Proposal.DecidedBy = incident.ProposalApproved, "alice"
		}), []string{"acknowledge vigil-inc-1"}},
		"it expired": {with(incident.NotifyDecided, func(m *tell.Message) {
			m.Proposal = telltest.Proposal()
			m.Proposal.State = incident.ProposalExpired
		}), nil},
		"nobody decided":      {with(incident.NotifyDecided, nil), nil},
		"acting":              {with(incident.NotifyActing, nil), nil},
		"reminder":            {with(incident.NotifyReminder, nil), nil},
		"closed":              {with(incident.NotifyClosed, func(m *tell.Message) { m.Outcome = incident.OutcomeRemediated }), []string{"resolve vigil-inc-1"}},
		"closed, both":        {with(incident.NotifyClosed, func(m *tell.Message) { m.Outcome, m.Ref = incident.OutcomeResolvedByPerson, both }), []string{"resolve vigil-inc-1", "resolve vigil-inc-1-unsafe"}},
		"closed, resolved":    {with(incident.NotifyClosed, func(m *tell.Message) { m.Status = incident.StatusResolved }), []string{"resolve vigil-inc-1"}},
		"closed, unresolved":  {with(incident.NotifyClosed, func(m *tell.Message) { m.Outcome = incident.OutcomeUnresolved }), nil},
		"closed, not a word":  {with(incident.NotifyClosed, nil), nil},
		"closed, was aborted": {with(incident.NotifyClosed, func(m *tell.Message) { m.Outcome = incident.OutcomeAborted }), nil},
	} {
		events, got := send(t, c.m)
		var have []string
		for _, e := range events {
			have = append(have, e.Action+" "+e.DedupKey)
		}
		if !slices.Equal(have, c.want) {
			t.Errorf("%s: %q, want %q", name, have, c.want)
		}
		if (got.State == incident.DeliverySuppressed) != (c.want == nil) || c.want == nil && got.Detail == "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestRefRemembersEveryAlert(t *testing.T) {
	t.Parallel()
	_, first := send(t, telltest.Message(incident.NotifyOpened))
	second := telltest.Message(incident.NotifyUnsafe)
	second.Ref = first.Ref
	if _, got := send(t, second); got.Ref != "vigil-inc-1 vigil-inc-1-unsafe" {
		t.Errorf("ref %q", got.Ref)
	}
}

func TestEvent(t *testing.T) {
	t.Parallel()
	m := telltest.Message(incident.NotifyApproval)
	m.Proposal = telltest.Proposal()
	e := must(t, m)
	if e.Payload.Severity != "error" || e.Payload.Source != "checkout" || e.Payload.Summary != m.Title || !e.Payload.Timestamp.Equal(m.OpenedAt) || e.ClientURL != m.Link ||
		len(e.Links) != 1 || e.Links[0].Href != m.Link || e.Payload.Details["on_call"] != "Alice" || e.Payload.Details["proposal"] != "Roll back checkout on checkout" {
		t.Errorf("%+v", e)
	}
	m.Kind = incident.NotifyUnsafe
	if e := must(t, m); e.Payload.Severity != "critical" {
		t.Errorf("an action that could not be taken back has the severity %s", e.Payload.Severity)
	}
	// However long everything is, it is short enough.
	long := strings.Repeat("ü", 300_000)
	m.Title, m.Text, m.Service, m.IncidentID, m.Proposal.Reason = long, long, long, strings.Repeat("x", 400), long
	if e := must(t, m); len([]rune(e.Payload.Summary)) > 1024 || !strings.HasSuffix(e.DedupKey, "-unsafe") {
		t.Errorf("%d characters of summary, key %s", len(e.Payload.Summary), e.DedupKey)
	}
	// Neither is a secret in the text, nor a character that turns the line.
	m.Text = "password=hunter2hunter2 \u202egnp.exe"
	if e := must(t, m); strings.Contains(e.Payload.Details["text"], "hunter2") || strings.Contains(e.Payload.Details["text"], "\u202e") {
		t.Errorf("%q", e.Payload.Details["text"])
	}
}

func must(t *testing.T, m tell.Message) sent {
	t.Helper()
	events, _ := send(t, m)
	if len(events) != 1 {
		t.Fatalf("%d events", len(events))
	}
	return events[0]
}

func TestAnswerOfSomebodyElse(t *testing.T) {
	t.Parallel()
	s := telltest.Serve(t, func(w http.ResponseWriter, _ telltest.Request) { _, _ = io.WriteString(w, "<html>welcome</html>") })
	if _, err := channel(t, s.URL, nil).Send(t.Context(), telltest.Message(incident.NotifyOpened)); incident.KindOf(err) != incident.KindUnavailable || !tell.Doubtful(err) {
		t.Errorf("%v", err)
	}
}

func TestNoKey(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"", "two words"} {
		c := pagerduty.New(pagerduty.Config{URL: "http://127.0.0.1:1", RoutingKeyFile: telltest.File(t, content)}, nil)
		if _, err := c.Send(t.Context(), telltest.Message(incident.NotifyOpened)); incident.KindOf(err) != incident.KindDenied || strings.Contains(err.Error(), "two words") {
			t.Errorf("%v", err)
		}
	}
}
