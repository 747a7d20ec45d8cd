package workflows_test

import (
	"testing"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

func TestReviewKeepsWhatAPersonConfirmed(t *testing.T) {
	lesson := incident.Lesson{IncidentID: "inc-1", RunID: "run-1", Title: "slow", Service: "api", Outcome: incident.OutcomeResolvedByPerson}
	for name, c := range map[string]struct {
		in       incident.ReviewInput
		refused  incident.Kind
		learned  incident.Cause
		by       string
		reviewed bool
	}{
		"confirmed": {in: incident.ReviewInput{Principal: responder, Correct: true, Cause: incident.CauseMemoryLeak, CauseService: "api"},
			learned: incident.CauseMemoryLeak, by: "ben"},
		"corrected":     {in: incident.ReviewInput{Principal: responder, Cause: "dns", CauseService: "resolver"}, learned: "dns", by: "ben"},
		"it was not it": {in: incident.ReviewInput{Principal: responder}, by: "ben"},
		"a viewer":      {in: incident.ReviewInput{Principal: viewer, Correct: true}, refused: incident.KindDenied},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t)
			c.in.Lesson = lesson
			s.env.ExecuteWorkflow(incident.ReviewWorkflowType, c.in)
			err := s.env.GetWorkflowError()
			if c.refused != "" {
				if activities.KindOf(err) != c.refused || len(s.shop.lessons) != 0 {
					t.Errorf("ended with %v, %d lessons", err, len(s.shop.lessons))
				}
				return
			}
			if err != nil || len(s.shop.lessons) != 1 || len(s.shop.published) != 1 {
				t.Fatalf("ended with %v, %d lessons, %d events", err, len(s.shop.lessons), len(s.shop.published))
			}
			if l := s.shop.lessons[0]; l.Cause != c.learned || l.ConfirmedBy != c.by {
				t.Errorf("learned %+v", l)
			}
			e := s.shop.published[0]
			d, err := e.Decode()
			if err != nil || e.Seq != 0 || e.RunID != "run-1" || d.(*event.CauseReviewed).Correct != c.in.Correct {
				t.Errorf("published %+v, %v", e, err)
			}
		})
	}
}
