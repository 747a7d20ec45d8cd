package brain_test

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"vigil/deploy/sandbox/brain"
	"vigil/deploy/sandbox/world"
)

// scene is a world with a fault at the moment that its alarm is raised, and an
// observer who writes down what its telemetry shows, in the words of evidence.
// The brain is told nothing else.
type scene struct {
	world *world.World
	now   time.Time
	ids   int
}

const tick = 10 * time.Second

func mustScene(tb rapid.TB, seed uint64, fault world.Fault) *scene {
	tb.Helper()
	s := &scene{now: time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)}
	w, err := world.New(world.Config{Tick: tick, Seed: seed}, s.now)
	if err != nil {
		tb.Fatal(err)
	}
	s.world = w
	if fault == "" {
		return s
	}
	if err := w.StartFault(fault); err != nil {
		tb.Fatal(err)
	}
	for w.State().Alarm.State != world.AlarmAlarm {
		s.now = s.now.Add(tick)
		w.AdvanceTo(s.now)
	}
	return s
}

func (s *scene) incident() string {
	raw, err := json.Marshal(map[string]any{"id": "i-1", "title": "checkout-latency-high", "service": world.Checkout, "severity": "high",
		"started_at": s.now, "alerts": []any{map[string]any{"title": "checkout-latency-high", "service": world.Checkout}}})
	if err != nil {
		panic(err)
	}
	return "<incident>\n" + string(raw) + "\n</incident>\n"
}

// line writes one piece of evidence.
func (s *scene) line(kind, service string, found bool, finding string, strength float64, more map[string]any) string {
	s.ids++
	e := map[string]any{"id": fmt.Sprintf("E%d", s.ids), "kind": kind, "source": "test", "service": service, "title": kind + " of " + service,
		"found": found, "finding": finding, "strength": strength}
	for k, v := range more {
		e[k] = v
	}
	raw, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// window is five minutes of normal operation and what came after.
func (s *scene) window() (from, split time.Time) { return s.now.Add(-60 * tick), s.now.Add(-30 * tick) }

func (s *scene) metrics(service string) string {
	from, split := s.window()
	kind, ok := world.KindOf(service)
	if !ok {
		return s.line("metric", service, false, "no metrics of "+service, 0, nil)
	}
	var findings []string
	strength := 0.0
	samples := s.world.Samples(service, from, s.now.Add(tick))
	for _, m := range world.Measures(kind) {
		var past []float64
		for _, p := range samples {
			if p.At.Before(split) {
				past = append(past, p.Value(m))
			}
		}
		slices.Sort(past)
		median := past[len(past)/2]
		limit := math.Max(0.15*math.Abs(median), 0.006)
		var since time.Time
		odd := 0
		for _, p := range samples {
			if math.Abs(p.Value(m)-median) <= limit {
				odd = 0
				continue
			}
			if odd++; odd == 1 {
				since = p.At
			}
		}
		if odd >= 2 {
			z := math.Abs(samples[len(samples)-1].Value(m)-median) / (limit / 3)
			strength = math.Max(strength, math.Min(1, math.Log(z/3)/math.Log(10)))
			findings = append(findings, fmt.Sprintf("%s %.3g → %.4g since %s", m, median, samples[len(samples)-1].Value(m), since.Format(time.TimeOnly)))
		}
	}
	finding := "within normal"
	if len(findings) > 0 {
		finding = strings.Join(findings, "; ")
	}
	return s.line("metric", service, true, finding, strength, nil)
}

var (
	variable = regexp.MustCompile(`req-[0-9a-f]+|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|[0-9a-f]{32}|\d+`)
	level    = regexp.MustCompile(`\b(INFO|WARN|ERROR|FATAL|LOG)\b`)
)

func (s *scene) logs(service string) string {
	from, split := s.window()
	lines, ok := s.world.Logs(world.LogGroup(service), from, s.now)
	type pattern struct {
		Level    string    `json:"level"`
		Template string    `json:"template"`
		Example  string    `json:"example"`
		Count    int       `json:"count"`
		Baseline int       `json:"baseline"`
		FirstAt  time.Time `json:"first_at"`
	}
	var order []string
	patterns := map[string]*pattern{}
	for _, l := range lines {
		key := variable.ReplaceAllString(l.Message, "<n>")
		p := patterns[key]
		if p == nil {
			p = &pattern{Level: strings.ToLower(level.FindString(l.Message)), Template: key, Example: l.Message, FirstAt: l.At}
			patterns[key] = p
			order = append(order, key)
		}
		if l.At.Before(split) {
			p.Baseline++
		} else {
			p.Count++
		}
	}
	var out []pattern
	for _, k := range order {
		if patterns[k].Count > 0 {
			out = append(out, *patterns[k])
		}
	}
	return s.line("log", service, ok, "", 0.5, map[string]any{"logs": out})
}

func (s *scene) changes(service string) string {
	type change struct {
		Service string    `json:"service"`
		Kind    string    `json:"kind"`
		Summary string    `json:"summary"`
		Version string    `json:"version"`
		Before  string    `json:"before"`
		At      time.Time `json:"at"`
	}
	var out []change
	deployments, _ := s.world.Deployments(service)
	for _, d := range deployments {
		if d.CreatedAt.After(s.now.Add(-time.Hour)) {
			out = append(out, change{service, "deployment", "deployment of " + d.TaskDefinition, d.TaskDefinition, d.Before, d.CreatedAt})
		}
	}
	return s.line("change", service, len(out) > 0, "", 0.5, map[string]any{"changes": out})
}

func (s *scene) graph() string {
	type edge struct {
		From string `json:"from"`
		To   string `json:"to"`
	}
	var edges []edge
	for _, svc := range world.Services() {
		for _, c := range svc.Calls {
			edges = append(edges, edge{svc.Name, c})
		}
	}
	return s.line("topology", "", true, "", 0, map[string]any{"edges": edges})
}

// use carries out a tool call as the product does.
func (s *scene) use(c brain.Call) brain.Result {
	var in struct{ Service string }
	if err := json.Unmarshal(c.Input, &in); err != nil {
		return brain.Result{ID: c.ID, Text: err.Error(), Error: true}
	}
	switch c.Name {
	case "query_metrics":
		return brain.Result{ID: c.ID, Text: block(s.metrics(in.Service))}
	case "search_logs":
		return brain.Result{ID: c.ID, Text: block(s.logs(in.Service))}
	case "recent_changes":
		return brain.Result{ID: c.ID, Text: block(s.changes(in.Service))}
	case "service_graph":
		return brain.Result{ID: c.ID, Text: block(s.graph())}
	}
	return brain.Result{ID: c.ID, Text: "there is no such tool", Error: true}
}

func block(lines ...string) string {
	return "<evidence>\n" + strings.Join(lines, "\n") + "\n</evidence>\n"
}

func system(title string) string {
	return "Say only what the evidence shows.\nAnswer with one JSON object that matches this schema:\n" + `{"title":"` + title + `","type":"object"}`
}
