package analytics

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
)

// Bootstrap intervals. Sources: B. Efron, Better Bootstrap Confidence
// Intervals, Journal of the American Statistical Association 82 (1987), for the
// bias-corrected and accelerated interval (BCa); B. Efron and R. Tibshirani, An
// Introduction to the Bootstrap (1993), chapter 14, for its computation: the
// acceleration from the jackknife, and the percentile interval used of trends.

const (
	// Resamples is how often a sample is drawn anew.
	Resamples = 2000
	// Level is what intervals aim at.
	Level = 0.95
)

// bca is the interval of the mean of x, which has at least two values. x is
// sorted: that fixes the draws, so that the order of incidents does not matter.
func bca(x []float64) (low, high float64) {
	m := mean(x)
	if x[0] == x[len(x)-1] {
		return m, m // nothing varies, and nothing can be drawn that differs
	}
	means := make([]float64, Resamples)
	draw := newDraws(x)
	below := 0.0
	for i := range means {
		means[i] = draw.mean(x)
		switch {
		case means[i] < m:
			below++
		case means[i] == m: // of few different values
			below += 0.5
		}
	}
	slices.Sort(means)
	z0 := quantile(min(max(below/Resamples, 1.0/Resamples), 1-1.0/Resamples))
	a := acceleration(x, m)
	end := func(p float64) float64 {
		z := z0 + quantile(p)
		return at(means, normal(z0+z/(1-a*z)))
	}
	return end((1 - Level) / 2), end((1 + Level) / 2)
}

// acceleration is that of the mean, by the jackknife: leaving a value out moves
// the mean by a multiple of its distance from it.
func acceleration(x []float64, m float64) float64 {
	var s2, s3 float64
	for _, v := range x {
		d := v - m
		s2 += d * d
		s3 += d * d * d
	}
	return s3 / (6 * math.Pow(s2, 1.5))
}

// at is the value below which a share p of the sorted list lies.
func at(sorted []float64, p float64) float64 {
	i := int(p * float64(len(sorted)+1))
	return sorted[min(max(i-1, 0), len(sorted)-1)]
}

func mean(x []float64) float64 {
	var sum float64
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

// median of a sorted list.
func median(x []float64) float64 {
	n := len(x)
	if n%2 == 1 {
		return x[n/2]
	}
	return (x[n/2-1] + x[n/2]) / 2
}

// draws are random, and the same for the same data.
type draws struct{ source *rand.PCG }

func newDraws(samples ...[]float64) draws {
	h := fnv.New64a()
	var b [8]byte
	for _, x := range samples {
		binary.LittleEndian.PutUint64(b[:], uint64(len(x)))
		h.Write(b[:])
		for _, v := range x {
			binary.LittleEndian.PutUint64(b[:], math.Float64bits(v))
			h.Write(b[:])
		}
	}
	return draws{rand.NewPCG(h.Sum64(), uint64(len(samples)))}
}

// mean is the mean of as many values as x has, drawn with replacement. Each
// number of the source gives two places, of 32 bits each.
func (d draws) mean(x []float64) float64 {
	n := uint64(len(x))
	var sum float64
	for i := 0; i < len(x); i += 2 {
		r := d.source.Uint64()
		sum += x[(r>>32)*n>>32]
		if i+1 < len(x) {
			sum += x[(r&math.MaxUint32)*n>>32]
		}
	}
	return sum / float64(n)
}

// normal is the distribution function of the normal distribution.
func normal(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }

// quantile is the inverse of normal.
func quantile(p float64) float64 { return -math.Sqrt2 * math.Erfcinv(2*p) }
