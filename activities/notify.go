package activities

import (
	"cmp"
	"context"

	"vigil/workflows/incident"
)

// Notify tells one channel one thing. A channel that takes a key is told once
// however often this runs; of the others the adapter says what it does where
// it cannot know whether it was heard.
func (a *Activities) Notify(ctx context.Context, n incident.Notification) (incident.Delivery, error) {
	if a.Notifier == nil { // told by the settings of another worker, which this one is not configured like
		return incident.Delivery{}, failureOf(ctx, "tell "+n.Channel, incident.Errorf(incident.KindUnavailable,
			"this worker has no notification file (--notify-file); give all workers the same"))
	}
	defer keepAlive(ctx)()
	d, err := a.Notifier.Notify(ctx, n)
	d.Key, d.Kind, d.Channel, d.Team = n.Key, n.Kind, n.Channel, n.Team
	if !d.Provenance.Origin.Valid() { // no service was asked, such as where nobody listens to this kind: it is of what the incident is of
		d.Provenance.Origin, d.Provenance.Service = n.Origin, cmp.Or(d.Provenance.Service, "notify")
	}
	d.Provenance = attempt(ctx, d.Provenance)
	return d, failureOf(ctx, "tell "+n.Channel, err)
}
