package store

import (
	"math"
	"time"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// Business computes the business metrics from the summaries of all incidents.
// Time to resolve is counted only where an incident ended as resolved: one
// that was closed unresolved or aborted says nothing about repair. Its mean
// carries a 95 % confidence interval by Student's t, from two incidents on;
// the interval does not go below zero, because a duration cannot.
func Business(all []event.Summary) event.BusinessMetrics {
	var b event.BusinessMetrics
	var resolve, acknowledge []float64
	for _, s := range all {
		if !s.Status.Terminal() {
			b.IncidentsOpen++
		} else {
			b.IncidentsClosed++
		}
		if s.Outcome == incident.OutcomeRemediated {
			b.Remediated++
		}
		if s.Status == incident.StatusResolved {
			resolve = appendSpan(resolve, s.OpenedAt, s.ClosedAt)
		}
		acknowledge = appendSpan(acknowledge, s.OpenedAt, s.AcknowledgedAt)
		if s.CauseCorrect != nil {
			b.CausesReviewed++
			if *s.CauseCorrect {
				b.CausesCorrect++
			}
		}
		b.ModelCostMicros += s.Cost.CostMicros
		b.ModelCallsUnknown += s.Cost.UnknownPriced
	}
	b.SampleSize = len(resolve)
	b.MTTRSeconds, b.MTTRLowerSeconds, b.MTTRUpperSeconds = interval(resolve)
	b.MTTASeconds, _, _ = interval(acknowledge)
	return b
}

// appendSpan adds the seconds from one moment to a later one; what did not
// happen, or is out of order, adds nothing.
func appendSpan(list []float64, from, to time.Time) []float64 {
	if from.IsZero() || to.IsZero() || to.Before(from) {
		return list
	}
	return append(list, to.Sub(from).Seconds())
}

func interval(x []float64) (mean, lower, upper *float64) {
	n := float64(len(x))
	if n == 0 {
		return nil, nil, nil
	}
	var m, sum2 float64
	for _, v := range x {
		m += v
	}
	m /= n
	if n < 2 {
		return &m, nil, nil
	}
	for _, v := range x {
		sum2 += (v - m) * (v - m)
	}
	half := studentT975(len(x)-1) * math.Sqrt(sum2/(n-1)/n)
	lo, hi := max(0, m-half), m+half
	return &m, &lo, &hi
}

// studentT975 is the 0.975 quantile of Student's t with df degrees of
// freedom: tabled up to 30 (NIST/SEMATECH e-Handbook of Statistical Methods,
// section 1.3.6.7.2), beyond by the expansion of Abramowitz and Stegun,
// Handbook of Mathematical Functions, 26.7.5, which there is right to five digits.
func studentT975(df int) float64 {
	table := [...]float64{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
		2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
		2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042}
	if df <= len(table) {
		return table[df-1]
	}
	const z = 1.959963984540054 // 0.975 quantile of the normal distribution
	v := float64(df)
	z3, z5, z7 := math.Pow(z, 3), math.Pow(z, 5), math.Pow(z, 7)
	return z + (z3+z)/(4*v) + (5*z5+16*z3+3*z)/(96*v*v) + (3*z7+19*z5+17*z3-15*z)/(384*v*v*v)
}
