package main

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vigil/gateway/intake"
	"vigil/gateway/store"
)

func TestLoadIsWhatTheFlagsSay(t *testing.T) {
	o := options{rate: 500, seconds: 4, repeats: .95, services: 7, seed: 3}
	l := newLoad(o)
	if len(l.order) != 2000 || len(l.bodies) != 101 { // the first is new in any case
		t.Fatalf("%d posts of %d bodies, want 2000 of 101", len(l.order), len(l.bodies))
	}
	seen, alerts, services := 0, 0, map[string]bool{}
	for _, b := range l.order {
		if b > seen {
			t.Fatalf("body %d is repeated before it was posted", b)
		} else if b == seen {
			seen++
		}
		alerts += len(l.bodies[b].fingerprints)
	}
	if alerts != l.alerts {
		t.Errorf("there are %d alerts, and the load says %d", alerts, l.alerts)
	}
	keys := map[string]bool{}
	for _, b := range l.bodies {
		got := mustParse(t, b)
		for i, a := range got.Alerts {
			services[a.Service], keys[a.CorrelationKey] = true, true
			if a.Fingerprint != b.fingerprints[i] {
				t.Errorf("the intake reads fingerprint %s, the bench expects %s", a.Fingerprint, b.fingerprints[i])
			}
		}
	}
	if len(services) != o.services || len(keys) != len(l.bodies) {
		t.Errorf("%d services and %d groups, want %d and %d", len(services), len(keys), o.services, len(l.bodies))
	}
	if again := newLoad(o); !slices.Equal(again.order, l.order) {
		t.Error("the same seed gives another order")
	}
}

func TestStormIsManyAlertsOfFewGroups(t *testing.T) {
	l := newLoad(options{rate: 2000, storm: 1000, services: 40, seed: 1})
	prints, keys := map[string]bool{}, map[string]bool{}
	for _, i := range l.order {
		for _, a := range mustParse(t, l.bodies[i]).Alerts {
			prints[a.Fingerprint], keys[a.CorrelationKey] = true, true
		}
	}
	if len(prints) != 1000 || len(keys) != stormGroups {
		t.Errorf("%d alerts in %d groups, want 1000 in %d", len(prints), len(keys), stormGroups)
	}
}

func mustParse(t *testing.T, b body) intake.Result {
	t.Helper()
	r, err := intake.Parse(store.Delivery{Source: "alertmanager", ReceivedAt: time.Now(), Body: b.json})
	if err != nil || len(r.Alerts) != len(b.fingerprints) {
		t.Fatalf("the intake reads %d alerts of %d (%v) in %s", len(r.Alerts), len(b.fingerprints), err, b.json)
	}
	return r
}

// A server that stands still must show in the latencies of all posts that were
// due meanwhile, not only of those that were on their way.
func TestLatencyCountsFromWhenAPostWasDue(t *testing.T) {
	var n atomic.Int64
	stall := 300 * time.Millisecond
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1) == 1 {
			time.Sleep(stall) // the trouble that is measured
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	defer server.Close()
	l := newLoad(options{rate: 100, seconds: .3, repeats: .5, services: 1, seed: 1})
	a, err := post(t.Context(), l, strings.TrimPrefix(server.URL, "http://"), "", 1)
	if err != nil {
		t.Fatal(err)
	}
	if a.statuses[http.StatusAccepted] != len(l.order) {
		t.Errorf("answers are %v, want %d accepted", a.statuses, len(l.order))
	}
	if a.latencies.at(.5) < stall/4 || a.waits.at(.5) < stall/4 {
		t.Errorf("the median is %s, of which %s until it was sent: the posts that queued up are not counted", a.latencies.at(.5), a.waits.at(.5))
	}
}

func TestPostsWithoutAnAnswerAreCounted(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }))
	defer server.Close()
	l := newLoad(options{rate: 200, seconds: .05, services: 1})
	a, err := post(t.Context(), l, strings.TrimPrefix(server.URL, "http://"), "", 2)
	if err != nil {
		t.Fatal(err)
	}
	if acks := newAcks(a); acks.Refused != len(l.order) || acks.Error == "" {
		t.Errorf("%d of %d count as refused, because %q", acks.Refused, len(l.order), acks.Error)
	}
}

func TestCompare(t *testing.T) {
	l := &load{bodies: []body{{fingerprints: []string{"a", "b"}}, {fingerprints: []string{"c"}}}}
	got := l.compare(map[string][]string{"a": {"inc-1"}, "b": {"inc-1", "inc-2"}, "x": {"inc-2"}})
	if want := (Found{Sent: 3, Once: 1, Missing: 1, Twice: 1, Unknown: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestParseInbox(t *testing.T) {
	got, err := parseInbox([]byte(`# HELP gateway_inbox_deliveries Deliveries in the inbox, by state.
gateway_inbox_deliveries{state="pending"} 3
gateway_inbox_deliveries{state="received"} 4
gateway_inbox_deliveries{state="poisoned"} 1
gateway_inbox_deliveries_total{source="alertmanager",state="normalised"} 99
gateway_inbox_dispatches_total{outcome="repeated"} 1.2e+06
`))
	if err != nil || got.backlog() != 7 || got.poisoned != 1 || got.settled["repeated"] != 1_200_000 {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := parseInbox([]byte("gateway_incidents_open 3\n")); err == nil {
		t.Error("metrics without the inbox are taken for an empty one")
	}
}

func TestMemoryOf(t *testing.T) {
	var samples []sample
	for s := range 60 {
		samples = append(samples, sample{at: time.Duration(s+1) * time.Second, rss: int64(100+s) << 20})
	}
	m := memoryOf(samples, time.Minute)
	if m == nil || m.EarlyMB != 124 || m.LateMB != 155 || m.MostMB != 159 {
		t.Errorf("got %+v, want 124, 155 and 159 MB", m)
	}
	if memoryOf(samples[:35], 35*time.Second) != nil {
		t.Error("a short load says something of memory")
	}
}
