package relay

import (
	"context"
	"encoding/json"
	"fmt"

	"vigil/gateway/hub"
	"vigil/gateway/store"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// toFrames encodes events, which are all that follow offset after.
//
// An event that was filled in has no offset of its own: the store shows it
// with the one applied before it. It is sent without, so that it moves no
// client's cursor. To the hub it belongs to the event that it was fetched for:
// a client before that gets both, one behind it neither. The store applies
// both in one transaction, so a fill at the end without such an event does not
// last; it is left for the next time.
func toFrames(after uint64, events []event.Event) ([]hub.Frame, error) {
	n := len(events)
	for n > 0 && events[n-1].Offset <= offsetBefore(after, events, n-1) {
		n--
	}
	frames := make([]hub.Frame, n)
	var group uint64
	for i := n - 1; i >= 0; i-- {
		e := events[i]
		if e.Offset > offsetBefore(after, events, i) {
			group = e.Offset
		} else {
			e.Offset = 0
		}
		body, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("encode event %s at offset %d: %w", e.ID, e.Offset, err)
		}
		frames[i] = hub.Frame{Offset: group, Body: body}
	}
	return frames, nil
}

func offsetBefore(after uint64, events []event.Event, i int) uint64 {
	if i == 0 {
		return after
	}
	return max(after, events[i-1].Offset)
}

// position is a frame that only moves the hub's position.
func position(offset uint64) hub.Frame { return hub.Frame{Offset: offset} }

// align brings the hub to where the store is, from wherever it is.
func (r *Relay) align(ctx context.Context, epoch string) error {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.CallWait)
	defer cancel()
	applied, err := r.store.Applied(ctx)
	if err != nil {
		return fmt.Errorf("read the applied offset: %w", err)
	}
	if applied.Epoch != epoch {
		return errAgain // another replica has found a new stream
	}
	at := r.hub.Position()
	if at.Epoch != epoch {
		at = event.Cursor{Epoch: epoch, Offset: applied.Offset - min(applied.Offset, uint64(r.cfg.Warm))}
		r.hub.Reset(at)
	}
	events, err := r.store.Since(ctx, at, r.cfg.Warm)
	switch {
	case err == nil:
		frames, err := toFrames(at.Offset, events)
		if err != nil {
			return err
		}
		r.hub.Publish(epoch, append(frames, position(applied.Offset)))
	case incident.KindOf(err) == incident.KindNotFound:
		r.hub.Reset(applied)
	default:
		return fmt.Errorf("read events after offset %d: %w", at.Offset, err)
	}
	r.behind = false
	return nil
}

// Source gives the hub its clients' starting points from the store.
type Source struct {
	store  store.Events
	closed int
}

var _ hub.Source = (*Source)(nil)

// NewSource makes a Source whose snapshots hold all open incidents and the
// latest closed ones, up to closed of them.
func NewSource(s store.Events, closed int) *Source { return &Source{store: s, closed: closed} }

// Snapshot implements hub.Source.
func (s *Source) Snapshot(ctx context.Context) (event.Cursor, []byte, error) {
	at, list, err := s.store.Snapshot(ctx, s.closed)
	if err != nil {
		return at, nil, fmt.Errorf("take a snapshot: %w", err)
	}
	if list == nil {
		list = []event.Summary{}
	}
	body, err := json.Marshal(event.Snapshot{Type: event.FrameSnapshot, Epoch: at.Epoch, Offset: at.Offset, Incidents: list})
	if err != nil {
		return at, nil, fmt.Errorf("encode a snapshot of %d incidents: %w", len(list), err)
	}
	return at, body, nil
}

// Since implements hub.Source.
func (s *Source) Since(ctx context.Context, c event.Cursor, limit int) ([]hub.Frame, error) {
	events, err := s.store.Since(ctx, c, limit)
	if incident.KindOf(err) == incident.KindNotFound {
		return nil, fmt.Errorf("%w (%w)", hub.ErrNeedSnapshot, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read events after offset %d: %w", c.Offset, err)
	}
	return toFrames(c.Offset, events)
}
