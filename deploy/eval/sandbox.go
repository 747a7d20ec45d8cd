package main

import (
	"fmt"
	"io"
	"time"

	"vigil/activities"
	"vigil/activities/rca"
	"vigil/deploy/sandbox/world"
	"vigil/workflows/incident"
)

// metrics reads the measures of one service in points of period, which is at
// least a second, as CloudWatch has it.
func metrics(w *world.World, service string, from, to time.Time) []incident.Series {
	kind, ok := world.KindOf(service)
	if !ok {
		return nil
	}
	period := max(w.Tick(), time.Second)
	samples := w.Samples(service, from, to)
	var out []incident.Series
	for _, m := range world.Measures(kind) {
		s := incident.Series{Service: service, Metric: incident.Metric(m)}
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

// logs reads the log patterns of one service since base, beside those of the
// same span before it.
func logs(w *world.World, service string, from, base, to time.Time) []incident.LogPattern {
	const patterns = 12
	lines, _ := w.Logs(world.LogGroup(service), from, to)
	var current, before []activities.LogLine
	for _, l := range lines {
		line := activities.LogLine{At: l.At, Message: l.Message}
		if l.At.After(base) {
			current = append(current, line)
		} else if l.At.After(base.Add(base.Sub(to))) {
			before = append(before, line)
		}
	}
	return activities.Templates(current, before, patterns)
}

func changes(w *world.World, service string, from, to time.Time) []incident.Change {
	var out []incident.Change
	deployments, _ := w.Deployments(service)
	for _, d := range deployments {
		if !d.CreatedAt.Before(from) && !d.CreatedAt.After(to) {
			out = append(out, incident.Change{Service: service, Kind: "deployment", Summary: d.Summary,
				Version: d.TaskDefinition, Before: d.Before, Actor: d.Actor, At: d.CreatedAt})
		}
	}
	return out
}

func edges() []incident.Edge {
	var out []incident.Edge
	for _, s := range world.Services() {
		for _, c := range s.Calls {
			out = append(out, incident.Edge{From: s.Name, To: c})
		}
	}
	return out
}

// truth is where each fault of the world sits.
var truth = map[world.Fault]string{
	world.FaultBadDeployment:        world.Checkout,
	world.FaultConnectionsExhausted: world.OrdersDB,
	world.FaultMemoryLeak:           world.Payments,
}

// evalSandbox measures on the sandbox's own world, looked at as the workflow
// does: measures of what checkout depends on, then logs and changes of the
// first three suspects.
func evalSandbox(w io.Writer, seeds int) error {
	fmt.Fprintf(w, "\nThe sandbox's world, seeds 0 to %d: the right service with the right cause, first\n", seeds-1)
	for _, tick := range []time.Duration{200 * time.Millisecond, time.Second, 5 * time.Second, 30 * time.Second} {
		for _, f := range world.Faults {
			right, weakest := 0, 1.0
			for seed := range uint64(seeds) {
				got, err := sandboxIncident(tick, seed, f)
				if err != nil {
					return err
				}
				if len(got) > 0 && got[0].Service == truth[f] && got[0].Cause == incident.Cause(f) {
					right++
					weakest = min(weakest, got[0].Score)
				}
			}
			if right == 0 {
				weakest = 0
			}
			fmt.Fprintf(w, "  %-5s %-22s %4d of %d, lowest score of those %.2f\n", tick, f, right, seeds, weakest)
		}
		falsely, highest := 0, 0.0
		for seed := range uint64(seeds) {
			got, err := sandboxIncident(tick, seed, "")
			if err != nil {
				return err
			}
			if len(got) > 0 {
				highest = max(highest, got[0].Score)
				falsely += one(got[0].Score >= rca.Notable)
			}
		}
		fmt.Fprintf(w, "  %-5s %-22s %4d of %d false, highest score %.2f\n", tick, "healthy", falsely, seeds, highest)
	}
	return nil
}

// sandboxIncident makes a world, breaks it, and ranks suspects some ticks
// after its alarm. Without a fault it ranks at a time of no importance.
func sandboxIncident(tick time.Duration, seed uint64, f world.Fault) ([]incident.Suspect, error) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	w, err := world.New(world.Config{Tick: tick, Seed: seed}, now)
	if err != nil {
		return nil, err
	}
	step := func(n int) {
		now = now.Add(time.Duration(n) * tick)
		w.AdvanceTo(now)
	}
	step(int(seed % 60))
	started := now
	if f != "" {
		if err := w.StartFault(f); err != nil {
			return nil, err
		}
		for n := 0; w.State().Alarm.State != world.AlarmAlarm; n++ {
			if n == 100 {
				return nil, fmt.Errorf("the alarm stays silent %d ticks after %s, seed %d", n, f, seed)
			}
			step(1)
		}
		started = w.State().Alarm.Since
	}
	step(int(2*max(tick, time.Second)/tick) + int(seed%7)*int(seed%5))
	return investigate(w, started, now), nil
}

// maxPoints is how many points of a series evidence holds.
const maxPoints = 90

// investigate looks at the world as the workflow does, and ranks.
func investigate(w *world.World, started, now time.Time) []incident.Suspect {
	// The shipped setting, and less where a fast world has less history.
	lookback := min(time.Duration(incident.DefaultSettings().LookbackMS)*time.Millisecond, 1000*w.Tick())
	from, base := started.Add(-lookback), started.Add(-lookback/2)
	evidence := []incident.Evidence{{Kind: incident.EvidenceTopology, Found: true, Edges: edges()}}
	for _, s := range []string{world.Checkout, world.Orders, world.Payments, world.OrdersDB} {
		series := metrics(w, s, from, now)
		for i := range series {
			series[i].Points = rca.Thin(series[i].Points, maxPoints)
		}
		evidence = append(evidence, incident.Evidence{Kind: incident.EvidenceMetric, Service: s, Found: true, Series: series})
	}
	rank := func() []incident.Suspect {
		return rca.Rank(rca.FromEvidence(evidence, world.Checkout, started, base))
	}
	suspects := rank()
	for _, s := range suspects[:min(3, len(suspects))] {
		evidence = append(evidence,
			incident.Evidence{Kind: incident.EvidenceLog, Service: s.Service, Found: true, Logs: logs(w, s.Service, from, base, now)},
			incident.Evidence{Kind: incident.EvidenceChange, Service: s.Service, Found: true, Changes: changes(w, s.Service, from.Add(-lookback), now)})
	}
	return rank()
}
