package nats

import (
	"context"
	"encoding/json"

	"github.com/nats-io/nats.go"

	"vigil/activities"
	"vigil/internal/bus"
	"vigil/workflows/event"
)

// maxWaiting is how many pieces may wait to be sent. A connection that stands
// still for longer loses some: whoever reads along gets the finished text.
const maxWaiting = 1024

// Core is the part of a connection that sending deltas needs.
type Core interface {
	Publish(subject string, data []byte) error
	Status() nats.Status
}

// Deltas sends what models say while they say it, over core NATS: nothing
// keeps it, and what cannot be sent at once is dropped. It is safe for
// concurrent use; the order holds within one call of a model.
type Deltas struct {
	nc      Core
	waiting chan event.ModelDelta
}

var _ activities.Deltas = (*Deltas)(nil)

// NewDeltas makes a Deltas. Nothing is sent but while Run runs.
func NewDeltas(nc Core) *Deltas {
	return &Deltas{nc: nc, waiting: make(chan event.ModelDelta, maxWaiting)}
}

// Delta has d sent, or drops it.
func (s *Deltas) Delta(d event.ModelDelta) {
	select {
	case s.waiting <- d:
	default:
	}
}

// Run sends until ctx ends.
func (s *Deltas) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case d := <-s.waiting:
			s.send(d)
		}
	}
}

func (s *Deltas) send(d event.ModelDelta) {
	// Without a connection the client would keep it, and send it when nobody
	// reads along any more.
	if s.nc.Status() != nats.CONNECTED {
		return
	}
	body, err := json.Marshal(d)
	if err != nil {
		return // no ModelDelta fails
	}
	_ = s.nc.Publish(bus.Deltas(d.IncidentID), body) // dropped, as promised
}
