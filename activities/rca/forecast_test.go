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
			if tc.least == 0 && p.Confidence != 0 {
				t.Errorf("confidence %v of no forecast", p.Confidence)
			}
		})
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
