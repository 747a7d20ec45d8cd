// Package spending counts what models used today, all incidents and workers
// together, and stops model use at the day's cap.
//
// The count is one entry per day (UTC) in a JetStream key-value bucket, changed
// by compare-and-set, so that no worker's share is lost. Allow reads it afresh:
// a call that begins after the cap was reached does not go out, and only those
// that were in flight then overshoot it. What a worker could not write yet it
// keeps, counts itself, and writes with the next.
//
// Where the bucket cannot be read, Allow says unavailable: nobody can tell
// whether the cap is reached, and models are an aid. The incident goes on by
// its statistics until the bucket is back. Without a cap nothing is read.
//
// A call whose price is not known counts its tokens and not its cost, so a cap
// in dollars does not hold for models without a price: give the day a cap in
// tokens too.
package spending

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

const (
	bucket = "vigil-spending"
	// keep is how long a day's count can be looked at: the day, and the next.
	keep = 48 * time.Hour
	// timeout bounds one look or one write, all tries together.
	timeout = 3 * time.Second
)

// KV is the part of a JetStream bucket that counting needs.
type KV interface {
	Get(ctx context.Context, key string) (jetstream.KeyValueEntry, error)
	Create(ctx context.Context, key string, value []byte, opts ...jetstream.KVCreateOpt) (uint64, error)
	Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error)
}

// Open makes the bucket where it does not exist.
func Open(ctx context.Context, js jetstream.KeyValueManager, replicas int) (jetstream.KeyValue, error) {
	kv, err := js.KeyValue(ctx, bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		kv, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: bucket, History: 1, TTL: keep, MaxBytes: 1 << 20,
			Storage: jetstream.FileStorage, Replicas: replicas, Description: "what models used, by day"})
		if errors.Is(err, jetstream.ErrBucketExists) {
			kv, err = js.KeyValue(ctx, bucket) // another worker was first
		}
	}
	if err != nil {
		return nil, fmt.Errorf("spending: open the bucket %s: %w", bucket, err)
	}
	return kv, nil
}

// Spending is safe for concurrent use.
type Spending struct {
	kv  KV
	cap incident.Budget
	log *zap.Logger
	now func() time.Time

	mu      sync.Mutex
	pending day // not written yet
	writing chan struct{}
}

var _ activities.Spending = (*Spending)(nil)

// day is the count of one day as the bucket has it.
type day struct {
	Date    string          `json:"date"`
	Used    incident.Budget `json:"used"`
	Unknown int64           `json:"unknown_priced_calls"`
}

func (d day) plus(more day) day {
	d.Used, d.Unknown = d.Used.Plus(more.Used), d.Unknown+more.Unknown
	return d
}

// New makes a Spending with the day's cap; a field that is zero caps nothing.
// now is the clock; nil is time.Now.
func New(kv KV, cap incident.Budget, log *zap.Logger, now func() time.Time) *Spending {
	if now == nil {
		now = time.Now
	}
	return &Spending{kv: kv, cap: cap, log: log, now: now, writing: make(chan struct{}, 1)}
}

// Allow refuses where the day's cap is reached, or cannot be told.
func (s *Spending) Allow(ctx context.Context) error {
	if s.cap == (incident.Budget{}) {
		return nil
	}
	today, err := s.today(ctx)
	if err != nil {
		return &incident.Error{Kind: incident.KindUnavailable, Op: "read what models used today",
			Msg: "models are not asked while the day's cap cannot be checked; is NATS up?", Err: err}
	}
	switch s.cap.Exceeded(today.Used) {
	case "turns":
		return s.reached(fmt.Sprintf("%d calls", s.cap.Turns))
	case "tokens":
		return s.reached(fmt.Sprintf("%d tokens", s.cap.Tokens))
	case "cost":
		return s.reached(fmt.Sprintf("$%.2f", float64(s.cap.CostMicros)/1e6))
	}
	return nil
}

func (s *Spending) reached(cap string) error {
	return incident.Errorf(incident.KindBudget, "models may use %s a day, all incidents together, and have; the count begins anew at 00:00 UTC, or raise the cap in the worker's configuration", cap)
}

// Today is what was used so far, and the cap.
func (s *Spending) Today(ctx context.Context) (*event.Spend, error) {
	d, err := s.today(ctx)
	if err != nil {
		return nil, fmt.Errorf("spending: read the count of today: %w", err)
	}
	return &event.Spend{Day: d.Date, Used: d.Used, Cap: s.cap, UnknownPriced: d.Unknown}, nil
}

// today is the count in the bucket and what this worker has yet to write.
func (s *Spending) today(ctx context.Context) (day, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	date := s.date()
	d, _, err := s.read(ctx, date)
	if err != nil {
		return day{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending.Date == date {
		d = d.plus(s.pending)
	}
	return d, nil
}

// Add counts a call. Calls that end together are written together.
func (s *Spending) Add(ctx context.Context, used incident.Usage) {
	more := day{Date: s.date(), Used: incident.Budget{Turns: 1, Tokens: used.InputTokens + used.OutputTokens}}
	if used.CostMicros == nil {
		more.Unknown = 1
	} else {
		more.Used.CostMicros = *used.CostMicros
	}
	s.mu.Lock()
	if s.pending.Date != more.Date {
		s.pending = day{Date: more.Date} // of yesterday, and late for any cap
	}
	s.pending = s.pending.plus(more)
	s.mu.Unlock()

	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	select {
	case s.writing <- struct{}{}:
		defer func() { <-s.writing }()
	case <-ctx.Done():
		return // whoever writes now takes it along, or the next
	}
	if err := s.write(ctx); err != nil {
		s.log.Warn("Cannot count what a model call used; it is counted with the next.", zap.Error(err))
	}
}

// write moves pending into the bucket. Only one runs at a time.
func (s *Spending) write(ctx context.Context) error {
	for {
		s.mu.Lock()
		taken := s.pending
		s.mu.Unlock()
		if taken == (day{Date: taken.Date}) {
			return nil // another call took it along
		}
		d, revision, err := s.read(ctx, taken.Date)
		if err != nil {
			return err
		}
		raw, err := json.Marshal(d.plus(taken))
		if err != nil {
			return err
		}
		if revision == 0 {
			_, err = s.kv.Create(ctx, taken.Date, raw)
		} else {
			_, err = s.kv.Update(ctx, taken.Date, raw, revision)
		}
		switch {
		case err == nil:
			s.mu.Lock()
			if s.pending.Date == taken.Date {
				s.pending.Used = minus(s.pending.Used, taken.Used)
				s.pending.Unknown -= taken.Unknown
			}
			s.mu.Unlock()
			return nil
		case errors.Is(err, jetstream.ErrKeyExists), errors.Is(err, jetstream.ErrKeyRevisionMismatch):
			// Another worker was faster. Not all of them try again at once.
			select {
			case <-time.After(rand.N(5 * time.Millisecond)):
			case <-ctx.Done():
				return ctx.Err()
			}
		default:
			return err
		}
	}
}

func minus(a, b incident.Budget) incident.Budget {
	return a.Plus(incident.Budget{Turns: -b.Turns, Tokens: -b.Tokens, CostMicros: -b.CostMicros})
}

// read is the count of date, at revision 0 where there is none.
func (s *Spending) read(ctx context.Context, date string) (day, uint64, error) {
	e, err := s.kv.Get(ctx, date)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return day{Date: date}, 0, nil
	}
	if err != nil {
		return day{}, 0, err
	}
	var d day
	if err := json.Unmarshal(e.Value(), &d); err != nil {
		return day{}, 0, fmt.Errorf("the entry %s of the bucket %s is not a count; delete it: %w", date, bucket, err)
	}
	return d, e.Revision(), nil
}

func (s *Spending) date() string { return s.now().UTC().Format(time.DateOnly) }
