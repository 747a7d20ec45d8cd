package world_test

import (
	"flag"
	"fmt"
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

// TestMain asks for fewer checks than rapid's 100, each of which makes a world
// with its history; -rapid.checks asks for more.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "8"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	os.Exit(m.Run())
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
