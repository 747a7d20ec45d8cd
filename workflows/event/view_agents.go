package event

import (
	"maps"
	"slices"
	"time"

	"vigil/workflows/incident"
)

// charge adds what a call cost, as often as it was sent, and returns the sum.
func (v *View) charge(p incident.Provenance) int64 {
	v.Cost.Repeated += int(p.Lost)
	if p.Usage == nil || p.Usage.CostMicros == nil {
		v.Cost.UnknownPriced += 1 + int(p.Lost)
		return 0
	}
	once := *p.Usage.CostMicros
	again := once * int64(p.Lost)
	v.Cost.CostMicros += once + again
	v.Cost.RepeatedMicros += again
	return once + again
}

func (v *View) raise(d *BudgetRaised) {
	v.Paused = nil
	switch {
	case d.Declined:
	case d.Scope == BudgetOfAgent:
		caps := maps.Clone(v.AgentBudgets)
		if caps == nil {
			caps = map[incident.Agent]incident.Budget{}
		}
		caps[d.Agent] = d.Cap
		v.AgentBudgets = caps
	case d.Scope == BudgetOfIncident:
		v.Budget = d.Cap
	}
}

func (v *View) answer(d *QuestionAnswered, at time.Time) {
	v.Questions = slices.Clone(v.Questions)
	for i := range v.Questions {
		if q := &v.Questions[i]; q.ID == d.ID {
			q.Answer, q.Error, q.AnsweredAt = d.Answer, d.Error, at
		}
	}
}

func (v *View) guardrail(d *GuardrailChecked, p incident.Provenance) {
	switch d.Outcome {
	case GuardrailPassed:
		v.Guardrail.Passed++
	case GuardrailAnonymized:
		v.Guardrail.Anonymized++
	case GuardrailBlocked:
		v.Guardrail.Blocked++
	case GuardrailFailed:
		v.Guardrail.Failed++
	}
	if p.Usage != nil {
		v.Guardrail.TextUnits += p.Usage.TextUnits * (1 + int64(p.Lost))
		v.charge(p)
	}
}
