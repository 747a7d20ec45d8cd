package rca

import (
	"math"
	"slices"
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
	// patience is a short timeout, in milliseconds.
	patience = 500.0
	// partWeight is how much of a score hangs on the part of the trouble that a
	// service has, compared with others. Services of very different traffic make
	// it a hint, not a proof.
	partWeight = 0.3
	// past is what an anomaly weighs that is over already.
	past = 0.4
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

// explain computes how much of n's latency and of its errors its callees
// account for, each by itself: what accounts for the one may leave the other open.
//
// A callee accounts for its caller's latency by as many milliseconds as it
// lost itself, and likewise for errors; several callees add up. Sizes matter
// because z-scores do not add up along a call: a callee that is two very
// unusual milliseconds slower does not explain a second.
func (n *node) explain() {
	var total, explained, most float64
	n.shares = map[incident.Metric]float64{}
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
		n.shares[m] = clamp01(sum)
		total += a.Strength
		explained += a.Strength * n.shares[m]
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
			v = math.Max(v, sure*crosses(c, c.Strength))
		}
	}
	if !e.observed() {
		// Nobody measures how slow it is; that something is wrong inside is known,
		// or its callers say so.
		v = math.Max(v, 0.7*e.blamed)
		for _, i := range e.inner {
			v = math.Max(v, 0.7*i.score*began(e, a))
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

// began is timing where the cause has no one measure: by n's first onset.
func began(n *node, effect *measured) float64 {
	if n.onset.IsZero() || n.onset.After(effect.Onset.Add(onsetSlack*effect.Period)) {
		return lateness
	}
	return 1
}

// crosses is what a symptom of a callee is worth as an account of the other
// kind of symptom in its caller. Errors cost time by being tried again. Time
// costs errors only where somebody gives up waiting, and nobody does that for a
// delay much shorter than the shortest of usual timeouts.
func crosses(callee *measured, strength float64) float64 {
	if callee.Metric == incident.MetricLatency {
		return crossing * strength * clamp01(callee.delta()/patience)
	}
	return crossing * strength
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

// weigh computes what is left of n's anomalies after its callees' share. What
// accompanies latency and errors goes together, so only the most of it counts.
func (n *node) weigh() {
	rest, most := 1.0, 0.0
	for i := range n.anomalies {
		a := &n.anomalies[i]
		if !a.Harmful() {
			continue
		}
		w := ownWeight(a.Metric) * a.lasting()
		if a.Metric == incident.MetricLatency || a.Metric == incident.MetricErrorRate {
			rest *= 1 - w*(1-0.95*n.shares[a.Metric])
			continue
		}
		most = math.Max(most, w*(1-0.5*n.share)) // waiting takes memory and connections too
	}
	n.own = 1 - rest*(1-most)
	if n.unnoticed() {
		n.own *= 0.5
	}
}

// unnoticed reports whether n shows its callers' trouble only through them, and
// they are well.
func (n *node) unnoticed() bool {
	return !n.observed() && slices.ContainsFunc(n.callers, (*node).observed) && n.suffers() == 0
}

// lost is what n's own trouble costs each second: milliseconds waited, or
// requests failed, less what its callees account for. ok is false where its
// traffic is not known.
func (n *node) lost(m incident.Metric) (perSecond float64, ok bool) {
	rate := n.metric(incident.MetricRequestRate)
	if rate == nil {
		return 0, false
	}
	a := n.harm(m)
	if a == nil {
		return 0, true
	}
	return a.delta() * math.Max(rate.Level, rate.Now) * (1 - n.shares[m]), true
}

// compare says how much of the trouble is n's, beside the service that has
// most of it: the larger part of n's latency and errors by what they cost each
// second. A service sees all requests that fail for it; a client, or a view
// that a client has of it, sees its own only, however large a share they are.
func (g *graph) compare() {
	for _, n := range g.nodes {
		n.part = 0
	}
	for _, m := range []incident.Metric{incident.MetricLatency, incident.MetricErrorRate} {
		most := 0.0
		for _, n := range g.nodes {
			v, _ := n.lost(m)
			most = math.Max(most, v)
		}
		for _, n := range g.nodes {
			v, ok := n.lost(m)
			switch {
			case !ok:
				n.part = math.Max(n.part, 0.5)
			case most > 0:
				n.part = math.Max(n.part, v/most)
			}
		}
	}
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
			v = math.Max(v, crosses(l, l.Strength))
		}
	}
	if e := n.harm(incident.MetricErrorRate); e != nil {
		if ea != nil {
			v = math.Max(v, clamp01(times*e.delta()/ea.delta()))
		}
		if la != nil {
			v = math.Max(v, crosses(e, e.Strength))
		}
	}
	n.impact = (0.3 + 0.7*v) * (1 - partWeight + partWeight*math.Sqrt(n.part))
}
