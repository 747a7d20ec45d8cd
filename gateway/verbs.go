package gateway

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

// Limits on what a person may write.
const (
	maxTitle  = 300    // characters
	maxWord   = 200    // characters of a name: service, source, label
	maxText   = 10_000 // characters of a description, note, comment or reason
	maxLabels = 64
)

// StartRequest opens an incident by hand. Who opened it is who asks.
type StartRequest struct {
	Title       string            `json:"title,omitempty"`
	Description string            `json:"description,omitempty"`
	Service     string            `json:"service,omitempty"`
	Severity    incident.Severity `json:"severity,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Source      string            `json:"source,omitempty"`
	StartedAt   time.Time         `json:"started_at,omitzero"`
}

func (r *StartRequest) validate() error {
	switch {
	case strings.TrimSpace(r.Title) == "" && strings.TrimSpace(r.Service) == "":
		return incident.Errorf(incident.KindInvalid, "say at least what is wrong (title) or where (service)")
	case r.Severity != "" && !r.Severity.Valid():
		return notASeverity(r.Severity)
	case len(r.Labels) > maxLabels:
		return incident.Errorf(incident.KindInvalid, "labels has %d entries; %d are the most", len(r.Labels), maxLabels)
	}
	for k, v := range r.Labels {
		if err := join(atMost("a label's name", k, maxWord), atMost("label "+k, v, maxText)); err != nil {
			return err
		}
	}
	return join(atMost("title", r.Title, maxTitle), atMost("description", r.Description, maxText),
		atMost("service", r.Service, maxWord), atMost("source", r.Source, maxWord))
}

// Created names the incident that was opened.
type Created struct {
	IncidentID string `json:"incident_id"`
}

// DecisionRequest decides on a proposal. ActionHash is the hash that came
// with the proposal: it binds the decision to the exact action.
type DecisionRequest struct {
	Decision   string `json:"decision" jsonschema:"enum=approve,enum=reject"`
	ProposalID string `json:"proposal_id"`
	ActionHash string `json:"action_hash"`
	Comment    string `json:"comment,omitempty"`
}

func (r *DecisionRequest) validate() error {
	switch {
	case r.Decision != incident.DecisionApprove && r.Decision != incident.DecisionReject:
		return incident.Errorf(incident.KindInvalid, "decision is %q; use %s or %s", r.Decision, incident.DecisionApprove, incident.DecisionReject)
	case r.ProposalID == "" || r.ActionHash == "":
		return incident.Errorf(incident.KindInvalid, "proposal_id and action_hash are both needed; take them from the proposal that you decide on")
	}
	return join(atMost("proposal_id", r.ProposalID, maxWord), atMost("action_hash", r.ActionHash, maxWord), atMost("comment", r.Comment, maxText))
}

// ProposalRequest puts one of the options of the incident's decision forward.
type ProposalRequest struct {
	OptionID string `json:"option_id"`
	Reason   string `json:"reason"`
}

func (r *ProposalRequest) validate() error {
	return join(needed("option_id", r.OptionID), atMost("option_id", r.OptionID, 2*maxWord), needed("reason", r.Reason), atMost("reason", r.Reason, maxText))
}

// AcknowledgeRequest says that who asks is on it. It has no fields.
type AcknowledgeRequest struct{}

func (*AcknowledgeRequest) validate() error { return nil }

// NoteRequest adds words to the timeline.
type NoteRequest struct {
	Text string `json:"text"`
}

func (r *NoteRequest) validate() error {
	return join(needed("text", r.Text), atMost("text", r.Text, maxText))
}

// SeverityRequest changes the severity.
type SeverityRequest struct {
	Severity incident.Severity `json:"severity"`
	Reason   string            `json:"reason,omitempty"`
}

func (r *SeverityRequest) validate() error {
	if !r.Severity.Valid() {
		return notASeverity(r.Severity)
	}
	return atMost("reason", r.Reason, maxText)
}

// ResolveRequest closes the incident on a person's word.
type ResolveRequest struct {
	Reason string `json:"reason"`
}

func (r *ResolveRequest) validate() error {
	return join(needed("reason", r.Reason), atMost("reason", r.Reason, maxText))
}

func notASeverity(s incident.Severity) error {
	return incident.Errorf(incident.KindInvalid, "severity is %q; use critical, high, medium or low", s)
}

func needed(field, value string) error {
	if strings.TrimSpace(value) == "" {
		return incident.Errorf(incident.KindInvalid, "%s is needed", field)
	}
	return nil
}

func atMost(field, value string, limit int) error {
	if n := utf8.RuneCountInString(value); n > limit {
		return incident.Errorf(incident.KindInvalid, "%s has %d characters; %d are the most", field, n, limit)
	}
	return nil
}

// join returns the first error.
func join(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// start opens an incident. Its id follows from the request's token, so that a
// repetition whose first answer was lost finds the incident it opened.
func (a *api) start(ctx context.Context, c call, r StartRequest) (outcome, error) {
	id := "inc-" + c.token[:20]
	err := a.engine.Start(ctx, id, incident.Input{
		Title: strings.TrimSpace(r.Title), Description: r.Description, Service: strings.TrimSpace(r.Service), Severity: r.Severity,
		Labels: r.Labels, Source: r.Source, OpenedBy: c.who.Name, StartedAt: r.StartedAt,
	})
	if err != nil && incident.KindOf(err) != incident.KindConflict {
		return outcome{}, err
	}
	return outcome{status: http.StatusCreated, body: Created{IncidentID: id}}, nil
}

func (a *api) decide(ctx context.Context, c call, r DecisionRequest) (outcome, error) {
	out, err := update[incident.DecideResult](ctx, a, c, incident.UpdateDecide, incident.DecideArgs{Principal: c.who.Principal,
		Decision: r.Decision, ProposalID: r.ProposalID, ActionHash: r.ActionHash, Comment: r.Comment})
	became := string(incident.KindOf(err))
	if d, ok := out.body.(incident.DecideResult); ok && err == nil {
		became = string(d.State)
	}
	a.metrics.decisions.WithLabelValues(r.Decision, became).Inc()
	return out, err
}

func (a *api) propose(ctx context.Context, c call, r ProposalRequest) (outcome, error) {
	out, err := update[incident.VerbResult](ctx, a, c, incident.UpdatePropose,
		incident.ProposeArgs{Principal: c.who.Principal, OptionID: r.OptionID, Reason: strings.TrimSpace(r.Reason)})
	if err == nil {
		a.record(ctx, c, store.AuditOptionProposed, c.incidentID, r.Reason, map[string]string{"option_id": r.OptionID})
	}
	return out, err
}

func (a *api) acknowledge(ctx context.Context, c call, _ AcknowledgeRequest) (outcome, error) {
	return update[incident.VerbResult](ctx, a, c, incident.UpdateAcknowledge, incident.AcknowledgeArgs{Principal: c.who.Principal})
}

func (a *api) note(ctx context.Context, c call, r NoteRequest) (outcome, error) {
	return update[incident.VerbResult](ctx, a, c, incident.UpdateNote, incident.NoteArgs{Principal: c.who.Principal, Text: r.Text})
}

func (a *api) setSeverity(ctx context.Context, c call, r SeverityRequest) (outcome, error) {
	return update[incident.VerbResult](ctx, a, c, incident.UpdateSetSeverity,
		incident.SetSeverityArgs{Principal: c.who.Principal, Severity: r.Severity, Reason: r.Reason})
}

func (a *api) resolve(ctx context.Context, c call, r ResolveRequest) (outcome, error) {
	return update[incident.VerbResult](ctx, a, c, incident.UpdateResolve, incident.ResolveArgs{Principal: c.who.Principal, Reason: r.Reason})
}

// update sends an update to the call's incident and answers with its result.
func update[R any](ctx context.Context, a *api, c call, name string, args any) (outcome, error) {
	var result R
	if err := a.engine.Update(ctx, c.incidentID, name, c.token, args, &result); err != nil {
		return outcome{}, fmt.Errorf("incident %s: %w", c.incidentID, err)
	}
	return outcome{status: http.StatusOK, body: result}, nil
}
