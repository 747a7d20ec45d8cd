package rca_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vigil/activities/rca"
	"vigil/workflows/incident"
)

// line returns n values from start, rising by slope a point.
func line(n int, start, slope float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = start + slope*float64(i)
	}
	return out
}

func TestForecast(t *testing.T) {
	flat := noisy(1, 40, 50, 0.5)
	for _, tc := range []struct {
		name   string
		values []float64
		limit  float64
		per    float64 // minute; a point is 5 s
		breach time.Time
		least  float64 // confidence
		says   string
	}{
		{"few", line(4, 10, 1), 100, 0, time.Time{}, 0, "too few"},
		{"flat", flat, 100, 0, time.Time{}, 0, "no trend"},
		{"constant", line(30, 50, 0), 100, 0, time.Time{}, 0, "no trend"},
		{"rise", line(31, 40, 1), 100, 12, at(60), 0.5, "reaches 100 at 12:05:00"},
		{"rise after a flat half", append(flat, line(30, 50, 1)...), 100, 12, at(90), 0.5, "reaches 100 at"},
		{"rise that ended", append(line(20, 40, 1), noisy(2, 40, 60, 0.5)...), 100, 0, time.Time{}, 0, "no trend"},
		{"too slow", line(31, 40, 0.01), 100, 0.12, time.Time{}, 0.5, "does not reach 100 within 30m0s"},
		{"beyond", line(31, 90, 1), 100, 12, at(30), 0.5, "already beyond 100"},
		{"fall", line(31, 90, -1), 100, -12, time.Time{}, 0.5, "falls by 12"},
		{"no limit", line(31, 40, 1), 0, 12, time.Time{}, 0.5, "rises by 12"},
		{"limit that is no number", line(31, 40, 1), math.NaN(), 12, time.Time{}, 0.5, "rises by 12"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := rca.Forecast(series(incident.MetricMemory, tc.values...), tc.limit, 30*time.Minute)
			if math.Abs(p.PerMinute-tc.per) > 1e-6 || p.Confidence < tc.least || !strings.Contains(p.Summary, tc.says) {
				t.Errorf("got %+v", p)
			}
			if d := p.BreachAt.Sub(tc.breach); p.BreachAt.IsZero() != tc.breach.IsZero() || d.Abs() > time.Second {
				t.Errorf("breach at %s, want %s", p.BreachAt, tc.breach)
			}
			if tc.says == "too few" && p.Confidence != 0 || tc.says == "no trend" && !(p.Confidence > 0 && p.Confidence < 0.5) {
				t.Errorf("confidence %v", p.Confidence)
			}
		})
	}
}

// TestForecastInterval holds that nine of ten points of the future lie within
// the interval, about, for lines and for levels with noise of their own.
func TestForecastInterval(t *testing.T) {
	for _, slope := range []float64{0, 0.4} {
		inside, all := 0, 0
		for seed := range uint64(60) {
			values := noisy(seed, 60, 200, 3)
			for i := range values {
				values[i] += slope * float64(i)
			}
			p := rca.Forecast(series(incident.MetricLatency, values[:45]...), 0, 75*time.Second) // 15 points of 5 s
			if n := len(p.Forecast); n == 0 || n > 16 {
				t.Fatalf("%d points of forecast", n)
			}
			for i, f := range p.Forecast {
				if f.Low > f.Value || f.Value > f.High {
					t.Fatalf("seed %d: %+v", seed, f)
				}
				all++
				if v := values[45+i]; v >= f.Low && v <= f.High {
					inside++
				}
			}
		}
		share := float64(inside) / float64(all)
		t.Logf("slope %v: %.1f%% within", slope, 100*share)
		if share < 0.85 || share > 0.995 {
			t.Errorf("slope %v: %.1f%% of points within an interval of 90%%", slope, 100*share)
		}
	}
}

func TestForecastBounds(t *testing.T) {
	for _, tc := range []struct {
		metric  incident.Metric
		values  []float64
		breach  time.Time
		highest float64
	}{
		{incident.MetricMemory, line(31, 60, 1), at(40), 100},
		{incident.MetricErrorRate, line(31, 0.1, 0.02), at(45), 1},
		{incident.MetricFreeStorage, line(31, 3e9, -5e7), at(60), 3e9},
	} {
		limit := map[incident.Metric]float64{incident.MetricMemory: 100, incident.MetricErrorRate: 1}[tc.metric]
		p := rca.Forecast(series(tc.metric, tc.values...), limit, 30*time.Minute)
		if d := p.BreachAt.Sub(tc.breach); d.Abs() > time.Second {
			t.Errorf("%s: breach at %s, want %s", tc.metric, p.BreachAt, tc.breach)
		}
		for _, f := range p.Forecast {
			if f.Low < 0 || f.High > tc.highest {
				t.Fatalf("%s: %+v is out of bounds", tc.metric, f)
			}
		}
	}
}

func TestForecastAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := incident.Series{Metric: incident.MetricMemory, Points: anyPoints(t, "values")}
		horizon := time.Duration(rapid.Int64Range(0, int64(100*time.Hour)).Draw(t, "horizon"))
		p := rca.Forecast(s, rapid.Float64().Draw(t, "limit"), horizon)
		if !finite(p.PerMinute, p.Limit, p.Confidence) || p.Confidence < 0 || p.Confidence > 1 || p.Summary == "" {
			t.Fatalf("got %+v", p)
		}
		if !p.BreachAt.IsZero() && p.BreachAt.Sub(s.Points[0].At) < -time.Hour {
			t.Fatalf("breach before the points: %+v", p)
		}
	})
}
