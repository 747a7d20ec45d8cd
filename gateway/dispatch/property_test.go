package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

// TestAnySequence: whatever comes, and whatever happens to Temporal, to the
// incidents and to the dispatchers meanwhile, every accepted delivery ends in
// one of the states that there are, no key ever has two incidents open, no
// firing alert is lost, and each key's alerts arrive in the order accepted.
func TestAnySequence(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s, f := openStore(t), newFake()
		defer s.Close()
		w := &world{rt: rt, s: s, f: f, fired: map[string][]string{}}
		_, stop := start(rt, s, f)
		var second func()
		if rapid.Bool().Draw(rt, "two gateways") {
			_, second = start(rt, s, f)
			defer func() { second() }()
		}
		defer func() { stop() }()
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			switch rapid.IntRange(0, 9).Draw(rt, "step") {
			case 0:
				w.closeOne()
			case 1:
				f.set(unavailable)
			case 2:
				f.set(flaky())
			case 3:
				f.set(nil)
			case 4:
				stop()
				_, stop = start(rt, s, f)
			case 5:
				w.ids = append(w.ids, accept(rt, s, "no message"))
			default:
				w.post()
			}
		}
		f.set(nil)
		s.idle(rt)
		w.check()
	})
}

// flaky fails every other call.
func flaky() func(string) error {
	n := 0
	return func(string) error {
		if n++; n%2 == 1 {
			return errors.New("reset by peer")
		}
		return nil
	}
}

// world is one run of the property.
type world struct {
	rt     *rapid.T
	s      *watched
	f      *fake
	n      int
	offset uint64
	ids    []int64
	fired  map[string][]string // titles by key, in the order accepted
}

func (w *world) post() {
	var m message
	for range rapid.IntRange(1, 3).Draw(w.rt, "alerts") {
		w.n++
		key := fmt.Sprint("key-", rapid.IntRange(0, 2).Draw(w.rt, "key"))
		status := incident.AlertFiring
		if rapid.Bool().Draw(w.rt, "resolved") {
			status = incident.AlertResolved
		}
		m.Alerts = append(m.Alerts, alert(key, "a", status, w.n))
	}
	for _, a := range m.Alerts {
		if a.Status == incident.AlertFiring {
			w.fired[a.CorrelationKey] = append(w.fired[a.CorrelationKey], a.Title)
		}
	}
	w.ids = append(w.ids, accept(w.rt, w.s, m))
}

// closeOne ends an incident; its end reaches the store, or does not yet.
func (w *world) closeOne() {
	id := w.f.close(fmt.Sprint("key-", rapid.IntRange(0, 2).Draw(w.rt, "close")))
	if id != "" && rapid.Bool().Draw(w.rt, "known") {
		closed(w.rt, w.s, id, w.offset+1)
		w.offset += 2
	}
}

func (w *world) check() {
	for _, id := range w.ids {
		rec := record(w.rt, w.s, id)
		switch rec.State {
		case store.DeliveryQuarantined:
			if len(rec.Dispatches) > 0 {
				w.rt.Fatalf("delivery %d is in quarantine and dispatched: %+v", id, rec)
			}
		case store.DeliveryNormalised:
			for _, d := range rec.Dispatches {
				if d != store.DispatchDelivered && d != store.DispatchNoOpenProblem && d != store.DispatchRepeated {
					w.rt.Fatalf("delivery %d ended as %v", id, rec.Dispatches)
				}
			}
		default:
			w.rt.Fatalf("delivery %d is still %s", id, rec.State)
		}
	}
	if len(w.f.trouble) > 0 {
		w.rt.Fatalf("%v", w.f.trouble)
	}
	for key, want := range w.fired {
		got := map[string]bool{}
		for _, wf := range w.f.of(key) {
			at := -1
			for _, title := range wf.titles {
				got[title] = true
				if i := slices.Index(want, title); i >= 0 && i < at {
					w.rt.Fatalf("key %s: %v is out of order", key, wf.titles)
				} else if i >= 0 {
					at = i
				}
			}
		}
		for _, title := range want {
			if !got[title] {
				w.rt.Fatalf("key %s: %q reached no incident", key, title)
			}
		}
	}
	if _, err := w.s.InboxCounts(context.Background()); err != nil {
		w.rt.Fatalf("%v", err)
	}
}
