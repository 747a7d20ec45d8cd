package activities

import (
	"context"

	"vigil/workflows/incident"
)

// Notify tells one channel one thing. A channel that takes a key is told once
// however often this runs; of the others the adapter says what it does where
// it cannot know whether it was heard.
func (a *Activities) Notify(ctx context.Context, n incident.Notification) (incident.Delivery, error) {
	defer keepAlive(ctx)()
	d, err := a.Notifier.Notify(ctx, n)
	d.Key, d.Kind, d.Channel, d.Team = n.Key, n.Kind, n.Channel, n.Team
	d.Provenance = attempt(ctx, d.Provenance)
	return d, failureOf(ctx, "tell "+n.Channel, err)
}
