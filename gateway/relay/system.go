package relay

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"go.uber.org/zap"

	"vigil/internal/bus"
	"vigil/workflows/event"
)

// followSystem passes the latest system events on to the hub, until an error.
func (r *Relay) followSystem(ctx context.Context) error {
	err := r.streams.System(ctx, func(m Message) {
		var frame event.SystemEvent
		kind := strings.ReplaceAll(strings.TrimPrefix(m.Subject, bus.SystemSubject), "-", ".")
		if err := json.Unmarshal(m.Data, &frame); err != nil || frame.Type != kind {
			r.metrics.setAside.Inc()
			r.cfg.Log.Error("a system event was set aside: it is not of the type that its subject says",
				zap.String("subject", m.Subject), zap.String("type", frame.Type), zap.Error(err))
			return
		}
		r.hub.PublishSystem(kind, m.Data)
	})
	if err == nil {
		err = errors.New("the consumer ended")
	}
	return err
}
