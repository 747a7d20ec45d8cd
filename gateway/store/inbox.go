package store

import (
	"context"
	"time"

	"vigil/workflows/incident"
)

// Delivery is one request of an alert source, as it came.
type Delivery struct {
	ID          int64             `json:"id"`
	Source      string            `json:"source"` // the last part of the address that it was posted to
	ReceivedAt  time.Time         `json:"received_at"`
	ContentType string            `json:"content_type"`
	Headers     map[string]string `json:"headers,omitempty"` // those that the intake needs, never credentials
	Body        []byte            `json:"body"`
	Principal   string            `json:"principal"`
	Origin      incident.Origin   `json:"origin"`
}

// DeliveryState says how far a delivery has come.
type DeliveryState string

const (
	DeliveryReceived    DeliveryState = "received"    // on disk, not read yet
	DeliveryNormalised  DeliveryState = "normalised"  // its alerts wait for dispatch, or are dispatched
	DeliveryQuarantined DeliveryState = "quarantined" // cannot be read; kept with the reason
	DeliveryRecorded    DeliveryState = "recorded"    // holds no alert; kept for a person (subscription confirmation)
	DeliveryDiscarded   DeliveryState = "discarded"   // a person said that nothing is lost with it
)

// Reading is what a delivery turned out to be: State is normalised, with its
// dispatches, or quarantined or recorded, with the reason.
type Reading struct {
	DeliveryID int64
	State      DeliveryState
	Reason     string
	Dispatches []Dispatch
}

// Dispatch is the alerts of one delivery that share a correlation key.
type Dispatch struct {
	ID             int64            `json:"id"`
	DeliveryID     int64            `json:"delivery_id"`
	CorrelationKey string           `json:"correlation_key"`
	Alerts         []incident.Alert `json:"alerts"`
	Attempts       int              `json:"attempts"`
}

// DispatchState says what became of a dispatch.
type DispatchState string

const (
	DispatchPending       DispatchState = "pending"
	DispatchDelivered     DispatchState = "delivered"       // the incident's workflow has it
	DispatchRepeated      DispatchState = "repeated"        // the incident has heard all of it before
	DispatchNoOpenProblem DispatchState = "no_open_problem" // all resolved, and nothing was open
	DispatchSilenced      DispatchState = "silenced"        // all that fires is silenced, and nothing was open
	DispatchPoisoned      DispatchState = "poisoned"        // keeps failing; holds up its key, and shows
)

// Inbox is the way of a delivery from bytes to incident.
type Inbox interface {
	// Accept stores a delivery and returns its id once it is synced.
	// Concurrent calls share one sync (group commit).
	Accept(ctx context.Context, d Delivery) (int64, error)
	// CountLost counts a delivery that was refused for its size.
	CountLost(ctx context.Context, source string, bytes int64) error

	// Received returns deliveries that nobody has read yet, oldest first: up to
	// limit, and no more than the first whose body goes over maxBytes together.
	Received(ctx context.Context, limit int, maxBytes int64) ([]Delivery, error)
	// Read records what deliveries turned out to be, all of them or none. One
	// that was read already stays as it is.
	Read(ctx context.Context, readings []Reading) error

	// Assign decides which incident pending dispatches belong to (see Claim).
	Assign(ctx context.Context, c Claim) (Assigned, error)
	// Settle records outcomes, all of them or none.
	Settle(ctx context.Context, s []Settlement) error
	// Postpone records a failed attempt of pending dispatches, and when to try
	// again; their keys wait.
	Postpone(ctx context.Context, dispatchIDs []int64, reason string, next time.Time) error
	// Release ends the bindings of an incident that is over.
	Release(ctx context.Context, incidentID string) error

	// Deliveries lists deliveries, newest first, for people. Bodies are included.
	Deliveries(ctx context.Context, f DeliveryFilter, limit int) ([]DeliveryRecord, error)
	// Retry has a quarantined delivery read again, or the poisoned dispatches of
	// a delivery tried again; RetryAll those in quarantine that match. An error of kind
	// conflict says that there is nothing to retry.
	Retry(ctx context.Context, deliveryID int64, by Audit) error
	RetryAll(ctx context.Context, f DeliveryFilter, by Audit) (int, error)
	// Discard takes a quarantined delivery out of quarantine for good; its bytes stay.
	Discard(ctx context.Context, deliveryID int64, by Audit) error
	// InboxCounts counts for health and metrics.
	InboxCounts(ctx context.Context) (InboxCounts, error)
	// SourceCounts counts deliveries by source.
	SourceCounts(ctx context.Context) ([]SourceCount, error)
	// Prune deletes up to limit deliveries that came before t and are done with.
	Prune(ctx context.Context, t time.Time, limit int) (int, error)
}

// Claim asks Assign for work. Of the pending dispatches that are due, in the
// order of their deliveries and without those of keys that Skip names, each
// goes to the open incident of its key; else to the one that Correlator has it
// join; else to a new one, named by NewID. What needs no delivery is settled
// at once: repetitions, resolves of nothing, what is silenced. A key that has
// a poisoned or a postponed dispatch waits behind it; Skip's first answer for a
// key holds for the whole call.
type Claim struct {
	Limit      int   // dispatches
	Bytes      int64 // of their alerts, about; at least one dispatch is taken
	Now        time.Time
	Skip       func(correlationKey string) bool
	NewID      func() string
	Correlator Correlator
}

// Assigned is what came of a claim: what is to be delivered, and how many
// dispatches were settled at once, by state.
type Assigned struct {
	List    []Assignment
	Settled map[DispatchState]int
}

// Assignment is a dispatch with the incident that it belongs to. Its alerts
// are those that say something new, resolved ones after firing ones; without
// alerts it repeats one before it in the same list.
type Assignment struct {
	Dispatch
	IncidentID string
	Mention    []bool           // by alert: the incident has many, so this one is only mentioned
	Repeats    []incident.Alert // left out of Alerts, to be counted when the dispatch ends
	Signals    int64            // that the incident was sent so far
	Over       bool             // it was assigned before, and the incident has ended since
}

// Settlement ends an assignment, or records a part of it.
type Settlement struct {
	DispatchID int64
	IncidentID string
	State      DispatchState    // pending: Alerts were delivered, and more is to come
	Alerts     []incident.Alert // that the incident has heard
	Mention    []bool
	Repeats    []incident.Alert // that said again what the incident had heard
	Rest       []incident.Alert // pending: what is left for another incident, which is to be found anew; nil: as it was
}

// DeliveryFilter selects deliveries. Zero values select everything.
type DeliveryFilter struct {
	State  DeliveryState
	Source string
	Text   string // in source, reason or body
	Before int64  // id to go on from
}

// DeliveryRecord is a delivery with what became of it.
type DeliveryRecord struct {
	Delivery
	State       DeliveryState   `json:"state"`
	Reason      string          `json:"reason,omitempty"`
	IncidentIDs []string        `json:"incident_ids,omitempty"`
	Dispatches  []DispatchState `json:"dispatches,omitempty"`
}

// InboxCounts counts deliveries and dispatches by what became of them.
type InboxCounts struct {
	Received, Quarantined, Recorded int64 // deliveries
	Pending, Poisoned               int64 // dispatches
	Lost                            int64 // refused for their size
	OldestPending                   time.Time
}

// SourceCount counts the deliveries of a source that are kept.
type SourceCount struct {
	Source      string    `json:"source"`
	Deliveries  int64     `json:"deliveries"`
	Quarantined int64     `json:"quarantined"`
	LastAt      time.Time `json:"last_at"`
}
