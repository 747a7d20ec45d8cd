package world_test

import (
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vigil/deploy/sandbox/world"
	"vigil/workflows/incident"
)

// tick is long, so that the history is short.
const tick = 10 * time.Second

var genesis = time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)

// TestMain asks for fewer checks than rapid's 100, each of which makes a world
// with its history; -rapid.checks asks for more.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "8"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	os.Exit(m.Run())
}

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

func TestHealthyWorldStaysHealthy(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := mustBegin(t, rapid.Uint64().Draw(t, "seed"), rapid.Bool().Draw(t, "varied"))
		bands := b.bands(b.now)
		for range 100 {
			b.ticks(1)
			if out := b.outside(bands); len(out) > 0 {
				t.Fatalf("outside of normal with no fault: %v", out)
			}
		}
		if tr := b.Transitions(); len(tr) > 0 {
			t.Fatalf("the alarm moved with no fault: %+v", tr)
		}
	})
}

// TestEachFaultRaisesTheAlarmAndItsRemedyCures is what the world promises of
// every fault, in the shop and in made worlds: each remedy that Truth gives
// cures it, wherever Truth says that it may be said to be.
func TestEachFaultRaisesTheAlarmAndItsRemedyCures(t *testing.T) {
	t.Parallel()
	for _, f := range world.Faults {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				varied := rapid.Bool().Draw(t, "varied")
				b := mustBegin(t, rapid.Uint64().Draw(t, "seed"), varied)
				b.ticks(rapid.IntRange(0, 90).Draw(t, "quiet"))
				bands := b.bands(b.now)
				b.mustStart(t, f)
				b.until(t, "alarm", patience(varied), b.alarmed)
				b.ticks(rapid.IntRange(0, 60).Draw(t, "waiting"))
				if !b.alarmed() {
					t.Fatal("the alarm went away by itself")
				}
				truth, _ := b.Truth()
				if len(truth.Remedies) == 0 || len(truth.Remedies) != len(truth.Actions) {
					t.Fatalf("truth is %+v", truth)
				}
				began := b.mustAct(t, rapid.SampledFrom(truth.Actions).Draw(t, "remedy"), rapid.SampledFrom(truth.Services).Draw(t, "service"))
				b.recovers(t, bands)
				if e := b.execution(t, began.ID); e.Status != world.ExecutionSuccess || len(e.Outputs) == 0 {
					t.Fatalf("the execution is %+v", e)
				}
				b.ticks(4)
				for range 30 {
					b.ticks(1)
					if out := b.outside(bands); len(out) > 0 || b.alarmed() {
						t.Fatalf("relapsed: %v", out)
					}
				}
				if got := b.Transitions(); len(got) != 2 || got[0].State != world.AlarmAlarm || got[1].State != world.AlarmOK {
					t.Fatalf("transitions %+v, want ALARM and OK", got)
				}
			})
		})
	}
}

// TestFalseAlarms: the alarm is raised, no user has noticed, and it goes away
// by itself.
func TestFalseAlarms(t *testing.T) {
	t.Parallel()
	for _, f := range world.FalseAlarms {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				varied := rapid.Bool().Draw(t, "varied")
				b := mustBegin(t, rapid.Uint64().Draw(t, "seed"), varied)
				bands := b.bands(b.now)
				b.mustStart(t, f)
				if truth, ok := b.Truth(); !ok || truth.Cause != "" || len(truth.Services)+len(truth.Remedies) > 0 {
					t.Fatalf("truth is %+v, %v; nothing is wrong", truth, ok)
				}
				b.until(t, "alarm", patience(varied), b.alarmed)
				for range 120 {
					b.ticks(1)
					for _, s := range b.State().Services {
						// A made world has an error rate of its own: more than its
						// normal is what users would notice.
						n := bands[s.Name][world.MetricErrors]
						if e, ok := s.Metrics[world.MetricErrors]; ok && e > n.median+n.width {
							t.Fatalf("%s fails %.4f of its requests, normal is %.4f", s.Name, e, n.median)
						}
					}
				}
				if b.alarmed() || len(b.State().Faults) > 0 {
					t.Fatalf("still there: %+v", b.State().Alarm)
				}
				if got := b.Transitions(); len(got) != 2 {
					t.Fatalf("transitions %+v, want ALARM and OK", got)
				}
			})
		})
	}
}

func TestWrongRemediesChangeNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.SampledFrom(world.Faults).Draw(t, "fault")
		varied := rapid.Bool().Draw(t, "varied")
		b := mustBegin(t, rapid.Uint64().Draw(t, "seed"), varied)
		b.mustStart(t, f)
		b.until(t, "alarm", patience(varied), b.alarmed)
		truth, _ := b.Truth()
		for range rapid.IntRange(1, 3).Draw(t, "attempts") {
			wrong := rapid.SampledFrom(everything()).Draw(t, "document")
			service := rapid.SampledFrom(b.Services()).Draw(t, "service")
			if right(truth, wrong, service) {
				continue
			}
			b.mustAct(t, wrong, service.Name)
			b.ticks(20)
			if !b.alarmed() {
				t.Fatalf("%v on %s ended %s", wrong, service.Name, f)
			}
			if s := b.State().Faults; len(s) != 1 || s[0].Phase != "active" {
				t.Fatalf("%v on %s: faults are %+v", wrong, service.Name, s)
			}
		}
	})
}

// everything is each document with each argument that it may have.
func everything() []world.Remedy {
	var out []world.Remedy
	for _, d := range world.Documents {
		name, values := "", []string{""}
		switch d {
		case world.DocumentUpdateConfig, world.DocumentRestoreConfig:
			name, values = "Setting", []string{world.SettingPrevious, world.SettingStatementTimeout}
		case world.DocumentIncrease, world.DocumentRestore:
			name, values = "Resource", []string{world.ResourceStorage, world.ResourceCapacity, world.ResourceCPU, world.ResourceMemory, world.ResourceConnections}
		}
		for _, v := range values {
			p := map[string][]string{"Cluster": {world.Cluster}}
			if name != "" {
				p[name] = []string{v}
			}
			out = append(out, world.Remedy{Document: d, Parameters: p})
		}
	}
	return out
}

// right reports whether r ends a fault, run on a service. The circuit breaker
// of a dependency is at its callers, too.
func right(truth world.Truth, r world.Remedy, service world.Service) bool {
	return slices.ContainsFunc(truth.Actions, func(a world.Remedy) bool {
		same := a.Document == r.Document && slices.Equal(a.Parameters["Setting"], r.Parameters["Setting"]) && slices.Equal(a.Parameters["Resource"], r.Parameters["Resource"])
		return same && (slices.Contains(truth.Services, service.Name) || r.Document == world.DocumentEnableBreaker && slices.Contains(service.Calls, truth.Services[0]))
	})
}

// TestFaultsComeAgain guards the second and third incident of one world: a
// cure of an earlier one must not make a fault harmless or its remedy wrong.
func TestFaultsComeAgain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		varied := rapid.Bool().Draw(t, "varied")
		b := mustBegin(t, rapid.Uint64().Draw(t, "seed"), varied)
		for _, f := range rapid.SliceOfN(rapid.SampledFrom(world.Faults), 2, 4).Draw(t, "faults") {
			b.mustStart(t, f)
			b.until(t, "alarm for "+string(f), patience(varied), b.alarmed)
			b.heal(t)
			b.until(t, "recovery from "+string(f), 15, func() bool { return !b.alarmed() && len(b.State().Faults) == 0 })
			b.ticks(rapid.IntRange(0, 30).Draw(t, "pause"))
		}
	})
}

// seen is what telemetry shows since a moment.
type seen struct {
	*bed
	since time.Time
	state world.State
}

func (s seen) last(service string, m world.Metric) float64 {
	for _, v := range s.state.Services {
		if v.Name == service {
			return v.Metrics[m]
		}
	}
	return math.NaN()
}

func (s seen) logged(service string, texts ...string) int {
	lines, _ := s.Logs(s.LogGroup(service), s.since, s.now)
	n := 0
	for _, l := range lines {
		if slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(l.Message, text) }) {
			n++
		}
	}
	return n
}

func (s seen) changed(service, operation string) bool {
	return len(s.Trail(func(e world.TrailEvent) bool {
		return !e.At.Before(s.since) && e.Name == operation && slices.ContainsFunc(e.Resources, func(r world.Resource) bool { return r.Name == service })
	})) > 0
}

// TestTheCauseShowsWhenTheAlarmIsRaised holds the telemetry of that moment to
// what tells the shop's faults apart.
func TestTheCauseShowsWhenTheAlarmIsRaised(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.SampledFrom(world.Faults).Draw(t, "fault")
		b := mustWorld(t, rapid.Uint64().Draw(t, "seed"))
		s := seen{bed: b, since: b.now}
		b.mustStart(t, f)
		b.until(t, "alarm", 15, b.alarmed)
		b.ticks(4)
		s.state = b.State()
		noSlots := s.logged(world.Orders, "slots are reserved", "acquiring connection") + s.logged(world.Payments, "slots are reserved", "acquiring connection")
		signs := map[world.Fault]bool{
			world.FaultBadDeployment:        s.changed(world.Checkout, "UpdateService") && s.logged(world.Checkout, "NullPointerException") >= 2,
			world.FaultConnectionsExhausted: s.last(world.OrdersDB, world.MetricConnections) >= 97 && noSlots >= 2,
			world.FaultMemoryLeak:           s.last(world.Payments, world.MetricMemory) >= 88 && s.logged(world.Payments, "OutOfMemory") >= 1,
			world.FaultCPUSaturation:        s.last(world.Orders, world.MetricCPU) > 85 && s.last(world.Web, world.MetricRate) < 200,
			world.FaultTrafficSurge:         s.last(world.Web, world.MetricRate) > 220,
			world.FaultStorageFull:          s.last(world.OrdersDB, incident.MetricFreeStorage) < 5<<30 && s.logged(world.OrdersDB, "No space left") >= 2,
			world.FaultExpensiveQuery:       s.last(world.OrdersDB, incident.MetricDatabaseLoad) > 4 && s.logged(world.OrdersDB, "duration: ") >= 2 && s.last(world.CatalogCache, incident.MetricCacheHitRate) > 0.9,
			world.FaultCacheFailure:         s.last(world.CatalogCache, incident.MetricCacheHitRate) < 0.7,
			world.FaultDependencyFailure:    s.logged(world.Payments, world.PaymentsProvider) >= 2,
			world.FaultThrottled:            s.last(world.Carts, incident.MetricThrottles) > 5,
			world.FaultBadConfiguration:     s.changed(world.Orders, "PutParameter") && !s.changed(world.Orders, "UpdateService"),
			world.FaultNetworkFailure:       s.logged(world.Checkout, "i/o timeout", "timed out", "reset by peer") >= 2,
		}
		if len(signs) != len(world.Faults) {
			t.Fatalf("%d signs of %d faults", len(signs), len(world.Faults))
		}
		for cause, shown := range signs {
			if shown != (cause == f) {
				t.Fatalf("fault %s: signs of %s shown is %v", f, cause, shown)
			}
		}
		if s.changed(world.Payments, "UpdateService") {
			t.Fatal("payments was deployed")
		}
	})
}

func TestSameSeedSameWorld(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		seed, varied := rapid.Uint64().Draw(t, "seed"), rapid.Bool().Draw(t, "varied")
		f := rapid.SampledFrom(slices.Concat(world.Faults, world.FalseAlarms)).Draw(t, "fault")
		run := func(steps ...int) *bed {
			b := mustBegin(t, seed, varied)
			b.mustStart(t, f)
			for _, n := range steps {
				b.ticks(n)
			}
			return b
		}
		// However the time is cut up, the world is the same.
		a, b := run(20), run(7, 0, 13)
		if x, y := a.Services(), b.Services(); !reflect.DeepEqual(x, y) {
			t.Fatalf("the services differ: %v and %v", x, y)
		}
		for _, s := range a.Services() {
			x, y := a.Samples(s.Name, time.Time{}, a.now.Add(tick)), b.Samples(s.Name, time.Time{}, b.now.Add(tick))
			if !slices.Equal(x, y) {
				t.Fatalf("samples of %s differ", s.Name)
			}
			p, _ := a.Logs(a.LogGroup(s.Name), time.Time{}, a.now)
			q, _ := b.Logs(b.LogGroup(s.Name), time.Time{}, b.now)
			if !slices.Equal(p, q) {
				t.Fatalf("logs of %s differ", s.Name)
			}
			l, _ := a.Load(s.Name, time.Time{}, a.now)
			m, _ := b.Load(s.Name, time.Time{}, b.now)
			if !reflect.DeepEqual(l, m) {
				t.Fatalf("loads of %s differ", s.Name)
			}
		}
	})
}

func TestHistory(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		tick time.Duration
		want int
	}{{20 * time.Millisecond, 3600}, {time.Second, 1800}, {5 * time.Second, 360}, {time.Minute, 180}} {
		w, err := world.New(world.Config{Tick: tc.tick}, genesis)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(w.Samples(world.Checkout, time.Time{}, genesis.Add(tc.tick))); got != tc.want {
			t.Errorf("tick %s: %d samples of history, want %d", tc.tick, got, tc.want)
		}
		recent := w.Trail(func(e world.TrailEvent) bool { return e.At.After(genesis.Add(-time.Duration(tc.want) * tc.tick)) })
		if len(recent) == 0 {
			t.Errorf("tick %s: nothing harmless was deployed within the history", tc.tick)
		}
		for _, e := range recent {
			if n := e.Resources[0].Name; n != world.Catalog && n != world.Web {
				t.Errorf("tick %s: %s was deployed within the history", tc.tick, n)
			}
		}
	}
	if _, err := world.New(world.Config{Tick: time.Hour}, genesis); err == nil {
		t.Error("a tick of an hour was accepted")
	}
}

func TestLogsAreInOrder(t *testing.T) {
	t.Parallel()
	b := mustWorld(t, 3)
	b.mustStart(t, world.FaultConnectionsExhausted)
	b.ticks(30)
	for _, s := range world.Services() {
		group := world.LogGroup(s.Name)
		lines, ok := b.Logs(group, time.Time{}, b.now)
		if ok != (group != "") {
			t.Errorf("%s: group %q, known %v", s.Name, group, ok)
		}
		if !slices.IsSortedFunc(lines, func(a, b world.LogLine) int { return a.At.Compare(b.At) }) {
			t.Errorf("%s: lines are out of order", s.Name)
		}
	}
}

func TestALongGapBeginsAnew(t *testing.T) {
	t.Parallel()
	b := mustWorld(t, 1)
	b.mustStart(t, world.FaultMemoryLeak)
	b.now = b.now.Add(90 * 24 * time.Hour)
	b.AdvanceTo(b.now)
	if got := len(b.Samples(world.Web, time.Time{}, b.now.Add(tick))); got != 180 || len(b.State().Faults) != 0 {
		t.Errorf("%d samples and faults %+v after 90 days, want a new world", got, b.State().Faults)
	}
	b.AdvanceTo(genesis) // time that goes back is no time
	if !b.Now().Equal(b.now) {
		t.Errorf("now is %s, want %s", b.Now(), b.now)
	}
}

// TestSymptomsTravelUpTheGraph: a caller feels what is wrong no earlier than
// the service that it is wrong with, and recovery takes more than one point.
func TestSymptomsTravelUpTheGraph(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.SampledFrom([]world.Fault{world.FaultBadDeployment, world.FaultMemoryLeak, world.FaultCPUSaturation, world.FaultBadConfiguration}).Draw(t, "fault")
		b := mustBegin(t, rapid.Uint64().Draw(t, "seed"), rapid.Bool().Draw(t, "varied"))
		bands := b.bands(b.now)
		b.mustStart(t, f)
		truth, _ := b.Truth()
		onset := map[string]int{}
		for n := range 40 {
			b.ticks(1)
			for _, s := range b.State().Services {
				normal := bands[s.Name][world.MetricLatency]
				if _, known := onset[s.Name]; !known && s.Metrics[world.MetricLatency] > normal.median+2*normal.width {
					onset[s.Name] = n
				}
			}
		}
		at, watched := onset[truth.Services[0]], b.State().Alarm.Service
		if felt, ok := onset[watched]; !ok || felt < at {
			t.Fatalf("%s in %s since %d, felt by %s at %d", f, truth.Services[0], at, watched, felt)
		}
		for _, s := range b.Services() {
			if _, ok := onset[s.Name]; ok && onset[s.Name] < at {
				t.Fatalf("%s was slow at %d, before %s at %d", s.Name, onset[s.Name], truth.Services[0], at)
			}
		}
		b.heal(t)
		if took := b.until(t, "recovery", 15, func() bool { return len(b.outside(bands)) == 0 }); took < 3 {
			t.Fatalf("all well again %d ticks after the cure was begun", took)
		}
	})
}

// TestRingsAreLimited keeps a long run within what the package promises.
func TestRingsAreLimited(t *testing.T) {
	t.Parallel()
	b := &bed{now: genesis}
	var err error
	if b.World, err = world.New(world.Config{Tick: time.Minute, Seed: 2}, genesis); err != nil {
		t.Fatal(err)
	}
	for range 600 { // each leaves a platform event and several on the trail
		if _, err := b.StartAutomation(world.DocumentRestart, map[string][]string{"Service": {world.OrdersDB}}, nil, ""); err != nil {
			t.Fatal(err)
		}
	}
	for range 1000 { // minutes; the rings hold six hours
		b.now = b.now.Add(time.Minute)
		b.AdvanceTo(b.now)
	}
	all := b.now.Add(time.Hour)
	load, _ := b.Load(world.OrdersDB, time.Time{}, all)
	lines, _ := b.Logs(world.LogGroup(world.Web), time.Time{}, all)
	for what, n := range map[string][2]int{
		"samples":         {len(b.Samples(world.Web, time.Time{}, all)), 360},
		"loads":           {len(load.Samples), 360},
		"platform events": {len(b.PlatformEvents(func(world.PlatformEvent) bool { return true })), 500},
		"trail events":    {len(b.Trail(func(world.TrailEvent) bool { return true })), 2000},
		"lines":           {len(lines), 20_000},
	} {
		if n[0] > n[1] || n[0] == 0 {
			t.Errorf("%d %s are kept, want at most %d", n[0], what, n[1])
		}
	}
	if first := b.Samples(world.Web, time.Time{}, all)[0].At; b.now.Sub(first) > 6*time.Hour {
		t.Errorf("the oldest sample is of %s, %s ago", first, b.now.Sub(first))
	}
}
