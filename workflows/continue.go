package workflows

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// stepHandover is where a person has the incident; it is no step of the story.
const stepHandover = 100

// carried is what a long incident takes along when it continues as new: all
// that its events do not say by themselves. It continues only where it waits
// for people, so nothing is in flight.
type carried struct {
	FromRunID     string                `json:"from_run_id"`
	View          event.View            `json:"view"`
	Settings      incident.Settings     `json:"settings"`
	StartedAt     time.Time             `json:"started_at"`
	Heard         map[string]string     `json:"heard"`
	Service       string                `json:"service"`
	EvidenceCount int                   `json:"evidence_count"`
	Suspects      []incident.Suspect    `json:"suspects,omitempty"`
	Detection     DetectionAnswer       `json:"detection"`
	Told          string                `json:"told"`
	Plan          *plan                 `json:"plan,omitempty"`
	Revision      int                   `json:"revision"`
	NoModels      bool                  `json:"no_models,omitempty"`
	SeveritySet   bool                  `json:"severity_set,omitempty"`
	Tried         []string              `json:"tried,omitempty"`
	LastFailure   carriedFailure        `json:"last_failure,omitzero"`
	Voided        int                   `json:"voided,omitempty"`
	Wanted        *incident.ProposeArgs `json:"wanted,omitempty"`
	Refs          map[string]string     `json:"refs,omitempty"` // of messages that are updated, by channel
	ToldTeams     map[string]bool       `json:"told_teams,omitempty"`
	ClearChecked  bool                  `json:"clear_checked,omitempty"`

	Step     int                     `json:"step"`              // where it waits
	Level    int                     `json:"level,omitempty"`   // handed over: of the ladder
	Deadline time.Time               `json:"deadline,omitzero"` // handed over: of the level
	Reason   incident.HandoverReason `json:"reason,omitempty"`  // handed over: why
	Detail   string                  `json:"detail,omitempty"`  //
}

// carriedFailure is a handover that a later one may refer to.
type carriedFailure struct {
	Reason incident.HandoverReason `json:"reason"`
	Detail string                  `json:"detail"`
}

// at reports whether the incident was left at a step.
func (c *carried) at(step int) bool { return c != nil && c.Step == step }

// tooLong reports whether the run's history is long enough that the incident
// should go on in a new one, and may: nothing is in flight.
func (w *run) tooLong(ctx workflow.Context) bool {
	long := workflow.GetInfo(ctx).GetContinueAsNewSuggested() ||
		w.settings.ContinueAfter > 0 && int64(len(w.log)) >= w.settings.ContinueAfter
	return long && !w.unanswered() && !w.unsent() && w.view.Paused == nil && !slices.ContainsFunc(incident.Agents, w.busy)
}

// carryOn ends this run where it waits; the next one waits there.
func (w *run) carryOn(step int, c carried) {
	c.Step = step
	w.carried, w.continued = &c, true
}

// continueAsNew returns the error by which Temporal starts the next run, once
// every event has left and every signal was read.
func (w *run) continueAsNew(ctx workflow.Context) error {
	w.cancelStory()
	w.drain(ctx)
	w.receiveAlerts(ctx)
	w.drain(ctx)
	c := *w.carried
	c.FromRunID, c.View, c.Settings, c.StartedAt, c.Heard = w.runID, w.view, w.settings, w.startedAt, w.heard
	c.Service, c.EvidenceCount, c.Suspects, c.Detection, c.Told = w.service, w.evidenceCount, w.suspects, w.detection, w.told
	c.Plan, c.Revision, c.NoModels, c.ClearChecked = w.plan, w.revision, w.noModels, w.clearChecked
	c.SeveritySet = w.severitySet
	c.Tried, c.LastFailure, c.Voided, c.Wanted = w.triedOrder, carriedFailure{w.lastFailure.reason, w.lastFailure.detail}, w.voided, w.wanted
	c.ToldTeams, c.Refs = w.toldTeams, map[string]string{}
	for _, channel := range sortedChannels(w.outbox) {
		c.Refs[channel] = w.outbox[channel].ref
	}
	in := w.in
	in.Alerts, in.Mentions, in.Continued = nil, nil, mustJSON(c)
	return workflow.NewContinueAsNewError(ctx, incident.WorkflowType, in)
}

// takeUp goes on where another run left the incident, if one did. Its first
// event holds all that the events before added up to, so that who reads this
// run alone misses nothing.
func (w *run) takeUp(ctx workflow.Context) error {
	if len(w.in.Continued) == 0 {
		return nil
	}
	var c carried
	if err := json.Unmarshal(w.in.Continued, &c); err != nil {
		return fmt.Errorf("take up incident %s where another run left it: %w", w.id, err)
	}
	w.in.Continued = nil
	w.carried, w.settings, w.startedAt, w.heard = &c, c.Settings, c.StartedAt, c.Heard
	w.service, w.evidenceCount, w.suspects, w.detection, w.told = c.Service, c.EvidenceCount, c.Suspects, c.Detection, c.Told
	w.plan, w.revision, w.noModels, w.clearChecked = c.Plan, c.Revision, c.NoModels, c.ClearChecked
	w.severitySet = c.SeveritySet
	w.triedOrder, w.lastFailure, w.voided, w.wanted = c.Tried, handover{c.LastFailure.Reason, c.LastFailure.Detail}, c.Voided, c.Wanted
	for _, id := range c.Tried {
		w.tried[id] = true
	}
	for _, channel := range sortedChannels(c.Refs) {
		w.outbox[channel] = &outbox{ref: c.Refs[channel]}
	}
	if c.ToldTeams != nil {
		w.toldTeams = c.ToldTeams
	}
	for _, a := range c.View.Alerts {
		w.rows[a.Identity()] = a.InboxID
	}
	w.emit(ctx, &event.IncidentContinued{FromRunID: c.FromRunID, View: c.View}, w.provenance())
	return nil
}

// resume says at which step the story goes on, and whether a person has the
// incident already.
func (w *run) resume() (next int, stop *handover) {
	switch {
	case w.carried.at(stepApprove):
		return stepApprove, nil
	case w.carried.at(stepHandover):
		return stepApprove, &handover{w.carried.Reason, w.carried.Detail}
	}
	return 0, nil
}
