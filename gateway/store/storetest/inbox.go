package storetest

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

func acceptKeepsEveryField(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	bodies := map[string][]byte{"text": []byte(`{"a":1}`), "binary": {0, 255, 10, 0, 128}, "empty": {}}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			want := delivery(7)
			want.Body, want.Origin = body, incident.OriginSimulated
			want.ID = must[int64](t)(s.Accept(ctx(t), want))
			list := must[[]store.Delivery](t)(s.Received(ctx(t), 100))
			if got := list[len(list)-1]; !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

// A handle that was never closed stands for a gateway that was killed.
func acceptedSurvivesWithoutClose(t *testing.T, fresh func(testing.TB) Opener) {
	open := fresh(t)
	killed := open(t)
	var want []int64
	for n := range 20 {
		want = append(want, must[int64](t)(killed.Accept(ctx(t), delivery(n))))
	}
	var got []int64
	for _, d := range must[[]store.Delivery](t)(open(t).Received(ctx(t), 100)) {
		got = append(got, d.ID)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got deliveries %v, want %v", got, want)
	}
}

func concurrentAcceptsAreAllKept(t *testing.T, fresh func(testing.TB) Opener) {
	open := fresh(t)
	handles := []store.Store{open(t), open(t)}
	const callers, each = 16, 10
	var mu sync.Mutex
	seen := map[int64]string{}
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for n := range each {
				d := delivery(n)
				d.Body = fmt.Appendf(nil, "caller %d, delivery %d", c, n)
				id, err := handles[c%2].Accept(ctx(t), d)
				mu.Lock()
				if _, dup := seen[id]; err != nil || dup {
					t.Errorf("delivery %d of caller %d: id %d, error %v", n, c, id, err)
				}
				seen[id] = string(d.Body)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	list := must[[]store.Delivery](t)(handles[0].Received(ctx(t), callers*each+1))
	if len(list) != callers*each {
		t.Fatalf("%d deliveries kept, want %d", len(list), callers*each)
	}
	for _, d := range list {
		if seen[d.ID] != string(d.Body) {
			t.Errorf("delivery %d holds %q; its caller sent %q", d.ID, d.Body, seen[d.ID])
		}
	}
}

func acceptRefusesWhenItCannotStore(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	over, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := s.Accept(over, delivery(1))
	wantKind(t, err, incident.KindUnavailable)
	ok(t, s.Ping(ctx(t)))
	ok(t, s.Close())
	_, err = s.Accept(ctx(t), delivery(2))
	wantKind(t, err, incident.KindUnavailable)
	wantKind(t, s.Ping(ctx(t)), incident.KindUnavailable)
	ok(t, s.Close()) // closing twice is no error
}

func deliveriesMoveOnce(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	var id [4]int64
	for i := range id {
		id[i] = must[int64](t)(s.Accept(ctx(t), delivery(i)))
	}
	one := []store.Dispatch{{CorrelationKey: "k", Alerts: []incident.Alert{{Title: "a"}}}}
	ok(t, s.Normalise(ctx(t), id[0], one))
	ok(t, s.Normalise(ctx(t), id[0], one))
	ok(t, s.Quarantine(ctx(t), id[0], "too late"))
	ok(t, s.Quarantine(ctx(t), id[1], "not JSON"))
	ok(t, s.Normalise(ctx(t), id[1], one))
	ok(t, s.Record(ctx(t), id[2], "confirm at https://example.com"))
	wantKind(t, s.Quarantine(ctx(t), 9999, "x"), incident.KindNotFound)

	type row struct {
		State  store.DeliveryState
		Reason string
		N      int
	}
	want := map[int64]row{
		id[0]: {store.DeliveryNormalised, "", 1}, id[1]: {store.DeliveryQuarantined, "not JSON", 0},
		id[2]: {store.DeliveryRecorded, "confirm at https://example.com", 0}, id[3]: {store.DeliveryReceived, "", 0},
	}
	got := map[int64]row{}
	var before int64
	for range len(id) { // one a page, newest first
		page := must[[]store.DeliveryRecord](t)(s.Deliveries(ctx(t), "", before, 1))
		if len(page) != 1 || before != 0 && page[0].ID >= before {
			t.Fatalf("page before %d: %+v", before, page)
		}
		before = page[0].ID
		got[before] = row{page[0].State, page[0].Reason, len(page[0].Dispatches)}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if q := must[[]store.DeliveryRecord](t)(s.Deliveries(ctx(t), store.DeliveryQuarantined, 0, 10)); len(q) != 1 || q[0].ID != id[1] {
		t.Errorf("quarantined: %+v", q)
	}
	c := must[store.InboxCounts](t)(s.InboxCounts(ctx(t)))
	if c.Received != 1 || c.Quarantined != 1 || c.Recorded != 1 || c.Pending != 1 || !c.OldestPending.Equal(delivery(0).ReceivedAt) {
		t.Errorf("counts: %+v", c)
	}
}

func lostDeliveriesAreCounted(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	ok(t, s.CountLost(ctx(t), "sns", 20<<20))
	ok(t, s.CountLost(ctx(t), "sns", 30<<20))
	ok(t, s.CountLost(ctx(t), "alertmanager", 17<<20))
	if c := must[store.InboxCounts](t)(s.InboxCounts(ctx(t))); c.Lost != 3 {
		t.Errorf("%d lost, want 3", c.Lost)
	}
}

func pendingKeepsOrderPerKey(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	pending := func(now time.Time) (keys []string) {
		for _, d := range must[[]store.Dispatch](t)(s.Pending(ctx(t), 100, now)) {
			keys = append(keys, fmt.Sprintf("%s@%d", d.CorrelationKey, d.DeliveryID))
		}
		return keys
	}
	first := must[int64](t)(s.Accept(ctx(t), delivery(1)))
	second := must[int64](t)(s.Accept(ctx(t), delivery(2)))
	a := incident.Alert{Title: "x"}
	// The second is read first (by another gateway): it waits for the first.
	ok(t, s.Normalise(ctx(t), second, []store.Dispatch{{CorrelationKey: "a", Alerts: []incident.Alert{a}}}))
	if got := pending(t0); got != nil {
		t.Fatalf("pending %v while an older delivery is unread", got)
	}
	ok(t, s.Normalise(ctx(t), first, []store.Dispatch{{CorrelationKey: "a", Alerts: []incident.Alert{a}}, {CorrelationKey: "b", Alerts: []incident.Alert{a}}}))
	if got, want := pending(t0), []string{fmt.Sprint("a@", first), fmt.Sprint("b@", first)}; !reflect.DeepEqual(got, want) {
		t.Fatalf("pending %v, want %v", got, want)
	}
	// A failed attempt holds its key back until it is due, and no other.
	d := must[[]store.Dispatch](t)(s.Pending(ctx(t), 1, t0))[0]
	ok(t, s.Postpone(ctx(t), d.ID, "no worker", t0.Add(time.Minute)))
	if got, want := pending(t0), []string{fmt.Sprint("b@", first)}; !reflect.DeepEqual(got, want) {
		t.Fatalf("pending %v, want %v", got, want)
	}
	due := must[[]store.Dispatch](t)(s.Pending(ctx(t), 1, t0.Add(time.Minute)))
	if len(due) != 1 || due[0].ID != d.ID || due[0].Attempts != 1 || due[0].Alerts[0].Title != "x" {
		t.Fatalf("due: %+v", due)
	}
	ok(t, s.Settle(ctx(t), d.ID, store.DispatchDelivered, "inc-1"))
	if got, want := pending(t0), []string{fmt.Sprint("b@", first), fmt.Sprint("a@", second)}; !reflect.DeepEqual(got, want) {
		t.Fatalf("pending %v, want %v", got, want)
	}
	// What is settled stays so.
	ok(t, s.Settle(ctx(t), d.ID, store.DispatchNoOpenProblem, ""))
	ok(t, s.Postpone(ctx(t), d.ID, "late", t0))
	rec := must[[]store.DeliveryRecord](t)(s.Deliveries(ctx(t), "", first+1, 1))[0]
	if want := []store.DispatchState{store.DispatchDelivered, store.DispatchPending}; !reflect.DeepEqual(rec.Dispatches, want) || !reflect.DeepEqual(rec.IncidentIDs, []string{"inc-1"}) {
		t.Errorf("record: %+v", rec)
	}
}

func poisonHoldsUpItsKeyOnly(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	bad := dispatch(t, s, "a", "b")[0]
	dispatch(t, s, "a")
	ok(t, s.Settle(ctx(t), bad.ID, store.DispatchPoisoned, ""))
	left := must[[]store.Dispatch](t)(s.Pending(ctx(t), 100, t0))
	if len(left) != 1 || left[0].CorrelationKey != "b" {
		t.Fatalf("pending: %+v", left)
	}
	if c := must[store.InboxCounts](t)(s.InboxCounts(ctx(t))); c.Poisoned != 1 || c.Pending != 2 {
		t.Errorf("counts: %+v", c)
	}
	// A person has it tried again.
	ok(t, s.Settle(ctx(t), bad.ID, store.DispatchPending, ""))
	if left := must[[]store.Dispatch](t)(s.Pending(ctx(t), 100, t0)); len(left) != 2 || left[0].ID != bad.ID {
		t.Errorf("pending after the retry was ordered: %+v", left)
	}
	wantKind(t, s.Settle(ctx(t), 9999, store.DispatchDelivered, "x"), incident.KindNotFound)
}

func bindGivesOneIncidentPerKey(t *testing.T, fresh func(testing.TB) Opener) {
	open := fresh(t)
	handles := []store.Store{open(t), open(t)}
	d := dispatch(t, handles[0], "k")[0]
	var mu sync.Mutex
	bound := map[string]int{}
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			id, opened, err := handles[i%2].Bind(ctx(t), d.ID, fmt.Sprint("inc-", i))
			mu.Lock()
			defer mu.Unlock()
			if err != nil || !opened {
				t.Errorf("bind %d: opened %t, error %v", i, opened, err)
			}
			bound[id]++
		})
	}
	wg.Wait()
	if len(bound) != 1 {
		t.Fatalf("several incidents for one key: %v", bound)
	}
	id := must[string](t)(handles[1].Bound(ctx(t), "k"))
	if bound[id] != 16 {
		t.Errorf("bound to %q, callers were told %v", id, bound)
	}
	ok(t, handles[0].Settle(ctx(t), d.ID, store.DispatchDelivered, id))
	later := dispatch(t, handles[1], "k")[0]
	if again, opened, err := handles[1].Bind(ctx(t), later.ID, "inc-later"); err != nil || again != id || opened {
		t.Errorf("a later dispatch is bound to %q, opened %t, error %v", again, opened, err)
	}
	ok(t, handles[0].Release(ctx(t), "k", "inc-other"))
	if still := must[string](t)(handles[0].Bound(ctx(t), "k")); still != id {
		t.Errorf("releasing another incident changed the binding to %q", still)
	}
	ok(t, handles[0].Release(ctx(t), "k", id))
	if none := must[string](t)(handles[1].Bound(ctx(t), "k")); none != "" {
		t.Errorf("still bound to %q after release", none)
	}
	_, _, err := handles[0].Bind(ctx(t), later.ID, id)
	wantKind(t, err, incident.KindConflict) // an id is never given out twice
	_, _, err = handles[0].Bind(ctx(t), 9999, "inc-x")
	wantKind(t, err, incident.KindNotFound)
}

func bindRefusesSettledDispatches(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	d := dispatch(t, s, "k")[0]
	ok(t, s.Settle(ctx(t), d.ID, store.DispatchDelivered, "inc-1"))
	_, _, err := s.Bind(ctx(t), d.ID, "inc-2")
	wantKind(t, err, incident.KindConflict)
	if id := must[string](t)(s.Bound(ctx(t), "k")); id != "" {
		t.Errorf("a late attempt opened %q", id)
	}
}

// The gateway that opened inc-1 died before it noted the delivery. The close
// of inc-1 proves that it was delivered, so no second incident comes of it.
func closingReleasesTheKey(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	first := dispatch(t, s, "k")[0]
	dispatch(t, s, "k")
	id, opened, err := s.Bind(ctx(t), first.ID, "inc-1")
	if ok(t, err); id != "inc-1" || !opened {
		t.Fatalf("bound to %q, opened %t", id, opened)
	}
	if _, again, err := s.Bind(ctx(t), first.ID, "inc-x"); err != nil || !again {
		t.Fatalf("a repeated attempt of the opener: opened %t, error %v", again, err)
	}
	r := newRun("inc-1", "run-1", "x")
	r.close()
	apply(t, s, stream(1, r.events...)...)
	if id := must[string](t)(s.Bound(ctx(t), "k")); id != "" {
		t.Fatalf("still bound to %q after the incident closed", id)
	}
	_, _, err = s.Bind(ctx(t), first.ID, "inc-x")
	wantKind(t, err, incident.KindConflict)
	left := must[[]store.Dispatch](t)(s.Pending(ctx(t), 10, t0))
	if len(left) != 1 || left[0].ID == first.ID {
		t.Fatalf("pending: %+v", left)
	}
	id, opened, err = s.Bind(ctx(t), left[0].ID, "inc-2")
	if ok(t, err); id != "inc-2" || !opened {
		t.Errorf("after the close: bound to %q, opened %t", id, opened)
	}
}

func resetTakesTheKeyBack(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	_, _, err := s.Bind(ctx(t), dispatch(t, s, "k")[0].ID, "inc-1")
	ok(t, err)
	one, two := newRun("inc-1", "run-1", "x"), newRun("inc-1", "run-2", "x")
	apply(t, s, stream(1, one.events[0], one.aborted(), two.events[0])...)
	if id := must[string](t)(s.Bound(ctx(t), "k")); id != "inc-1" {
		t.Fatalf("after a reset bound to %q, want inc-1", id)
	}
	apply(t, s, stream(4, two.close())...)
	if id := must[string](t)(s.Bound(ctx(t), "k")); id != "" {
		t.Fatalf("after the close bound to %q", id)
	}
	id, _, err := s.Bind(ctx(t), dispatch(t, s, "k")[0].ID, "inc-2")
	if ok(t, err); id != "inc-2" {
		t.Fatalf("bound to %q", id)
	}
	three := newRun("inc-1", "run-3", "x")
	apply(t, s, stream(5, three.events...)...)
	if id := must[string](t)(s.Bound(ctx(t), "k")); id != "inc-2" {
		t.Errorf("a reset took the key from an open incident: bound to %q", id)
	}
}
