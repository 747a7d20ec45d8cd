package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"

	"vigil/workflows/incident"
)

// ExecuteInput is an approved action and its client token.
type ExecuteInput struct {
	Action incident.Action `json:"action"`
	Token  string          `json:"token"`
}

// ExecuteResult says what the executor calls the execution.
type ExecuteResult struct {
	ID         string              `json:"id"`
	Provenance incident.Provenance `json:"provenance"`
}

// ExecuteAction starts an action on the user's systems. It is the one activity
// that must not run twice: the workflow gives it a single attempt, so its
// scheduled event is the intent, and a lost outcome is read back with
// FindExecution instead of tried again. The client token guards it once more
// where the executor honours one.
func (a *Activities) ExecuteAction(ctx context.Context, in ExecuteInput) (ExecuteResult, error) {
	defer keepAlive(ctx)()
	id, p, err := a.Executor.Start(ctx, in.Action, in.Token)
	if err != nil {
		return ExecuteResult{}, failureOf(ctx, "start "+string(in.Action.Type)+" on "+in.Action.Target, err)
	}
	return ExecuteResult{ID: id, Provenance: attempt(ctx, p)}, nil
}

// FindExecution looks for the execution of an action whose start was never
// reported. An empty id means that none is visible.
func (a *Activities) FindExecution(ctx context.Context, in ExecuteInput) (ExecuteResult, error) {
	defer keepAlive(ctx)()
	id, err := a.Executor.Find(ctx, in.Action, in.Token)
	if err != nil {
		return ExecuteResult{}, failureOf(ctx, "look for the execution of "+string(in.Action.Type), err)
	}
	return ExecuteResult{ID: id}, nil
}

// AwaitInput names an execution.
type AwaitInput struct {
	ID string `json:"id"`
}

// AwaitResult is how an execution ended.
type AwaitResult struct {
	State      incident.ExecutionState `json:"state"`
	Detail     string                  `json:"detail,omitempty"`
	Provenance incident.Provenance     `json:"provenance"`
}

// pollExecution is how often a running execution is looked at.
const pollExecution = time.Second

// AwaitExecution reads an execution until it has ended. It only reads, so it
// is retried without harm.
func (a *Activities) AwaitExecution(ctx context.Context, in AwaitInput) (AwaitResult, error) {
	t := time.NewTicker(pollExecution)
	defer t.Stop()
	for {
		state, detail, p, err := a.Executor.Get(ctx, in.ID)
		if err != nil {
			return AwaitResult{}, failureOf(ctx, "read execution "+in.ID, err)
		}
		if state != incident.ExecutionRunning {
			return AwaitResult{State: state, Detail: detail, Provenance: attempt(ctx, p)}, nil
		}
		activity.RecordHeartbeat(ctx)
		select {
		case <-t.C:
		case <-ctx.Done():
			return AwaitResult{}, errors.Join(ctx.Err(), incident.Errorf(incident.KindUnavailable, "execution %s was still running", in.ID))
		}
	}
}
