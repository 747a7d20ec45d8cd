package analytics

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"
	"sync"

	"vigil/workflows/event"
)

const (
	// enough is the size of a sample from which on its mean, or its share, is said.
	enough = 20
	// forTrend is how many incidents there must be more of for a trend.
	forTrend = 50
)

// Estimator computes business metrics, and remembers what samples said: most of
// them are the same from one time to the next, and ten thousand values take a
// tenth of a second. The zero value is ready; it may be used by many at once.
type Estimator struct {
	mu    sync.Mutex
	known map[[sha256.Size]byte]event.Estimate
}

// keptEstimates is how many it remembers.
const keptEstimates = 1000

// estimate is the function of that name.
func (r *Estimator) estimate(x []float64) event.Estimate {
	if len(x) < enough {
		return estimate(x)
	}
	raw := make([]byte, 0, 8*len(x))
	for _, v := range x {
		raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(v))
	}
	key := sha256.Sum256(raw)
	r.mu.Lock()
	e, ok := r.known[key]
	r.mu.Unlock()
	if ok {
		return e
	}
	e = estimate(x) // holding nothing: two who ask at once may both compute
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil || len(r.known) >= keptEstimates {
		r.known = map[[sha256.Size]byte]event.Estimate{}
	}
	r.known[key] = e
	return e
}

// estimate is what a sample says, in the order in which incidents opened.
func estimate(x []float64) event.Estimate {
	e := event.Estimate{N: len(x), Method: event.MethodNone}
	if len(x) == 0 {
		return e
	}
	sorted := slices.Sorted(slices.Values(x))
	middle, low, high := median(sorted), sorted[0], sorted[len(sorted)-1]
	e.Method, e.Median = event.MethodRange, &middle
	if len(x) >= enough {
		m, l := mean(sorted), Level
		low, high = bca(sorted)
		e.Method, e.Mean, e.Level, e.Coverage = event.MethodBCa, &m, &l, coverage(len(x))
	}
	e.Low, e.High = &low, &high
	e.Trend = trend(x)
	return e
}

// trend compares the later half with the earlier one, by the ratio of their
// means with the percentile interval of bootstrap draws from each. What may be
// below zero has no ratio, and so no trend.
func trend(x []float64) *event.Trend {
	if len(x) <= forTrend || slices.Min(x) < 0 {
		return nil
	}
	before, after := slices.Sorted(slices.Values(x[:len(x)/2])), slices.Sorted(slices.Values(x[len(x)/2:]))
	base := mean(before)
	if base == 0 {
		return nil
	}
	t := &event.Trend{Change: mean(after)/base - 1, Direction: event.TrendFlat}
	changes := make([]float64, 0, Resamples)
	draw := newDraws(before, after)
	for range Resamples {
		if b, a := draw.mean(before), draw.mean(after); b > 0 {
			changes = append(changes, a/b-1)
		}
	}
	if len(changes) < Resamples {
		return nil // hardly any value is above zero
	}
	slices.Sort(changes)
	t.Low, t.High = at(changes, (1-Level)/2), at(changes, (1+Level)/2)
	switch {
	case t.Low > 0:
		t.Direction = event.TrendUp
	case t.High < 0:
		t.Direction = event.TrendDown
	}
	return t
}

// share is k of n with Wilson's interval (E. B. Wilson, Probable Inference, the
// Law of Succession, and Statistical Inference, Journal of the American
// Statistical Association 22, 1927), which stays within 0 and 1.
func share(k, n int) event.Share {
	s := event.Share{K: k, N: n}
	if n < enough {
		return s
	}
	z := quantile((1 + Level) / 2)
	size, p := float64(n), float64(k)/float64(n)
	middle := (p + z*z/(2*size)) / (1 + z*z/size)
	half := z / (1 + z*z/size) * math.Sqrt(p*(1-p)/size+z*z/(4*size*size))
	low, high := max(0, middle-half), min(1, middle+half)
	s.Value, s.Low, s.High = &p, &low, &high
	return s
}
