package intake

import (
	"encoding/json"
	"fmt"
	"strings"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

// pdWebhook is a webhook of version 3. Messages is what version 1 and 2 have.
type pdWebhook struct {
	Event    *pdEvent        `json:"event"`
	Messages json.RawMessage `json:"messages"`
}

type pdEvent struct {
	Type       scalar `json:"event_type"`
	OccurredAt scalar `json:"occurred_at"`
	Agent      pdRef  `json:"agent"`
	Data       struct {
		pdRef
		Number        scalar  `json:"number"`
		Status        scalar  `json:"status"`
		IncidentKey   scalar  `json:"incident_key"`
		CreatedAt     scalar  `json:"created_at"`
		Title         scalar  `json:"title"`
		Urgency       scalar  `json:"urgency"`
		ResolveReason scalar  `json:"resolve_reason"`
		Service       pdRef   `json:"service"`
		Policy        pdRef   `json:"escalation_policy"`
		Priority      pdRef   `json:"priority"`
		Teams         []pdRef `json:"teams"`
		Incident      pdRef   `json:"incident"` // of a note, an update, a responder
		Content       scalar  `json:"content"`
		Message       scalar  `json:"message"`
	} `json:"data"`
}

// pdRef is how PagerDuty names what it refers to.
type pdRef struct {
	ID      scalar `json:"id"`
	Type    scalar `json:"type"`
	Summary scalar `json:"summary"`
	URL     scalar `json:"html_url"`
}

// pagerDuty reads webhooks of version 3.
// https://developer.pagerduty.com/docs/webhooks-overview
//
// The correlation key is the id of the PagerDuty incident, and it is the only
// member. Every event that carries an incident says how it stands, whoever was
// assigned or acknowledged: it is resolved where the event or the incident's
// status says so, and fires otherwise. The severity is the priority by its name
// (P1, SEV-1, Critical), else the urgency; the service is PagerDuty's.
//
// The start is when the incident was created, so that an acknowledgement or a
// reassignment says nothing new of it; a priority that changed and an incident
// that was reopened are news, and start when that happened.
//
// Notes, status updates, responders, events of services and the ping with which
// PagerDuty tries a webhook carry no incident and are recorded, as are types to
// come.
func pagerDuty(d store.Delivery) (Result, error) {
	var w pdWebhook
	if err := decode(d.Body, &w, "messages", "client", "fields", "custom_fields"); err != nil {
		return Result{}, err
	}
	switch {
	case w.Event == nil && w.Messages != nil:
		return Result{}, invalid("is a PagerDuty webhook of version 1 or 2; version 3 is read here")
	case w.Event == nil || w.Event.Type == "":
		return Result{}, invalid(`is no PagerDuty webhook: it has no "event" with an "event_type"`)
	}
	e := w.Event
	in := e.Data
	kind := string(e.Type)
	if !strings.HasPrefix(kind, "incident.") || in.Type != "" && in.Type != "incident" {
		return Result{Note: e.note()}, nil
	}
	if in.ID == "" {
		return Result{}, invalid("is the PagerDuty event %q without the id of its incident", clean(kind, MaxLabelName))
	}
	a := incident.Alert{
		CorrelationKey: string(in.ID), Fingerprint: hash("pagerduty", string(in.ID)), Status: incident.AlertFiring,
		Severity: severity(string(in.Priority.Summary)), Service: string(in.Service.Summary),
		Title:       firstNonEmpty(string(in.Title), string(in.Summary), "PagerDuty incident "+string(in.ID)),
		Description: joined(string(in.URL), noted("Resolved: ", string(in.ResolveReason))),
		Labels: map[string]string{"pagerduty_incident": string(in.ID), "incident_number": string(in.Number), "incident_key": string(in.IncidentKey),
			"pagerduty_status": string(in.Status), "pagerduty_event": kind, "pagerduty_service": string(in.Service.ID),
			"priority": string(in.Priority.Summary), "urgency": string(in.Urgency), "escalation_policy": string(in.Policy.Summary)},
		StartsAt: stamp(firstNonEmpty(string(in.CreatedAt), string(e.OccurredAt))),
	}
	var teams []string
	for _, t := range in.Teams {
		teams = append(teams, string(t.Summary))
	}
	a.Labels["teams"] = strings.Join(teams, ",")
	if a.Severity == "" {
		a.Severity = severity(string(in.Urgency))
	}
	happened := stamp(string(e.OccurredAt))
	if kind == "incident.reopened" || kind == "incident.priority_updated" {
		a.StartsAt = happened
	}
	if kind == "incident.resolved" || in.Status == "resolved" && kind != "incident.reopened" {
		a.Status, a.EndsAt = incident.AlertResolved, happened
	}
	return one(a), nil
}

func (e *pdEvent) note() string {
	in := e.Data
	if e.Type == "pagey.ping" {
		return "PagerDuty tries this webhook, and it works."
	}
	about := firstNonEmpty(string(in.Incident.Summary), string(in.Incident.ID), string(in.Summary), string(in.ID))
	text := firstNonEmpty(string(in.Content), string(in.Message))
	return strings.TrimSpace(fmt.Sprintf("PagerDuty event %s about %q, by %q. %s", e.Type, about, e.Agent.Summary, text))
}
