package agentcore_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"vigil/activities"
	"vigil/activities/agentcore"
	"vigil/activities/internal/awstest"
	"vigil/workflows/incident"
)

var (
	noon     = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	question = activities.Search{Text: "timeouts waiting for a connection; password=hunter2-canary", Service: "checkout", Limit: 3}
)

func lesson() incident.Lesson {
	return incident.Lesson{IncidentID: "inc-1", RunID: "run-1", Title: "Checkout is slow", Service: "checkout",
		Symptoms: "timeouts; password=hunter2-canary", Summary: "the pool was exhausted", Cause: incident.CauseConnectionsExhausted, CauseService: "orders-db",
		ConfirmedBy: "verification", Action: "scale_service", Outcome: incident.OutcomeRemediated, Origin: incident.OriginLive, OpenedAt: noon, ClosedAt: noon.Add(time.Hour)}
}

func memory(t testing.TB, cfg aws.Config, rec activities.Recorder) *agentcore.Memory {
	t.Helper()
	m, err := agentcore.New(cfg, agentcore.Config{MemoryID: "vigil-0123456789"}, rec)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestConformance(t *testing.T) {
	t.Parallel()
	t.Run("CreateEvent", func(t *testing.T) {
		awstest.Conform(t, awstest.Adapter{
			Service: "agentcore", Operation: "CreateEvent",
			Answers: map[string]awstest.Answer{"CreateEvent": awstest.Snapshot(t, "bedrockagentcore", "CreateEvent")},
			Call: func(ctx context.Context, cfg aws.Config, rec activities.Recorder) error {
				_, _, err := memory(t, cfg, rec).Learn(ctx, lesson())
				return err
			},
		})
	})
	t.Run("RetrieveMemoryRecords", func(t *testing.T) {
		awstest.Conform(t, awstest.Adapter{
			Service: "agentcore", Operation: "RetrieveMemoryRecords",
			Answers: map[string]awstest.Answer{"RetrieveMemoryRecords": awstest.Snapshot(t, "bedrockagentcore", "RetrieveMemoryRecords")},
			Call: func(ctx context.Context, cfg aws.Config, rec activities.Recorder) error {
				_, _, err := memory(t, cfg, rec).Recall(ctx, question)
				return err
			},
		})
	})
}

// sent is the body of CreateEvent.
type sent struct {
	ActorID        string  `json:"actorId"`
	SessionID      string  `json:"sessionId"`
	ClientToken    string  `json:"clientToken"`
	EventTimestamp float64 `json:"eventTimestamp"`
	Metadata       map[string]struct{ StringValue string }
	Payload        []struct {
		Conversational struct {
			Role    string
			Content struct{ Text string }
		}
	}
}

func learn(t *testing.T, l incident.Lesson) sent {
	t.Helper()
	s := awstest.Serve(t, func(string, *http.Request, []byte) awstest.Answer {
		return awstest.Snapshot(t, "bedrockagentcore", "CreateEvent")
	})
	into, p, err := memory(t, awstest.Config(s.URL), nil).Learn(t.Context(), l)
	if err != nil || !reflect.DeepEqual(into, []string{"agentcore"}) || p.Operation != "CreateEvent" {
		t.Fatalf("learned into %v, %+v, %v", into, p, err)
	}
	r := s.Requests()[0]
	if r.Path != "/memories/vigil-0123456789/events" || strings.Contains(string(r.Body), "hunter2") {
		t.Errorf("sent %s to %s", r.Body, r.Path)
	}
	var out sent
	if err := json.Unmarshal(r.Body, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestLearn(t *testing.T) {
	t.Parallel()
	first := learn(t, lesson())
	if first.ActorID != "checkout" || first.SessionID != "inc-1" || int64(first.EventTimestamp) != noon.Add(time.Hour).Unix() || !strings.HasPrefix(first.ClientToken, "inc-1-run-1-") {
		t.Errorf("sent %+v", first)
	}
	if m := first.Metadata; m["cause"].StringValue != "connections_exhausted" || m["cause_service"].StringValue != "orders-db" || m["confirmed_by"].StringValue != "verification" || m["incident_id"].StringValue != "inc-1" {
		t.Errorf("metadata %+v", m)
	}
	if c := first.Payload[0].Conversational; c.Role != "USER" || !strings.Contains(c.Content.Text, "connections exhausted of orders-db, confirmed by the telemetry") {
		t.Errorf("payload %+v", c)
	}
	if again := learn(t, lesson()); again.ClientToken != first.ClientToken {
		t.Error("the same lesson has two tokens")
	}
	reviewed := lesson()
	reviewed.ConfirmedBy, reviewed.Cause, reviewed.CauseService = "Ada", "", ""
	denied := learn(t, reviewed)
	if _, ok := denied.Metadata["cause"]; ok || denied.ClientToken == first.ClientToken || denied.Metadata["confirmed_by"].StringValue != "Ada" ||
		!strings.Contains(denied.Payload[0].Conversational.Content.Text, "is not the cause") {
		t.Errorf("a person's no is sent as %+v", denied)
	}
	guess := lesson()
	guess.ConfirmedBy = ""
	if g := learn(t, guess); strings.Contains(fmt.Sprint(g), "exhausted of") || g.Metadata["cause"].StringValue != "" {
		t.Errorf("a cause that nobody confirmed is sent: %+v", g)
	}
}

// Whatever an incident or a service is called, its names are ones that
// AgentCore takes, and two incidents have two.
func TestNames(t *testing.T) {
	t.Parallel()
	actor, session := regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}$`), regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_-]{0,99}$`)
	seen := map[string]string{}
	for _, id := range []string{"a", "-a", "a b", "a/b", "a.b", "a:b", "ünï", "___", strings.Repeat("x", 300), strings.Repeat("x", 301), "a-b"} {
		l := lesson()
		l.IncidentID, l.Service = id, id
		got := learn(t, l)
		if !actor.MatchString(got.ActorID) || !session.MatchString(got.SessionID) {
			t.Errorf("%.20q is actor %q and session %q", id, got.ActorID, got.SessionID)
		}
		if other, ok := seen[got.SessionID]; ok {
			t.Errorf("%.20q and %.20q are both session %q", id, other, got.SessionID)
		}
		seen[got.SessionID] = id
	}
	l := lesson()
	l.Service = "" // nobody said
	if got := learn(t, l); !actor.MatchString(got.ActorID) {
		t.Errorf("no service is actor %q", got.ActorID)
	}
}

func summary(id, text, namespace string, score float64, minute int, metadata map[string]string) string {
	m := map[string]any{}
	for k, v := range metadata {
		m[k] = map[string]string{"stringValue": v}
	}
	raw, err := json.Marshal(map[string]any{"content": map[string]string{"text": text}, "memoryRecordId": id, "memoryStrategyId": "s", "namespaces": []string{namespace},
		"score": score, "createdAt": noon.Unix(), "timestamp": noon.Add(time.Duration(minute) * time.Minute).Unix(), "metadata": m})
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func TestRecall(t *testing.T) {
	t.Parallel()
	confirmed := map[string]string{"incident_id": "inc.1", "cause": "memory_leak", "cause_service": "cart", "confirmed_by": "verification", "title": "Cart grows"}
	denied := map[string]string{"incident_id": "inc.1", "confirmed_by": "Ada", "title": "Cart grows"}
	verified := incident.Document{ID: "r1", Title: "Cart grows", Text: "memory grew", Source: "agentcore", Score: 0.9, IncidentID: "inc.1",
		Service: "cart", Cause: "memory_leak", ConfirmedBy: "verification"}
	for _, c := range []struct {
		name    string
		exclude string
		records []string
		want    []incident.Document
	}{
		{"confirmed", "", []string{summary("r1", "memory grew", "/incidents/cart/inc-1", 0.9, 0, confirmed)}, []incident.Document{verified}},
		{"the one that asks", "inc.1", []string{summary("r1", "memory grew", "/incidents/cart/inc-1", 0.9, 0, confirmed)}, nil},
		{"the one that asks, by its session", "inc-1", []string{summary("r1", "x", "/incidents/cart/inc-1", 0.9, 0, nil)}, nil},
		{"no metadata", "", []string{summary("r2", "x; secret=abcdefgh", "/incidents/cart/inc-2", 0.5, 0, nil)},
			[]incident.Document{{ID: "r2", Title: "Incident inc-2", Text: "x; secret=[redacted]", Source: "agentcore", Score: 0.5, IncidentID: "inc-2"}}},
		{"a cause in prose only", "", []string{summary("r2", "cause: memory_leak", "/other", 0.5, 0, map[string]string{"cause": "memory_leak"})},
			[]incident.Document{{ID: "r2", Title: "A record without an incident", Text: "cause: memory_leak", Source: "agentcore", Score: 0.5}}},
		{"a person's no stands", "", []string{summary("r3", "Ada says no", "/incidents/cart/inc-1", 0.6, 0, denied), summary("r1", "memory grew", "/incidents/cart/inc-1", 0.9, 5, confirmed)},
			[]incident.Document{{ID: "r3", Title: "Cart grows", Text: "Ada says no", Source: "agentcore", Score: 0.9, IncidentID: "inc.1"}}},
		{"weak", "", []string{summary("r1", "memory grew", "/incidents/cart/inc-1", 0.29, 0, confirmed)}, nil},
		{"best first, no more than asked", "", []string{summary("a", "x", "/n", 0.5, 0, nil), summary("b", "x", "/n", 0.8, 0, nil), summary("c", "x", "/n", 0.7, 0, nil), summary("d", "x", "/n", 0.6, 0, nil)},
			[]incident.Document{{ID: "b", Title: "A record without an incident", Text: "x", Source: "agentcore", Score: 0.8},
				{ID: "c", Title: "A record without an incident", Text: "x", Source: "agentcore", Score: 0.7}, {ID: "d", Title: "A record without an incident", Text: "x", Source: "agentcore", Score: 0.6}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := awstest.Serve(t, func(string, *http.Request, []byte) awstest.Answer {
				return awstest.JSON(`{"memoryRecordSummaries":[` + strings.Join(c.records, ",") + `]}`)
			})
			q := question
			q.Exclude = c.exclude
			got, p, err := memory(t, awstest.Config(s.URL), nil).Recall(t.Context(), q)
			if err != nil || p.Origin != incident.OriginLive {
				t.Fatalf("%+v, %v", p, err)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("\n got %+v\nwant %+v", got, c.want)
			}
			const asked = `{"maxResults":12,"namespacePath":"/incidents/","searchCriteria":{"searchQuery":"timeouts waiting for a connection; password=[redacted]; checkout","topK":12}}`
			var have, want any
			if err := json.Unmarshal(s.Requests()[0].Body, &have); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(asked), &want); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(have, want) {
				t.Errorf("asked %s", s.Requests()[0].Body)
			}
		})
	}
}

func TestSimulatedIsSaid(t *testing.T) {
	t.Parallel()
	s := awstest.Serve(t, func(string, *http.Request, []byte) awstest.Answer {
		return awstest.JSON(`{"memoryRecordSummaries":[` + summary("r", "x", "/n", 0.9, 0, map[string]string{"origin": "simulated"}) + `]}`)
	})
	if _, p, err := memory(t, awstest.Config(s.URL), nil).Recall(t.Context(), question); err != nil || p.Origin != incident.OriginSimulated {
		t.Errorf("a simulated incident is told as %q, %v", p.Origin, err)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []agentcore.Config{{}, {MemoryID: "m", Namespace: "incidents"}, {MemoryID: "m", MinScore: 2}} {
		if _, err := agentcore.New(awstest.Config("http://localhost"), c, nil); incident.KindOf(err) != incident.KindInvalid {
			t.Errorf("%+v: %v", c, err)
		}
	}
	m := memory(t, awstest.Config("http://localhost"), nil)
	if _, _, err := m.Recall(t.Context(), activities.Search{}); incident.KindOf(err) != incident.KindInvalid {
		t.Errorf("nothing asked: %v", err)
	}
	for _, l := range []incident.Lesson{{}, {IncidentID: "a", RunID: "b"}} {
		if _, _, err := m.Learn(t.Context(), l); incident.KindOf(err) != incident.KindInvalid {
			t.Errorf("%+v: %v", l, err)
		}
	}
}
