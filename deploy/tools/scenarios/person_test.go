package main

import (
	"testing"

	"vigil/deploy/sandbox/world"
	"vigil/gateway"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// TestNext is what the people of a recording do, view by view.
func TestNext(t *testing.T) {
	t.Parallel()
	restart := incident.Option{ID: "restart:orders", Name: "restart", Target: "orders"}
	scale := incident.Option{ID: "scale_out:orders", Name: "scale_out", Target: "orders"}
	known := event.Summary{Status: incident.StatusAwaitingApproval, AcknowledgedBy: recorder}
	over := event.Summary{Status: incident.StatusResolved, Verdict: incident.VerdictProbable}
	asks := func(by string, have ...incident.Approval) *incident.Proposal {
		return &incident.Proposal{ID: "p1", State: incident.ProposalPending, ProposedBy: by, Approvals: have, Action: incident.Action{Name: restart.Name, Target: restart.Target}}
	}
	decision := &incident.Decision{Options: []incident.Option{restart, scale}}
	for name, c := range map[string]struct {
		plan plan
		view event.View
		done []string
		want string // of whom
		by   string
	}{
		"is on it":               {view: event.View{Summary: event.Summary{Status: incident.StatusInvestigating}}, want: "acknowledges", by: recorder},
		"waits":                  {view: event.View{Summary: known}},
		"agrees":                 {view: event.View{Summary: known, Proposal: asks("")}, want: "approves p1 as recorder", by: recorder},
		"agrees once":            {view: event.View{Summary: known, Proposal: asks("")}, done: []string{"approves p1 as recorder"}},
		"two have to":            {view: event.View{Summary: known, Proposal: asks("", incident.Approval{By: recorder})}, want: "approves p1 as second-recorder", by: secondRecorder},
		"prefers something else": {plan: plan{Instead: scale.ID}, view: event.View{Summary: known, Decision: decision, Proposal: asks("")}, want: "puts forward scale_out:orders", by: recorder},
		"gets what is preferred": {plan: plan{Instead: restart.ID}, view: event.View{Summary: known, Decision: decision, Proposal: asks("")}, want: "approves p1 as recorder", by: recorder},
		"not one's own": {plan: plan{Instead: scale.ID}, view: event.View{Summary: known, Decision: decision, Proposal: asks(recorder), Proposed: &event.OptionProposed{}},
			want: "approves p1 as second-recorder", by: secondRecorder},
		"is handed over before it is told": {view: event.View{Summary: event.Summary{Status: incident.StatusNeedsHuman, AcknowledgedBy: recorder}}},
		"takes over":                       {view: event.View{Summary: event.Summary{Status: incident.StatusNeedsHuman, AcknowledgedBy: recorder, AlertsFiring: 1}, Message: "m"}, want: "heals by hand", by: recorder},
		"is done":                          {view: event.View{Summary: event.Summary{Status: incident.StatusNeedsHuman, AcknowledgedBy: recorder}, Message: "m"}, want: "resolves", by: recorder},
		"looks back":                       {plan: plan{Fault: world.FaultMemoryLeak}, view: event.View{Summary: over}, want: "reviews the cause", by: recorder},
		"has looked back":                  {view: event.View{Summary: event.Summary{Status: incident.StatusResolved, Verdict: incident.VerdictProbable, ReviewedBy: recorder}}},
		"has nothing to look back at":      {view: event.View{Summary: event.Summary{Status: incident.StatusResolved, Verdict: incident.VerdictInconclusive}}},
	} {
		done := map[string]bool{}
		for _, d := range c.done {
			done[d] = true
		}
		d, ok := c.plan.next(c.view, done)
		if d.what != c.want || d.by != c.by || ok != (c.want != "") {
			t.Errorf("%s: %s does %q; want %q by %s", name, d.by, d.what, c.want, c.by)
		}
	}
}

// TestLookBack holds that people say what is true.
func TestLookBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fault   world.Fault
		cause   incident.Cause
		correct bool
		says    incident.Cause
	}{
		{world.FaultMemoryLeak, incident.CauseMemoryLeak, true, ""},
		{world.FaultMemoryLeak, incident.CauseBadDeployment, false, incident.CauseMemoryLeak},
		{world.FalseAlarmBatch, incident.CauseBadDeployment, false, ""},
	} {
		v := event.View{Summary: event.Summary{Status: incident.StatusResolved, Verdict: incident.VerdictProbable, Cause: c.cause}}
		r, ok := plan{Fault: c.fault}.lookBack(v).body.(gateway.ReviewRequest)
		if !ok || *r.Correct != c.correct || r.Cause != c.says {
			t.Errorf("%s diagnosed as %s: %+v", c.fault, c.cause, r)
		}
	}
}
