package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"vigil/workflows/incident"
)

// Activities binds the activities to the ports of one worker. Metrics and
// Publisher must be set, and Model, Guardrail and Spending where
// Settings.ModelsEnabled is true. A port that is nil has nothing to say: what
// it would be asked is evidence that was looked for and not found.
type Activities struct {
	Settings  incident.Settings
	Metrics   Metrics
	Logs      Logs
	Topology  Topology
	Changes   Changes
	Database  Database
	Platform  Platform
	Runbooks  Runbooks
	Memory    Memory
	Keeper    Keeper
	Model     Model
	Spending  Spending
	Deltas    Deltas
	Guardrail Guardrail
	Publisher Publisher

	// What acting needs. Executors are by name; without any, every option is
	// shown and none can be carried out.
	Executors  map[string]Executor
	Catalogue  Catalogue
	Policy     Policy
	Controls   Controls
	Principals Principals
	Leases     Leases
	Notifier   Notifier
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
		AnswerName:          AnswerQuestion,
		ForecastTrendName:   ForecastTrend,
		ExecuteActionName:   a.ExecuteAction,
		FindExecutionName:   a.FindExecution,
		AwaitExecutionName:  a.AwaitExecution,
		MeasureRecoveryName: a.MeasureRecovery,
		GuardTextsName:      a.GuardTexts,
		LearnIncidentName:   a.LearnIncident,
		PublishEventsName:   a.PublishEvents,
		PlanOptionsName:     a.PlanOptions,
		JudgeActionName:     a.JudgeAction,
		RehearseActionName:  a.RehearseAction,
		RequestLeasesName:   a.RequestLease,
		AwaitHolderName:     a.AwaitHolder,
		ReadBackActionName:  a.ReadBackAction,
		NotifyName:          a.Notify,
	} {
		r.RegisterActivityWithOptions(fn, activity.RegisterOptions{Name: name})
	}
}

// beat is well within the heartbeat timeout, and longer than most calls take.
const beat = 2 * time.Second

// keepAlive heartbeats until stop is called, so that the server notices within
// the heartbeat timeout that this worker is gone. Each heartbeat carries
// details, the first of them at once; those of an activity that has none would
// wipe out what an earlier one said. Once stop has returned, no more go out.
func keepAlive(ctx context.Context, details ...any) (stop func()) {
	if !activity.IsActivity(ctx) { // called directly, as measurements do: nobody listens
		return func() {}
	}
	if len(details) > 0 {
		activity.RecordHeartbeat(ctx, details...)
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		t := time.NewTicker(beat)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				activity.RecordHeartbeat(ctx, details...)
			case <-ctx.Done():
				return
			case <-done:
				return
			}
		}
	}()
	return func() { close(done); <-ended }
}

// attempt stamps p with the attempt of the running activity, which is how a
// repeated call becomes visible.
func attempt(ctx context.Context, p incident.Provenance) incident.Provenance {
	if activity.IsActivity(ctx) {
		p.Attempt = activity.GetInfo(ctx).Attempt
	}
	return p
}
