package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// checkDecide refuses what is no decision on the proposal that stands now. Who
// is second is told who decided.
func (w *run) checkDecide(ctx workflow.Context, a incident.DecideArgs) error {
	if err := w.checkOpen(a.Principal, incident.RoleApprover, "deciding on a proposal"); err != nil {
		return err
	}
	p := w.view.Proposal
	switch {
	case a.Decision != incident.DecisionApprove && a.Decision != incident.DecisionReject:
		return incident.Errorf(incident.KindInvalid, "decision is %q; say approve or reject", a.Decision)
	case len(a.Comment) > maxNote:
		return incident.Errorf(incident.KindInvalid, "the comment is longer than %d characters", maxNote)
	case p == nil || p.ID != a.ProposalID:
		return incident.Errorf(incident.KindConflict, "there is no proposal %q, or a newer one has taken its place; look again", a.ProposalID)
	case p.State == incident.ProposalApproved, p.State == incident.ProposalRejected:
		return incident.Errorf(incident.KindConflict, "already %s by %s", p.State, p.DecidedBy)
	case p.State != incident.ProposalPending || !workflow.Now(ctx).Before(p.Deadline):
		return incident.Errorf(incident.KindConflict, "the proposal has expired or was overtaken; nothing was decided")
	case p.ActionHash != a.ActionHash:
		return incident.Errorf(incident.KindConflict, "the action is not the one that was shown (its hash is %.12s…, not %.12s…); look again", p.ActionHash, a.ActionHash)
	case a.Decision == incident.DecisionApprove:
		return w.checkApprover(*p, a.Principal)
	}
	return nil
}

// checkApprover holds that each approval is another person's, none of them the
// one who put the action forward.
func (w *run) checkApprover(p incident.Proposal, who incident.Principal) error {
	switch {
	case !who.May(p.Ruling.Role):
		return incident.Errorf(incident.KindDenied, "the policy (rule %s) asks for the role %s; %q has %q", p.Ruling.Rule, p.Ruling.Role, who.Name, who.Role)
	case p.ProposedBy == who.Name:
		return incident.Errorf(incident.KindDenied, "%s put this forward; somebody else has to approve it", who.Name)
	case slices.ContainsFunc(p.Approvals, func(a incident.Approval) bool { return a.By == who.Name }):
		return incident.Errorf(incident.KindConflict, "%s has approved it already; %d different people have to", who.Name, p.Need)
	}
	return nil
}

func (w *run) onDecide(ctx workflow.Context, a incident.DecideArgs) (incident.DecideResult, error) {
	p := w.view.Proposal
	out := incident.DecideResult{ProposalID: p.ID, State: incident.ProposalRejected, DecidedBy: a.Principal.Name,
		DecidedAt: workflow.Now(ctx), Have: len(p.Approvals), Need: p.Need}
	if a.Decision == incident.DecisionApprove {
		out.Have++
		w.emit(ctx, &event.ApprovalGiven{ProposalID: p.ID, By: a.Principal.Name, Comment: a.Comment, Have: out.Have, Need: p.Need}, w.by(a.Principal))
		if out.State = incident.ProposalApproved; out.Have < p.Need {
			out.State = incident.ProposalPending
			return out, nil
		}
	}
	by := a.Principal.Name
	if out.State == incident.ProposalApproved {
		by = approvers(w.view.Proposal.Approvals)
	}
	w.emit(ctx, &event.ApprovalDecided{ProposalID: p.ID, State: out.State, By: by, Comment: a.Comment}, w.by(a.Principal))
	w.notify(ctx, incident.NotifyDecided, w.ladder(p.Level), p.Title+" on "+p.Action.Target+" was "+string(out.State)+" by "+by+".")
	out.DecidedBy = by
	return out, nil
}

func approvers(list []incident.Approval) string {
	s := ""
	for i, a := range list {
		if i > 0 {
			s += " and "
		}
		s += a.By
	}
	return s
}

func (w *run) checkPropose(_ workflow.Context, a incident.ProposeArgs) error {
	if err := w.checkOpen(a.Principal, incident.RoleResponder, "putting an action forward"); err != nil {
		return err
	}
	if err := checkText("reason", a.Reason); err != nil {
		return err
	}
	d := w.view.Decision
	switch {
	case w.cancelled != nil:
		return incident.Errorf(incident.KindConflict, "Vigil was asked to stop with this incident")
	case d == nil:
		return incident.Errorf(incident.KindConflict, "there are no options yet; wait for the decision")
	case w.acting != nil:
		return incident.Errorf(incident.KindConflict, "an action is being carried out; wait for its outcome")
	case w.wanted != nil:
		return incident.Errorf(incident.KindConflict, "%s has just put %s forward", w.wanted.Principal.Name, w.wanted.OptionID)
	case w.tried[a.OptionID]:
		return incident.Errorf(incident.KindConflict, "%s was tried before", a.OptionID)
	case !slices.ContainsFunc(d.Options, func(o incident.Option) bool { return o.ID == a.OptionID }):
		return incident.Errorf(incident.KindInvalid, "there is no option %q; the decision lists them", a.OptionID)
	}
	if p := w.view.Proposal; p != nil && p.State == incident.ProposalApproved && p.ActionHash == w.plan.Action.Hash() && w.view.Remediation == nil {
		return incident.Errorf(incident.KindConflict, "%s was just approved and is about to begin", p.Title)
	}
	return nil
}

func (w *run) onPropose(ctx workflow.Context, a incident.ProposeArgs) (incident.VerbResult, error) {
	w.wanted = &a
	return incident.VerbResult{Seq: w.emit(ctx, &event.OptionProposed{OptionID: a.OptionID, By: a.Principal.Name, Reason: a.Reason}, w.by(a.Principal))}, nil
}
