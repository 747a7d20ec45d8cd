package workflows

import (
	"fmt"
	"slices"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/workflow"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// resolve carries out the plan, in a workflow of its own that is not killed
// when this one closes, and that tells whether it helped. Where it did not, the
// next option is decided on. Once it was started a person's word does not
// interrupt what has begun: what may have happened has to be known.
func (w *run) resolve(ctx workflow.Context) *handover {
	w.begin(ctx, incident.PhaseResolution)
	if w.plan.Ruling.DryRun {
		return w.rehearse(ctx)
	}
	w.status(ctx, incident.StatusResolving)
	if ctx.Err() != nil { // ended between the approval and here: nothing has happened yet
		return nil
	}
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	r := w.remediate(ctx)
	w.emit(ctx, &event.RemediationChanged{Remediation: r}, w.remediationProvenance(r))
	return w.remediated(ctx, r)
}

// rehearse shows what would have been sent, and sends nothing.
func (w *run) rehearse(ctx workflow.Context) *handover {
	r := incident.Remediation{ActionHash: w.plan.Action.Hash(), Name: w.plan.Action.Name, Target: w.plan.Action.Target,
		State: incident.RemediationRehearse, Detail: w.plan.Ruling.DryRunReason, StartedAt: workflow.Now(ctx).UTC(), EndedAt: workflow.Now(ctx).UTC()}
	err := workflow.ExecuteActivity(readOptions(ctx), activities.RehearseActionName, w.plan.Action).Get(ctx, &r.Calls)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		r.Detail += "; what would be sent cannot be made: " + activities.Said(err)
	}
	w.emit(ctx, &event.RemediationChanged{Remediation: r}, w.provenance())
	detail := fmt.Sprintf("dry run, nothing was sent (%s): %s on %s", w.plan.Ruling.DryRunReason, w.plan.Option.Title, w.plan.Action.Target)
	w.end(ctx, incident.PhaseResolution, incident.PhaseSkipped, detail)
	return &handover{incident.HandoverDryRun, detail}
}

// remediate runs the remediation to its end and shows what it tells meanwhile.
// It is told to withdraw when the incident no longer wants it.
func (w *run) remediate(ctx workflow.Context) incident.Remediation {
	a := w.plan.Action
	id := incident.RemediationID(w.id, a.PlanRevision)
	w.acting = &acting{hash: a.Hash()}
	defer func() { w.acting = nil }()
	child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID: id, ParentClosePolicy: enums.PARENT_CLOSE_POLICY_ABANDON, StaticSummary: a.Name + " on " + a.Target,
	}), incident.RemediationWorkflowType, w.remediationInput())
	workflow.Go(ctx, func(ctx workflow.Context) {
		if child.GetChildWorkflowExecution().Get(ctx, nil) != nil {
			return // it was never begun, as its future says
		}
		for acting := w.acting; ; {
			if workflow.Await(ctx, func() bool { return w.acting != acting || w.unwanted() != "" && !acting.withdrawn }) != nil || w.acting != acting {
				return
			}
			acting.withdrawn = true
			// Where it has ended meanwhile there is nobody to hear it.
			_ = workflow.SignalExternalWorkflow(ctx, id, "", incident.SignalWithdraw, incident.WithdrawSignal{Reason: w.unwanted()}).Get(ctx, nil)
		}
	})
	var r incident.Remediation
	if err := child.Get(ctx, &r); err != nil {
		r = incident.Remediation{WorkflowID: id, ActionHash: a.Hash(), Name: a.Name, Target: a.Target, State: incident.RemediationUnknown,
			Detail: "the remediation ended without an outcome: " + activities.Said(err), EndedAt: workflow.Now(ctx).UTC()}
		if last := w.view.Remediation; last != nil && last.ActionHash == r.ActionHash {
			r.Executions, r.StartedAt, r.ActedAt = last.Executions, last.StartedAt, last.ActedAt
		}
	}
	w.takeUpdates(ctx) // what was told before it ended
	return r
}

// acting is a remediation while it runs.
type acting struct {
	hash      string
	withdrawn bool
}

// unwanted says why the incident no longer wants what is being done; "" where
// it does. What has begun is finished in any case.
func (w *run) unwanted() string {
	switch {
	case w.resolvedBy != nil:
		return w.resolvedBy.Principal.Name + " resolved the incident"
	case w.merged != nil:
		return "it is part of incident " + w.merged.To
	case w.cancelled != nil:
		return "somebody asked Vigil to stop: " + w.cancelled.Reason
	case w.storyCtx.Err() != nil:
		return "the incident's workflow was cancelled"
	case w.cleared() && (w.view.Remediation == nil || w.view.Remediation.ActionHash != w.acting.hash || !w.view.Remediation.Acted()):
		return "every alert has cleared"
	}
	return ""
}

func (w *run) remediationInput() RemediationInput {
	p, s := w.plan, w.settings
	e, _ := w.entry(p.Action.Name)
	from, base := w.window()
	services := []string{w.service}
	if !has(services, p.Action.Target) {
		services = append(services, p.Action.Target)
	}
	in := RemediationInput{
		Action: p.Action, TimeoutMS: e.TimeoutMS, ValidUntil: w.decidedAt.Add(ms(s.DecisionValidMS)).UTC(),
		Guard: activities.Guard{Facts: p.Facts, Autonomy: p.Ruling.Autonomy, Precondition: p.Action.Precondition, Planned: p.Action.Planned},
		Probe: e.Probe, Recovery: activities.RecoveryInput{Services: services, BaselineFrom: from, BaselineTo: base, Metrics: e.Probe.Metrics},
		Leases: w.leases(e),
	}
	if in.Probe.Points == 0 {
		in.Probe.Points = s.VerifyPoints
	}
	if in.Probe.EveryMS == 0 {
		in.Probe.EveryMS = s.VerifyEveryMS
	}
	if in.Probe.TimeoutMS == 0 {
		in.Probe.TimeoutMS = s.VerifyTimeoutMS
	}
	if !p.Ruling.Autonomy.Alone() {
		for _, a := range w.view.Proposal.Approvals {
			in.Guard.Approvers = append(in.Guard.Approvers, a.By)
		}
	}
	return in
}

// leases are asked for in this order by everybody, so that no two wait for
// each other.
func (w *run) leases(e incident.CatalogueEntry) []incident.LeaseRequest {
	holder := incident.Holder{IncidentID: w.id, Action: w.plan.Action, Share: e.Share, State: incident.HolderWaiting}
	service := w.settings.ServiceLease
	service.PerHour = e.PerHour
	return []incident.LeaseRequest{
		{Resource: incident.ServiceResource(w.plan.Action.Target), Holder: holder, Limits: service},
		{Resource: incident.AccountResource(w.settings.Account), Holder: holder, Limits: w.settings.AccountLease},
	}
}

// takeUpdates shows what the remediation has told.
func (w *run) takeUpdates(ctx workflow.Context) {
	for {
		var u incident.RemediationUpdate
		if !w.updates.ReceiveAsync(&u) {
			return
		}
		w.takeUpdate(ctx, u)
	}
}

func (w *run) takeUpdate(ctx workflow.Context, u incident.RemediationUpdate) {
	if w.acting == nil || u.Remediation.ActionHash != w.acting.hash {
		return // of one that was given up
	}
	before := w.view.Remediation
	switch {
	case u.Started != nil:
		w.emit(ctx, &event.ActionStarted{Action: w.plan.Action, Effect: *u.Started, ClientToken: u.Started.Token()}, w.provenance())
	case u.Finished != nil:
		w.emit(ctx, &event.ActionFinished{Execution: *u.Finished}, u.Finished.Provenance)
	case u.Measured != nil:
		w.emit(ctx, &event.VerificationMeasured{Verification: *u.Measured}, w.provenance())
	}
	if before != nil && before.ActionHash == u.Remediation.ActionHash && before.State == u.Remediation.State && u.Remediation.WaitsFor == before.WaitsFor {
		return
	}
	w.emit(ctx, &event.RemediationChanged{Remediation: u.Remediation}, w.remediationProvenance(u.Remediation))
	if u.Remediation.State == incident.RemediationProbing {
		w.end(ctx, incident.PhaseResolution, incident.PhaseCompleted, w.plan.Option.Title)
		w.begin(ctx, incident.PhaseVerification)
		w.status(ctx, incident.StatusVerifying)
	}
}

func (w *run) remediationProvenance(r incident.Remediation) incident.Provenance {
	if n := len(r.Executions); n > 0 && r.Executions[n-1].Provenance.Origin.Valid() {
		return r.Executions[n-1].Provenance
	}
	return w.provenance()
}

// remediated says how the story goes on after an action: it helped, another
// option is decided on, or a person has to take over.
func (w *run) remediated(ctx workflow.Context, r incident.Remediation) *handover {
	phase := w.view.Phase // resolution, or verification where it came to that
	failed := func(reason incident.HandoverReason, detail string) *handover {
		w.end(ctx, phase, incident.PhaseFailed, detail)
		return &handover{reason, detail}
	}
	what := w.plan.Option.Title + " on " + w.plan.Action.Target
	if r.State != incident.RemediationDropped {
		kind := incident.NotifyOutcome
		if r.State == incident.RemediationUnsafe {
			kind = incident.NotifyUnsafe
		}
		w.notify(ctx, kind, w.ladder(w.view.Level), fmt.Sprintf("%s: %s. %s", what, inWords(r), r.Detail))
	}
	switch r.State {
	case incident.RemediationHelped:
		w.end(ctx, phase, incident.PhaseCompleted, r.Detail)
		return nil
	case incident.RemediationUndone:
		if halfDone(r) {
			return w.nextOption(ctx, phase, handover{incident.HandoverActionFailed, what + " failed half-way, and what could be taken back was: " + r.Detail})
		}
		return w.nextOption(ctx, phase, handover{incident.HandoverNotVerified, what + " did not help, and what could be taken back was: " + r.Detail})
	case incident.RemediationFailed:
		return w.nextOption(ctx, phase, handover{incident.HandoverActionFailed, what + " failed: " + r.Detail})
	case incident.RemediationUnproven:
		return failed(incident.HandoverNotVerified, what+" ran; whether it helped cannot be told: "+r.Detail)
	case incident.RemediationUnsafe:
		return failed(incident.HandoverUnsafe, what+" could not be taken back; look at it now: "+r.Detail)
	case incident.RemediationDropped:
		return w.withdrawn(ctx, phase, what, r)
	}
	return failed(incident.HandoverActionUnknown, "whether "+what+" took effect cannot be told; look before you do anything: "+r.Detail)
}

// halfDone reports that a step failed, so that the action never ran whole.
func halfDone(r incident.Remediation) bool {
	return slices.ContainsFunc(r.Executions, func(x incident.Execution) bool { return !x.Undo && x.State == incident.ExecutionFailed })
}

func inWords(r incident.Remediation) string {
	switch r.State {
	case incident.RemediationHelped:
		return "it helped"
	case incident.RemediationUndone:
		if halfDone(r) {
			return "it failed half-way, and what could be taken back was"
		}
		return "it did not help, and what could be taken back was"
	case incident.RemediationFailed:
		return "it failed"
	case incident.RemediationUnproven:
		return "it ran, and whether it helped cannot be told"
	case incident.RemediationUnsafe:
		return "it could not be taken back"
	}
	return "whether it ran cannot be told"
}

// nextOption goes back to deciding, without what was tried.
func (w *run) nextOption(ctx workflow.Context, phase incident.Phase, h handover) *handover {
	id := w.plan.Option.ID
	if !w.tried[id] {
		w.tried[id] = true
		w.triedOrder = append(w.triedOrder, id)
	}
	w.lastFailure = h
	w.end(ctx, phase, incident.PhaseFailed, h.detail)
	if len(w.tried) >= w.settings.MaxActions {
		h.detail += fmt.Sprintf("; %d actions are as many as one incident gets", len(w.tried))
		return &h
	}
	w.redo = true
	return nil
}

// maxVoided is how often a plan that was refused before it began is made anew.
const maxVoided = 2

// withdrawn is where nothing was changed: the alerts cleared, the decision no
// longer holds, or somebody stopped it.
func (w *run) withdrawn(ctx workflow.Context, phase incident.Phase, what string, r incident.Remediation) *handover {
	if p := w.view.Proposal; p != nil && p.ActionHash == r.ActionHash {
		w.emit(ctx, &event.ApprovalVoided{ProposalID: p.ID, Reason: r.Detail}, w.provenance())
	}
	w.end(ctx, phase, incident.PhaseSkipped, r.Detail)
	switch {
	case w.unwantedByAnyone():
		return nil // the story ends, or is somebody's
	case w.cleared():
		return w.checkRecovered(w.storyCtx)
	case r.Voided && w.voided < maxVoided:
		w.voided++
		w.redo = true
		return nil
	}
	return &handover{incident.HandoverWithdrawn, what + " was not begun: " + r.Detail}
}

func (w *run) unwantedByAnyone() bool {
	return w.settled() || w.cancelled != nil || w.storyCtx.Err() != nil
}

// ladder is the team of a level.
func (w *run) ladder(level int) []string {
	return slices.Clone(w.settings.Ladder[min(level, len(w.settings.Ladder)-1):][:1])
}
