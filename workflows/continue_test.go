package workflows_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// next runs s until it continues as new, and returns the next run's story on
// the same shop, with its input.
func (s *story) next(in incident.Input) (*story, incident.Input) {
	s.t.Helper()
	s.env.ExecuteWorkflow(incident.WorkflowType, in)
	var again *workflow.ContinueAsNewError
	if err := s.env.GetWorkflowError(); !errors.As(err, &again) {
		s.t.Fatalf("ended with %v, wanted a new run", err)
	}
	s.checkPublished()
	var out incident.Input
	if err := converter.GetDefaultDataConverter().FromPayloads(again.Input, &out); err != nil {
		s.t.Fatal(err)
	}
	n := newStory(s.t)
	n.env.SetStartTime(s.env.Now())
	n.shop.brokenAt, n.shop.curedAt = s.shop.brokenAt, s.shop.curedAt
	return n, out
}

func (s *story) note(after time.Duration, n int) {
	for i := range n {
		s.env.RegisterDelayedCallback(func() {
			s.update(incident.UpdateNote, incident.NoteArgs{Principal: responder, Text: fmt.Sprintf("note %d", i)}, "")
		}, after)
	}
}

func TestLongIncidentContinuesWhileItWaitsForApproval(t *testing.T) {
	s := newStory(t, func(s *incident.Settings) { s.ContinueAfter = 120 })
	s.note(time.Minute, 120)
	second, in := s.next(slowCheckout)
	before := s.state()
	if before.Proposal.State != incident.ProposalPending {
		t.Fatalf("the proposal is %s", before.Proposal.State)
	}
	second.decide(time.Minute, incident.DecideArgs{Principal: approver, Decision: incident.DecisionApprove, ProposalID: before.Proposal.ID,
		ActionHash: before.Proposal.ActionHash}, "")
	if r := second.run(in); r.Outcome != incident.OutcomeRemediated || r.Cause != incident.CauseBadDeployment {
		t.Fatalf("ended as %+v", r)
	}
	v := second.state()
	if len(v.Evidence) != len(before.Evidence) || v.OpenedAt != before.OpenedAt || v.Cost.ModelCalls <= before.Cost.ModelCalls {
		t.Errorf("%d of %d pieces of evidence, opened %s, %+v", len(v.Evidence), len(before.Evidence), v.OpenedAt, v.Cost)
	}
	if first := second.shop.published[0]; first.Type != event.TypeIncidentContinued || first.Seq != 1 {
		t.Errorf("the second run begins with %s", first.Type)
	}
	if n := len(second.events(event.TypeApprovalRequested)); n != 0 {
		t.Errorf("the proposal was made again %d times", n)
	}
}

func TestLongIncidentContinuesWhileAPersonHasIt(t *testing.T) {
	s := newStory(t, func(s *incident.Settings) { s.ContinueAfter = 80 })
	s.shop.silent = true
	in := incident.Input{Service: "billing", Title: "Billing is odd"}
	s.note(time.Hour, 80)
	s.env.RegisterDelayedCallback(func() {
		s.env.SignalWorkflow(incident.SignalAlert, incident.AlertSignal{Alerts: []incident.Alert{{Source: "a", Fingerprint: "f", Status: incident.AlertFiring, StartsAt: t0}}})
	}, time.Minute)
	second, in := s.next(in)
	before := s.state()
	second.shop.silent = true
	second.env.RegisterDelayedCallback(func() {
		v := second.state()
		if v.Status != incident.StatusNeedsHuman || v.AlertsFiring != 1 || v.Level != before.Level {
			t.Errorf("%s, %d alerts firing, level %d", v.Status, v.AlertsFiring, v.Level)
		}
		second.update(incident.UpdateResolve, incident.ResolveArgs{Principal: responder, Reason: "it was the batch"}, "")
	}, time.Hour)
	if r := second.run(in); r.Outcome != incident.OutcomeResolvedByPerson {
		t.Fatalf("ended as %+v", r)
	}
	if n := len(second.events(event.TypeMessageDrafted)); n != 0 {
		t.Errorf("people were told again %d times", n)
	}
}

// The deadline of a level does not begin anew with the run.
func TestContinuingKeepsTheDeadline(t *testing.T) {
	s := newStory(t, func(s *incident.Settings) { s.ContinueAfter = 80 })
	s.shop.silent = true
	s.note(11*time.Hour, 80)
	second, in := s.next(incident.Input{Service: "billing"})
	second.shop.silent = true
	began := s.env.Now()
	second.env.RegisterDelayedCallback(func() {
		if v := second.state(); v.Level != 1 {
			t.Errorf("level %d, %s after the first run ended", v.Level, second.env.Now().Sub(began))
		}
	}, 90*time.Minute)
	second.run(in)
}
