package brain_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"vigil/activities"
	"vigil/activities/rca"
	"vigil/deploy/sandbox/brain"
	"vigil/deploy/sandbox/world"
	"vigil/workflows/incident"
)

// scene is a world with a fault some ticks after its alarm was raised, and an
// observer who writes down what its telemetry shows, with the product's own
// statistics and in its own words. The brain is told nothing else.
type scene struct {
	world    *world.World
	truth    world.Truth
	alarm    world.Alarm
	now      time.Time
	baseline time.Time // normal operation up to here
	ids      int
}

const (
	tick     = 10 * time.Second
	lookback = 15 * time.Minute
)

func mustScene(tb rapid.TB, seed uint64, fault world.Fault) *scene {
	tb.Helper()
	return mustSceneOf(tb, world.Config{Tick: tick, Seed: seed}, fault)
}

func mustSceneOf(tb rapid.TB, cfg world.Config, fault world.Fault) *scene {
	tb.Helper()
	s := &scene{now: time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)}
	w, err := world.New(cfg, s.now)
	if err != nil {
		tb.Fatal(err)
	}
	s.world, s.alarm = w, w.State().Alarm
	s.alarm.Since = s.now
	if fault != "" {
		if err := w.StartFault(fault); err != nil {
			tb.Fatal(err)
		}
		s.truth, _ = w.Truth()
		for range 100 {
			if s.alarm = w.State().Alarm; s.alarm.State == world.AlarmAlarm {
				break
			}
			s.step(1)
		}
		s.step(3 + int(cfg.Seed%8))
	}
	s.baseline = s.alarm.Since.Add(-lookback / 2)
	return s
}

func (s *scene) step(ticks int) {
	s.now = s.now.Add(time.Duration(ticks) * s.world.Tick())
	s.world.AdvanceTo(s.now)
}

func (s *scene) incident() string {
	raw, err := json.Marshal(map[string]any{"id": "i-1", "title": s.alarm.Name, "service": s.alarm.Service, "severity": "high",
		"started_at": s.alarm.Since, "alerts": []any{map[string]any{"title": s.alarm.Name, "service": s.alarm.Service}}})
	if err != nil {
		panic(err)
	}
	return "<incident>\n" + string(raw) + "\n</incident>\n"
}

// write numbers one piece of evidence and writes it as the workflow does.
func (s *scene) write(e incident.Evidence) string {
	s.ids++
	e.ID, e.Source, e.Title = fmt.Sprintf("E%d", s.ids), "test", string(e.Kind)+" of "+e.Service
	raw, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// line writes one piece of evidence with whatever is said of it.
func (s *scene) line(kind, service string, found bool, finding string, strength float64, more map[string]any) string {
	s.ids++
	e := map[string]any{"id": fmt.Sprintf("E%d", s.ids), "kind": kind, "source": "test", "service": service, "title": kind + " of " + service,
		"found": found, "finding": finding, "strength": strength}
	maps.Copy(e, more)
	raw, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func (s *scene) metrics(service string) string {
	e := incident.Evidence{Kind: incident.EvidenceMetric, Service: service}
	kind, ok := s.world.KindOf(service)
	if ok {
		samples := s.world.Samples(service, s.alarm.Since.Add(-lookback), s.now.Add(tick))
		var series []incident.Series
		for _, m := range world.Measures(kind) {
			one := incident.Series{Service: service, Metric: m}
			for _, p := range samples {
				one.Points = append(one.Points, incident.Point{At: p.At, Value: p.Value(m)})
			}
			series = append(series, one)
		}
		e.Found = len(series) > 0
		e.Finding, e.Strength = rca.Describe(series, s.baseline)
	}
	if !e.Found {
		e.Finding = "no metrics of " + service
	}
	return s.write(e)
}

func (s *scene) logs(service string) string {
	group := s.world.LogGroup(service)
	read := func(from, to time.Time) []activities.LogLine {
		lines, _ := s.world.Logs(group, from, to)
		var out []activities.LogLine
		for _, l := range lines {
			out = append(out, activities.LogLine{At: l.At, Message: l.Message})
		}
		return out
	}
	current := read(s.baseline, s.now)
	e := incident.Evidence{Kind: incident.EvidenceLog, Service: service, Found: len(current) > 0,
		Logs: activities.Templates(current, read(s.baseline.Add(-s.now.Sub(s.baseline)), s.baseline), 12)}
	e.Finding, e.Strength = rca.DescribeLogs(e.Logs)
	return s.write(e)
}

func (s *scene) changes(service string) string {
	e := incident.Evidence{Kind: incident.EvidenceChange, Service: service}
	deployments, _ := s.world.Deployments(service)
	for _, d := range deployments {
		e.Changes = append(e.Changes, incident.Change{Service: service, Kind: "deployment", Summary: "deployment of " + d.TaskDefinition, Version: d.TaskDefinition, Before: d.Before, At: d.CreatedAt})
	}
	for _, t := range s.world.Trail(func(t world.TrailEvent) bool {
		return t.Name == "PutParameter" && slices.ContainsFunc(t.Resources, func(r world.Resource) bool { return r.Name == service })
	}) {
		e.Changes = append(e.Changes, incident.Change{Service: service, Kind: "configuration", Summary: t.Name, Actor: t.Username, At: t.At})
	}
	e.Found = len(e.Changes) > 0
	e.Finding, e.Strength = rca.DescribeChanges(e.Changes, s.alarm.Since)
	return s.write(e)
}

func (s *scene) events(service string) string {
	e := incident.Evidence{Kind: incident.EvidenceEvents, Service: service, Finding: "no event of " + service}
	for _, p := range s.world.PlatformEvents(func(p world.PlatformEvent) bool { return p.Source == service }) {
		e.Events = append(e.Events, incident.SystemEvent{At: p.At, Resource: p.Source, Category: p.Category, Message: p.Message})
	}
	if e.Found = len(e.Events) > 0; e.Found {
		e.Finding, e.Strength = rca.DescribeEvents(e.Events, s.alarm.Since)
	}
	return s.write(e)
}

func (s *scene) load(service string) string {
	e := incident.Evidence{Kind: incident.EvidenceDatabaseLoad, Service: service, Finding: "the load of " + service + " is not measured"}
	l, ok := s.world.Load(service, s.baseline, s.now)
	if n := float64(len(l.Samples)); ok && n > 0 {
		e.Found, e.Load = true, &incident.DatabaseLoad{CPUs: world.DatabaseCPUs}
		waits := map[string]float64{}
		for i, st := range l.Statements {
			statement := incident.Statement{SQL: st.SQL, User: st.User}
			for k, name := range world.WaitNames {
				v := 0.0
				for _, sample := range l.Samples {
					v += sample.Of(i, k) / n
				}
				statement.Load += v
				waits[name] += v
				statement.Waits = append(statement.Waits, incident.WaitLoad{Name: name, Load: v})
			}
			slices.SortFunc(statement.Waits, func(a, b incident.WaitLoad) int { return cmp.Compare(b.Load, a.Load) })
			e.Load.Statements = append(e.Load.Statements, statement)
			e.Load.Average += statement.Load
		}
		for name, v := range waits {
			e.Load.Waits = append(e.Load.Waits, incident.WaitLoad{Name: name, Load: v})
		}
		slices.SortFunc(e.Load.Waits, func(a, b incident.WaitLoad) int {
			return cmp.Or(cmp.Compare(b.Load, a.Load), cmp.Compare(a.Name, b.Name))
		})
		slices.SortStableFunc(e.Load.Statements, func(a, b incident.Statement) int { return cmp.Compare(b.Load, a.Load) })
		e.Finding, e.Strength = rca.DescribeLoad(*e.Load)
	}
	return s.write(e)
}

func (s *scene) graph() string {
	e := incident.Evidence{Kind: incident.EvidenceTopology, Found: true}
	for _, svc := range s.world.Services() {
		for _, c := range svc.Calls {
			e.Edges = append(e.Edges, incident.Edge{From: svc.Name, To: c})
		}
	}
	return s.write(e)
}

// everything is all that there is to see.
func (s *scene) everything() []string {
	lines := []string{s.graph()}
	for _, svc := range s.world.Services() {
		lines = append(lines, s.metrics(svc.Name), s.logs(svc.Name), s.changes(svc.Name))
		if svc.Kind == world.KindDatabase {
			lines = append(lines, s.events(svc.Name), s.load(svc.Name))
		}
	}
	return lines
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
	case "platform_events":
		return brain.Result{ID: c.ID, Text: block(s.events(in.Service))}
	case "database_load":
		return brain.Result{ID: c.ID, Text: block(s.load(in.Service))}
	case "similar_incidents":
		return brain.Result{ID: c.ID, Text: block(s.line("past_incident", "", false, "No historical matches found", 0, nil))}
	case "find_runbooks":
		return brain.Result{ID: c.ID, Text: block(s.line("runbook", "", false, "No runbook found", 0, nil))}
	}
	return brain.Result{ID: c.ID, Text: "there is no such tool", Error: true}
}

func block(lines ...string) string {
	return "<evidence>\n" + strings.Join(lines, "\n") + "\n</evidence>\n"
}

func system(title string) string {
	return "Say only what the evidence shows.\nAnswer with one JSON object that matches this schema:\n" + `{"title":"` + title + `","type":"object"}`
}
