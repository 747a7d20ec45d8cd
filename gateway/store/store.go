// Package store is what the gateway keeps on disk: the inbox of deliveries,
// the permanent table of events, the read model derived from it, and the
// answers remembered under idempotency keys.
//
// One interface, one conformance suite (storetest) for every implementation.
// Promises that callers lean on: Accept returns only after the delivery is
// synced to disk; Apply moves events, read model and applied offset together
// or not at all; Assign never gives two open incidents to one correlation key.
// Times are kept to the microsecond, events exactly as they came.
// All methods are safe for concurrent use, by several gateways where the
// implementation is shared. Errors carry an incident.Kind: not_found,
// conflict, invalid, or unavailable where the disk or database refuses.
package store

import (
	"context"
	"encoding/json"
	"time"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// Store is all of it. Code that needs less declares less.
type Store interface {
	Inbox
	Problems
	Events
	Reads
	Business
	Retention
	Idempotency

	// Ping reports whether the store takes writes.
	Ping(ctx context.Context) error
	Close() error
}

// Gap says that an event cannot be applied because earlier ones are missing.
type Gap struct {
	IncidentID, RunID string
	HaveSeq           int64 // last applied
	NextSeq           int64 // first that came
}

// Events is the permanent table of events and what follows from them.
type Events interface {
	// Applied returns the position up to which everything is applied.
	Applied(ctx context.Context) (event.Cursor, error)
	// Apply applies events in stream order, in one transaction: event table,
	// read model, binding of closed incidents, applied offset. An event at or
	// below the applied offset, or below its run's seq, is skipped; one that
	// would leave a hole stops there and is returned as a Gap, with everything
	// before it applied. fill are events recovered from the workflow, without
	// offset; they are applied first. A new epoch resets the offset, not the
	// events. It returns the events that were new, with Epoch and Offset set.
	//
	// Of the fills only those are used that the hole needs; all that a workflow
	// knows may be given. They carry the offset applied before them: they do
	// not move a cursor, and whoever drops them by offset sees the hole in seq
	// at the next event of the run, which follows. A run that was aborted is
	// over: its later events are skipped, so aborting a run (fill, seq 0) also
	// ends a gap that nothing can fill; a run that was closed is not aborted.
	// Other events without a number (what a person says of a run afterwards) are
	// applied whether the run is over or not, once per id.
	// An event without incident or run id belongs to nothing and is skipped.
	Apply(ctx context.Context, epoch string, fill, events []event.Event) (fresh []event.Event, gap *Gap, err error)
	// Since returns up to limit events after c in the order applied, which is
	// offset order; fills stand where they were applied. An error of
	// kind not_found means that c cannot be served and a snapshot is needed:
	// other epoch, ahead of us, or more than limit behind.
	Since(ctx context.Context, c event.Cursor, limit int) ([]event.Event, error)
	// Snapshot returns the summaries of all open incidents and the latest
	// closed ones, with the position that they are exactly as of.
	Snapshot(ctx context.Context, closed int) (event.Cursor, []event.Summary, error)
	// Rebuild derives the read model anew from the event table.
	Rebuild(ctx context.Context) error
}

// Filter selects incidents. Zero values select everything.
type Filter struct {
	Status     incident.Status
	Severity   incident.Severity
	Service    string
	Open       *bool
	NeedsHuman *bool
	Text       string // in title, id or service
}

// Reads answers the API.
type Reads interface {
	// Incidents lists summaries, newest first. cursor is "" for the first page;
	// next is "" after the last. Incidents that open meanwhile do not shift the
	// pages that follow. A cursor that was not given out is an error of kind invalid.
	Incidents(ctx context.Context, f Filter, cursor string, limit int) (list []event.Summary, next string, err error)
	// Incident returns the view of the latest run of an incident.
	Incident(ctx context.Context, id string) (event.View, error)
	// IncidentEvents returns events of an incident in the order applied, after
	// seq afterSeq of run runID; "" is the latest run. more says that there are
	// more. An abort has seq 0 and comes after every numbered event; a review
	// has seq 0 too and stands where it was applied.
	IncidentEvents(ctx context.Context, id, runID string, afterSeq int64, limit int) (list []event.Event, more bool, err error)
	// IncidentStory returns the events of the latest run and of all runs that it
	// goes on from (incident.continued), oldest first, leaving out the first
	// after of them.
	IncidentStory(ctx context.Context, id string, after, limit int) (list []event.Event, more bool, err error)
	// Open lists id and run of every incident that is not closed, for the reconciler.
	Open(ctx context.Context) ([]event.Summary, error)
	// Event returns one event by its id.
	Event(ctx context.Context, id string) (event.Event, error)
}

// AnswersKept is how long answers are remembered, ClaimHeld how long a claim
// without an answer stands before a repeated request may take it over (its
// gateway died). A taken-over request runs again, so what it does must be
// idempotent under its key.
const (
	AnswersKept = 24 * time.Hour
	ClaimHeld   = 2 * time.Minute
)

// Idempotency remembers what a request with an Idempotency-Key was answered.
type Idempotency interface {
	// Begin claims key for principal; nil, nil says that the claim is yours. A
	// remembered answer is returned for the same requestHash; another hash is
	// an error of kind invalid; a request still in progress is an error of kind
	// conflict.
	Begin(ctx context.Context, principal, key, requestHash string) (*Answer, error)
	// Finish stores the answer, or forgets the key where a is nil because
	// nothing is known to have happened.
	Finish(ctx context.Context, principal, key string, a *Answer) error
}

// Answer is a stored HTTP answer.
type Answer struct {
	Status int             `json:"status"`
	Body   json.RawMessage `json:"body"`
}
