package rca_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vigil/activities/rca"
	"vigil/activities/rca/synthetic"
	"vigil/workflows/incident"
)

// of is a series of a service: 60 normal points, then the given ones.
func of(service string, m incident.Metric, normal float64, then ...float64) rca.Series {
	s := series(m, append(noisy(uint64(len(service)), 60, normal, normal/50), then...)...)
	s.Service = service
	return rca.Series{Series: s, Evidence: "m-" + service}
}

func errorsOf(template string, count int) rca.Logs {
	return rca.Logs{Patterns: []incident.LogPattern{{Level: "ERROR", Template: template, Count: count}}, Evidence: "logs"}
}

func deployment(service string, at time.Time) rca.Change {
	return rca.Change{Change: incident.Change{Service: service, Kind: "deployment", Version: "v2", At: at}, Evidence: "changes-" + service}
}

var chain = []incident.Edge{{From: "web", To: "checkout"}, {From: "checkout", To: "payments"}, {From: "payments", To: "db"}, {From: "orders", To: "db"}}

func TestRank(t *testing.T) {
	slow := []float64{600, 620, 610, 605, 600, 610, 600}
	calm := noisy(9, 7, 100, 2)
	for _, tc := range []struct {
		name    string
		in      rca.Input
		service string // "" where the list is empty
		cause   incident.Cause
		cites   []string
		reason  string
	}{
		{name: "nothing"},
		{name: "all is well", in: rca.Input{Edges: chain, Series: []rca.Series{of("checkout", incident.MetricLatency, 100, calm...)},
			Changes: []rca.Change{deployment("checkout", at(59))}}},
		{name: "a caller is explained by its callee", in: rca.Input{Edges: chain, Alerting: "checkout", EdgesEvidence: "graph", Series: []rca.Series{
			of("checkout", incident.MetricLatency, 100, slow...), of("payments", incident.MetricLatency, 50, slow...)}},
			service: "payments", cause: incident.CauseUnknown, cites: []string{"m-payments", "graph"}, reason: "accounts for checkout"},
		{name: "not by one that lost next to nothing", in: rca.Input{Edges: chain, Alerting: "checkout", Series: []rca.Series{
			of("checkout", incident.MetricLatency, 100, slow...), of("payments", incident.MetricLatency, 5, 12, 12, 13, 12, 12, 12, 12)}},
			service: "checkout", cause: incident.CauseUnknown},
		{name: "not by one that is hardly ever called", in: rca.Input{Edges: chain, Alerting: "checkout", Series: []rca.Series{
			of("checkout", incident.MetricLatency, 100, slow...), of("payments", incident.MetricLatency, 50, slow...),
			of("checkout", incident.MetricRequestRate, 100, calm...), of("payments", incident.MetricRequestRate, 1, 1, 1, 1, 1, 1, 1, 1)}},
			service: "checkout", cause: incident.CauseUnknown},
		{name: "not by one that began much later", in: rca.Input{Edges: chain, Alerting: "checkout", Series: []rca.Series{
			of("checkout", incident.MetricLatency, 100, slow...), of("payments", incident.MetricLatency, 50, append([]float64{50, 51, 50, 49}, slow...)...)}},
			service: "checkout", cause: incident.CauseUnknown},
		{name: "through a service without telemetry", in: rca.Input{Edges: chain, Alerting: "web", Series: []rca.Series{
			of("web", incident.MetricLatency, 100, slow...), of("payments", incident.MetricLatency, 50, slow...)}},
			service: "payments", cause: incident.CauseUnknown},
		{name: "deployment before", in: rca.Input{Edges: chain, Alerting: "checkout", Logs: map[string]rca.Logs{"checkout": errorsOf("NullPointerException in total", 40)},
			Series:  []rca.Series{of("checkout", incident.MetricLatency, 100, slow...)},
			Changes: []rca.Change{deployment("checkout", at(58)), deployment("web", at(57))}},
			service: "checkout", cause: incident.CauseBadDeployment, cites: []string{"changes-checkout", "logs", "m-checkout"}, reason: "deployment v2 at 12:04:50, 10s before"},
		{name: "deployment after", in: rca.Input{Edges: chain, Series: []rca.Series{of("checkout", incident.MetricLatency, 100, slow...)},
			Changes: []rca.Change{deployment("checkout", at(65))}}, service: "checkout", cause: incident.CauseUnknown},
		{name: "deployment days before", in: rca.Input{Edges: chain, Series: []rca.Series{of("checkout", incident.MetricLatency, 100, slow...)},
			Changes: []rca.Change{deployment("checkout", at(0).Add(-50*time.Hour))}}, service: "checkout", cause: incident.CauseUnknown},
		{name: "deployment of a symptom", in: rca.Input{Edges: chain, Alerting: "checkout", Changes: []rca.Change{deployment("checkout", at(58))},
			Series: []rca.Series{of("checkout", incident.MetricLatency, 100, slow...), of("payments", incident.MetricLatency, 50, slow...)}},
			service: "payments", cause: incident.CauseUnknown},
		{name: "connections", in: rca.Input{Edges: chain, Alerting: "payments", Logs: map[string]rca.Logs{"payments": errorsOf("timeout acquiring connection from pool", 30)},
			Series: []rca.Series{of("payments", incident.MetricLatency, 100, slow...), of("db", incident.MetricConnections, 50, 70, 90, 100, 100, 100, 100, 100)}},
			service: "db", cause: incident.CauseConnectionsExhausted, cites: []string{"m-db", "logs"}, reason: "as at a limit"},
		{name: "connections that nobody counts", in: rca.Input{Edges: chain, Alerting: "payments",
			Logs:   map[string]rca.Logs{"payments": errorsOf("remaining connection slots are reserved", 30), "orders": errorsOf("too many clients already", 30)},
			Series: []rca.Series{of("payments", incident.MetricLatency, 100, slow...)}},
			service: "db", cause: incident.CauseConnectionsExhausted},
		{name: "connections held by one slow caller", in: rca.Input{Edges: chain, Alerting: "payments",
			Series: []rca.Series{of("payments", incident.MetricLatency, 100, slow...), of("orders", incident.MetricLatency, 100, calm...),
				of("db", incident.MetricConnections, 50, 60, 65, 66, 66, 65, 66, 66)}},
			service: "payments", cause: incident.CauseUnknown},
		{name: "leak", in: rca.Input{Edges: chain, Alerting: "checkout", Series: []rca.Series{
			of("payments", incident.MetricMemory, 45, 50, 55, 60, 65, 70, 75, 80, 85, 88), of("payments", incident.MetricLatency, 100, append([]float64{100, 101, 99, 100}, 300, 400, 500, 600, 700)...),
			of("checkout", incident.MetricLatency, 150, append([]float64{150, 151, 149, 150}, 350, 450, 550, 650, 750)...)}},
			service: "payments", cause: incident.CauseMemoryLeak, reason: "memory began to rise before"},
		{name: "memory of waiting requests", in: rca.Input{Edges: chain, Alerting: "checkout", Changes: []rca.Change{deployment("checkout", at(59))}, Series: []rca.Series{
			of("checkout", incident.MetricMemory, 45, 46, 48, 50, 52, 54, 56, 58, 60), of("checkout", incident.MetricLatency, 100, append(slow, 600)...)}},
			service: "checkout", cause: incident.CauseBadDeployment},
		{name: "a cache that fills", in: rca.Input{Edges: chain, Series: []rca.Series{of("catalog", incident.MetricMemory, 45, line(20, 46, 1)...)}},
			service: "catalog", cause: incident.CauseUnknown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.in.StartedAt = at(64)
			got := rca.Rank(tc.in)
			if tc.service == "" {
				if len(got) != 0 {
					t.Fatalf("got %+v of nothing", got)
				}
				return
			}
			if len(got) == 0 || got[0].Service != tc.service || got[0].Cause != tc.cause {
				t.Fatalf("got %+v, want %s in %s", got, tc.cause, tc.service)
			}
			for _, c := range tc.cites {
				if !slices.Contains(got[0].Cites, c) {
					t.Errorf("cites %q, want %q among them", got[0].Cites, c)
				}
			}
			if !strings.Contains(strings.Join(got[0].Reasons, "\n"), tc.reason) {
				t.Errorf("reasons %q, want %q in them", got[0].Reasons, tc.reason)
			}
		})
	}
}

// TestRankSynthetic demands the right service and the right cause, first, in
// 95 of 100 made incidents of each kind, and silence in healthy telemetry. The
// evaluation in deploy/eval runs the same with more seeds.
func TestRankSynthetic(t *testing.T) {
	const seeds = 24
	for _, tick := range []time.Duration{time.Second, 5 * time.Second} {
		for _, cause := range append([]incident.Cause{""}, synthetic.Causes...) {
			t.Run(fmt.Sprintf("%s/%s", tick, cause), func(t *testing.T) {
				t.Parallel()
				right, top := 0, 0.0
				for seed := range uint64(seeds) {
					c := synthetic.New(synthetic.Config{Cause: cause, Tick: tick, Seed: seed})
					got := rca.Rank(c.Input)
					if len(got) > 0 {
						top = max(top, got[0].Score)
					}
					switch {
					case cause == "" && (len(got) == 0 || got[0].Score < rca.Notable),
						cause != "" && len(got) > 0 && got[0].Service == c.Service && got[0].Cause == c.Cause && got[0].Score >= rca.Notable:
						right++
					default:
						t.Logf("seed %d: want %q %q, got %v", seed, c.Service, c.Cause, got[:min(3, len(got))])
					}
				}
				t.Logf("%d of %d right, highest score %.2f", right, seeds, top)
				if right*100 < 95*seeds {
					t.Errorf("%d of %d right, want 95 %%", right, seeds)
				}
			})
		}
	}
}

// TestRankWithLess takes one source of telemetry away: the service must still
// be found, and with no log or no graph the cause as well.
func TestRankWithLess(t *testing.T) {
	const seeds = 10
	for _, tc := range []struct {
		name    string
		without func(*rca.Input)
		cause   bool
	}{
		{"logs", func(in *rca.Input) { in.Logs = nil }, true},
		{"graph", func(in *rca.Input) { in.Edges = nil }, true},
		{"changes", func(in *rca.Input) { in.Changes = nil }, false},
		{"errors", func(in *rca.Input) {
			in.Series = slices.DeleteFunc(in.Series, func(s rca.Series) bool { return s.Metric == incident.MetricErrorRate })
		}, true},
		{"the recent past", func(in *rca.Input) { in.BaselineTo = in.StartedAt.Add(-150 * time.Second) }, true},
		{"the alerting service", func(in *rca.Input) { in.Alerting = "" }, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for _, cause := range synthetic.Causes {
				service, both := 0, 0
				for seed := range uint64(seeds) {
					c := synthetic.New(synthetic.Config{Cause: cause, Tick: 5 * time.Second, Seed: 1000 + seed})
					tc.without(&c.Input)
					if got := rca.Rank(c.Input); len(got) > 0 && got[0].Service == c.Service {
						service++
						if got[0].Cause == c.Cause {
							both++
						}
					}
				}
				t.Logf("%s: service %d, cause too %d of %d", cause, service, both, seeds)
				if service*100 < 90*seeds || tc.cause && both*100 < 90*seeds {
					t.Errorf("%s: service %d, cause too %d of %d, want 90 %%", cause, service, both, seeds)
				}
			}
		})
	}
}

// TestRankOrder holds that the order of the input does not matter.
func TestRankOrder(t *testing.T) {
	for seed := range uint64(20) {
		c := synthetic.New(synthetic.Config{Cause: synthetic.Causes[seed%3], Tick: 5 * time.Second, Seed: seed})
		want := rca.Rank(c.Input)
		r := rand.New(rand.NewPCG(seed, 2))
		in := c.Input
		in.Series, in.Edges, in.Changes = slices.Clone(in.Series), slices.Clone(in.Edges), slices.Clone(in.Changes)
		r.Shuffle(len(in.Edges), func(i, j int) { in.Edges[i], in.Edges[j] = in.Edges[j], in.Edges[i] })
		r.Shuffle(len(in.Changes), func(i, j int) { in.Changes[i], in.Changes[j] = in.Changes[j], in.Changes[i] })
		r.Shuffle(len(in.Series), func(i, j int) { in.Series[i], in.Series[j] = in.Series[j], in.Series[i] })
		if got := rca.Rank(in); !reflect.DeepEqual(got, want) {
			t.Errorf("seed %d: got %+v, want %+v", seed, got, want)
		}
	}
}

// TestRankAnything holds for whatever telemetry sends: no panic, scores from 0
// to 1 in falling order, each service once, and only evidence that was given.
func TestRankAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		service := rapid.SampledFrom([]string{"a", "b", "c", "d", ""})
		in := rca.Input{Logs: map[string]rca.Logs{}, Alerting: service.Draw(t, "alerting"),
			StartedAt:  rapid.SampledFrom([]time.Time{{}, noon.Add(time.Minute), noon.Add(time.Hour)}).Draw(t, "started"),
			BaselineTo: rapid.SampledFrom([]time.Time{{}, noon.Add(time.Minute), noon.Add(-time.Hour)}).Draw(t, "baseline")}
		for range rapid.IntRange(0, 12).Draw(t, "series") {
			in.Series = append(in.Series, rca.Series{Evidence: "m", Series: incident.Series{Service: service.Draw(t, "service"),
				Metric: rapid.SampledFrom(incident.Metrics).Draw(t, "metric"), Points: anyPoints(t, "values")}})
		}
		for range rapid.IntRange(0, 8).Draw(t, "edges") {
			in.Edges = append(in.Edges, incident.Edge{From: service.Draw(t, "from"), To: service.Draw(t, "to")})
		}
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			c := deployment(service.Draw(t, "changed"), noon.Add(time.Duration(rapid.IntRange(-100, 4000).Draw(t, "at"))*time.Second))
			c.Evidence = "c"
			in.Changes = append(in.Changes, c)
		}
		for range rapid.IntRange(0, 3).Draw(t, "logs") {
			in.Logs[service.Draw(t, "logged")] = errorsOf(rapid.SampledFrom([]string{"pool timeout", "OutOfMemoryError", "boom", rapid.String().Draw(t, "text")}).Draw(t, "template"),
				rapid.Int().Draw(t, "count"))
		}
		got := rca.Rank(in)
		seen := map[string]bool{}
		for i, s := range got {
			if !(s.Score > 0 && s.Score <= 1) || i > 0 && s.Score > got[i-1].Score || seen[s.Service] || s.Cause == "" || len(s.Reasons) == 0 {
				t.Fatalf("suspect %d of %+v", i, got)
			}
			seen[s.Service] = true
			for _, c := range s.Cites {
				if !slices.Contains([]string{"m", "c", "logs"}, c) {
					t.Fatalf("cites %q", c)
				}
			}
		}
		if again := rca.Rank(in); !reflect.DeepEqual(got, again) {
			t.Fatalf("got %+v, then %+v", got, again)
		}
	})
}

func TestFromEvidence(t *testing.T) {
	slow := of("checkout", incident.MetricLatency, 100, 600, 600, 600, 600).Series
	old := slow
	old.Points = old.Points[:10]
	change := incident.Change{Service: "checkout", Kind: "deployment", At: at(58)}
	evidence := []incident.Evidence{
		{ID: "E1", Kind: incident.EvidenceMetric, Found: true, Series: []incident.Series{old}},
		{ID: "E2", Kind: incident.EvidenceTopology, Found: true, Edges: []incident.Edge{{From: "web", To: "checkout"}, {From: "web", To: "checkout"}}},
		{ID: "E3", Kind: incident.EvidenceChange, Service: "checkout", Found: true, Changes: []incident.Change{change}},
		{ID: "E4", Kind: incident.EvidenceLog, Service: "checkout", Found: true, Logs: errorsOf("boom", 20).Patterns},
		{ID: "E5", Kind: incident.EvidenceLog, Service: "web"},
		{ID: "E6", Kind: incident.EvidenceMetric, Found: true, Series: []incident.Series{slow}},
		{ID: "E7", Kind: incident.EvidenceChange, Service: "checkout", Found: true, Changes: []incident.Change{change}},
	}
	in := rca.FromEvidence(evidence, "checkout", at(62), at(59))
	if len(in.Series) != 1 || in.Series[0].Evidence != "E6" || len(in.Edges) != 1 || len(in.Changes) != 1 || len(in.Logs) != 1 {
		t.Fatalf("got %+v", in)
	}
	got := rca.Rank(in)
	if len(got) != 1 || got[0].Cause != incident.CauseBadDeployment || !reflect.DeepEqual(got[0].Cites, []string{"E7", "E4", "E6"}) {
		t.Errorf("got %+v", got)
	}
}

func BenchmarkRank(b *testing.B) {
	const services, points = 50, 200
	r := rand.New(rand.NewPCG(1, 2))
	in := rca.Input{Alerting: "s00", StartedAt: at(points - 10)}
	for i := range services {
		name := fmt.Sprintf("s%02d", i)
		if i > 0 {
			in.Edges = append(in.Edges, incident.Edge{From: fmt.Sprintf("s%02d", (i-1)/2), To: name})
		}
		for _, m := range incident.Metrics {
			s := series(m, noisy(r.Uint64(), points, 50, 2)...)
			for j := points - 20; j < points && i%5 == 0; j++ {
				s.Points[j].Value += 40
			}
			s.Service = name
			in.Series = append(in.Series, rca.Series{Series: s, Evidence: name})
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if len(rca.Rank(in)) == 0 {
			b.Fatal("nothing ranked")
		}
	}
}
