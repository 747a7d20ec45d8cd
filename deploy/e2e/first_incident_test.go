package e2e_test

import (
	"flag"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"vigil/deploy/e2e/harness"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// campaign makes the tests of this package long: every fault, many kills.
// `task faults` sets it, `task test` does not.
var campaign = flag.Bool("campaign", false, "run the long campaigns")

// sideBySide lets tests that mostly wait for a world to move on run together.
// Campaigns run alone: what they measure is their own.
func sideBySide(t *testing.T) {
	if !*campaign {
		t.Parallel()
	}
}

// quick are worker flags that scale the clocks of an incident to a world that
// moves on every second, as finely as CloudWatch can show it.
var quick = []string{"--lookback", "120s", "--verify-every", "1s", "--verify-timeout", "60s", "--handover-timeout", "2m"}

// faults of the sandbox's world, and where each has its cause.
var faults = []struct {
	name, service string
	action        incident.ActionType
}{
	{"bad_deployment", "checkout", incident.ActionRollbackDeployment},
	{"connections_exhausted", "orders-db", incident.ActionScaleService},
	{"memory_leak", "payments", incident.ActionRestartService},
}

// TestFirstIncident is the promise of the README: a fault in the world raises
// its own alarm, the incident appears in a browser, a person approves there,
// the action cures the cause, the telemetry shows it, and only then is the
// incident resolved.
func TestFirstIncident(t *testing.T) {
	sideBySide(t)
	for i, f := range faults {
		if i > 0 && !*campaign {
			break
		}
		t.Run(f.name, func(t *testing.T) {
			v := harness.Start(t, harness.Options{Tick: time.Second, WorkerArgs: quick})
			a := api{t: t, gateway: v.GatewayURL(), sandbox: v.SandboxURL()}
			b := openBrowser(t, 1440, 1000)
			b.visit(v.GatewayURL() + "/")
			b.sees(`[data-testid="connection"][data-state="live"]`, 15*time.Second)

			a.fault(f.name)
			opened := a.opened(60 * time.Second)
			item := `[data-testid="incident-` + opened.IncidentID + `"]`
			b.sees(item, 10*time.Second)
			b.clicks(item)
			b.sees(`[data-testid="incident-detail"]`, 10*time.Second)
			waiting := a.reaches(opened.IncidentID, 60*time.Second, "a proposal waits for approval", awaitsApproval)
			if d := waiting.Diagnosis; d.Cause != incident.Cause(f.name) || d.Service != f.service {
				t.Errorf("diagnosed %s in %s, the fault is %s in %s: %s", d.Cause, d.Service, f.name, f.service, d.Summary)
			}
			if p := waiting.Proposal; p.Action.Type != f.action || p.Action.Target != f.service {
				t.Errorf("proposes %s on %s", p.Action.Type, p.Action.Target)
			}
			if n := len(a.effects()); n != 0 {
				t.Fatalf("%d actions took effect before anybody approved", n)
			}
			b.sees(`[data-testid="incident-detail"][data-status="awaiting_approval"]`, 10*time.Second)
			b.screenshot("ops-" + f.name + "-approval.png")
			b.clicksButton("Approve")

			b.sees(`[data-testid="incident-detail"][data-status="resolved"]`, 90*time.Second)
			b.screenshot("ops-" + f.name + "-resolved.png")
			done := a.view(opened.IncidentID)
			if done.Outcome != incident.OutcomeRemediated {
				t.Errorf("ended as %s: %s", done.Outcome, done.StatusReason)
			}
			if e := a.effects(); len(e) != 1 || e[0].Count != 1 {
				t.Errorf("effects at the target: %+v", e)
			}
			if got := b.attribute(`[data-testid="incident-detail"]`, "data-cause"); got != f.name {
				t.Errorf("the page shows the cause %q", got)
			}
			if !strings.Contains(strings.ToLower(b.text("body")), "simulated") {
				t.Error("nothing on the page says that this is simulated")
			}
			checkOrder(t, a.history(opened.IncidentID))
			checkHistory(t, v.TemporalAddr, done)
		})
	}
}

// checkHistory holds that an incident stays small: of twenty looks and more it
// has less than 1,500 history events and 1 MB.
func checkHistory(t *testing.T, temporal string, v event.View) {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: temporal})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	d, err := c.DescribeWorkflowExecution(t.Context(), v.IncidentID, v.RunID)
	if err != nil {
		t.Fatal(err)
	}
	info := d.GetWorkflowExecutionInfo()
	t.Logf("%d looks, %d model calls, $%.4f: %d history events, %d KB", len(v.Evidence), v.Cost.ModelCalls, float64(v.Cost.CostMicros)/1e6,
		info.GetHistoryLength(), info.GetHistorySizeBytes()>>10)
	if len(v.Evidence) < 20 {
		t.Errorf("only %d looks: this shows nothing of an incident with twenty", len(v.Evidence))
	}
	if info.GetHistoryLength() >= 1500 || info.GetHistorySizeBytes() >= 1<<20 {
		t.Errorf("the history has %d events and %d bytes", info.GetHistoryLength(), info.GetHistorySizeBytes())
	}
}

// checkOrder holds what a story must keep to: every event numbered, the
// decision before the action, verification between the action and "resolved",
// and each value saying where it comes from.
func checkOrder(t *testing.T, events []event.Event) {
	t.Helper()
	at := map[event.Type]int64{}
	helped := int64(0)
	for i, e := range events {
		if e.Seq != int64(i+1) {
			t.Fatalf("event %d has seq %d", i+1, e.Seq)
		}
		if !e.Provenance.Origin.Valid() {
			t.Errorf("event %d (%s) does not say where it comes from", e.Seq, e.Type)
		}
		at[e.Type] = e.Seq
		d, err := e.Decode()
		if err != nil {
			t.Error(err)
		}
		switch d := d.(type) {
		case *event.VerificationMeasured:
			if d.Verification.State == incident.VerificationHelped {
				helped = e.Seq
			}
		case *event.EvidenceCollected:
			if s := d.Evidence.Source; !slices.Contains([]string{"statistics", "archive", "vigil"}, s) && d.Evidence.Provenance.Origin != incident.OriginSimulated {
				t.Errorf("evidence %s from %s in the sandbox has origin %s", d.Evidence.ID, s, d.Evidence.Provenance.Origin)
			}
		case *event.ModelCalled:
			if p := e.Provenance; p.Origin != incident.OriginSimulated || p.Model == "" || p.Usage == nil {
				t.Errorf("a model call without model, usage or its true origin: %+v", p)
			}
		}
	}
	if !(at[event.TypeApprovalDecided] < at[event.TypeActionStarted] && at[event.TypeActionStarted] < at[event.TypeActionFinished] &&
		at[event.TypeActionFinished] < helped && helped < at[event.TypeIncidentClosed]) {
		t.Errorf("decided %d, started %d, finished %d, helped %d, closed %d", at[event.TypeApprovalDecided], at[event.TypeActionStarted],
			at[event.TypeActionFinished], helped, at[event.TypeIncidentClosed])
	}
}
