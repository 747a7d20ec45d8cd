package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"vigil/workflows/event"
)

// Frame is one event of the stream as JSON, ready to be sent. Several frames
// may share an offset; they must then be in one Publish. A frame without Body
// moves the position and sends nothing.
type Frame struct {
	Offset uint64
	Body   []byte
}

// ErrNeedSnapshot is what Source.Since answers for a cursor that it cannot
// continue: another epoch, ahead of it, or too far behind.
var ErrNeedSnapshot = errors.New("the cursor cannot be served: a snapshot is needed")

// Source is where clients start from. Both methods must see every frame that
// was handed to Publish before they were called.
type Source interface {
	// Snapshot returns a snapshot frame and the position it is exactly as of.
	Snapshot(ctx context.Context) (event.Cursor, []byte, error)
	// Since returns all frames after c in order, up to the newest that is
	// stored. If those are more than limit, it returns ErrNeedSnapshot.
	Since(ctx context.Context, c event.Cursor, limit int) ([]Frame, error)
}

// Hub fans frames out to WebSocket clients.
type Hub struct {
	cfg      Config
	source   Source
	upgrader websocket.Upgrader
	metrics  *metrics
	rate     throughput
	start    time.Time // origin of the monotonic clock in pings

	reads   chan struct{} // bounds concurrent calls of Source.Since
	reading sync.Mutex
	flight  *snapshotRead // the latest read of a snapshot; guarded by reading

	serving sync.WaitGroup // one for each place that was given
	ctx     context.Context
	cancel  context.CancelFunc // ends reads of snapshots
	flights sync.WaitGroup     // one for each of them

	mu       sync.RWMutex
	log      frameLog
	system   []systemValue
	version  uint64 // of the newest system value
	passing  ephemerals
	clients  []*client
	admitted int // places given; a few more than clients while they upgrade
	closed   bool
}

// systemValue is the latest value of one kind of system event.
type systemValue struct {
	kind    string
	version uint64
	wire    wire
	until   time.Time // when it is too old to be sent; zero: never
}

// New makes a hub. It has no position until the first Publish or Reset, but
// serves clients from the source at once.
func New(cfg Config, source Source) *Hub {
	cfg = cfg.withDefaults()
	h := &Hub{cfg: cfg, source: source, start: time.Now(), reads: make(chan struct{}, 8)}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.log.maxFrames, h.log.maxBytes = cfg.LogFrames, cfg.LogBytes
	h.upgrader = newUpgrader(cfg)
	h.metrics = newMetrics(cfg.Registerer, h)
	return h
}

// Position is up to where frames were published.
func (h *Hub) Position() event.Cursor {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return event.Cursor{Epoch: h.log.epoch, Offset: h.log.last}
}

// Publish sends frames to all clients. They must be stored already, and be in
// the order of their offsets; frames at or below the position are ignored, so
// repeating a call is harmless. An epoch other than the last one starts from
// offset 0, and every client gets a snapshot.
func (h *Hub) Publish(epoch string, frames []Frame) {
	encoded := make([]wire, len(frames)) // outside the lock
	for i, f := range frames {
		if len(f.Body) > 0 {
			encoded[i] = encode(f.Body)
		}
	}

	h.mu.Lock()
	if epoch != h.log.epoch {
		h.resetLocked(event.Cursor{Epoch: epoch})
	}
	h.evictLocked()
	before, sent := h.log.last, 0
	for i, f := range frames {
		switch {
		case f.Offset <= before:
		case encoded[i] == nil:
			h.log.last = max(h.log.last, f.Offset)
		default:
			h.log.append(f.Offset, encoded[i])
			sent++
		}
	}
	h.log.trim()
	clients := h.clients
	h.mu.Unlock()

	h.rate.add(time.Since(h.start), sent)
	h.metrics.published.Add(float64(sent))
	for _, c := range clients {
		c.poke()
	}
}

// Reset moves the position to c without the frames in between. Clients that
// are not there yet get a snapshot.
func (h *Hub) Reset(c event.Cursor) {
	h.mu.Lock()
	h.resetLocked(c)
	clients := h.clients
	h.mu.Unlock()
	for _, cl := range clients {
		cl.poke()
	}
}

func (h *Hub) resetLocked(to event.Cursor) {
	for _, c := range h.clients {
		if !c.live || c.stale {
			continue
		}
		behind, _, _ := h.log.backlog(c.pos.Load())
		there := c.epoch == to.Epoch &&
			(c.from >= to.Offset || c.epoch == h.log.epoch && h.log.last >= to.Offset && behind == 0)
		c.stale = !there
		c.pos.Store(h.log.next()) // which is where the log goes on
	}
	h.log.reset(to.Epoch, to.Offset)
}

// evictLocked closes the clients that have fallen behind. It looks before new
// frames are appended: a client that had caught up gets its chance however
// large the batch is.
func (h *Hub) evictLocked() {
	for _, c := range h.clients {
		if !c.live || c.stale {
			continue
		}
		frames, bytes, lost := h.log.backlog(c.pos.Load())
		if lost || frames > h.cfg.QueueFrames || bytes > uint64(h.cfg.QueueBytes) {
			c.fail(event.CloseSlow)
			c.live = false
		}
	}
}

// PublishSystem sends a system event to all clients and keeps it as the latest
// of its kind for those to come. A client that is busy may skip values, never
// the latest.
func (h *Hub) PublishSystem(kind string, body []byte) { h.publishSystem(kind, body, time.Time{}) }

// PublishSystemUntil is PublishSystem for a value that is worth nothing after
// a while, unless another of its kind takes its place: what a process says of
// itself, say, which may be gone.
func (h *Hub) PublishSystemUntil(kind string, body []byte, until time.Time) {
	h.publishSystem(kind, body, until)
}

func (h *Hub) publishSystem(kind string, body []byte, until time.Time) {
	w := encode(body)
	h.mu.Lock()
	h.forgetLocked(time.Now())
	h.version++
	v := systemValue{kind: kind, version: h.version, wire: w, until: until}
	if i := slices.IndexFunc(h.system, func(s systemValue) bool { return s.kind == kind }); i >= 0 {
		h.system[i] = v
	} else {
		h.system = append(h.system, v)
	}
	clients := h.clients
	h.mu.Unlock()
	for _, c := range clients {
		c.poke()
	}
}

// Revoke closes all sockets of a principal, who may not come back before
// something has changed. It returns how many there were.
func (h *Hub) Revoke(principal string) int {
	h.mu.RLock()
	clients := h.clients
	h.mu.RUnlock()
	n := 0
	for _, c := range clients {
		if c.welcome.Principal.Name == principal {
			c.fail(event.CloseUnauthorized)
			n++
		}
	}
	return n
}

// Shutdown closes all sockets with event.CloseShutdown and waits until they
// are gone. When ctx ends first, the rest are cut off and the error says so.
func (h *Hub) Shutdown(ctx context.Context) error {
	h.mu.Lock()
	h.closed = true
	clients := h.clients
	h.mu.Unlock()
	for _, c := range clients {
		c.fail(event.CloseShutdown)
	}
	done := make(chan struct{})
	go func() {
		h.serving.Wait() // from here on nobody starts to read a snapshot
		h.cancel()
		h.flights.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		for _, c := range clients {
			c.cut()
		}
		<-done
		return fmt.Errorf("hub: shutdown: clients did not close in time and were cut off: %w", ctx.Err())
	}
}

// admit reserves a place before the upgrade; release gives it back.
func (h *Hub) admit() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return errClosed
	case h.admitted >= h.cfg.MaxClients:
		return errFull
	}
	h.admitted++
	h.serving.Add(1)
	return nil
}

func (h *Hub) release() {
	h.mu.Lock()
	h.admitted--
	h.mu.Unlock()
	h.serving.Done()
}

func (h *Hub) add(c *client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clients = append(slices.Clip(h.clients), c) // copied: the old slice may be in use
	if h.closed {
		c.fail(event.CloseShutdown)
	}
}

func (h *Hub) remove(c *client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := slices.Index(h.clients, c)
	h.clients = slices.Concat(h.clients[:i], h.clients[i+1:])
}
