package workflows_test

import (
	"strings"
	"testing"
	"time"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// answering answers questions, and is sensible otherwise.
func answering(r activities.ModelRequest) (activities.ModelReply, error) {
	if r.Purpose != incident.PurposeAnswer {
		return sensible(r)
	}
	return answer(map[string]any{"text": "Version 42.", "claims": []any{
		map[string]any{"text": "42 was deployed", "cites": []string{idOf(r, `"kind":"change"`)}},
		map[string]any{"text": "it rained", "cites": []string{"E999"}}}})
}

func TestQuestionsAreAnsweredFromEvidence(t *testing.T) {
	s := newStory(t)
	s.shop.models = answering
	ask := incident.AskArgs{Principal: responder, Question: "Which version is it?"}
	s.env.RegisterDelayedCallback(func() {
		s.update(incident.UpdateAsk, incident.AskArgs{Principal: viewer, Question: "What?"}, incident.KindDenied)
		s.update(incident.UpdateAsk, incident.AskArgs{Principal: responder, Question: " "}, incident.KindInvalid)
		s.update(incident.UpdateAsk, incident.AskArgs{Principal: responder, Question: strings.Repeat("?", 1001)}, incident.KindInvalid)
		s.update(incident.UpdateAsk, ask, "")
		s.update(incident.UpdateAsk, ask, "")
	}, time.Minute)
	before := event.AgentUpdated{}
	s.env.RegisterDelayedCallback(func() { before = s.state().Agents[1].AgentUpdated }, 59*time.Second)
	s.env.RegisterDelayedCallback(func() {
		v := s.state()
		if len(v.Questions) != 2 {
			t.Fatalf("%d questions", len(v.Questions))
		}
		for _, q := range v.Questions {
			if q.Answer == nil || q.Answer.Text != "Version 42." || !q.Answer.Claims[0].Supported || q.Answer.Claims[1].Supported {
				t.Errorf("%s was answered with %+v %s", q.ID, q.Answer, q.Error)
			}
		}
		if got := v.Agents[1].AgentUpdated; got.KeyFinding != before.KeyFinding || got.State != incident.AgentCompleted {
			t.Errorf("answering left the diagnosis agent as %+v", got)
		}
	}, 2*time.Minute)
	s.decide(3*time.Minute, incident.DecideArgs{Principal: approver, Decision: incident.DecisionApprove}, "")
	s.run(slowCheckout)
}

func TestQuestionsAreAnsweredWithoutModels(t *testing.T) {
	s := newStory(t, func(s *incident.Settings) { s.ModelsEnabled = false })
	s.env.RegisterDelayedCallback(func() {
		s.update(incident.UpdateAsk, incident.AskArgs{Principal: responder, Question: "What was deployed?"}, "")
	}, time.Minute)
	s.decide(3*time.Minute, incident.DecideArgs{Principal: approver, Decision: incident.DecisionApprove}, "")
	s.run(slowCheckout)
	if q := s.state().Questions; len(q) != 1 || q[0].Answer == nil || q[0].Answer.Method != "statistics" {
		t.Errorf("answered %+v", q)
	}
}

func TestQuestionThatNobodyWillAnswerSaysSo(t *testing.T) {
	s := newStory(t)
	s.shop.models = func(r activities.ModelRequest) (activities.ModelReply, error) {
		if r.Purpose == incident.PurposeAnswer {
			return activities.ModelReply{}, incident.Errorf(incident.KindUnavailable, "not ready")
		}
		return sensible(r)
	}
	s.env.RegisterDelayedCallback(func() {
		s.update(incident.UpdateAsk, incident.AskArgs{Principal: responder, Question: "Why?"}, "")
	}, time.Minute)
	s.env.RegisterDelayedCallback(func() {
		s.update(incident.UpdateResolve, incident.ResolveArgs{Principal: responder, Reason: "rolled back by hand"}, "")
	}, time.Minute+time.Second)
	s.run(slowCheckout)
	if q := s.state().Questions; len(q) != 1 || q[0].Answer == nil && q[0].Error == "" {
		t.Errorf("the question ended as %+v", q)
	}
}
