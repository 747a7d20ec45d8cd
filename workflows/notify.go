package workflows

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// outbox is what one channel is to be told, in order. A channel that cannot be
// reached holds up no other, and no phase.
type outbox struct {
	waiting []incident.Notification
	busy    bool
	ref     string // what the channel called the incident's message
}

const (
	tellFor  = 2 * time.Minute  // how long one notification is tried
	pageFor  = 30 * time.Minute // the same, of what somebody is woken for
	maxTold  = 200              // of one run, besides what pages and the end; a storm of news must not fill the history
	tellEnds = time.Minute      // how long the end waits for people to be told
)

// notify puts a notification for teams into the outboxes of their channels.
// Teams that have none are not told: who runs Vigil was warned at its start.
func (w *run) notify(ctx workflow.Context, kind incident.NotificationKind, teams []string, text string) {
	done := map[string]bool{}
	for _, team := range teams {
		for _, channel := range w.settings.Teams[team] {
			if done[channel] {
				continue
			}
			done[channel] = true
			n := incident.Notification{Kind: kind, Team: team, Text: clip(text, 2000)}
			if p := w.view.Proposal; kind == incident.NotifyDecided && p != nil {
				n.By = p.DecidedBy
			}
			w.post(ctx, channel, n)
		}
	}
}

func (w *run) post(ctx workflow.Context, channel string, n incident.Notification) {
	box := w.outbox[channel]
	if box == nil {
		box = &outbox{}
		w.outbox[channel] = box
	}
	w.notified++
	if w.notified > maxTold && !n.Kind.Pages() && n.Kind != incident.NotifyClosed {
		return
	}
	n.Key, n.Channel = fmt.Sprintf("%s/%s/%d", w.id, w.runID, w.notified), channel
	n.IncidentID, n.Title, n.Service, n.Severity, n.Status = w.id, w.view.Title, w.view.Service, w.view.Severity, cmp.Or(n.Status, w.view.Status)
	n.Origin, n.OpenedAt, n.At, n.Summary, n.Outcome = w.view.Origin, w.view.OpenedAt, workflow.Now(ctx).UTC(), w.plainText(), cmp.Or(n.Outcome, w.view.Outcome)
	if p := w.view.Proposal; p != nil {
		n.Proposal = p // as it stands: a message that is updated shows what became of it
	}
	box.waiting = append(box.waiting, n)
	if !box.busy {
		box.busy = true
		ctx, _ := workflow.NewDisconnectedContext(ctx)
		workflow.Go(ctx, func(ctx workflow.Context) { w.empty(ctx, box) })
	}
}

// empty sends what waits in a box, one after the other.
func (w *run) empty(ctx workflow.Context, box *outbox) {
	for len(box.waiting) > 0 {
		n := box.waiting[0]
		n.Ref = box.ref
		var d incident.Delivery
		if err := workflow.ExecuteActivity(notifyOptions(ctx, n.Kind), activities.NotifyName, n).Get(ctx, &d); err != nil {
			d = incident.Delivery{Key: n.Key, Kind: n.Kind, Channel: n.Channel, Team: n.Team, State: incident.DeliveryFailed,
				Detail: clip(activities.Said(err), 500), Provenance: w.provenance()}
		}
		if d.Ref != "" {
			box.ref = d.Ref
		}
		box.waiting = box.waiting[1:]
		if !w.closing {
			w.emit(ctx, &event.NotificationSent{Delivery: d}, d.Provenance)
		}
	}
	box.busy = false
}

func notifyOptions(ctx workflow.Context, k incident.NotificationKind) workflow.Context {
	tryFor := tellFor
	if k.Pages() {
		tryFor = pageFor
	}
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout:    30 * time.Second,
		ScheduleToCloseTimeout: tryFor,
		HeartbeatTimeout:       heartbeat,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 20 * time.Second},
	})
}

// unsent reports whether somebody is still to be told.
func (w *run) unsent() bool {
	for _, channel := range sortedChannels(w.outbox) {
		if w.outbox[channel].busy {
			return true
		}
	}
	return false
}

// sortedChannels are the channels in a fixed order.
func sortedChannels[V any](m map[string]V) []string { return workflow.DeterministicKeys(m) }

// tellEnd tells everybody who was told anything how the incident ended, and
// gives that some time: what is not out by then is shown as failed.
func (w *run) tellEnd(ctx workflow.Context, end ending) {
	w.notifyTold(ctx, incident.Notification{Kind: incident.NotifyClosed, By: end.by, Status: end.status, Outcome: end.outcome,
		Text: clip(fmt.Sprintf("%s: %s", end.outcome, end.reason), 2000)})
	if w.unsent() {
		_, _ = workflow.AwaitWithTimeout(ctx, tellEnds, func() bool { return !w.unsent() })
	}
}

// notifyTold tells every channel that was told anything.
func (w *run) notifyTold(ctx workflow.Context, n incident.Notification) {
	for _, channel := range sortedChannels(w.outbox) {
		w.post(ctx, channel, n)
	}
}

// startEscalation tells team after team, by the escalation policy of the
// incident's severity, until somebody acknowledges it.
func (w *run) startEscalation() {
	if len(w.settings.Teams) == 0 {
		return
	}
	workflow.Go(w.storyCtx, func(ctx workflow.Context) {
		for w.view.AcknowledgedBy == "" && ctx.Err() == nil {
			severity := w.view.Severity
			step, due := w.nextStep(severity)
			changed := func() bool { return w.view.AcknowledgedBy != "" || w.view.Severity != severity || w.ending }
			if !due {
				if workflow.Await(ctx, changed) != nil {
					return
				}
				continue
			}
			at := w.view.OpenedAt.Add(ms(step.AfterMS))
			if left := at.Sub(workflow.Now(ctx)); left > 0 {
				if woken, err := workflow.AwaitWithTimeout(ctx, left, changed); woken || err != nil {
					continue
				}
			}
			kind, text := incident.NotifyEscalated, fmt.Sprintf("Nobody has acknowledged it since %s.", w.view.OpenedAt.Format("15:04:05 MST"))
			if step.AfterMS == 0 {
				kind, text = incident.NotifyOpened, fmt.Sprintf("%s (%s) on %s.", w.view.Title, severity, w.view.Service)
			}
			for _, team := range step.Teams {
				if !w.toldTeams[team] {
					w.toldTeams[team] = true
					w.notify(ctx, kind, []string{team}, text)
				}
			}
		}
	})
}

// nextStep is the earliest step of a severity's policy with a team that was
// not told yet.
func (w *run) nextStep(s incident.Severity) (incident.EscalationStep, bool) {
	if w.ending {
		return incident.EscalationStep{}, false
	}
	for _, step := range w.settings.Escalation[s] {
		if slices.ContainsFunc(step.Teams, func(t string) bool { return !w.toldTeams[t] }) {
			return step, true
		}
	}
	return incident.EscalationStep{}, false
}
