package rca

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"vigil/workflows/incident"
)

// enough is how many points of normal operation a measure needs, and now of
// the time after it, before its silence means anything.
const (
	enough = fullBaseline
	now    = 2
)

// Healthy reports whether there is telemetry of the service that complained
// and nothing in it, nor in what was read of others, is wrong at its end. why
// says what was looked at; where ok is false, what is wrong or missing.
//
// Trouble that was there and is over counts as healthy, and is told. A service
// of which only traffic is measured, or nothing for long enough, is never
// healthy: silence is no proof.
func Healthy(in Input) (ok bool, why string) {
	if in.BaselineTo.IsZero() {
		in.BaselineTo = in.StartedAt
	}
	g := newGraph(in)
	asked := g.byName[in.Alerting]
	if asked == nil {
		return false, fmt.Sprintf("there is no telemetry of %s", nameOf(in.Alerting))
	}
	known := asked.judged(in.StartedAt)
	if len(known) == 0 {
		return false, fmt.Sprintf("too little telemetry of %s to say that it is well: a measure other than traffic needs %d points before %s and %d after",
			in.Alerting, enough, in.BaselineTo.UTC().Format(time.TimeOnly), now)
	}
	var wrong, over, busier []string
	for _, n := range g.nodes {
		for i := range n.anomalies {
			a := &n.anomalies[i]
			switch {
			case !a.Harmful() || !alarming(a):
			case a.Over:
				over = append(over, fmt.Sprintf("%s of %s was %s and is %s again", a.Metric, n.name, num(a.Level), num(a.Now)))
			case a.matters() || n == asked && !n.noticeable():
				wrong = append(wrong, Finding(a.Anomaly)+" of "+n.name)
			default:
				busier = append(busier, fmt.Sprintf("%s of %s (%s)", a.Metric, n.name, num(a.Now)))
			}
		}
	}
	if len(wrong) > 0 {
		return false, strings.Join(wrong[:min(len(wrong), 3)], "; ")
	}
	if s := Rank(in); len(s) > 0 && s[0].Score >= Notable {
		return false, fmt.Sprintf("%s is suspected: %s", s[0].Service, strings.Join(s[0].Reasons[:min(len(s[0].Reasons), 2)], "; "))
	}
	why = fmt.Sprintf("nothing is wrong now in %s of %s", strings.Join(known, ", "), in.Alerting)
	if others := g.others(asked); others > 0 {
		why += fmt.Sprintf(", nor in what was read of %d others", others)
	}
	if len(busier) > 0 {
		why += "; nobody notices " + strings.Join(busier[:min(len(busier), 3)], ", ")
	}
	if len(over) > 0 {
		why += "; it has recovered: " + strings.Join(over[:min(len(over), 3)], "; ")
	}
	return true, why
}

// judged names the measures of n that are known well enough to be believed
// when they show nothing.
func (n *node) judged(startedAt time.Time) []string {
	var out []string
	for i := range n.anomalies {
		a := &n.anomalies[i]
		before := firstAfter(a.points, n.baselineTo)
		since := max(before, firstAfter(a.points, startedAt.Add(-time.Nanosecond)))
		if a.Metric == incident.MetricRequestRate || before < enough || len(a.points)-since < now {
			continue
		}
		out = append(out, string(a.Metric))
	}
	return out
}

// alarming reports whether a is more than a measure that wanders: what is
// only just remarkable happens every day.
func alarming(a *measured) bool {
	return a.Strength >= 0.3 && a.Metric != incident.MetricRequestRate
}

// matters reports whether a is trouble whoever looks at it. The rest is a
// service at work: it matters where users are slowed down by it, and then
// latency or errors show it.
func (a *measured) matters() bool {
	switch a.Metric {
	case incident.MetricLatency, incident.MetricErrorRate, incident.MetricUnavailable, incident.MetricRestarts, incident.MetricThrottles,
		incident.MetricFreeStorage, incident.MetricQueueAge, incident.MetricReplicaLag, incident.MetricCertificateDays:
		return true
	case incident.MetricMemory:
		return a.Now >= fullMemory
	}
	return false
}

// noticeable reports whether anything measures what users of n notice of it.
func (n *node) noticeable() bool {
	return n.observed() || slices.ContainsFunc(n.callers, (*node).observed)
}

// others counts the services besides n of which anything is known.
func (g *graph) others(n *node) int {
	out := 0
	for _, m := range g.nodes {
		if m != n && slices.ContainsFunc(m.anomalies, func(a measured) bool { return a.Known }) {
			out++
		}
	}
	return out
}

func nameOf(service string) string {
	if service == "" {
		return "the service that complained"
	}
	return service
}
