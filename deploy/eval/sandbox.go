package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"vigil/activities"
	"vigil/deploy/sandbox/world"
	"vigil/workflows/incident"
)

// sandboxKind is one line of the sandbox's table.
type sandboxKind struct {
	fault  world.Fault // "": nothing happens
	varied bool        // a world of its own for each seed, not the shop
	tick   time.Duration
}

func (k sandboxKind) String() string {
	name, where := string(k.fault), "shop"
	if k.fault == "" {
		name = "healthy"
	}
	if k.varied {
		where = "made worlds"
	}
	return fmt.Sprintf("%s, %s, %s", name, where, k.tick)
}

// sandboxKinds are what is measured: everything that the world knows in worlds
// of their own, and in the shop at the ticks of tests and of a development
// world what it has had from the start.
func sandboxKinds() []sandboxKind {
	var out []sandboxKind
	for _, f := range slices.Concat(world.Faults, world.FalseAlarms, []world.Fault{""}) {
		out = append(out, sandboxKind{f, true, 5 * time.Second})
	}
	for _, f := range slices.Concat(world.Faults, world.FalseAlarms, []world.Fault{""}) {
		out = append(out, sandboxKind{f, false, 5 * time.Second})
	}
	for _, tick := range []time.Duration{200 * time.Millisecond, 30 * time.Second} {
		for _, f := range []world.Fault{world.FaultBadDeployment, world.FaultConnectionsExhausted, world.FaultMemoryLeak, ""} {
			out = append(out, sandboxKind{f, false, tick})
		}
	}
	return out
}

// evalSandbox measures on the sandbox's own worlds, looked at as the workflow
// does. A case counts with the right service and the right cause, first.
func evalSandbox(ctx context.Context, w io.Writer, _ string, o options) ([]*row, error) {
	var rows []*row
	all, shop, healthy, alarms := o.rows("all faults, made worlds"), o.rows("all faults, shop"), o.rows("all healthy"), o.rows("all false alarms")
	for _, k := range sandboxKinds() {
		own := o.rows(k.String())
		lines := [][]*row{own}
		switch {
		case k.fault.FalseAlarm():
			lines = append(lines, alarms)
		case k.fault == "":
			lines = append(lines, healthy)
		case k.varied:
			lines = append(lines, all)
		case k.tick == 5*time.Second:
			lines = append(lines, shop)
		}
		for i := range uint64(o.seeds) {
			c, err := sandboxIncident(k, o.seedFrom+i)
			if err != nil {
				return nil, err
			}
			answers, err := o.ask(ctx, c.ports, c.question)
			if err != nil {
				return nil, fmt.Errorf("%s, seed %d: %w", k, o.seedFrom+i, err)
			}
			for n, a := range answers {
				for _, r := range lines {
					r[n].add(answered(c.truth, a.suspects), a, true)
				}
				if o.verbose {
					misses(w, k, o.seedFrom+i, c.truth, a)
				}
			}
		}
		rows = append(rows, own...)
	}
	return slices.Concat(rows, all, shop, healthy, alarms), nil
}

// misses prints an answer that is wrong.
func misses(w io.Writer, k sandboxKind, seed uint64, truth world.Truth, a answer) {
	switch {
	case truth.Cause != "" && !right(truth, a.suspects):
		fmt.Fprintf(w, "  %s, seed %d: the truth is %v %s, %s says %s%s\n", k, seed, truth.Services, truth.Cause, a.by.name, firstOf(a.suspects), a.asideText())
	case truth.Cause == "" && len(a.suspects) > 0 && a.suspects[0].Score >= 0.3:
		fmt.Fprintf(w, "  %s, seed %d: nothing is wrong, %s says %s%s\n", k, seed, a.by.name, firstOf(a.suspects), a.asideText())
	}
}

// right reports whether the first suspect is the truth.
func right(t world.Truth, got []incident.Suspect) bool {
	return len(got) > 0 && got[0].Cause == t.Cause && slices.Contains(t.Services, got[0].Service)
}

// answered is the question whose only right answer is the best that got has
// of those that the truth allows, or the most exact one.
func answered(t world.Truth, got []incident.Suspect) question {
	if t.Cause == "" {
		return question{}
	}
	for _, s := range got {
		if s.Cause == t.Cause && slices.Contains(t.Services, s.Service) {
			return question{service: s.Service, cause: t.Cause}
		}
	}
	return question{service: t.Services[0], cause: t.Cause}
}

func firstOf(got []incident.Suspect) string {
	if len(got) == 0 {
		return "nobody"
	}
	return fmt.Sprintf("%s %s (%.2f) %q", got[0].Service, got[0].Cause, got[0].Score, got[0].Reasons)
}

// sandboxCase is one incident of the sandbox.
type sandboxCase struct {
	question
	ports *activities.Activities
	truth world.Truth
}

// sandboxIncident makes a world and breaks it. It is looked at some ticks after
// its alarm; where nothing is broken, at a time of no importance.
func sandboxIncident(k sandboxKind, seed uint64) (sandboxCase, error) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	w, err := world.New(world.Config{Tick: k.tick, Seed: seed, Varied: k.varied}, now)
	if err != nil {
		return sandboxCase{}, err
	}
	step := func(n int) {
		now = now.Add(time.Duration(n) * k.tick)
		w.AdvanceTo(now)
	}
	step(int(seed % 60))
	var truth world.Truth
	alarm := w.State().Alarm
	alarm.Since = now
	if k.fault != "" {
		if err := w.StartFault(k.fault); err != nil {
			return sandboxCase{}, err
		}
		truth, _ = w.Truth()
		for n := 0; w.State().Alarm.State != world.AlarmAlarm; n++ {
			if n == 100 {
				return sandboxCase{}, fmt.Errorf("the alarm stays silent %d ticks after %s, seed %d", n, k, seed)
			}
			step(1)
		}
		alarm = w.State().Alarm
	}
	after := int(2*max(k.tick, time.Second)/k.tick) + int(seed%7)*int(seed%5)
	if k.fault.FalseAlarm() {
		after += 6 // an alarm that is over when it is read: anything earlier is not false yet
	}
	step(after)
	c := lookAt(w, alarm, now)
	c.truth = truth
	return c, nil
}

// lookAt is what the workflow asks of a world, and how it sees it.
func lookAt(w *world.World, alarm world.Alarm, now time.Time) sandboxCase {
	// The shipped setting, and less where a fast world has less history.
	lookback := min(time.Duration(incident.DefaultSettings().LookbackMS)*time.Millisecond, 1000*w.Tick())
	q := question{alert: alarm.Name, detail: alarm.Description, alerting: alarm.Service, from: alarm.Since.Add(-lookback), baselineTo: alarm.Since.Add(-lookback / 2), startedAt: alarm.Since, to: now}
	t := observed(w, q.from.Add(-lookback), q.startedAt.Add(-time.Minute), now)
	q.services = activities.Scope(t.edges, alarm.Service, maxScope)
	return sandboxCase{question: q, ports: t.ports()}
}

// maxScope is how many services are read, as in the workflow.
const maxScope = 24

// observed is what monitoring has of a world since from. The load of a
// database is that since started: what it did before says nothing of the incident.
func observed(w *world.World, from, started, to time.Time) *telemetry {
	t := &telemetry{series: map[string][]incident.Series{}, lines: map[string][]activities.LogLine{}, changes: map[string][]incident.Change{},
		events: map[string][]incident.SystemEvent{}, loads: map[string]*incident.DatabaseLoad{}}
	for _, s := range w.Services() {
		for _, c := range s.Calls {
			t.edges = append(t.edges, incident.Edge{From: s.Name, To: c})
		}
		t.series[s.Name] = measures(w, s, from, to)
		lines, _ := w.Logs(w.LogGroup(s.Name), from, to)
		for _, l := range lines {
			t.lines[s.Name] = append(t.lines[s.Name], activities.LogLine{At: l.At, Message: l.Message})
		}
		t.changes[s.Name] = changed(w, s.Name)
		if s.Kind == world.KindDatabase {
			t.loads[s.Name] = loaded(w, s.Name, started, to)
		}
	}
	for _, e := range w.PlatformEvents(func(world.PlatformEvent) bool { return true }) {
		t.events[e.Source] = append(t.events[e.Source], incident.SystemEvent{At: e.At, Resource: e.Source, Category: e.Category, Message: e.Message})
	}
	return t
}

// measures reads the measures of one service in points of a tick, and of no
// less than a second, as CloudWatch has it.
func measures(w *world.World, service world.Service, from, to time.Time) []incident.Series {
	period := max(w.Tick(), time.Second)
	samples := w.Samples(service.Name, from, to)
	var out []incident.Series
	for _, m := range world.Measures(service.Kind) {
		s := incident.Series{Service: service.Name, Metric: m}
		var sum, n float64
		for _, sample := range samples {
			sum, n = sum+sample.Value(m), n+1
			if sample.At.Truncate(period).Equal(sample.At) { // the period ends here
				s.Points = append(s.Points, incident.Point{At: sample.At, Value: sum / n})
				sum, n = 0, 0
			}
		}
		out = append(out, s)
	}
	return out
}

// changed reads deployments as ECS shows them and all other changes as the
// audit trail has them.
func changed(w *world.World, service string) []incident.Change {
	var out []incident.Change
	deployments, _ := w.Deployments(service)
	for _, d := range deployments {
		out = append(out, incident.Change{Service: service, Kind: "deployment", Summary: d.Summary,
			Version: d.TaskDefinition, Before: d.Before, Actor: d.Actor, At: d.CreatedAt})
	}
	kinds := map[string]string{"PutParameter": "configuration", "ModifyDBParameterGroup": "configuration", "ModifyDBInstance": "configuration",
		"ModifyCacheCluster": "scaling", "UpdateService": "scaling"}
	for _, e := range w.Trail(func(e world.TrailEvent) bool {
		_, deployed := e.Request["taskDefinition"]
		return kinds[e.Name] != "" && !deployed && slices.ContainsFunc(e.Resources, func(r world.Resource) bool { return r.Name == service })
	}) {
		out = append(out, incident.Change{Service: service, Kind: kinds[e.Name], Summary: e.Name, Actor: e.Username, At: e.At})
	}
	slices.SortStableFunc(out, func(a, b incident.Change) int { return a.At.Compare(b.At) })
	return out
}

// loaded reads what a database spent its time on, as Performance Insights
// gives it.
func loaded(w *world.World, database string, from, to time.Time) *incident.DatabaseLoad {
	load, ok := w.Load(database, from, to)
	if !ok || len(load.Samples) == 0 {
		return nil
	}
	out := &incident.DatabaseLoad{CPUs: world.DatabaseCPUs}
	n := float64(len(load.Samples))
	waits := make([]float64, len(world.WaitNames))
	for _, s := range load.Samples {
		out.Average += s.Total() / n
		out.Peak = max(out.Peak, s.Total())
	}
	for i, st := range load.Statements {
		statement := incident.Statement{SQL: st.SQL, User: st.User}
		for k, name := range world.WaitNames {
			var v float64
			for _, s := range load.Samples {
				v += s.Of(i, k) / n
			}
			if v > 0 {
				statement.Waits = append(statement.Waits, incident.WaitLoad{Name: name, Load: v})
			}
			statement.Load += v
			waits[k] += v
		}
		out.Statements = append(out.Statements, statement)
	}
	for k, v := range waits {
		if v > 0 {
			out.Waits = append(out.Waits, incident.WaitLoad{Name: world.WaitNames[k], Load: v})
		}
	}
	slices.SortStableFunc(out.Statements, func(a, b incident.Statement) int { return cmp.Compare(b.Load, a.Load) })
	slices.SortStableFunc(out.Waits, func(a, b incident.WaitLoad) int { return cmp.Compare(b.Load, a.Load) })
	return out
}
