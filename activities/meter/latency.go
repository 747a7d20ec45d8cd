package meter

import (
	"math"
	"slices"
)

// summary is the mean and the percentiles of latencies, nil where there are
// none. A percentile is the nearest rank: a latency that a call really had.
func summary(latencies []int64) (mean, p50, p95, p99 *float64) {
	n := len(latencies)
	if n == 0 {
		return nil, nil, nil, nil
	}
	sorted := slices.Sorted(slices.Values(latencies))
	rank := func(p float64) *float64 {
		v := float64(sorted[int(math.Ceil(p*float64(n)))-1])
		return &v
	}
	sum := 0.0
	for _, l := range latencies {
		sum += float64(l)
	}
	sum /= float64(n)
	return &sum, rank(.50), rank(.95), rank(.99)
}
