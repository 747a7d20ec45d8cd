package intake

import (
	"fmt"
	"strings"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

// ogWebhook is what Opsgenie posts. An escalation has nothing of its alert but
// the id.
type ogWebhook struct {
	Action          scalar `json:"action"`
	IntegrationName scalar `json:"integrationName"`
	EscalationName  scalar `json:"escalationName"`
	Alert           *struct {
		ID          scalar   `json:"alertId"`
		Alias       scalar   `json:"alias"`
		TinyID      scalar   `json:"tinyId"`
		Message     scalar   `json:"message"`
		Description scalar   `json:"description"`
		Priority    scalar   `json:"priority"`
		Entity      scalar   `json:"entity"`
		Source      scalar   `json:"source"`
		Owner       scalar   `json:"owner"`
		Note        scalar   `json:"note"`
		CreatedAt   scalar   `json:"createdAt"`
		UpdatedAt   scalar   `json:"updatedAt"`
		Tags        []scalar `json:"tags"`
		Details     scalars  `json:"details"`
	} `json:"alert"`
}

var (
	// ogOpen are the actions that can only be done to an alert that is open.
	ogOpen = []string{"create", "acknowledge", "unacknowledge", "escalate", "escalatenext", "snooze", "snoozeended", "updatepriority"}
	ogOver = []string{"close", "delete"}
)

// opsgenie reads outgoing webhooks of Opsgenie, which Jira Service Management
// sends in the same shape.
// https://support.atlassian.com/opsgenie/docs/opsgenie-edge-connector-alert-action-data/
//
// The correlation key is the alertId, and it is the only member. Create,
// Acknowledge, Escalate and the like tell that it is open, Close that it is
// over; so does Delete, because nothing will be heard of it again. Actions that
// can be done to an alert in either state (AddNote, AddTags, an action of your
// own, …) are recorded. An Escalate has only the id: it fires like the rest,
// because nobody has answered, under a title that says so.
//
// The severity is the priority (P1 to P5, or the bare number), the service what
// details or tags call so, else the entity. It starts when it was created, so
// that an acknowledgement says nothing new; a priority that changed is news.
// Numbers keep every digit: updatedAt counts nanoseconds.
func opsgenie(d store.Delivery) (Result, error) {
	var w ogWebhook
	if err := decode(d.Body, &w, "details", "headers", "content"); err != nil {
		return Result{}, err
	}
	if w.Alert == nil || w.Alert.ID == "" || w.Action == "" {
		return Result{}, invalid(`is no webhook of Opsgenie: it has no "action" or no "alert" with its "alertId"`)
	}
	in, action := w.Alert, strings.ToLower(strings.TrimSpace(string(w.Action)))
	if !contains(ogOpen, action) && !contains(ogOver, action) {
		return Result{Note: strings.TrimSpace(fmt.Sprintf("Opsgenie: %s on alert %s %q. %s", w.Action, in.ID, in.Message, in.Note))}, nil
	}
	tags := make([]string, 0, len(in.Tags))
	for _, t := range in.Tags {
		tags = append(tags, string(t))
	}
	labels := asScalars(tagLabels(tags))
	for k, v := range in.Details {
		labels[k] = v
	}
	a := incident.Alert{
		CorrelationKey: string(in.ID), Fingerprint: hash("opsgenie", string(in.ID)), Status: incident.AlertFiring,
		Severity: labelSeverity(scalars{"priority": in.Priority}),
		Service:  firstNonEmpty(labels.get(serviceLabels...), string(in.Entity)),
		Title:    string(in.Message), Description: string(in.Description), StartsAt: stamp(string(in.CreatedAt)),
	}
	if a.Title == "" {
		a.Title = "Opsgenie alert " + string(in.ID) + ": " + string(w.Action)
	}
	for name, value := range (scalars{"opsgenie_alert": in.ID, "opsgenie_action": w.Action, "opsgenie_alias": in.Alias, "opsgenie_tiny_id": in.TinyID,
		"opsgenie_entity": in.Entity, "opsgenie_source": in.Source, "opsgenie_owner": in.Owner, "opsgenie_updated_at": in.UpdatedAt,
		"opsgenie_escalation": w.EscalationName, "opsgenie_integration": w.IntegrationName}) {
		labels[name] = value
	}
	if in.Priority != "" {
		labels["priority"] = in.Priority
	}
	a.Labels = labels.strings()
	if updated := stamp(string(in.UpdatedAt)); action == "updatepriority" {
		a.StartsAt = updated
	} else if contains(ogOver, action) {
		a.Status, a.EndsAt = incident.AlertResolved, updated
	}
	return one(a), nil
}
