package storetest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"sync"
	"testing"

	"vigil/gateway/store"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

func sinceServesOrRefuses(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	r := newRun("inc-1", "run-1", "x")
	for n := range 4 {
		r.add(note(n))
	}
	apply(t, s, stream(3, r.events...)...) // offsets 3 to 7
	for _, c := range []struct {
		cursor event.Cursor
		limit  int
		want   []event.Event
	}{
		{event.Cursor{Epoch: epoch0, Offset: 7}, 10, nil},
		{event.Cursor{Epoch: epoch0, Offset: 5}, 2, r.events[3:]},
		{event.Cursor{Epoch: epoch0, Offset: 0}, 5, r.events},
	} {
		got := must[[]event.Event](t)(s.Since(ctx(t), c.cursor, c.limit))
		if !reflect.DeepEqual(ids(got), ids(c.want)) {
			t.Errorf("since %+v: %v, want %v", c.cursor, ids(got), ids(c.want))
		}
		for i, e := range got {
			if e.Epoch != epoch0 || e.Offset <= c.cursor.Offset || string(e.Data) != string(c.want[i].Data) {
				t.Errorf("since %+v: event %+v", c.cursor, e)
			}
		}
	}
	for _, c := range []event.Cursor{{Epoch: "other", Offset: 5}, {Epoch: epoch0, Offset: 8}, {Epoch: epoch0, Offset: 4}, {}} {
		_, err := s.Since(ctx(t), c, 2)
		wantKind(t, err, incident.KindNotFound)
	}
}

// While events come in, every snapshot is exactly what the events up to its
// offset add up to.
func snapshotIsOfOneMoment(t *testing.T, fresh func(testing.TB) Opener) {
	open := fresh(t)
	writer, reader := open(t), open(t)
	a, b := newRun("inc-a", "run-a", "a"), newRun("inc-b", "run-b", "b")
	var in []event.Event
	in = append(in, a.events[0], b.events[0])
	for n := range 40 {
		in = append(in, a.add(note(n)), b.add(note(n)))
	}
	in = append(in, b.close())
	in = stream(1, in...)
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		defer close(done)
		for i := 0; i < len(in); i += 3 {
			if _, gap, err := writer.Apply(ctx(t), epoch0, nil, in[i:min(i+3, len(in))]); err != nil || gap != nil {
				t.Errorf("gap %v, error %v", gap, err)
				return
			}
		}
	})
	for end := false; !end; {
		select {
		case <-done:
			end = true
		default:
		}
		at, list, err := reader.Snapshot(ctx(t), 10)
		ok(t, err)
		want := map[string]*event.View{"inc-a": {}, "inc-b": {}}
		for _, e := range in[:at.Offset] {
			want[e.IncidentID].Apply(e)
		}
		for _, sum := range list {
			if got, w := asJSON(t, sum), asJSON(t, want[sum.IncidentID].Summary); got != w {
				t.Fatalf("snapshot at offset %d says\n%s\nwant\n%s", at.Offset, got, w)
			}
		}
	}
	wg.Wait()
	if _, list, err := reader.Snapshot(ctx(t), 0); err != nil || len(list) != 1 || list[0].IncidentID != "inc-a" {
		t.Errorf("without closed incidents: %+v, error %v", list, err)
	}
}

func pagesAreStable(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	var offset uint64
	open := func(id string) {
		offset++
		apply(t, s, stream(offset, newRun(id, "run-"+id, "x").events...)...)
	}
	var want []string
	for i := range 7 {
		open(fmt.Sprint("inc-", i)) // all opened at the same moment: the id decides
		want = append([]string{fmt.Sprint("inc-", i)}, want...)
	}
	var got []string
	cursor := ""
	for page := 0; ; page++ {
		list, next, err := s.Incidents(ctx(t), store.Filter{}, cursor, 2)
		ok(t, err)
		for _, sum := range list {
			got = append(got, sum.IncidentID)
		}
		if next == "" {
			break
		}
		cursor = next
		open(fmt.Sprint("new-", page)) // sorts before all others
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("pages gave %v, want %v", got, want)
	}
	for _, bad := range []string{"x", "!!", "MTIz"} {
		_, _, err := s.Incidents(ctx(t), store.Filter{}, bad, 2)
		wantKind(t, err, incident.KindInvalid)
	}
}

func filtersSelect(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	one, two, three := newRun("inc-1", "run-1", "Latency 100%"), newRun("inc-2", "run-2", "Errors_in checkout"), newRun("inc-3", "run-3", "Disk")
	two.add(&event.IncidentStatusChanged{Status: incident.StatusNeedsHuman, NeedsHuman: true, Handover: incident.HandoverInconclusive})
	two.add(&event.IncidentSeverityChanged{From: incident.SeverityHigh, To: incident.SeverityLow, By: "ana"})
	three.close()
	var all []event.Event
	for _, r := range []*run{one, two, three} {
		all = append(all, r.events...)
	}
	apply(t, s, stream(1, all...)...)
	yes, no := true, false
	for name, c := range map[string]struct {
		f    store.Filter
		want []string
	}{
		"everything":      {store.Filter{}, []string{"inc-3", "inc-2", "inc-1"}},
		"status":          {store.Filter{Status: incident.StatusNeedsHuman}, []string{"inc-2"}},
		"severity":        {store.Filter{Severity: incident.SeverityHigh}, []string{"inc-3", "inc-1"}},
		"service":         {store.Filter{Service: "checkout"}, []string{"inc-3", "inc-2", "inc-1"}},
		"another service": {store.Filter{Service: "check"}, nil},
		"open":            {store.Filter{Open: &yes}, []string{"inc-2", "inc-1"}},
		"closed":          {store.Filter{Open: &no}, []string{"inc-3"}},
		"needs human":     {store.Filter{NeedsHuman: &yes}, []string{"inc-2"}},
		"needs no human":  {store.Filter{NeedsHuman: &no}, []string{"inc-3", "inc-1"}},
		"text":            {store.Filter{Text: "latency"}, []string{"inc-1"}},
		"text, percent":   {store.Filter{Text: "0%"}, []string{"inc-1"}},
		"text, underline": {store.Filter{Text: "s_i"}, []string{"inc-2"}},
		"text in id":      {store.Filter{Text: "c-3"}, []string{"inc-3"}},
		"both":            {store.Filter{Open: &yes, Severity: incident.SeverityHigh}, []string{"inc-1"}},
	} {
		list, next, err := s.Incidents(ctx(t), c.f, "", 10)
		ok(t, err)
		var got []string
		for _, sum := range list {
			got = append(got, sum.IncidentID)
		}
		if !reflect.DeepEqual(got, c.want) || next != "" {
			t.Errorf("%s: got %v (next %q), want %v", name, got, next, c.want)
		}
	}
}

func incidentEventsPage(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	r := newRun("inc-1", "run-1", "x")
	for n := range 4 {
		r.add(note(n))
	}
	abort := r.aborted()
	apply(t, s, stream(1, append(r.events, abort)...)...)
	var got []string
	for after, more := int64(0), true; more; {
		var page []event.Event
		var err error
		page, more, err = s.IncidentEvents(ctx(t), "inc-1", "", after, 2)
		ok(t, err)
		got = append(got, ids(page)...)
		after = max(after, page[len(page)-1].Seq)
	}
	if want := ids(append(r.events, abort)); !reflect.DeepEqual(got, want) {
		t.Errorf("pages gave %v, want %v", got, want)
	}
}

func unknownIncidentsAreNotFound(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	_, err := s.Incident(ctx(t), "inc-none")
	wantKind(t, err, incident.KindNotFound)
	_, _, err = s.IncidentEvents(ctx(t), "inc-none", "", 0, 10)
	wantKind(t, err, incident.KindNotFound)
	if c := must[event.Cursor](t)(s.Applied(ctx(t))); c != (event.Cursor{}) {
		t.Errorf("an empty store is at %+v", c)
	}
	if keys := must[[]store.IncidentKey](t)(s.IncidentKeys(ctx(t), "inc-none")); len(keys) != 0 {
		t.Errorf("keys of nothing: %v", keys)
	}
}

func answersAreRemembered(t *testing.T, fresh func(testing.TB) Opener) {
	open := fresh(t)
	s, other := open(t), open(t)
	if a := must[*store.Answer](t)(s.Begin(ctx(t), "ana", "k1", "h1")); a != nil {
		t.Fatalf("a new key has the answer %+v", a)
	}
	_, err := other.Begin(ctx(t), "ana", "k1", "h1")
	wantKind(t, err, incident.KindConflict)
	want := &store.Answer{Status: 201, Body: json.RawMessage(`{"id":"inc-1"}`)}
	ok(t, s.Finish(ctx(t), "ana", "k1", want))
	if a := must[*store.Answer](t)(other.Begin(ctx(t), "ana", "k1", "h1")); !reflect.DeepEqual(a, want) {
		t.Errorf("remembered %+v, want %+v", a, want)
	}
	_, err = s.Begin(ctx(t), "ana", "k1", "h2")
	wantKind(t, err, incident.KindInvalid)
	if a := must[*store.Answer](t)(s.Begin(ctx(t), "ben", "k1", "h2")); a != nil {
		t.Errorf("another principal's key has the answer %+v", a)
	}
	ok(t, s.Finish(ctx(t), "ben", "k1", nil)) // nothing happened: the key is free
	if a := must[*store.Answer](t)(s.Begin(ctx(t), "ben", "k1", "h3")); a != nil {
		t.Errorf("a forgotten key has the answer %+v", a)
	}
	ok(t, s.Finish(ctx(t), "ana", "k1", nil)) // what is answered is not forgotten
	if a := must[*store.Answer](t)(s.Begin(ctx(t), "ana", "k1", "h1")); !reflect.DeepEqual(a, want) {
		t.Errorf("remembered %+v, want %+v", a, want)
	}
	wantKind(t, s.Finish(ctx(t), "ana", "k9", want), incident.KindNotFound)
}

func claimsAreExclusive(t *testing.T, fresh func(testing.TB) Opener) {
	open := fresh(t)
	handles := []store.Store{open(t), open(t)}
	var mu sync.Mutex
	claimed := 0
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			_, err := handles[i%2].Begin(ctx(t), "ana", "k", "h")
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				claimed++
			} else if incident.KindOf(err) != incident.KindConflict {
				t.Errorf("claim %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if claimed != 1 {
		t.Errorf("%d callers hold the claim, want 1", claimed)
	}
}
