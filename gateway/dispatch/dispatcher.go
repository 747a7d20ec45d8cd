package dispatch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"vigil/gateway/intake"
	"vigil/gateway/store"
	"vigil/workflows/incident"
)

// Incidents is how incidents' workflows are reached.
type Incidents interface {
	// Deliver brings alerts to incident id and starts it where it does not run
	// yet. An incident that is over is an error of kind conflict.
	Deliver(ctx context.Context, id string, in incident.Input, alerts incident.AlertSignal) error
	// Signal brings alerts to incident id. One that does not run is an error of
	// kind not_found, or conflict where it is known to be over.
	Signal(ctx context.Context, id string, alerts incident.AlertSignal) error
}

// Inbox is the part of the store that dispatch works on.
type Inbox interface {
	Received(ctx context.Context, limit int) ([]store.Delivery, error)
	Normalise(ctx context.Context, deliveryID int64, dispatches []store.Dispatch) error
	Quarantine(ctx context.Context, deliveryID int64, reason string) error
	Record(ctx context.Context, deliveryID int64, note string) error
	Pending(ctx context.Context, limit int, now time.Time) ([]store.Dispatch, error)
	Bind(ctx context.Context, dispatchID int64, newID string) (incidentID string, opened bool, err error)
	Bound(ctx context.Context, key string) (string, error)
	Release(ctx context.Context, key, incidentID string) error
	Settle(ctx context.Context, dispatchID int64, s store.DispatchState, incidentID string) error
	Postpone(ctx context.Context, dispatchID int64, reason string, next time.Time) error
}

// Config of a Dispatcher. Zero values stand for the default named.
type Config struct {
	Inbox     Inbox
	Incidents Incidents
	Log       *zap.Logger           // nothing is logged
	Metrics   prometheus.Registerer // nothing is registered

	Workers     int           // keys that are dispatched side by side; 8
	Every       time.Duration // how often to look for work when nobody wakes us; 1 s
	CallTimeout time.Duration // for one call to a workflow or the store; 15 s
	RetryMin    time.Duration // pause after the first failure; 500 ms
	RetryMax    time.Duration // longest pause; 20 s, so that a healed system is used within a minute
	PoisonAfter int           // attempts that a failure which will not pass is given; 3

	Parse func(store.Delivery) (intake.Result, error) // intake.Parse
	NewID func() string                               // NewID
	Now   func() time.Time                            // time.Now
}

func (c *Config) defaults() error {
	if c.Inbox == nil || c.Incidents == nil {
		return errors.New("dispatch: Config needs Inbox and Incidents")
	}
	if c.Log == nil {
		c.Log = zap.NewNop()
	}
	setDefault(&c.Workers, 8)
	setDefault(&c.Every, time.Second)
	setDefault(&c.CallTimeout, 15*time.Second)
	setDefault(&c.RetryMin, 500*time.Millisecond)
	setDefault(&c.RetryMax, 20*time.Second)
	setDefault(&c.PoisonAfter, 3)
	if c.Parse == nil {
		c.Parse = intake.Parse
	}
	if c.NewID == nil {
		c.NewID = NewID
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}

func setDefault[T int | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

// Dispatcher moves deliveries to incidents.
type Dispatcher struct {
	cfg     Config
	metrics metrics
	wake    chan struct{} // holds at most one call
	stop    chan struct{}
	looping sync.WaitGroup

	ctx    context.Context // of attempts; ends when Stop gives up waiting
	cancel context.CancelFunc

	mu       sync.Mutex
	inFlight map[string]bool // correlation keys
	working  sync.WaitGroup
}

// New makes a dispatcher. It does nothing before Start.
func New(cfg Config) (*Dispatcher, error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	m, err := newMetrics(cfg.Metrics)
	if err != nil {
		return nil, err
	}
	d := &Dispatcher{cfg: cfg, metrics: m, wake: make(chan struct{}, 1), stop: make(chan struct{}), inFlight: map[string]bool{}}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	return d, nil
}

// Start begins to dispatch, what was left from before included, and returns
// at once.
func (d *Dispatcher) Start(context.Context) error {
	d.looping.Go(d.loop)
	return nil
}

// Stop takes nothing new and waits for the attempts under way; when ctx ends
// it interrupts them. What is interrupted is attempted again after the next
// Start of a dispatcher on the same store.
func (d *Dispatcher) Stop(ctx context.Context) error {
	close(d.stop)
	defer context.AfterFunc(ctx, d.cancel)()
	d.looping.Wait()
	d.working.Wait()
	interrupted := d.ctx.Err() != nil
	d.cancel()
	if interrupted {
		return fmt.Errorf("dispatch: stopped before the attempts under way had ended; they will be repeated: %w", context.Cause(ctx))
	}
	return nil
}

// Notify says that there may be work. It never blocks.
func (d *Dispatcher) Notify() {
	select {
	case d.wake <- struct{}{}:
	default: // it will look anyway
	}
}

func (d *Dispatcher) loop() {
	tick := time.NewTicker(d.cfg.Every)
	defer tick.Stop()
	for failing := false; ; {
		err := d.round()
		// The same trouble is logged once, not every time we look.
		if err != nil && !failing {
			d.cfg.Log.Error("the inbox cannot be worked on; trying again", zap.Error(err))
		} else if err == nil && failing {
			d.cfg.Log.Info("the inbox can be worked on again")
		}
		failing = err != nil
		wake := d.wake
		if failing {
			wake = nil // not in a busy loop
		}
		select {
		case <-wake:
		case <-tick.C:
		case <-d.stop:
			return
		}
	}
}

// round reads what has come and starts an attempt for every key that is due
// and has none under way.
func (d *Dispatcher) round() error {
	if err := d.normalise(); err != nil {
		return err
	}
	d.mu.Lock()
	busy := len(d.inFlight)
	d.mu.Unlock()
	if busy >= d.cfg.Workers {
		return nil // the first to finish wakes us
	}
	ctx, cancel := context.WithTimeout(d.ctx, d.cfg.CallTimeout)
	defer cancel()
	// Those in flight are still pending, so they may be among the answer.
	due, err := d.cfg.Inbox.Pending(ctx, 2*d.cfg.Workers, d.cfg.Now())
	if err != nil {
		return err
	}
	for _, p := range due {
		if !d.begin(p.CorrelationKey) {
			continue
		}
		d.working.Go(func() {
			defer d.end(p.CorrelationKey)
			d.attempt(p)
		})
	}
	return nil
}

// begin claims a key and a worker for it.
func (d *Dispatcher) begin(key string) bool {
	select {
	case <-d.stop:
		return false
	default:
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.inFlight[key] || len(d.inFlight) >= d.cfg.Workers {
		return false
	}
	d.inFlight[key] = true
	return true
}

func (d *Dispatcher) end(key string) {
	d.mu.Lock()
	delete(d.inFlight, key)
	d.mu.Unlock()
	d.Notify()
}

const (
	readAtOnce = 8  // deliveries taken from the store together: they come with their bodies
	readRounds = 16 // how often in a row, so that a flood does not keep alerts from being dispatched
)

// normalise has the intake read the deliveries that nobody has read yet.
func (d *Dispatcher) normalise() error {
	for range readRounds {
		select {
		case <-d.stop:
			return nil
		default:
		}
		ctx, cancel := context.WithTimeout(d.ctx, d.cfg.CallTimeout)
		list, err := d.cfg.Inbox.Received(ctx, readAtOnce)
		for _, in := range list {
			if err == nil {
				err = d.read(ctx, in)
			}
		}
		cancel()
		if err != nil || len(list) == 0 {
			return err
		}
	}
	d.Notify() // there may be more
	return nil
}

// read moves one delivery out of received.
func (d *Dispatcher) read(ctx context.Context, in store.Delivery) error {
	res, err := d.parse(in)
	switch {
	case err != nil:
		return d.quarantine(ctx, in, err)
	case len(res.Alerts) == 0 && res.Note != "":
		d.metrics.read(in.Source, store.DeliveryRecorded)
		return d.cfg.Inbox.Record(ctx, in.ID, res.Note)
	case len(res.Alerts) == 0:
		return d.quarantine(ctx, in, errors.New("the delivery holds nothing"))
	}
	err = d.cfg.Inbox.Normalise(ctx, in.ID, intake.Dispatches(res.Alerts))
	if err == nil {
		d.metrics.read(in.Source, store.DeliveryNormalised)
	} else if k := incident.KindOf(err); k != incident.KindUnavailable && k != incident.KindThrottled {
		// The store is there and does not take this one: it must not hold up
		// all that came after it.
		return d.quarantine(ctx, in, err)
	}
	return err
}

func (d *Dispatcher) quarantine(ctx context.Context, in store.Delivery, reason error) error {
	d.metrics.read(in.Source, store.DeliveryQuarantined)
	d.cfg.Log.Warn("a delivery cannot be read and is in quarantine",
		zap.Int64("delivery", in.ID), zap.String("source", in.Source), zap.Error(reason))
	return d.cfg.Inbox.Quarantine(ctx, in.ID, reason.Error())
}

// parse is the intake with a net under it: whatever a stranger sends, it must
// not stop the others.
func (d *Dispatcher) parse(in store.Delivery) (res intake.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			d.cfg.Log.Error("the intake panicked", zap.Int64("delivery", in.ID), zap.Any("panic", p), zap.Stack("stack"))
			err = fmt.Errorf("reading the delivery failed in a way that is our fault: %v", p)
		}
	}()
	return d.cfg.Parse(in)
}

// pause is how long to wait after a number of failures: doubling, and
// somewhere in the upper half of that, so that keys which failed together do
// not come back together.
func (d *Dispatcher) pause(failures int) time.Duration {
	p := d.cfg.RetryMax
	if failures < 16 {
		p = min(p, d.cfg.RetryMin<<failures)
	}
	return p/2 + rand.N(p/2+1)
}
