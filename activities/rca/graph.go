package rca

import (
	"slices"
	"time"

	"vigil/workflows/incident"
)

// node is one service while it is being judged.
type node struct {
	name      string
	anomalies []measured // one per series that is known
	callees   []*node
	callers   []*node
	onset     time.Time // earliest harmful onset
	logs      Logs
	changes   []Change
	events    []Event // what platforms reported of it, oldest first
	load      *Load   // what it spent its time on, where it is a database that says so

	baselineTo time.Time // normal operation up to here
	end        time.Time // of all telemetry

	pool     verdict                     // connections_exhausted, judged before explaining away
	cache    verdict                     // cache_failure, judged before the signatures of what stands behind it
	inner    []verdict                   // what its own measures say, judged before explaining away
	database bool                        // whether it is one
	blamed   float64                     // how much its callers say that it fails them, judged before explaining away
	shares   map[incident.Metric]float64 // how much of each symptom its callees account for, 0–1
	share    float64                     // how much of its symptoms its callees account for, 0–1
	by       *node                       // the callee that accounts for most
	part     float64                     // how much of all that was lost it lost itself, 0–1
	own      float64                     // what is left over
	impact   float64                     // how much of the alerting service's trouble it could make
	reach    float64                     // whether the alerting service depends on it
}

// measured is an anomaly, where it is cited, and the points it was taken from.
type measured struct {
	Anomaly
	evidence string
	points   []incident.Point
}

// graph holds every service that has telemetry, changes or edges.
type graph struct {
	nodes  []*node // by name
	byName map[string]*node
}

func newGraph(in Input) *graph {
	g := &graph{byName: map[string]*node{}}
	for _, s := range in.Series {
		points := clean(s.Points)
		a := summarise(s.Series, points, time.Time{}, in.BaselineTo)
		if !a.Known {
			continue
		}
		n := g.at(s.Service)
		n.anomalies = append(n.anomalies, measured{a, s.Evidence, points})
		if a.Harmful() && a.Metric != incident.MetricRequestRate && (n.onset.IsZero() || a.Onset.Before(n.onset)) {
			n.onset = a.Onset
		}
	}
	for _, e := range in.Edges {
		if e.From == e.To {
			continue
		}
		from, to := g.at(e.From), g.at(e.To)
		if !slices.Contains(from.callees, to) {
			from.callees = append(from.callees, to)
			to.callers = append(to.callers, from)
		}
	}
	for _, c := range in.Changes {
		if n := g.byName[c.Service]; n != nil {
			n.changes = append(n.changes, c)
		}
	}
	for service, l := range in.Logs {
		g.at(service).logs = l
	}
	for _, e := range in.Events {
		n := g.at(e.Service)
		n.events = append(n.events, e)
	}
	for i := range in.Loads {
		g.at(in.Loads[i].Service).load = &in.Loads[i]
	}
	slices.SortFunc(g.nodes, byName)
	var end time.Time
	for _, n := range g.nodes {
		n.doubtIdle()
		for _, a := range n.anomalies {
			if last := a.points[len(a.points)-1].At; last.After(end) {
				end = last
			}
		}
	}
	for _, n := range g.nodes {
		n.end, n.baselineTo = end, in.BaselineTo
		slices.SortFunc(n.callees, byName)
		slices.SortFunc(n.callers, byName)
		slices.SortStableFunc(n.anomalies, func(a, b measured) int {
			return slices.Index(incident.Metrics, a.Metric) - slices.Index(incident.Metrics, b.Metric)
		})
		slices.SortStableFunc(n.changes, func(a, b Change) int { return a.At.Compare(b.At) })
		slices.SortStableFunc(n.events, func(a, b Event) int { return a.At.Compare(b.At) })
	}
	return g
}

// idle is what latency and errors of a service count that is normally not called.
const idle = 0.3

// doubtIdle takes back what the measures of n seem to say where its traffic is
// normally nil: nothing describes its normal state then, and that it is
// called now is its callers' doing.
func (n *node) doubtIdle() {
	rate := n.metric(incident.MetricRequestRate)
	if rate == nil || rate.Baseline > 0 {
		return
	}
	for i := range n.anomalies {
		if m := n.anomalies[i].Metric; m == incident.MetricLatency || m == incident.MetricErrorRate {
			n.anomalies[i].Strength *= idle
		}
	}
}

func byName(a, b *node) int {
	if a.name < b.name {
		return -1
	}
	if a.name > b.name {
		return 1
	}
	return 0
}

func (g *graph) at(name string) *node {
	n := g.byName[name]
	if n == nil {
		n = &node{name: name}
		g.byName[name] = n
		g.nodes = append(g.nodes, n)
	}
	return n
}

// metric returns the anomaly of a metric, nil where it is not known.
func (n *node) metric(m incident.Metric) *measured {
	for i := range n.anomalies {
		if n.anomalies[i].Metric == m {
			return &n.anomalies[i]
		}
	}
	return nil
}

// harm returns the anomaly of a metric where it is harmful, nil where not.
func (n *node) harm(m incident.Metric) *measured {
	if a := n.metric(m); a != nil && a.Harmful() {
		return a
	}
	return nil
}

// calleeNames lists whom the service calls, for reading its logs.
func (n *node) calleeNames() []string {
	names := make([]string, len(n.callees))
	for i, c := range n.callees {
		names[i] = c.name
	}
	return names
}

// observed reports whether the service has latency or errors of its own to
// show. One that has none lets its callees' troubles through unseen.
func (n *node) observed() bool {
	return n.metric(incident.MetricLatency) != nil || n.metric(incident.MetricErrorRate) != nil
}

// seen returns the callees whose state is known, looking through those without telemetry.
func (n *node) seen() []*node {
	var out []*node
	visited := map[*node]bool{n: true}
	var walk func(*node)
	walk = func(m *node) {
		for _, c := range m.callees {
			if visited[c] {
				continue
			}
			visited[c] = true
			out = append(out, c)
			if !c.observed() {
				walk(c)
			}
		}
	}
	walk(n)
	return out
}

// below returns everything that n depends on, itself included.
func (n *node) below() map[*node]bool {
	out := map[*node]bool{n: true}
	queue := []*node{n}
	for len(queue) > 0 {
		m := queue[0]
		queue = queue[1:]
		for _, c := range m.callees {
			if !out[c] {
				out[c] = true
				queue = append(queue, c)
			}
		}
	}
	return out
}
