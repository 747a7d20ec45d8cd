package storetest

import (
	"reflect"
	"testing"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// review is a person's word on a run, as the workflow of that review makes it.
func (r *run) review(id, by string, correct bool) event.Event {
	e, err := event.New(&event.CauseReviewed{By: by, Correct: correct}, r.incidentID, r.runID, 0, t0, incident.Provenance{Origin: incident.OriginLive, Service: "person"})
	if err != nil {
		panic(err)
	}
	e.ID = id
	return e
}

// continues begins the run that goes on from r.
func (r *run) continues(runID string) *run {
	var v event.View
	for _, e := range r.events {
		v.Apply(e)
	}
	next := &run{incidentID: r.incidentID, runID: runID}
	next.add(&event.IncidentContinued{FromRunID: r.runID, View: v})
	return next
}

// What people say of a run is kept whether the run is over or not, by several
// people, each once.
func reviewsAreKept(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	closed, aborted := newRun("inc-1", "run-1", "x"), newRun("inc-2", "run-2", "y")
	closed.close()
	first := closed.review("inc-1-review-a", "ana", true)
	in := []event.Event{closed.events[0], closed.review("inc-1-review-early", "eve", false), closed.events[1], first, first,
		closed.review("inc-1-review-b", "bob", false), aborted.events[0], aborted.aborted(), aborted.review("inc-2-review-a", "ana", true)}
	var offset uint64
	var got []string
	for _, e := range in { // each by itself, as by different calls of Apply
		offset++
		got = append(got, ids(apply(t, s, stream(offset, e)...))...)
	}
	want := []string{"run-1/1", "inc-1-review-early", "run-1/2", "inc-1-review-a", "inc-1-review-b", "run-2/1", "run-2/0", "inc-2-review-a"}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("fresh %v, want %v", got, want)
	}
	if again := apply(t, s, stream(offset+1, in...)...); len(again) != 0 {
		t.Errorf("once more: fresh %v", ids(again))
	}
	check := func() {
		t.Helper()
		one, two := must[event.View](t)(s.Incident(ctx(t), "inc-1")), must[event.View](t)(s.Incident(ctx(t), "inc-2"))
		if one.Status != incident.StatusResolved || one.CauseCorrect == nil || *one.CauseCorrect || one.ReviewedBy != "bob" {
			t.Errorf("closed: %s, correct %v by %q", one.Status, one.CauseCorrect, one.ReviewedBy)
		}
		if two.Status != incident.StatusAborted || two.CauseCorrect == nil || !*two.CauseCorrect {
			t.Errorf("aborted: %s, correct %v", two.Status, two.CauseCorrect)
		}
		for id, want := range map[string]bool{"inc-1": false, "inc-2": true} {
			if f := must[event.IncidentFigures](t)(s.IncidentFigures(ctx(t), id)); f.CauseCorrect == nil || *f.CauseCorrect != want {
				t.Errorf("figures of %s say that the cause was right: %v, want %v", id, f.CauseCorrect, want)
			}
		}
	}
	check()
	ok(t, s.Rebuild(ctx(t)))
	check()
	list, _, err := s.IncidentEvents(ctx(t), "inc-1", "", 0, 10)
	if ok(t, err); !reflect.DeepEqual(ids(list), want[:5]) {
		t.Errorf("events %v, want %v", ids(list), want[:5])
	}
}

// An incident that goes on in a new run is one incident with one story; a run
// that was reset is another branch, and no part of it.
func continuedIncidentIsOneStory(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	opened(t, s, map[string]string{"key-1": "inc-1"})
	var err error
	branch := newRun("inc-1", "run-0", "before the reset")
	one := newRun("inc-1", "run-1", "Checkout is slow")
	one.add(note(1))
	two := one.continues("run-2")
	two.add(note(2))
	three := two.continues("run-3")
	three.add(note(3))
	var story []event.Event
	for _, r := range []*run{one, two, three} {
		story = append(story, r.events...)
	}
	apply(t, s, stream(1, append(branch.events, story...)...)...)
	v := must[event.View](t)(s.Incident(ctx(t), "inc-1"))
	if v.RunID != "run-3" || v.Seq != 2 || v.Title != "Checkout is slow" || !v.OpenedAt.Equal(one.events[0].At) {
		t.Errorf("view is of run %s, seq %d, %q, opened at %s", v.RunID, v.Seq, v.Title, v.OpenedAt)
	}
	if open := must[[]event.Summary](t)(s.Open(ctx(t))); len(open) != 1 {
		t.Errorf("%d open incidents, want 1", len(open))
	}
	if !bound(t, s, "key-1", "inc-1") {
		t.Error("its key is not bound to it")
	}
	read := func(limit int) (got []string) {
		for more := true; more; {
			var page []event.Event
			page, more, err = s.IncidentStory(ctx(t), "inc-1", len(got), limit)
			ok(t, err)
			if len(page) > limit || more && len(page) < limit {
				t.Fatalf("a page of %d of up to %d, more %t", len(page), limit, more)
			}
			got = append(got, ids(page)...)
		}
		return got
	}
	for limit := 1; limit <= 7; limit++ {
		if got := read(limit); !reflect.DeepEqual(got, ids(story)) {
			t.Errorf("in pages of %d: %v, want %v", limit, got, ids(story))
		}
	}
	for id, want := range map[string][]event.Event{"": three.events, "run-1": one.events, "run-2": two.events, "run-0": branch.events} {
		list, _, err := s.IncidentEvents(ctx(t), "inc-1", id, 0, 10)
		if ok(t, err); !reflect.DeepEqual(ids(list), ids(want)) {
			t.Errorf("events of run %q: %v, want %v", id, ids(list), ids(want))
		}
	}
	// Somebody looks back at an earlier run: it is part of the story, at its end.
	late := one.review("inc-1-review-a", "ana", true)
	apply(t, s, stream(8, late)...)
	if got := read(3); !reflect.DeepEqual(got, append(ids(story), late.ID)) {
		t.Errorf("with a late review: %v", got)
	}
	// A run that fills in late, and one whose predecessors nobody has.
	orphan := newRun("inc-9", "gone", "x").continues("run-9")
	apply(t, s, stream(9, orphan.events...)...)
	if list, _, err := s.IncidentStory(ctx(t), "inc-9", 0, 10); err != nil || !reflect.DeepEqual(ids(list), ids(orphan.events)) {
		t.Errorf("story of an orphan: %v, %v", ids(list), err)
	}
	_, _, err = s.IncidentStory(ctx(t), "none", 0, 10)
	wantKind(t, err, incident.KindNotFound)
	ok(t, s.Rebuild(ctx(t)))
	if again := must[event.View](t)(s.Incident(ctx(t), "inc-1")); again.RunID != "run-3" || again.Title != v.Title {
		t.Errorf("rebuilt it is of run %s, %q", again.RunID, again.Title)
	}
}
