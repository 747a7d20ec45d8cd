package rca

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"vigil/workflows/incident"
)

const (
	// Notable is the score from which on a suspect is worth a person's time.
	// Healthy telemetry stays below it.
	Notable = 0.3

	// leastScore is what a suspect needs to be listed at all.
	leastScore = 0.05

	// nameable is the score from which on a signature names the cause. Below it
	// there is too little to tell one cause from another.
	nameable = 0.25

	// anomalous is the most that anomalies alone, without a signature, score.
	anomalous = 0.6
)

// Rank lists the services that may be the root cause, most suspect first, one
// entry for each. Nothing abnormal gives an empty list.
//
// A service's own score is what is left of its anomalies after its callees'
// share, less where it began late, is unreachable from the alerting service or
// lost too little time to matter there. The strongest signature is then
// combined with it by noisy-or and names the cause; without one of any weight
// the cause is incident.CauseUnknown.
func Rank(in Input) []incident.Suspect {
	if in.BaselineTo.IsZero() {
		in.BaselineTo = in.StartedAt
	}
	g := newGraph(in)
	for _, n := range g.nodes {
		n.pool = poolExhausted(n)
		n.inside()
		n.blamed = math.Max(dependencyFailure(n).score, throttled(n).score)
	}
	alerting := g.byName[in.Alerting]
	var below map[*node]bool
	if alerting != nil {
		below = alerting.below()
	}
	for _, n := range g.nodes {
		n.explain()
		n.weigh()
	}
	for _, n := range g.nodes {
		n.cache = cacheFailed(n)
	}
	g.compare()
	for _, n := range g.nodes {
		n.relate(alerting, below)
	}
	first, span := g.onsets()
	out := []incident.Suspect{}
	for _, n := range g.nodes {
		if s := n.suspect(in, first, span); s.Score >= leastScore {
			out = append(out, s)
		}
	}
	slices.SortStableFunc(out, func(a, b incident.Suspect) int {
		switch {
		case a.Score > b.Score:
			return -1
		case a.Score < b.Score:
			return 1
		}
		return g.byName[a.Service].onset.Compare(g.byName[b.Service].onset)
	})
	return out
}

// onsets returns the earliest onset of a service with something of its own,
// and the time from there to the end of the telemetry.
func (g *graph) onsets() (first time.Time, span time.Duration) {
	var last time.Time
	for _, n := range g.nodes {
		if n.own >= 0.1 && !n.onset.IsZero() && (first.IsZero() || n.onset.Before(first)) {
			first = n.onset
		}
		for i := range n.anomalies {
			if p := n.anomalies[i].points; p[len(p)-1].At.After(last) {
				last = p[len(p)-1].At
			}
		}
	}
	if first.IsZero() {
		return first, 0
	}
	return first, last.Sub(first)
}

// earliness is 1 for the first onset and falls to 0.7 for the last.
func earliness(onset, first time.Time, span time.Duration) float64 {
	if onset.IsZero() || first.IsZero() || span <= 0 {
		return 0.7
	}
	return 0.7 + 0.3*math.Exp(-4*clamp01(float64(onset.Sub(first))/float64(span)))
}

// suspect turns what is known of n into a suspect.
func (n *node) suspect(in Input, first time.Time, span time.Duration) incident.Suspect {
	base := anomalous * n.own * n.impact * n.reach * earliness(n.onset, first, span)
	best := n.judge()
	if best.score < nameable {
		best.cause = incident.CauseUnknown
	}
	s := incident.Suspect{Service: n.name, Cause: best.cause, Score: round(either(base, best.score))}
	if s.Score < leastScore {
		return s
	}
	said := append([]string(nil), best.reasons...)
	cites := append([]string(nil), best.cites...)
	for i := range n.anomalies {
		a := &n.anomalies[i]
		if a.Harmful() && (a.Metric != incident.MetricRequestRate || len(n.anomalies) == 1) {
			said = append(said, Finding(a.Anomaly))
			cites = append(cites, a.evidence)
		}
	}
	if n.by != nil && n.share >= 0.3 {
		said = append(said, fmt.Sprintf("%.0f%% of it is accounted for by %s", 100*n.share, n.by.name))
		cites = append(cites, in.EdgesEvidence)
	}
	if callers := n.explains(); len(callers) > 0 {
		said = append(said, "accounts for "+strings.Join(callers, ", "))
		cites = append(cites, in.EdgesEvidence)
	}
	s.Reasons, s.Cites = unique(said), unique(cites)
	return s
}

// explains lists the callers whose trouble n accounts for.
func (n *node) explains() []string {
	var out []string
	for _, c := range n.callers {
		if c.by == n && c.share >= 0.3 {
			out = append(out, c.name)
		}
	}
	return out
}

// unique keeps the first of each non-empty string.
func unique(in []string) []string {
	var out []string
	for _, s := range in {
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// round keeps four decimals, so that scores compare and print the same everywhere.
func round(x float64) float64 { return math.Round(x*1e4) / 1e4 }
