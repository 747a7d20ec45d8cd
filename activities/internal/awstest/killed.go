package awstest

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"

	"vigil/activities"
	"vigil/workflows/incident"
)

// Slow is how long an executor's preparation has to take for what the guard
// saw before it to be too old to rely on.
const Slow = 2500 * time.Millisecond

// thrown is a kill switch that is off when it is first looked at.
type thrown struct{ looks atomic.Int32 }

func (k *thrown) Read(context.Context) (incident.Controls, error) {
	return incident.Controls{Killed: k.looks.Add(1) > 1, By: "kim", Reason: "stop"}, nil
}

// Killed has an executor carry an effect out as a worker does, with a kill
// switch that is thrown once the guard has looked at it, and returns how that
// ends. The test sees to it that preparing takes Slow.
func Killed(t testing.TB, x activities.Executor, e incident.Effect) error {
	t.Helper()
	env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
	env.SetTestTimeout(time.Minute)
	a := &activities.Activities{Executors: map[string]activities.Executor{e.Executor: x}, Controls: &thrown{}}
	env.RegisterActivityWithOptions(a.ExecuteAction, activity.RegisterOptions{Name: activities.ExecuteActionName})
	_, err := env.ExecuteActivity(activities.ExecuteActionName, activities.ExecuteInput{Effect: e, Guard: activities.Guard{Begun: true}})
	return err
}

// SlowDial connects after Slow.
func SlowDial(ctx context.Context, network, address string) (net.Conn, error) {
	select {
	case <-time.After(Slow):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}
