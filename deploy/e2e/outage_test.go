package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"vigil/deploy/e2e/harness"
	"vigil/deploy/processes"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// alertmanager posts one alert of a group as Alertmanager would.
func (a api) alertmanager(group, status string, startsAt time.Time) int {
	a.t.Helper()
	labels := map[string]string{"alertname": "Slow", "service": "billing-" + group, "severity": "critical"}
	code, _ := a.call(http.MethodPost, a.gateway+"/api/v1/alerts/alertmanager", map[string]any{
		"version": "4", "groupKey": fmt.Sprintf(`{}:{group=%q}`, group), "status": status, "receiver": "vigil",
		"groupLabels": map[string]string{"group": group}, "commonLabels": labels, "commonAnnotations": map[string]string{}, "externalURL": "http://am",
		"alerts": []any{map[string]any{"status": status, "labels": labels, "annotations": map[string]string{"summary": "billing is slow"},
			"startsAt": startsAt.UTC(), "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "http://prom", "fingerprint": "f-" + group}},
	}, nil)
	return code
}

// TestTemporalStoppedAlone: alerts are accepted while the Temporal server is
// away and become incidents when it is back; a key that fires again after its
// incident was closed opens a second one.
func TestTemporalStoppedAlone(t *testing.T) {
	sideBySide(t)
	v := harness.Start(t, harness.Options{Split: true, Tick: time.Second, WorkerArgs: quick})
	a := api{t: t, gateway: v.GatewayURL(), sandbox: v.SandboxURL()}
	w := watch(t, v.GatewayURL())
	began := time.Now().Add(-time.Minute)

	v.Kill(processes.Temporal)
	for i := range 5 {
		if code := a.alertmanager(fmt.Sprint("g", i), "firing", began); code != http.StatusAccepted {
			t.Fatalf("an alert was answered %d while Temporal was away", code)
		}
	}
	if n := len(a.incidents()); n != 0 {
		t.Fatalf("%d incidents without Temporal", n)
	}
	v.StartPart(processes.Temporal)
	list := eventually(t, 60*time.Second, "five incidents", func() ([]event.Summary, bool) {
		l := a.incidents()
		return l, len(l) == 5
	})
	first := list[0].IncidentID
	got := a.reaches(first, 60*time.Second, "inconclusive, and a person's", func(v event.View) bool {
		return v.Status == incident.StatusNeedsHuman && v.Handover == incident.HandoverInconclusive
	})
	if len(got.Diagnosis.LookedFor) == 0 || got.Proposal != nil || len(got.Diagnosis.Claims) > 0 {
		t.Errorf("inconclusive with %d things looked for, proposal %v, claims %v", len(got.Diagnosis.LookedFor), got.Proposal, got.Diagnosis.Claims)
	}
	if status, text := a.resolve(first, "the meter was wrong"); status != http.StatusOK {
		t.Fatalf("resolving: %d %s", status, text)
	}
	a.reaches(first, 20*time.Second, "closed", terminal)

	group := got.Alerts[0].CorrelationKey
	for i := range 5 {
		if name := fmt.Sprint("g", i); fmt.Sprintf(`{}:{group=%q}`, name) == group || got.Service == "billing-"+name {
			if code := a.alertmanager(name, "firing", time.Now()); code != http.StatusAccepted {
				t.Fatalf("firing again: %d", code)
			}
		}
	}
	known := []string{}
	for _, s := range list {
		known = append(known, s.IncidentID)
	}
	second := a.opened(20*time.Second, known...)
	a.reaches(second.IncidentID, 60*time.Second, "the second incident is a person's", func(v event.View) bool { return v.Status == incident.StatusNeedsHuman })
	for _, id := range []string{first, second.IncidentID} {
		checkWhole(t, a.history(id))
		if got := eventually(t, 10*time.Second, "shown", func() (event.Summary, bool) { s := w.summary(id); return s, s.Seq == a.view(id).Seq }); got.IncidentID != id {
			t.Errorf("a client shows %+v", got)
		}
	}
	w.clean()
}

func checkWhole(t *testing.T, events []event.Event) {
	t.Helper()
	for i, e := range events {
		if e.Seq != int64(i+1) {
			t.Fatalf("event %d has seq %d", i+1, e.Seq)
		}
	}
}

// TestStartedByHandAndTerminated starts an incident with the plain JSON that a
// person types, and terminates it in Temporal: both show.
func TestStartedByHandAndTerminated(t *testing.T) {
	sideBySide(t)
	v := harness.Start(t, harness.Options{Tick: time.Second, WorkerArgs: quick})
	a := api{t: t, gateway: v.GatewayURL(), sandbox: v.SandboxURL()}
	w := watch(t, v.GatewayURL())
	c, err := client.Dial(client.Options{HostPort: v.TemporalAddr, Logger: nil})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	input := json.RawMessage(`{"title":"Checkout is slow","service":"checkout","severity":"high"}`)
	if _, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "demo-1", TaskQueue: "incidents"}, "IncidentWorkflow", input); err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, "a client shows it live", func() (event.Summary, bool) {
		s := w.summary("demo-1")
		return s, s.Title == "Checkout is slow" && s.Severity == incident.SeverityHigh
	})
	if err := c.TerminateWorkflow(ctx, "demo-1", "", "enough"); err != nil {
		t.Fatal(err)
	}
	s := eventually(t, 10*time.Second, "aborted", func() (event.Summary, bool) {
		s := w.summary("demo-1")
		return s, s.Status == incident.StatusAborted
	})
	if s.Outcome != incident.OutcomeAborted || a.view("demo-1").Status != incident.StatusAborted {
		t.Errorf("shown as %+v", s)
	}
	w.clean()
}
