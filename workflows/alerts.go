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
		if w.known(a) {
			continue
		}
		w.heard[a.Identity()] = word(a)
		if w.closing {
			if a.Status == incident.AlertFiring {
				w.late = append(w.late, a)
			}
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
	fresh := slices.DeleteFunc(slices.Clone(mentions), func(m incident.AlertMention) bool { return w.view.MoreAlerts[m.Member] == m.State() })
	if w.closing {
		w.lateMentions = append(w.lateMentions, slices.DeleteFunc(fresh, func(m incident.AlertMention) bool { return m.Status != incident.AlertFiring })...)
		return
	}
	if len(fresh) == 0 {
		return
	}
	w.emit(ctx, &event.AlertsMentioned{Alerts: fresh}, incident.Provenance{Origin: w.in.Origin, Service: "gateway"})
	for _, m := range fresh {
		w.riseTo(ctx, m.State(), m.Severity, "one of many alerts")
	}
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

// onMoveAlerts records a move. An incident that has become part of another ends.
func (w *run) onMoveAlerts(ctx workflow.Context, a incident.MoveAlertsArgs) (incident.VerbResult, error) {
	m := a.Move
	m.By = a.Principal.Name
	seq := w.emit(ctx, &event.AlertsMoved{Move: m}, w.by(a.Principal))
	if m.From == w.id && m.All {
		w.merged = &m
		w.cancelStory()
	}
	return incident.VerbResult{Seq: seq}, nil
}
