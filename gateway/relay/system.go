package relay

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"go.uber.org/zap"

	"vigil/internal/bus"
	"vigil/workflows/event"
)

// silentAfter is how long what a worker says of itself stands. One that says
// nothing for that long is gone, and its figures with it.
const silentAfter = 2 * time.Minute

// followSystem passes the latest system events on to the hub, until an error.
// The subject is the event's type, or its type and the worker that says it:
// then each worker's latest value is kept beside the others', because neither
// gateway nor stream can add them up (percentiles have no sum). A value that a
// worker said too long ago is dropped.
func (r *Relay) followSystem(ctx context.Context) error {
	err := r.streams.System(ctx, func(m Message) {
		subject := strings.TrimPrefix(m.Subject, bus.SystemSubject)
		kind, worker, ofWorker := strings.Cut(subject, ".")
		kind = strings.ReplaceAll(kind, "-", ".")
		var frame event.SystemEvent
		if err := json.Unmarshal(m.Data, &frame); err != nil || frame.Type != kind || ofWorker && worker == "" {
			r.metrics.setAside.Inc()
			r.cfg.Log.Error("a system event was set aside: it is not of the type that its subject says",
				zap.String("subject", m.Subject), zap.String("type", frame.Type), zap.Error(err))
			return
		}
		if !ofWorker {
			r.hub.PublishSystem(kind, m.Data)
			return
		}
		if until := frame.At.Add(silentAfter); time.Now().Before(until) {
			r.hub.PublishSystemUntil(subject, m.Data, until)
		}
	})
	if err == nil {
		err = errors.New("the consumer ended")
	}
	return err
}

// followDeltas passes on what models say while they say it, until an error.
func (r *Relay) followDeltas(ctx context.Context) error {
	err := r.streams.Deltas(ctx, func(m Message) {
		var d event.ModelDelta
		err := json.Unmarshal(m.Data, &d)
		if err == nil && d.Type == event.TypeModelDelta && d.IncidentID != "" && d.RunID != "" && r.hub.PublishEphemeral(m.Data) {
			r.metrics.deltas.Inc()
			return
		}
		r.metrics.deltasDropped.Inc() // whatever it was, its text comes again as an event
		r.cfg.Log.Debug("a piece of a model's answer was dropped", zap.String("subject", m.Subject), zap.Int("bytes", len(m.Data)), zap.Error(err))
	})
	if err == nil {
		err = errors.New("the subscription ended")
	}
	return err
}
