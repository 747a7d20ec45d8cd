package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// approve puts the action before people where the policy asks for them, level
// by level of the ladder. Only the update handler can approve; silence never
// does.
func (w *run) approve(ctx workflow.Context) *handover {
	level := 0
	if w.carried.at(stepApprove) {
		level, w.carried = w.view.Proposal.Level, nil
	} else {
		w.begin(ctx, incident.PhaseApproval)
		if stop := w.allowed(ctx); stop != nil || ctx.Err() != nil {
			return stop
		}
		if r := w.plan.Ruling; r.Autonomy.Alone() {
			if w.wanted != nil { // a person's choice goes before
				return w.overtaken(ctx, w.wanted.Principal.Name+" put another option forward")
			}
			w.decidedAt = workflow.Now(ctx)
			if r.Autonomy == incident.AutonomyNotify && !r.DryRun {
				w.notify(ctx, incident.NotifyActing, w.ladder(0), "Vigil is about to act: "+w.plan.Option.Title+" on "+w.plan.Option.Target+" ("+because(r)+")")
			}
			w.end(ctx, incident.PhaseApproval, incident.PhaseSkipped, "the policy asks for nobody: "+because(r))
			return nil
		}
		w.propose(ctx, level)
	}
	for {
		p := w.view.Proposal
		due, reminder := p.Deadline, false
		if at := p.Deadline.Add(-ms(w.settings.ReminderMS)); w.settings.ReminderMS > 0 && at.After(p.RequestedAt) && workflow.Now(ctx).Before(at) {
			due, reminder = at, true
		}
		left := max(due.Sub(workflow.Now(ctx)), time.Millisecond)
		_, err := workflow.AwaitWithTimeout(ctx, left, func() bool {
			return w.view.Proposal.State != incident.ProposalPending || w.wanted != nil || w.cleared() || w.plan.Facts.Severity != w.view.Severity || w.tooLong(ctx)
		})
		p = w.view.Proposal
		switch {
		case err != nil: // a person ended the story
			return nil
		case p.State == incident.ProposalApproved:
			w.decidedAt = workflow.Now(ctx)
			w.end(ctx, incident.PhaseApproval, incident.PhaseCompleted, "approved by "+p.DecidedBy)
			return nil
		case p.State == incident.ProposalRejected:
			w.end(ctx, incident.PhaseApproval, incident.PhaseCompleted, "rejected by "+p.DecidedBy)
			return &handover{incident.HandoverRejected, fmt.Sprintf("%s rejected %q", p.DecidedBy, w.plan.Option.Title)}
		case w.rethought:
			w.end(ctx, incident.PhaseApproval, incident.PhaseSkipped, "a second look came to another diagnosis")
			return nil
		case w.wanted != nil:
			return w.overtaken(ctx, w.wanted.Principal.Name+" put another option forward")
		case w.cleared():
			w.voidProposal(ctx, "every alert has cleared")
			w.end(ctx, incident.PhaseApproval, incident.PhaseSkipped, "every alert has cleared")
			return w.checkRecovered(ctx)
		case w.plan.Facts.Severity != w.view.Severity: // the policy may want other people for it
			return w.overtaken(ctx, fmt.Sprintf("the incident is %s now, and was %s when it was proposed", w.view.Severity, w.plan.Facts.Severity))
		case w.tooLong(ctx) && workflow.Now(ctx).Before(p.Deadline):
			w.carryOn(stepApprove, carried{})
			return nil
		case reminder && workflow.Now(ctx).Before(p.Deadline):
			w.notify(ctx, incident.NotifyReminder, w.ladder(level), fmt.Sprintf("Still waiting for a decision until %s: %s on %s.",
				p.Deadline.Format("15:04:05 MST"), p.Title, p.Action.Target))
			continue
		}
		w.emit(ctx, &event.ApprovalExpired{ProposalID: p.ID, Level: level}, w.provenance())
		if level++; level == len(w.settings.Ladder) {
			break
		}
		w.emit(ctx, &event.IncidentEscalated{Level: level, To: w.settings.Ladder[level], Reason: "nobody decided on the proposal in time"}, w.provenance())
		w.propose(ctx, level)
	}
	w.end(ctx, incident.PhaseApproval, incident.PhaseFailed, "nobody decided in time")
	return &handover{incident.HandoverApprovalExpired, "nobody decided on " + w.plan.Option.Title + " in time"}
}

// overtaken withdraws the proposal and goes back to deciding.
func (w *run) overtaken(ctx workflow.Context, why string) *handover {
	w.voidProposal(ctx, why)
	w.end(ctx, incident.PhaseApproval, incident.PhaseSkipped, why)
	w.redo = true
	return nil
}

// allowed passes the exact action through the guardrail, which fails closed:
// what it blocks, or cannot be asked about, is neither proposed nor done.
func (w *run) allowed(ctx workflow.Context) *handover {
	if !w.settings.ModelsEnabled { // nothing that a model said is in it
		return nil
	}
	a := w.plan.Action
	_, err := w.guard(ctx, incident.AgentResolution, "action", activities.GuardOutput, w.plan.Option.Title, w.plan.Reason, string(mustJSON(a)))
	if err == nil || ctx.Err() != nil {
		return nil
	}
	detail := fmt.Sprintf("%s on %s was not proposed: %s", a.Name, a.Target, activities.Said(err))
	w.end(ctx, incident.PhaseApproval, incident.PhaseFailed, clip(detail, 500))
	return &handover{incident.HandoverGuardrail, clip(detail, 500)}
}

func (w *run) propose(ctx workflow.Context, level int) {
	now := workflow.Now(ctx).UTC()
	p, r := w.plan, w.plan.Ruling
	w.emit(ctx, &event.ApprovalRequested{Proposal: incident.Proposal{
		ID: fmt.Sprintf("p%d-%d", p.Action.PlanRevision, level+1), Action: p.Action, ActionHash: p.Action.Hash(),
		Title: p.Option.Title, Reason: p.Reason, Risk: p.Option.Risk, BlastRadius: p.Option.BlastRadius,
		Effect: p.Option.Effect, DryRun: r.DryRun, Ruling: r, Score: p.Score, Level: level, AskedOf: w.settings.Ladder[level],
		ProposedBy: p.ChosenBy, Need: r.Autonomy.Approvers(), State: incident.ProposalPending,
		RequestedAt: now, Deadline: now.Add(ms(w.settings.ApprovalMS)),
	}}, w.provenance())
	w.status(ctx, incident.StatusAwaitingApproval)
	w.notify(ctx, incident.NotifyApproval, w.ladder(level), fmt.Sprintf("%s on %s waits for approval: %s", p.Option.Title, p.Option.Target, p.Reason))
}

// voidProposal withdraws a proposal that nobody has decided on.
func (w *run) voidProposal(ctx workflow.Context, reason string) {
	if p := w.view.Proposal; p != nil && p.State == incident.ProposalPending {
		w.emit(ctx, &event.ApprovalVoided{ProposalID: p.ID, Reason: reason}, w.provenance())
	}
}
