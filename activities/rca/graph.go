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

	pool   verdict // connections_exhausted, judged before explaining away
	share  float64 // how much of its symptoms its callees account for, 0–1
	by     *node   // the callee that accounts for most
	own    float64 // what is left over
	impact float64 // how much of the alerting service's trouble it could make
	reach  float64 // whether the alerting service depends on it
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
	slices.SortFunc(g.nodes, byName)
	for _, n := range g.nodes {
		slices.SortFunc(n.callees, byName)
		slices.SortFunc(n.callers, byName)
		slices.SortStableFunc(n.anomalies, func(a, b measured) int {
			return slices.Index(incident.Metrics, a.Metric) - slices.Index(incident.Metrics, b.Metric)
		})
		slices.SortStableFunc(n.changes, func(a, b Change) int { return a.At.Compare(b.At) })
	}
	return g
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
