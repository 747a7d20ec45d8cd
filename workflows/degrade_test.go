package workflows_test

import (
	"testing"
	"time"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// throttled until the given time: no model answers.
func throttled(s *story, until time.Duration) {
	s.shop.models = func(r activities.ModelRequest) (activities.ModelReply, error) {
		if s.shop.now().Before(t0.Add(until)) {
			return activities.ModelReply{}, incident.Errorf(incident.KindThrottled, "too many requests")
		}
		return sensible(r)
	}
}

func TestThrottledModelsDegradeAndComeBack(t *testing.T) {
	s := newStory(t)
	throttled(s, 10*time.Minute)
	s.env.RegisterDelayedCallback(func() {
		v := s.state()
		if !v.Degraded || v.Diagnosis == nil || v.Diagnosis.Method != "statistics" || v.Cause != incident.CauseBadDeployment {
			t.Errorf("while models are throttled: degraded %v, diagnosis %+v", v.Degraded, v.Diagnosis)
		}
		if v.Proposal == nil || v.Proposal.State != incident.ProposalPending {
			t.Errorf("a person cannot go on: proposal %+v", v.Proposal)
		}
	}, 8*time.Minute)
	s.decide(25*time.Minute, incident.DecideArgs{Principal: approver, Decision: incident.DecisionApprove}, "")
	if r := s.run(slowCheckout); r.Outcome != incident.OutcomeRemediated {
		t.Fatalf("ended as %+v", r)
	}
	v := s.state()
	if v.Degraded || v.Diagnosis.Method != "model" {
		t.Errorf("after models came back: degraded %v, diagnosed by %s", v.Degraded, v.Diagnosis.Method)
	}
	if voided := s.events(event.TypeApprovalVoided); len(voided) != 0 {
		t.Errorf("the same diagnosis voided the proposal: %d", len(voided))
	}
}

func TestSecondLookWithAnotherDiagnosisDecidesAgain(t *testing.T) {
	s := newStory(t)
	until := t0.Add(5 * time.Minute)
	s.shop.models = func(r activities.ModelRequest) (activities.ModelReply, error) {
		switch {
		case s.shop.now().Before(until):
			return activities.ModelReply{}, incident.Errorf(incident.KindUnavailable, "not ready")
		case r.Agent == incident.AgentDiagnosis:
			return answer(map[string]any{"verdict": "probable", "cause": "memory_leak", "service": "checkout", "summary": "it leaks", "confidence": 0.9,
				"claims": []any{map[string]any{"text": "latency climbs", "cites": []string{"E1"}}}})
		case r.Agent == incident.AgentResolution:
			return answer(map[string]any{"option_id": "restart_service:checkout", "reason": "it starts afresh", "confidence": 0.9, "cites": []string{"E1"}})
		}
		return sensible(r)
	}
	first := ""
	s.env.RegisterDelayedCallback(func() { first = s.state().Proposal.ActionHash }, 4*time.Minute)
	s.env.RegisterDelayedCallback(func() {
		v := s.state()
		if v.Diagnosis.Cause != incident.CauseMemoryLeak || v.Proposal.Action.Type != incident.ActionRestartService || v.Proposal.Action.PlanRevision != 2 {
			t.Errorf("after the second look: %s, %+v", v.Diagnosis.Cause, v.Proposal)
		}
		s.update(incident.UpdateDecide, incident.DecideArgs{Principal: approver, Decision: incident.DecisionApprove, ProposalID: "p1-1", ActionHash: first}, incident.KindConflict)
	}, 20*time.Minute)
	s.decide(30*time.Minute, incident.DecideArgs{Principal: approver, Decision: incident.DecisionApprove}, "")
	if r := s.run(slowCheckout); r.Outcome != incident.OutcomeRemediated || r.Cause != incident.CauseMemoryLeak {
		t.Fatalf("ended as %+v", r)
	}
	if s.shop.starts != 1 {
		t.Errorf("%d actions ran", s.shop.starts)
	}
}

// A person has it because the statistics could not tell; the model, once it
// answers, can.
func TestSecondLookTakesAHandedOverIncidentBack(t *testing.T) {
	s := newStory(t)
	s.shop.brokenAt = t0.Add(-5 * time.Second) // too young for the statistics to be sure
	until := t0.Add(5 * time.Minute)
	inconclusive := false
	s.shop.models = func(r activities.ModelRequest) (activities.ModelReply, error) {
		if s.shop.now().Before(until) {
			return activities.ModelReply{}, incident.Errorf(incident.KindUnavailable, "not ready")
		}
		return sensible(r)
	}
	s.env.RegisterDelayedCallback(func() {
		v := s.state()
		inconclusive = v.Diagnosis.Verdict != incident.VerdictProbable && v.Status == incident.StatusNeedsHuman
	}, 4*time.Minute)
	s.env.RegisterDelayedCallback(func() {
		if !inconclusive {
			return
		}
		v := s.state()
		if v.Proposal == nil || v.Proposal.State != incident.ProposalPending || v.Status != incident.StatusAwaitingApproval {
			t.Errorf("after the second look: %s, %+v", v.Status, v.Proposal)
		}
	}, 20*time.Minute)
	s.decide(30*time.Minute, incident.DecideArgs{Principal: approver, Decision: incident.DecisionApprove}, "")
	s.run(slowCheckout)
	if !inconclusive {
		t.Fatal("the statistics were sure of it at once: nothing was handed over, and nothing is shown")
	}
}

func TestModelsNoneIsAWayOfWorking(t *testing.T) {
	s := newStory(t, func(s *incident.Settings) { s.ModelsEnabled = false })
	s.decide(time.Minute, incident.DecideArgs{Principal: approver, Decision: incident.DecisionApprove}, "")
	if r := s.run(slowCheckout); r.Outcome != incident.OutcomeRemediated {
		t.Fatalf("ended as %+v", r)
	}
	v := s.state()
	if v.Degraded || len(s.events(event.TypeErrorRaised)) != 0 || len(s.shop.requests) != 0 {
		t.Errorf("degraded %v, %d errors, %d calls", v.Degraded, len(s.events(event.TypeErrorRaised)), len(s.shop.requests))
	}
	for _, p := range v.Phases {
		if p.Phase == incident.PhaseDiagnosis && (p.State != incident.PhaseCompleted || p.Detail[:24] != "By statistics alone, mod") {
			t.Errorf("the diagnosis ended as %s: %s", p.State, p.Detail)
		}
	}
}
