package worker

import (
	"context"

	"vigil/activities/controls"
	"vigil/activities/leases"
	"vigil/activities/principals"
	"vigil/internal/bus"
)

// guards puts behind the ports what is looked at immediately before an effect,
// and what bounds effects. The buckets must be there when the worker starts, so
// that one which could never act says so at once; later, each look is its own.
func (w *Worker) guards(ctx context.Context) error {
	set, people := bus.Controls(w.streams.JS, w.config.StreamReplicas), bus.Principals(w.streams.JS, w.config.StreamReplicas)
	for _, b := range []*bus.Bucket{set, people} {
		if err := b.Open(ctx); err != nil {
			return err
		}
	}
	w.ports.Controls, w.ports.Principals, w.ports.Leases = controls.New(set), principals.New(people), leases.New(w.temporal)
	return nil
}
