package rca

import (
	"math"
	"time"

	"vigil/workflows/incident"
)

const (
	// onsetSlack is how many points two onsets may be apart and still count as
	// together: that is how well an onset is known under noise.
	onsetSlack = 3
	// lateness is what an account is worth that comes after what it accounts for.
	lateness = 0.2
	// fanOut is how often a request calls the same callee, at most: the callee's
	// added milliseconds count that much in the caller. Where the traffic of
	// both is known, it may say that a callee is called less often than that.
	fanOut = 1.5
	// crossing is what a callee's errors are worth as an account of its
	// caller's latency (retries), and its latency of its caller's errors (timeouts).
	crossing = 0.7
	// past is what an anomaly weighs that is over already.
	past = 0.6
)

// slack is how well the onsets of both are known.
func slack(a, b *measured) time.Duration {
	return onsetSlack * max(a.Period, b.Period)
}

// timing is 1 where cause began before effect, or so shortly after it that the
// points cannot tell, and lateness where it began later.
func timing(cause, effect *measured) float64 {
	if cause.Onset.After(effect.Onset.Add(slack(cause, effect))) {
		return lateness
	}
	return 1
}

// delta is how far the level left its normal state, without sign.
func (m *measured) delta() float64 { return math.Abs(m.Level - m.Baseline) }

// calls is how often one request to n comes to e, no more than fanOut, which it
// also is where traffic is not known. All of e's traffic counts as if it came
// from n, so it is an upper bound.
func calls(n, e *node) float64 {
	rn, re := n.metric(incident.MetricRequestRate), e.metric(incident.MetricRequestRate)
	if rn == nil || re == nil {
		return fanOut
	}
	of := math.Max(rn.Baseline, rn.Level)
	if of <= 0 {
		return fanOut
	}
	return math.Min(fanOut, math.Max(re.Baseline, re.Level)/of)
}

// lasting is the strength of m, less where it is over.
func (m *measured) lasting() float64 {
	if m.Over {
		return past * m.Strength
	}
	return m.Strength
}

// explain computes how much of n's latency and errors its callees account for.
//
// A callee accounts for its caller's latency by as many milliseconds as it
// lost itself, and likewise for errors; several callees add up. Sizes matter
// because z-scores do not add up along a call: a callee that is two very
// unusual milliseconds slower does not explain a second.
func (n *node) explain() {
	var total, explained, most float64
	for _, m := range []incident.Metric{incident.MetricLatency, incident.MetricErrorRate} {
		a := n.harm(m)
		if a == nil {
			continue
		}
		var sum float64
		for _, e := range n.seen() {
			v := accounts(n, a, e)
			if v > 0 && e.below()[n] && !precedes(e, n) {
				continue // they call each other: only the earlier one explains the other
			}
			sum += v
			if v*a.Strength > most {
				most, n.by = v*a.Strength, e
			}
		}
		total += a.Strength
		explained += a.Strength * clamp01(sum)
	}
	if total > 0 {
		n.share = explained / total
	}
}

// accounts is the part of a, a symptom of n, that n's callee e accounts for.
func accounts(n *node, a *measured, e *node) float64 {
	var v float64
	for _, m := range []incident.Metric{incident.MetricLatency, incident.MetricErrorRate} {
		c := e.harm(m)
		if c == nil {
			continue
		}
		sure := math.Min(1, 3*c.Strength) * timing(c, a)
		if m == a.Metric {
			v = math.Max(v, sure*clamp01(calls(n, e)*c.delta()/a.delta()))
		} else {
			v = math.Max(v, sure*crossing*c.Strength)
		}
	}
	if e.pool.score > 0 {
		// Time spent waiting for a connection is lost in the caller; the
		// database itself may answer as fast as ever.
		_, waits := worstOf(n.logs, n.calleeNames(), logConnections)
		t := 1.0
		if c := e.harm(incident.MetricConnections); c != nil {
			t = timing(c, a)
		}
		v = math.Max(v, e.pool.score*t*(0.4+0.6*math.Max(waits, e.starved())))
	}
	return v
}

// precedes orders two services that call each other.
func precedes(a, b *node) bool {
	if !a.onset.Equal(b.onset) {
		return !a.onset.IsZero() && (b.onset.IsZero() || a.onset.Before(b.onset))
	}
	return a.name < b.name
}

// ownWeight is how much an unexplained anomaly of a metric makes its service a
// suspect. Latency and errors are what users feel; the rest accompanies them.
func ownWeight(m incident.Metric) float64 {
	switch m {
	case incident.MetricLatency, incident.MetricErrorRate:
		return 0.8
	case incident.MetricRequestRate:
		return 0.1
	}
	return 0.3
}

// weigh computes what is left of n's anomalies after its callees' share.
func (n *node) weigh() {
	rest := 1.0
	for i := range n.anomalies {
		a := &n.anomalies[i]
		if !a.Harmful() {
			continue
		}
		w := ownWeight(a.Metric) * a.lasting()
		if a.Metric == incident.MetricLatency || a.Metric == incident.MetricErrorRate {
			w *= 1 - 0.95*n.share
		} else {
			w *= 1 - 0.5*n.share // waiting takes memory and connections too
		}
		rest *= 1 - w
	}
	n.own = 1 - rest
}

// relate computes what n could have to do with the alerting service's trouble.
func (n *node) relate(alerting *node, below map[*node]bool) {
	n.reach, n.impact = 1, 1
	if alerting == nil {
		return
	}
	if len(alerting.callees) > 0 && !below[n] {
		n.reach = 0.4
	}
	if n == alerting {
		return
	}
	// A service cannot have cost the alerting one more time than it lost itself.
	times := 2 * calls(alerting, n)
	la, ea := alerting.harm(incident.MetricLatency), alerting.harm(incident.MetricErrorRate)
	if la == nil && ea == nil {
		return
	}
	var v float64
	if l := n.harm(incident.MetricLatency); l != nil {
		if la != nil {
			v = math.Max(v, clamp01(times*l.delta()/la.delta()))
		}
		if ea != nil {
			v = math.Max(v, crossing*l.Strength)
		}
	}
	if e := n.harm(incident.MetricErrorRate); e != nil {
		if ea != nil {
			v = math.Max(v, clamp01(times*e.delta()/ea.delta()))
		}
		if la != nil {
			v = math.Max(v, crossing*e.Strength)
		}
	}
	n.impact = 0.3 + 0.7*v
}
