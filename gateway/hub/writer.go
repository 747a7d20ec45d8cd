package hub

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net"
	"time"

	"github.com/gorilla/websocket"

	"vigil/workflows/event"
)

// batch is how many frames the writer takes from the log at once.
const batch = 64

// errFailed ends the writer of a client that was failed meanwhile.
var errFailed = errors.New("the client was closed")

// writer is the state of a client's writer goroutine.
type writer struct {
	*client
	taken   []entry // being written; they count as backlog until then
	takenAt uint64  // index of the first of them
	system  []systemValue
	passing []wire
	buffers net.Buffers // what is written at once
}

// run is the writer goroutine: it waits for the hello, places the client in
// the log, and writes until the client fails.
func (c *client) run(ctx context.Context, ready <-chan *event.Hello) {
	w := &writer{client: c}
	err := w.write(ctx, ready)
	switch {
	case err == nil, errors.Is(err, errFailed): // the reason is known
	case errors.Is(err, errSource):
		c.hub.cfg.Log.Warn("a socket was closed because its starting point could not be read", "client", c.String(), "error", err)
		c.fail(event.CloseUnavailable)
	default:
		c.fail(closeGone)
	}
	w.goodbye()
}

// write returns nil or errFailed once the client has failed, and otherwise
// why it must.
func (w *writer) write(ctx context.Context, ready <-chan *event.Hello) error {
	var hello *event.Hello
	select {
	case hello = <-ready:
	case <-w.done:
		return nil
	}
	w.due.Or(duePing) // so that a round trip is known from the start
	w.startWatch()
	defer w.watch.Stop()
	if err := w.begin(ctx, hello.Cursor); err != nil {
		return err
	}
	for {
		more, err := w.drain(ctx)
		if err != nil {
			return err
		}
		if !more {
			<-w.wake
		}
		select {
		case <-w.done:
			return nil
		default:
		}
	}
}

// drain writes what there is, up to a batch. more says that there may be more;
// otherwise a wake announces it.
func (w *writer) drain(ctx context.Context) (more bool, err error) {
	at, stale := w.take()
	if stale {
		w.hub.metrics.resyncs.Inc()
		return true, w.restart(ctx)
	}
	w.buffers = w.buffers[:0]
	for _, s := range w.system {
		w.buffers = append(w.buffers, s.wire)
	}
	for _, p := range w.passing { // before the events, one of which may be what they come to
		w.buffers = append(w.buffers, p)
	}
	for _, e := range w.taken {
		w.buffers = append(w.buffers, e.wire)
	}
	if len(w.buffers) > 0 {
		if err := w.sendTaken(); err != nil {
			return false, err
		}
		w.hub.metrics.system.Add(float64(len(w.system)))
		w.hub.metrics.events.Add(float64(len(w.taken)))
		w.hub.metrics.ephemeral.Add(float64(len(w.passing)))
		w.settle()
	}
	due := w.due.Load()
	if due == 0 {
		return len(w.taken) == batch, nil
	}
	if due&duePong != 0 {
		w.due.And(^uint32(duePong))
		if err := w.send(encodeAs(websocket.PongMessage, *w.pong.Load())); err != nil {
			return false, err
		}
	}
	if due&duePing != 0 {
		w.due.And(^uint32(duePing))
		if err := w.ping(); err != nil {
			return false, err
		}
	}
	if due&duePosition == 0 {
		return len(w.taken) == batch, nil
	}
	if len(w.buffers) > 0 {
		return true, nil // a position is for who has everything
	}
	w.due.And(^uint32(duePosition))
	w.hub.metrics.positions.Inc()
	return false, w.json(event.Position{Type: event.FramePosition, Epoch: at.Epoch, Offset: at.Offset, RTTMS: w.rttMS()})
}

// sendTaken spares the common single frame what sendAll costs.
func (w *writer) sendTaken() error {
	if len(w.buffers) == 1 {
		return w.send(w.buffers[0])
	}
	return w.sendAll(w.buffers) // consumes its copy of the slice; the array stays ours
}

// take takes the next batch. at is the position of a client that has nothing
// left to get.
func (w *writer) take() (at event.Cursor, stale bool) {
	h := w.hub
	h.mu.RLock()
	defer h.mu.RUnlock()
	clear(w.taken) // frames that were written may be collected
	clear(w.passing)
	w.taken, w.system, w.passing = w.taken[:0], w.system[:0], w.passing[:0]
	if w.stale || !w.live {
		return event.Cursor{}, w.stale
	}
	if w.seen < h.version {
		now := time.Now()
		for _, s := range h.system {
			if s.version > w.seen && !s.over(now) {
				w.system = append(w.system, s)
			}
		}
		w.seen = h.version
	}
	at = event.Cursor{Epoch: w.epoch, Offset: w.from}
	if w.epoch != h.log.epoch {
		return at, false // its starting point is ahead of what was published
	}
	pos := w.pos.Load()
	if pos < h.log.first {
		w.fail(event.CloseSlow) // the log has dropped what it needs
		return at, false
	}
	if next := h.log.next(); pos < next && h.log.entries[pos-h.log.first].offset <= w.from {
		pos = h.log.seek(w.from)
		w.pos.Store(pos)
	}
	w.takenAt = pos
	w.taken = h.log.read(w.taken, pos, batch)
	if len(w.taken) < batch { // otherwise it is behind, and they are what is dropped first
		w.passing = h.passing.read(w.passing, w.heard)
	}
	w.heard = h.passing.next()
	at.Offset = max(at.Offset, h.log.last)
	return at, false
}

// settle notes that what was taken is written.
func (w *writer) settle() {
	w.pos.CompareAndSwap(w.takenAt, w.takenAt+uint64(len(w.taken)))
}

// startWatch starts what looks after the client from time to time. A timer of its own function is cheaper than tickers
// in the writer's select, which would be armed anew with every wake.
func (c *client) startWatch() {
	cfg := c.hub.cfg
	every := min(cfg.PingPeriod, cfg.PositionEvery, cfg.WriteWait)
	now := time.Now()
	ping, position := now.Add(cfg.PingPeriod), now.Add(cfg.PositionEvery)
	c.watch = time.AfterFunc(time.Hour, func() {
		select {
		case <-c.done:
			return
		default:
		}
		now := time.Now()
		var due uint32
		if !now.Before(ping) {
			due, ping = due|duePing, now.Add(cfg.PingPeriod)
		}
		if !now.Before(position) {
			due, position = due|duePosition, now.Add(cfg.PositionEvery)
		}
		if began := c.writing.Load(); began != 0 && time.Since(c.hub.start)-time.Duration(began) > cfg.WriteWait {
			c.fail(event.CloseSlow)
			return
		}
		if due != 0 {
			c.due.Or(due)
			c.poke()
		}
		c.watch.Reset(every)
	})
	c.watch.Reset(every) // not sooner: the function uses c.watch
}

func (w *writer) ping() error {
	now := int64(time.Since(w.hub.start))
	// While a pong is outstanding its ping stays the one that is measured.
	if !w.pinged.CompareAndSwap(0, now) {
		return nil
	}
	payload := binary.BigEndian.AppendUint64(nil, uint64(now))
	return w.send(encodeAs(websocket.PingMessage, payload))
}

func (w *writer) json(v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return w.send(encode(body))
}

// goodbye tells the peer why, as far as it listens, and ends our half of the
// connection.
func (w *writer) goodbye() {
	if w.code == closeGone {
		return
	}
	why := w.why
	if why == "" {
		why = event.CloseReasons[w.code]
	}
	deadline := time.Now().Add(w.hub.cfg.CloseWait)
	_ = w.conn.SetWriteDeadline(deadline)
	// Errors here mean that the peer cannot be told; the connection is cut.
	if body, err := json.Marshal(event.ErrorFrame{Type: event.FrameError, Code: w.code, Message: why}); err == nil {
		_ = w.conn.WriteMessage(websocket.TextMessage, body)
	}
	if len(why) > maxReason {
		why = event.CloseReasons[w.code]
	}
	err := w.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(w.code, why), deadline)
	half, ok := w.conn.NetConn().(interface{ CloseWrite() error })
	if err != nil || !ok || half.CloseWrite() != nil {
		w.cut()
	}
}

// maxReason is what fits into a close frame beside its code.
const maxReason = 123
