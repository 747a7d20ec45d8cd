package dispatch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"vigil/gateway/intake"
	"vigil/gateway/store"
	"vigil/workflows/event"
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
	// State is that of incident id, also when it is over. One that Temporal
	// does not know is an error of kind not_found.
	State(ctx context.Context, id string) (event.View, error)
	// Update sends an update and waits for its outcome. The same updateID takes
	// effect once.
	Update(ctx context.Context, id, name, updateID string, args, result any) error
}

// Inbox is the part of the store that dispatch works on.
type Inbox interface {
	Received(ctx context.Context, limit int, maxBytes int64) ([]store.Delivery, error)
	Read(ctx context.Context, readings []store.Reading) error
	Assign(ctx context.Context, c store.Claim) (store.Assigned, error)
	Settle(ctx context.Context, s []store.Settlement) error
	Postpone(ctx context.Context, dispatchIDs []int64, reason string, next time.Time) error
	Release(ctx context.Context, incidentID string) error
	Unsilence(ctx context.Context, now time.Time) (int, error)
	PendingMoves(ctx context.Context, limit int) ([]store.PendingMove, error)
	MoveTold(ctx context.Context, id string, from, to bool) error
	MoveFailed(ctx context.Context, id string) error
}

// Config of a Dispatcher. Zero values stand for the default named.
type Config struct {
	Inbox      Inbox
	Incidents  Incidents
	Correlator store.Correlator      // none: every key has an incident of its own
	Log        *zap.Logger           // nothing is logged
	Metrics    prometheus.Registerer // nothing is registered

	Workers     int           // incidents that are delivered to side by side; 8
	Every       time.Duration // how often to look for work when nobody wakes us; 1 s
	CallTimeout time.Duration // for one call to a workflow or the store; 15 s
	RetryMin    time.Duration // pause after the first failure; 500 ms
	RetryMax    time.Duration // longest pause; 20 s, so that a healed system is used within a minute
	PoisonAfter int           // attempts that a failure which will not pass is given; 3

	Parse func(store.Delivery) (intake.Result, error) // intake.Parse
	Label func(source string) string                  // a source's name in metrics; itself
	NewID func() string                               // NewID
	Now   func() time.Time                            // time.Now
	Pace  func(signals int64) time.Duration           // pace
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
	if c.Label == nil {
		c.Label = func(source string) string { return source }
	}
	if c.NewID == nil {
		c.NewID = NewID
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Pace == nil {
		c.Pace = pace
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

	mu      sync.Mutex
	claims  claims
	working sync.WaitGroup
	telling atomic.Bool // of moves
}

// New makes a dispatcher. It does nothing before Start.
func New(cfg Config) (*Dispatcher, error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	if cfg.Correlator != nil {
		cfg.Correlator = careful{cfg.Correlator, cfg.Log}
	}
	m, err := newMetrics(cfg.Metrics)
	if err != nil {
		return nil, err
	}
	d := &Dispatcher{cfg: cfg, metrics: m, wake: make(chan struct{}, 1), stop: make(chan struct{}), claims: newClaims()}
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

func (d *Dispatcher) stopping() bool {
	select {
	case <-d.stop:
		return true
	default:
		return false
	}
}

// breather is the least time from one look to the next, so that under load
// each finds a good deal to do: every look is transactions that sync, which the
// deliveries that come meanwhile have to wait for. After a quiet moment an alert
// is looked at at once.
const breather = 25 * time.Millisecond

func (d *Dispatcher) loop() {
	tick := time.NewTicker(d.cfg.Every)
	defer tick.Stop()
	ticked := true // see what is left from before
	for failing := false; ; {
		next := time.NewTimer(min(breather, d.cfg.Every))
		err := d.round(ticked)
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
		case <-next.C:
		case <-d.stop:
			return
		}
		select {
		case <-wake:
			ticked = false
		case <-tick.C:
			ticked = true
		case <-d.stop:
			return
		}
	}
}

// round reads what has come, claims what is due and has workers deliver it. A
// panic is an error like any other: deliveries are still to be accepted.
func (d *Dispatcher) round(ticked bool) (err error) {
	defer func() {
		if r := recover(); r != nil {
			d.cfg.Log.Error("working on the inbox panicked", zap.Any("panic", r), zap.Stack("stack"))
			err = fmt.Errorf("working on the inbox failed in a way that is our fault: %v", r)
		}
	}()
	if ticked {
		if err := d.unsilence(); err != nil {
			return err
		}
		d.tellMoves()
	}
	if err := d.normalise(); err != nil {
		return err
	}
	if err := d.claim(); err != nil {
		return err
	}
	d.launch()
	return nil
}

// unsilence has alerts dispatched that a silence held back until now.
func (d *Dispatcher) unsilence() error {
	ctx, cancel := d.callContext()
	defer cancel()
	n, err := d.cfg.Inbox.Unsilence(ctx, d.cfg.Now())
	if n > 0 {
		d.cfg.Log.Info("a silence is over, and alerts that it held back still fire", zap.Int("alerts", n))
	}
	return err
}

func (d *Dispatcher) callContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(d.ctx, d.cfg.CallTimeout)
}

// pause is how long to wait after a number of failures: doubling, and
// somewhere in the upper half of that, so that incidents which failed together
// do not come back together.
func (d *Dispatcher) pause(failures int) time.Duration {
	p := d.cfg.RetryMax
	if failures < 16 {
		p = min(p, d.cfg.RetryMin<<failures)
	}
	return p/2 + rand.N(p/2+1)
}

// careful is a correlator with a net under it: where it falls over, the alert
// is a problem of its own.
type careful struct {
	store.Correlator
	log *zap.Logger
}

func (c careful) Join(a incident.Alert, s store.Scene) (incidentID, rule string) {
	defer func() {
		if r := recover(); r != nil {
			c.log.Error("grouping an alert panicked; it joins nothing", zap.Int64("delivery", a.InboxID), zap.Any("panic", r), zap.Stack("stack"))
			incidentID, rule = "", ""
		}
	}()
	return c.Correlator.Join(a, s)
}
