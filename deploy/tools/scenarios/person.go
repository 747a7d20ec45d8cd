package main

import (
	"net/http"

	"vigil/gateway"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// Who answers where an incident asks for a person.
const (
	recorder       = "recorder"
	secondRecorder = "second-recorder" // where two have to agree
)

// deed is something that a person does. It is done once.
type deed struct {
	what string // in words, and what it is known by
	by   string
	path string // below the incident's; empty: the world is healed
	verb string
	body any
}

// next is what somebody does about an incident that stands like this, and has
// not done yet; false where there is nothing. truth is what is wrong, as
// somebody finds out who looks at the world itself.
func (p plan) next(v event.View, done map[string]bool) (deed, bool) {
	for _, d := range []deed{p.acknowledge(v), p.decide(v), p.takeOver(v), p.lookBack(v)} {
		if d.what != "" && !done[d.what] {
			return d, true
		}
	}
	return deed{}, false
}

func (p plan) acknowledge(v event.View) deed {
	if v.AcknowledgedBy != "" || v.Status.Terminal() {
		return deed{}
	}
	return deed{what: "acknowledges", by: recorder, verb: http.MethodPost, path: "/acknowledge"}
}

// decide puts another option forward where the plan wants that, and otherwise
// approves. Whoever put an option forward may not approve it.
func (p plan) decide(v event.View) deed {
	o := v.Proposal
	if o == nil || o.State != incident.ProposalPending {
		return deed{}
	}
	if other, ok := p.instead(v); ok {
		return deed{what: "puts forward " + other.ID, by: recorder, verb: http.MethodPost, path: "/proposals",
			body: gateway.ProposalRequest{OptionID: other.ID, Reason: "This is where the requests come in."}}
	}
	by, comment := recorder, "I have looked at what it rests on."
	if o.ProposedBy == recorder || len(o.Approvals) > 0 {
		by, comment = secondRecorder, "I agree."
	}
	return deed{what: "approves " + o.ID + " as " + by, by: by, verb: http.MethodPost, path: "/decisions",
		body: gateway.DecisionRequest{Decision: incident.DecisionApprove, ProposalID: o.ID, ActionHash: o.ActionHash, Comment: comment}}
}

// instead is the option that a person prefers to the first that Vigil proposes.
func (p plan) instead(v event.View) (incident.Option, bool) {
	if p.Instead == "" || v.Proposed != nil || v.Decision == nil {
		return incident.Option{}, false
	}
	for _, o := range v.Decision.Options {
		if o.ID == p.Instead && (o.Name != v.Proposal.Action.Name || o.Target != v.Proposal.Action.Target) {
			return o, true
		}
	}
	return incident.Option{}, false
}

// takeOver does by hand what was handed over: the cause is dealt with, and once
// no alert fires any more the incident is resolved.
func (p plan) takeOver(v event.View) deed {
	switch {
	case v.Status != incident.StatusNeedsHuman || v.Message == "":
		return deed{}
	case v.AlertsFiring > 0:
		return deed{what: "heals by hand", by: recorder, verb: http.MethodPost}
	}
	return deed{what: "resolves", by: recorder, verb: http.MethodPost, path: "/resolve", body: gateway.ResolveRequest{Reason: p.Resolution}}
}

// lookBack says afterwards whether the diagnosis was right. Where none was made
// there is nothing to say.
func (p plan) lookBack(v event.View) deed {
	if !v.Status.Terminal() || v.ReviewedBy != "" || v.Verdict != incident.VerdictProbable {
		return deed{}
	}
	right := v.Cause == incident.Cause(p.Fault)
	review := gateway.ReviewRequest{Correct: &right}
	if !right && !p.Fault.FalseAlarm() {
		review.Cause = incident.Cause(p.Fault)
	}
	return deed{what: "reviews the cause", by: recorder, verb: http.MethodPost, path: "/review", body: review}
}
