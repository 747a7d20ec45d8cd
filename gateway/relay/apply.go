package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// apply brings a batch of messages into the store and to the hub.
func (r *Relay) apply(ctx context.Context, epoch string, batch []Message) error {
	last := batch[len(batch)-1]
	r.status.pending(last.Pending)
	quiet := last.Pending > r.cfg.CatchUp
	events := r.decode(epoch, batch)
	err := r.applyEvents(ctx, epoch, events, quiet)
	if err == nil || incident.KindOf(err) != incident.KindInvalid {
		return err
	}
	// The store takes all or nothing: one at a time finds the one to blame.
	for i := range events {
		err := r.applyEvents(ctx, epoch, events[i:i+1], quiet)
		if err != nil && incident.KindOf(err) == incident.KindInvalid {
			r.setAside(events[i].Offset, events[i].ID, err)
		} else if err != nil {
			return err
		}
	}
	return nil
}

func (r *Relay) applyEvents(ctx context.Context, epoch string, events []event.Event, quiet bool) error {
	var fill []event.Event
	for len(events) > 0 {
		// Not to be cancelled: whether it was committed would be unknown, and the
		// store bounds its own waits. Watching a context besides costs a driver
		// a goroutine for every statement, on the way of every event.
		fresh, gap, err := r.store.Apply(context.WithoutCancel(ctx), epoch, fill, events)
		first, last := events[0].Offset, events[len(events)-1].Offset
		if err != nil {
			return fmt.Errorf("apply events %d to %d: %w", first, last, err)
		}
		now := time.Now()
		r.metrics.applied(fresh, now)
		if gap == nil {
			r.status.applied(event.Cursor{Epoch: epoch, Offset: last}, fresh, now)
			r.metrics.offset.Set(float64(last))
			return r.publish(ctx, epoch, fresh, last, quiet, len(fill) == 0 && len(fresh) == len(events))
		}
		if err := r.publish(ctx, epoch, fresh, 0, quiet, false); err != nil {
			return err
		}
		i := slices.IndexFunc(events, func(e event.Event) bool {
			return e.IncidentID == gap.IncidentID && e.RunID == gap.RunID && e.Seq == gap.NextSeq
		})
		if i < 0 {
			return fmt.Errorf("apply events %d to %d: the store reports a gap before an event that is not among them: %+v", first, last, *gap)
		}
		events = events[i:]
		fill, err = r.fill(ctx, *gap, events[0])
		if errors.Is(err, errHopeless) {
			r.setAside(events[0].Offset, events[0].ID, err)
			fill, events = nil, events[1:]
		} else if err != nil {
			return err
		}
	}
	return nil
}

// publish gives the hub what was applied. direct says that fresh is all that
// there is up to offset upTo; otherwise the store is asked what the hub has
// not had: another replica may have applied it, or the workflow filled it in.
// In a large backlog (quiet) nothing is given until it is worked off.
func (r *Relay) publish(ctx context.Context, epoch string, fresh []event.Event, upTo uint64, quiet, direct bool) error {
	switch {
	case quiet:
		r.behind = true
		return nil
	case !direct || r.behind:
		return r.align(ctx, epoch)
	}
	frames, err := toFrames(r.hub.Position().Offset, fresh)
	if err != nil {
		return err
	}
	r.hub.Publish(epoch, append(frames, position(upTo)))
	return nil
}

// decode reads the envelopes, setting aside what is none.
func (r *Relay) decode(epoch string, batch []Message) []event.Event {
	events := make([]event.Event, 0, len(batch))
	for _, m := range batch {
		var e event.Event
		err := json.Unmarshal(m.Data, &e)
		if err == nil && (e.Type == "" || e.ID == "" || e.IncidentID == "" || e.RunID == "" || e.Seq < 0) {
			err = fmt.Errorf("no event: type %q, id %q, incident %q, run %q, seq %d", e.Type, e.ID, e.IncidentID, e.RunID, e.Seq)
		}
		if err != nil {
			r.setAside(m.Offset, m.Subject, err)
			continue
		}
		e.Epoch, e.Offset = epoch, m.Offset
		events = append(events, e)
	}
	return events
}

// setAside is the end of a message that cannot be applied.
func (r *Relay) setAside(offset uint64, what string, err error) {
	r.metrics.setAside.Inc()
	r.status.setAside()
	r.cfg.Log.Error("a message of the event stream was set aside; it stays in the stream",
		zap.Uint64("offset", offset), zap.String("message", what), zap.Error(err))
}
