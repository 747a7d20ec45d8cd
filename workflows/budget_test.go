package workflows_test

import (
	"testing"
	"time"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// tight lets the diagnosis make two calls.
func tight(s *incident.Settings) {
	s.AgentBudgets[incident.AgentDiagnosis] = incident.Budget{Turns: 1}
}

func TestBudgetPausesUntilItIsRaised(t *testing.T) {
	s := newStory(t, tight)
	s.env.RegisterDelayedCallback(func() {
		v := s.state()
		if v.Paused == nil || v.Paused.Scope != event.BudgetOfAgent || v.Paused.Agent != incident.AgentDiagnosis || !v.NeedsHuman || v.Status.Terminal() {
			t.Errorf("at the cap: paused %+v, needs human %v, %s", v.Paused, v.NeedsHuman, v.Status)
		}
		if v.Agents[1].Used.Turns != 1 || len(v.Evidence) == 0 {
			t.Errorf("what is known is not there: used %+v, %d pieces of evidence", v.Agents[1].Used, len(v.Evidence))
		}
		raise := incident.RaiseBudgetArgs{Principal: responder, Agent: incident.AgentDiagnosis, Add: incident.Budget{Turns: 5}}
		s.update(incident.UpdateRaiseBudget, raise, incident.KindDenied)
		raise.Principal = approver
		raise.Add.Turns = -1
		s.update(incident.UpdateRaiseBudget, raise, incident.KindInvalid)
		raise.Add.Turns = 5
		s.update(incident.UpdateRaiseBudget, raise, "")
	}, 10*time.Minute)
	s.decide(12*time.Minute, incident.DecideArgs{Principal: approver, Decision: incident.DecisionApprove}, "")
	if r := s.run(slowCheckout); r.Outcome != incident.OutcomeRemediated {
		t.Fatalf("ended as %+v", r)
	}
	v := s.state()
	if v.Diagnosis.Method != "model" || v.Paused != nil || v.AgentBudgets[incident.AgentDiagnosis].Turns != 6 {
		t.Errorf("diagnosed by %s, paused %+v, caps %+v", v.Diagnosis.Method, v.Paused, v.AgentBudgets)
	}
}

func TestBudgetThatNobodyRaisesLeavesTheStatistics(t *testing.T) {
	for name, decline := range map[string]bool{"declined": true, "in time": false} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t, tight)
			if decline {
				s.env.RegisterDelayedCallback(func() {
					s.update(incident.UpdateRaiseBudget, incident.RaiseBudgetArgs{Principal: approver, Comment: "go on"}, "")
				}, time.Minute)
			}
			s.decide(20*time.Minute, incident.DecideArgs{Principal: approver, Decision: incident.DecisionApprove}, "")
			if r := s.run(slowCheckout); r.Outcome != incident.OutcomeRemediated {
				t.Fatalf("ended as %+v", r)
			}
			raised := data[event.BudgetRaised](s, event.TypeBudgetRaised)
			if len(raised) != 1 || !raised[0].Declined || (raised[0].By == "") == decline {
				t.Errorf("raised %+v", raised)
			}
			if v := s.state(); v.Diagnosis.Method != "statistics" || !v.Degraded || v.Agents[1].Used.Turns != 1 {
				t.Errorf("diagnosed by %s, degraded %v, used %+v", v.Diagnosis.Method, v.Degraded, v.Agents[1].Used)
			}
		})
	}
}

// The budgets hold whatever the models do: after the cap there is at most what
// was in flight, which is one call an agent.
func TestIncidentBudgetHolds(t *testing.T) {
	for _, cap := range []incident.Budget{{Turns: 2}, {Tokens: 2500}, {CostMicros: 100}} {
		s := newStory(t, func(s *incident.Settings) { s.Budget = cap; s.BudgetWaitMS = 60_000 })
		s.decide(20*time.Minute, incident.DecideArgs{Principal: approver, Decision: incident.DecisionApprove}, "")
		s.run(slowCheckout)
		c := s.state().Cost
		if calls := len(s.shop.requests); calls > 4 || calls != c.ModelCalls {
			t.Errorf("cap %+v: %d calls were made, %d counted", cap, calls, c.ModelCalls)
		}
		if paused := data[event.BudgetExhausted](s, event.TypeBudgetExhausted); len(paused) == 0 || paused[0].Scope != event.BudgetOfIncident {
			t.Errorf("cap %+v: paused %+v", cap, paused)
		}
	}
}

func TestDailyCapGoesOnWithStatistics(t *testing.T) {
	s := newStory(t)
	s.shop.dayErr = incident.Errorf(incident.KindBudget, "today's models have cost $50.00, which is the cap")
	s.decide(time.Minute, incident.DecideArgs{Principal: approver, Decision: incident.DecisionApprove}, "")
	if r := s.run(slowCheckout); r.Outcome != incident.OutcomeRemediated {
		t.Fatalf("ended as %+v", r)
	}
	v := s.state()
	if len(s.shop.requests) != 0 || v.Diagnosis.Method != "statistics" || !v.Degraded || v.Paused != nil {
		t.Errorf("%d calls, diagnosed by %s, degraded %v, paused %v", len(s.shop.requests), v.Diagnosis.Method, v.Degraded, v.Paused)
	}
}

// What is shown as the cost is the sum of its calls.
func TestCostAddsUp(t *testing.T) {
	s := newStory(t)
	s.decide(time.Minute, incident.DecideArgs{Principal: approver, Decision: incident.DecisionApprove}, "")
	s.run(slowCheckout)
	var want int64
	for _, e := range s.events(event.TypeModelCalled) {
		want += *e.Provenance.Usage.CostMicros * int64(1+e.Provenance.Lost)
	}
	for _, e := range s.events(event.TypeGuardrailChecked) {
		if u := e.Provenance.Usage; u != nil && u.CostMicros != nil {
			want += *u.CostMicros
		}
	}
	v := s.state()
	var agents int64
	for _, a := range v.Agents {
		agents += a.Used.CostMicros
	}
	if v.Cost.CostMicros != want || want == 0 || agents != int64(len(s.shop.requests))*40 {
		t.Errorf("cost %d, its calls %d, its agents %d", v.Cost.CostMicros, want, agents)
	}
}
