package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"vigil/activities"
	"vigil/workflows/incident"
)

// RemediationWorkflowType is the registered name of RemediationWorkflow.
const RemediationWorkflowType = "RemediationWorkflow"

// RemediationInput is an approved action.
type RemediationInput struct {
	Action    incident.Action `json:"action"`
	TimeoutMS int64           `json:"timeout_ms"` // how long the execution may take
}

const (
	maxRefusals  = 3 // starts that the executor throttled: known not to have happened
	readBackFor  = 20 * time.Second
	readBackWait = 2 * time.Second
)

// RemediationWorkflow starts one action at most once and follows it to its
// end. Its history is the ledger: the scheduled start is the intent; an intent
// without outcome is read back at the executor, and where that cannot tell,
// the outcome is unknown. It returns an outcome, not an error.
func RemediationWorkflow(ctx workflow.Context, in RemediationInput) (incident.Execution, error) {
	if in.TimeoutMS <= 0 {
		in.TimeoutMS = int64(10 * time.Minute / time.Millisecond)
	}
	x := incident.Execution{ActionHash: in.Action.Hash(), ClientToken: in.Action.Token(), StartedAt: workflow.Now(ctx).UTC(),
		Provenance: incident.Provenance{Origin: incident.OriginLive, Service: "workflow"}}
	finish := func(s incident.ExecutionState, detail string) (incident.Execution, error) {
		x.State, x.Detail, x.EndedAt = s, detail, workflow.Now(ctx).UTC()
		return x, nil
	}

	started, err := start(ctx, in.Action, x.ClientToken)
	switch {
	case err == nil:
	case refused(err):
		return finish(incident.ExecutionFailed, "the executor refused: "+err.Error())
	default: // it may have started: read back, never start again
		started, err = readBack(ctx, in.Action, x.ClientToken)
		if err != nil {
			return finish(incident.ExecutionUnknown, "the start was not confirmed, and cannot be read back: "+err.Error())
		}
		if started.ID == "" {
			return finish(incident.ExecutionUnknown, "the start was not confirmed, and no execution is visible")
		}
	}
	x.ID, x.Provenance = started.ID, started.Provenance

	wait := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ScheduleToCloseTimeout: ms(in.TimeoutMS),
		HeartbeatTimeout:       heartbeat,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 10 * time.Second},
	})
	var end activities.AwaitResult
	err = workflow.ExecuteActivity(wait, activities.AwaitExecutionName, activities.AwaitInput{ID: x.ID}).Get(ctx, &end)
	if err != nil {
		return finish(incident.ExecutionUnknown, "started as "+x.ID+", but its end cannot be read: "+err.Error())
	}
	x.Provenance = end.Provenance
	return finish(end.State, end.Detail)
}

// start dispatches the effect once. Only a throttled start is tried again, as
// a new intent: the executor has said that it did not happen.
func start(ctx workflow.Context, a incident.Action, token string) (activities.ExecuteResult, error) {
	once := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 30 * time.Second,
		HeartbeatTimeout:    heartbeat,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
	})
	var r activities.ExecuteResult
	for try := 1; ; try++ {
		err := workflow.ExecuteActivity(once, activities.ExecuteActionName, activities.ExecuteInput{Action: a, Token: token}).Get(ctx, &r)
		if err == nil || try == maxRefusals || activities.KindOf(err) != incident.KindThrottled {
			return r, err
		}
		if err := workflow.Sleep(ctx, time.Duration(try)*2*time.Second); err != nil {
			return r, err
		}
	}
}

// refused reports that the executor has said no, so that nothing happened.
func refused(err error) bool {
	switch activities.KindOf(err) {
	case incident.KindInvalid, incident.KindDenied, incident.KindNotFound, incident.KindConflict, incident.KindThrottled:
		return true
	}
	return false
}

// readBack looks for the execution until it is visible or the time is up.
func readBack(ctx workflow.Context, a incident.Action, token string) (activities.ExecuteResult, error) {
	read := readOptions(ctx)
	deadline := workflow.Now(ctx).Add(readBackFor)
	for {
		var r activities.ExecuteResult
		err := workflow.ExecuteActivity(read, activities.FindExecutionName, activities.ExecuteInput{Action: a, Token: token}).Get(ctx, &r)
		if err != nil || r.ID != "" || workflow.Now(ctx).After(deadline) {
			return r, err
		}
		if err := workflow.Sleep(ctx, readBackWait); err != nil {
			return r, err
		}
	}
}
