package spending_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"vigil/activities/spending"
	"vigil/workflows/incident"
)

// fakeKV is a bucket in memory, with the conflicts of a real one.
type fakeKV struct {
	mu       sync.Mutex
	values   map[string][]byte
	revision map[string]uint64
	down     error
}

func newKV() *fakeKV { return &fakeKV{values: map[string][]byte{}, revision: map[string]uint64{}} }

type entry struct {
	jetstream.KeyValueEntry
	value    []byte
	revision uint64
}

func (e entry) Value() []byte    { return e.value }
func (e entry) Revision() uint64 { return e.revision }

func (f *fakeKV) Get(_ context.Context, key string) (jetstream.KeyValueEntry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down != nil {
		return nil, f.down
	}
	v, ok := f.values[key]
	if !ok {
		return nil, jetstream.ErrKeyNotFound
	}
	return entry{value: v, revision: f.revision[key]}, nil
}

func (f *fakeKV) Create(ctx context.Context, key string, value []byte, _ ...jetstream.KVCreateOpt) (uint64, error) {
	return f.put(key, value, 0, jetstream.ErrKeyExists)
}

func (f *fakeKV) Update(_ context.Context, key string, value []byte, revision uint64) (uint64, error) {
	return f.put(key, value, revision, jetstream.ErrKeyRevisionMismatch)
}

func (f *fakeKV) put(key string, value []byte, revision uint64, conflict error) (uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.down != nil:
		return 0, f.down
	case f.revision[key] != revision:
		return 0, conflict
	}
	f.values[key], f.revision[key] = value, revision+1
	return revision + 1, nil
}

func (f *fakeKV) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = err
}

func used(tokens int64, micros *int64) incident.Usage {
	return incident.Usage{InputTokens: tokens - 1, OutputTokens: 1, CostMicros: micros}
}

func micros(n int64) *int64 { return &n }

func at(day int) func() time.Time {
	return func() time.Time { return time.Date(2026, 11, day, 23, 59, 0, 0, time.UTC) }
}

func TestCaps(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		cap  incident.Budget
		says string // "" allowed
	}{
		{"none", incident.Budget{}, ""},
		{"not reached", incident.Budget{Turns: 3, Tokens: 201, CostMicros: 15}, ""},
		{"tokens", incident.Budget{Tokens: 200}, "200 tokens"},
		{"cost", incident.Budget{CostMicros: 14}, "$0.00"},
		{"calls", incident.Budget{Turns: 2}, "2 calls"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := spending.New(newKV(), c.cap, zap.NewNop(), at(23))
			for range 2 {
				s.Add(t.Context(), used(100, micros(7)))
			}
			err := s.Allow(t.Context())
			if c.says == "" && err != nil || c.says != "" && (incident.KindOf(err) != incident.KindBudget || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("%v, want %q", err, c.says)
			}
			today, err := s.Today(t.Context())
			if err != nil || today.Day != "2026-11-23" || today.Used != (incident.Budget{Turns: 2, Tokens: 200, CostMicros: 14}) || today.Cap != c.cap {
				t.Errorf("%+v, %v", today, err)
			}
		})
	}
}

func TestEachDayBeginsAnew(t *testing.T) {
	t.Parallel()
	kv, day := newKV(), 23
	s := spending.New(kv, incident.Budget{Tokens: 100}, zap.NewNop(), func() time.Time { return at(day)() })
	s.Add(t.Context(), used(100, nil))
	if err := s.Allow(t.Context()); incident.KindOf(err) != incident.KindBudget {
		t.Errorf("%v", err)
	}
	if today, err := s.Today(t.Context()); err != nil || today.UnknownPriced != 1 || today.Used.CostMicros != 0 {
		t.Errorf("%+v, %v", today, err)
	}
	day = 24
	if err := s.Allow(t.Context()); err != nil {
		t.Errorf("the next day: %v", err)
	}
}

// TestOvershoot: many workers spend at once; what goes over the cap is what
// was in flight when it was reached, and the count is that of all of them.
func TestOvershoot(t *testing.T) {
	t.Parallel()
	const workers, each, atOnce, cap = 8, 60, 4, 20_000
	kv := newKV()
	var calls, refused atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		s := spending.New(kv, incident.Budget{Tokens: cap}, zap.NewNop(), at(23))
		for range atOnce {
			wg.Go(func() {
				for range each {
					switch err := s.Allow(t.Context()); {
					case err == nil:
						s.Add(t.Context(), used(100, micros(1)))
						calls.Add(1)
					case incident.KindOf(err) == incident.KindBudget:
						refused.Add(1)
					default:
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	today, err := spending.New(kv, incident.Budget{Tokens: cap}, zap.NewNop(), at(23)).Today(t.Context())
	if err != nil || today.Used.Tokens != 100*calls.Load() || today.Used.Turns != int(calls.Load()) {
		t.Errorf("%+v for %d calls, %v", today, calls.Load(), err)
	}
	if over := today.Used.Tokens - cap; over < 0 || over > 100*workers*atOnce || refused.Load() == 0 {
		t.Errorf("%d tokens over the cap and %d refused; want at most what %d calls in flight use", over, refused.Load(), workers*atOnce)
	}
}

// TestOutage: while the bucket is away models are not asked, and nothing that
// was used meanwhile is forgotten.
func TestOutage(t *testing.T) {
	t.Parallel()
	kv := newKV()
	s := spending.New(kv, incident.Budget{Tokens: 250}, zap.NewNop(), at(23))
	kv.fail(errors.New("no servers"))
	if err := s.Allow(t.Context()); incident.KindOf(err) != incident.KindUnavailable {
		t.Errorf("%v, want unavailable", err)
	}
	s.Add(t.Context(), used(100, micros(1)))
	s.Add(t.Context(), used(100, micros(1)))
	kv.fail(nil)
	if today, err := s.Today(t.Context()); err != nil || today.Used.Tokens != 200 {
		t.Errorf("%+v, %v; want what is not written yet too", today, err)
	}
	s.Add(t.Context(), used(100, micros(1)))
	other := spending.New(kv, incident.Budget{Tokens: 250}, zap.NewNop(), at(23))
	if today, err := other.Today(t.Context()); err != nil || today.Used != (incident.Budget{Turns: 3, Tokens: 300, CostMicros: 3}) {
		t.Errorf("another worker sees %+v, %v", today, err)
	}
	if err := other.Allow(t.Context()); incident.KindOf(err) != incident.KindBudget {
		t.Errorf("%v", err)
	}
	kv.values["2026-11-23"] = []byte("not a count")
	if err := other.Allow(t.Context()); incident.KindOf(err) != incident.KindUnavailable || !strings.Contains(err.Error(), "delete it") {
		t.Errorf("%v", err)
	}
}

func TestNoCapReadsNothing(t *testing.T) {
	t.Parallel()
	kv := newKV()
	kv.fail(errors.New("no servers"))
	if err := spending.New(kv, incident.Budget{}, zap.NewNop(), nil).Allow(t.Context()); err != nil {
		t.Error(err)
	}
}
