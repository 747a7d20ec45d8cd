package world

// emptied is by how much a cache that has just been emptied misses more often.
const emptied = 0.3

// strain is what ailments do to one node in this tick: plus is added to a
// measure, times is a share of it that is added.
type strain struct{ plus, times levels }

// way is what ailments do to the calls from one node to another.
type way struct {
	latency float64 // milliseconds
	errors  float64 // share of calls
	traffic float64 // share of the normal number of calls that is added
}

// strains is what ailments do in this tick.
type strains struct {
	nodes map[string]*strain
	ways  map[[2]string]way
}

var unstrained = strain{}

func (s *strains) of(node string) strain {
	if t := s.nodes[node]; t != nil {
		return *t
	}
	return unstrained
}

func (s *strains) between(from, to string) way { return s.ways[[2]string{from, to}] }

// on is the strain of a node, to be added to.
func (s *strains) on(node string) *strain {
	t := s.nodes[node]
	if t == nil {
		t = &strain{}
		s.nodes[node] = t
	}
	return t
}

func (s *strains) along(from, to string, add way) {
	k := [2]string{from, to}
	w := s.ways[k]
	s.ways[k] = way{w.latency + add.latency, w.errors + add.errors, w.traffic + add.traffic}
}

// strains sums up what the current ailments do.
func (w *World) strains() *strains {
	s := &strains{}
	if len(w.ailments)+len(w.held)+len(w.cold) == 0 {
		return s
	}
	s.nodes, s.ways = map[string]*strain{}, map[[2]string]way{}
	for _, a := range w.ailments {
		if f := faultSpecs[a.fault].strain; f != nil {
			f(w, a, s)
		}
		for _, h := range a.herrings {
			h.strain(s)
		}
	}
	for _, a := range w.held {
		if a.before.ill > 0 { // nobody feels it, and it can be seen where it is
			faultSpecs[a.fault].strain(w, a, s)
		}
	}
	for cache, left := range w.cold {
		s.on(cache).plus[gHitRate] -= emptied * left
	}
	return s
}
