package hub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vigil/workflows/event"
)

// errSource says that a starting point could not be read from the source.
var errSource = errors.New("read the starting point")

// begin answers the hello: it finds the client's starting point, places it in
// the log, and writes welcome and snapshot, or welcome and what came since.
func (w *writer) begin(ctx context.Context, cursor *event.Cursor) error {
	if cursor != nil {
		frames, ok, err := w.resume(ctx, *cursor)
		if err != nil {
			return err
		}
		if ok {
			if err := w.greet(cursor.Epoch, true); err != nil {
				return err
			}
			for _, f := range frames {
				if err := w.send(encode(f.Body)); err != nil {
					return err
				}
			}
			w.hub.metrics.events.Add(float64(len(frames)))
			return nil
		}
		w.hub.metrics.resyncs.Inc()
	}
	snap, err := w.snapshot(ctx)
	if err != nil {
		return err
	}
	if err := w.greet(snap.cursor.Epoch, false); err != nil {
		return err
	}
	return w.writeSnapshot(snap)
}

// restart gives a snapshot to a client whose log went on without it.
func (w *writer) restart(ctx context.Context) error {
	snap, err := w.snapshot(ctx)
	if err != nil {
		return err
	}
	return w.writeSnapshot(snap)
}

func (w *writer) writeSnapshot(s *snapshotRead) error {
	w.hub.metrics.snapshots.Inc()
	return w.send(s.wire)
}

func (w *writer) greet(epoch string, resumed bool) error {
	m := w.welcome
	m.Type, m.Protocol, m.Epoch, m.Resumed, m.At = event.FrameWelcome, event.Protocol, epoch, resumed, time.Now().UTC()
	return w.json(m)
}

// resume places the client behind its own cursor, if log or source hold all
// that came since. frames is what the log does not hold.
func (w *writer) resume(ctx context.Context, c event.Cursor) (frames []Frame, ok bool, err error) {
	h := w.hub
	h.mu.Lock()
	at := event.Cursor{Epoch: h.log.epoch, Offset: h.log.last}
	if c.Epoch == at.Epoch && c.Offset <= at.Offset && h.attachLocked(w.client, c, at.Epoch) {
		h.mu.Unlock()
		return nil, true, nil
	}
	h.mu.Unlock()

	select {
	case h.reads <- struct{}{}:
	case <-w.done:
		return nil, false, context.Canceled
	}
	ctx, cancel := context.WithTimeout(ctx, h.cfg.SourceWait)
	frames, err = h.source.Since(ctx, c, h.cfg.ResumeLimit)
	cancel()
	<-h.reads
	if errors.Is(err, ErrNeedSnapshot) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("%w: frames after offset %d: %w", errSource, c.Offset, err)
	}
	if len(frames) > 0 {
		c.Offset = frames[len(frames)-1].Offset
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return frames, h.attachLocked(w.client, c, at.Epoch), nil
}

// snapshot reads a snapshot and places the client behind it.
func (w *writer) snapshot(ctx context.Context) (*snapshotRead, error) {
	const tries = 5 // each fails only if the log moved past it meanwhile
	for range tries {
		s, err := w.hub.readSnapshot(ctx)
		if err != nil {
			return nil, fmt.Errorf("%w: snapshot: %w", errSource, err)
		}
		w.hub.mu.Lock()
		ok := w.hub.attachLocked(w.client, s.cursor, s.before)
		w.hub.mu.Unlock()
		if ok {
			return s, nil
		}
	}
	return nil, fmt.Errorf("%w: snapshot: overtaken by new frames %d times in a row", errSource, tries)
}

// attachLocked places c behind starting point p, which was read from the
// source when the log's epoch was before. It reports false where the log
// cannot continue from p.
func (h *Hub) attachLocked(c *client, p event.Cursor, before string) bool {
	switch {
	case p.Epoch == h.log.epoch:
		if p.Offset < h.log.floor {
			return false
		}
		c.pos.Store(h.log.seek(p.Offset))
	case h.log.epoch == before:
		// The source was read after the log had this epoch and says another:
		// it is ahead, and the log will follow.
		c.pos.Store(h.log.next())
	default:
		return false
	}
	c.epoch, c.from, c.live, c.stale = p.Epoch, p.Offset, true, false
	c.heard = h.passing.next()
	return true
}

// snapshotRead is one read of a snapshot, shared by all who want one while it
// runs, and for a moment after it if nothing new was published: clients that
// lost their socket together come back together.
type snapshotRead struct {
	began  time.Time
	before string        // epoch of the log when the read began
	done   chan struct{} // closed when what follows is set
	cursor event.Cursor
	wire   wire
	err    error
}

const snapshotShared = 500 * time.Millisecond

func (h *Hub) readSnapshot(ctx context.Context) (*snapshotRead, error) {
	h.reading.Lock()
	s := h.flight
	if s == nil || s.finished() && (s.err != nil || s.cursor != h.Position() || time.Since(s.began) > snapshotShared) {
		s = &snapshotRead{began: time.Now(), before: h.Position().Epoch, done: make(chan struct{})}
		h.flight = s
		// Not ctx: whoever asked first may leave while others wait.
		h.flights.Go(func() {
			ctx, cancel := context.WithTimeout(h.ctx, h.cfg.SourceWait)
			defer cancel()
			var body []byte
			if s.cursor, body, s.err = h.source.Snapshot(ctx); s.err == nil {
				s.wire = encode(body)
			}
			close(s.done)
		})
	}
	h.reading.Unlock()
	select {
	case <-s.done:
		return s, s.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *snapshotRead) finished() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}
