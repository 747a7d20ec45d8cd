package store

import (
	"context"
	"encoding/json"
	"time"

	"vigil/workflows/incident"
)

// Limits of an incident's own copy of its alerts. Beyond them alerts are
// mentioned to it and kept here.
const (
	DetailedAlerts = 100
	DetailedBytes  = 256 << 10
)

// Problem is an incident as correlation sees it.
type Problem struct {
	IncidentID  string
	Origin      incident.Origin
	Title       string
	Service     string   // of the alert that opened it
	Services    []string // of all its alerts, up to ProblemServices
	Sources     []string
	Severity    incident.Severity
	Labels      map[string]string // of the alert that opened it
	OpenedAt    time.Time
	LastAlertAt time.Time
	Alerts      int64
}

// ProblemServices bounds the services and sources of a problem that are remembered.
const ProblemServices = 64

// Scene is what there is to correlate with, at one moment.
type Scene struct {
	Now      time.Time
	Problems []Problem       // open, the one with the latest alert first
	Opened   []time.Time     // when incidents of the alert's origin were opened within the last hour, the latest first
	Edges    []incident.Edge // of the service graph, as workers saw it within the last day
}

// Correlator is asked by Assign, within its transaction: it must be quick, and
// give the same answer to the same question.
type Correlator interface {
	// Join returns the incident that an alert of a new key joins and by which
	// rule, or "" where it is a problem of its own.
	Join(a incident.Alert, s Scene) (incidentID, rule string)
}

// Silence keeps alerts from opening incidents for a while.
type Silence struct {
	ID        string      `json:"id"`
	Kind      SilenceKind `json:"kind"`
	Matchers  []Matcher   `json:"matchers"` // all must match
	StartsAt  time.Time   `json:"starts_at"`
	EndsAt    time.Time   `json:"ends_at"`
	Repeat    Repeat      `json:"repeat,omitempty"`
	Reason    string      `json:"reason"`
	CreatedBy string      `json:"created_by"`
	CreatedAt time.Time   `json:"created_at"`
	EndedBy   string      `json:"ended_by,omitempty"`
	EndedAt   time.Time   `json:"ended_at,omitzero"`
	EndReason string      `json:"end_reason,omitempty"`
}

// SilenceRecord is a silence with what it has touched.
type SilenceRecord struct {
	Silence
	State       SilenceState `json:"state"`
	Alerts      int64        `json:"alerts"`
	LastAlertAt time.Time    `json:"last_alert_at,omitzero"`
}

// SilencedAlert is an alert that a silence touched, as last heard.
type SilencedAlert struct {
	ID             int64          `json:"id"`
	DeliveryID     int64          `json:"delivery_id"`
	ReceivedAt     time.Time      `json:"received_at"`
	CorrelationKey string         `json:"correlation_key"`
	IncidentID     string         `json:"incident_id,omitempty"`
	Alert          incident.Alert `json:"alert"`
}

// IncidentKey is a correlation key that belongs, or belonged, to an incident.
type IncidentKey struct {
	CorrelationKey string    `json:"correlation_key"`
	JoinedBy       string    `json:"joined_by,omitempty"` // rule, or person; empty: the incident was opened for it
	BoundAt        time.Time `json:"bound_at"`
	Open           bool      `json:"open"`
	MovedTo        string    `json:"moved_to,omitempty"` // incident
	Alerts         int64     `json:"alerts"`
	Firing         int64     `json:"firing"`
}

// IncidentAlert is an alert of an incident, as last heard.
type IncidentAlert struct {
	ID         int64          `json:"id"` // order of arrival
	Alert      incident.Alert `json:"alert"`
	FirstAt    time.Time      `json:"first_at"`
	LastAt     time.Time      `json:"last_at"`
	Deliveries int64          `json:"deliveries"` // how often it was heard
	Changes    int64          `json:"changes"`    // how often it changed between firing and resolved
	MovedTo    string         `json:"moved_to,omitempty"`
}

// MoveRequest is a person's wish to move alerts.
type MoveRequest struct {
	ID   string
	From string
	To   string   // merge: the incident; split: the id of the new one
	Keys []string // split: those that go; merge: none, all go
	By   incident.Principal
	At   time.Time

	Reason string
}

// PendingMove is a move of which an incident has not been told yet.
type PendingMove struct {
	incident.Move
	Role     incident.Role
	At       time.Time
	TellFrom bool
	TellTo   bool
	Attempts int
}

// Audit is who did what, when and why.
type Audit struct {
	ID        int64           `json:"id"`
	At        time.Time       `json:"at"`
	Principal string          `json:"principal"`
	Action    string          `json:"action"`
	Subject   string          `json:"subject"`
	Reason    string          `json:"reason,omitempty"`
	Detail    json.RawMessage `json:"detail,omitempty"`
}

// Actions of the audit.
const (
	AuditSilenceCreated    = "silence.created"
	AuditSilenceEnded      = "silence.ended"
	AuditDeliveryRetried   = "delivery.retried"
	AuditDeliveriesRetried = "deliveries.retried"
	AuditDeliveryDiscarded = "delivery.discarded"
	AuditIncidentMerged    = "incident.merged"
	AuditIncidentSplit     = "incident.split"
	AuditControlsSet       = "controls.set"
	AuditControlsKilled    = "controls.killed"
	AuditControlsStarted   = "controls.started"
	AuditLeaseCleared      = "lease.cleared"
	AuditOptionProposed    = "option.proposed"
	AuditReviewEdited      = "review.edited"
)

// Problems is which alerts belong together, and what people say of that.
type Problems interface {
	// CreateSilence stores a silence, EndSilence ends one that has not ended.
	CreateSilence(ctx context.Context, s Silence) error
	EndSilence(ctx context.Context, id string, by Audit) (SilenceRecord, error)
	// Silences lists silences in a state ("": all), the latest created first;
	// before is the id to go on from.
	Silences(ctx context.Context, state SilenceState, now time.Time, before string, limit int) ([]SilenceRecord, error)
	Silence(ctx context.Context, id string, now time.Time) (SilenceRecord, error)
	// SilencedAlerts lists what a silence touched, the latest first.
	SilencedAlerts(ctx context.Context, id string, before int64, limit int) ([]SilencedAlert, error)
	// Unsilence has alerts dispatched that still fire, that no incident has, and whose
	// silence no longer holds. It returns how many there were.
	Unsilence(ctx context.Context, now time.Time) (int, error)

	// Merge makes From part of To: its keys and alerts go there. Split makes
	// some keys of From an incident of their own. Both are decided when they
	// return; the incidents are told of it by whoever works on PendingMoves.
	// An incident that is over is an error of kind conflict.
	Merge(ctx context.Context, m MoveRequest) (incident.Move, error)
	Split(ctx context.Context, m MoveRequest) (incident.Move, error)
	PendingMoves(ctx context.Context, limit int) ([]PendingMove, error)
	// MoveTold records that From or To knows of the move, or never will.
	MoveTold(ctx context.Context, id string, from, to bool) error
	MoveFailed(ctx context.Context, id string) error

	// IncidentKeys and IncidentAlerts list what belongs to an incident.
	IncidentKeys(ctx context.Context, id string) ([]IncidentKey, error)
	IncidentAlerts(ctx context.Context, id, text string, after int64, limit int) ([]IncidentAlert, error)

	// Record notes what a person did that the store has no part in.
	Record(ctx context.Context, by Audit) error
	// Audited lists what people did, the latest first; subject "" selects all.
	Audited(ctx context.Context, subject string, before int64, limit int) ([]Audit, error)
}
