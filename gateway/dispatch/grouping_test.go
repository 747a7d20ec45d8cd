package dispatch_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vigil/gateway/dispatch"
	"vigil/gateway/store"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// together joins every key to whatever is open.
type together struct{}

func (together) Join(_ incident.Alert, s store.Scene) (string, string) {
	if len(s.Problems) == 0 {
		return "", ""
	}
	return s.Problems[0].IncidentID, "together"
}

func grouped(c *dispatch.Config) { c.Correlator = together{} }

// Alerts of many keys for one incident share signals: a storm of 300 is a
// dozen signals, not 300.
func TestStormSharesSignals(t *testing.T) {
	s, f := openStore(t), newFake()
	counting := &counter{fake: f}
	for n := range 300 {
		accept(t, s, fires(fmt.Sprint("key-", n), n))
	}
	_, stop := start(t, s, f, grouped, func(c *dispatch.Config) { c.Incidents = counting })
	defer stop()
	s.idle(t)
	if len(f.workflows) != 1 || len(f.trouble) > 0 {
		t.Fatalf("%d incidents, trouble %v", len(f.workflows), f.trouble)
	}
	for id, w := range f.workflows {
		if got := len(w.titles) + len(w.view.MoreAlerts); got != 300 {
			t.Errorf("incident %s has %d alerts", id, got)
		}
	}
	if n := counting.calls(); n > 20 {
		t.Errorf("%d signals for 300 alerts", n)
	}
}

// counter counts calls.
type counter struct {
	*fake
	mu sync.Mutex
	n  int
}

func (c *counter) Deliver(ctx context.Context, id string, in incident.Input, s incident.AlertSignal) error {
	c.mu.Lock()
	c.n++
	c.mu.Unlock()
	return c.fake.Deliver(ctx, id, in, s)
}

func (c *counter) calls() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// An incident that has had many signals waits for the next, which takes all
// that has come meanwhile; others do not wait.
func TestSignalsArePaced(t *testing.T) {
	s, f := openStore(t), newFake()
	clock := newClock()
	d, stop := start(t, s, f, func(c *dispatch.Config) {
		c.Now = clock.now
		c.Pace = func(signals int64) time.Duration {
			if signals > 0 {
				return time.Hour
			}
			return 0
		}
	})
	defer stop()
	post := func(m message) store.DeliveryRecord {
		id := accept(t, s, m)
		d.Notify()
		s.await(t, "it is read", func() bool { return record(t, s, id).State == store.DeliveryNormalised })
		return record(t, s, id)
	}
	post(fires("busy", 1))
	s.idle(t)
	post(resolves("busy", 2))
	post(fires("busy", 3))
	post(fires("other", 1))
	s.await(t, "the other key is not held up", func() bool { return len(f.of("other")) == 1 })
	if got := len(f.of("busy")[0].titles); got != 1 {
		t.Fatalf("%d alerts before its time", got)
	}
	clock.advance(2 * time.Hour)
	d.Notify()
	s.idle(t)
	if got := f.of("busy")[0].titles; !slices.Equal(got, []string{"a firing 1", "a resolved 2", "a firing 3"}) {
		t.Errorf("%v", got)
	}
}

type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: t0} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// opened has the read model show the incidents that run.
func opened(t tb, s store.Store, ids ...string) {
	t.Helper()
	for _, id := range ids {
		e, err := event.New(&event.IncidentOpened{Title: "x", Service: "x", Severity: incident.SeverityHigh, Source: "test", StartedAt: t0},
			id, "run-"+id, 1, t0, incident.Provenance{})
		if err == nil {
			_, _, err = s.Apply(context.Background(), "epoch", []event.Event{e}, nil)
		}
		if err != nil {
			t.Fatalf("%v", err)
		}
	}
}

// Both sides of a move are told of it, though Temporal is away when it happens,
// and the alerts arrive where they went.
func TestMovesAreTold(t *testing.T) {
	s, f := openStore(t), newFake()
	f.noted = s.note
	d, stop := start(t, s, f)
	defer stop()
	ids := map[string]string{}
	for _, key := range []string{"a", "b"} {
		id := accept(t, s, fires(key, 1))
		d.Notify()
		s.idle(t)
		ids[key] = record(t, s, id).IncidentIDs[0]
	}
	opened(t, s, ids["a"], ids["b"])
	f.set(unavailable)
	who := incident.Principal{Name: "ana", Role: incident.RoleResponder}
	if _, err := s.Merge(context.Background(), store.MoveRequest{ID: "mov-1", From: ids["a"], To: ids["b"], By: who, At: t0, Reason: "one cause"}); err != nil {
		t.Fatal(err)
	}
	f.set(nil)
	d.Notify()
	s.idle(t)
	s.await(t, "both are told", func() bool {
		list, err := s.PendingMoves(context.Background(), 10)
		return err == nil && len(list) == 0
	})
	if got := f.of("b")[0].titles; len(got) != 2 || len(f.told) != 2 || f.told[0].By != "ana" || !f.told[0].All {
		t.Errorf("incident b has %v; told of %+v", got, f.told)
	}
}

// TestAnyGrouping: whatever keys fire, and however people and rules put them
// together and take them apart while Temporal comes and goes, every alert that
// fires reaches an incident, none is in two but for those that were moved, and
// the last word of every key is the last that its incident heard.
func TestAnyGrouping(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s, f := openStore(t), newFake()
		defer s.Close()
		d, stop := start(rt, s, f, func(c *dispatch.Config) { c.Correlator = &someRule{rt: rt} })
		defer func() { stop() }()
		last := map[string]string{} // title by key
		shown := map[string]bool{}
		moves, n := 0, 0
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			switch rapid.IntRange(0, 9).Draw(rt, "step") {
			case 0:
				f.set(flaky())
			case 1:
				f.set(nil)
			case 2:
				stop()
				d, stop = start(rt, s, f, func(c *dispatch.Config) { c.Correlator = &someRule{rt: rt} })
			case 3, 4:
				f.set(nil)
				d.Notify()
				s.idle(rt)
				moves++
				move(rt, s, f, shown, moves)
			default:
				n++
				key := fmt.Sprint("key-", rapid.IntRange(0, 4).Draw(rt, "key"))
				m := fires(key, n)
				if rapid.IntRange(0, 3).Draw(rt, "resolved") == 0 {
					m = resolves(key, n)
				}
				last[key] = m.Alerts[0].Title
				accept(rt, s, m)
				d.Notify()
			}
		}
		f.set(nil)
		d.Notify()
		s.idle(rt)
		checkGroups(rt, f, last)
	})
}

// someRule joins a new key to some incident, or to none, by its name alone.
type someRule struct{ rt *rapid.T }

func (r *someRule) Join(a incident.Alert, s store.Scene) (string, string) {
	if len(s.Problems) == 0 || strings.HasSuffix(a.CorrelationKey, "0") {
		return "", ""
	}
	return s.Problems[len(a.CorrelationKey)%len(s.Problems)].IncidentID, "some rule"
}

// move merges two incidents or splits one, where there is something to move.
func move(rt *rapid.T, s *watched, f *fake, shown map[string]bool, n int) {
	f.mu.Lock()
	var open []string
	for id, w := range f.workflows {
		if w.open {
			open = append(open, id)
		}
	}
	f.mu.Unlock()
	slices.Sort(open)
	for _, id := range open {
		if !shown[id] {
			shown[id] = true
			opened(rt, s, id)
		}
	}
	if len(open) == 0 {
		return
	}
	req := store.MoveRequest{ID: fmt.Sprint("mov-", n), From: rapid.SampledFrom(open).Draw(rt, "from"), At: t0, Reason: "a test",
		By: incident.Principal{Name: "ana", Role: incident.RoleResponder}}
	var err error
	if rapid.Bool().Draw(rt, "merge") {
		req.To = rapid.SampledFrom(open).Draw(rt, "into")
		_, err = s.Merge(context.Background(), req)
	} else {
		req.To = fmt.Sprint("inc-split-", n)
		keys, kerr := s.IncidentKeys(context.Background(), req.From)
		if kerr != nil {
			rt.Fatalf("%v", kerr)
		}
		for _, k := range keys {
			if k.Open && rapid.Bool().Draw(rt, "goes") {
				req.Keys = append(req.Keys, k.CorrelationKey)
			}
		}
		_, err = s.Split(context.Background(), req)
	}
	if k := incident.KindOf(err); err != nil && k != incident.KindInvalid && k != incident.KindConflict {
		rt.Fatalf("move %+v: %v", req, err)
	}
}

func checkGroups(rt *rapid.T, f *fake, last map[string]string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.trouble) > 0 {
		rt.Fatalf("%v", f.trouble)
	}
	first := map[string]int{} // incidents that a title came to by itself
	latest := map[string]incident.Alert{}
	for _, w := range f.workflows {
		for title, by := range w.by {
			if !strings.HasPrefix(by, "merged by") && !strings.HasPrefix(by, "split by") {
				first[title]++
			}
		}
		for _, a := range w.view.Alerts {
			if have, ok := latest[a.CorrelationKey]; !ok || a.InboxID > have.InboxID {
				latest[a.CorrelationKey] = a
			}
		}
	}
	for title, n := range first {
		if n > 1 {
			rt.Fatalf("%q came to %d incidents", title, n)
		}
	}
	for key, title := range last {
		if a, ok := latest[key]; strings.Contains(title, "firing") && (!ok || a.Title != title) {
			rt.Fatalf("key %s: the last word is %q, and its incident heard %q", key, title, a.Title)
		}
	}
}

// An incident is told that alerts have left it only when none of them is on its
// way there any more: it would keep one that came afterwards.
func TestMoveIsToldAfterWhatIsUnderWay(t *testing.T) {
	s, f := openStore(t), newFake()
	f.noted = s.note
	d, stop := start(t, s, f, grouped)
	defer stop()
	id := accept(t, s, message{Alerts: append(fires("stays", 1).Alerts, fires("goes", 1).Alerts...)})
	d.Notify()
	s.idle(t)
	from := record(t, s, id).IncidentIDs[0]
	opened(t, s, from)
	f.set(unavailable)
	accept(t, s, resolves("goes", 2))
	d.Notify()
	s.await(t, "the resolve is under way and fails", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.failed["goes"] > 0
	})
	who := incident.Principal{Name: "ana", Role: incident.RoleResponder}
	if _, err := s.Split(context.Background(), store.MoveRequest{ID: "mov-1", From: from, To: "inc-split", Keys: []string{"goes"}, By: who, At: t0, Reason: "another cause"}); err != nil {
		t.Fatal(err)
	}
	s.await(t, "it fails again after the split", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.failed["goes"] > 2
	})
	f.mu.Lock()
	told := len(f.told)
	f.mu.Unlock()
	if told != 0 {
		t.Errorf("told of %d moves while an alert is under way", told)
	}
	f.set(nil)
	d.Notify()
	s.idle(t)
	s.await(t, "both are told", func() bool {
		list, err := s.PendingMoves(context.Background(), 10)
		return err == nil && len(list) == 0
	})
}
