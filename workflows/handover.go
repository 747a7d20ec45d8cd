package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// handOver gives the incident to people and waits: for one of them to resolve
// it, or for its alerts to clear. Each level of the ladder has its deadline,
// and after the last one the incident is closed as unresolved. It returns nil
// where a second look found a cause after all, or where the incident goes on
// in another run.
func (w *run) handOver(ctx workflow.Context, h handover) *ending {
	ladder := w.settings.Ladder
	level := min(w.view.Level, len(ladder)-1)
	var deadline time.Time
	if w.carried.at(stepHandover) {
		level, deadline = w.carried.Level, w.carried.Deadline
		w.carried = nil
	} else {
		w.voidProposal(ctx, "the incident was handed over")
		w.emit(ctx, &event.IncidentStatusChanged{Status: incident.StatusNeedsHuman, NeedsHuman: true, Handover: h.reason, Reason: h.detail}, w.provenance())
		w.upsert(ctx)
		w.notify(ctx, handoverKind(h.reason), w.ladder(level), "A person is needed: "+clip(h.detail, 500))
		w.communicate(ctx)
	}
	for late := false; level < len(ladder); level, late = level+1, true {
		if deadline.IsZero() {
			deadline = workflow.Now(ctx).Add(ms(w.settings.HandoverMS))
			w.emit(ctx, &event.IncidentEscalated{Level: level, To: ladder[level], Reason: string(h.reason)}, w.provenance())
			if late {
				w.notify(ctx, incident.NotifyEscalated, w.ladder(level), "Nobody has taken it in time: "+clip(h.detail, 500))
			}
		}
		end, goOn := w.waitForPerson(ctx, deadline)
		if w.continued {
			w.carryOn(stepHandover, carried{Level: level, Deadline: deadline, Reason: h.reason, Detail: h.detail})
		}
		if end != nil || goOn || w.continued {
			return end
		}
		deadline = time.Time{}
	}
	return &ending{incident.StatusClosed, incident.OutcomeUnresolved, "", fmt.Sprintf("nobody took it within the last deadline (%s)", h.detail)}
}

// waitForPerson waits until the deadline. Alerts that clear are checked once
// against the telemetry each time they do. goOn: a second look came to another
// diagnosis.
func (w *run) waitForPerson(ctx workflow.Context, deadline time.Time) (end *ending, goOn bool) {
	for {
		left := max(deadline.Sub(workflow.Now(ctx)), time.Millisecond)
		due, err := workflow.AwaitWithTimeout(ctx, left, func() bool {
			w.clearChecked = w.clearChecked && w.cleared()
			return w.settled() || w.rethought || w.wanted != nil || w.cleared() && !w.clearChecked || w.tooLong(ctx)
		})
		if end := w.ended(ctx); end != nil {
			return end, false
		}
		switch {
		case err != nil || !due:
			return nil, false // the deadline has passed
		case w.rethought && w.cancelled == nil:
			w.status(ctx, incident.StatusInvestigating)
			return nil, true
		case w.wanted != nil && w.cancelled == nil:
			w.redo = true
			w.status(ctx, incident.StatusInvestigating)
			return nil, true
		case w.cleared() && !w.clearChecked:
			w.clearChecked = true
			if end := w.clearedByItself(ctx); end != nil {
				return end, false
			}
		default:
			w.continued = true
			return nil, false
		}
	}
}

// clearedByItself ends an incident whose sender has cleared every alert:
// recovered where the telemetry confirms it, merely cleared where there is no
// telemetry to ask, and still a person's where it says otherwise.
func (w *run) clearedByItself(ctx workflow.Context) *ending {
	v, ok := w.measure(ctx, workflow.Now(ctx), func() bool { return w.cleared() && !w.settled() })
	if end := w.ended(ctx); end != nil {
		return end
	}
	switch {
	case !ok:
		v.Detail = "an alert fires again"
	case v.State == incident.VerificationHelped:
		w.end(ctx, incident.PhaseVerification, incident.PhaseCompleted, v.Detail)
		return &ending{incident.StatusResolved, incident.OutcomeRecovered, "vigil", "every alert has cleared and the telemetry is back to its state before the incident"}
	case v.State == incident.VerificationUnknown:
		w.end(ctx, incident.PhaseVerification, incident.PhaseDegraded, v.Detail)
		return &ending{incident.StatusClosed, incident.OutcomeAlertCleared, "vigil", "every alert has cleared; there is no telemetry to confirm it"}
	}
	w.end(ctx, incident.PhaseVerification, incident.PhaseFailed, v.Detail)
	w.emit(ctx, &event.IncidentStatusChanged{Status: incident.StatusNeedsHuman, NeedsHuman: true, Handover: incident.HandoverNotVerified,
		Reason: "every alert had cleared, but the telemetry does not confirm it: " + v.Detail}, w.provenance())
	w.upsert(ctx)
	return nil
}

// handoverKind is what people are told with: an action that could not be taken
// back wakes them.
func handoverKind(r incident.HandoverReason) incident.NotificationKind {
	if r == incident.HandoverUnsafe {
		return incident.NotifyUnsafe
	}
	return incident.NotifyHandover
}
