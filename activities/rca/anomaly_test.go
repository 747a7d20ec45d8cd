package rca_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vigil/activities/rca"
	"vigil/workflows/incident"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const step = 5 * time.Second

func at(i int) time.Time { return noon.Add(time.Duration(i) * step) }

// series makes one point per value, step apart.
func series(m incident.Metric, values ...float64) incident.Series {
	s := incident.Series{Service: "checkout", Metric: m}
	for i, v := range values {
		s.Points = append(s.Points, incident.Point{At: at(i), Value: v})
	}
	return s
}

// noisy returns n values around level.
func noisy(seed uint64, n int, level, sd float64) []float64 {
	r := rand.New(rand.NewPCG(seed, 1))
	out := make([]float64, n)
	for i := range out {
		out[i] = level + sd*r.NormFloat64()
	}
	return out
}

func TestSummarise(t *testing.T) {
	calm := noisy(1, 60, 120, 4)
	nan := append(append([]float64{math.NaN(), math.Inf(1)}, calm...), 900, math.NaN(), 910, 905, 900, math.Inf(-1))
	for _, tc := range []struct {
		name        string
		s           incident.Series
		to          time.Time
		known       bool
		dir         rca.Direction
		onset       time.Time
		least, most float64 // strength
		says        string
	}{
		{name: "nothing", s: series(incident.MetricLatency), says: "too short to judge"},
		{name: "three points", s: series(incident.MetricLatency, 1, 2, 3), says: "too short to judge"},
		{name: "constant", s: series(incident.MetricCPU, make([]float64, 30)...), known: true, dir: rca.Steady, says: "within normal (0)"},
		{name: "calm", s: series(incident.MetricLatency, calm...), to: at(40), known: true, dir: rca.Steady, says: "within normal"},
		{name: "step", s: series(incident.MetricLatency, append(calm, 900, 910, 905, 900)...), to: at(59), known: true,
			dir: rca.Up, onset: at(60), least: 1, most: 1, says: "since 12:05:00"},
		{name: "step from constant", s: series(incident.MetricErrorRate, append(make([]float64, 20), 0.1, 0.1, 0.12)...), to: at(19),
			known: true, dir: rca.Up, onset: at(20), least: 0.9, most: 1, says: "error_rate 0 → 0.1"},
		{name: "began before the past was said to end", s: series(incident.MetricLatency, append(calm, 900, 910, 905, 900)...), to: at(62),
			known: true, dir: rca.Up, onset: at(60), least: 1, most: 1},
		{name: "no numbers are no points", s: series(incident.MetricLatency, nan...), to: at(61), known: true, dir: rca.Up,
			onset: at(62), least: 1, most: 1},
		{name: "one spike is no level", s: series(incident.MetricLatency, append(calm, 122, 900, 118, 121, 119)...), to: at(59),
			known: true, dir: rca.Steady},
		{name: "fall", s: series(incident.MetricRequestRate, append(noisy(2, 40, 80, 1), 10, 9, 11, 10)...), to: at(39), known: true,
			dir: rca.Down, onset: at(40), least: 0.5, most: 1},
		{name: "significant but of no size", s: series(incident.MetricCPU, append(noisy(3, 60, 40, 0.01), 40.5, 40.5, 40.5)...), to: at(59),
			known: true, dir: rca.Steady},
		{name: "five points prove little", s: series(incident.MetricLatency, 100, 101, 99, 900, 900), to: at(2), known: true, dir: rca.Up,
			onset: at(3), least: 0.3, most: 0.4},
		{name: "over", s: series(incident.MetricLatency, append(append(noisy(4, 40, 100, 3), 900, 900, 900, 900), noisy(5, 10, 100, 3)...)...),
			to: at(39), known: true, dir: rca.Up, onset: at(40), least: 1, most: 1, says: "back to"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := rca.Summarise(tc.s, time.Time{}, tc.to)
			if a.Known != tc.known || tc.known && a.Direction != tc.dir || a.Strength < tc.least || a.Strength > tc.most && tc.most > 0 {
				t.Errorf("got %+v", a)
			}
			if !a.Onset.Equal(tc.onset) {
				t.Errorf("onset %s, want %s", a.Onset, tc.onset)
			}
			if got := rca.Finding(a); !strings.Contains(got, tc.says) {
				t.Errorf("says %q, want %q in it", got, tc.says)
			}
		})
	}
}

func TestSummariseGivenOnset(t *testing.T) {
	s := series(incident.MetricLatency, append(noisy(1, 30, 100, 3), 500, 500, 500, 500)...)
	a := rca.Summarise(s, at(31), time.Time{})
	if !a.Onset.Equal(at(31)) || a.Strength != 1 {
		t.Errorf("got %+v, want the onset that was given", a)
	}
}

// TestSummariseOrder holds that neither order nor repetition of points matters.
func TestSummariseOrder(t *testing.T) {
	s := series(incident.MetricLatency, append(noisy(1, 30, 100, 3), 500, 500, 500, 500)...)
	want := rca.Summarise(s, time.Time{}, at(29))
	mixed := s
	mixed.Points = append(append([]incident.Point(nil), s.Points...), s.Points[:10]...)
	rand.New(rand.NewPCG(7, 7)).Shuffle(len(mixed.Points), func(i, j int) {
		mixed.Points[i], mixed.Points[j] = mixed.Points[j], mixed.Points[i]
	})
	if got := rca.Summarise(mixed, time.Time{}, at(29)); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// anyPoints draws what a source might send at its worst.
func anyPoints(t *rapid.T, label string) []incident.Point {
	value := rapid.OneOf(rapid.Float64Range(0, 1000), rapid.Float64Range(99, 101), rapid.Just(0.0), rapid.Float64(),
		rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, -math.MaxFloat64, 5e-324}))
	values := rapid.SliceOfN(value, 0, 80).Draw(t, label)
	var out []incident.Point
	now := noon
	for _, v := range values {
		now = now.Add(time.Duration(rapid.IntRange(-2, 400).Draw(t, "gap")) * time.Second)
		out = append(out, incident.Point{At: now, Value: v})
	}
	return out
}

func finite(xs ...float64) bool {
	for _, x := range xs {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
}

func TestSummariseAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := incident.Series{Service: "s", Metric: rapid.SampledFrom(append(incident.Metrics, "other")).Draw(t, "metric"), Points: anyPoints(t, "values")}
		times := rapid.SampledFrom([]time.Time{{}, noon.Add(-time.Hour), noon.Add(time.Minute), noon.Add(24 * time.Hour)})
		a := rca.Summarise(s, times.Draw(t, "onset"), times.Draw(t, "to"))
		if !finite(a.Baseline, a.Spread, a.Level, a.Peak, a.Now, a.Z, a.Slope, a.Strength) || a.Strength < 0 || a.Strength > 1 {
			t.Fatalf("got %+v", a)
		}
		if a.Abnormal() != (a.Direction != rca.Steady) || a.Abnormal() == a.Onset.IsZero() {
			t.Fatalf("strength, direction and onset disagree: %+v", a)
		}
		if rca.Finding(a) == "" {
			t.Fatal("no words")
		}
	})
}

// TestSummariseScale holds that units do not matter, where no floor is reached.
func TestSummariseScale(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		jump := rapid.Float64Range(0, 2000).Draw(t, "jump")
		values := append(noisy(seed, 40, 1000, 80), noisy(seed+1, 10, 1000+jump, 80)...)
		double := make([]float64, len(values))
		for i, v := range values {
			double[i] = 2 * v
		}
		a := rca.Summarise(series(incident.MetricLatency, values...), time.Time{}, at(39))
		b := rca.Summarise(series(incident.MetricLatency, double...), time.Time{}, at(39))
		if math.Abs(a.Z-b.Z) > 1e-9 || !a.Onset.Equal(b.Onset) || math.Abs(2*a.Slope-b.Slope) > 1e-6 {
			t.Fatalf("%+v and its double %+v", a, b)
		}
	})
}

func TestDescribe(t *testing.T) {
	calm := series(incident.MetricCPU, noisy(1, 40, 30, 1)...)
	slow := series(incident.MetricLatency, append(noisy(1, 36, 121, 3), 940, 938, 944, 940)...)
	for _, tc := range []struct {
		name     string
		in       []incident.Series
		finding  string
		strength float64
	}{
		{"none", nil, "no data", 0},
		{"empty", []incident.Series{series(incident.MetricCPU)}, "no data", 0},
		{"calm", []incident.Series{calm}, "within normal", 0},
		{"slow", []incident.Series{calm, slow}, "latency_ms 121 → 940 since 12:03:00", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if f, s := rca.Describe(tc.in, at(35)); f != tc.finding || s != tc.strength {
				t.Errorf("got %q, %v; want %q, %v", f, s, tc.finding, tc.strength)
			}
		})
	}
}

// TestDescribeNotes holds that what is said of a series in words is noted at it:
// where it left what was normal, and that the level it went to is not normal.
func TestDescribeNotes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := []incident.Series{{Service: "s", Metric: rapid.SampledFrom(incident.Metrics).Draw(t, "metric"), Points: anyPoints(t, "values")}}
		to := rapid.SampledFrom([]time.Time{{}, noon.Add(time.Minute), noon.Add(time.Hour)}).Draw(t, "to")
		_, strength := rca.Describe(all, to)
		n := all[0].Anomaly
		if (n != nil) != (strength > 0) {
			t.Fatalf("strength %v, noted %+v", strength, n)
		}
		if n == nil {
			return
		}
		if !finite(n.Low, n.High, n.Level) || n.Onset.IsZero() || n.Level > n.Low && n.Level < n.High {
			t.Fatalf("noted %+v", n)
		}
	})
}

func TestThin(t *testing.T) {
	s := series(incident.MetricCPU, noisy(1, 1000, 30, 1)...)
	got := rca.Thin(s.Points, 90)
	if len(got) != 90 {
		t.Fatalf("%d points, want 90", len(got))
	}
	for i := range 45 {
		if got[89-i] != s.Points[999-i] {
			t.Fatalf("point %d from the end is not the original", i)
		}
	}
	for i := 1; i < len(got); i++ {
		if !got[i].At.After(got[i-1].At) {
			t.Fatal("out of order")
		}
	}
	if got := rca.Thin(s.Points[:50], 90); len(got) != 50 {
		t.Errorf("%d points of 50", len(got))
	}
}
