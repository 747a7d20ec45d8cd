package activities

import (
	"context"

	"go.temporal.io/sdk/activity"

	"vigil/workflows/incident"
)

// RequestLease asks for a lease for the calling workflow. Asking again is
// asking once, so it is retried without harm.
func (a *Activities) RequestLease(ctx context.Context, r incident.LeaseRequest) error {
	defer keepAlive(ctx)()
	if activity.IsActivity(ctx) {
		e := activity.GetInfo(ctx).WorkflowExecution
		r.Holder.WorkflowID, r.Holder.RunID = e.ID, e.RunID
	}
	return failureOf(ctx, "ask for the lease of "+r.Resource, a.Leases.Request(ctx, r))
}

// HolderInput names the workflow that holds a lease.
type HolderInput struct {
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id"`
}

// HolderResult is what a closed holder said came of its action; nil where it
// said nothing, because it was terminated or failed.
type HolderResult struct {
	Remediation *incident.Remediation `json:"remediation,omitempty"`
}

// AwaitHolder returns once the holder of a lease has closed. It only reads.
func (a *Activities) AwaitHolder(ctx context.Context, in HolderInput) (HolderResult, error) {
	defer keepAlive(ctx)()
	r, err := a.Leases.AwaitClose(ctx, in.WorkflowID, in.RunID)
	return HolderResult{r}, failureOf(ctx, "wait for "+in.WorkflowID+" to close", err)
}
