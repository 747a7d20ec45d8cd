package storetest

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"testing"

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
			list := must[[]store.Delivery](t)(s.Received(ctx(t), 100, 1<<20))
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
	for _, d := range must[[]store.Delivery](t)(open(t).Received(ctx(t), 100, 1<<20)) {
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
	list := must[[]store.Delivery](t)(handles[0].Received(ctx(t), callers*each+1, 1<<20))
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
	normalised := store.Reading{DeliveryID: id[0], State: store.DeliveryNormalised, Dispatches: one}
	ok(t, s.Read(ctx(t), []store.Reading{normalised, {DeliveryID: id[1], State: store.DeliveryQuarantined, Reason: "not JSON"}}))
	late := normalised
	late.DeliveryID = id[1]
	ok(t, s.Read(ctx(t), []store.Reading{normalised, late, {DeliveryID: id[0], State: store.DeliveryQuarantined, Reason: "too late"},
		{DeliveryID: id[2], State: store.DeliveryRecorded, Reason: "confirm at https://example.com"}}))
	// All of them or none.
	wantKind(t, s.Read(ctx(t), []store.Reading{{DeliveryID: id[3], State: store.DeliveryRecorded}, {DeliveryID: 9999}}), incident.KindNotFound)

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
		page := must[[]store.DeliveryRecord](t)(s.Deliveries(ctx(t), store.DeliveryFilter{Before: before}, 1))
		if len(page) != 1 || before != 0 && page[0].ID >= before {
			t.Fatalf("page before %d: %+v", before, page)
		}
		before = page[0].ID
		got[before] = row{page[0].State, page[0].Reason, len(page[0].Dispatches)}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if q := must[[]store.DeliveryRecord](t)(s.Deliveries(ctx(t), store.DeliveryFilter{State: store.DeliveryQuarantined}, 10)); len(q) != 1 || q[0].ID != id[1] {
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
