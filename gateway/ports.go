package gateway

import (
	"context"

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
