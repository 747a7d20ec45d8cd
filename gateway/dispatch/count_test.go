package dispatch_test

import (
	"context"
	"sync"
	"testing"

	"vigil/gateway/store"
)

// Deliveries that repeat an alert while its first one is still on its way were
// not counted: of ten at once people saw fewer. Two dispatchers on one store
// must not count any of them twice either.
func TestSimultaneousRepetitionsAreCounted(t *testing.T) {
	for name, gateways := range map[string]int{"one gateway": 1, "two gateways": 2} {
		t.Run(name, func(t *testing.T) {
			s, f := openStore(t), newFake()
			var wake []func()
			for range gateways {
				d, stop := start(t, s, f)
				defer stop()
				wake = append(wake, d.Notify)
			}
			const times = 20
			var wg sync.WaitGroup
			for i := range times {
				wg.Go(func() {
					m := fires("k", 1)
					m.Alerts = append(m.Alerts, fires("k", 1).Alerts...) // twice in one delivery
					m.Alerts[1].Fingerprint = "b"
					accept(t, s, m)
					wake[i%gateways]()
				})
			}
			wg.Wait()
			s.idle(t)
			known, err := s.IncidentAlerts(context.Background(), f.only(t, "k"), "", 0, 10)
			if err != nil || len(known) != 2 {
				t.Fatalf("alerts %+v, %v", known, err)
			}
			for _, m := range known {
				if m.Deliveries != times {
					t.Errorf("alert %s was heard %d times, wanted %d", m.Alert.Fingerprint, m.Deliveries, times)
				}
			}
			c, err := s.InboxCounts(context.Background())
			if want := (store.InboxCounts{}); err != nil || c != want {
				t.Errorf("left over: %+v, %v", c, err)
			}
		})
	}
}

// only is the id of the one incident that a key has.
func (f *fake) only(t *testing.T, key string) (id string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for other, w := range f.workflows {
		if w.key != key {
			continue
		}
		if id != "" {
			t.Fatalf("key %s has the incidents %s and %s", key, id, other)
		}
		id = other
	}
	return id
}
