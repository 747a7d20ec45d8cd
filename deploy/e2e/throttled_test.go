package e2e_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"vigil/deploy/e2e/harness"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// TestEveryModelThrottled has no model answer while incidents are open. Calls
// stay few and are spread in time, every incident says that it is degraded and
// shows what the statistics found, a person can go on; and when models answer
// again, each goes on by itself.
func TestEveryModelThrottled(t *testing.T) {
	sideBySide(t)
	incidents, span := 4, 15*time.Second
	if *campaign {
		incidents, span = 200, 2*time.Minute // ten minutes, five times as fast
	}
	// The breaker stays open for 30 s in either case; second looks are as much
	// faster as the span is shorter.
	v := harness.Start(t, harness.Options{Split: true, Tick: time.Second, WorkerArgs: append([]string{"--second-look", "6s", "--approval-timeout", "30m"}, quick...)})
	a := api{t: t, gateway: v.GatewayURL(), sandbox: v.SandboxURL()}
	a.must(http.MethodPost, a.sandbox+"/_world/chaos", map[string]any{"operation": "ConverseStream", "mode": "throttled", "count": -1}, nil)
	a.fault("bad_deployment")
	first := a.opened(60 * time.Second)
	began := time.Now()
	ids := []string{first.IncidentID}
	for i := 1; i < incidents; i++ {
		ids = append(ids, a.open(fmt.Sprint("Checkout is slow, says person ", i)))
	}
	for _, id := range ids {
		view := a.reaches(id, 5*time.Minute, "degraded, with the statistics' ranking", func(v event.View) bool { return v.Degraded && v.Diagnosis != nil })
		if d := view.Diagnosis; d.Method != "statistics" || len(d.Hypotheses) == 0 || view.DegradedReason == "" {
			t.Errorf("%s is degraded with %s, %d hypotheses, because %q", id, d.Method, len(d.Hypotheses), view.DegradedReason)
		}
	}
	t.Logf("%d incidents were degraded after %s", incidents, time.Since(began).Round(time.Second))
	pause(t, max(0, span-time.Since(began)))

	calls := a.callsOf("ConverseStream")
	minutes := time.Since(began).Minutes()
	// A breaker lets through five failures and one probe every thirty seconds,
	// for each of three models, and what is in flight when it opens.
	if most := int(3*(5+20)+3*2*(minutes+1)) + 60; len(calls) > most {
		t.Errorf("%d calls went out in %.1f minutes, wanted at most %d", len(calls), minutes, most)
	}
	t.Logf("%d calls went out in %.1f minutes; largest burst in a second %d", len(calls), minutes, burst(calls))

	a.must(http.MethodDelete, a.sandbox+"/_world/chaos", nil, nil)
	back := time.Now()
	for _, id := range ids {
		view := a.reaches(id, 6*time.Minute, "going on with models", func(v event.View) bool { return !v.Degraded })
		if view.Status.Terminal() {
			t.Errorf("%s has ended as %s", id, view.Outcome)
		}
	}
	t.Logf("all went on by themselves within %s", time.Since(back).Round(time.Second))
	for _, id := range ids {
		if view := a.view(id); view.Cause != incident.CauseBadDeployment {
			t.Logf("%s says %s in %s", id, view.Cause, view.CauseService)
		}
	}
}

// callsOf returns the sandbox's log of one operation.
func (a api) callsOf(operation string) []call {
	a.t.Helper()
	var log struct {
		Calls   []call `json:"calls"`
		Dropped int64  `json:"dropped"`
	}
	a.must(http.MethodGet, a.sandbox+"/_calls?operation="+operation, nil, &log)
	if log.Dropped > 0 {
		a.t.Fatalf("the sandbox has forgotten %d calls", log.Dropped)
	}
	return log.Calls
}

// burst is the largest number of calls within one second.
func burst(calls []call) int {
	most := 0
	for i := range calls {
		n := 0
		for _, c := range calls[i:] {
			if c.StartedAt.Sub(calls[i].StartedAt) < time.Second {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}
