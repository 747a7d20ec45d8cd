package relay

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"vigil/gateway/hub"
	"vigil/gateway/store"
	"vigil/workflows/event"
)

// Message is one message of a stream.
type Message struct {
	Offset  uint64
	Subject string
	Data    []byte
	Pending uint64 // how many follow it at the time it was sent
}

// State is what a stream says about itself.
type State struct {
	Epoch string
	Last  uint64 // offset of its last message
}

// Streams is what the relay needs of the bus.
type Streams interface {
	// State looks at the event stream, making it where it does not exist.
	State(ctx context.Context) (State, error)
	// Renew gives the event stream a new epoch.
	Renew(ctx context.Context) error
	// Events calls fn for each message of the event stream after offset, in
	// order, until ctx ends or it fails. It does not return while fn runs.
	Events(ctx context.Context, after uint64, fn func(Message)) error
	// System calls fn for the latest message of each subject of the system
	// stream, and then for every new one.
	System(ctx context.Context, fn func(Message)) error
	// Deltas calls fn for what models say right now, as far as it arrives,
	// until ctx ends or it fails. Nothing keeps these messages: what comes while
	// fn is busy may be dropped, and their offset is 0.
	Deltas(ctx context.Context, fn func(Message)) error
}

// Hub is what the relay feeds. *hub.Hub is one.
type Hub interface {
	Position() event.Cursor
	Publish(epoch string, frames []hub.Frame)
	Reset(event.Cursor)
	PublishSystem(kind string, body []byte)
	PublishSystemUntil(kind string, body []byte, until time.Time)
	PublishEphemeral(body []byte) bool
}

// Filler reads events from their workflow. An error of kind not_found says
// that the workflow does not exist any more.
type Filler interface {
	EventsSince(ctx context.Context, incidentID, runID string, afterSeq int64) ([]event.Event, error)
}

// Config holds the relay's limits. Zero values mean the defaults given.
type Config struct {
	CheckEvery time.Duration // how often the stream's epoch is checked; default 2 s
	RetryMin   time.Duration // first pause after an error; default 100 ms
	RetryMax   time.Duration // longest pause; default 5 s
	CallWait   time.Duration // for one call of store or bus; default 10 s
	BatchMax   int           // messages applied in one transaction; default 256
	// CatchUp is the backlog from which events are applied without being sent
	// to clients one by one; they get a snapshot once it is worked off. Default 1,000.
	CatchUp uint64
	// Warm is how many of the latest events the hub is given at the start, so
	// that clients can resume from its memory. Default 1,000.
	Warm int

	Registerer prometheus.Registerer // default: metrics are kept, but not registered
	Log        *zap.Logger           // default: discard
}

func (c Config) withDefaults() Config {
	def(&c.CheckEvery, 2*time.Second)
	def(&c.RetryMin, 100*time.Millisecond)
	def(&c.RetryMax, 5*time.Second)
	def(&c.CallWait, 10*time.Second)
	def(&c.BatchMax, 256)
	def(&c.CatchUp, 1_000)
	def(&c.Warm, 1_000)
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	return c
}

func def[T int | uint64 | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// Relay feeds store and hub from the streams.
type Relay struct {
	cfg     Config
	streams Streams
	store   store.Events
	hub     Hub
	filler  Filler
	metrics *metrics
	status  statusBoard
	behind  bool // the hub lacks events that are applied; the event goroutine's own

	cancel context.CancelFunc
	done   sync.WaitGroup
}

// New makes a relay. It does nothing before Start.
func New(cfg Config, streams Streams, s store.Events, h Hub, f Filler) *Relay {
	cfg = cfg.withDefaults()
	return &Relay{cfg: cfg, streams: streams, store: s, hub: h, filler: f, metrics: newMetrics(cfg.Registerer)}
}

// Start begins to relay, and returns at once: the gateway serves what it has
// while the stream cannot be reached, and says so in Status.
func (r *Relay) Start(context.Context) error {
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	r.done.Go(func() { r.keep(ctx, "event stream", r.status.report, r.followEvents) })
	r.done.Go(func() { r.keep(ctx, "system stream", nil, r.followSystem) })
	r.done.Go(func() { r.keep(ctx, "words of models", nil, r.followDeltas) })
	return nil
}

// Stop ends relaying and waits until it has ended.
func (r *Relay) Stop(ctx context.Context) error {
	r.cancel()
	done := make(chan struct{})
	go func() { r.done.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("relay: stop: a call of store, bus or workflow did not end in time: %w", ctx.Err())
	}
}

// keep runs follow again and again until ctx ends.
func (r *Relay) keep(ctx context.Context, what string, report func(error), follow func(context.Context) error) {
	pause := r.cfg.RetryMin
	for {
		began := time.Now()
		err := follow(ctx)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errAgain) {
			if !sleep(ctx, r.cfg.RetryMin) {
				return
			}
			continue
		}
		if report != nil {
			report(err)
		}
		r.metrics.restarts.Inc()
		if time.Since(began) > 2*r.cfg.RetryMax { // it had been running
			pause = r.cfg.RetryMin
		}
		r.cfg.Log.Warn("following the "+what+" failed; starting again from what is applied", zap.Error(err), zap.Duration("pause", pause))
		if !sleep(ctx, pause) {
			return
		}
		pause = min(2*pause, r.cfg.RetryMax)
	}
}

// errAgain asks keep to start over: nothing is wrong, but the ground has
// changed.
var errAgain = errors.New("start over")

// sleep waits for d, and reports false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
