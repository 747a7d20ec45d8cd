package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"go.uber.org/zap"

	"vigil/gateway/hub"
	"vigil/gateway/store"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// systemEvents sends this gateway's health and the business figures to its
// sockets: the latest value, every so often, and only while somebody watches.
// What the workers measure comes by the stream and is the relay's.
type systemEvents struct {
	every  time.Duration
	store  store.Store
	health *health
	hub    *hub.Hub
	log    *zap.Logger
	asked  chan struct{} // somebody has just connected and has no fresh values
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
		business, origin, err := s.business(ctx)
		if err != nil {
			if ctx.Err() == nil {
				s.log.Warn("the business figures could not be computed", zap.Error(err))
			}
			continue
		}
		s.send(event.TypeBusinessMetrics, origin, business)
	}
}

// recentIncidents is how many incidents decide what the business figures are
// marked as. Where simulated incidents are among them, so are the figures.
const recentIncidents = 200

func (s *systemEvents) business(ctx context.Context) (event.BusinessMetrics, incident.Origin, error) {
	ctx, cancel := context.WithTimeout(ctx, checkWait)
	defer cancel()
	m, err := s.store.Business(ctx)
	if err != nil {
		return m, "", fmt.Errorf("business metrics: %w", err)
	}
	recent, _, err := s.store.Incidents(ctx, store.Filter{}, "", recentIncidents)
	if err != nil {
		return m, "", fmt.Errorf("business metrics: %w", err)
	}
	origin := incident.OriginLive
	for _, i := range recent {
		if i.Origin == incident.OriginSimulated {
			origin = incident.OriginSimulated
		}
	}
	return m, origin, nil
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
