package gateway

import (
	"context"

	"vigil/internal/bus"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// Engine is how the gateway reaches incidents' workflows. gateway/temporal
// implements it. Errors carry a kind: conflict where the incident is over,
// not_found where there is none, unavailable where nothing is known.
type Engine interface {
	// Start starts the workflow of incident id; an id that was used before is
	// an error of kind conflict.
	Start(ctx context.Context, id string, in incident.Input) error
	// Deliver brings alerts to incident id and starts it where it does not run
	// yet; Signal only where it runs.
	Deliver(ctx context.Context, id string, in incident.Input, alerts incident.AlertSignal) error
	Signal(ctx context.Context, id string, alerts incident.AlertSignal) error
	// State is that of incident id, also when it is over.
	State(ctx context.Context, id string) (event.View, error)
	// Update sends an update and waits for its outcome. The same updateID takes
	// effect once.
	Update(ctx context.Context, id, name, updateID string, args, result any) error
	// Review starts the workflow id that keeps a person's review; an id that was
	// used before is an error of kind conflict.
	Review(ctx context.Context, id string, in incident.ReviewInput) error
	// Postmortem starts the workflow id that keeps a person's edit of an incident's
	// review. Where the id was used before, nothing starts, and before is the edit
	// that it keeps.
	Postmortem(ctx context.Context, id string, in incident.PostmortemInput) (before *incident.PostmortemInput, err error)
	// Leases names the workflows that hand out leases now, up to limit; Lease
	// asks one of them how its lease stands.
	Leases(ctx context.Context, limit int) (ids []string, more bool, err error)
	Lease(ctx context.Context, id string) (incident.LeaseState, error)
	// EventsSince returns a run's events after a seq; runID "" is the latest.
	EventsSince(ctx context.Context, id, runID string, afterSeq int64) ([]event.Event, error)
	// Describe says whether a run is open and, if not, how it ended:
	// completed, terminated, timed_out, failed, canceled, continued_as_new.
	Describe(ctx context.Context, id, runID string) (open bool, how string, err error)
	// Workers counts those that polled for work lately.
	Workers(ctx context.Context) (int, error)
	// Health is nil when the engine can be reached.
	Health(ctx context.Context) error
}

// Bucket is a key-value bucket that gateways write and workers read. *bus.Bucket
// is one. A key that was never written is at revision 0.
type Bucket interface {
	Get(ctx context.Context, key string) (bus.Entry, error)
	// Put changes a key that is at revision; bus.ErrMoved where it is not. After
	// any other error nobody knows whether it was changed. Delete likewise.
	Put(ctx context.Context, key string, value []byte, revision uint64) (uint64, error)
	Delete(ctx context.Context, key string, revision uint64) error
	// Keys lists the keys that were ever written.
	Keys(ctx context.Context) ([]string, error)
	// Watch calls fn with the key as it stands and after every change, until ctx
	// ends or it fails.
	Watch(ctx context.Context, key string, fn func(bus.Entry)) error
}

// DemoController starts faults in a sandbox. A gateway that is given one
// offers it to the dashboards; a product gateway has none.
type DemoController interface {
	Status(ctx context.Context) (DemoStatus, error)
	// Start makes a fault happen. One that does not exist is an error of kind
	// not_found, a second one at a time of kind conflict.
	Start(ctx context.Context, fault string) error
}

// DemoStatus is what a sandbox can do and does.
type DemoStatus struct {
	Faults []DemoFault `json:"faults"`
	Active string      `json:"active,omitempty"` // name of the fault that is happening
}

// DemoFault is something that can be made to go wrong.
type DemoFault struct {
	Name        string `json:"name"`
	Title       string `json:"title"`
	Description string `json:"description,omitempty"`
}
