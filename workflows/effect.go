package workflows

import (
	"errors"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"vigil/activities"
	"vigil/workflows/incident"
)

const (
	maxRefusals  = 3 // starts that were throttled: known not to have happened
	readBackFor  = 20 * time.Second
	readBackWait = 2 * time.Second
)

// effect begins one effect at most once and follows it to its end.
func (r *remediation) effect(ctx workflow.Context, e incident.Effect) incident.Execution {
	x := incident.Execution{ActionHash: e.ActionHash, Step: e.Step, Undo: e.Undo, Executor: e.Executor, Document: e.Document,
		ClientToken: e.Token(), State: incident.ExecutionRunning, StartedAt: workflow.Now(ctx).UTC(),
		Provenance: incident.Provenance{Origin: r.in.Guard.Facts.Origin, Service: "workflow"}}
	r.out.Executions = append(r.out.Executions, x)
	r.tell(ctx, incident.RemediationUpdate{Started: &e})
	r.carryOut(ctx, e, &x)
	x.EndedAt = workflow.Now(ctx).UTC()
	r.out.Executions[len(r.out.Executions)-1] = x
	if !e.Undo && !x.Refused {
		r.done = append(r.done, e.Step)
		if r.out.ActedAt.IsZero() {
			r.out.ActedAt = x.StartedAt
		}
	}
	r.tell(ctx, incident.RemediationUpdate{Finished: &x})
	return x
}

func (r *remediation) carryOut(ctx workflow.Context, e incident.Effect, x *incident.Execution) {
	guard := r.in.Guard
	guard.Begun = len(r.done) > 0
	if !guard.Begun && !workflow.Now(ctx).Before(r.in.ValidUntil) {
		x.State, x.Refused, x.Voided, x.Detail = incident.ExecutionFailed, true, true, "the decision was made too long ago; nothing was sent"
		return
	}
	begin := r.in.ValidUntil.Sub(workflow.Now(ctx))
	if guard.Begun { // what has begun is finished, or taken back, as long as it takes
		begin = 0
	}
	started, err := r.start(ctx, activities.ExecuteInput{Effect: e, Guard: guard}, begin)
	switch {
	case err == nil:
	case refused(err):
		x.State, x.Refused, x.Voided = incident.ExecutionFailed, true, notBegun(err)
		x.Detail = "nothing was changed: " + activities.Said(err)
		return
	default: // it may have started: read back, never start again
		started, err = readBack(ctx, e)
		if err != nil {
			x.State, x.Detail = incident.ExecutionUnknown, "the start was not confirmed, and cannot be read back: "+activities.Said(err)
			return
		}
		if started.ID == "" {
			x.State, x.Detail = incident.ExecutionUnknown, "the start was not confirmed, and no execution is visible"
			return
		}
	}
	x.ID = started.ID
	if started.Provenance.Service != "" {
		x.Provenance = started.Provenance
	}
	wait := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ScheduleToCloseTimeout: ms(r.in.TimeoutMS),
		HeartbeatTimeout:       heartbeat,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 10 * time.Second},
	})
	var end activities.AwaitResult
	if err := workflow.ExecuteActivity(wait, activities.AwaitExecutionName, activities.AwaitInput{Effect: e, ID: x.ID}).Get(ctx, &end); err != nil {
		x.State, x.Detail = incident.ExecutionUnknown, "started as "+x.ID+", but its end cannot be read: "+activities.Said(err)
		return
	}
	x.State, x.Detail, x.Provenance = end.State, end.Detail, end.Provenance
}

// start dispatches the effect once, and not at all where no worker takes it in
// time. Only a throttled start is tried again, as a new intent: the executor
// has said that it did not happen.
func (r *remediation) start(ctx workflow.Context, in activities.ExecuteInput, within time.Duration) (activities.ExecuteResult, error) {
	once := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ScheduleToStartTimeout: within,
		StartToCloseTimeout:    30 * time.Second,
		HeartbeatTimeout:       heartbeat,
		RetryPolicy:            &temporal.RetryPolicy{MaximumAttempts: 1},
	})
	unwanted := func() bool { return r.withdrawn != "" && !in.Guard.Begun }
	var out activities.ExecuteResult
	for try := 1; ; try++ {
		err := workflow.ExecuteActivity(once, activities.ExecuteActionName, in).Get(ctx, &out)
		if err == nil || try == maxRefusals || activities.KindOf(err) != incident.KindThrottled {
			return out, err
		}
		if _, err := workflow.AwaitWithTimeout(ctx, time.Duration(try)*2*time.Second, unwanted); err != nil {
			return out, err
		}
		if unwanted() {
			return out, incident.Errorf(incident.KindConflict, "%s before it was tried again", r.withdrawn)
		}
	}
}

// notBegun reports that nothing is wrong with the action itself: it may be
// decided on anew.
func notBegun(err error) bool {
	kind := activities.KindOf(err)
	return kind == incident.KindConflict || kind == incident.KindThrottled || neverStarted(err)
}

// neverStarted reports that no worker took the effect in time.
func neverStarted(err error) bool {
	var timeout *temporal.TimeoutError
	return errors.As(err, &timeout) && timeout.TimeoutType() == enums.TIMEOUT_TYPE_SCHEDULE_TO_START
}

// refused reports that the guard or the executor has said no, so that nothing
// happened.
func refused(err error) bool {
	if neverStarted(err) {
		return true
	}
	switch activities.KindOf(err) {
	case incident.KindInvalid, incident.KindDenied, incident.KindNotFound, incident.KindConflict, incident.KindThrottled:
		return true
	}
	return false
}

// readBack looks for the execution until it is visible or the time is up.
func readBack(ctx workflow.Context, e incident.Effect) (activities.ExecuteResult, error) {
	read := readOptions(ctx)
	deadline := workflow.Now(ctx).Add(readBackFor)
	for {
		var r activities.ExecuteResult
		err := workflow.ExecuteActivity(read, activities.FindExecutionName, e).Get(ctx, &r)
		if err != nil || r.ID != "" || workflow.Now(ctx).After(deadline) {
			return r, err
		}
		if err := workflow.Sleep(ctx, readBackWait); err != nil {
			return r, err
		}
	}
}
