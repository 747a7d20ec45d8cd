package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"vigil/workflows/incident"
)

// Activities binds the activities to the ports of one worker. Every field must
// be set, but Model where Settings.ModelsEnabled is false.
type Activities struct {
	Settings  incident.Settings
	Metrics   Metrics
	Logs      Logs
	Topology  Topology
	Changes   Changes
	Model     Model
	Guardrail Guardrail
	Executor  Executor
	Publisher Publisher
}

// Registry is the part of a Temporal worker that registration needs.
type Registry interface {
	RegisterActivityWithOptions(a any, options activity.RegisterOptions)
}

// Register registers every activity under its constant name.
func (a *Activities) Register(r Registry) {
	for name, fn := range map[string]any{
		LoadSettingsName:    a.LoadSettings,
		CollectEvidenceName: a.CollectEvidence,
		CallModelName:       a.CallModel,
		RankSuspectsName:    RankSuspects,
		ConcludeName:        ConcludeDiagnosis,
		ForecastTrendName:   ForecastTrend,
		ExecuteActionName:   a.ExecuteAction,
		FindExecutionName:   a.FindExecution,
		AwaitExecutionName:  a.AwaitExecution,
		MeasureRecoveryName: a.MeasureRecovery,
		CheckMessageName:    a.CheckMessage,
		PublishEventsName:   a.PublishEvents,
	} {
		r.RegisterActivityWithOptions(fn, activity.RegisterOptions{Name: name})
	}
}

// beat is well within the heartbeat timeout, and longer than most calls take.
const beat = 2 * time.Second

// keepAlive heartbeats until stop is called, so that the server notices within
// the heartbeat timeout that this worker is gone.
func keepAlive(ctx context.Context) (stop func()) {
	done := make(chan struct{})
	go func() {
		t := time.NewTicker(beat)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				activity.RecordHeartbeat(ctx)
			case <-ctx.Done():
				return
			case <-done:
				return
			}
		}
	}()
	return func() { close(done) }
}

// attempt stamps p with the attempt of the running activity, which is how a
// repeated call becomes visible.
func attempt(ctx context.Context, p incident.Provenance) incident.Provenance {
	if activity.IsActivity(ctx) {
		p.Attempt = activity.GetInfo(ctx).Attempt
	}
	return p
}
