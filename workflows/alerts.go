package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/workflow"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// receiveAlerts takes what is there without waiting.
func (w *run) receiveAlerts(ctx workflow.Context) {
	for {
		var s incident.AlertSignal
		if !w.alerts.ReceiveAsync(&s) {
			return
		}
		w.takeAlerts(ctx, s)
	}
}

// takeAlerts adds alerts that say something new of their member. A sender that
// repeats itself, or a delivery that came twice, changes nothing; an alert that
// was resolved and fires again does, even where its start has stayed the same.
func (w *run) takeAlerts(ctx workflow.Context, s incident.AlertSignal) {
	for _, a := range s.Alerts {
		older := w.older(a.Identity(), a.InboxID)
		if w.known(a) || older && w.inOrder(ctx) {
			continue
		}
		w.heard[a.Identity()] = word(a)
		if w.tooLate(ctx) && (w.keepLate(a) || w.closing) {
			continue
		}
		origin := a.Origin
		if !origin.Valid() {
			origin = incident.OriginLive
		}
		w.emit(ctx, &event.AlertReceived{Alert: a}, incident.Provenance{Origin: origin, Service: a.Source})
		w.riseTo(ctx, a.State(), a.Severity, a.Title)
	}
	w.takeMentions(ctx, s.Mentions)
}

// takeMentions counts alerts that the gateway keeps.
func (w *run) takeMentions(ctx workflow.Context, mentions []incident.AlertMention) {
	fresh := slices.DeleteFunc(slices.Clone(mentions), func(m incident.AlertMention) bool {
		older := w.older(m.Member, m.InboxID)
		return w.view.MoreAlerts[m.Member] == m.State() || older && w.inOrder(ctx)
	})
	if len(fresh) == 0 {
		return
	}
	if w.tooLate(ctx) {
		fresh = slices.DeleteFunc(fresh, w.keepLateMention)
		if w.closing || len(fresh) == 0 {
			return
		}
	}
	w.emit(ctx, &event.AlertsMentioned{Alerts: fresh}, incident.Provenance{Origin: w.in.Origin, Service: "gateway"})
	for _, m := range fresh {
		w.riseTo(ctx, m.State(), m.Severity, "one of many alerts")
	}
}

// endingHears names the change of this code by which an alert that comes once
// the incident ends is kept for a new run; histories from before took it until
// the closing event was out, and closed over it.
const endingHears = "alerts that come while an incident ends are kept"

// tooLate reports whether the incident is ending, so that what comes now belongs
// to a new run.
func (w *run) tooLate(ctx workflow.Context) bool {
	return w.closing || w.ending && workflow.GetVersion(ctx, endingHears, workflow.DefaultVersion, 1) != workflow.DefaultVersion
}

// keepLate keeps an alert for the run that follows, where it fires or something
// of it was kept before. That anything else has cleared is news of what ends.
func (w *run) keepLate(a incident.Alert) bool {
	of := func(l incident.Alert) bool { return l.Identity() == a.Identity() }
	if a.Status != incident.AlertFiring && !slices.ContainsFunc(w.late, of) {
		return false
	}
	w.late = append(slices.DeleteFunc(w.late, of), a)
	return true
}

func (w *run) keepLateMention(m incident.AlertMention) bool {
	of := func(l incident.AlertMention) bool { return l.Member == m.Member }
	if m.Status != incident.AlertFiring && !slices.ContainsFunc(w.lateMentions, of) {
		return false
	}
	w.lateMentions = append(slices.DeleteFunc(w.lateMentions, of), m)
	return true
}

// anyLate reports whether something that fires has come too late for this run.
func (w *run) anyLate() bool {
	return slices.ContainsFunc(w.late, func(a incident.Alert) bool { return a.Status == incident.AlertFiring }) ||
		slices.ContainsFunc(w.lateMentions, func(m incident.AlertMention) bool { return m.Status == incident.AlertFiring })
}

// older reports whether something is said of an alert that was received before
// what was heard of it last: two gateways, or an attempt that took effect after
// its caller had given up on it, may bring words out of order. Row 0 is of no inbox.
func (w *run) older(member string, row int64) bool {
	if row >= w.rows[member] {
		w.rows[member] = row
		return false
	}
	return row > 0
}

// inboxOrder names the change of this code by which older words are passed over;
// histories from before took them for the latest.
const inboxOrder = "alerts are taken in the order of the inbox"

func (w *run) inOrder(ctx workflow.Context) bool {
	return workflow.GetVersion(ctx, inboxOrder, workflow.DefaultVersion, 1) != workflow.DefaultVersion
}

// known reports whether a repeats what was last heard of its member. An
// incident that was carried on from before severities counted remembers the
// content alone.
func (w *run) known(a incident.Alert) bool {
	last := w.heard[a.Identity()]
	return last == word(a) || last == a.ContentKey() && a.SilencedBy == ""
}

// word is what an alert says: its content, how bad it is, and whether people
// want to hear of it.
func word(a incident.Alert) string {
	return a.ContentKey() + string(a.Severity) + a.SilencedBy
}

// severityRises names the change of this code by which an incident's severity
// follows its worst alert; histories from before do not have it.
const severityRises = "severity rises with alerts"

// riseTo raises the incident's severity to that of an alert that fires, unless
// a person has said what it is. It never falls by itself.
func (w *run) riseTo(ctx workflow.Context, state incident.MemberState, s incident.Severity, what string) {
	if w.severitySet || state != incident.MemberFiring || s.Rank() <= w.view.Severity.Rank() {
		return
	}
	if workflow.GetVersion(ctx, severityRises, workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return
	}
	w.emit(ctx, &event.IncidentSeverityChanged{From: w.view.Severity, To: s, By: "vigil", Reason: fmt.Sprintf("an alert that joined is %s: %s", s, what)}, w.provenance())
}

// cleared reports that the incident had alerts and none of them fires any more.
func (w *run) cleared() bool { return w.view.AlertsTotal > 0 && w.view.AlertsFiring == 0 }

// checkMoveAlerts refuses only what is no move of this incident: what the
// gateway has decided with a person is a fact, and is recorded.
func (w *run) checkMoveAlerts(_ workflow.Context, a incident.MoveAlertsArgs) error {
	if err := w.checkOpen(a.Principal, incident.RoleResponder, "moving alerts"); err != nil {
		return err
	}
	if a.Move.ID == "" || a.Move.From != w.id && a.Move.To != w.id {
		return incident.Errorf(incident.KindInvalid, "move %q from %s to %s is none of incident %s", a.Move.ID, a.Move.From, a.Move.To, w.id)
	}
	return checkText("reason", a.Move.Reason)
}

// onMoveAlerts records a move. Alerts that leave are new when they come back. An
// incident that has become part of another ends.
func (w *run) onMoveAlerts(ctx workflow.Context, a incident.MoveAlertsArgs) (incident.VerbResult, error) {
	m := a.Move
	m.By = a.Principal.Name
	seq := w.emit(ctx, &event.AlertsMoved{Move: m}, w.by(a.Principal))
	if m.From == w.id {
		for _, id := range m.Members {
			delete(w.heard, id)
			delete(w.rows, id)
		}
	}
	if m.From == w.id && m.All {
		w.merged = &m
		w.cancelStory()
	}
	return incident.VerbResult{Seq: seq}, nil
}
