package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"vigil/workflows/incident"
)

// Freezes is a Policy that knows times in which nothing may begin, whoever
// agreed to it.
type Freezes interface {
	FreezeSpans(from, to time.Time) []incident.Span
}

// frozenAhead is how far ahead a lease is told of them. It is longer than any
// decision is valid.
const frozenAhead = 48 * time.Hour

// RequestLease asks for a lease for the calling workflow. Asking again is
// asking once, so it is retried without harm. What the policy knows of change
// freezes goes with it.
func (a *Activities) RequestLease(ctx context.Context, r incident.LeaseRequest) error {
	defer keepAlive(ctx)()
	if activity.IsActivity(ctx) {
		e := activity.GetInfo(ctx).WorkflowExecution
		r.Holder.WorkflowID, r.Holder.RunID = e.ID, e.RunID
	}
	if f, ok := a.Policy.(Freezes); ok {
		now := time.Now()
		r.Frozen = append(r.Frozen, f.FreezeSpans(now, now.Add(frozenAhead))...)
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
