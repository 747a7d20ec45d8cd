package workflows

import (
	"fmt"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/workflow"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// resolve carries out the approved action, in a workflow of its own that is
// not killed when this one closes. Once it was started a person's word does
// not interrupt it: what may have happened has to be known.
func (w *run) resolve(ctx workflow.Context) *handover {
	w.begin(ctx, incident.PhaseResolution)
	if !w.plan.Option.Enabled {
		detail := fmt.Sprintf("dry run: %s would run %s on %s; enable %s to let it", w.plan.Action.Type, w.plan.Action.Document,
			w.plan.Action.Target, w.plan.Action.Type)
		w.end(ctx, incident.PhaseResolution, incident.PhaseSkipped, detail)
		return &handover{incident.HandoverDryRun, detail}
	}
	w.status(ctx, incident.StatusResolving)
	if ctx.Err() != nil { // ended between the approval and here: nothing has happened yet
		return nil
	}
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	a := w.plan.Action
	w.emit(ctx, &event.ActionStarted{ProposalID: w.view.Proposal.ID, Action: a, ClientToken: a.Token()}, w.provenance())

	child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:        fmt.Sprintf("%s-remediation-%d-%d", w.id, a.PlanRevision, a.Step),
		ParentClosePolicy: enums.PARENT_CLOSE_POLICY_ABANDON,
		StaticSummary:     string(a.Type) + " on " + a.Target,
	})
	var x incident.Execution
	err := workflow.ExecuteChildWorkflow(child, RemediationWorkflowType, RemediationInput{Action: a, TimeoutMS: w.timeout(a.Type)}).Get(ctx, &x)
	if err != nil {
		x = incident.Execution{ActionHash: a.Hash(), ClientToken: a.Token(), State: incident.ExecutionUnknown,
			Detail: "the remediation ended without an outcome: " + err.Error(), Provenance: w.provenance()}
	}
	w.emit(ctx, &event.ActionFinished{Execution: x}, x.Provenance)
	switch x.State {
	case incident.ExecutionSucceeded:
		w.end(ctx, incident.PhaseResolution, incident.PhaseCompleted, w.plan.Option.Title)
		return nil
	case incident.ExecutionFailed:
		w.end(ctx, incident.PhaseResolution, incident.PhaseFailed, x.Detail)
		return &handover{incident.HandoverActionFailed, "the action failed: " + x.Detail}
	}
	w.end(ctx, incident.PhaseResolution, incident.PhaseFailed, "unknown outcome")
	return &handover{incident.HandoverActionUnknown, "whether the action took effect cannot be told: " + x.Detail}
}

func (w *run) timeout(t incident.ActionType) int64 {
	for _, e := range w.settings.Catalogue {
		if e.Type == t {
			return e.TimeoutMS
		}
	}
	return 0
}
