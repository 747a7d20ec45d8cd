package storetest

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"vigil/gateway/store"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

func receivedIsBoundedByBytes(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	for i := range 5 {
		d := delivery(i)
		d.Body = make([]byte, 1000)
		must[int64](t)(s.Accept(ctx(t), d))
	}
	for bytes, want := range map[int64]int{0: 1, 999: 1, 1000: 2, 2500: 3, 1 << 20: 5} {
		if got := len(must[[]store.Delivery](t)(s.Received(ctx(t), 100, bytes))); got != want {
			t.Errorf("within %d bytes: %d deliveries, want %d", bytes, got, want)
		}
	}
	if got := len(must[[]store.Delivery](t)(s.Received(ctx(t), 2, 1<<20))); got != 2 {
		t.Errorf("%d deliveries, asked for 2", got)
	}
}

// where says what was assigned: key@delivery→incident.
func where(list []store.Assignment) []string {
	out := []string{}
	for _, a := range list {
		out = append(out, fmt.Sprintf("%s@%d→%s", a.CorrelationKey, a.DeliveryID, a.IncidentID))
	}
	return out
}

func wantAssigned(t testing.TB, list []store.Assignment, want ...string) {
	t.Helper()
	if got := where(list); !reflect.DeepEqual(got, append([]string{}, want...)) {
		t.Fatalf("assigned %v, want %v", got, want)
	}
}

func assignKeepsOrderPerKey(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	first := must[int64](t)(s.Accept(ctx(t), delivery(1)))
	second := must[int64](t)(s.Accept(ctx(t), delivery(2)))
	read := func(id int64, alerts ...incident.Alert) {
		r := store.Reading{DeliveryID: id, State: store.DeliveryNormalised}
		for _, a := range alerts {
			r.Dispatches = append(r.Dispatches, store.Dispatch{CorrelationKey: a.CorrelationKey, Alerts: []incident.Alert{a}})
		}
		ok(t, s.Read(ctx(t), []store.Reading{r}))
	}
	// The second is read first (by another gateway): it waits for the first.
	read(second, resolved("a"))
	wantAssigned(t, assign(t, s, claim()))
	read(first, firing("a"), firing("b"))
	list := assign(t, s, claim())
	wantAssigned(t, list, fmt.Sprintf("a@%d→inc-1", first), fmt.Sprintf("b@%d→inc-2", first), fmt.Sprintf("a@%d→inc-1", second))
	// What is in hand already is left out, with all that its key has to say.
	skip := claim()
	skip.Skip = func(key string) bool { return key == "a" }
	wantAssigned(t, assign(t, s, skip), fmt.Sprintf("b@%d→inc-2", first))
	// A failed attempt holds its key back until it is due, and no other.
	ok(t, s.Postpone(ctx(t), []int64{list[0].ID}, "no worker", t0.Add(time.Minute)))
	wantAssigned(t, assign(t, s, claim()), fmt.Sprintf("b@%d→inc-2", first))
	later := claim()
	later.Now = t0.Add(time.Minute)
	due := assign(t, s, later)
	if len(due) != 3 || due[0].ID != list[0].ID || due[0].Attempts != 1 || due[0].Alerts[0].Title != "High latency" {
		t.Fatalf("due: %+v", due)
	}
	deliver(t, s, list[0])
	wantAssigned(t, assign(t, s, claim()), fmt.Sprintf("b@%d→inc-2", first), fmt.Sprintf("a@%d→inc-1", second))
	// What is settled stays so.
	ok(t, s.Settle(ctx(t), []store.Settlement{{DispatchID: list[0].ID, IncidentID: "x", State: store.DispatchNoOpenProblem}}))
	ok(t, s.Postpone(ctx(t), []int64{list[0].ID}, "late", t0))
	rec := record(t, s, first)
	if want := []store.DispatchState{store.DispatchDelivered, store.DispatchPending}; !reflect.DeepEqual(rec.Dispatches, want) || rec.IncidentIDs[0] != "inc-1" {
		t.Errorf("record: %+v", rec)
	}
	wantKind(t, s.Postpone(ctx(t), []int64{9999}, "x", t0), incident.KindNotFound)
	wantKind(t, s.Settle(ctx(t), []store.Settlement{{DispatchID: 9999, State: store.DispatchDelivered}}), incident.KindNotFound)
}

// What is under way may end while a claim looks: the later word of a key was
// then taken and the earlier left, to be delivered as its last.
func assignSkipsAKeyAsAWhole(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	for n := range 3 {
		a := firing("a")
		a.StartsAt = a.StartsAt.Add(time.Duration(n) * time.Second)
		post(t, s, a)
	}
	c, asked := claim(), 0
	c.Skip = func(string) bool { asked++; return asked == 1 }
	wantAssigned(t, assign(t, s, c))
	if list := assign(t, s, claim()); len(list) != 3 || list[0].DeliveryID >= list[2].DeliveryID {
		t.Fatalf("assigned %v, want all three in order", where(list))
	}
}

func assignIsBounded(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	for i := range 5 {
		post(t, s, firing(fmt.Sprint("k", i)))
	}
	c := claim()
	c.Limit = 3
	if n := len(assign(t, s, c)); n != 3 {
		t.Errorf("%d assignments, asked for 3", n)
	}
	c = claim()
	c.Bytes = 1
	if n := len(assign(t, s, c)); n != 1 {
		t.Errorf("%d assignments within a byte, want the one that there always is", n)
	}
}

func poisonHoldsUpItsKeyOnly(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	bad := post(t, s, firing("a"), firing("b"))
	post(t, s, resolved("a"))
	list := assign(t, s, claim())
	ok(t, s.Settle(ctx(t), []store.Settlement{{DispatchID: list[0].ID, State: store.DispatchPoisoned}}))
	wantAssigned(t, assign(t, s, claim()), fmt.Sprintf("b@%d→inc-2", bad))
	if c := must[store.InboxCounts](t)(s.InboxCounts(ctx(t))); c.Poisoned != 1 || c.Pending != 2 {
		t.Errorf("counts: %+v", c)
	}
	// A person has it tried again.
	by := store.Audit{At: t0, Principal: "ana", Action: store.AuditDeliveryRetried, Subject: fmt.Sprint(bad)}
	ok(t, s.Retry(ctx(t), bad, by))
	if again := assign(t, s, claim()); len(again) != 3 || again[0].ID != list[0].ID || again[0].Attempts != 0 {
		t.Errorf("after the retry was ordered: %+v", again)
	}
	wantKind(t, s.Retry(ctx(t), bad, by), incident.KindConflict)
	wantKind(t, s.Retry(ctx(t), 9999, by), incident.KindNotFound)
}

func oneIncidentPerKey(t *testing.T, fresh func(testing.TB) Opener) {
	open := fresh(t)
	handles := []store.Store{open(t), open(t)}
	post(t, handles[0], firing("k"))
	var mu sync.Mutex
	got := map[string]int{}
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			c := claim()
			c.NewID = func() string { return fmt.Sprint("inc-", i) }
			all, err := handles[i%2].Assign(context.WithoutCancel(ctx(t)), c)
			list := all.List
			mu.Lock()
			defer mu.Unlock()
			if err != nil || len(list) != 1 {
				t.Errorf("caller %d: %v, %v", i, list, err)
				return
			}
			got[list[0].IncidentID]++
		})
	}
	wg.Wait()
	if len(got) != 1 {
		t.Fatalf("several incidents for one key: %v", got)
	}
	// An id is never given out twice.
	for id := range got {
		post(t, handles[0], firing("other"))
		c := claim()
		c.NewID = func() string { return id }
		_, err := handles[1].Assign(ctx(t), c)
		wantKind(t, err, incident.KindConflict)
	}
}

func repetitionsGoNoFurther(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	opened(t, s, map[string]string{"k": "inc-1"})
	again := post(t, s, firing("k"))
	wantAssigned(t, assign(t, s, claim()))
	if rec := record(t, s, again); rec.Dispatches[0] != store.DispatchRepeated || rec.IncidentIDs[0] != "inc-1" {
		t.Errorf("a repetition ended as %+v", rec)
	}
	// A later word is no repetition, and neither is the first one after it
	// (Prometheus that lost its Alertmanager for a while), nor a worse one.
	worse := firing("k")
	worse.Severity = incident.SeverityCritical
	for _, a := range []incident.Alert{resolved("k"), firing("k"), worse} {
		post(t, s, a)
		list := assign(t, s, claim())
		if len(list) != 1 || len(list[0].Alerts) != 1 || list[0].Alerts[0].Severity != a.Severity || list[0].Alerts[0].Status != a.Status {
			t.Fatalf("%s %s: %+v", a.Severity, a.Status, list)
		}
		deliver(t, s, list...)
	}
	all := must[[]store.IncidentAlert](t)(s.IncidentAlerts(ctx(t), "inc-1", "", 0, 10))
	if len(all) != 1 || all[0].Deliveries != 5 || all[0].Changes != 2 || all[0].Alert.Severity != incident.SeverityCritical {
		t.Errorf("heard: %+v", all)
	}
	// The end of an earlier time, told late by another peer, ends nothing.
	later := worse
	later.StartsAt = t0.Add(time.Hour)
	post(t, s, later)
	deliver(t, s, assign(t, s, claim())...)
	late := resolved("k")
	late.EndsAt = t0.Add(time.Minute)
	post(t, s, late)
	wantAssigned(t, assign(t, s, claim()))
	worse = later
	// Two of the same that come together: the second waits for the first.
	worse.Status = incident.AlertResolved
	first, second := post(t, s, worse), post(t, s, worse)
	list := assign(t, s, claim())
	if len(list) != 2 || len(list[0].Alerts) != 1 || len(list[1].Alerts) != 0 {
		t.Fatalf("%+v", list)
	}
	if got := record(t, s, second).Dispatches[0]; got != store.DispatchPending {
		t.Errorf("the second of delivery %d is %s before the first is delivered", first, got)
	}
}

func resolvesOpenNothing(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	id := post(t, s, resolved("k"))
	wantAssigned(t, assign(t, s, claim()))
	if got := record(t, s, id).Dispatches[0]; got != store.DispatchNoOpenProblem {
		t.Errorf("a resolve of nothing is %s", got)
	}
	// Within a delivery what fires comes first, so that an incident never begins
	// with nothing wrong.
	other := resolved("k")
	other.Fingerprint = "f2"
	post(t, s, other, firing("k"))
	list := assign(t, s, claim())
	if len(list) != 1 || len(list[0].Alerts) != 2 || list[0].Alerts[0].Status != incident.AlertFiring || list[0].Alerts[0].Member == "" {
		t.Errorf("%+v", list)
	}
}

// A gateway that died before it noted a delivery has it handed out again with
// the word that the incident is over, so that what it has heard is found out.
func whatClosesReleasesItsKeys(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	first := post(t, s, firing("k"))
	wantAssigned(t, assign(t, s, claim()), fmt.Sprintf("k@%d→inc-1", first))
	r := newRun("inc-1", "run-1", "x")
	r.close()
	apply(t, s, stream(1, r.events...)...)
	if bound(t, s, "k", "inc-1") {
		t.Fatal("still bound after the incident closed")
	}
	// What its key has said since waits until that is known.
	post(t, s, resolved("k"))
	list := assign(t, s, claim())
	if len(list) != 1 || !list[0].Over || list[0].IncidentID != "inc-1" || len(list[0].Alerts) != 1 || list[0].Alerts[0].Member == "" {
		t.Fatalf("%+v", list)
	}
	// It has not: the rest is for another incident.
	ok(t, s.Settle(ctx(t), []store.Settlement{{DispatchID: list[0].ID, IncidentID: "inc-1", State: store.DispatchPending, Rest: list[0].Alerts}}))
	c := claim()
	c.NewID = func() string { return "inc-2" }
	wantAssigned(t, assign(t, s, c), fmt.Sprintf("k@%d→inc-2", first), fmt.Sprintf("k@%d→inc-2", first+1))
	// Releasing is for incidents that the store does not know to be over.
	ok(t, s.Release(ctx(t), "inc-2"))
	if bound(t, s, "k", "inc-2") {
		t.Error("still bound after its release")
	}
}

func resetTakesTheKeyBack(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	opened(t, s, map[string]string{"k": "inc-1"})
	one, two := newRun("inc-1", "run-1", "x"), newRun("inc-1", "run-2", "x")
	apply(t, s, stream(1, one.events[0], one.aborted(), two.events[0])...)
	if !bound(t, s, "k", "inc-1") {
		t.Fatal("after a reset the key is not bound")
	}
	apply(t, s, stream(4, two.close())...)
	if bound(t, s, "k", "inc-1") {
		t.Fatal("bound after the close")
	}
	opened(t, s, map[string]string{"k": "inc-2"})
	three := newRun("inc-1", "run-3", "x")
	apply(t, s, stream(5, three.events...)...)
	if bound(t, s, "k", "inc-1") || !bound(t, s, "k", "inc-2") {
		t.Error("a reset took the key from an open incident")
	}
}

// joiner is a correlator that a test writes.
type joiner func(a incident.Alert, s store.Scene) (string, string)

func (j joiner) Join(a incident.Alert, s store.Scene) (string, string) { return j(a, s) }

func rulesJoinKeys(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	opened(t, s, map[string]string{"a": "inc-a"})
	r := newRun("inc-a", "run-1", "x")
	r.add(&event.EvidenceCollected{Evidence: incident.Evidence{ID: "E1", Kind: incident.EvidenceTopology, Found: true, Edges: []incident.Edge{{From: "svc-b", To: "svc-a"}}}})
	apply(t, s, stream(1, r.events...)...)
	var scene store.Scene
	c := claim()
	c.Correlator = joiner(func(a incident.Alert, sc store.Scene) (string, string) {
		scene = sc
		if len(sc.Problems) == 0 {
			return "", ""
		}
		return sc.Problems[0].IncidentID, "a rule"
	})
	simulated := firing("s")
	simulated.Origin = incident.OriginSimulated
	post(t, s, firing("b"), simulated)
	list := assign(t, s, c)
	if len(list) != 2 || list[0].IncidentID != "inc-a" || list[0].Alerts[0].JoinedBy != "a rule" {
		t.Fatalf("%v: %+v", where(list), list)
	}
	if list[1].IncidentID == "inc-a" || list[1].Alerts[0].JoinedBy != "" {
		t.Errorf("a simulated alert went to a live incident: %+v", list[1])
	}
	deliver(t, s, list...)
	post(t, s, firing("c"))
	assign(t, s, c)
	if len(scene.Problems) != 1 || !reflect.DeepEqual(scene.Problems[0].Services, []string{"svc-a", "svc-b"}) || scene.Problems[0].Alerts != 2 ||
		scene.Problems[0].Service != "svc-a" || !reflect.DeepEqual(scene.Edges, []incident.Edge{{From: "svc-b", To: "svc-a"}}) || len(scene.Opened) != 1 {
		t.Errorf("scene: %+v", scene)
	}
	keys := must[[]store.IncidentKey](t)(s.IncidentKeys(ctx(t), "inc-a"))
	if len(keys) != 3 || keys[1].JoinedBy != "a rule" || keys[0].Firing != 1 {
		t.Errorf("keys: %+v", keys)
	}
	// An incident that there is not is no place to join.
	c.Correlator = joiner(func(incident.Alert, store.Scene) (string, string) { return "inc-gone", "bad" })
	c.NewID = func() string { return "inc-d" }
	post(t, s, firing("d"))
	if list := assign(t, s, c); list[len(list)-1].IncidentID != "inc-d" {
		t.Errorf("%v", where(list))
	}
}

func manyAlertsAreMentioned(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	var all []incident.Alert
	for i := range store.DetailedAlerts + 50 {
		a := firing("k")
		a.Fingerprint = fmt.Sprint("f", i)
		all = append(all, a)
	}
	post(t, s, all...)
	list := assign(t, s, claim())
	mentioned := 0
	for i, m := range list[0].Mention {
		if m != (i >= store.DetailedAlerts) {
			t.Fatalf("alert %d: mention %t", i, m)
		}
		if m {
			mentioned++
		}
	}
	if mentioned != 50 {
		t.Fatalf("%d mentioned", mentioned)
	}
	deliver(t, s, list...)
	// Each goes on as it began.
	for i := range all {
		all[i].Status = incident.AlertResolved
	}
	post(t, s, all...)
	again := assign(t, s, claim())
	if !reflect.DeepEqual(again[0].Mention, list[0].Mention) {
		t.Error("alerts that were shown are mentioned, or the other way round")
	}
	deliver(t, s, again...)
	page := must[[]store.IncidentAlert](t)(s.IncidentAlerts(ctx(t), "inc-1", `"fingerprint":"F14`, 0, 3))
	if len(page) != 3 || page[0].Alert.Fingerprint != "f14" || page[0].Alert.Status != incident.AlertResolved {
		t.Errorf("%+v", page)
	}
	if next := must[[]store.IncidentAlert](t)(s.IncidentAlerts(ctx(t), "inc-1", `"fingerprint":"F14`, page[2].ID, 100)); len(next) != 11-3 {
		t.Errorf("%d on the next page", len(next))
	}
}
