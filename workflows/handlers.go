package workflows

import (
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

const (
	maxNote      = 4000 // characters of a note, comment or reason
	eventsPerAsk = 500
)

// handle registers queries, signals and updates. People act by updates rather
// than signals, because they need an answer: an update is refused by its
// validator with a reason and leaves nothing in the history, or is accepted
// and decided once.
func (w *run) handle(ctx workflow.Context) error {
	if err := workflow.SetQueryHandler(ctx, incident.QueryState, func() (event.View, error) { return w.view, nil }); err != nil {
		return err
	}
	if err := workflow.SetQueryHandler(ctx, incident.QueryEventsSince, w.eventsSince); err != nil {
		return err
	}
	workflow.Go(ctx, func(ctx workflow.Context) {
		for {
			var s incident.AlertSignal
			if !w.alerts.Receive(ctx, &s) {
				return
			}
			w.takeAlerts(ctx, s)
		}
	})
	workflow.Go(ctx, func(ctx workflow.Context) {
		for {
			var u incident.RemediationUpdate
			if !w.updates.Receive(ctx, &u) {
				return
			}
			w.takeUpdate(ctx, u)
		}
	})
	cancel := workflow.GetSignalChannel(ctx, incident.SignalCancel)
	workflow.Go(ctx, func(ctx workflow.Context) {
		var s incident.CancelSignal
		cancel.Receive(ctx, &s)
		w.cancelled = &s
		w.cancelStory()
	})
	if err := update(ctx, incident.UpdateDecide, w.checkDecide, w.onDecide); err != nil {
		return err
	}
	if err := update(ctx, incident.UpdateAcknowledge, w.checkAcknowledge, w.onAcknowledge); err != nil {
		return err
	}
	if err := update(ctx, incident.UpdateNote, w.checkNote, w.onNote); err != nil {
		return err
	}
	if err := update(ctx, incident.UpdateSetSeverity, w.checkSetSeverity, w.onSetSeverity); err != nil {
		return err
	}
	if err := update(ctx, incident.UpdateAsk, w.checkAsk, w.onAsk); err != nil {
		return err
	}
	if err := update(ctx, incident.UpdateRaiseBudget, w.checkRaiseBudget, w.onRaiseBudget); err != nil {
		return err
	}
	if err := update(ctx, incident.UpdateMoveAlerts, w.checkMoveAlerts, w.onMoveAlerts); err != nil {
		return err
	}
	if err := update(ctx, incident.UpdatePropose, w.checkPropose, w.onPropose); err != nil {
		return err
	}
	return update(ctx, incident.UpdateResolve, w.checkResolve, w.onResolve)
}

// update registers handler with validator, whose errors reach the caller with
// their incident.Kind as type.
func update[A, R any](ctx workflow.Context, name string, check func(workflow.Context, A) error, on func(workflow.Context, A) (R, error)) error {
	return workflow.SetUpdateHandlerWithOptions(ctx, name, on, workflow.UpdateHandlerOptions{
		Validator: func(ctx workflow.Context, args A) error {
			err := check(ctx, args)
			if err == nil {
				return nil
			}
			return temporal.NewApplicationErrorWithOptions(err.Error(), string(incident.KindOf(err)),
				temporal.ApplicationErrorOptions{NonRetryable: true})
		},
	})
}

func (w *run) eventsSince(a incident.EventsSinceArgs) ([]event.Event, error) {
	if a.Limit <= 0 || a.Limit > eventsPerAsk {
		a.Limit = eventsPerAsk
	}
	from := min(max(a.AfterSeq, 0), int64(len(w.log)))
	to := min(from+int64(a.Limit), int64(len(w.log)))
	return w.log[from:to], nil
}

// settled reports that a person has ended the incident, or made it part of another.
func (w *run) settled() bool { return w.resolvedBy != nil || w.merged != nil }

func (w *run) checkOpen(p incident.Principal, need incident.Role, what string) error {
	if !p.May(need) {
		return incident.Errorf(incident.KindDenied, "%s needs the role %s or higher; %q has %q", what, need, p.Name, p.Role)
	}
	if w.view.Status.Terminal() || w.settled() {
		return incident.Errorf(incident.KindConflict, "the incident is over")
	}
	return nil
}

func (w *run) checkAcknowledge(_ workflow.Context, a incident.AcknowledgeArgs) error {
	if err := w.checkOpen(a.Principal, incident.RoleResponder, "acknowledging"); err != nil {
		return err
	}
	if by := w.view.AcknowledgedBy; by != "" {
		return incident.Errorf(incident.KindConflict, "already acknowledged by %s", by)
	}
	return nil
}

func (w *run) onAcknowledge(ctx workflow.Context, a incident.AcknowledgeArgs) (incident.VerbResult, error) {
	seq := w.emit(ctx, &event.IncidentAcknowledged{By: a.Principal.Name}, w.by(a.Principal))
	w.notifyTold(ctx, incident.Notification{Kind: incident.NotifyAcked, By: a.Principal.Name, Text: a.Principal.Name + " is on it."})
	return incident.VerbResult{Seq: seq}, nil
}

func (w *run) checkNote(_ workflow.Context, a incident.NoteArgs) error {
	if err := w.checkOpen(a.Principal, incident.RoleResponder, "adding a note"); err != nil {
		return err
	}
	return checkText("text", a.Text)
}

func (w *run) onNote(ctx workflow.Context, a incident.NoteArgs) (incident.VerbResult, error) {
	return incident.VerbResult{Seq: w.emit(ctx, &event.IncidentNoted{By: a.Principal.Name, Text: a.Text}, w.by(a.Principal))}, nil
}

func (w *run) checkSetSeverity(_ workflow.Context, a incident.SetSeverityArgs) error {
	if err := w.checkOpen(a.Principal, incident.RoleResponder, "changing the severity"); err != nil {
		return err
	}
	if !a.Severity.Valid() {
		return incident.Errorf(incident.KindInvalid, "severity is %q; say critical, high, medium or low", a.Severity)
	}
	if len(a.Reason) > maxNote {
		return incident.Errorf(incident.KindInvalid, "the reason is longer than %d characters", maxNote)
	}
	return nil
}

func (w *run) onSetSeverity(ctx workflow.Context, a incident.SetSeverityArgs) (incident.VerbResult, error) {
	w.severitySet = true
	seq := w.emit(ctx, &event.IncidentSeverityChanged{From: w.view.Severity, To: a.Severity, By: a.Principal.Name, Reason: a.Reason}, w.by(a.Principal))
	w.upsert(ctx)
	return incident.VerbResult{Seq: seq}, nil
}

func (w *run) checkResolve(_ workflow.Context, a incident.ResolveArgs) error {
	if err := w.checkOpen(a.Principal, incident.RoleResponder, "resolving"); err != nil {
		return err
	}
	return checkText("reason", a.Reason)
}

func (w *run) onResolve(ctx workflow.Context, a incident.ResolveArgs) (incident.VerbResult, error) {
	w.resolvedBy = &a
	seq := w.emit(ctx, &event.IncidentNoted{By: a.Principal.Name, Text: "Resolved: " + a.Reason}, w.by(a.Principal))
	w.cancelStory()
	return incident.VerbResult{Seq: seq}, nil
}

func checkText(field, s string) error {
	switch {
	case strings.TrimSpace(s) == "":
		return incident.Errorf(incident.KindInvalid, "%s is empty; say it in a few words", field)
	case len(s) > maxNote:
		return incident.Errorf(incident.KindInvalid, "%s is longer than %d characters", field, maxNote)
	}
	return nil
}
