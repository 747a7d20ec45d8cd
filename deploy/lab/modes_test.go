package lab

import (
	"strings"
	"testing"

	"vigil/deploy/sandbox"
	"vigil/deploy/sandbox/world"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// TestWhatTheUserSeesOfEachFaultMode runs one incident for each way in which a
// model may fail its diagnosis, and holds what a person then sees: always a
// diagnosis with the right cause, from the model that could be used or from
// the statistics, and why.
func TestWhatTheUserSeesOfEachFaultMode(t *testing.T) {
	// shown is what the incident's page says.
	type shown struct {
		method   string // of the diagnosis
		degraded bool
		routes   string // of the diagnosis agent, as reasons
		problem  bool   // a call whose answer could not be used is marked
		errors   bool   // an error with its recovery is on the page
	}
	statistics := func(routes string, degraded bool) shown {
		return shown{method: "statistics", degraded: degraded, routes: routes, errors: true}
	}
	for mode, want := range map[sandbox.ChaosMode]shown{
		sandbox.ChaosNone: {method: "model", routes: "configured"},

		// A call that fails for a while is made again; nothing is lost.
		"once " + sandbox.ChaosThrottle:        {method: "model", routes: "configured"},
		"once " + sandbox.ChaosNotReady:        {method: "model", routes: "configured"},
		"once " + sandbox.ChaosModelError:      {method: "model", routes: "configured"},
		"once " + sandbox.ChaosModelTimeout:    {method: "model", routes: "configured"},
		"once " + sandbox.ChaosUnavailable:     {method: "model", routes: "configured"},
		"once " + sandbox.ChaosStreamCut:       {method: "model", routes: "configured"},
		"once " + sandbox.ChaosStreamException: {method: "model", routes: "configured"},
		"once " + sandbox.ChaosFailing:         {method: "model", routes: "configured"},

		// A model that cannot be had gives way to a smaller one, and all of them
		// to the statistics.
		sandbox.ChaosThrottle:        statistics("configured unavailable statistics", true),
		sandbox.ChaosNotReady:        statistics("configured unavailable statistics", true),
		sandbox.ChaosUnavailable:     statistics("configured unavailable statistics", true),
		sandbox.ChaosModelError:      statistics("configured unavailable statistics", true),
		sandbox.ChaosModelTimeout:    statistics("configured unavailable statistics", true),
		sandbox.ChaosStreamCut:       {method: "statistics", degraded: true, routes: "configured unavailable statistics", problem: true, errors: true},
		sandbox.ChaosStreamException: {method: "statistics", degraded: true, routes: "configured unavailable statistics", problem: true, errors: true},
		sandbox.ChaosAccessDenied:    statistics("configured unavailable statistics", true),
		sandbox.ChaosNotFound:        statistics("configured unavailable statistics", true),

		// An answer that cannot be used is asked for once more, then a larger
		// model is; the diagnosis starts with the largest.
		sandbox.ChaosNotJSON:      {method: "statistics", routes: "configured statistics", problem: true, errors: true},
		sandbox.ChaosProse:        {method: "statistics", routes: "configured statistics", problem: true, errors: true},
		sandbox.ChaosWrongSchema:  {method: "statistics", routes: "configured statistics", problem: true, errors: true},
		sandbox.ChaosNaN:          {method: "statistics", routes: "configured statistics", problem: true, errors: true},
		sandbox.ChaosEmpty:        {method: "statistics", routes: "configured statistics", problem: true, errors: true},
		sandbox.ChaosTruncated:    {method: "statistics", routes: "configured statistics", problem: true, errors: true},
		sandbox.ChaosEndlessTools: {method: "statistics", routes: "configured statistics", errors: true},
		sandbox.ChaosUnknownTool:  {method: "statistics", routes: "configured statistics", errors: true},
		sandbox.ChaosBadToolInput: {method: "statistics", routes: "configured statistics", errors: true},
		sandbox.ChaosCitesNothing: {method: "statistics", routes: "configured"},
		sandbox.ChaosCitesUnknown: {method: "statistics", routes: "configured"},
	} {
		t.Run(strings.ReplaceAll(string(mode), " ", "_"), func(t *testing.T) {
			t.Parallel()
			l := start(t, setup{fault: world.FaultBadDeployment})
			name, once := strings.CutPrefix(string(mode), "once ")
			if mode != sandbox.ChaosNone {
				// The large model makes the diagnosis, and is asked for it first.
				rule := map[string]any{"operation": "ConverseStream", "mode": name, "model": "nova-pro", "count": -1}
				if once {
					rule["count"] = 1
				} else if strings.Contains(want.routes, "unavailable") {
					delete(rule, "model")
				}
				l.chaos(rule)
			}
			v := l.investigate(incident.Input{})
			d := v.Diagnosis
			if d == nil || d.Cause != incident.CauseBadDeployment {
				t.Fatalf("diagnosis %+v", d)
			}
			got := shown{method: d.Method, degraded: v.Degraded, routes: strings.Join(l.routes(incident.AgentDiagnosis), " ")}
			for _, m := range events[event.ModelCalled](l) {
				got.problem = got.problem || m.Agent == incident.AgentDiagnosis && m.Problem != ""
			}
			for _, e := range events[event.ErrorRaised](l) {
				got.errors = got.errors || e.Agent == incident.AgentDiagnosis && e.Recovery != ""
			}
			if got != want {
				t.Errorf("the page shows %+v, wanted %+v", got, want)
			}
			if v.Proposal == nil || v.Proposal.Action.Type != incident.ActionRollbackDeployment {
				t.Errorf("a person cannot go on: proposal %+v", v.Proposal)
			}
			if v.Origin != incident.OriginSimulated {
				t.Errorf("shown as %s", v.Origin)
			}
		})
	}
}

// TestWhatTheUserSeesOfEachGuardrailOutcome: what the guardrail blocks, masks
// or cannot be asked about, in answers that are read and in the action.
func TestWhatTheUserSeesOfEachGuardrailOutcome(t *testing.T) {
	for mode, want := range map[sandbox.ChaosMode]struct {
		method   string // of the diagnosis
		proposed bool
		counted  func(event.GuardrailCounts) int
	}{
		sandbox.ChaosNone:           {"model", true, func(c event.GuardrailCounts) int { return c.Passed }},
		sandbox.ChaosAnonymized:     {"model", true, func(c event.GuardrailCounts) int { return c.Anonymized }},
		sandbox.ChaosGuardIntervene: {"statistics", false, func(c event.GuardrailCounts) int { return c.Blocked }},
		sandbox.ChaosFailing:        {"model", false, func(c event.GuardrailCounts) int { return c.Failed }},
		sandbox.ChaosThrottle:       {"model", false, func(c event.GuardrailCounts) int { return c.Failed }},
		sandbox.ChaosAccessDenied:   {"model", false, func(c event.GuardrailCounts) int { return c.Failed }},
	} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			l := start(t, setup{fault: world.FaultBadDeployment})
			if mode != sandbox.ChaosNone {
				l.chaos(map[string]any{"operation": "ApplyGuardrail", "mode": mode, "count": -1})
			}
			v := l.investigate(incident.Input{})
			if v.Diagnosis == nil || v.Diagnosis.Method != want.method || v.Diagnosis.Cause != incident.CauseBadDeployment {
				t.Errorf("diagnosis %+v", v.Diagnosis)
			}
			if want.counted(v.Guardrail) == 0 {
				t.Errorf("the page counts %+v", v.Guardrail)
			}
			if got := v.Proposal != nil; got != want.proposed {
				t.Errorf("proposed: %v, %s: %s", got, v.Handover, v.StatusReason)
			}
			if !want.proposed && v.Handover != incident.HandoverGuardrail {
				t.Errorf("a person has it because of %s: %s", v.Handover, v.StatusReason)
			}
			if v.Guardrail.TextUnits > 0 && v.Cost.CostMicros == 0 {
				t.Errorf("%d units of the guardrail cost nothing", v.Guardrail.TextUnits)
			}
		})
	}
}
