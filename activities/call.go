package activities

import (
	"context"
	"time"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// Call is one finished call to an outside service, as the adapter that made
// it reports it.
type Call struct {
	// Provenance names service, operation and model, and carries latency,
	// origin and usage. Origin is empty where no answer came.
	Provenance incident.Provenance
	Failed     incident.Kind // "" where it succeeded
	Error      string        // what went wrong, free of secrets
	Cancelled  bool          // the caller gave up; says nothing about the service

	Guarded  event.GuardrailOutcome // what a guardrail made of the text; "" where none was asked
	Policies []string               // of the guardrail, that intervened
}

// Recorder is told of every call. It must not block and must be safe for
// concurrent use.
type Recorder interface {
	Record(Call)
}

// Gate lets calls pass or holds them back: too many for the quota, or to a
// service that is down. A Recorder that is also a Gate is asked before every
// call that an adapter makes.
type Gate interface {
	// Enter returns once the call may be made; leave must then be told how it
	// ended, once. Where the call must not be made, it returns an error that
	// carries an incident.Kind, wrapped in a NotBeforeError where it knows when
	// the call may succeed.
	Enter(ctx context.Context, service, model string) (leave func(Call), err error)
}

// GateState is how the gate of one service (and model) stands.
type GateState struct {
	Service, Model string
	Breaker        string    // closed, open or half_open
	Until          time.Time // where it is open: when it lets the next call try
	Limited        int64     // calls that the rate limit held back or refused
}

// NotBeforeError says when what failed may succeed.
type NotBeforeError struct {
	At  time.Time
	Err error
}

func (e *NotBeforeError) Error() string { return e.Err.Error() }
func (e *NotBeforeError) Unwrap() error { return e.Err }

// PaidError is the failure of a call that was answered: it cost, and its
// answer cannot be used. Usage is in the provenance; what the service did not
// say is unknown there, never zero.
type PaidError struct {
	Provenance incident.Provenance
	Err        error
}

func (e *PaidError) Error() string { return e.Err.Error() }
func (e *PaidError) Unwrap() error { return e.Err }

// WithOrigin returns a context whose calls report where their answer comes
// from as soon as it begins, before anything of it is read.
func WithOrigin(ctx context.Context, report func(incident.Origin)) context.Context {
	return context.WithValue(ctx, originKey{}, report)
}

// ReportOrigin tells whoever made ctx by WithOrigin.
func ReportOrigin(ctx context.Context, o incident.Origin) {
	if report, ok := ctx.Value(originKey{}).(func(incident.Origin)); ok {
		report(o)
	}
}

type originKey struct{}
