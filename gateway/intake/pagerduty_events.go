package intake

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

// pdEventsBody is what a monitoring tool posts to the Events API v2. A change
// event has no event_action.
type pdEventsBody struct {
	RoutingKey scalar `json:"routing_key"`
	Action     scalar `json:"event_action"`
	DedupKey   scalar `json:"dedup_key"`
	Client     scalar `json:"client"`
	ClientURL  scalar `json:"client_url"`
	Payload    *struct {
		Summary   scalar          `json:"summary"`
		Source    scalar          `json:"source"`
		Severity  scalar          `json:"severity"`
		Timestamp scalar          `json:"timestamp"`
		Component scalar          `json:"component"`
		Group     scalar          `json:"group"`
		Class     scalar          `json:"class"`
		Details   json.RawMessage `json:"custom_details"`
	} `json:"payload"`
	Links []struct {
		Href scalar `json:"href"`
		Text scalar `json:"text"`
	} `json:"links"`
	Images []struct {
		Src  scalar `json:"src"`
		Href scalar `json:"href"`
		Alt  scalar `json:"alt"`
	} `json:"images"`
}

func readPDEvents(body []byte) (w pdEventsBody, err error) {
	err = decode(body, &w, "custom_details")
	return w, err
}

// EventsRoutingKey is the routing key in the body of an event, which says who
// sends it; "" where there is none or the body cannot be read.
func EventsRoutingKey(body []byte) string {
	w, err := readPDEvents(body)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(w.RoutingKey))
}

// EventsDedupKey is the key under which the event in body is one problem with
// others, and what PagerDuty would answer with: its dedup_key, or for a trigger
// without one a key made of the body, so that the same bytes sent again are the
// same problem. It is "" for what has no such key: a change event, an
// acknowledgement or a resolution of nothing, a body that cannot be read. A key
// that holds the routing key, which is a secret, is replaced by its hash.
func EventsDedupKey(body []byte) string {
	w, err := readPDEvents(body)
	if err != nil {
		return ""
	}
	return w.key(body)
}

func (w pdEventsBody) key(body []byte) string {
	key := string(w.DedupKey)
	switch {
	case w.Action == "":
		return ""
	case strings.TrimSpace(key) != "" && w.redact(key) == key:
		return key
	case strings.TrimSpace(key) != "":
		body = []byte(key)
	case !strings.EqualFold(string(w.Action), "trigger"):
		return ""
	}
	sum := sha256.Sum256(bytes.TrimSpace(body))
	return hex.EncodeToString(sum[:16])
}

// pagerDutyEvents reads events of the PagerDuty Events API v2, for tools that
// can send to PagerDuty and nothing else.
// https://developer.pagerduty.com/docs/send-alert-event
// https://developer.pagerduty.com/docs/send-change-event
//
// The correlation key is the dedup_key (see EventsDedupKey), and it is the only
// member. trigger fires and resolve resolves; severity is the payload's, the
// service is what custom_details call so, else component, group or source.
// acknowledge is recorded: it says that somebody works on a problem, carries
// nothing else, and PagerDuty drops it where nothing is open. A change event is
// recorded too. The routing key is a secret: it is kept nowhere, and whoever
// repeats it in a text finds it blotted out.
func pagerDutyEvents(d store.Delivery) (Result, error) {
	w, err := readPDEvents(d.Body)
	if err != nil {
		return Result{}, err
	}
	action := strings.ToLower(strings.TrimSpace(string(w.Action)))
	switch {
	case w.Payload == nil && (action == "trigger" || action == ""):
		return Result{}, invalid(`is no event of the PagerDuty Events API: it has no "payload"`)
	case action == "":
		return Result{Note: w.redact(fmt.Sprintf("Change: %s (source %q, at %s)\n%s", w.Payload.Summary, w.Payload.Source, w.Payload.Timestamp, w.description()))}, nil
	}
	key := w.key(d.Body)
	switch {
	case action != "trigger" && action != "acknowledge" && action != "resolve":
		return Result{}, invalid("has the event_action %q, which is none of trigger, acknowledge and resolve", clean(w.redact(action), MaxLabelName))
	case key == "":
		return Result{}, invalid("is to %s an event, but has no dedup_key that tells which", action)
	case action == "acknowledge":
		return Result{Note: fmt.Sprintf("Somebody acknowledged the event %q at its source.", key)}, nil
	}
	a := incident.Alert{CorrelationKey: key, Fingerprint: hash("pagerduty-events", key), Status: incident.AlertFiring,
		Title: "PagerDuty event " + key, Labels: map[string]string{}}
	if p := w.Payload; p != nil {
		details := w.details()
		for name, value := range details {
			a.Labels[name] = string(value)
		}
		for name, value := range (scalars{"source": p.Source, "component": p.Component, "group": p.Group, "class": p.Class}) {
			a.Labels[name] = string(value)
		}
		a.Severity, a.StartsAt = severity(string(p.Severity)), stamp(string(p.Timestamp))
		a.Service = firstNonEmpty(details.get(serviceLabels...), string(p.Component), string(p.Group), string(p.Source))
		a.Title = firstNonEmpty(string(p.Summary), a.Title)
	}
	a.Labels["client"], a.Labels["client_url"] = string(w.Client), string(w.ClientURL)
	a.Description = w.description()
	if action == "resolve" {
		a.Status, a.EndsAt = incident.AlertResolved, a.StartsAt
	}
	a.Title, a.Description, a.Service = w.redact(a.Title), w.redact(a.Description), w.redact(a.Service)
	safe := map[string]string{}
	for name, value := range a.Labels {
		safe[w.redact(name)] = w.redact(value)
	}
	a.Labels = safe
	return one(a), nil
}

// details are the members of custom_details; one that is no object is "details".
func (w pdEventsBody) details() scalars {
	if w.Payload == nil || len(w.Payload.Details) == 0 {
		return nil
	}
	t := readNode(w.Payload.Details)
	if _, object := t.v.(map[string]any); !object {
		return scalars{"details": scalar(t.text())}
	}
	return t.members()
}

// description is the links and images as plain text.
func (w pdEventsBody) description() string {
	var lines []string
	for _, l := range w.Links {
		lines = append(lines, strings.TrimSpace(string(l.Text)+" "+string(l.Href)))
	}
	for _, i := range w.Images {
		lines = append(lines, strings.TrimSpace(string(i.Alt)+" "+firstNonEmpty(string(i.Href), string(i.Src))))
	}
	return joined(lines...)
}

// redact blots the routing key out of a text.
func (w pdEventsBody) redact(text string) string {
	key := strings.TrimSpace(string(w.RoutingKey))
	if key == "" {
		return text
	}
	return strings.ReplaceAll(text, key, "[routing key]")
}
