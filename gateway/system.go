package gateway

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"go.uber.org/zap"

	"vigil/gateway/hub"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// systemEvents sends this gateway's health and the business figures to its
// sockets: the latest value, every so often, and only while somebody watches.
// What the workers measure comes by the stream and is the relay's.
type systemEvents struct {
	every    time.Duration
	business *business
	health   *health
	hub      *hub.Hub
	log      *zap.Logger
	asked    chan struct{} // somebody has just connected and has no fresh values
}

// ask has the values sent without waiting for the next turn.
func (s *systemEvents) ask() {
	select {
	case s.asked <- struct{}{}:
	default: // asked already
	}
}

func (s *systemEvents) run(ctx context.Context) error {
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	due := make(chan struct{}, 1)
	var figures sync.WaitGroup
	defer figures.Wait()
	figures.Go(func() { s.sendFigures(ctx, due) })
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.asked:
		case <-tick.C:
			if s.hub.Stats().Connections == 0 {
				continue
			}
		}
		s.send(event.TypeSystemHealth, incident.OriginLive, s.health.read(ctx))
		select {
		case due <- struct{}{}:
		default: // they are being computed
		}
	}
}

// figuresWait bounds the computing of business metrics. Of many incidents it
// takes seconds when it is done for the first time.
const figuresWait = 30 * time.Second

// sendFigures sends the business metrics of all incidents whenever they are
// due. Health does not wait for them.
func (s *systemEvents) sendFigures(ctx context.Context, due <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-due:
		}
		within, cancel := context.WithTimeout(ctx, figuresWait)
		m, err := s.business.summary(within, question{})
		cancel()
		if err == nil {
			s.send(event.TypeBusinessMetrics, m.Origin, m)
		} else if ctx.Err() == nil {
			s.log.Warn("the business figures could not be computed; trying again at the next turn", zap.Error(err))
		}
	}
}

func (s *systemEvents) send(kind string, origin incident.Origin, data any) {
	raw, err := json.Marshal(data)
	if err != nil {
		s.log.Error("a system event could not be encoded", zap.String("type", kind), zap.Error(err))
		return
	}
	frame, err := json.Marshal(event.SystemEvent{Type: kind, At: time.Now().UTC(),
		Provenance: incident.Provenance{Origin: origin, Service: "gateway"}, Data: raw})
	if err != nil {
		s.log.Error("a system event could not be encoded", zap.String("type", kind), zap.Error(err))
		return
	}
	s.hub.PublishSystem(kind, frame)
}
