package analytics

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"vigil/workflows/event"
)

func near(t *testing.T, what string, have, want, within float64) {
	t.Helper()
	if math.IsNaN(have) || math.Abs(have-want) > within {
		t.Errorf("%s is %v, want %v", what, have, want)
	}
}

// Values of the normal distribution from tables.
func TestNormal(t *testing.T) {
	t.Parallel()
	for z, p := range map[float64]float64{0: 0.5, 1: 0.841344746, 1.959963985: 0.975, -1.644853627: 0.05} {
		near(t, "the share below", normal(z), p, 1e-9)
		near(t, "the quantile", quantile(p), z, 1e-8)
	}
}

// By hand: of 1, 2, 9 the mean is 4, the distances -3, -2, 5, their squares sum
// to 38 and their cubes to 90; 90 / (6 × 38^1.5) = 0.0640346.
func TestAcceleration(t *testing.T) {
	t.Parallel()
	near(t, "the acceleration", acceleration([]float64{1, 2, 9}, 4), 0.0640346, 1e-6)
	near(t, "that of what is symmetric", acceleration([]float64{1, 2, 3}, 2), 0, 1e-12)
}

func TestEstimateBySize(t *testing.T) {
	t.Parallel()
	var x []float64
	if e := estimate(x); e.N != 0 || e.Method != event.MethodNone || e.Median != nil || e.Low != nil {
		t.Errorf("of nothing: %+v", e)
	}
	for n := 1; n <= 60; n++ {
		x = append(x, float64(n*n%37))
		e := estimate(x)
		sorted := slices.Sorted(slices.Values(x))
		if e.N != n || *e.Median != median(sorted) {
			t.Errorf("of %d: %+v", n, e)
		}
		if few := n < 20; few != (e.Method == event.MethodRange) || few != (e.Mean == nil) || few != (e.Coverage == nil) || few != (e.Level == nil) ||
			few && (*e.Low != sorted[0] || *e.High != sorted[n-1]) {
			t.Errorf("of %d: %+v", n, e)
		}
		if (n > 50) != (e.Trend != nil) {
			t.Errorf("of %d the trend is %+v", n, e.Trend)
		}
	}
}

// However values are ordered, and whenever they are asked for, the interval is
// the same, lies within the values and around the mean; of equal values it is
// a point.
func TestInterval(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		x := rapid.SliceOfN(rapid.Float64Range(0, 1e6), 20, 60).Draw(rt, "x")
		other := rapid.Permutation(x).Draw(rt, "other order")
		a, b := estimate(x), estimate(other)
		if *a.Low != *b.Low || *a.High != *b.High || *a.Mean != *b.Mean {
			rt.Fatalf("%v to %v, in another order %v to %v", *a.Low, *a.High, *b.Low, *b.High)
		}
		if *a.Low < slices.Min(x)-1e-6 || *a.High > slices.Max(x)+1e-6 || *a.Low > *a.High || *a.Low > *a.Mean+1e-6 && slices.Min(x) < slices.Max(x) {
			rt.Fatalf("the interval of %v is %v to %v around %v", x, *a.Low, *a.High, *a.Mean)
		}
	})
	same := slices.Repeat([]float64{7}, 30)
	if e := estimate(same); *e.Low != 7 || *e.High != 7 || *e.Mean != 7 {
		t.Errorf("of equal values: %+v", e)
	}
}

// Of much and even data BCa is near to the interval of the normal distribution.
func TestIntervalOfNormalData(t *testing.T) {
	t.Parallel()
	source := rand.New(rand.NewPCG(1, 2))
	x := make([]float64, 2000)
	for i := range x {
		x[i] = 100 + 10*source.NormFloat64()
	}
	slices.Sort(x)
	m, half := mean(x), 1.96*10/math.Sqrt(2000)
	low, high := bca(x)
	near(t, "the lower end", low, m-half, 0.08)
	near(t, "the upper end", high, m+half, 0.08)
}

// The first three are from R. G. Newcombe, Two-sided confidence intervals for
// the single proportion, Statistics in Medicine 17 (1998), table I; 20 of 20
// mirrors 0 of 20; the last is computed by hand.
func TestShare(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		k, n      int
		low, high float64
	}{{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611}, {20, 20, 0.8389, 1}, {41, 44, 0.8177, 0.9765}} {
		s := share(c.k, c.n)
		near(t, "the lower end", *s.Low, c.low, 0.00006)
		near(t, "the upper end", *s.High, c.high, 0.00006)
		near(t, "the share", *s.Value, float64(c.k)/float64(c.n), 1e-12)
	}
	if s := share(19, 19); s.Value != nil || s.Low != nil || s.K != 19 || s.N != 19 {
		t.Errorf("of 19: %+v", s)
	}
}

func TestTrend(t *testing.T) {
	t.Parallel()
	make := func(n int, of func(i int) float64) []float64 {
		x := []float64{}
		for i := range n {
			x = append(x, of(i))
		}
		return x
	}
	noise := func(i int) float64 { return float64(i * 7 % 11) }
	for name, c := range map[string]struct {
		x    []float64
		want event.TrendDirection // empty: none is computed
	}{
		"up":         {make(60, func(i int) float64 { return 100 + noise(i) + 50*math.Floor(float64(i)/30) }), event.TrendUp},
		"down":       {make(61, func(i int) float64 { return 200 + noise(i) - 2*float64(i) }), event.TrendDown},
		"flat":       {make(60, noise), event.TrendFlat},
		"too few":    {make(50, func(i int) float64 { return float64(i) }), ""},
		"below zero": {make(60, func(i int) float64 { return float64(i) - 30 }), ""},
		"nothing":    {make(60, func(int) float64 { return 0 }), ""},
	} {
		got := trend(c.x)
		if (got == nil) != (c.want == "") || got != nil && got.Direction != c.want {
			t.Errorf("%s: %+v, want %s", name, got, c.want)
		}
	}
	near(t, "the change", trend(make(60, func(i int) float64 { return 100 + 50*math.Floor(float64(i)/30) })).Change, 0.5, 1e-12)
}

// TestCoverage measures anew, with fewer samples, and holds what is kept
// against it: four standard errors of both measurements are what chance does.
func TestCoverage(t *testing.T) {
	t.Parallel()
	kept := MeasuredCoverage()
	if kept.Resamples != Resamples || kept.Level != Level || kept.Sigma != CoverageSigma || len(kept.Measured) != len(CoverageSizes) || kept.Made == "" {
		t.Fatalf("coverage.json is of another computation: %+v; run go generate ./gateway/analytics", kept)
	}
	const trials = 400
	for i, n := range CoverageSizes {
		m := kept.Measured[i]
		if m.N != n {
			t.Fatalf("size %d of coverage.json is %d, want %d", i, m.N, n)
		}
		got := MeasureCoverage(n, trials, kept.Sigma, 99)
		t.Logf("n = %3d: kept %.3f of %d samples, now %.3f of %d", n, m.Share, kept.Trials, got, trials)
		near(t, "the coverage", got, m.Share, 4*math.Sqrt(m.Share*(1-m.Share)*(1.0/trials+1/float64(kept.Trials))))
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "deploy", "docs", "business-figures.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range kept.Measured {
		if line := fmt.Sprintf("| %d | %.1f %% |", m.N, 100*m.Share); !strings.Contains(string(page), line) {
			t.Errorf("business-figures.md does not say %q", line)
		}
	}
	if coverage(19) != nil || *coverage(20) != kept.Measured[0].Share || *coverage(49) != kept.Measured[1].Share || *coverage(5000) != kept.Measured[6].Share {
		t.Error("the coverage of a size is not that of the nearest that is not larger")
	}
}
