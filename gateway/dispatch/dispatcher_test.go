package dispatch_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"vigil/gateway/dispatch"
	"vigil/gateway/store"
	"vigil/workflows/incident"
)

// The property test opens a store for every sequence: twenty are enough for
// every day; -rapid.checks=N asks for more.
func TestMain(m *testing.M) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	if !asked {
		if err := flag.Set("rapid.checks", "20"); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

func TestTenIdenticalDeliveriesAreOneIncident(t *testing.T) {
	s, f := openStore(t), newFake()
	d, stop := start(t, s, f)
	defer stop()
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			accept(t, s, fires("k", 1))
			d.Notify()
		})
	}
	wg.Wait()
	s.idle(t)
	all := f.of("k")
	if len(all) != 1 || len(all[0].titles) != 1 || len(f.trouble) > 0 {
		t.Errorf("%d incidents, trouble %v", len(all), f.trouble)
	}
}

func TestResolveBeforeFire(t *testing.T) {
	s, f := openStore(t), newFake()
	early := accept(t, s, resolves("k", 1))
	fire := accept(t, s, fires("k", 2))
	late := accept(t, s, resolves("k", 2))
	_, stop := start(t, s, f)
	defer stop()
	s.idle(t)
	for id, want := range map[int64]store.DispatchState{early: store.DispatchNoOpenProblem, fire: store.DispatchDelivered, late: store.DispatchDelivered} {
		if got := record(t, s, id).Dispatches; !slices.Equal(got, []store.DispatchState{want}) {
			t.Errorf("delivery %d: %v, want %s", id, got, want)
		}
	}
	if all := f.of("k"); len(all) != 1 || !slices.Equal(all[0].titles, []string{"a firing 2", "a resolved 2"}) {
		t.Errorf("incidents: %+v", all)
	}
}

// The incident is over, and whether its end has reached the store or not, a
// key that fires again opens a second one and a resolve opens none.
func TestRefireAfterClose(t *testing.T) {
	for name, known := range map[string]bool{"the store knows": true, "Temporal alone knows": false} {
		t.Run(name, func(t *testing.T) {
			s, f := openStore(t), newFake()
			d, stop := start(t, s, f)
			defer stop()
			end := func(offset uint64) {
				id := f.close("k")
				if known {
					closed(t, s, id, offset)
				}
			}
			post := func(m message) store.DeliveryRecord {
				id := accept(t, s, m)
				d.Notify()
				s.idle(t)
				return record(t, s, id)
			}
			first := post(fires("k", 1))
			end(1)
			second := post(fires("k", 2))
			end(3)
			if got := post(resolves("k", 2)).Dispatches; !slices.Equal(got, []store.DispatchState{store.DispatchNoOpenProblem}) {
				t.Errorf("a resolve after the end: %v", got)
			}
			if slices.Equal(first.IncidentIDs, second.IncidentIDs) || len(f.of("k")) != 2 || len(f.trouble) > 0 {
				t.Errorf("incidents %v and %v, trouble %v", first.IncidentIDs, second.IncidentIDs, f.trouble)
			}
		})
	}
}

func TestOutageDelaysAndKeepsOrder(t *testing.T) {
	s, f := openStore(t), newFake()
	f.noted = s.note
	f.set(unavailable)
	var want []string
	for n := range 6 {
		m := fires("k", n)
		if n%2 == 1 {
			m = resolves("k", n)
		}
		want = append(want, m.Alerts[0].Title)
		accept(t, s, m)
		accept(t, s, fires(fmt.Sprint("other-", n), n))
	}
	d, stop := start(t, s, f)
	defer stop()
	s.await(t, "every key has failed more than once", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, n := range f.failed {
			if n < 2 {
				return false
			}
		}
		return len(f.failed) == 7 // k, and all others
	})
	f.set(nil)
	d.Notify()
	s.idle(t)
	if all := f.of("k"); len(all) != 1 || !slices.Equal(all[0].titles, want) {
		t.Errorf("got %+v, want %v", all, want)
	}
	for n := range 6 {
		if all := f.of(fmt.Sprint("other-", n)); len(all) != 1 {
			t.Errorf("key other-%d: %d incidents", n, len(all))
		}
	}
}

// The call took effect and its answer was lost: it is repeated and nothing
// comes of it, even if the incident has closed in between.
func TestLostAnswer(t *testing.T) {
	for name, closes := range map[string]bool{"still open": false, "closed since": true} {
		t.Run(name, func(t *testing.T) {
			s, f := openStore(t), newFake()
			lost := 0
			f.lose = func() error {
				if lost++; lost > 2 {
					return nil
				}
				for _, w := range f.workflows {
					w.open = w.open && !closes
				}
				return incident.Errorf(incident.KindUnavailable, "deadline exceeded")
			}
			id := accept(t, s, fires("k", 1))
			_, stop := start(t, s, f)
			defer stop()
			s.idle(t)
			if got := record(t, s, id).Dispatches; len(f.of("k")) != 1 || !slices.Equal(got, []store.DispatchState{store.DispatchDelivered}) {
				t.Errorf("%d incidents, dispatch %v", len(f.of("k")), got)
			}
		})
	}
}

func TestPoisonHoldsUpItsKeyOnly(t *testing.T) {
	for name, fail := range map[string]func(string) error{
		"refused": func(key string) error {
			if key == "bad" {
				return incident.Errorf(incident.KindInvalid, "payload refused")
			}
			return nil
		},
		"panics": func(key string) error {
			if key == "bad" {
				panic("boom")
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, f := openStore(t), newFake()
			f.set(fail)
			bad := accept(t, s, message{Alerts: append(fires("bad", 1).Alerts, fires("good", 1).Alerts...)})
			behind := accept(t, s, fires("bad", 2))
			good := accept(t, s, fires("good", 2))
			_, stop := start(t, s, f)
			defer stop()
			s.await(t, "one is poisoned and one waits behind it", func() bool {
				c, err := s.InboxCounts(context.Background())
				return err == nil && c.Poisoned == 1 && c.Pending == 1
			})
			for id, want := range map[int64][]store.DispatchState{
				bad:    {store.DispatchPoisoned, store.DispatchDelivered},
				behind: {store.DispatchPending}, good: {store.DispatchDelivered},
			} {
				rec := record(t, s, id)
				if !slices.Equal(rec.Dispatches, want) || id == bad && rec.Reason == "" {
					t.Errorf("delivery %d: %v (%q), want %v", id, rec.Dispatches, rec.Reason, want)
				}
			}
		})
	}
}

func TestUnreadableDeliveries(t *testing.T) {
	s, f := openStore(t), newFake()
	broken := accept(t, s, "no message")
	panics := accept(t, s, message{Panic: true})
	empty := accept(t, s, message{})
	note := accept(t, s, message{Note: "open https://example.com yourself"})
	good := accept(t, s, fires("k", 1))
	_, stop := start(t, s, f)
	defer stop()
	s.idle(t)
	for id, want := range map[int64][2]string{
		broken: {"quarantined", "not a message"}, panics: {"quarantined", "our fault"}, empty: {"quarantined", "holds nothing"},
		note: {"recorded", "https://example.com"}, good: {"normalised", ""},
	} {
		if rec := record(t, s, id); string(rec.State) != want[0] || !strings.Contains(rec.Reason, want[1]) {
			t.Errorf("delivery %d is %s: %q, want %s: %q", id, rec.State, rec.Reason, want[0], want[1])
		}
	}
}

// refusing is a store that is there and does not take one delivery.
type refusing struct {
	*watched
	id int64
}

func (r *refusing) Read(ctx context.Context, list []store.Reading) error {
	for _, one := range list {
		if one.DeliveryID == r.id && one.State == store.DeliveryNormalised {
			return errors.New("encode: unsupported value")
		}
	}
	return r.watched.Read(ctx, list)
}

func TestUnstorableDeliveryHoldsUpNobody(t *testing.T) {
	s, f := openStore(t), newFake()
	bad := accept(t, s, fires("bad", 1))
	accept(t, s, fires("good", 1))
	_, stop := start(t, s, f, func(c *dispatch.Config) { c.Inbox = &refusing{s, bad} })
	defer stop()
	s.idle(t)
	if rec := record(t, s, bad); rec.State != store.DeliveryQuarantined || len(f.of("good")) != 1 {
		t.Errorf("delivery %d is %s, %d incidents of the other key", bad, rec.State, len(f.of("good")))
	}
}

func TestLargeGroupsAreCutAndFireFirst(t *testing.T) {
	s, f := openStore(t), newFake()
	var m message
	for n := range 250 {
		status := incident.AlertResolved
		if n%50 == 49 {
			status = incident.AlertFiring
		}
		a := alert("k", fmt.Sprint("member-", n), status, n)
		a.Description = strings.Repeat("x", 2000)
		m.Alerts = append(m.Alerts, a)
	}
	accept(t, s, m)
	_, stop := start(t, s, f)
	defer stop()
	s.idle(t)
	all := f.of("k")
	if len(all) != 1 || len(all[0].titles) != store.DetailedAlerts || len(all[0].view.MoreAlerts) != 250-store.DetailedAlerts || len(f.trouble) > 0 {
		t.Fatalf("%d incidents, %d alerts and %d mentions, trouble %v", len(all), len(all[0].titles), len(all[0].view.MoreAlerts), f.trouble)
	}
	for i, title := range all[0].titles {
		if strings.Contains(title, "firing") != (i < 5) {
			t.Errorf("alert %d of the incident is %q", i, title)
		}
	}
}

func TestInputIsOfTheFiringAlerts(t *testing.T) {
	mk := func(name string, status incident.AlertStatus, sev incident.Severity, service string, starts time.Time) incident.Alert {
		return incident.Alert{Source: "alertmanager", CorrelationKey: "k", Fingerprint: name, Status: status, Severity: sev, Title: name,
			Description: "about " + name, Service: service, Labels: map[string]string{"name": name}, StartsAt: starts, ReceivedAt: t0, Origin: incident.OriginSimulated}
	}
	for name, starts := range map[string]struct{ at, want time.Time }{
		"a minute ago":    {t0.Add(-time.Minute), t0.Add(-time.Minute)},
		"in the future":   {t0.AddDate(2, 0, 0), t0},
		"in the year one": {time.Time{}, t0},
		"years ago":       {t0.AddDate(-9, 0, 0), t0},
	} {
		t.Run(name, func(t *testing.T) {
			s, f := openStore(t), newFake()
			accept(t, s, message{Alerts: []incident.Alert{
				mk("over", incident.AlertResolved, incident.SeverityCritical, "web", t0),
				mk("first", incident.AlertFiring, incident.SeverityLow, "", starts.at),
				mk("second", incident.AlertFiring, incident.SeverityHigh, "checkout", t0),
			}})
			_, stop := start(t, s, f)
			defer stop()
			s.idle(t)
			want := incident.Input{Title: "first", Description: "about first", Service: "checkout", Severity: incident.SeverityHigh,
				Labels: map[string]string{"name": "first"}, Source: "alertmanager", StartedAt: starts.want, Origin: incident.OriginSimulated}
			if len(f.inputs) != 1 || !reflect.DeepEqual(f.inputs[0], want) {
				t.Errorf("got  %+v\nwant %+v", f.inputs, want)
			}
		})
	}
}

// gate lets calls in and holds them there.
type gate struct {
	*fake
	entered chan string
	leave   chan struct{}
}

func (g *gate) Deliver(ctx context.Context, id string, in incident.Input, s incident.AlertSignal) error {
	g.entered <- s.Alerts[0].CorrelationKey
	select {
	case <-g.leave:
		return g.fake.Deliver(ctx, id, in, s)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestKeysAreSideBySideAndBounded(t *testing.T) {
	s, f := openStore(t), newFake()
	g := &gate{f, make(chan string), make(chan struct{})}
	for n := range 3 {
		for k := range 4 {
			accept(t, s, fires(fmt.Sprint("key-", k), n))
		}
	}
	_, stop := start(t, s, f, func(c *dispatch.Config) { c.Incidents, c.Workers = g, 3 })
	defer stop()
	held := map[string]bool{}
	for range 3 {
		key := <-g.entered
		if held[key] {
			t.Errorf("two attempts of %s at once", key)
		}
		held[key] = true
	}
	select {
	case key := <-g.entered:
		t.Errorf("a fourth attempt, of %s, beside three workers", key)
	default:
	}
	close(g.leave)
	for len(held) < 4 { // the last key's turn has come, and maybe another of the first
		held[<-g.entered] = true
	}
	go func() { // whatever else there is to say
		for range g.entered {
		}
	}()
	defer close(g.entered)
	s.idle(t)
	stop()
}
