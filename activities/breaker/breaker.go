// Package breaker stands between the adapters and the AI services of AWS: a
// circuit breaker and a rate limit for each service and model.
//
// After a few failures in a row a breaker opens: calls are refused at once,
// without going out, until one of them may try again. Throttling counts as a
// failure, because the best answer to it is to stop asking; what the caller got
// wrong, may not do or gave up does not. The rate limit keeps within the quota
// of the account, so that throttling stays the exception: Bedrock's quotas are
// tokens per minute, which are known after a call, so a call that used many
// holds back the ones after it. A call that would have to wait longer than
// Config.Wait is refused as throttled, and is not made.
//
// Breakers sits in the place of the activities.Recorder that adapters are
// given, and passes on what is recorded. It is in the memory of one worker:
// with several, each should be given its share of the quota. It is safe for
// concurrent use.
package breaker

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"vigil/activities"
	"vigil/workflows/incident"
)

// Config configures Breakers. The zero value is the shipped configuration.
type Config struct {
	Failures uint32           // in a row, until a breaker opens; default 5
	Open     time.Duration    // how long it stays open; default 30 s
	Wait     time.Duration    // how long a call may wait for its turn; default 3 s
	Limits   map[string]Limit // by model id, or by service where there is no model; replaces entries of DefaultLimits
}

// services are those that a breaker stands before. The others are not AI: they
// are asked seldom, and some of their calls must never be held back.
var services = []string{"bedrock", "knowledge_base", "agentcore", "bedrock_agent", "qbusiness"}

// Breakers is the gate before every AI service.
type Breakers struct {
	config Config
	next   activities.Recorder

	mu    sync.Mutex
	gates map[key]*gate
}

type key struct{ service, model string }

// gate is that of one service and model.
type gate struct {
	breaker *gobreaker.TwoStepCircuitBreaker[struct{}]
	until   atomic.Int64 // Unix nanoseconds; when it was last opened, plus Config.Open
	limit   *limiter
	limited atomic.Int64
}

var (
	_ activities.Recorder = (*Breakers)(nil)
	_ activities.Gate     = (*Breakers)(nil)
)

// New makes Breakers that pass on to next, which may be nil.
func New(c Config, next activities.Recorder) (*Breakers, error) {
	c.Failures, c.Open, c.Wait = cmp.Or(c.Failures, 5), cmp.Or(c.Open, 30*time.Second), cmp.Or(c.Wait, 3*time.Second)
	if c.Open < 0 || c.Wait < 0 {
		return nil, incident.Errorf(incident.KindInvalid, "breaker: open for %s and wait for %s: use positive durations, or leave them out", c.Open, c.Wait)
	}
	for name, l := range c.Limits {
		if l.Requests < 0 || l.Tokens < 0 {
			return nil, incident.Errorf(incident.KindInvalid, "breaker: the limit of %s is below zero; 0 is no limit", name)
		}
	}
	return &Breakers{config: c, next: next, gates: map[key]*gate{}}, nil
}

// Record passes c on.
func (b *Breakers) Record(c activities.Call) {
	if b.next != nil {
		b.next.Record(c)
	}
}

// Enter returns once the call may be made, or says why it may not.
func (b *Breakers) Enter(ctx context.Context, service, model string) (leave func(activities.Call), err error) {
	if !slices.Contains(services, service) {
		return func(activities.Call) {}, nil
	}
	g := b.gate(key{service, model})
	if g.breaker.State() == gobreaker.StateOpen {
		return nil, b.refused(g, gobreaker.ErrOpenState)
	}
	if err := g.turn(ctx, b.config.Wait); err != nil {
		return nil, err
	}
	done, err := g.breaker.Allow()
	if err != nil {
		return nil, b.refused(g, err)
	}
	return func(c activities.Call) {
		g.limit.used(c.Provenance.Usage)
		done(verdict(c))
	}, nil
}

// States is how every gate stands that a call came to.
func (b *Breakers) States() []activities.GateState {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]activities.GateState, 0, len(b.gates))
	for k, g := range b.gates {
		s := activities.GateState{Service: k.service, Model: k.model, Limited: g.limited.Load()}
		switch g.breaker.State() {
		case gobreaker.StateOpen:
			s.Breaker, s.Until = "open", time.Unix(0, g.until.Load()).UTC()
		case gobreaker.StateHalfOpen:
			s.Breaker = "half_open"
		default:
			s.Breaker = "closed"
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b activities.GateState) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Model, b.Model))
	})
	return out
}

func (b *Breakers) gate(k key) *gate {
	b.mu.Lock()
	defer b.mu.Unlock()
	if g := b.gates[k]; g != nil {
		return g
	}
	g := &gate{limit: newLimiter(b.limitOf(k))}
	g.breaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		MaxRequests: 1, Timeout: b.config.Open,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= b.config.Failures },
		IsSuccessful: func(err error) bool { return err == nil },
		IsExcluded:   func(err error) bool { return errors.Is(err, errNoVerdict) },
		OnStateChange: func(_ string, _, to gobreaker.State) {
			if to == gobreaker.StateOpen {
				g.until.Store(time.Now().Add(b.config.Open).UnixNano())
			}
		},
	})
	b.gates[k] = g
	return g
}

func (b *Breakers) limitOf(k key) Limit {
	name := cmp.Or(k.model[strings.LastIndex(k.model, "/")+1:], k.service)
	for _, name := range []string{name, withoutGeography(name)} {
		if l, ok := b.config.Limits[name]; ok {
			return l
		}
		if l, ok := DefaultLimits[name]; ok {
			return l
		}
	}
	return Limit{}
}

// refused is the error for a call that the breaker did not let through.
func (b *Breakers) refused(g *gate, why error) error {
	at := time.Unix(0, g.until.Load())
	e := incident.Errorf(incident.KindUnavailable, "not asked, because the last %d calls failed; it is tried again from %s on",
		b.config.Failures, at.UTC().Format(time.TimeOnly))
	if errors.Is(why, gobreaker.ErrTooManyRequests) {
		at = time.Now().Add(time.Second)
		e.Msg = "not asked, because calls failed and another one is just trying whether it is back"
	}
	return &activities.NotBeforeError{At: at, Err: e}
}

var (
	errFailed    = errors.New("failed")
	errNoVerdict = errors.New("says nothing of the service")
)

// verdict is what a call says of its service.
func verdict(c activities.Call) error {
	switch {
	case c.Cancelled:
		return errNoVerdict
	case c.Failed == "":
		return nil
	case c.Failed.Retryable():
		return errFailed
	case c.Provenance.Origin == "":
		return errNoVerdict // it never got there, such as a request without credentials
	default:
		return nil // a service that refuses is a service that is up
	}
}
