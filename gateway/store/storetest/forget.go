package storetest

import (
	"fmt"
	"testing"
	"time"

	"vigil/gateway/store"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// later is when everything here is over.
var later = t0.Add(24 * time.Hour)

func forgottenStaysForgotten(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	opened(t, s, map[string]string{"a": "inc-old"})
	old, open, recent := newRun("inc-old", "run-old", "x"), newRun("inc-open", "run-open", "y"), newRun("inc-new", "run-new", "z")
	for n := range 25 {
		old.add(note(n))
	}
	lost := old.add(note(99))
	old.close()
	for range 100 {
		recent.add(note(1)) // each takes a second
	}
	recent.close()
	apply(t, s, stream(1, old.events...)...)
	apply(t, s, stream(100, open.events...)...)
	apply(t, s, stream(200, recent.events...)...)
	before := must[string](t)(s.FiguresRevision(ctx(t)))

	if n := forget(t, s, t0.Add(time.Minute), 10); n != 1 {
		t.Fatalf("%d incidents are forgotten, want 1", n)
	}
	if after := must[string](t)(s.FiguresRevision(ctx(t))); after == before {
		t.Errorf("the revision is still %q", after)
	}
	gone := func(when string) {
		t.Helper()
		for what, read := range map[string]func() error{
			"view":    func() error { _, err := s.Incident(ctx(t), "inc-old"); return err },
			"figures": func() error { _, err := s.IncidentFigures(ctx(t), "inc-old"); return err },
			"events":  func() error { _, _, err := s.IncidentEvents(ctx(t), "inc-old", "", 0, 10); return err },
			"run":     func() error { _, _, err := s.IncidentEvents(ctx(t), "inc-old", "run-old", 0, 10); return err },
			"story":   func() error { _, _, err := s.IncidentStory(ctx(t), "inc-old", 0, 10); return err },
			"event":   func() error { _, err := s.Event(ctx(t), "run-old/1"); return err },
		} {
			if err := read(); incident.KindOf(err) != incident.KindNotFound {
				t.Errorf("%s: reading the %s gives %v", when, what, err)
			}
		}
		if list := must[[]store.IncidentKey](t)(s.IncidentKeys(ctx(t), "inc-old")); len(list) != 0 {
			t.Errorf("%s: it still has the keys %v", when, list)
		}
		for _, id := range []string{"inc-open", "inc-new"} {
			if _, err := s.Incident(ctx(t), id); err != nil {
				t.Errorf("%s: %s: %v", when, id, err)
			}
		}
	}
	gone("at once")
	late := old.review("inc-old-review-a", "ana", true)
	again := newRun("inc-old", "run-reset", "x")
	fresher, gap, err := s.Apply(ctx(t), epoch0, []event.Event{lost, old.aborted()}, stream(400, lost, late, again.events[0]))
	if ok(t, err); gap != nil || len(fresher) != 0 {
		t.Errorf("late events: fresh %v, gap %+v", ids(fresher), gap)
	}
	if c := must[event.Cursor](t)(s.Applied(ctx(t))); c.Offset != 402 {
		t.Errorf("late events moved the position to %d, want 402", c.Offset)
	}
	gone("after late events")
	ok(t, s.Rebuild(ctx(t)))
	gone("after rebuilding")
	if n := forget(t, s, later, 10); n != 1 {
		t.Errorf("then %d were forgotten, want 1", n)
	}
	if list := must[[]event.Summary](t)(s.Open(ctx(t))); len(list) != 1 {
		t.Errorf("open are %+v", list)
	}
}

// forgettingIsBounded: no call deletes more events than it was told, and until
// all are gone what is left of an incident is not seen.
func forgettingIsBounded(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	var offset uint64
	for i := range 30 {
		r := newRun(fmt.Sprint("inc-", i), fmt.Sprint("run-", i), "x")
		for n := range 5 {
			r.add(note(n))
		}
		r.close()
		apply(t, s, stream(offset+1, r.events...)...)
		offset += uint64(len(r.events))
	}
	calls, forgotten := 0, 0
	for more := true; more; calls++ {
		n, next, err := s.Forget(ctx(t), later, 10)
		ok(t, err)
		forgotten, more = forgotten+n, next
		ok(t, s.Rebuild(ctx(t))) // in between brings nothing back
		if list, _, err := s.Incidents(ctx(t), store.Filter{}, "", 100); err != nil || len(list) != 30-forgotten {
			t.Fatalf("after %d were forgotten, %d are there, %v", forgotten, len(list), err)
		}
	}
	if forgotten != 30 || calls < 21 { // 210 events
		t.Errorf("%d incidents were forgotten in %d calls", forgotten, calls)
	}
	if e := must[[]event.Event](t)(s.Since(ctx(t), event.Cursor{Epoch: epoch0}, 1000)); len(e) != 0 {
		t.Errorf("%d events are left", len(e))
	}
}

func forget(t testing.TB, s store.Store, before time.Time, limit int) (forgotten int) {
	t.Helper()
	for {
		n, more, err := s.Forget(ctx(t), before, limit)
		if ok(t, err); !more {
			return forgotten + n
		}
		forgotten += n
	}
}
