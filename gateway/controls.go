package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"vigil/internal/bus"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

const (
	// controlsWait bounds one look at the controls, and one change of them.
	controlsWait = 1500 * time.Millisecond
	// killWait is for how long a kill is tried.
	killWait = 5 * time.Second
	// killPause is between two tries that failed; a conflict is tried again at once.
	killPause = 50 * time.Millisecond

	// The pauses after which the bucket is followed again, where it cannot be.
	watchAgain, watchAgainMax = 100 * time.Millisecond, 3 * time.Second
)

// controls is what people set for all incidents at once. It is kept in a
// bucket that workers read immediately before each effect; every change is a
// compare-and-set, so that no change undoes another that it did not see, a kill
// least of all. What the bucket has goes to the dashboards as it changes,
// whichever gateway changed it.
type controls struct {
	bucket  Bucket
	log     *zap.Logger
	now     func() time.Time
	tell    func(incident.Controls) // of every change, in order; set before watch runs
	changes *prometheus.CounterVec

	mu    sync.Mutex
	known *incident.Controls // as last heard; nil before the first time
}

func newControls(b Bucket, log *zap.Logger) *controls {
	c := &controls{bucket: b, log: log, now: time.Now, changes: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gateway_controls_changes_total", Help: "Changes of the controls made through this gateway, by what was changed."}, []string{"change"})}
	for _, change := range []string{changeSet, changeKill, changeStart} {
		c.changes.WithLabelValues(change)
	}
	return c
}

// What is changed; labels of a metric.
const (
	changeSet   = "set"
	changeKill  = "kill"
	changeStart = "start"
)

// unreadable says that what the bucket has is not understood. Workers do
// nothing then either.
type unreadable struct {
	revision uint64
	err      error
}

func (u *unreadable) Error() string {
	return fmt.Sprintf("revision %d of the controls is not understood: %v", u.revision, u.err)
}

// moved refuses a change that was based on other controls than there are now.
type moved struct {
	err     *incident.Error
	current incident.Controls
}

func (m *moved) Error() string { return m.err.Error() }
func (m *moved) Unwrap() error { return m.err }

// decodeControls reads what the bucket has. Of what is not understood it is
// taken that everything is stopped, which is what workers make of it.
func decodeControls(e bus.Entry) (c incident.Controls, err error) {
	if e.Value != nil {
		dec := json.NewDecoder(bytes.NewReader(e.Value))
		dec.DisallowUnknownFields()
		if err = dec.Decode(&c); err == nil && c.Mode != "" && !c.Mode.Valid() {
			err = fmt.Errorf("%q is no mode", c.Mode)
		}
		if err != nil {
			return incident.Controls{Killed: true, Reason: "what is stored is not understood", Revision: e.Revision}, &unreadable{e.Revision, err}
		}
	}
	c.Revision = e.Revision
	return c, nil
}

// read asks the bucket.
func (c *controls) read(ctx context.Context) (incident.Controls, error) {
	ctx, cancel := context.WithTimeout(ctx, controlsWait)
	defer cancel()
	e, err := c.bucket.Get(ctx, bus.ControlsKey)
	if err != nil {
		return incident.Controls{}, &incident.Error{Kind: incident.KindUnavailable, Op: "read the controls",
			Msg: "the controls cannot be read; NATS cannot be reached from this gateway, or does not answer", Err: err}
	}
	return decodeControls(e)
}

// put replaces the controls that are at revision at.
func (c *controls) put(ctx context.Context, next incident.Controls, at uint64) (incident.Controls, error) {
	ctx, cancel := context.WithTimeout(ctx, controlsWait)
	defer cancel()
	next.Revision = 0 // the bucket's own counts
	raw, err := json.Marshal(next)
	if err != nil {
		return incident.Controls{}, fmt.Errorf("encode the controls: %w", err)
	}
	next.Revision, err = c.bucket.Put(ctx, bus.ControlsKey, raw, at)
	if err != nil && !errors.Is(err, bus.ErrMoved) {
		err = &incident.Error{Kind: incident.KindUnavailable, Op: "change the controls",
			Msg: "NATS did not confirm the change; whether it was made is not known; look at the controls before trying again", Err: err}
	}
	return next, err
}

// change makes next out of the controls, where they are still at revision at.
// Otherwise it says what they are; a change that was made already is that change.
func (c *controls) change(ctx context.Context, at uint64, next func(incident.Controls) incident.Controls) (incident.Controls, error) {
	have, err := c.read(ctx)
	var broken *unreadable
	if err != nil && !errors.As(err, &broken) {
		return incident.Controls{}, err
	}
	if have.Revision == at {
		made, err := c.put(ctx, next(have), at)
		if !errors.Is(err, bus.ErrMoved) {
			return made, err
		}
		if have, err = c.read(ctx); err != nil {
			return incident.Controls{}, err
		}
	}
	if want := next(have); have.Revision > at && want.By == have.By && want.Reason == have.Reason && sameControls(want, have) {
		return have, nil // the answer to it was lost
	}
	return incident.Controls{}, &moved{current: have, err: incident.Errorf(incident.KindConflict,
		"you looked at revision %d of the controls, and %s changed them since: they are at revision %d. Look at them, and decide again", at, orSomebody(have.By), have.Revision)}
}

func orSomebody(name string) string {
	if name == "" {
		return "somebody"
	}
	return name
}

// sameControls reports whether a and b have the same effect.
func sameControls(a, b incident.Controls) bool {
	a.By, a.Reason, a.At, a.Revision = b.By, b.Reason, b.At, b.Revision
	one, errOne := json.Marshal(a)
	two, errTwo := json.Marshal(b)
	return errOne == nil && errTwo == nil && bytes.Equal(one, two)
}

// kill stops every new effect, whatever the controls are. When it returns nil,
// that is stored. It goes on when whoever asked has gone: nobody gives up
// stopping by closing a window.
func (c *controls) kill(ctx context.Context, by, reason string) (incident.Controls, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), killWait)
	defer cancel()
	for {
		have, err := c.read(ctx)
		var broken *unreadable
		if err == nil || errors.As(err, &broken) {
			next := have
			next.Killed, next.By, next.Reason, next.At = true, by, reason, c.now().UTC()
			if have, err = c.put(ctx, next, have.Revision); err == nil {
				return have, nil
			}
		}
		if errors.Is(err, bus.ErrMoved) && ctx.Err() == nil {
			continue
		}
		select {
		case <-time.After(killPause):
		case <-ctx.Done():
			return incident.Controls{}, &incident.Error{Kind: incident.KindUnavailable, Op: "stop Vigil",
				Msg: "Vigil is NOT stopped, as far as is known: NATS did not confirm it within " + killWait.String() +
					". Try again, by another gateway if there is one, or stop the workers themselves. Workers that cannot reach NATS begin nothing new", Err: err}
		}
	}
}

// start lets effects begin again. Where a revision is given, a kill that came
// after it stays.
func (c *controls) start(ctx context.Context, by, reason string, at uint64) (incident.Controls, error) {
	have, err := c.read(ctx)
	var broken *unreadable
	if err != nil && !errors.As(err, &broken) {
		return incident.Controls{}, err
	}
	if broken != nil {
		return incident.Controls{}, incident.Errorf(incident.KindConflict, "%s; set the controls anew (PUT, with that revision) before you start", broken)
	}
	if at == 0 {
		at = have.Revision
	}
	if !have.Killed {
		return have, nil
	}
	return c.change(ctx, at, func(next incident.Controls) incident.Controls {
		next.Killed, next.By, next.Reason, next.At = false, by, reason, c.now().UTC()
		return next
	})
}

// watch follows the bucket until ctx ends.
func (c *controls) watch(ctx context.Context) error {
	pause := watchAgain
	for {
		began := time.Now()
		err := c.bucket.Watch(ctx, bus.ControlsKey, c.heard)
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(began) > watchAgainMax { // it had been followed
			pause = watchAgain
		}
		c.log.Warn("the controls cannot be followed; trying again", zap.Error(err), zap.Duration("pause", pause))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
		pause = min(2*pause, watchAgainMax)
	}
}

// heard passes on how the controls are now.
func (c *controls) heard(e bus.Entry) {
	now, err := decodeControls(e)
	if err != nil {
		c.log.Error("the controls are not understood; workers begin nothing new until they are set anew", zap.Error(err))
	}
	c.mu.Lock()
	c.known = &now
	c.mu.Unlock()
	c.tell(now)
}

// check says how the kill switch is, for health.
func (c *controls) check(ctx context.Context) event.ComponentHealth {
	now, err := c.read(ctx)
	switch {
	case err != nil:
		return event.ComponentHealth{Name: componentControls, State: stateDown, Detail: "the kill switch cannot be set from here: " + inWords(err)}
	case now.Killed:
		return event.ComponentHealth{Name: componentControls, State: stateDegraded,
			Detail: fmt.Sprintf("the kill switch is on (%s: %s); nothing new begins", orSomebody(now.By), now.Reason)}
	}
	return event.ComponentHealth{Name: componentControls, State: stateHealthy}
}

var (
	killedDesc = prometheus.NewDesc("gateway_controls_killed", "1 while the kill switch is on, as this gateway last heard.", nil, nil)
	modeDesc   = prometheus.NewDesc("gateway_controls_mode", "1 for the mode that is in force, as this gateway last heard.", []string{"mode"}, nil)
)

// Describe implements prometheus.Collector.
func (c *controls) Describe(ch chan<- *prometheus.Desc) {
	ch <- killedDesc
	ch <- modeDesc
	c.changes.Describe(ch)
}

// Collect implements prometheus.Collector. What was never heard is absent.
func (c *controls) Collect(ch chan<- prometheus.Metric) {
	c.changes.Collect(ch)
	c.mu.Lock()
	known := c.known
	c.mu.Unlock()
	if known == nil {
		return
	}
	ch <- prometheus.MustNewConstMetric(killedDesc, prometheus.GaugeValue, oneIf(known.Killed))
	mode := known.Mode
	if !mode.Valid() {
		mode = incident.ModeAdvisory
	}
	for _, m := range incident.Modes {
		ch <- prometheus.MustNewConstMetric(modeDesc, prometheus.GaugeValue, oneIf(m == mode), string(m))
	}
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
