package world_test

import (
	"maps"
	"math"
	"slices"
	"time"

	"pgregory.net/rapid"

	"vigil/deploy/sandbox/world"
	"vigil/workflows/incident"
)

// tick is long, so that the history is short.
const tick = 10 * time.Second

var genesis = time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)

// bed is a world with a hand on its clock.
type bed struct {
	*world.World
	now time.Time
}

func mustWorld(tb rapid.TB, seed uint64) *bed { return mustBegin(tb, seed, false) }

func mustBegin(tb rapid.TB, seed uint64, varied bool) *bed {
	tb.Helper()
	w, err := world.New(world.Config{Tick: tick, Seed: seed, Varied: varied}, genesis)
	if err != nil {
		tb.Fatal(err)
	}
	return &bed{World: w, now: genesis}
}

func (b *bed) ticks(n int) {
	b.now = b.now.Add(time.Duration(n) * tick)
	b.AdvanceTo(b.now)
}

// until advances tick by tick until done holds, and returns how many it took;
// it fails the test after limit.
func (b *bed) until(tb rapid.TB, what string, limit int, done func() bool) int {
	tb.Helper()
	for n := range limit {
		if done() {
			return n
		}
		b.ticks(1)
	}
	if !done() {
		s := b.State()
		tb.Fatalf("%s: not within %d ticks; faults %+v, held %+v, alarm %+v", what, limit, s.Faults, s.Held, s.Alarm)
	}
	return limit
}

func (b *bed) alarmed() bool { return b.State().Alarm.State == world.AlarmAlarm }

func (b *bed) mustStart(tb rapid.TB, f world.Fault) {
	tb.Helper()
	if err := b.StartFault(f); err != nil {
		tb.Fatal(err)
	}
}

func (b *bed) mustRun(tb rapid.TB, document, service string) world.Execution {
	tb.Helper()
	e, err := b.StartAutomation(document, map[string][]string{"Cluster": {world.Cluster}, "Service": {service}}, nil, "")
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// mustAct runs a remedy on a service.
func (b *bed) mustAct(tb rapid.TB, r world.Remedy, service string) world.Execution {
	tb.Helper()
	p := maps.Clone(r.Parameters)
	p["Service"] = []string{service}
	e, err := b.StartAutomation(r.Document, p, nil, "")
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// heal ends the fault that is active by the automation that helps.
func (b *bed) heal(tb rapid.TB) {
	tb.Helper()
	truth, ok := b.Truth()
	if !ok {
		tb.Fatal("nothing is wrong")
	}
	b.mustAct(tb, truth.Actions[0], truth.Services[0])
}

// recovers waits until all is as it was.
func (b *bed) recovers(tb rapid.TB, bands map[string]map[world.Metric]band) {
	tb.Helper()
	b.until(tb, "recovery", 15, func() bool { return !b.alarmed() && len(b.outside(bands)) == 0 && len(b.State().Faults) == 0 })
}

// patience is how many ticks an alarm may take: in a made world a fault may
// come late and slowly.
func patience(varied bool) int {
	if varied {
		return 22
	}
	return 15
}

// band is the normal spread of one measure: its median before the incident,
// and three times a spread of at least a twentieth of it.
type band struct{ median, width float64 }

func (b *bed) bands(before time.Time) map[string]map[world.Metric]band {
	out := map[string]map[world.Metric]band{}
	spread := 0.05
	if b.State().Varied {
		spread = 0.08
	}
	for _, s := range b.Services() {
		out[s.Name] = map[world.Metric]band{}
		samples := b.Samples(s.Name, before.Add(-120*tick), before)
		for _, m := range world.Measures(s.Kind) {
			var values []float64
			for _, p := range samples {
				values = append(values, p.Value(m))
			}
			slices.Sort(values)
			median := values[len(values)/2]
			floor := map[world.Metric]float64{world.MetricErrors: 0.002, world.MetricCPU: 1, world.MetricMemory: 1, world.MetricConnections: 1, incident.MetricQueueDepth: 2}[m]
			out[s.Name][m] = band{median, 3 * math.Max(floor, spread*median)}
		}
	}
	return out
}

func (b *bed) outside(bands map[string]map[world.Metric]band) []string {
	var out []string
	for _, s := range b.State().Services {
		for m, v := range s.Metrics {
			if n := bands[s.Name][m]; math.Abs(v-n.median) > n.width {
				out = append(out, s.Name+" "+string(m))
			}
		}
	}
	slices.Sort(out)
	return out
}
