package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"vigil/workflows/incident"
)

// ExecuteInput is one effect, and what must still hold when it begins.
type ExecuteInput struct {
	Effect incident.Effect `json:"effect"`
	Guard  Guard           `json:"guard"`
}

// Guard is what a decision rests on. It is looked at afresh immediately before
// an effect, and closes where it cannot be: nothing is changed then.
type Guard struct {
	Facts        incident.Facts       `json:"facts"`
	Autonomy     incident.Autonomy    `json:"autonomy"`            // what was asked for when it was decided
	Approvers    []string             `json:"approvers,omitempty"` // who agreed, and must still be allowed to
	Precondition string               `json:"precondition,omitempty"`
	Planned      incident.TargetState `json:"planned,omitempty"`

	// Begun: an effect of this action has begun, so only the kill switch stops
	// the next one, or what takes them back.
	Begun bool `json:"begun,omitempty"`
}

// ExecuteResult says what the executor calls the execution.
type ExecuteResult struct {
	ID         string              `json:"id"`
	Provenance incident.Provenance `json:"provenance"`
}

// permitFor is how long what the guard saw may be relied on. With the time that
// one look takes at most, it stays below the 5 s within which the kill switch
// stops new effects.
const (
	permitFor = 2 * time.Second
	guardTime = 2 * time.Second
)

// ExecuteAction begins one effect on the user's systems. It is the one activity
// that must not run twice: the workflow gives it a single attempt, so its
// scheduled event is the intent, and a lost outcome is read back with
// FindExecution instead of tried again. The client token guards it once more
// where the executor honours one. What the guard refuses is an error of kind
// conflict, or throttled where it could not look: nothing was sent.
func (a *Activities) ExecuteAction(ctx context.Context, in ExecuteInput) (ExecuteResult, error) {
	defer keepAlive(ctx)()
	op := "start " + in.Effect.String()
	x, err := a.executor(in.Effect)
	if err != nil {
		return ExecuteResult{}, failureOf(ctx, op, err)
	}
	if err := a.precondition(ctx, x, in); err != nil {
		return ExecuteResult{}, failureOf(ctx, op, refusal(err))
	}
	at := time.Now()
	if err := a.permitted(ctx, in); err != nil {
		return ExecuteResult{}, failureOf(ctx, op, refusal(err))
	}
	last := &lastLook{at: at, look: func() error { return a.permitted(ctx, in) }}
	id, p, err := x.Start(context.WithValue(ctx, lastLookKey{}, last), in.Effect)
	if err != nil {
		return ExecuteResult{}, failureOf(ctx, op, err)
	}
	return ExecuteResult{ID: id, Provenance: attempt(ctx, p)}, nil
}

// lastLook is what the guard saw, and when.
type lastLook struct {
	at   time.Time
	look func() error
}

type lastLookKey struct{}

// LastLook is for executors, which call it immediately before they send an
// effect, after all preparation such as assuming a role: what the guard saw may
// be old by then, because preparing took long or this process was stopped. It
// looks again where it is, and an error says that nothing may be sent. Outside
// of ExecuteAction it allows everything.
func LastLook(ctx context.Context) error {
	l, ok := ctx.Value(lastLookKey{}).(*lastLook)
	if !ok || time.Since(l.at) < permitFor {
		return nil
	}
	at := time.Now()
	if err := l.look(); err != nil {
		return refusal(err)
	}
	if l.at = at; time.Since(at) >= permitFor {
		return refusal(incident.Errorf(incident.KindUnavailable, "%s passed while the kill switch was looked at", time.Since(at).Round(time.Millisecond)))
	}
	return nil
}

// refusal says that nothing was sent, so nothing about it is doubtful: a no of
// the guard is a conflict, to be decided on anew; where it could not look, it is
// throttled, and may be tried once more.
func refusal(err error) error {
	kind := incident.KindConflict
	if incident.KindOf(err).Retryable() {
		kind = incident.KindThrottled
	}
	return &incident.Error{Kind: kind, Msg: "nothing was sent", Err: err}
}

// precondition looks at the target once more.
func (a *Activities) precondition(ctx context.Context, x Executor, in ExecuteInput) error {
	g := in.Guard
	if g.Begun || g.Precondition == "" {
		return nil
	}
	now, _, err := x.Observe(ctx, in.Effect)
	if err != nil {
		return err
	}
	holds, err := a.Catalogue.Holds(g.Precondition, in.Effect.Target, g.Planned, now)
	if err == nil && !holds {
		err = incident.Errorf(incident.KindConflict, "the precondition %q no longer holds: %s is %v, and was %v", g.Precondition, in.Effect.Target, now, g.Planned)
	}
	return err
}

// permitted reads the controls last of all, so that nothing comes between the
// kill switch and the call but the call.
func (a *Activities) permitted(ctx context.Context, in ExecuteInput) error {
	ctx, cancel := context.WithTimeout(ctx, guardTime)
	defer cancel()
	g := in.Guard
	var v incident.PolicyVerdict
	var approvers []incident.Principal
	if !g.Begun {
		for _, name := range g.Approvers {
			role, err := a.Principals.Role(ctx, name)
			if err != nil {
				return err
			}
			approvers = append(approvers, incident.Principal{Name: name, Role: role})
		}
		var err error
		if v, err = a.Policy.Judge(ctx, g.Facts, time.Now()); err != nil {
			return err
		}
	}
	c, err := a.Controls.Read(ctx)
	switch {
	case err != nil:
		return err
	case c.Killed:
		return incident.Errorf(incident.KindDenied, "the kill switch is on (%s: %s)", c.By, c.Reason)
	case g.Begun:
		return nil
	}
	r := incident.Rule(g.Facts, v, c)
	if r.Autonomy.Stricter(g.Autonomy) {
		return incident.Errorf(incident.KindConflict, "it was decided on as %q and is %q now: %s %s", g.Autonomy, r.Autonomy, r.Reason, r.Bounds)
	}
	if r.DryRun {
		return incident.Errorf(incident.KindConflict, "it is a dry run now: %s", r.DryRunReason)
	}
	for _, p := range approvers {
		if !p.May(r.Role) { // which is approver, or above where the policy asks for more
			return incident.Errorf(incident.KindDenied, "%s agreed to it and may no longer approve: that takes the role %s", p.Name, r.Role)
		}
	}
	return nil
}

func (a *Activities) executor(e incident.Effect) (Executor, error) {
	if x := a.Executors[e.Executor]; x != nil {
		return x, nil
	}
	return nil, incident.Errorf(incident.KindInvalid, "this worker has no executor %q; configure it, or take the action out of the catalogue", e.Executor)
}

// RehearseAction returns the requests that an action would send, in order, and
// sends none.
func (a *Activities) RehearseAction(ctx context.Context, in incident.Action) ([]incident.Call, error) {
	var calls []incident.Call
	for n := range in.Steps {
		e := in.Effect(n + 1)
		x, err := a.executor(e)
		if err != nil {
			return nil, failureOf(ctx, "rehearse "+e.String(), err)
		}
		c, err := x.Call(e)
		if err != nil {
			return nil, failureOf(ctx, "rehearse "+e.String(), err)
		}
		calls = append(calls, c)
	}
	return calls, nil
}

// FindExecution looks for the execution of an effect whose start was never
// reported. An empty id means that none is visible.
func (a *Activities) FindExecution(ctx context.Context, in incident.Effect) (ExecuteResult, error) {
	defer keepAlive(ctx)()
	x, err := a.executor(in)
	if err != nil {
		return ExecuteResult{}, failureOf(ctx, "look for "+in.String(), err)
	}
	id, err := x.Find(ctx, in)
	if err != nil {
		return ExecuteResult{}, failureOf(ctx, "look for "+in.String(), err)
	}
	return ExecuteResult{ID: id}, nil
}

// AwaitInput names an execution.
type AwaitInput struct {
	Effect incident.Effect `json:"effect"`
	ID     string          `json:"id"`
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
	x, err := a.executor(in.Effect)
	if err != nil {
		return AwaitResult{}, failureOf(ctx, "read execution "+in.ID, err)
	}
	t := time.NewTicker(pollExecution)
	defer t.Stop()
	for {
		state, detail, p, err := x.Get(ctx, in.Effect, in.ID)
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

// ReadBackAction says whether anything of an action is still under way, for a
// lease whose holder cannot say so any more. It is an error of kind unavailable
// while something is, and otherwise says what was found.
func (a *Activities) ReadBackAction(ctx context.Context, in incident.Action) (string, error) {
	defer keepAlive(ctx)()
	found := ""
	look := func(e incident.Effect) error {
		x, err := a.executor(e)
		if err != nil {
			return err
		}
		id, err := x.Find(ctx, e)
		if err != nil || id == "" {
			return err
		}
		state, detail, _, err := x.Get(ctx, e, id)
		if err != nil {
			return err
		}
		if state == incident.ExecutionRunning {
			return incident.Errorf(incident.KindUnavailable, "%s is still running as %s", e, id)
		}
		found += fmt.Sprintf("%s: %s %s. ", e, state, detail)
		return nil
	}
	for n := range in.Steps {
		if err := look(in.Effect(n + 1)); err != nil {
			return "", failureOf(ctx, "read back what became of "+in.Name, err)
		}
		if e, ok := in.Undo(n + 1); ok {
			if err := look(e); err != nil {
				return "", failureOf(ctx, "read back what became of "+in.Name, err)
			}
		}
	}
	if found == "" {
		found = "nothing of it is visible at the executor"
	}
	return found, nil
}
