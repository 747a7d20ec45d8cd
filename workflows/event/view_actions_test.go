package event_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

func TestApplyApprovals(t *testing.T) {
	t.Parallel()
	c := newTally(t)
	none := incident.Provenance{}
	proposal := &event.ApprovalRequested{Proposal: incident.Proposal{ID: "P1", Need: 2, State: incident.ProposalPending}}
	c.apply(proposal, none)
	c.apply(&event.ApprovalGiven{ProposalID: "P0", By: "noor", Have: 1, Need: 2}, none)
	if n := len(c.v.Proposal.Approvals); n != 0 {
		t.Errorf("a yes to another proposal counts: %d", n)
	}
	c.apply(&event.ApprovalGiven{ProposalID: "P1", By: "noor", Comment: "fine", Have: 1, Need: 2}, none)
	c.apply(&event.ApprovalGiven{ProposalID: "P1", By: "noor", Have: 1, Need: 2}, none)
	first := c.v
	c.apply(&event.ApprovalGiven{ProposalID: "P1", By: "sam", Have: 2, Need: 2}, none)
	c.apply(&event.ApprovalDecided{ProposalID: "P1", State: incident.ProposalApproved, By: "noor and sam"}, none)
	var who []string
	for _, a := range c.v.Proposal.Approvals {
		who = append(who, a.By)
	}
	if !slices.Equal(who, []string{"noor", "sam"}) || c.v.Proposal.State != incident.ProposalApproved || c.v.Proposal.DecidedBy != "noor and sam" {
		t.Errorf("approved by %v, proposal %+v", who, c.v.Proposal)
	}
	if len(first.Proposal.Approvals) != 1 || first.Proposal.Approvals[0].Comment != "fine" || len(proposal.Proposal.Approvals) != 0 {
		t.Error("the second yes was written into what was there before")
	}
	c.apply(proposal, none)
	c.apply(&event.ApprovalDecided{ProposalID: "P1", State: incident.ProposalRejected, By: "sam"}, none)
	if len(c.v.Proposal.Approvals) != 0 || c.v.Proposal.DecidedBy != "sam" {
		t.Errorf("a no counts as a yes: %+v", c.v.Proposal)
	}
}

// TestApplyExecutions: each step of each action is in the list once, where it
// began.
func TestApplyExecutions(t *testing.T) {
	t.Parallel()
	c := newTally(t)
	none := incident.Provenance{}
	action := incident.Action{IncidentID: "inc-1", PlanRevision: 1, Target: "a", Steps: []incident.Step{
		{Executor: "ecs", Document: "one", Undo: &incident.Undo{Document: "back"}}, {Executor: "ssm", Document: "two"}}}
	start := func(a incident.Action, e incident.Effect) {
		c.apply(&event.ActionStarted{Action: a, Effect: e, ClientToken: e.Token()}, none)
	}
	finish := func(e incident.Effect, s incident.ExecutionState) {
		c.apply(&event.ActionFinished{Execution: incident.Execution{ActionHash: e.ActionHash, Step: e.Step, Undo: e.Undo, State: s}}, none)
	}
	undo, _ := action.Undo(1)
	start(action, action.Effect(1))
	if x := c.v.Execution; x.State != incident.ExecutionRunning || x.Executor != "ecs" || x.Document != "one" || x.ClientToken != action.Effect(1).Token() {
		t.Errorf("started as %+v", x)
	}
	before := c.v
	finish(action.Effect(1), incident.ExecutionSucceeded)
	start(action, action.Effect(2))
	finish(action.Effect(2), incident.ExecutionFailed)
	start(action, undo)
	if have := states(c.v.Executions); have != "1 succeeded, 2 failed, 1 undo running" {
		t.Errorf("executions are %s", have)
	}
	if have := states(before.Executions); have != "1 running" {
		t.Errorf("the copy from before has %s", have)
	}
	action.PlanRevision = 2
	start(action, action.Effect(1))
	finish(action.Effect(2), incident.ExecutionFailed) // turned down before it began: there is no intent of it
	if have := states(c.v.Executions[3:]); have != "1 running, 2 failed" || c.v.Action.PlanRevision != 2 || c.v.Execution.Step != 2 {
		t.Errorf("the next action is %s", have)
	}
}

func states(list []incident.Execution) (s string) {
	for i, x := range list {
		if i > 0 {
			s += ", "
		}
		if s += fmt.Sprint(x.Step); x.Undo {
			s += " undo"
		}
		s += " " + string(x.State)
	}
	return s
}

func TestApplyDeliveries(t *testing.T) {
	t.Parallel()
	c := newTally(t)
	tell := func(key, channel string, s incident.DeliveryState) {
		c.apply(&event.NotificationSent{Delivery: incident.Delivery{Key: key, Channel: channel, State: s}}, incident.Provenance{})
	}
	tell("k", "slack", incident.DeliveryFailed)
	tell("k", "pager", incident.DeliverySent)
	before := c.v
	tell("k", "slack", incident.DeliverySent)
	if n := len(c.v.Deliveries); n != 2 || c.v.Deliveries[1].Channel != "slack" || c.v.Deliveries[1].State != incident.DeliverySent {
		t.Errorf("told %+v", c.v.Deliveries)
	}
	if before.Deliveries[0].State != incident.DeliveryFailed || !c.v.Deliveries[1].At.Equal(c.v.UpdatedAt) {
		t.Errorf("before %+v, now %+v", before.Deliveries, c.v.Deliveries)
	}
	for i := range event.ShownDeliveries + 5 {
		tell(fmt.Sprint(i), "slack", incident.DeliverySent)
	}
	if n := len(c.v.Deliveries); n != event.ShownDeliveries || c.v.Deliveries[0].Key != "5" {
		t.Errorf("%d deliveries, the first is %s", n, c.v.Deliveries[0].Key)
	}
}

// TestApplyReviewEdits: whatever edits come, in whatever order and how often,
// between the other events and after the end, the newest one is what is shown.
func TestApplyReviewEdits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		c := newTally(t)
		var edits []event.Event
		for version := range rapid.IntRange(0, 4).Draw(rt, "edits") {
			edits = append(edits, edit(t, c.v, version+2, time.Duration(version)*time.Minute))
		}
		written := rapid.IntRange(0, 6).Draw(rt, "written after")
		order := rapid.SliceOfN(rapid.IntRange(0, max(0, len(edits)-1)), 0, 10).Draw(rt, "order")
		newest := 0
		for i := range 8 {
			if i == written {
				c.apply(&event.ReviewWritten{Text: "as written", Lines: []incident.ReviewLine{{Section: "Summary", Text: "as written"}}}, incident.Provenance{})
				newest = max(newest, 1)
			}
			if i >= len(order) || len(edits) == 0 {
				continue
			}
			at := c.v.UpdatedAt
			if !c.v.Apply(edits[order[i]]) {
				rt.Fatal("an edit does not apply")
			}
			newest = max(newest, order[i]+2)
			if c.v.UpdatedAt.Before(at) {
				rt.Fatal("an edit moved the time back")
			}
		}
		want := map[bool]string{true: "as written", false: fmt.Sprintf("version %d", newest)}[newest == 1]
		if newest == 0 {
			want = ""
		}
		if c.v.ReviewVer != newest || c.v.Review != want || newest > 0 && c.v.ReviewLines[0].Text != want {
			rt.Fatalf("shows version %d, %q, wanted %d, %q", c.v.ReviewVer, c.v.Review, newest, want)
		}
	})
}

// TestApplyReviewEditSurvivesAnotherRun: the workflow does not know of it.
func TestApplyReviewEditSurvivesAnotherRun(t *testing.T) {
	t.Parallel()
	c := newTally(t)
	c.apply(&event.ReviewWritten{Text: "as written"}, incident.Provenance{})
	known := c.v
	c.v.Apply(edit(t, c.v, 2, time.Minute))
	next, err := event.New(&event.IncidentContinued{FromRunID: c.v.RunID, View: known}, c.v.IncidentID, "run-2", 1, c.v.UpdatedAt, incident.Provenance{})
	if err != nil {
		t.Fatal(err)
	}
	if !c.v.Apply(next) || c.v.ReviewVer != 2 || c.v.Review != "version 2" || c.v.RunID != "run-2" {
		t.Errorf("run %s shows version %d: %q", c.v.RunID, c.v.ReviewVer, c.v.Review)
	}
}

// edit is a person's edit that makes a version.
func edit(t *testing.T, v event.View, version int, after time.Duration) event.Event {
	t.Helper()
	d := &event.ReviewEdited{By: "dana", Version: version, Lines: []incident.ReviewLine{{Section: "Summary", Text: fmt.Sprintf("version %d", version)}}}
	e, err := event.New(d, v.IncidentID, v.RunID, 0, v.OpenedAt.Add(after), incident.Provenance{})
	if err != nil {
		t.Fatal(err)
	}
	e.ID = incident.PostmortemID(v.IncidentID, version-1)
	return e
}
