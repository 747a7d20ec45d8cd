package e2e_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"vigil/activities/spending"
	"vigil/workflows/incident"
)

// TestSpendingOfManyWorkers counts against a real bucket, from connections of
// their own: no share is lost, and the cap is overshot by what was in flight.
func TestSpendingOfManyWorkers(t *testing.T) {
	t.Parallel()
	const workers, each, cap = 4, 40, 5_000
	server, _ := mustServe(t, t.TempDir(), "")
	var calls, refused atomic.Int64
	var wg sync.WaitGroup
	var last *spending.Spending
	for range workers {
		js, err := jetstream.New(mustConnect(t, server))
		if err != nil {
			t.Fatal(err)
		}
		kv, err := spending.Open(t.Context(), js, 1)
		if err != nil {
			t.Fatal(err)
		}
		s := spending.New(kv, incident.Budget{Tokens: cap}, zap.NewNop(), nil)
		last = s
		wg.Go(func() {
			for range each {
				if err := s.Allow(t.Context()); err != nil {
					if incident.KindOf(err) != incident.KindBudget {
						t.Error(err)
					}
					refused.Add(1)
					continue
				}
				s.Add(t.Context(), incident.Usage{InputTokens: 90, OutputTokens: 10})
				calls.Add(1)
			}
		})
	}
	wg.Wait()
	today, err := last.Today(t.Context())
	if err != nil || today.Used.Tokens != 100*calls.Load() || today.UnknownPriced != calls.Load() {
		t.Errorf("%+v for %d calls, %v", today, calls.Load(), err)
	}
	if over := today.Used.Tokens - cap; over < 0 || over > 100*workers || refused.Load() == 0 {
		t.Errorf("%d tokens over the cap, %d refused", over, refused.Load())
	}
}

// TestSpendingWithoutNATS: models are not asked while nobody can tell what
// they used.
func TestSpendingWithoutNATS(t *testing.T) {
	t.Parallel()
	server, stop := mustServe(t, t.TempDir(), "127.0.0.1:0")
	js, err := jetstream.New(mustConnect(t, server))
	if err != nil {
		t.Fatal(err)
	}
	kv, err := spending.Open(t.Context(), js, 1)
	if err != nil {
		t.Fatal(err)
	}
	s := spending.New(kv, incident.Budget{Tokens: 1}, zap.NewNop(), nil)
	if err := s.Allow(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := s.Allow(t.Context()); incident.KindOf(err) != incident.KindUnavailable {
		t.Errorf("%v, want unavailable", err)
	}
}
