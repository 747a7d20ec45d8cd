package rca

import (
	"math"
	"slices"

	"vigil/workflows/incident"
)

const (
	busyCPU    = 70.0 // percent from which on requests begin to wait for it
	fullCPU    = 90.0 // percent at which all do
	heldBack   = 0.2  // share of time for which a limited container waits for CPU, from which on it matters
	fewSurge   = 1.3  // times its normal traffic that a service bears anyway
	greatSurge = 2.0  // times at which it is a surge without doubt
)

// surge says how much more traffic than normal n has, 0–1, where its callers
// have more as well or are not known: otherwise they ask more often than they
// should, and that is their doing.
func (n *node) surge() float64 {
	r := n.metric(incident.MetricRequestRate)
	if r == nil || !r.Abnormal() || r.Direction != Up || r.Over || r.Baseline <= 0 {
		return 0
	}
	size := clamp01((r.Level/r.Baseline - fewSurge) / (greatSurge - fewSurge))
	if len(n.feeders()) > 0 && !n.surgingCaller() {
		return 0
	}
	return size
}

// surgingCaller reports whether a caller of n has got more traffic as well, by
// half as large a share at least.
func (n *node) surgingCaller() bool {
	r := n.metric(incident.MetricRequestRate)
	return slices.ContainsFunc(n.feeders(), func(c *node) bool {
		q := c.metric(incident.MetricRequestRate)
		return q.Baseline > 0 && q.Level/q.Baseline >= 1+(r.Level/r.Baseline-1)/2
	})
}

// feeders are the nearest services that n's work comes from and whose traffic
// is known, looking through queues and whatever else shows none.
func (n *node) feeders() []*node {
	var out []*node
	seen := map[*node]bool{n: true}
	queue := []*node{n}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for _, c := range at.callers {
			if seen[c] {
				continue
			}
			seen[c] = true
			if c.metric(incident.MetricRequestRate) != nil {
				out = append(out, c)
			} else {
				queue = append(queue, c)
			}
		}
	}
	return out
}

// trafficSurge judges whether n has more to do than it can. More traffic that
// is served as fast as ever is business.
func trafficSurge(n *node) verdict {
	v := verdict{cause: incident.CauseTrafficSurge}
	size := n.surge()
	if size == 0 {
		return v
	}
	r := n.metric(incident.MetricRequestRate)
	var slow float64
	for _, m := range n.symptoms() {
		if !r.Onset.After(m.Onset.Add(slack(r, m))) {
			slow = math.Max(slow, m.lasting())
		}
	}
	busy := 0.0
	if c := n.harm(incident.MetricCPU); c != nil {
		busy = math.Min(1, 2*c.Strength)
	}
	if n.surgingCaller() {
		size *= 0.6 // it comes from there
	}
	p, logged := worstOf(n.logs, n.calleeNames(), logOverload)
	v.upstream = true
	v.score = size * math.Min(1, 2*slow) * math.Min(1, 0.6+0.25*busy+0.15*logged)
	v.because(r.evidence, "traffic is %s times normal since before it was slow (%s → %s a second)", num(r.Level/r.Baseline), num(r.Baseline), num(r.Level))
	if logged > 0 {
		v.because(n.logs.Evidence, "logs %s", patternWords(p))
	}
	return v
}

// cpuSaturation judges whether n's own work has used up its CPU. High CPU that
// nobody notices is a machine that earns its money.
func cpuSaturation(n *node) verdict {
	v := verdict{cause: incident.CauseCPUSaturation}
	if n.database {
		return v // its statements say more, see databaseSignatures
	}
	var full float64
	if c := n.harm(incident.MetricCPU); c != nil && !c.Over && (n.observed() || len(n.callers) > 0) {
		if full = clamp01((c.Level - busyCPU) / (fullCPU - busyCPU)); full > 0 {
			v.because(c.evidence, "%s", Finding(c.Anomaly))
			for _, m := range n.symptoms() {
				if c.Onset.After(m.Onset.Add(slack(c, m))) {
					full *= 0.5 // it was slow first
					break
				}
			}
		}
	}
	if c := n.harm(incident.MetricThrottledCPU); c != nil && !c.Over && c.Level >= heldBack {
		full = math.Max(full, clamp01(c.Level/(2*heldBack)))
		v.because(c.evidence, "%s", Finding(c.Anomaly))
	}
	if full == 0 {
		return v
	}
	p, logged := worstOf(n.logs, n.calleeNames(), logOverload)
	v.score = full * n.felt() * (0.75 + 0.2*logged) * (1 - 0.9*n.surge())
	if logged > 0 {
		v.because(n.logs.Evidence, "logs %s", patternWords(p))
	}
	return v
}

// queueBacklog judges whether work waits in n longer than it should.
func queueBacklog(n *node) verdict {
	v := verdict{cause: incident.CauseQueueBacklog}
	waits := 0.0
	for _, m := range []incident.Metric{incident.MetricQueueAge, incident.MetricQueueDepth} {
		if a := n.harm(m); a != nil {
			waits = either(waits, a.still())
			v.because(a.evidence, "%s", Finding(a.Anomaly))
		}
	}
	v.score = 0.8 * math.Min(1, 1.5*waits)
	return v
}

// outOfMemory judges whether n's instances are killed for the memory they take.
func outOfMemory(n *node) verdict {
	v := verdict{cause: incident.CauseOutOfMemory}
	e, killed := n.happened(killWords)
	if killed > 0 {
		v.because(e.Evidence, "%s: %s", e.Resource, e.Message)
	}
	p, logged := worstOf(n.logs, n.calleeNames(), logMemory)
	if logged = logged * one(containsAny(textOf(p), killWords)); logged > 0 {
		v.because(n.logs.Evidence, "logs %s", patternWords(p))
	}
	if m, r := n.metric(incident.MetricMemory), n.harm(incident.MetricRestarts); m != nil && r != nil && m.Peak >= fullMemory {
		killed = math.Max(killed, 0.7)
		v.because(r.evidence, "restarts with memory at %s percent", num(m.Peak))
	}
	v.score = 0.85 * either(killed, 0.6*logged) * (0.4 + 0.6*math.Max(n.felt(), n.absent()))
	return v
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
