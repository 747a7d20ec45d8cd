package workflows_test

import (
	"strings"
	"testing"
	"time"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// guarded answers texts that hold what with the given result; others pass.
func guarded(what string, r activities.GuardrailResult, err error) func(activities.GuardDirection, string) (activities.GuardrailResult, error) {
	return func(_ activities.GuardDirection, text string) (activities.GuardrailResult, error) {
		if strings.Contains(text, what) {
			return r, err
		}
		return activities.GuardrailResult{Text: text, Provenance: simulated}, nil
	}
}

func TestGuardrailFailsClosedForActions(t *testing.T) {
	for name, guard := range map[string]func(activities.GuardDirection, string) (activities.GuardrailResult, error){
		"blocked": guarded(`"type":"rollback_deployment"`, activities.GuardrailResult{Blocked: true, Text: "no", Provenance: simulated}, nil),
		"failing": guarded(`"type":"rollback_deployment"`, activities.GuardrailResult{}, incident.Errorf(incident.KindUnavailable, "down")),
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t)
			s.shop.guard = guard
			s.env.RegisterDelayedCallback(func() {
				if v := s.state(); v.Handover != incident.HandoverGuardrail || v.Proposal != nil || v.Status != incident.StatusNeedsHuman {
					t.Errorf("%s, %s, proposal %+v", v.Status, v.Handover, v.Proposal)
				}
				s.update(incident.UpdateResolve, incident.ResolveArgs{Principal: responder, Reason: "by hand"}, "")
			}, time.Hour)
			s.run(slowCheckout)
			if s.shop.starts != 0 {
				t.Errorf("%d actions ran", s.shop.starts)
			}
		})
	}
}

func TestGuardrailIsOpenForViewing(t *testing.T) {
	s := newStory(t)
	s.shop.guard = guarded("version 42 of checkout fails", activities.GuardrailResult{}, incident.Errorf(incident.KindUnavailable, "down"))
	s.env.RegisterDelayedCallback(func() {
		v := s.state()
		if v.Diagnosis == nil || v.Diagnosis.Summary != "version 42 of checkout fails" || v.Guardrail.Failed == 0 {
			t.Errorf("diagnosis %+v, guardrail %+v", v.Diagnosis, v.Guardrail)
		}
		s.update(incident.UpdateResolve, incident.ResolveArgs{Principal: responder, Reason: "by hand"}, "")
	}, time.Hour)
	s.run(slowCheckout)
}

func TestGuardrailBlocksAnAnswer(t *testing.T) {
	s := newStory(t)
	s.shop.guard = guarded("version 42 of checkout fails", activities.GuardrailResult{Blocked: true, Text: "no", Provenance: simulated}, nil)
	s.decide(10*time.Minute, incident.DecideArgs{Principal: approver, Decision: incident.DecisionApprove}, "")
	s.run(slowCheckout)
	if v := s.state(); v.Diagnosis.Method != "statistics" || v.Guardrail.Blocked == 0 {
		t.Errorf("diagnosed by %s, guardrail %+v", v.Diagnosis.Method, v.Guardrail)
	}
}

func TestGuardrailAnonymisesWhatGoesIn(t *testing.T) {
	s := newStory(t)
	s.shop.guard = func(d activities.GuardDirection, text string) (activities.GuardrailResult, error) {
		safe := text
		if d == activities.GuardInput {
			safe = strings.ReplaceAll(text, "Grace Hopper", "{NAME}")
		}
		return activities.GuardrailResult{Text: safe, Changed: safe != text, Policies: []string{"pii:NAME"}, Provenance: simulated}, nil
	}
	in := slowCheckout
	in.Description = "Reported by Grace Hopper"
	s.decide(time.Minute, incident.DecideArgs{Principal: approver, Decision: incident.DecisionApprove}, "")
	s.run(in)
	for _, r := range s.shop.requests {
		if strings.Contains(asJSON(t, r), "Grace Hopper") {
			t.Fatalf("%s was told the name", r.Agent)
		}
	}
	checked := data[event.GuardrailChecked](s, event.TypeGuardrailChecked)
	if len(checked) == 0 || checked[0].Outcome != event.GuardrailAnonymized || s.state().Guardrail.Anonymized == 0 {
		t.Errorf("checked %+v", checked)
	}
}
