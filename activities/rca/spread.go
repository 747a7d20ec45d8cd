package rca

import (
	"slices"
	"time"

	"vigil/workflows/incident"
)

// Spread lists the services that depend on the one at fault, nearest first:
// how many calls lie between, and whether their latency or errors show it
// already and since when. What a service showed before the fault did is not
// the fault's doing and does not count as reached.
func Spread(in Input, fault string) []incident.Spread {
	if in.BaselineTo.IsZero() {
		in.BaselineTo = in.StartedAt
	}
	g := newGraph(in)
	from := g.byName[fault]
	if from == nil {
		return nil
	}
	hops := map[*node]int{from: 0}
	queue := []*node{from}
	var out []incident.Spread
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		for _, c := range n.callers {
			if _, seen := hops[c]; seen {
				continue
			}
			hops[c] = hops[n] + 1
			queue = append(queue, c)
			s := incident.Spread{Service: c.name, Hops: hops[c], Cites: unique([]string{in.EdgesEvidence})}
			for _, m := range []incident.Metric{incident.MetricLatency, incident.MetricErrorRate} {
				a := c.harm(m)
				if a == nil || a.Over || before(a, from) {
					continue
				}
				if !s.Reached || a.Onset.Before(s.Since) {
					s.Since = a.Onset
				}
				s.Reached = true
				s.Cites = unique(append(s.Cites, a.evidence))
			}
			out = append(out, s)
		}
	}
	slices.SortStableFunc(out, func(a, b incident.Spread) int { return a.Hops - b.Hops })
	return out
}

// before reports whether a began earlier than n's trouble, further than onsets
// are known.
func before(a *measured, n *node) bool {
	var period time.Duration
	for i := range n.anomalies {
		period = max(period, n.anomalies[i].Period)
	}
	return !n.onset.IsZero() && a.Onset.Before(n.onset.Add(-onsetSlack*max(period, a.Period)))
}
