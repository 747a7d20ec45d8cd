package dispatch_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"vigil/gateway/dispatch"
	"vigil/gateway/intake"
	"vigil/gateway/store"
	"vigil/workflows/incident"
)

// rules is a correlator made of a function.
type rules func(a incident.Alert) (id, rule string)

func (r rules) Join(a incident.Alert, _ store.Scene) (string, string) { return r(a) }

// broken is a store that panics at claims until it is repaired.
type broken struct {
	*watched
	whole atomic.Bool
	hit   atomic.Int64
}

func (b *broken) Assign(ctx context.Context, c store.Claim) (store.Assigned, error) {
	if !b.whole.Load() {
		defer b.note()
		b.hit.Add(1)
		panic("boom")
	}
	return b.watched.Assign(ctx, c)
}

// TestPoisonIsKeptAside is F19: an alert makes the code fall over that reads
// it, that delivers it, or that looks for what it belongs to. It is kept with
// its bytes and the reason, everything else flows (I1), and once the code is
// repaired a person's retry brings it to its incident.
func TestPoisonIsKeptAside(t *testing.T) {
	for _, c := range []struct {
		name     string
		poison   func(repaired *atomic.Bool, f *fake, cfg *dispatch.Config)
		state    store.DeliveryState
		dispatch []store.DispatchState
	}{
		{"the intake", func(repaired *atomic.Bool, _ *fake, cfg *dispatch.Config) {
			cfg.Parse = func(d store.Delivery) (intake.Result, error) {
				if bytes.Contains(d.Body, []byte("bad")) && !repaired.Load() {
					var none []byte
					_ = none[len(d.Body)] // as real bugs do
				}
				return parse(d)
			}
		}, store.DeliveryQuarantined, nil},
		{"the delivery", func(repaired *atomic.Bool, f *fake, _ *dispatch.Config) {
			f.set(func(key string) error {
				if key == "bad" && !repaired.Load() {
					panic(errors.New("index out of range"))
				}
				return nil
			})
		}, store.DeliveryNormalised, []store.DispatchState{store.DispatchPoisoned}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, f := openStore(t), newFake()
			var repaired atomic.Bool
			bad := accept(t, s, fires("bad", 1))
			sent := record(t, s, bad).Body
			d, stop := start(t, s, f, func(cfg *dispatch.Config) { c.poison(&repaired, f, cfg) })
			defer stop()
			await := func(what string, want store.DeliveryState, dispatches []store.DispatchState) store.DeliveryRecord {
				var rec store.DeliveryRecord
				s.await(t, what, func() bool {
					rec = record(t, s, bad)
					return rec.State == want && slices.Equal(rec.Dispatches, dispatches)
				})
				return rec
			}
			rec := await("it is kept aside", c.state, c.dispatch)
			if !bytes.Equal(rec.Body, sent) || !strings.Contains(rec.Reason, "our fault") {
				t.Errorf("kept for %q with %d bytes, %d were sent", rec.Reason, len(rec.Body), len(sent))
			}
			for n := range 5 {
				accept(t, s, fires("good", n))
			}
			d.Notify()
			s.await(t, "others flow", func() bool {
				all := f.of("good")
				return len(all) == 1 && len(f.titles(all[0])) == 5
			})
			if all := f.of("bad"); len(all) > 0 {
				t.Errorf("the poison reached an incident: %+v", all)
			}

			repaired.Store(true)
			if err := s.Retry(t.Context(), bad, store.Audit{At: t0, Principal: "ada", Action: store.AuditDeliveryRetried}); err != nil {
				t.Fatal(err)
			}
			d.Notify()
			await("it is delivered", store.DeliveryNormalised, []store.DispatchState{store.DispatchDelivered})
			if all := f.of("bad"); len(all) != 1 {
				t.Errorf("%d incidents of it", len(all))
			}
		})
	}
}

// The rest of F19: rules that fall over over an alert leave it a problem of its
// own, and a claim that falls over is tried again while deliveries are accepted.
// Either took the gateway down, and again after each restart.
func TestGroupingThatPanicsJoinsNothing(t *testing.T) {
	s, f := openStore(t), newFake()
	accept(t, s, fires("bad", 1))
	accept(t, s, fires("good", 1))
	_, stop := start(t, s, f, func(c *dispatch.Config) {
		c.Correlator = rules(func(a incident.Alert) (string, string) {
			if a.CorrelationKey == "bad" {
				panic("boom")
			}
			return "", ""
		})
	})
	defer stop()
	s.idle(t)
	if len(f.of("bad")) != 1 || len(f.of("good")) != 1 {
		t.Errorf("%d and %d incidents", len(f.of("bad")), len(f.of("good")))
	}
}

func TestClaimThatPanicsIsTriedAgain(t *testing.T) {
	s, f := openStore(t), newFake()
	b := &broken{watched: s}
	accept(t, s, fires("k", 1))
	_, stop := start(t, s, f, func(c *dispatch.Config) { c.Inbox = b })
	defer stop()
	s.await(t, "it has fallen over more than once", func() bool { return b.hit.Load() > 1 })
	accept(t, s, fires("other", 1)) // accepting goes on
	b.whole.Store(true)
	s.idle(t)
	if len(f.of("k")) != 1 || len(f.of("other")) != 1 {
		t.Errorf("%d and %d incidents", len(f.of("k")), len(f.of("other")))
	}
}

// titles are what a workflow has taken so far.
func (f *fake) titles(w *workflow) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(w.titles)
}
