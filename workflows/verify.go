package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// checkRecovered verifies an incident whose alerts cleared by themselves.
func (w *run) checkRecovered(ctx workflow.Context) *handover {
	v, ok := w.measure(ctx, workflow.Now(ctx), w.cleared)
	w.clearChecked = w.cleared()
	switch {
	case !ok && ctx.Err() != nil:
		return nil
	case !ok:
		w.end(ctx, incident.PhaseVerification, incident.PhaseFailed, "an alert fires again")
		return &handover{incident.HandoverNotVerified, "every alert had cleared, and one fires again"}
	case v.State == incident.VerificationHelped:
		w.recovered = true
		w.end(ctx, incident.PhaseVerification, incident.PhaseCompleted, "the telemetry came back by itself")
		return nil
	}
	w.end(ctx, incident.PhaseVerification, incident.PhaseFailed, v.Detail)
	return &handover{incident.HandoverNotVerified, "every alert has cleared, but the telemetry is not back to normal: " + v.Detail}
}

// lastLookAsks names the change of this code by which the last look, too, asks
// whether it still matters; histories from before believed it in any case.
const lastLookAsks = "the last look asks whether alerts are still clear"

// measure looks again and again until the time for recovery is up. ok is false
// where a person ended the story meanwhile, or still no longer holds.
func (w *run) measure(ctx workflow.Context, since time.Time, still func() bool) (v incident.Verification, ok bool) {
	w.begin(ctx, incident.PhaseVerification)
	w.status(ctx, incident.StatusVerifying)
	from, base := w.window()
	services := []string{w.service}
	if d := w.view.Diagnosis; d != nil && d.Service != "" && d.Service != w.service {
		services = append(services, d.Service)
	}
	deadline := workflow.Now(ctx).Add(ms(w.settings.VerifyTimeoutMS))
	for {
		v = incident.Verification{}
		now := workflow.Now(ctx).UTC()
		err := workflow.ExecuteActivity(readOptions(ctx), activities.MeasureRecoveryName, activities.RecoveryInput{
			Services: services, BaselineFrom: from, BaselineTo: base, Since: since.UTC(), Now: now, Points: w.settings.VerifyPoints,
			Final: !now.Before(deadline),
		}).Get(ctx, &v)
		if ctx.Err() != nil {
			return v, false
		}
		if err != nil {
			v = incident.Verification{State: incident.VerificationUnknown, Detail: "the telemetry cannot be read: " + err.Error()}
		}
		last := v.State == incident.VerificationHelped || !now.Before(deadline)
		if !last { // what cannot be told yet may be told by the next point
			v.State = incident.VerificationMeasuring
		}
		w.emit(ctx, &event.VerificationMeasured{Verification: v}, w.provenance())
		if last {
			return v, still() || workflow.GetVersion(ctx, lastLookAsks, workflow.DefaultVersion, 1) == workflow.DefaultVersion
		}
		ended, err := workflow.AwaitWithTimeout(ctx, ms(w.settings.VerifyEveryMS), func() bool { return !still() })
		if ended || err != nil {
			return v, false
		}
	}
}
