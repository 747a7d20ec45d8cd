package rca_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"vigil/activities/rca"
	"vigil/workflows/incident"
)

// story is 40 normal points, 20 of incident, and what came after the action at point 60.
func story(m incident.Metric, normal, bad float64, after ...float64) incident.Series {
	v := append(noisy(1, 40, normal, normal/50), noisy(2, 20, bad, bad/50)...)
	return series(m, append(v, after...)...)
}

func recovery(final bool) rca.Recovery {
	return rca.Recovery{BaselineTo: at(39), ActedAt: at(59), Needed: 3, Final: final}
}

func TestVerify(t *testing.T) {
	good := noisy(3, 4, 100, 2)
	memory := story(incident.MetricMemory, 45, 92, 45, 46, 45, 46)
	for _, tc := range []struct {
		name   string
		now    []incident.Series
		final  bool
		want   incident.VerificationState
		checks int
	}{
		{"recovered", []incident.Series{story(incident.MetricLatency, 100, 900, good...)}, false, incident.VerificationHelped, 1},
		{"all recovered", []incident.Series{story(incident.MetricLatency, 100, 900, good...), memory}, false, incident.VerificationHelped, 2},
		{"one of two", []incident.Series{story(incident.MetricLatency, 100, 900, 850, 870, 860), memory}, false, incident.VerificationMeasuring, 2},
		{"one of two, at last", []incident.Series{story(incident.MetricLatency, 100, 900, 850, 870, 860), memory}, true, incident.VerificationNotHelped, 2},
		{"two good points of three", []incident.Series{story(incident.MetricLatency, 100, 900, 500, 100, 101)}, false, incident.VerificationMeasuring, 1},
		{"a bad one among good", []incident.Series{story(incident.MetricLatency, 100, 900, 100, 101, 800, 100, 101)}, false, incident.VerificationMeasuring, 1},
		{"silence", []incident.Series{story(incident.MetricLatency, 100, 900)}, false, incident.VerificationUnknown, 1},
		{"silence, at last", []incident.Series{story(incident.MetricLatency, 100, 900)}, true, incident.VerificationUnknown, 1},
		{"one silent", []incident.Series{memory, story(incident.MetricLatency, 100, 900)}, false, incident.VerificationUnknown, 2},
		{"too few, at last", []incident.Series{story(incident.MetricLatency, 100, 900, 100, 101)}, true, incident.VerificationUnknown, 1},
		{"no numbers", []incident.Series{story(incident.MetricLatency, 100, 900, math.NaN(), math.NaN(), math.NaN())}, true, incident.VerificationUnknown, 1},
		{"nothing was wrong", []incident.Series{story(incident.MetricLatency, 100, 100, good...)}, false, incident.VerificationUnknown, 0},
		{"nothing", nil, false, incident.VerificationUnknown, 0},
		{"no past", []incident.Series{{Service: "checkout", Metric: incident.MetricLatency, Points: story(incident.MetricLatency, 100, 900, good...).Points[40:]}},
			false, incident.VerificationUnknown, 0},
		{"traffic is not asked", []incident.Series{story(incident.MetricLatency, 100, 900, good...), story(incident.MetricRequestRate, 80, 300, 300, 300, 300)},
			false, incident.VerificationHelped, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := rca.Verify(nil, tc.now, recovery(tc.final))
			if v.State != tc.want || len(v.Checks) != tc.checks || v.Detail == "" {
				t.Errorf("got %+v", v)
			}
			for _, c := range v.Checks {
				if c.Limit <= c.Baseline || c.Incident <= c.Limit || c.Needed != 3 {
					t.Errorf("check %+v", c)
				}
			}
		})
	}
}

// TestVerifySplit holds that how the points are handed over does not matter.
func TestVerifySplit(t *testing.T) {
	s := story(incident.MetricLatency, 100, 900, 100, 101, 99)
	want := rca.Verify(nil, []incident.Series{s}, recovery(false))
	before, now := s, s
	before.Points, now.Points = s.Points[:50], s.Points[30:]
	got := rca.Verify([]incident.Series{before}, []incident.Series{now}, recovery(false))
	if got.State != want.State || !slices.Equal(got.Checks, want.Checks) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestVerifyNeverWithoutProof holds that helped is said only where every check
// has its points, all after the action.
func TestVerifyNeverWithoutProof(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var now []incident.Series
		for _, m := range rapid.SliceOfDistinct(rapid.SampledFrom(incident.Metrics), func(m incident.Metric) incident.Metric { return m }).Draw(t, "metrics") {
			after := rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(90, 110), rapid.Float64Range(0, 2000), rapid.Just(math.NaN())), 0, 6).Draw(t, "after")
			s := story(m, 100, rapid.SampledFrom([]float64{100, 900}).Draw(t, "incident"), after...)
			s.Points = slices.DeleteFunc(s.Points, func(incident.Point) bool { return rapid.IntRange(0, 9).Draw(t, "lost") == 0 })
			now = append(now, s)
		}
		r := recovery(rapid.Bool().Draw(t, "final"))
		v := rca.Verify(nil, now, r)
		if !v.State.Valid() || r.Final && v.State == incident.VerificationMeasuring {
			t.Fatalf("got %+v", v)
		}
		if v.State != incident.VerificationHelped {
			return
		}
		if len(v.Checks) == 0 {
			t.Fatal("helped without a check")
		}
		for _, c := range v.Checks {
			s := now[slices.IndexFunc(now, func(s incident.Series) bool { return s.Metric == c.Metric })]
			good := 0
			for _, p := range s.Points {
				if p.At.After(r.ActedAt) && p.Value <= c.Limit {
					good++
				}
			}
			if !c.Passed() || good < c.Needed {
				t.Fatalf("helped on %d good points: %+v", good, c)
			}
		}
	})
}

func TestVerifyDetail(t *testing.T) {
	v := rca.Verify(nil, []incident.Series{story(incident.MetricLatency, 100, 900, 850, 870, 860)}, recovery(true))
	if !strings.Contains(v.Detail, "latency_ms of checkout is 860") {
		t.Errorf("detail %q", v.Detail)
	}
}
