package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"vigil/workflows/incident"
)

// heartbeat is how soon the server notices that the worker of a running
// activity is gone.
const heartbeat = 5 * time.Second

// limit bounds one agent: total for all it does, call for one model call, and
// how often a failed call is tried again, after 1, 2, 4, … seconds.
type limit struct {
	total, call time.Duration
	retries     int32
}

var agentLimits = map[incident.Agent]limit{
	incident.AgentDetection:     {total: 60 * time.Second, call: 30 * time.Second, retries: 3},
	incident.AgentDiagnosis:     {total: 180 * time.Second, call: 60 * time.Second, retries: 3},
	incident.AgentPrediction:    {total: 150 * time.Second, call: 45 * time.Second, retries: 3},
	incident.AgentResolution:    {total: 300 * time.Second, call: 120 * time.Second, retries: 2},
	incident.AgentCommunication: {total: 30 * time.Second, call: 15 * time.Second, retries: 5},
}

// modelOptions are the options of one model call of an agent.
func modelOptions(ctx workflow.Context, a incident.Agent) workflow.Context {
	l := agentLimits[a]
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: l.call,
		HeartbeatTimeout:    heartbeat,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2,
			MaximumInterval: 30 * time.Second, MaximumAttempts: l.retries + 1},
	})
}

// guardOptions are for the guardrail: quick, and an incident does not wait long
// for one that cannot be asked.
func guardOptions(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 15 * time.Second,
		HeartbeatTimeout:    heartbeat,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: 500 * time.Millisecond, BackoffCoefficient: 2,
			MaximumInterval: 5 * time.Second, MaximumAttempts: 4},
	})
}

// keepOptions are for writing down what was learned: worth trying for long,
// and nothing waits for it but the end.
func keepOptions(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 30 * time.Second,
		HeartbeatTimeout:    heartbeat,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2,
			MaximumInterval: 30 * time.Second, MaximumAttempts: 6},
	})
}

// readOptions are for looking at telemetry: quick, and worth trying again.
func readOptions(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 30 * time.Second,
		HeartbeatTimeout:    heartbeat,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2,
			MaximumInterval: 10 * time.Second, MaximumAttempts: 5},
	})
}

// pureOptions are for local activities that only compute.
func pureOptions(ctx workflow.Context) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: 5 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 3},
	})
}

func ms(v int64) time.Duration { return time.Duration(v) * time.Millisecond }

// surveyOptions are for reading the targets of several actions.
func surveyOptions(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute,
		HeartbeatTimeout:    heartbeat,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2,
			MaximumInterval: 10 * time.Second, MaximumAttempts: 5},
	})
}
