package rca

import (
	"fmt"
	"math"
	"time"

	"vigil/workflows/incident"
)

// verdict is what a signature says of one service.
type verdict struct {
	cause   incident.Cause
	score   float64 // 0–1
	reasons []string
	cites   []string
}

func (v *verdict) because(cite, format string, args ...any) {
	v.reasons = append(v.reasons, fmt.Sprintf(format, args...))
	v.cites = append(v.cites, cite)
}

// poolExhausted judges whether callers of n run out of connections to it.
//
// Signs: connections rose; they stopped rising, as they do at a limit; callers
// (or the database) log that there is no connection to be had; its callers are
// in trouble all together. The rise alone stays weak, because a single caller
// that is slow for any other reason holds its connections longer too.
func poolExhausted(n *node) verdict {
	v := verdict{cause: incident.CauseConnectionsExhausted}
	series := n.metric(incident.MetricConnections)
	rise := n.harm(incident.MetricConnections)

	type sign struct {
		p    incident.LogPattern
		from *node
	}
	var said []sign
	silent := 1.0
	for _, m := range append([]*node{n}, n.callers...) {
		if p, s := worstOf(m.logs, m.calleeNames(), logConnections); s > 0 {
			said = append(said, sign{p, m})
			silent *= 1 - s
		}
	}
	logs, starved := 1-silent, n.starved()
	switch {
	case rise != nil:
		held := plateau(rise)
		v.score = math.Min(1, 3*rise.Strength)*(0.12+0.1*held+0.4*starved) + 0.75*logs
		v.because(rise.evidence, "%s", Finding(rise.Anomaly))
		if held > 0.5 {
			v.because(rise.evidence, "connections stay at %s, as at a limit", num(rise.Level))
		}
		if starved > 0 {
			v.because("", "its callers are in trouble together")
		}
	case series != nil:
		v.score = 0.2 * logs // they are counted, and there are no more than usual
	case len(n.callees) == 0 && len(n.callers) > 0:
		v.score = 0.5 * logs // nobody counts them; only what calls nothing can be a database
	}
	for _, s := range said {
		v.because(s.from.logs.Evidence, "%s logs %s", s.from.name, patternWords(s.p))
	}
	v.score = clamp01(v.score)
	return v
}

// starved says whether n's callers are in trouble together: the share of them
// that became abnormal no earlier than n's connections, squared, 0 for
// fewer than two.
func (n *node) starved() float64 {
	rise := n.harm(incident.MetricConnections)
	if rise == nil {
		return 0
	}
	var all, hit float64
	for _, c := range n.callers {
		if !c.observed() {
			continue
		}
		all++
		for _, m := range []incident.Metric{incident.MetricLatency, incident.MetricErrorRate} {
			if a := c.harm(m); a != nil && !rise.Onset.After(a.Onset.Add(slack(rise, a))) {
				hit++
				break
			}
		}
	}
	if hit < 2 {
		return 0
	}
	return hit / all * hit / all
}

// plateau says how flat the latest points are, compared with the rise before.
func plateau(a *measured) float64 {
	k := firstAfter(a.points, a.Onset.Add(-1))
	since := a.points[k:]
	tail := since[len(since)-max(min(len(since), sustain), len(since)/3):]
	if len(tail) < sustain || a.delta() == 0 {
		return 0
	}
	low, high := tail[0].Value, tail[0].Value
	for _, p := range tail {
		low, high = math.Min(low, p.Value), math.Max(high, p.Value)
	}
	return clamp01(1 - 2*(high-low)/a.delta())
}

// badDeployment judges whether a change broke n: a deployment or a change of
// configuration on n itself shortly before its first symptom, trouble that
// no callee accounts for, and errors in its own log that were not there before.
func badDeployment(n *node) verdict {
	v := verdict{cause: incident.CauseBadDeployment}
	l, e := n.harm(incident.MetricLatency), n.harm(incident.MetricErrorRate)
	if l == nil && e == nil {
		return v
	}
	// A stray error may come before either, so each symptom is asked.
	var best Change
	var when float64
	var first time.Time
	for _, m := range []*measured{l, e} {
		if m == nil {
			continue
		}
		for _, c := range n.changes {
			if w := changeWeight(c.Kind) * recency(c.At, m.Onset, onsetSlack*m.Period); w > when {
				best, when, first = c, w, m.Onset
			}
		}
	}
	if when == 0 {
		return v
	}
	left := 1 - n.share
	var trouble float64
	if l != nil {
		trouble = either(trouble, l.lasting())
	}
	if e != nil {
		trouble = either(trouble, e.lasting())
	}
	p, logged := worstOf(n.logs, n.calleeNames(), logOwn)
	// A service that logs nothing new may still be broken, and one whose trouble
	// is accounted for may still log for itself.
	v.score = when * math.Min(1, 2*trouble) * left * (0.65 + 0.35*logged)
	v.because(best.Evidence, "%s", changeWords(best.Change, first, "its symptoms"))
	if logged > 0 {
		v.because(n.logs.Evidence, "logs %s", patternWords(p))
	}
	return v
}

const (
	leakRise = 4.0 // points of memory, in percent, that a leak has taken at least
	leakFull = 80  // percent of memory in use from which on little is left
)

// memoryLeak judges whether n loses memory: it rises steadily, or has filled
// up, and began to before latency or errors did. Growing memory alone is a cache
// filling up; it takes symptoms, or words about memory in the log, to make it
// a suspect.
func memoryLeak(n *node) verdict {
	v := verdict{cause: incident.CauseMemoryLeak}
	m := n.metric(incident.MetricMemory)
	if m == nil || len(m.points) < minBaseline+2 {
		return v
	}
	t := leakTrend(m)
	rise := t.slope * t.end.Sub(t.start).Seconds()
	steady := 0.0
	if t.slope > 0 && rise >= leakRise && t.points > minBaseline && (t.z >= remarkable || m.Harmful()) {
		steady = clamp01((t.tau-0.4)/0.4) * clamp01(rise/(2*leakRise))
	}
	// A leak that has filled the memory does not rise any more.
	filled := 0.0
	if m.Harmful() && !m.Over && m.Level >= leakFull {
		filled = clamp01(m.delta() / (4 * leakRise))
	}
	growth := math.Max(steady, 0.9*filled)
	if growth == 0 {
		return v
	}
	start := m.Onset
	if start.IsZero() {
		start = t.start
	}
	p, logged := worstOf(n.logs, n.calleeNames(), logMemory)
	var symptom float64
	lead := 1.0
	for _, s := range []*measured{n.harm(incident.MetricLatency), n.harm(incident.MetricErrorRate)} {
		if s == nil {
			continue
		}
		symptom = either(symptom, s.Strength*(1-n.share))
		if start.Add(max(m.Period, s.Period)).After(s.Onset) {
			lead = 0.3 // as it would where requests that wait take the memory
		}
	}
	lead = math.Max(lead, logged)
	full := 0.0
	if m.Now >= leakFull {
		full = 1
	}
	felt := 0.3 + 0.7*math.Max(math.Min(1, 2*symptom), logged)
	v.score = growth * lead * felt * math.Min(1, 0.65+0.25*logged+0.15*full)
	switch {
	case steady > 0:
		v.because(m.evidence, "memory_percent rises steadily, %s to %s at %s a minute (Kendall's tau %.2f)",
			num(t.at-rise), num(t.at), num(60*t.slope), t.tau)
	default:
		v.because(m.evidence, "memory_percent has filled up, %s to %s", num(m.Baseline), num(m.Level))
	}
	if lead == 1 && symptom > 0 {
		v.because(m.evidence, "memory began to rise before the symptoms")
	}
	if logged > 0 {
		v.because(n.logs.Evidence, "logs %s", patternWords(p))
	}
	return v
}

// leakTrend is the clearest rise of m: the latest trend, or the one since its
// onset, which is better where the leak is young.
func leakTrend(m *measured) trend {
	points := sinceDrop(m.points)
	best := latestTrend(points)
	if !m.Harmful() {
		return best
	}
	young := points[firstAfter(points, m.Onset.Add(-1)):]
	// That it left its normal state is certain already, so a few points will do.
	if t := fit(young); t.points > minBaseline && (t.tau > best.tau || best.z < remarkable) {
		return t
	}
	return best
}

// sinceDrop returns the points after the largest fall, if that is a restart: a
// fall by more than half of the series' range. A leak begins anew after it.
// Where fewer points are left than came before, it returns those before.
func sinceDrop(points []incident.Point) []incident.Point {
	low, high := points[0].Value, points[0].Value
	var fall float64
	at := 0
	for i, p := range points {
		low, high = math.Min(low, p.Value), math.Max(high, p.Value)
		if i > 0 && points[i-1].Value-p.Value > fall {
			fall, at = points[i-1].Value-p.Value, i
		}
	}
	switch {
	case fall <= (high-low)/2:
		return points
	case at >= len(points)-at:
		return points[:at]
	}
	return points[at:]
}
