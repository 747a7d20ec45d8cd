package storetest

import (
	"fmt"
	"testing"
	"time"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

func quarantineIsAPlace(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	by := func(action string) store.Audit {
		return store.Audit{At: t0, Principal: "ana", Action: action, Subject: "d", Reason: "a mapping was fixed"}
	}
	var id [4]int64
	var readings []store.Reading
	for i, body := range []string{`{"what":"Disk"}`, `{"what":"CPU"}`, "plain text about a DISK", "fine"} {
		d := delivery(i)
		d.Source, d.Body = []string{"acme", "zenith", "acme", "acme"}[i], []byte(body)
		id[i] = must[int64](t)(s.Accept(ctx(t), d))
		if i < 3 {
			readings = append(readings, store.Reading{DeliveryID: id[i], State: store.DeliveryQuarantined, Reason: fmt.Sprint("no mapping ", i)})
		}
	}
	ok(t, s.Read(ctx(t), append(readings, store.Reading{DeliveryID: id[3], State: store.DeliveryRecorded, Reason: "hello"})))
	find := func(f store.DeliveryFilter) (got []int64) {
		for _, d := range must[[]store.DeliveryRecord](t)(s.Deliveries(ctx(t), f, 10)) {
			got = append(got, d.ID)
		}
		return got
	}
	for _, c := range []struct {
		f    store.DeliveryFilter
		want []int64
	}{
		{store.DeliveryFilter{State: store.DeliveryQuarantined}, []int64{id[2], id[1], id[0]}},
		{store.DeliveryFilter{Text: "disk"}, []int64{id[2], id[0]}},
		{store.DeliveryFilter{Text: "MAPPING 1"}, []int64{id[1]}},
		{store.DeliveryFilter{Source: "acme", Text: "disk", Before: id[2]}, []int64{id[0]}},
		{store.DeliveryFilter{Text: "zenit"}, []int64{id[1]}},
		{store.DeliveryFilter{Text: "nowhere"}, nil},
	} {
		if got := find(c.f); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%+v finds %v, want %v", c.f, got, c.want)
		}
	}
	ok(t, s.Retry(ctx(t), id[0], by(store.AuditDeliveryRetried)))
	if rec := record(t, s, id[0]); rec.State != store.DeliveryReceived || rec.Reason != "" || string(rec.Body) != `{"what":"Disk"}` {
		t.Errorf("retried: %+v", rec)
	}
	wantKind(t, s.Retry(ctx(t), id[3], by(store.AuditDeliveryRetried)), incident.KindConflict)
	if n := must[int](t)(s.RetryAll(ctx(t), store.DeliveryFilter{Source: "acme"}, by(store.AuditDeliveriesRetried))); n != 1 {
		t.Errorf("%d of acme retried, want 1", n)
	}
	ok(t, s.Discard(ctx(t), id[1], by(store.AuditDeliveryDiscarded)))
	wantKind(t, s.Discard(ctx(t), id[1], by(store.AuditDeliveryDiscarded)), incident.KindConflict)
	wantKind(t, s.Discard(ctx(t), 9999, by(store.AuditDeliveryDiscarded)), incident.KindNotFound)
	if n := must[int](t)(s.RetryAll(ctx(t), store.DeliveryFilter{}, by(store.AuditDeliveriesRetried))); n != 0 {
		t.Errorf("%d retried of nothing", n)
	}
	log := must[[]store.Audit](t)(s.Audited(ctx(t), "", 0, 10))
	if len(log) != 3 || log[0].Action != store.AuditDeliveryDiscarded || log[2].Principal != "ana" || log[2].Reason == "" || !log[0].At.Equal(t0) {
		t.Errorf("audit: %+v", log)
	}
	counts := must[[]store.SourceCount](t)(s.SourceCounts(ctx(t)))
	if len(counts) != 2 || counts[0].Source != "acme" || counts[0].Deliveries != 3 || counts[1].Quarantined != 0 || counts[1].LastAt.IsZero() {
		t.Errorf("by source: %+v", counts)
	}
}

func oldDeliveriesArePruned(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	kept := must[int64](t)(s.Accept(ctx(t), delivery(0)))
	ok(t, s.Read(ctx(t), []store.Reading{{DeliveryID: kept, State: store.DeliveryQuarantined, Reason: "x"}}))
	opened(t, s, map[string]string{"done": "inc-1"})
	old := t0.Add(time.Hour)
	last := post(t, s, firing("late"))
	if n := must[int](t)(s.Prune(ctx(t), t0, 100)); n != 0 {
		t.Errorf("%d deleted that are not old", n)
	}
	if n := must[int](t)(s.Prune(ctx(t), old, 1)); n != 1 {
		t.Errorf("%d deleted, asked for 1", n)
	}
	if n := must[int](t)(s.Prune(ctx(t), old, 100)); n != 0 {
		t.Errorf("%d more deleted, of which none is done with", n)
	}
	left := must[[]store.DeliveryRecord](t)(s.Deliveries(ctx(t), store.DeliveryFilter{}, 10))
	if len(left) != 2 || left[0].ID != last || left[1].ID != kept {
		t.Errorf("left: %+v", left)
	}
	c := claim()
	c.NewID = func() string { return "inc-late" }
	if list := assign(t, s, c); len(list) != 1 || list[0].CorrelationKey != "late" {
		t.Errorf("assigned %v", where(list))
	}
}

// What is read late, out of quarantine, does not overrule what was received
// since: an alert that fires would count as cleared.
func readLateIsNoNews(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	opened(t, s, map[string]string{"k": "inc-1"})
	late := must[int64](t)(s.Accept(ctx(t), delivery(2)))
	ok(t, s.Read(ctx(t), []store.Reading{{DeliveryID: late, State: store.DeliveryQuarantined, Reason: "no mapping yet"}}))
	again := firing("k")
	again.StartsAt = t0.Add(time.Minute)
	post(t, s, again)
	deliver(t, s, assign(t, s, claim())...)

	ok(t, s.Retry(ctx(t), late, store.Audit{At: t0, Principal: "ada", Action: store.AuditDeliveryRetried}))
	old := resolved("k")
	old.InboxID = late
	ok(t, s.Read(ctx(t), []store.Reading{{DeliveryID: late, State: store.DeliveryNormalised,
		Dispatches: []store.Dispatch{{CorrelationKey: "k", Alerts: []incident.Alert{old}}}}}))
	wantAssigned(t, assign(t, s, claim()))
	if rec := record(t, s, late); rec.Dispatches[0] != store.DispatchRepeated || rec.IncidentIDs[0] != "inc-1" {
		t.Errorf("what was read late ended as %+v", rec)
	}
	all := must[[]store.IncidentAlert](t)(s.IncidentAlerts(ctx(t), "inc-1", "", 0, 10))
	if len(all) != 1 || all[0].Alert.Status != incident.AlertFiring || !all[0].Alert.StartsAt.Equal(again.StartsAt) || all[0].Deliveries != 3 || all[0].Changes != 0 {
		t.Errorf("the alert is %+v", all)
	}
}
