package activities

import (
	"context"

	"vigil/workflows/event"
)

// PublishEventsInput is the next batch of an incident's events.
type PublishEventsInput struct {
	Events []event.Event `json:"events"`
}

// PublishEvents hands committed events to the stream, in order. Repeating it
// is harmless: the stream knows each by its id.
func (a *Activities) PublishEvents(ctx context.Context, in PublishEventsInput) error {
	defer keepAlive(ctx)()
	return failureOf(ctx, "publish events", a.Publisher.Publish(ctx, in.Events))
}
