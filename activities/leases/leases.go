// Package leases asks for leases and follows those who hold them, through the
// Temporal client of the worker.
//
// A lease is handed out by a workflow of its own for each resource. Request
// signals that workflow, and starts it where it does not run: it is one call,
// so a request is never lost between the two. Asking again is asking once,
// because the workflow knows its holders by workflow and run. AwaitClose waits
// for one run to close, however long that takes, and follows no other: a run
// that comes after it is another holder.
//
// Errors are of kind unavailable unless a request can never be right; both
// calls may be repeated without harm. A Leases keeps no state and is safe for
// concurrent use.
package leases

import (
	"context"
	"encoding/json"
	"errors"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"vigil/activities"
	"vigil/workflows/incident"
)

// Client is the part of Temporal's client that leases need.
type Client interface {
	SignalWithStartWorkflow(ctx context.Context, workflowID, signalName string, signalArg any, options client.StartWorkflowOptions,
		start any, args ...any) (client.WorkflowRun, error)
	GetWorkflow(ctx context.Context, workflowID, runID string) client.WorkflowRun
}

// Leases implements activities.Leases.
type Leases struct{ client Client }

var _ activities.Leases = (*Leases)(nil)

// New makes a Leases on a client, which stays the caller's.
func New(c Client) *Leases { return &Leases{client: c} }

// Request asks for a lease. The grant goes to the holder's workflow.
func (l *Leases) Request(ctx context.Context, r incident.LeaseRequest) error {
	if r.Resource == "" || r.Holder.WorkflowID == "" || r.Holder.RunID == "" || r.Limits.Concurrent < 1 {
		return incident.Errorf(incident.KindInvalid, "a lease of %q for workflow %q, run %q with %d at once cannot be asked for: all four are needed",
			r.Resource, r.Holder.WorkflowID, r.Holder.RunID, r.Limits.Concurrent)
	}
	id := incident.LeaseID(r.Resource)
	_, err := l.client.SignalWithStartWorkflow(ctx, id, incident.SignalLeaseRequest, r, client.StartWorkflowOptions{
		ID:                    id,
		TaskQueue:             incident.TaskQueue,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, // it ends when nobody needs it, and begins anew
		StaticSummary:         "Leases of " + r.Resource,
	}, incident.LeaseWorkflowType, incident.LeaseState{Resource: r.Resource, Limits: r.Limits})
	return unavailable("ask for a lease of "+r.Resource, err)
}

// AwaitClose returns once the run has closed, with what it said came of its
// action. It is nil where it said nothing: it was terminated, failed, timed out
// or was canceled, its result cannot be read, or Temporal has no such run any
// more.
func (l *Leases) AwaitClose(ctx context.Context, workflowID, runID string) (*incident.Remediation, error) {
	if workflowID == "" || runID == "" {
		return nil, incident.Errorf(incident.KindInvalid, "the holder of a lease is a workflow and a run, not %q and %q", workflowID, runID)
	}
	op := "wait for " + workflowID + " to close"
	// Raw, so that a result that cannot be read is told from a server that does not answer.
	var result json.RawMessage
	err := l.client.GetWorkflow(ctx, workflowID, runID).GetWithOptions(ctx, &result, client.WorkflowRunGetOptions{DisableFollowingRuns: true})
	if ctx.Err() != nil {
		return nil, unavailable(op, ctx.Err())
	}
	var closed *temporal.WorkflowExecutionError
	var gone *serviceerror.NotFound
	switch {
	case errors.As(err, &closed), errors.As(err, &gone), workflow.IsContinueAsNewError(err):
		return nil, nil // a run that went on as another has said nothing either
	case err != nil:
		return nil, unavailable(op, err)
	}
	var r incident.Remediation
	if json.Unmarshal(result, &r) != nil || r.WorkflowID == "" && r.State == "" {
		return nil, nil
	}
	return &r, nil
}

func unavailable(op string, err error) error {
	if err == nil {
		return nil
	}
	return &incident.Error{Kind: incident.KindUnavailable, Op: op, Msg: "Temporal did not answer, or the wait was ended; it can be tried again", Err: err}
}
