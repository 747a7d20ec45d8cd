package storetest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"vigil/gateway/store"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

func note(n int) event.Data { return &event.IncidentNoted{By: "ana", Text: fmt.Sprint("note ", n)} }

func applySkipsAndStopsAtHoles(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	r := newRun("inc-1", "run-1", "x")
	for n := range 5 {
		r.add(note(n))
	}
	in := stream(10, r.events...)
	got := apply(t, s, in[:3]...)
	if want := ids(in[:3]); !reflect.DeepEqual(ids(got), want) {
		t.Fatalf("fresh %v, want %v", ids(got), want)
	}
	if got[2].Offset != 12 || got[2].Epoch != epoch0 {
		t.Errorf("fresh event at %s/%d, want %s/12", got[2].Epoch, got[2].Offset, epoch0)
	}
	if again := apply(t, s, in[:3]...); len(again) != 0 {
		t.Errorf("applied twice: %v", ids(again))
	}
	// The same event published again has a higher offset and a known seq.
	dup := in[1]
	dup.Offset = 13
	if again := apply(t, s, dup); len(again) != 0 {
		t.Errorf("applied twice: %v", ids(again))
	}
	if c := must[event.Cursor](t)(s.Applied(ctx(t))); c != (event.Cursor{Epoch: epoch0, Offset: 13}) {
		t.Errorf("applied %+v", c)
	}
	other := newRun("inc-2", "run-9", "y")
	batch := stream(14, other.events[0], r.events[4], other.add(note(1)))
	got, gap, err := s.Apply(ctx(t), epoch0, nil, batch)
	ok(t, err)
	if want := (store.Gap{IncidentID: "inc-1", RunID: "run-1", HaveSeq: 3, NextSeq: 5}); gap == nil || *gap != want {
		t.Fatalf("gap %+v, want %+v", gap, want)
	}
	if want := ids(batch[:1]); !reflect.DeepEqual(ids(got), want) {
		t.Errorf("fresh %v, want %v", ids(got), want)
	}
	if c := must[event.Cursor](t)(s.Applied(ctx(t))); c.Offset != 14 {
		t.Errorf("applied up to %d, want to stop before the hole at 14", c.Offset)
	}
	_, _, err = s.Apply(ctx(t), epoch0, nil, []event.Event{r.events[3]})
	wantKind(t, err, incident.KindInvalid) // no offset
}

func applyFills(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	r := newRun("inc-1", "run-1", "x")
	for n := range 4 {
		r.add(note(n))
	}
	apply(t, s, stream(1, r.events[0])...)
	tail := stream(7, r.events[3:]...)
	if _, gap, err := s.Apply(ctx(t), epoch0, nil, tail); err != nil || gap == nil {
		t.Fatalf("gap %v, error %v", gap, err)
	}
	got, gap, err := s.Apply(ctx(t), epoch0, r.events, tail) // the query gives more than is missing
	ok(t, err)
	if gap != nil || !reflect.DeepEqual(ids(got), ids(r.events[1:])) {
		t.Fatalf("fresh %v, gap %+v", ids(got), gap)
	}
	for i, want := range []uint64{1, 1, 7, 8} {
		if got[i].Offset != want {
			t.Errorf("event %s at offset %d, want %d", got[i].ID, got[i].Offset, want)
		}
	}
	// Whoever has seen offset 1 is served the fills too.
	since := must[[]event.Event](t)(s.Since(ctx(t), event.Cursor{Epoch: epoch0, Offset: 1}, 10))
	if !reflect.DeepEqual(ids(since), ids(r.events[1:])) {
		t.Errorf("since offset 1: %v", ids(since))
	}
	// A fill with a hole of its own is a gap, too.
	far := newRun("inc-2", "run-2", "y")
	far.add(note(1))
	if _, gap, err := s.Apply(ctx(t), epoch0, far.events[1:], nil); err != nil || gap == nil || gap.HaveSeq != 0 {
		t.Errorf("gap %+v, error %v", gap, err)
	}
}

func newEpochKeepsEvents(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	r := newRun("inc-1", "run-1", "x")
	r.add(note(1))
	apply(t, s, stream(5, r.events...)...)
	// The stream was made anew: offsets begin again, and it may bring known events.
	next := r.add(note(2))
	got, gap, err := s.Apply(ctx(t), "epoch-1", nil, stream(1, r.events[1], next))
	ok(t, err)
	if gap != nil || !reflect.DeepEqual(ids(got), ids([]event.Event{next})) {
		t.Fatalf("fresh %v, gap %+v", ids(got), gap)
	}
	if c := must[event.Cursor](t)(s.Applied(ctx(t))); c != (event.Cursor{Epoch: "epoch-1", Offset: 2}) {
		t.Errorf("applied %+v", c)
	}
	_, err = s.Since(ctx(t), event.Cursor{Epoch: epoch0, Offset: 6}, 10)
	wantKind(t, err, incident.KindNotFound)
	since := must[[]event.Event](t)(s.Since(ctx(t), event.Cursor{Epoch: "epoch-1"}, 10))
	if !reflect.DeepEqual(ids(since), ids([]event.Event{next})) {
		t.Errorf("since the new epoch began: %v", ids(since))
	}
	if list, _, err := s.IncidentEvents(ctx(t), "inc-1", "", 0, 10); err != nil || !reflect.DeepEqual(ids(list), ids(r.events)) {
		t.Errorf("events %v, error %v", ids(list), err)
	}
}

func secondRunIsANewBranch(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	one, two := newRun("demo-1", "run-1", "first"), newRun("demo-1", "run-2", "second")
	late := one.add(note(1))
	got := apply(t, s, stream(1, one.events[0], two.events[0], late, two.add(note(2)))...)
	if len(got) != 4 {
		t.Fatalf("fresh %v", ids(got))
	}
	v := must[event.View](t)(s.Incident(ctx(t), "demo-1"))
	if v.RunID != "run-2" || v.Title != "second" || v.Seq != 2 {
		t.Errorf("view is of run %s, seq %d, %q", v.RunID, v.Seq, v.Title)
	}
	for id, want := range map[string][]event.Event{"": two.events, "run-1": one.events, "run-2": two.events, "run-3": {}} {
		list, _, err := s.IncidentEvents(ctx(t), "demo-1", id, 0, 10)
		if ok(t, err); !reflect.DeepEqual(ids(list), ids(want)) {
			t.Errorf("events of run %q: %v, want %v", id, ids(list), ids(want))
		}
	}
	if open := must[[]event.Summary](t)(s.Open(ctx(t))); len(open) != 1 {
		t.Errorf("%d open incidents, want 1", len(open))
	}
}

func abortEndsARun(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	r := newRun("inc-1", "run-1", "x")
	late := []event.Event{r.add(note(1)), r.add(note(2))}
	if got := apply(t, s, stream(1, r.events[0], r.aborted(), r.aborted(), late[1])...); len(got) != 2 {
		t.Errorf("fresh %v, want the opening and one abort", ids(got))
	}
	v := must[event.View](t)(s.Incident(ctx(t), "inc-1"))
	if v.Status != incident.StatusAborted || len(must[[]event.Summary](t)(s.Open(ctx(t)))) != 0 {
		t.Errorf("status %s", v.Status)
	}
	done := newRun("inc-2", "run-2", "y")
	done.close()
	if got := apply(t, s, stream(5, done.events[0], done.events[1], done.aborted())...); len(got) != 2 {
		t.Errorf("a closed run was aborted: fresh %v", ids(got))
	}
	if v := must[event.View](t)(s.Incident(ctx(t), "inc-2")); v.Status != incident.StatusResolved {
		t.Errorf("status %s", v.Status)
	}
	// A hole that nothing can fill ends with the run.
	lost := newRun("inc-3", "run-3", "z")
	tail := stream(9, lost.add(note(1)))
	if _, gap, err := s.Apply(ctx(t), epoch0, nil, tail); err != nil || gap == nil {
		t.Fatalf("gap %v, error %v", gap, err)
	}
	if _, gap, err := s.Apply(ctx(t), epoch0, []event.Event{lost.aborted()}, tail); err != nil || gap != nil {
		t.Errorf("gap %+v, error %v after the abort", gap, err)
	}
	if c := must[event.Cursor](t)(s.Applied(ctx(t))); c.Offset != 9 {
		t.Errorf("applied up to %d, want 9", c.Offset)
	}
}

func unknownEventsAreKept(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	r := newRun("inc-1", "run-1", "x")
	strange := r.add(note(1))
	strange.Type, strange.Data = "incident.sung", json.RawMessage(`{"big":12345678901234567890}`)
	bad := r.add(note(2))
	bad.Data = json.RawMessage(`{"by":7}`)
	nowhere := r.events[0]
	nowhere.IncidentID = ""
	got := apply(t, s, stream(1, r.events[0], strange, bad, nowhere, r.add(note(3)))...)
	if len(got) != 4 {
		t.Fatalf("fresh %v", ids(got))
	}
	list, _, err := s.IncidentEvents(ctx(t), "inc-1", "", 0, 10)
	if ok(t, err); len(list) != 4 || list[1].Type != "incident.sung" || string(list[1].Data) != string(strange.Data) {
		t.Errorf("kept %v", list)
	}
}

// anyInterleavingAppliesExactly: whatever a consumer does (restart from an
// earlier offset, read duplicates, miss events and fill them, in batches of
// any size, in any number of epochs), every event is applied exactly once, in
// order, and the read model is what its events add up to.
func anyInterleavingAppliesExactly(t *testing.T, fresh func(testing.TB) Opener) {
	rapid.Check(t, func(rt *rapid.T) {
		s := fresh(t)(t)
		defer s.Close()
		runs := drawRuns(rt)
		published, want := drawStream(rt, runs)
		seen := map[string]int{}
		for next, fill := 0, []event.Event(nil); next < len(published) || fill != nil; {
			if next > 0 && rapid.IntRange(0, 9).Draw(rt, "restart") == 0 {
				next = rapid.IntRange(0, next-1).Draw(rt, "restart at") // its fill is lost with it
				fill = nil
			}
			end := min(len(published), next+rapid.IntRange(1, 8).Draw(rt, "batch"))
			got, gap, err := s.Apply(ctx(t), epoch0, fill, published[next:end])
			ok(rt, err)
			fill = nil
			for _, e := range got {
				seen[e.ID]++
			}
			if gap != nil {
				fill = runs[gap.RunID].events[gap.HaveSeq:] // what the workflow's query answers
				c := must[event.Cursor](rt)(s.Applied(ctx(t)))
				next = int(c.Offset)
				continue
			}
			next = end
		}
		for id, n := range seen {
			if n != 1 {
				rt.Fatalf("event %s was fresh %d times", id, n)
			}
		}
		checkModel(rt, s, t, runs, want)
		before := must[[]event.Summary](rt)(s.Open(ctx(t)))
		ok(rt, s.Rebuild(ctx(t)))
		checkModel(rt, s, t, runs, want)
		if after := must[[]event.Summary](rt)(s.Open(ctx(t))); !reflect.DeepEqual(after, before) {
			rt.Fatalf("rebuilding changed the read model from %+v to %+v", before, after)
		}
	})
}

func drawRuns(rt *rapid.T) map[string]*run {
	runs := map[string]*run{}
	for i := range rapid.IntRange(1, 3).Draw(rt, "incidents") {
		id := fmt.Sprint("run-", i)
		r := newRun(fmt.Sprint("inc-", i), id, fmt.Sprint("incident ", i))
		for n := range rapid.IntRange(0, 6).Draw(rt, "events") {
			r.add(note(n))
		}
		if rapid.Bool().Draw(rt, "closes") {
			r.close()
		}
		runs[id] = r
	}
	return runs
}

// drawStream interleaves the runs, publishes some events twice, and loses
// some. want says how far each run can be known: up to its last event that
// was published at all.
func drawStream(rt *rapid.T, runs map[string]*run) (published []event.Event, want map[string]int) {
	at, want := map[string]int{}, map[string]int{}
	for len(at) < len(runs) || !finished(runs, at) {
		id := fmt.Sprint("run-", rapid.IntRange(0, len(runs)-1).Draw(rt, "run"))
		r := runs[id]
		i, known := at[id]
		if !known {
			at[id] = 0
		}
		if i == len(r.events) {
			continue
		}
		at[id]++
		switch rapid.IntRange(0, 5).Draw(rt, "fate") {
		case 0: // lost
			continue
		case 1: // published twice
			published = append(published, r.events[i])
		case 2: // an old one comes again
			if len(published) > 0 {
				published = append(published, published[rapid.IntRange(0, len(published)-1).Draw(rt, "again")])
			}
		}
		published = append(published, r.events[i])
		want[id] = i + 1
	}
	return stream(1, published...), want
}

func finished(runs map[string]*run, at map[string]int) bool {
	for id, r := range runs {
		if at[id] < len(r.events) {
			return false
		}
	}
	return true
}

func checkModel(rt *rapid.T, s store.Store, t *testing.T, runs map[string]*run, want map[string]int) {
	for id, r := range runs {
		// A fill brings all that the workflow has, so a run may be known
		// further than what was published of it, never less.
		list, more, err := s.IncidentEvents(ctx(t), r.incidentID, id, 0, 1000)
		if want[id] == 0 {
			wantKind(rt, err, incident.KindNotFound)
			continue
		}
		if ok(rt, err); more || len(list) < want[id] {
			rt.Fatalf("run %s: %d events kept, want at least %d", id, len(list), want[id])
		}
		var v event.View
		for i, e := range list {
			if e.ID != r.events[i].ID {
				rt.Fatalf("run %s: event %d is %s", id, i, e.ID)
			}
			v.Apply(e)
		}
		got := must[event.View](rt)(s.Incident(ctx(t), r.incidentID))
		if g, w := asJSON(rt, got), asJSON(rt, v); g != w {
			rt.Fatalf("run %s: view\n%s\nwant\n%s", id, g, w)
		}
	}
}

func asJSON(t fatalTB, v any) string {
	raw, err := json.Marshal(v)
	ok(t, err)
	return string(raw)
}

// Two gateways read the same stream into the same store.
func twoConsumersApplyOnce(t *testing.T, fresh func(testing.TB) Opener) {
	open := fresh(t)
	r := newRun("inc-1", "run-1", "x")
	for n := range 60 {
		r.add(note(n))
	}
	in := stream(1, r.events...)
	var mu sync.Mutex
	seen := map[string]int{}
	var wg sync.WaitGroup
	for c := range 2 {
		s := open(t)
		wg.Go(func() {
			for from, size := 0, 3+4*c; from < len(in); from += size {
				got, gap, err := s.Apply(ctx(t), epoch0, nil, in[from:min(from+size, len(in))])
				mu.Lock()
				if err != nil || gap != nil {
					t.Errorf("consumer %d: gap %+v, error %v", c, gap, err)
				}
				for _, e := range got {
					seen[e.ID]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, e := range in {
		if seen[e.ID] != 1 {
			t.Errorf("event %s was fresh %d times", e.ID, seen[e.ID])
		}
	}
	if v := must[event.View](t)(open(t).Incident(ctx(t), "inc-1")); v.Seq != int64(len(in)) {
		t.Errorf("view at seq %d, want %d", v.Seq, len(in))
	}
}
