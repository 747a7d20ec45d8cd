package activities

import (
	"context"

	"vigil/workflows/incident"
)

// Learned says where a lesson is kept now.
type Learned struct {
	Into       []string            `json:"into"`
	Provenance incident.Provenance `json:"provenance"`
}

// LearnIncident keeps what an incident taught. The same lesson again takes
// the place of the first, so that repeating it is harmless.
func (a *Activities) LearnIncident(ctx context.Context, l incident.Lesson) (Learned, error) {
	defer keepAlive(ctx)()
	if a.Memory == nil {
		return Learned{}, nil
	}
	into, p, err := a.Memory.Learn(ctx, l)
	if err != nil {
		return Learned{}, failureOf(ctx, "keep the lesson of "+l.IncidentID, err)
	}
	return Learned{Into: into, Provenance: attempt(ctx, p)}, nil
}
