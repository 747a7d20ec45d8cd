package prometheus_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"vigil/activities"
	"vigil/activities/prometheus"
	"vigil/workflows/incident"
)

func mustSource(t testing.TB, c prometheus.Config, rec activities.Recorder) *prometheus.Source {
	t.Helper()
	s, err := prometheus.New(c, rec)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (w world) window() activities.Window { return activities.Window{From: w.started, To: w.ended} }

// look reads the measures of a service.
func (w world) look(t *testing.T, service string) map[incident.Metric]incident.Series {
	t.Helper()
	series, p, err := mustSource(t, prometheus.Config{URL: w.url}, nil).Query(t.Context(), service, w.window())
	if err != nil {
		t.Fatal(err)
	}
	if p.Origin != incident.OriginLive || p.Service != "prometheus" || p.LatencyMS < 1 {
		t.Errorf("provenance %+v", p)
	}
	out := map[incident.Metric]incident.Series{}
	for _, s := range series {
		if _, twice := out[s.Metric]; twice || s.Service != service || len(s.Points) == 0 {
			t.Errorf("%s: a series %s twice, of another service or without points: %+v", service, s.Metric, s)
		}
		if !slices.IsSortedFunc(s.Points, func(a, b incident.Point) int { return a.At.Compare(b.At) }) {
			t.Errorf("%s: %s is not in order of time", service, s.Metric)
		}
		out[s.Metric] = s
	}
	return out
}

// between checks a series' values well before and well after the trouble began.
func (w world) between(t *testing.T, s incident.Series, before, after [2]float64) {
	t.Helper()
	n := [2]int{}
	for _, p := range s.Points {
		want, half := before, 0
		switch {
		case p.At.Before(w.degraded.Add(-1800 * time.Millisecond)): // the first rates are of counters just born
			continue
		case p.At.Before(w.degraded.Add(-300 * time.Millisecond)):
		case p.At.After(w.degraded.Add(1500 * time.Millisecond)):
			want, half = after, 1
		default:
			continue
		}
		n[half]++
		if p.Value < want[0] || p.Value > want[1] {
			t.Errorf("%s of %s is %v at %s of the trouble, want %v", s.Metric, s.Service, p.Value, p.At.Sub(w.degraded), want)
		}
	}
	if n[0] < 3 || n[1] < 3 {
		t.Errorf("%s of %s has %d points before the trouble and %d after", s.Metric, s.Service, n[0], n[1])
	}
}

func TestMeasures(t *testing.T) {
	t.Parallel()
	w := mustWorld(t)
	const perSecond = 20 / .25 // if every scrape comes when it should, which they do not on a busy machine
	type span = [2]float64
	for service, want := range map[string]map[incident.Metric][2]span{
		"checkout": {
			incident.MetricLatency:          {{40, 60}, {1500, 2000}},
			incident.MetricErrorRate:        {{0, 0}, {.2, .25}},
			incident.MetricRequestRate:      {{.6 * perSecond, 1.5 * perSecond}, {.6 * perSecond, 1.6 * perSecond}},
			incident.MetricCPU:              {{3, 7.5}, {3, 7.5}},
			incident.MetricThrottles:        {{0, 0}, {5, 12}},
			"process_resident_memory_bytes": {{5e7, 5e7}, {5.1e7, 7e7}},
		},
		"payments": {
			incident.MetricLatency:     {{120, 120}, {120, 120}},
			incident.MetricErrorRate:   {{.04, .06}, {.04, .06}},
			incident.MetricRequestRate: {{.6 * perSecond, 1.5 * perSecond}, {.6 * perSecond, 1.5 * perSecond}},
			incident.MetricUnavailable: {{0, 0}, {0, 0}},
		},
		"orders": {
			incident.MetricCPU:         {{30, 75}, {30, 75}},
			incident.MetricMemory:      {{50, 50}, {55, 100}},
			incident.MetricUnavailable: {{0, 0}, {1, 1}},
			incident.MetricRestarts:    {{0, 0}, {1, 4}},
		},
		"database": {
			incident.MetricConnections:    {{25, 25}, {35, 100}},
			incident.MetricMaxConnections: {{100, 100}, {100, 100}},
			incident.MetricReplicaLag:     {{.5, .5}, {.5, .5}},
			incident.MetricCacheHitRate:   {{.98, 1}, {.98, 1}},
		},
		"odd": {
			"widget_pool_in_use":          {{3, 3}, {6, 30}},
			"widget_painted_rate":         {{17, 42}, {17, 42}},
			"widget_painting_spells_mean": {{2.999, 3.001}, {2.999, 3.001}},
		},
	} {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			got := w.look(t, service)
			for m, spans := range want {
				s, ok := got[m]
				if !ok {
					t.Errorf("no %s of %s", m, service)
					continue
				}
				if m == incident.MetricThrottles { // refusals begin with the trouble
					spans[0] = span{0, 0}
					before := incident.Point{At: w.degraded.Add(-time.Second)}
					s.Points = append([]incident.Point{before, before, before}, s.Points...)
				}
				w.between(t, s, spans[0], spans[1])
			}
			if len(got) > 40 {
				t.Errorf("%d series of %s", len(got), service)
			}
		})
	}
	if got := w.look(t, "nobody-knows-me"); len(got) != 0 {
		t.Errorf("an unknown service has %+v", got)
	}
}

// TestEveryRuleIsPromQL lets a service have every metric that a rule reads:
// one expression that Prometheus cannot read would fail the union it is in.
func TestEveryRuleIsPromQL(t *testing.T) {
	t.Parallel()
	w := mustWorld(t)
	got := w.look(t, "everything")
	for _, m := range []incident.Metric{incident.MetricCPU, incident.MetricThrottledCPU, incident.MetricMemory, incident.MetricSwap, incident.MetricRestarts,
		incident.MetricUnavailable, incident.MetricConnections, incident.MetricMaxConnections, incident.MetricReplicaLag, incident.MetricQueueDepth,
		incident.MetricFreeStorage, incident.MetricFreeMemory, incident.MetricReadIOPS, incident.MetricWriteIOPS, incident.MetricReadLatency,
		incident.MetricWriteLatency, incident.MetricDiskQueue, incident.MetricNetworkIn, incident.MetricNetworkOut, incident.MetricCertificateDays} {
		if len(got[m].Points) == 0 {
			t.Errorf("no %s of a service that has everything", m)
		}
	}
}

func TestNamesStayInTheirMatchers(t *testing.T) {
	t.Parallel()
	w := mustWorld(t)
	for i, service := range nastyNames {
		got := w.look(t, service)
		s, ok := got["nasty_depth"]
		if !ok || len(got) != 1 || s.Points[0].Value != float64(1000+i) {
			t.Errorf("service %q: %+v", service, got)
		}
	}
	for _, service := range []string{`checkout"} or {service="payments`, `checkout",service=~".+`, `checkout|payments`, `check.ut`, `checkout\`, `.*`, `checkout"}[5m]) #`, "\x00", strings.Repeat("(", 200)} {
		if slices.Contains(nastyNames, service) {
			continue
		}
		if got := w.look(t, service); len(got) != 0 {
			t.Errorf("service %q has %d measures", service, len(got))
		}
	}
}

func TestGraph(t *testing.T) {
	t.Parallel()
	w := mustWorld(t)
	got, p, err := mustSource(t, prometheus.Config{URL: w.url}, nil).Graph(t.Context(), w.window())
	want := []incident.Edge{{From: "checkout", To: "payments"}, {From: "payments", To: "database"}}
	if err != nil || !reflect.DeepEqual(got, want) || p.Operation != "query_range" {
		t.Errorf("%v, %+v, %v; want %v", got, p, err, want)
	}
}

func TestRecent(t *testing.T) {
	t.Parallel()
	w := mustWorld(t)
	for service, want := range map[string][]string{
		"checkout": {"deployment 1.5.0 after 1.4.1: deployment of 1.5.0 after 1.4.1"},
		"orders":   {"deployment orders:2.1 after orders:2.0: deployment of orders:2.1 after orders:2.0"}, // and no separate change of its generation
		"store":    {"scaling  after : replicas changed from 3 to 5"},
		"payments": nil,
		"nobody":   nil,
	} {
		got, _, err := mustSource(t, prometheus.Config{URL: w.url}, nil).Recent(t.Context(), service, w.window())
		if err != nil {
			t.Fatal(err)
		}
		var said []string
		for _, c := range got {
			said = append(said, fmt.Sprintf("%s %s after %s: %s", c.Kind, c.Version, c.Before, c.Summary))
			if late := c.At.Sub(w.degraded); late < -time.Second || late > 2500*time.Millisecond || c.Service != service {
				t.Errorf("%s: %+v is %s from when it was", service, c, late)
			}
		}
		if !reflect.DeepEqual(said, want) {
			t.Errorf("%s: %q, want %q", service, said, want)
		}
	}
}

func TestServices(t *testing.T) {
	t.Parallel()
	w := mustWorld(t)
	s := mustSource(t, prometheus.Config{URL: w.url}, nil)
	all, err := s.Services(t.Context(), w.window())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"checkout", "payments", "odd", "database"} {
		if !slices.Contains(all, n) {
			t.Errorf("%q are all services, without %s", all, n)
		}
	}
	if end := all[len(all)-2:]; !reflect.DeepEqual(end, []string{"kube-state-metrics", "tempo"}) {
		t.Errorf("%q does not end with what belongs to the monitoring", all)
	}
	near, err := s.Near(t.Context(), "checkout", w.window())
	if err != nil || len(near) < 3 || !reflect.DeepEqual(near[:2], []string{"database", "payments"}) || slices.Contains(near, "checkout") {
		t.Errorf("near checkout is %q, %v", near, err)
	}
}
