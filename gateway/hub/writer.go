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

// errFailed ends the writer of a client that was failed meanwhile.
var errFailed = errors.New("the client was closed")

// batch is how many frames the writer takes from the log at once.
const batch = 64

// writer is the state of a client's writer goroutine.
type writer struct {
	*client
	taken   []entry // being written; they count as backlog until then
	takenAt uint64  // index of the first of them
	system  []systemValue
	due     bool // a position frame is due
}

// run is the writer goroutine: it waits for the hello, places the client in
// the log, and writes until the client fails.
func (c *client) run(ctx context.Context, ready <-chan *event.Hello) {
	w := &writer{client: c}
	err := w.write(ctx, ready)
	var timeout net.Error
	switch {
	case err == nil, errors.Is(err, errFailed): // the reason is known
	case errors.Is(err, errSource):
		c.hub.cfg.Log.Warn("a socket was closed because its starting point could not be read", "client", c.String(), "error", err)
		c.fail(event.CloseUnavailable)
	case errors.As(err, &timeout) && timeout.Timeout():
		c.fail(event.CloseSlow)
	default:
		c.fail(closeGone)
	}
	w.goodbye()
}

// write returns nil once the client has failed, and otherwise why it must.
func (w *writer) write(ctx context.Context, ready <-chan *event.Hello) error {
	var hello *event.Hello
	select {
	case hello = <-ready:
	case <-w.done:
		return nil
	}
	if err := w.begin(ctx, hello.Cursor); err != nil {
		return err
	}
	ping := time.NewTicker(w.hub.cfg.PingPeriod)
	defer ping.Stop()
	position := time.NewTicker(w.hub.cfg.PositionEvery)
	defer position.Stop()
	if err := w.ping(); err != nil { // so that a round trip is known from the start
		return err
	}
	for {
		more, err := w.drain(ctx)
		if err != nil {
			return err
		}
		wake := w.wake
		if more {
			wake = always
		}
		select {
		case <-w.done:
			return nil
		case <-ping.C:
			if err := w.ping(); err != nil {
				return err
			}
		case <-position.C:
			w.due = true
		case <-wake:
		}
	}
}

// always is ready, in place of a wake that is not needed.
var always = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// drain writes what there is, up to a batch. more says that there may be more.
func (w *writer) drain(ctx context.Context) (more bool, err error) {
	at, stale := w.take()
	if stale {
		w.hub.metrics.resyncs.Inc()
		return true, w.restart(ctx)
	}
	for _, s := range w.system {
		if err := w.prepared(s.msg); err != nil {
			return false, err
		}
	}
	w.hub.metrics.system.Add(float64(len(w.system)))
	for _, e := range w.taken {
		if err := w.prepared(e.msg); err != nil {
			return false, err
		}
	}
	w.hub.metrics.events.Add(float64(len(w.taken)))
	if len(w.taken) > 0 {
		return true, nil
	}
	if w.due {
		w.due = false
		w.hub.metrics.positions.Inc()
		return false, w.json(event.Position{Type: event.FramePosition, Epoch: at.Epoch, Offset: at.Offset, RTTMS: w.rttMS()})
	}
	return false, nil
}

// take settles what was written and takes the next batch. at is the position
// of a client that has nothing left to get.
func (w *writer) take() (at event.Cursor, stale bool) {
	h := w.hub
	h.mu.RLock()
	defer h.mu.RUnlock()
	if w.pos == w.takenAt { // otherwise a reset has moved it
		w.pos += uint64(len(w.taken))
	}
	clear(w.taken) // frames that were written may be collected
	w.taken, w.system = w.taken[:0], w.system[:0]
	if w.stale || !w.live {
		return event.Cursor{}, w.stale
	}
	for _, s := range h.system {
		if s.version > w.seen {
			w.system = append(w.system, s)
		}
	}
	w.seen = h.version
	at = event.Cursor{Epoch: w.epoch, Offset: w.from}
	if w.epoch != h.log.epoch {
		return at, false // its starting point is ahead of what was published
	}
	if w.pos < h.log.first {
		// The log has dropped what it needs. Publish closes such a client when
		// it looks next; here it must only not read what is not there.
		w.fail(event.CloseSlow)
		return at, false
	}
	for w.pos < h.log.next() && h.log.entries[w.pos-h.log.first].offset <= w.from {
		w.pos++
	}
	w.takenAt = w.pos
	w.taken = h.log.read(w.taken, w.pos, batch)
	at.Offset = max(at.Offset, h.log.last)
	return at, false
}

func (w *writer) ping() error {
	now := int64(time.Since(w.hub.start))
	// While a pong is outstanding its ping stays the one that is measured.
	if !w.pinged.CompareAndSwap(0, now) {
		return nil
	}
	payload := binary.BigEndian.AppendUint64(nil, uint64(now))
	return w.conn.WriteControl(websocket.PingMessage, payload, time.Now().Add(w.hub.cfg.WriteWait))
}

func (w *writer) prepared(msg *websocket.PreparedMessage) error {
	select {
	case <-w.done:
		return errFailed
	default:
	}
	_ = w.conn.SetWriteDeadline(time.Now().Add(w.hub.cfg.WriteWait)) // cannot fail: it is only noted
	return w.conn.WritePreparedMessage(msg)
}

func (w *writer) json(v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return w.raw(body)
}

func (w *writer) raw(body []byte) error {
	select {
	case <-w.done:
		return errFailed
	default:
	}
	_ = w.conn.SetWriteDeadline(time.Now().Add(w.hub.cfg.WriteWait))
	return w.conn.WriteMessage(websocket.TextMessage, body)
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
