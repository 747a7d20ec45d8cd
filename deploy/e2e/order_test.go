package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"vigil/deploy/e2e/harness"
	"vigil/deploy/processes"
	"vigil/gateway/intake"
	"vigil/gateway/store"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// eachKeyAlone are rules that group nothing, so that every key is a problem.
func eachKeyAlone(t *testing.T) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(path, []byte("rules: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"--correlation-file", path}
}

// secondGateway starts another gateway on the same store and stream.
func secondGateway(t *testing.T, v *harness.Vigil) *harness.Vigil {
	t.Helper()
	second := harness.Prepare(t, harness.Options{GatewayArgs: v.GatewayArgs})
	second.StateDir, second.TemporalAddr, second.NATSAddr, second.SandboxAddr = v.StateDir, v.TemporalAddr, v.NATSAddr, v.SandboxAddr
	second.StartPart(processes.Gateway)
	return second
}

// webhook is a fixture of an intake and the source that sends it.
type webhook struct {
	name, source string
	body         []byte
}

func webhooks(t *testing.T) (all []webhook) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "gateway", "intake", "testdata", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d fixtures, %v", len(files), err)
	}
	for _, file := range files {
		w := webhook{name: strings.TrimSuffix(filepath.Base(file), ".json")}
		if w.body, err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
		w.source, _, _ = strings.Cut(w.name, "_")
		switch {
		case strings.HasPrefix(w.name, "pagerduty_events"):
			w.source = intake.SourcePDEvents
		case w.source == intake.SourceSNS: // which takes only what SNS has signed; a queue brings the same
			w.source = intake.SourceSQS
		case w.source == "cloudevent":
			w.source = intake.SourceCloudEvents
		case slices.Contains([]string{"codepipeline", "ecs", "guardduty", "health", "securityhub"}, w.source):
			w.source = intake.SourceEventBridge
		}
		all = append(all, w)
	}
	return all
}

// heardOf adds to heard how often a webhook's alerts are heard when it comes so
// often: an alert that clears counts where its problem was opened before.
func (w webhook) heardOf(t *testing.T, heard map[memberKey]int64, times int64) {
	t.Helper()
	res, err := intake.Parse(store.Delivery{ID: 1, Source: w.source, ContentType: "application/json", Body: w.body, ReceivedAt: time.Now()})
	if err != nil {
		t.Fatalf("%s: %v", w.name, err)
	}
	open := map[string]bool{}
	for k := range heard {
		open[k.key] = true
	}
	for _, a := range res.Alerts {
		open[a.CorrelationKey] = open[a.CorrelationKey] || a.Status == incident.AlertFiring
	}
	for _, a := range res.Alerts {
		if open[a.CorrelationKey] {
			heard[memberKey{a.CorrelationKey, a.Fingerprint}] += times
		}
	}
}

// TestTenTimesAcrossTwoGateways is F12: every webhook comes ten times at once,
// half of them to one gateway and half to another on the same store. Each is
// answered 2xx, and every problem has one incident, one workflow, and each of
// its alerts once, heard ten times (I1 I2).
func TestTenTimesAcrossTwoGateways(t *testing.T) {
	sideBySide(t)
	v := harness.Start(t, harness.Options{Split: true, Tick: time.Second, WorkerArgs: quick, GatewayArgs: eachKeyAlone(t)})
	second := secondGateway(t, v)
	a, b := api{t: t, gateway: v.GatewayURL(), sandbox: v.SandboxURL()}, api{t: t, gateway: second.GatewayURL(), sandbox: v.SandboxURL()}
	posted, heard := 0, map[memberKey]int64{}
	var again atomic.Int64 // sent once more after a 503, which may have been stored all the same
	for _, w := range webhooks(t) {
		var wg sync.WaitGroup
		for n := range 10 {
			to := []api{a, b}[n%2]
			wg.Go(func() {
				status, _ := post(to.gateway, w.source, "application/json", w.body)
				for tries := 0; status == http.StatusServiceUnavailable && tries < 10; tries++ { // as senders do
					again.Add(1)
					status, _ = post(to.gateway, w.source, "application/json", w.body)
				}
				if status/100 != 2 {
					t.Errorf("%s was answered %d", w.name, status)
				}
			})
		}
		wg.Wait()
		posted += 10
		w.heardOf(t, heard, 10)
	}
	eventually(t, time.Minute, "every delivery is dealt with", func() (int, bool) {
		n := len(a.deliveries(store.DeliveryReceived)) + a.pending()
		return n, n == 0
	})
	if q := a.deliveries(store.DeliveryQuarantined); len(q) > 0 {
		t.Errorf("%d deliveries are in quarantine; the first, of %s: %s", len(q), q[0].Source, q[0].Reason)
	}
	if n := len(a.deliveries(store.DeliveryNormalised)) + len(a.deliveries(store.DeliveryRecorded)); n < posted || n > posted+int(again.Load()) {
		t.Errorf("%d deliveries are kept, %d were accepted and %d sent again", n, posted, again.Load())
	}

	all := eventually(t, time.Minute, "each workflow is in the read model", func() ([]event.Summary, bool) {
		all := a.allIncidents()
		return all, len(all) > 0 && len(all) == workflowCount(t, v)
	})
	where := map[string]string{} // by key
	for _, s := range all {
		for _, m := range a.alertsOf(s.IncidentID) {
			k := memberKey{m.Alert.CorrelationKey, m.Alert.Fingerprint}
			if other := where[k.key]; other != "" && other != s.IncidentID {
				t.Errorf("key %s has the incidents %s and %s", k.key, other, s.IncidentID)
			}
			where[k.key] = s.IncidentID
			if m.Deliveries < heard[k] || m.Deliveries > heard[k]+again.Load() {
				t.Errorf("%s heard alert %s of %s %d times, it was sent %d times", s.IncidentID, k.fingerprint, k.key, m.Deliveries, heard[k])
			}
			delete(heard, k)
		}
		a.repeatsNothing(s.IncidentID)
	}
	for k := range heard {
		t.Errorf("alert %s of %s was accepted and is with no incident", k.fingerprint, k.key)
	}
	if other := b.allIncidents(); len(other) != len(all) {
		t.Errorf("one gateway shows %d incidents, the other %d", len(all), len(other))
	}
	t.Logf("%d posts, %d of them sent again, %d incidents of %d keys", posted, again.Load(), len(all), len(where))
}

// repeatsNothing holds that an incident never took what an alert had said just before.
func (a api) repeatsNothing(id string) {
	a.t.Helper()
	last := map[string]string{}
	for _, e := range a.history(id) {
		d, err := e.Decode()
		if err != nil {
			a.t.Error(err)
		}
		if r, ok := d.(*event.AlertReceived); ok {
			word := r.Alert.ContentKey() + string(r.Alert.Severity)
			if last[r.Alert.Member] == word {
				a.t.Errorf("%s took the same word of alert %s of %s twice", id, r.Alert.Fingerprint, r.Alert.CorrelationKey)
			}
			last[r.Alert.Member] = word
		}
	}
}

// pending is how many dispatches wait, now and not a second ago: it is
// counted from the deliveries that have some.
func (a api) pending() (n int) {
	a.t.Helper()
	for _, d := range a.deliveries(store.DeliveryNormalised) {
		for _, s := range d.Dispatches {
			if s == store.DispatchPending {
				n++
			}
		}
	}
	return n
}

// workflowCount is how many incidents Temporal knows, open and closed.
func workflowCount(t *testing.T, v *harness.Vigil) int {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: v.TemporalAddr, Logger: nil})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	got, err := c.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: client.DefaultNamespace,
		Query: fmt.Sprintf("WorkflowType = %q", incident.WorkflowType)})
	if err != nil {
		t.Fatal(err)
	}
	return int(got.GetCount())
}

// TestOrderIsThatOfReceipt is F13 and F14: alerts that clear before they fire,
// that clear and fire again, and senders whose clocks are hours or years off.
// What was received last counts (I2), an incident begins when it can have
// begun, and each gets to the point where a person has it (I7).
func TestOrderIsThatOfReceipt(t *testing.T) {
	sideBySide(t)
	// Services that nobody knows have no telemetry to wait for.
	args := append(slices.Clone(quick), "--verify-timeout", "10s")
	v := harness.Start(t, harness.Options{Split: true, Tick: time.Second, WorkerArgs: args, GatewayArgs: eachKeyAlone(t)})
	a := api{t: t, gateway: v.GatewayURL(), sandbox: v.SandboxURL()}
	year := func(y int) time.Time { return time.Date(y, 3, 1, 0, 0, 0, 0, time.UTC) }
	hours := func(h int) time.Time { return time.Now().Add(time.Duration(h) * time.Hour) }
	fire := func(at time.Time) sentAlert { return sentAlert{status: incident.AlertFiring, startsAt: at} }
	clear := func(at, end time.Time) sentAlert {
		return sentAlert{status: incident.AlertResolved, startsAt: at, endsAt: end}
	}
	t0 := hours(0).Add(-time.Minute)
	cases := []struct {
		name    string
		sent    []sentAlert
		firing  int   // of its one alert, in the end
		changes int64 // between firing and clear, after the first that counts
		heard   int64
		nothing []int // which of sent find no open problem
		back    time.Duration
	}{
		{name: "clears before it fires", sent: []sentAlert{clear(t0, hours(0)), fire(t0)}, firing: 1, heard: 1, nothing: []int{0}, back: time.Minute},
		{name: "fires, clears and fires", sent: []sentAlert{fire(t0), clear(t0, hours(0)), fire(t0)}, firing: 1, changes: 2, heard: 3, back: time.Minute},
		{name: "fires, clears and fires anew", sent: []sentAlert{fire(t0), clear(t0, hours(0)), fire(hours(0))}, firing: 1, changes: 2, heard: 3, back: time.Minute},
		{name: "clock two hours ahead", sent: []sentAlert{fire(hours(2))}, firing: 1, heard: 1},
		{name: "clock two hours behind", sent: []sentAlert{fire(hours(-2))}, firing: 1, heard: 1, back: 2 * time.Hour},
		{name: "clock falls back between two words", sent: []sentAlert{fire(hours(2)), clear(hours(2), hours(2)), fire(hours(-2))}, firing: 1, changes: 2, heard: 3},
		{name: "starts in 2028", sent: []sentAlert{fire(year(2028))}, firing: 1, heard: 1},
		{name: "started in 2017", sent: []sentAlert{fire(year(2017))}, firing: 1, heard: 1},
		{name: "ends in the year one, and clears all the same", sent: []sentAlert{fire(t0), clear(t0, time.Time{})}, changes: 1, heard: 2, back: time.Minute},
		{name: "started in the year one, ended before it began", sent: []sentAlert{fire(time.Time{}), clear(hours(2), hours(-2)), fire(hours(-2))}, firing: 1, changes: 2, heard: 3},
	}
	posted := time.Now()
	for i, c := range cases {
		for n, s := range c.sent {
			s.service, s.key, s.fingerprint, s.word = fmt.Sprint("clock-", i), fmt.Sprint("key-", i), "f", fmt.Sprint("word ", n)
			if code, _ := post(a.gateway, "alertmanager", "application/json", group(s)); code != http.StatusAccepted {
				t.Fatalf("%s: word %d was answered %d", c.name, n, code)
			}
		}
	}
	by := eventually(t, time.Minute, "an incident for each", func() (map[string]event.Summary, bool) {
		by := map[string]event.Summary{}
		for _, s := range a.allIncidents() {
			by[s.Service] = s
		}
		return by, len(by) == len(cases)
	})
	if n := len(a.allIncidents()); n != len(cases) {
		t.Errorf("%d incidents for %d problems", n, len(cases))
	}
	outcomes := map[string][]store.DispatchState{}
	for _, d := range a.deliveries(store.DeliveryNormalised) { // the latest first
		key := string(d.Body)
		at := strings.Index(key, `"service":"clock-`)
		key = key[at+len(`"service":"`):]
		key = key[:strings.IndexByte(key, '"')]
		outcomes[key] = append(d.Dispatches, outcomes[key]...)
	}
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a.t = t
			service := fmt.Sprint("clock-", i)
			id := by[service].IncidentID
			got := eventually(t, time.Minute, "its alert, as last heard", func() (store.IncidentAlert, bool) {
				list := a.alertsOf(id)
				if len(list) != 1 {
					return store.IncidentAlert{}, false
				}
				return list[0], list[0].Deliveries == c.heard
			})
			last := c.sent[len(c.sent)-1]
			if got.Alert.Status != last.status || got.Changes != c.changes || got.Alert.Description != fmt.Sprint("word ", len(c.sent)-1) {
				t.Errorf("the alert is %s (%q) after %d changes, wanted %s after %d", got.Alert.Status, got.Alert.Description, got.Changes, last.status, c.changes)
			}
			for _, n := range c.nothing {
				if s := outcomes[service][n]; s != store.DispatchNoOpenProblem {
					t.Errorf("word %d is %s", n, s)
				}
			}
			view := a.reaches(id, 2*time.Minute, "it is a person's, or over", func(v event.View) bool {
				return v.AlertsFiring == c.firing && (v.Status == incident.StatusNeedsHuman || v.Status.Terminal())
			})
			// Our clock, or the sender's where it can be right: nothing that we
			// look up begins in the future or long ago.
			if s := view.StartedAt; s.After(time.Now()) || s.Before(posted.Add(-c.back-time.Second)) {
				t.Errorf("it began at %s, %s before it was sent; the sender's clock says at most %s", s, posted.Sub(s), c.back)
			}
		})
	}
}

// TestResolveWhileApprovalPends is the rest of F13: the alarm clears while its
// incident waits for approval. The proposal is voided, whoever approves it
// then is refused, and nothing takes effect (I4).
func TestResolveWhileApprovalPends(t *testing.T) {
	sideBySide(t)
	v := harness.Start(t, harness.Options{Tick: time.Second, WorkerArgs: quick})
	a := api{t: t, gateway: v.GatewayURL(), sandbox: v.SandboxURL()}
	a.fault("bad_deployment")
	id := a.opened(60 * time.Second).IncidentID
	p := *a.reaches(id, 90*time.Second, "a proposal waits for approval", awaitsApproval).Proposal
	a.must(http.MethodPost, a.sandbox+"/_world/fault", map[string]string{"fault": "clear"}, nil)
	a.reaches(id, 90*time.Second, "the proposal is voided", func(v event.View) bool {
		return v.Proposal != nil && v.Proposal.State == incident.ProposalVoided
	})
	status, text := a.decide(id, incident.DecisionApprove, p)
	if status == http.StatusOK {
		t.Errorf("a voided proposal was approved: %s", text)
	}
	done := a.reaches(id, 90*time.Second, "it ends", terminal)
	if n := len(a.effects()); n != 0 || done.Outcome != incident.OutcomeRecovered {
		t.Errorf("it ended as %s with %d actions; approving was answered %d %s", done.Outcome, n, status, text)
	}
}
