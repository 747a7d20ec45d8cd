package correlate

import "vigil/workflows/incident"

// maxHops is how far apart services are looked for.
const maxHops = 4

// graph is who calls whom, read in both directions.
type graph struct {
	next map[string][]string
	from string         // where distances were measured from last
	dist map[string]int // to all services within maxHops of it
}

func newGraph(static map[string][]string, edges []incident.Edge) *graph {
	g := &graph{next: map[string][]string{}}
	link := func(a, b string) {
		g.next[a], g.next[b] = append(g.next[a], b), append(g.next[b], a)
	}
	for caller, callees := range static {
		for _, callee := range callees {
			link(caller, callee)
		}
	}
	for _, e := range edges {
		link(e.From, e.To)
	}
	return g
}

// hops is the least number of calls between two services, -1 where no way of
// maxHops or fewer is known.
func (g *graph) hops(a, b string) int {
	if g.dist == nil || g.from != a {
		g.from, g.dist = a, g.reach(a)
	}
	if d, ok := g.dist[b]; ok {
		return d
	}
	return -1
}

func (g *graph) reach(from string) map[string]int {
	dist, ring := map[string]int{from: 0}, []string{from}
	for d := 1; d <= maxHops && len(ring) > 0; d++ {
		var further []string
		for _, s := range ring {
			for _, n := range g.next[s] {
				if _, seen := dist[n]; !seen {
					dist[n] = d
					further = append(further, n)
				}
			}
		}
		ring = further
	}
	return dist
}
