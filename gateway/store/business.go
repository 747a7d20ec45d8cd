package store

import (
	"context"
	"time"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// FiguresFilter selects the figures of incidents. Zero values select all.
type FiguresFilter struct {
	From, To time.Time // incidents that opened from From on and before To
	Origin   incident.Origin
	Service  string
	Severity incident.Severity
}

// Business is what incidents add to the business metrics. It is kept with the
// events that it follows from: Apply moves both, or neither.
type Business interface {
	// FiguresRevision is another text whenever Figures may answer otherwise.
	FiguresRevision(ctx context.Context) (string, error)
	// Figures lists the figures of incidents, newest first, as Incidents does;
	// a limit of 0 asks for all.
	Figures(ctx context.Context, f FiguresFilter, cursor string, limit int) (list []event.IncidentFigures, next string, err error)
	// IncidentFigures returns those of one incident.
	IncidentFigures(ctx context.Context, id string) (event.IncidentFigures, error)
}

// Retention lets go of what is kept no longer.
type Retention interface {
	// Forget lets go of incidents that closed before a moment: their events,
	// view, figures, alerts and what binds them, but not their ids. It does
	// about limit rows of work in one transaction, so that nobody waits for
	// long behind it; more says that there is more to do. What is forgotten stays so: an
	// event of it that comes late, or is filled in, is skipped, and Rebuild
	// does not bring it back. An open incident is never forgotten.
	Forget(ctx context.Context, before time.Time, limit int) (forgotten int, more bool, err error)
}
