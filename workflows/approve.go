package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// approve puts the action before people, level by level of the ladder. Only
// the update handler can approve; silence never does.
func (w *run) approve(ctx workflow.Context) *handover {
	level := 0
	if w.carried.at(stepApprove) {
		level, w.carried = w.view.Proposal.Level, nil
	} else {
		w.begin(ctx, incident.PhaseApproval)
		if stop := w.allowed(ctx); stop != nil || ctx.Err() != nil {
			return stop
		}
		w.propose(ctx, level)
	}
	for {
		left := max(w.view.Proposal.Deadline.Sub(workflow.Now(ctx)), time.Millisecond)
		_, err := workflow.AwaitWithTimeout(ctx, left, func() bool {
			return w.view.Proposal.State != incident.ProposalPending || w.cleared() || w.tooLong(ctx)
		})
		switch {
		case err != nil: // a person ended the story
			return nil
		case w.view.Proposal.State == incident.ProposalApproved:
			w.end(ctx, incident.PhaseApproval, incident.PhaseCompleted, "approved by "+w.view.Proposal.DecidedBy)
			return nil
		case w.view.Proposal.State == incident.ProposalRejected:
			w.end(ctx, incident.PhaseApproval, incident.PhaseCompleted, "rejected by "+w.view.Proposal.DecidedBy)
			return &handover{incident.HandoverRejected, fmt.Sprintf("%s rejected %q", w.view.Proposal.DecidedBy, w.plan.Option.Title)}
		case w.rethought:
			w.end(ctx, incident.PhaseApproval, incident.PhaseSkipped, "a second look came to another diagnosis")
			return nil
		case w.cleared():
			w.voidProposal(ctx, "every alert has cleared")
			w.end(ctx, incident.PhaseApproval, incident.PhaseSkipped, "every alert has cleared")
			return w.checkRecovered(ctx)
		case w.tooLong(ctx) && workflow.Now(ctx).Before(w.view.Proposal.Deadline):
			w.carryOn(stepApprove, carried{})
			return nil
		}
		w.emit(ctx, &event.ApprovalExpired{ProposalID: w.view.Proposal.ID, Level: level}, w.provenance())
		if level++; level == len(w.settings.Ladder) {
			break
		}
		w.emit(ctx, &event.IncidentEscalated{Level: level, To: w.settings.Ladder[level], Reason: "nobody decided on the proposal in time"}, w.provenance())
		w.propose(ctx, level)
	}
	w.end(ctx, incident.PhaseApproval, incident.PhaseFailed, "nobody decided in time")
	return &handover{incident.HandoverApprovalExpired, "nobody decided on " + w.plan.Option.Title + " in time"}
}

// allowed passes the exact action through the guardrail, which fails closed:
// what it blocks, or cannot be asked about, is not put before anybody.
func (w *run) allowed(ctx workflow.Context) *handover {
	if !w.settings.ModelsEnabled { // nothing that a model said is in it
		return nil
	}
	a := w.plan.Action
	_, err := w.guard(ctx, incident.AgentResolution, "action", activities.GuardOutput, w.plan.Option.Title, w.plan.Reason, string(mustJSON(a)))
	if err == nil || ctx.Err() != nil {
		return nil
	}
	detail := fmt.Sprintf("%s on %s was not proposed: %s", a.Type, a.Target, err)
	w.end(ctx, incident.PhaseApproval, incident.PhaseFailed, clip(detail, 500))
	return &handover{incident.HandoverGuardrail, clip(detail, 500)}
}

func (w *run) propose(ctx workflow.Context, level int) {
	now := workflow.Now(ctx).UTC()
	w.emit(ctx, &event.ApprovalRequested{Proposal: incident.Proposal{
		ID: fmt.Sprintf("p%d-%d", w.plan.Action.PlanRevision, level+1), Action: w.plan.Action, ActionHash: w.plan.Action.Hash(),
		Title: w.plan.Option.Title, Reason: w.plan.Reason, Risk: w.plan.Option.Risk, BlastRadius: w.plan.Option.BlastRadius,
		Effect: w.plan.Option.Effect, DryRun: !w.plan.Option.Enabled, Score: w.plan.Score, Level: level, AskedOf: w.settings.Ladder[level],
		State: incident.ProposalPending, RequestedAt: now, Deadline: now.Add(ms(w.settings.ApprovalMS)),
	}}, w.provenance())
	w.status(ctx, incident.StatusAwaitingApproval)
}

// voidProposal withdraws a proposal that nobody has decided on.
func (w *run) voidProposal(ctx workflow.Context, reason string) {
	if p := w.view.Proposal; p != nil && p.State == incident.ProposalPending {
		w.emit(ctx, &event.ApprovalVoided{ProposalID: p.ID, Reason: reason}, w.provenance())
	}
}
