package hub

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"vigil/workflows/event"
)

// closeGone marks a socket that the peer ended; nobody is left to be told.
const closeGone = 0

// client is one socket. Its reader is the goroutine that called Serve, its
// writer is run.
type client struct {
	hub     *Hub
	conn    *websocket.Conn
	welcome event.Welcome

	wake chan struct{} // something may be there to write
	done chan struct{} // closed by the first fail
	once sync.Once
	code int    // why, set before done is closed
	why  string // in words, where there is more to say than event.CloseReasons

	watch   *time.Timer            // looks after it from time to time; see startWatch
	due     atomic.Uint32          // what is to be written besides: duePing, duePosition
	pong    atomic.Pointer[[]byte] // what the client's latest ping said
	writing atomic.Int64           // when the write that is under way began, 0 where none is
	pinged  atomic.Int64           // when the ping that is under way left, 0 where none is
	rtt     atomic.Int64           // of the latest pong, 0 before the first

	// pos is the index in the log of the next frame for it. The writer moves
	// it on once frames are written, a reset moves it under Hub.mu; whoever is
	// second gives way.
	pos atomic.Uint64

	// Guarded by Hub.mu: written under the write lock, or by the writer
	// goroutine under the read lock.
	live  bool   // in the log
	stale bool   // needs a snapshot: the log went on without it
	epoch string // of its starting point
	from  uint64 // frames up to here are part of its starting point
	seen  uint64 // newest system value that it has
	heard uint64 // index of the ephemeral frame that it gets next
}

const (
	duePing = 1 << iota
	duePosition
	duePong
)

// Serve upgrades the request and serves the socket until it closes. What
// cannot be upgraded is answered with a problem document. welcome carries the
// principal; the hub fills the rest.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request, welcome event.Welcome) {
	if err := h.admit(); err != nil {
		w.Header().Set("Retry-After", "1")
		problem(w, r, http.StatusServiceUnavailable, err)
		return
	}
	defer h.release()
	conn, err := h.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	c := &client{hub: h, conn: conn, welcome: welcome, wake: make(chan struct{}, 1), done: make(chan struct{})}
	h.add(c)
	defer h.remove(c)
	c.serve()
}

func (c *client) serve() {
	// The request's context is of no use: the connection is hijacked.
	ctx, cancel := context.WithCancel(context.Background())
	var writing sync.WaitGroup
	ready := make(chan *event.Hello, 1)
	writing.Go(func() { c.run(ctx, ready) })

	err := c.read(ready)
	if err != nil {
		c.fail(closeGone)
	}
	var closed *websocket.CloseError
	if !errors.As(err, &closed) {
		// A close frame that we sent must not be overtaken by a reset of the
		// connection, which is what closing with unread bytes would cause:
		// read on until the peer has closed too, or is cut off.
		_ = c.conn.SetReadDeadline(time.Now().Add(c.hub.cfg.CloseWait))
		_, _ = io.Copy(io.Discard, c.conn.NetConn())
	}
	cancel()
	writing.Wait()
	c.cut()
}

// fail ends the client. The first reason counts.
func (c *client) fail(code int) { c.failBecause(code, "") }

func (c *client) failBecause(code int, why string) {
	c.once.Do(func() {
		c.code, c.why = code, why
		if code == closeGone {
			close(c.done)
			c.poke()
			c.cut()
			return
		}
		c.hub.metrics.dropped(code) // counted before the peer can know
		close(c.done)
		c.poke()
		// The writer may be stuck in a socket that nobody reads.
		time.AfterFunc(c.hub.cfg.CloseWait, c.cut)
	})
}

// cut closes the connection without a word; doing it twice is harmless.
func (c *client) cut() { _ = c.conn.NetConn().Close() }

// poke tells the writer to look.
func (c *client) poke() {
	select {
	case c.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// read reads the hello, hands it to the writer, and then whatever comes. It
// returns nil once it has failed the client for something that it read, and
// an error when the connection is gone.
func (c *client) read(ready chan<- *event.Hello) error {
	cfg := c.hub.cfg
	limit := newBucket(cfg.ClientRate)
	c.conn.SetPongHandler(func(payload string) error { return c.ponged(payload, limit) })
	c.conn.SetPingHandler(func(payload string) error {
		if !limit.take(time.Now()) {
			return errRate
		}
		answer := []byte(payload)
		c.pong.Store(&answer) // of several pings the latest is answered
		c.due.Or(duePong)
		c.poke()
		return nil
	})

	_ = c.conn.SetReadDeadline(time.Now().Add(cfg.HelloWait)) // an error shows in the next read
	late := event.CloseBadHello
	var buf bytes.Buffer
	for first := true; ; first = false {
		kind, r, err := c.conn.NextReader()
		if err == nil {
			buf.Reset()
			_, err = buf.ReadFrom(io.LimitReader(r, cfg.ReadLimit+1))
		}
		var timeout net.Error
		switch {
		case errors.Is(err, errRate), err == nil && !limit.take(time.Now()):
			c.fail(event.CloseRate)
			return nil
		case errors.As(err, &timeout) && timeout.Timeout():
			c.fail(late)
			return nil
		case err != nil:
			return err
		case int64(buf.Len()) > cfg.ReadLimit:
			c.fail(event.CloseTooLarge)
			return nil
		}
		if !first {
			continue
		}
		hello, code, err := parseHello(kind, buf.Bytes())
		if err != nil {
			c.failBecause(code, err.Error())
			return nil
		}
		_ = c.conn.SetReadDeadline(time.Now().Add(cfg.PongWait))
		late = event.CloseNoPong
		ready <- hello
	}
}

// ponged takes the answer to our latest ping. Anything else that calls itself a
// pong proves nothing and only counts against the rate.
func (c *client) ponged(payload string, limit *bucket) error {
	sent := c.pinged.Load()
	if sent == 0 || len(payload) != 8 || int64(binary.BigEndian.Uint64([]byte(payload))) != sent {
		if !limit.take(time.Now()) {
			return errRate
		}
		return nil
	}
	c.pinged.Store(0)
	rtt := time.Since(c.hub.start) - time.Duration(sent)
	c.rtt.Store(int64(rtt))
	c.hub.metrics.rtt.Observe(rtt.Seconds())
	return c.conn.SetReadDeadline(time.Now().Add(c.hub.cfg.PongWait))
}

func (c *client) rttMS() float64 {
	return float64(time.Duration(c.rtt.Load()).Microseconds()) / 1000
}

// Errors for which Serve answers 503, and the one with which a handler ends a
// read.
var (
	errClosed = errors.New("the gateway is shutting down; connect again in a moment")
	errFull   = errors.New("all sockets of this gateway are taken; connect again later, or to another replica")
	errRate   = errors.New(event.CloseReasons[event.CloseRate])
)

func (c *client) String() string {
	return fmt.Sprintf("%s (%s)", c.conn.RemoteAddr(), c.welcome.Principal.Name)
}
