package analytics

import (
	_ "embed"
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
)

//go:generate go run ./simulate -out coverage.json

// An interval that aims at 95 % holds the true mean less often where samples
// are small and skewed, as durations and costs are. How often was tried, and is
// kept in coverage.json, which says how it was made; Coverage of an estimate is
// what was measured of the nearest size that is not larger.

//go:embed coverage.json
var coverageFile []byte

// Coverage is how often intervals held the true mean when it was tried.
type Coverage struct {
	Made      string         `json:"made"`  // how
	Sigma     float64        `json:"sigma"` // of the logarithm of the values drawn
	Trials    int            `json:"trials"`
	Resamples int            `json:"resamples"`
	Level     float64        `json:"level"`
	Measured  []CoverageSize `json:"measured"`
}

// CoverageSize is the measurement of one size of sample.
type CoverageSize struct {
	N     int     `json:"n"`
	Share float64 `json:"share"`
}

// CoverageSizes are those that are tried.
var CoverageSizes = []int{20, 30, 50, 75, 100, 150, 200}

// CoverageSigma is the sigma of the values that are drawn. Times to repair are
// skewed about so: the largest of twenty is some six times the middle one.
const CoverageSigma = 1

var measured = func() Coverage {
	var c Coverage
	if err := json.Unmarshal(coverageFile, &c); err != nil {
		panic("analytics: coverage.json: " + err.Error())
	}
	return c
}()

// MeasuredCoverage is what is kept.
func MeasuredCoverage() Coverage {
	c := measured
	c.Measured = slices.Clone(c.Measured)
	return c
}

// coverage is what was measured of the nearest size that is not larger than n.
func coverage(n int) *float64 {
	var found *float64
	for _, m := range measured.Measured {
		if m.N <= n {
			s := m.Share
			found = &s
		}
	}
	return found
}

// MeasureCoverage draws trials samples of n log-normal values, and returns in
// which share of them the interval holds the true mean, exp(sigma²/2).
func MeasureCoverage(n, trials int, sigma float64, seed uint64) float64 {
	source := rand.New(rand.NewPCG(seed, uint64(n)))
	truth := math.Exp(sigma * sigma / 2)
	held := 0
	x := make([]float64, n)
	for range trials {
		for i := range x {
			x[i] = math.Exp(sigma * source.NormFloat64())
		}
		slices.Sort(x)
		if low, high := bca(x); low <= truth && truth <= high {
			held++
		}
	}
	return float64(held) / float64(trials)
}
