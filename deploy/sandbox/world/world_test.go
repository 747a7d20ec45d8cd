package world_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vigil/deploy/sandbox/world"
)

// tick is long, so that the history is short.
const tick = 10 * time.Second

var genesis = time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)

// TestMain asks for fewer checks than rapid's 100, each of which makes a world
// with its history; -rapid.checks asks for more.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "25"); err != nil {
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

func mustWorld(tb rapid.TB, seed uint64) *bed {
	tb.Helper()
	w, err := world.New(world.Config{Tick: tick, Seed: seed}, genesis)
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
		tb.Fatalf("%s: not within %d ticks; state %+v", what, limit, b.State())
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

// remedy is the one document and target that cures a fault.
var remedy = map[world.Fault][2]string{
	world.FaultBadDeployment:        {world.DocumentRollback, world.Checkout},
	world.FaultConnectionsExhausted: {world.DocumentScale, world.OrdersDB},
	world.FaultMemoryLeak:           {world.DocumentRestart, world.Payments},
}

// band is the normal spread of one measure: its median before the incident,
// and three times a spread of at least a twentieth of it.
type band struct{ median, width float64 }

func (b *bed) bands(before time.Time) map[string]map[world.Metric]band {
	out := map[string]map[world.Metric]band{}
	for _, s := range world.Services() {
		out[s.Name] = map[world.Metric]band{}
		samples := b.Samples(s.Name, before.Add(-120*tick), before)
		for _, m := range world.Measures(s.Kind) {
			var values []float64
			for _, p := range samples {
				values = append(values, p.Value(m))
			}
			slices.Sort(values)
			median := values[len(values)/2]
			floor := map[world.Metric]float64{world.MetricErrors: 0.002, world.MetricLatency: 0.5}[m]
			if floor == 0 {
				floor = 1
			}
			out[s.Name][m] = band{median, 3 * math.Max(floor, 0.05*median)}
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
		b := mustWorld(t, rapid.Uint64().Draw(t, "seed"))
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

func TestEachFaultRaisesTheAlarmAndItsRemedyCures(t *testing.T) {
	t.Parallel()
	for _, f := range world.Faults {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				b := mustWorld(t, rapid.Uint64().Draw(t, "seed"))
				b.ticks(rapid.IntRange(0, 90).Draw(t, "quiet"))
				bands := b.bands(b.now)
				b.mustStart(t, f)
				b.until(t, "alarm", 15, b.alarmed)
				b.ticks(rapid.IntRange(0, 60).Draw(t, "waiting"))
				if !b.alarmed() {
					t.Fatal("the alarm went away by itself")
				}
				b.mustRun(t, remedy[f][0], remedy[f][1])
				b.until(t, "recovery", 15, func() bool { return !b.alarmed() && len(b.outside(bands)) == 0 })
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

func TestWrongRemediesChangeNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.SampledFrom(world.Faults).Draw(t, "fault")
		b := mustWorld(t, rapid.Uint64().Draw(t, "seed"))
		b.mustStart(t, f)
		b.until(t, "alarm", 15, b.alarmed)
		for range rapid.IntRange(1, 3).Draw(t, "attempts") {
			document := rapid.SampledFrom(world.Documents).Draw(t, "document")
			service := rapid.SampledFrom(world.Services()).Draw(t, "service").Name
			if remedy[f] == [2]string{document, service} {
				continue
			}
			b.mustRun(t, document, service)
			b.ticks(20)
			if !b.alarmed() {
				t.Fatalf("%s on %s ended %s", document, service, f)
			}
			if s := b.State().Faults; len(s) != 1 || s[0].Phase != "active" {
				t.Fatalf("%s on %s: faults are %+v", document, service, s)
			}
		}
	})
}

// TestFaultsComeAgain guards the second and third incident of one world: a
// cure of an earlier one must not make a fault harmless or its remedy wrong.
func TestFaultsComeAgain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := mustWorld(t, rapid.Uint64().Draw(t, "seed"))
		for _, f := range rapid.SliceOfN(rapid.SampledFrom(world.Faults), 2, 4).Draw(t, "faults") {
			b.mustStart(t, f)
			b.until(t, "alarm for "+string(f), 15, b.alarmed)
			b.mustRun(t, remedy[f][0], remedy[f][1])
			b.until(t, "recovery from "+string(f), 15, func() bool { return !b.alarmed() && len(b.State().Faults) == 0 })
			b.ticks(rapid.IntRange(0, 30).Draw(t, "pause"))
		}
	})
}

// TestTheCauseShowsWhenTheAlarmIsRaised holds the telemetry of that moment to
// what tells the faults apart.
func TestTheCauseShowsWhenTheAlarmIsRaised(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.SampledFrom(world.Faults).Draw(t, "fault")
		b := mustWorld(t, rapid.Uint64().Draw(t, "seed"))
		began := b.now
		b.mustStart(t, f)
		b.until(t, "alarm", 15, b.alarmed)

		last := func(service string) world.Sample {
			s := b.Samples(service, began, b.now.Add(tick))
			return s[len(s)-1]
		}
		logged := func(service, text string) int {
			lines, _ := b.Logs(world.LogGroup(service), began, b.now)
			n := 0
			for _, l := range lines {
				if strings.Contains(l.Message, text) {
					n++
				}
			}
			return n
		}
		deployed := func(service string) bool {
			ds, _ := b.Deployments(service)
			return !ds[len(ds)-1].CreatedAt.Before(began)
		}
		signs := map[world.Fault]bool{
			world.FaultBadDeployment:        deployed(world.Checkout) && logged(world.Checkout, "NullPointerException") >= 2,
			world.FaultConnectionsExhausted: last(world.OrdersDB).Connections >= 97 && logged(world.Orders, "slots are reserved")+logged(world.Payments, "timeout acquiring connection") >= 2,
			world.FaultMemoryLeak:           last(world.Payments).Memory >= 88 && logged(world.Payments, "OutOfMemory") >= 1,
		}
		for cause, shown := range signs {
			if shown != (cause == f) {
				t.Fatalf("fault %s: signs of %s shown is %v", f, cause, shown)
			}
		}
		if deployed(world.Payments) {
			t.Fatal("payments was deployed")
		}
	})
}

func TestSameSeedSameWorld(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		f := rapid.SampledFrom(world.Faults).Draw(t, "fault")
		run := func(steps ...int) *bed {
			b := mustWorld(t, seed)
			b.mustStart(t, f)
			for _, n := range steps {
				b.ticks(n)
			}
			return b
		}
		// However the time is cut up, the world is the same.
		a, b := run(20), run(7, 0, 13)
		for _, s := range world.Services() {
			x, y := a.Samples(s.Name, time.Time{}, a.now.Add(tick)), b.Samples(s.Name, time.Time{}, b.now.Add(tick))
			if !slices.Equal(x, y) {
				t.Fatalf("samples of %s differ", s.Name)
			}
			p, _ := a.Logs(world.LogGroup(s.Name), time.Time{}, a.now)
			q, _ := b.Logs(world.LogGroup(s.Name), time.Time{}, b.now)
			if !slices.Equal(p, q) {
				t.Fatalf("logs of %s differ", s.Name)
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
