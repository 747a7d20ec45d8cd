package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// approve puts the action before people, level by level of the ladder. Only
// the update handler can approve; silence never does.
func (w *run) approve(ctx workflow.Context) *handover {
	w.begin(ctx, incident.PhaseApproval)
	for level, asked := range w.settings.Ladder {
		if level > 0 {
			w.emit(ctx, &event.IncidentEscalated{Level: level, To: asked, Reason: "nobody decided on the proposal in time"}, w.provenance())
		}
		w.propose(ctx, level, asked)
		w.status(ctx, incident.StatusAwaitingApproval)
		_, err := workflow.AwaitWithTimeout(ctx, ms(w.settings.ApprovalMS), func() bool {
			return w.view.Proposal.State != incident.ProposalPending || w.cleared()
		})
		switch {
		case err != nil: // a person ended the story
			return nil
		case w.view.Proposal.State == incident.ProposalApproved:
			w.end(ctx, incident.PhaseApproval, incident.PhaseCompleted, "approved by "+w.view.Proposal.DecidedBy)
			return nil
		case w.view.Proposal.State == incident.ProposalRejected:
			w.end(ctx, incident.PhaseApproval, incident.PhaseCompleted, "rejected by "+w.view.Proposal.DecidedBy)
			return &handover{incident.HandoverRejected, fmt.Sprintf("%s rejected %q", w.view.Proposal.DecidedBy, w.plan.option.Title)}
		case w.cleared():
			w.voidProposal(ctx, "every alert has cleared")
			w.end(ctx, incident.PhaseApproval, incident.PhaseSkipped, "every alert has cleared")
			return w.checkRecovered(ctx)
		}
		w.emit(ctx, &event.ApprovalExpired{ProposalID: w.view.Proposal.ID, Level: level}, w.provenance())
	}
	w.end(ctx, incident.PhaseApproval, incident.PhaseFailed, "nobody decided in time")
	return &handover{incident.HandoverApprovalExpired, "nobody decided on " + w.plan.option.Title + " in time"}
}

func (w *run) propose(ctx workflow.Context, level int, asked string) {
	now := workflow.Now(ctx).UTC()
	w.emit(ctx, &event.ApprovalRequested{Proposal: incident.Proposal{
		ID: fmt.Sprintf("p%d-%d", w.plan.action.PlanRevision, level+1), Action: w.plan.action, ActionHash: w.plan.action.Hash(),
		Title: w.plan.option.Title, Reason: w.plan.reason, Risk: w.plan.option.Risk, BlastRadius: w.plan.option.BlastRadius,
		Effect: w.plan.option.Effect, DryRun: !w.plan.option.Enabled, Score: w.plan.score, Level: level, AskedOf: asked,
		State: incident.ProposalPending, RequestedAt: now, Deadline: now.Add(ms(w.settings.ApprovalMS)),
	}}, w.provenance())
}

// voidProposal withdraws a proposal that nobody has decided on.
func (w *run) voidProposal(ctx workflow.Context, reason string) {
	if p := w.view.Proposal; p != nil && p.State == incident.ProposalPending {
		w.emit(ctx, &event.ApprovalVoided{ProposalID: p.ID, Reason: reason}, w.provenance())
	}
}
