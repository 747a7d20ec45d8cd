// Package pagerduty pages people through PagerDuty's Events API (version 2).
//
// An incident is one alert there, with the key vigil-<incident id>. What pages
// (opened, escalated, approval, handover) triggers it; PagerDuty adds what it
// knows already to the alert that is open and rings nobody twice. An action
// that could not be taken back is an alert of its own, with the suffix -unsafe:
// it has to ring also where somebody has acknowledged the first. Who
// acknowledges the incident, or decides on a proposal, acknowledges the alert,
// because then somebody is on it; a deadline that nobody met does not. The end of the incident resolves both
// alerts, but only where it was resolved: one that was given up stays open in
// PagerDuty, since it is still somebody's. Everything else is not PagerDuty's
// business and is reported as suppressed.
//
// A repeated event has the same key, so repeating one that may have arrived is
// harmless. 400 is final; 429, 5xx and the network are tried again.
//
// A Channel keeps no state and is safe for concurrent use. The routing key is
// read from its file for each event, and is in no error.
package pagerduty

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"vigil/activities"
	"vigil/activities/internal/tell"
	"vigil/workflows/incident"
)

const service = "pagerduty"

// Limits of the Events API.
const (
	maxKey     = 255       // characters of a dedup_key
	maxEvent   = 512 << 10 // bytes of an event
	maxSummary = 1024      // characters
	maxDetail  = 4000      // characters of one detail; ours
)

// Config says where and to which service.
type Config struct {
	URL            string // such as https://events.pagerduty.com/v2/enqueue
	RoutingKeyFile string // holds the integration key of a service
}

// Channel is one service of PagerDuty.
type Channel struct {
	config Config
	caller tell.Caller
}

var (
	_ tell.Channel = (*Channel)(nil)
	_ tell.Chooser = (*Channel)(nil)
)

// New makes a Channel. recorder may be nil. Nothing is asked yet.
func New(c Config, recorder activities.Recorder) *Channel {
	return &Channel{config: c, caller: tell.New(service, recorder)}
}

// event is the body of an enqueue.
type event struct {
	RoutingKey string   `json:"routing_key"`
	Action     string   `json:"event_action"`
	DedupKey   string   `json:"dedup_key"`
	Payload    *payload `json:"payload,omitempty"`
	Client     string   `json:"client,omitempty"`
	ClientURL  string   `json:"client_url,omitempty"`
	Links      []link   `json:"links,omitempty"`
}

type payload struct {
	Summary   string            `json:"summary"`
	Source    string            `json:"source"`
	Severity  string            `json:"severity"`
	Timestamp time.Time         `json:"timestamp"`
	Component string            `json:"component,omitempty"`
	Group     string            `json:"group,omitempty"`
	Class     string            `json:"class,omitempty"`
	Details   map[string]string `json:"custom_details,omitempty"`
}

type link struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

// severities are PagerDuty's words for ours.
var severities = map[incident.Severity]string{incident.SeverityCritical: "critical", incident.SeverityHigh: "error",
	incident.SeverityMedium: "warning", incident.SeverityLow: "info"}

// Actions of the Events API.
const (
	trigger     = "trigger"
	acknowledge = "acknowledge"
	resolve     = "resolve"
)

// Send sends the events that m is. All of them may be sent again.
func (c *Channel) Send(ctx context.Context, m tell.Message) (tell.Receipt, error) {
	action, keys, why := plan(m)
	if action == "" {
		return tell.Receipt{State: incident.DeliverySuppressed, Detail: why}, nil
	}
	var p incident.Provenance
	for _, key := range keys {
		var err error
		if p, err = c.enqueue(ctx, action, key, m); err != nil {
			return tell.Receipt{Provenance: p}, err
		}
	}
	return tell.Receipt{Detail: action, Ref: refs(m.Ref, keys), Provenance: p}, nil
}

// Skip implements tell.Chooser.
func (*Channel) Skip(m tell.Message) string {
	_, _, why := plan(m)
	return why
}

// plan says what m is to PagerDuty, or why it is nothing.
func plan(m tell.Message) (action string, keys []string, why string) {
	key := dedupKey(m.IncidentID, "")
	switch {
	case m.Kind == incident.NotifyUnsafe:
		return trigger, []string{dedupKey(m.IncidentID, "-unsafe")}, ""
	case m.Kind.Pages():
		return trigger, []string{key}, ""
	case m.Kind == incident.NotifyAcked, m.Kind == incident.NotifyDecided && decidedByPerson(m):
		return acknowledge, []string{key}, ""
	case m.Kind == incident.NotifyDecided:
		return "", nil, "nobody decided, so nobody is on it"
	case m.Kind == incident.NotifyClosed && over(m):
		keys = []string{key}
		for _, known := range strings.Fields(m.Ref) { // an alert of its own that was triggered
			if known != key {
				keys = append(keys, known)
			}
		}
		return resolve, keys, ""
	case m.Kind == incident.NotifyClosed:
		return "", nil, "the incident ended unresolved, so its alert stays open"
	}
	return "", nil, "PagerDuty is not told of " + string(m.Kind)
}

func decidedByPerson(m tell.Message) bool {
	p := m.Proposal
	return m.By != "" || p != nil && p.DecidedBy != "" && (p.State == incident.ProposalApproved || p.State == incident.ProposalRejected)
}

// over reports whether nothing is left of the incident that is anybody's.
func over(m tell.Message) bool {
	switch m.Outcome {
	case incident.OutcomeUnresolved, incident.OutcomeAborted:
		return false
	case "":
		return m.Status == incident.StatusResolved
	}
	return true
}

// dedupKey is a key without blanks, so that several make a Ref.
func dedupKey(id, suffix string) string {
	key := "vigil-" + strings.ReplaceAll(tell.Line(id), " ", "_")
	if len(key)+len(suffix) > maxKey {
		sum := sha256.Sum256([]byte(id))
		key = "vigil-" + hex.EncodeToString(sum[:])
	}
	return key + suffix
}

// refs are the keys of every alert that was triggered for the incident.
func refs(ref string, keys []string) string {
	all := strings.Fields(ref)
	for _, k := range keys {
		if !strings.Contains(" "+strings.Join(all, " ")+" ", " "+k+" ") {
			all = append(all, k)
		}
	}
	return strings.Join(all, " ")
}

func (c *Channel) enqueue(ctx context.Context, action, key string, m tell.Message) (incident.Provenance, error) {
	routing, err := tell.Secret("the PagerDuty routing key", c.config.RoutingKeyFile)
	if err != nil {
		return incident.Provenance{}, err
	}
	e := event{RoutingKey: routing, Action: action, DedupKey: key}
	if action == trigger {
		e.Payload, e.Client, e.ClientURL = payloadOf(m), "Vigil", m.Link
		if m.Link != "" {
			e.Links = []link{{m.Link, "The incident in Vigil"}}
		}
	}
	raw, err := json.Marshal(e)
	if err == nil && len(raw) > maxEvent && e.Payload != nil {
		e.Payload.Details = nil // cannot be with the bounds above; the page matters more
		raw, err = json.Marshal(e)
	}
	if err != nil || len(raw) > maxEvent {
		return incident.Provenance{}, tell.Refusal("pagerduty "+action, "the event cannot be written within %d bytes", maxEvent)
	}
	a, err := c.caller.Do(ctx, tell.Request{Operation: action, URL: c.config.URL, Header: http.Header{"Content-Type": {"application/json"}}, Body: raw, Secrets: []string{routing}},
		func(a tell.Answer) error {
			var said struct {
				Status string `json:"status"`
			}
			if json.Unmarshal(a.Body, &said) != nil || said.Status != "success" {
				return tell.Doubt(incident.Errorf(incident.KindUnavailable, "the answer is not PagerDuty's; is the address the right one?"))
			}
			return nil
		})
	return a.Provenance, err
}

func payloadOf(m tell.Message) *payload {
	severity := severities[m.Severity]
	if severity == "" {
		severity = "error"
	}
	if m.Kind == incident.NotifyUnsafe {
		severity = "critical"
	}
	source := tell.Line(m.Service)
	if source == "" {
		source = "vigil"
	}
	details := map[string]string{}
	put := func(name, value string) {
		if value = tell.Clip(tell.Inert(activities.Redact(value)), maxDetail); value != "" {
			details[name] = value
		}
	}
	put("text", m.Text)
	put("incident", m.IncidentID)
	put("status", string(m.Status))
	put("told", string(m.Kind))
	put("team", m.Team)
	if m.To != nil {
		put("on_call", m.To.Name)
	}
	if m.Origin != "" && m.Origin != incident.OriginLive {
		put("origin", string(m.Origin))
	}
	if p := m.Proposal; p != nil {
		put("proposal", p.Title+" on "+p.Action.Target)
		put("proposal_reason", p.Reason)
		put("proposal_deadline", p.Deadline.UTC().Format(time.RFC3339))
	}
	at := m.OpenedAt
	if at.IsZero() {
		at = m.At
	}
	return &payload{Summary: tell.Clip(m.Title, maxSummary), Source: tell.Clip(source, 255), Severity: severity, Timestamp: at.UTC(), Component: tell.Clip(source, 255),
		Group: "vigil", Class: string(m.Kind), Details: details}
}
