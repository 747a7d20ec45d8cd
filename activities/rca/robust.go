package rca

import (
	"math"
	"slices"
	"time"

	"vigil/workflows/incident"
)

const (
	// madScale makes the median absolute deviation of normal data estimate its
	// standard deviation (1/0.6745), meanScale does so for the mean absolute one.
	madScale  = 1.4826
	meanScale = 1.2533

	// maxValue bounds what counts as a measurement, so that no arithmetic on
	// two of them overflows.
	maxValue = 1e15

	// maxPairs bounds Theil–Sen and Kendall, which look at every pair: longer
	// series are thinned to this many points, evenly.
	maxPairs = 48
)

// clean returns the usable points in order of time: finite, timed, one per
// instant (the last one given). It does not alias its argument.
func clean(points []incident.Point) []incident.Point {
	out := make([]incident.Point, 0, len(points))
	sorted := true
	for _, p := range points {
		if math.IsNaN(p.Value) || math.Abs(p.Value) > maxValue || p.At.IsZero() {
			continue
		}
		if n := len(out); n > 0 && !out[n-1].At.Before(p.At) {
			sorted = false
		}
		out = append(out, p)
	}
	if sorted {
		return out
	}
	slices.SortStableFunc(out, func(a, b incident.Point) int { return a.At.Compare(b.At) })
	kept := out[:0]
	for _, p := range out {
		if n := len(kept); n > 0 && kept[n-1].At.Equal(p.At) {
			kept[n-1] = p
			continue
		}
		kept = append(kept, p)
	}
	return kept
}

// period is the usual distance between the latest points, 0 where there are
// fewer than two. Older points may be farther apart: see Thin.
func period(points []incident.Point) time.Duration {
	const latest = 32
	points = points[max(0, len(points)-latest):]
	if len(points) < 2 {
		return 0
	}
	gaps := make([]float64, 0, latest)
	for i := 1; i < len(points); i++ {
		gaps = append(gaps, float64(points[i].At.Sub(points[i-1].At)))
	}
	return time.Duration(medianInPlace(gaps))
}

// hole reports whether data is missing between points i and i+1: whether they
// are several times farther apart than their neighbours.
func hole(points []incident.Point, i int) bool {
	var usual time.Duration
	if i > 0 {
		usual = points[i].At.Sub(points[i-1].At)
	}
	if i+2 < len(points) {
		usual = max(usual, points[i+2].At.Sub(points[i+1].At))
	}
	return usual > 0 && points[i+1].At.Sub(points[i].At) > maxGap*usual
}

// medianInPlace sorts xs and returns its median, 0 for none.
func medianInPlace(xs []float64) float64 {
	n := len(xs)
	if n == 0 {
		return 0
	}
	slices.Sort(xs)
	if n%2 == 1 {
		return xs[n/2]
	}
	return xs[n/2-1] + (xs[n/2]-xs[n/2-1])/2
}

// quantileInPlace sorts xs and returns the value below which a share q of it lies.
func quantileInPlace(xs []float64, q float64) float64 {
	if len(xs) == 0 {
		return 0
	}
	slices.Sort(xs)
	return xs[int(q*float64(len(xs)-1))]
}

// scale returns the robust standard deviation of xs around centre. Where more
// than half of xs is one value, the median deviation is 0 and the mean
// deviation stands in, as Iglewicz and Hoaglin advise. Such series count rare
// events, one failed request in a quiet minute; what one event looks like in
// them is at most remarkable, however seldom it happens.
func scale(xs []float64, centre float64, scratch []float64) float64 {
	dev := scratch[:0]
	var sum float64
	for _, x := range xs {
		d := math.Abs(x - centre)
		dev = append(dev, d)
		sum += d
	}
	if mad := medianInPlace(dev); mad > 0 {
		return madScale * mad
	}
	if sum == 0 {
		return 0
	}
	events := dev[firstPositive(dev):] // medianInPlace sorted it
	return math.Max(meanScale*sum/float64(len(xs)), medianInPlace(events)/remarkable)
}

// firstPositive is the index of the first value above 0 in sorted xs.
func firstPositive(xs []float64) int {
	i, _ := slices.BinarySearchFunc(xs, 0, func(x, zero float64) int {
		if x > zero {
			return 1
		}
		return -1
	})
	return i
}

// trend is a straight line through points, and how much of a line they are.
type trend struct {
	slope  float64 // per second
	at     float64 // value of the line at the last point
	tau    float64 // Kendall's, −1 … 1
	z      float64 // tau over its standard error under "no trend"
	start  time.Time
	end    time.Time
	points int
}

// fit draws the Theil–Sen line through points, which must be clean.
func fit(points []incident.Point) trend {
	n := len(points)
	if n < 2 {
		return trend{points: n}
	}
	t := trend{start: points[0].At, end: points[n-1].At, points: n}
	ps := every(points, maxPairs)
	m := len(ps)
	x := make([]float64, m)
	for i := range ps {
		x[i] = ps[i].At.Sub(t.end).Seconds()
	}
	slopes := make([]float64, 0, m*(m-1)/2)
	var score float64
	for i := 1; i < m; i++ {
		for j := range i {
			d := ps[i].Value - ps[j].Value
			slopes = append(slopes, d/(x[i]-x[j]))
			switch {
			case d > 0:
				score++
			case d < 0:
				score--
			}
		}
	}
	pairs := float64(m * (m - 1) / 2)
	t.tau = score / pairs
	k := float64(m)
	t.z = score / math.Sqrt(k*(k-1)*(2*k+5)/18)
	t.slope = medianInPlace(slopes)
	rest := slopes[:0]
	for i := range ps {
		rest = append(rest, ps[i].Value-t.slope*x[i])
	}
	t.at = medianInPlace(rest)
	return t
}

// latestTrend fits the whole series, its last half and its last quarter, and
// returns the one that is most of a line among those that are a trend at all: a
// rise that began half-way through would otherwise be flattened by what came
// before it. One that has all but stopped in the last half is none any more.
func latestTrend(points []incident.Point) trend {
	best := fit(points)
	half := best
	for _, part := range []int{2, 4} {
		n := len(points) / part
		if n < 5 {
			break
		}
		t := fit(points[len(points)-n:])
		if part == 2 {
			half = t
		}
		if math.Abs(t.z) >= remarkable && (math.Abs(t.tau) > math.Abs(best.tau) || math.Abs(best.z) < remarkable) {
			best = t
		}
	}
	if best.points > half.points && half.slope/best.slope < 0.25 {
		return half
	}
	return best
}

// Thin keeps at most limit points: the latest half of them as they are, and of
// those before every so many. Points are left out, never averaged: the median
// of several is quieter than each, and what is compared with it would seem
// farther from normal than it is.
func Thin(points []incident.Point, limit int) []incident.Point {
	n := len(points)
	if n <= limit || limit < 2 {
		return points
	}
	latest := limit / 2
	old := every(points[:n-latest], limit-latest)
	return append(append(make([]incident.Point, 0, limit), old...), points[n-latest:]...)
}

// every keeps at most limit points, evenly, the last one among them.
func every(points []incident.Point, limit int) []incident.Point {
	n := len(points)
	if n <= limit {
		return points
	}
	out := make([]incident.Point, limit)
	for i := range out {
		out[i] = points[(i+1)*n/limit-1]
	}
	return out
}

func clamp01(x float64) float64 {
	if !(x > 0) { // NaN included
		return 0
	}
	return math.Min(x, 1)
}

// either combines independent grounds for one thing: 1−Π(1−p).
func either(ps ...float64) float64 {
	rest := 1.0
	for _, p := range ps {
		rest *= 1 - clamp01(p)
	}
	return 1 - rest
}
