package rca

import (
	"math"

	"vigil/workflows/incident"
)

const (
	leakRise = 4.0 // points of memory, in percent, that a leak has taken at least
	leakFull = 80  // percent of memory in use from which on little is left

	fullMemory = 90 // percent at which processes are killed for it
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
