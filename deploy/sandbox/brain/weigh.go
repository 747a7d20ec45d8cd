package brain

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// weigh makes every hypothesis that anything speaks for, best first. A picture
// does not change, so it is weighed once.
func weigh(p *picture) []hypothesis {
	if !p.weighed {
		p.hypotheses, p.weighed = p.weigh(), true
	}
	return p.hypotheses
}

func (p *picture) weigh() []hypothesis {
	var out []hypothesis
	for _, name := range p.names() {
		v := p.services[name]
		all := append([]hypothesis{p.memoryLeak(v), p.connections(v), p.badDeployment(v), p.badConfiguration(v)}, p.outside(v)...)
		for _, sg := range signatures {
			all = append(all, p.recognise(v, sg))
		}
		for _, h := range all {
			if len(h.fors) > 0 {
				out = append(out, h)
			}
		}
	}
	out = p.heedRanking(out)
	for i := range out {
		p.placeInGraph(&out[i])
	}
	placed := slices.Clone(out) // each is compared with the others as they stand
	for i := range out {
		p.compare(&out[i], placed)
		out[i].score = math.Min(out[i].score, 0.95)
	}
	slices.SortStableFunc(out, func(a, b hypothesis) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.service, b.service), cmp.Compare(a.cause, b.cause))
	})
	return out
}

const (
	// rankedSame is what the statistics' own suspicion of the same cause adds
	// at its strongest, rankedOther what they add where they suspect the
	// service of something else, and rankedAlone where nothing else speaks.
	rankedSame  = 0.5
	rankedOther = 0.1
	rankedAlone = 0.8
)

// heedRanking lets the statistics' own ranking count: it saw every point,
// where findings tell of levels and onsets alone. What logs, changes and the
// graph say against a suspect is weighed afterwards, whoever named it.
func (p *picture) heedRanking(all []hypothesis) []hypothesis {
	for _, r := range p.rankings {
		for _, s := range r.Suspects {
			if s.Service == "" || s.Score <= 0 {
				continue
			}
			named := false
			for i := range all {
				h := &all[i]
				switch {
				case h.service != s.Service:
					continue
				case h.cause == s.Cause:
					named = true
					h.score = witness(h.score, rankedSame*s.Score)
					h.fors = append(h.fors, argument{ids: []string{r.ID}, text: fmt.Sprintf("The statistics suspect %s of %s too, with %.2f.", s.Service, words(s.Cause), s.Score)})
				default:
					h.score = witness(h.score, rankedOther*s.Score)
				}
			}
			if !named && s.Cause != "" && s.Cause != causeUnknown {
				all = append(all, hypothesis{cause: s.Cause, service: s.Service, score: rankedAlone * s.Score, fors: []argument{
					{ids: append([]string{r.ID}, p.known(s.Cites)...), text: fmt.Sprintf("The statistics suspect %s of %s, with %.2f.", s.Service, words(s.Cause), s.Score)}}})
			}
		}
	}
	return all
}

// placeInGraph weighs where a hypothesis sits: what the service that complains
// does not depend on cannot be what it suffers from, and what began to go
// wrong well after it suffered did not cause that.
func (p *picture) placeInGraph(h *hypothesis) {
	complaining := p.incident.Service
	if complaining == "" || h.service == complaining {
		return
	}
	v, w := p.services[h.service], p.services[complaining]
	if len(p.edges) > 0 && p.inGraph(complaining) && p.inGraph(h.service) &&
		!slices.Contains(p.downstream(complaining), h.service) && !(h.cause == "traffic_surge" && slices.Contains(p.downstream(h.service), complaining)) {
		h.against(0.3, p.topology, "%s does not depend on %s.", complaining, h.service)
		return
	}
	if v == nil || w == nil {
		return
	}
	if first, its := w.onset(), v.onset(); !first.IsZero() && !its.IsZero() && its.Sub(first) > 3*time.Minute {
		ids := []string{}
		if m, ok := v.suffers(); ok {
			ids = append(ids, m.id)
		}
		if m, ok := w.suffers(); ok {
			ids = append(ids, m.id)
		}
		h.against(0.5, ids, "%s began to suffer at %s, after %s did.", h.service, its.UTC().Format(time.TimeOnly), complaining)
	}
}

func (p *picture) inGraph(service string) bool {
	return slices.ContainsFunc(p.edges, func(e edge) bool { return e.From == service || e.To == service })
}

// consequences lists causes that often are no more than the effect of another
// one in the same service.
var consequences = map[string][]string{
	"cpu_saturation":     {"expensive_query", "traffic_surge", causeDeployment, causeMemory, "maintenance_load"},
	"disk_saturation":    {"maintenance_load", "expensive_query", "storage_full"},
	causeConnections:     {"lock_contention", "expensive_query", "storage_full", "failover", "disk_saturation"},
	"out_of_memory":      {causeMemory, causeDeployment},
	"crash_loop":         {"out_of_memory", causeDeployment, causeConfiguration, "image_pull", "node_pressure", causeMemory},
	"expensive_query":    {"maintenance_load", causeDeployment},
	"queue_backlog":      {causeDeployment, "crash_loop", "throttled", "cpu_saturation", "dependency_failure"},
	"throttled":          {causeDeployment},
	"dependency_failure": {"certificate_expired", "throttled"},
	"network_failure":    {"certificate_expired", "failover", "crash_loop"},
	"replication_lag":    {"maintenance_load"},
}

// burdens are causes that show where there is more to do than usual, whoever
// made it more.
var burdens = []string{causeConnections, "cpu_saturation", "expensive_query", "disk_saturation", "throttled", "queue_backlog"}

// compare holds a hypothesis against those that would explain it: a deeper
// cause in the same service, more requests from its callers, a cache beside it
// that answers no more, or trouble of its own further down.
func (p *picture) compare(h *hypothesis, all []hypothesis) {
	explained := func(by hypothesis, left float64) {
		h.score *= left
		h.againsts = append(h.againsts, argument{ids: cites(by.fors), text: fmt.Sprintf("%s in %s would explain it.", words(by.cause), by.service)})
	}
	callers, below := p.upstream(h.service), p.downstream(h.service)
	for _, o := range all {
		switch {
		case o.score < 0.5:
		case o.service == h.service:
			if slices.Contains(consequences[h.cause], o.cause) {
				explained(o, 0.6)
				return
			}
		case o.cause == "traffic_surge" && slices.Contains(callers, o.service):
			if h.cause == "traffic_surge" || slices.Contains(burdens, h.cause) {
				explained(o, 0.6)
				return
			}
		case o.cause == "cache_failure" && slices.Contains(burdens, h.cause) && p.sharesCaller(o.service, h.service),
			o.cause == h.cause && (h.cause == "dependency_failure" || h.cause == "throttled" || h.cause == "cache_failure") && slices.Contains(below, o.service):
			explained(o, 0.6)
			return
		}
	}
	switch h.cause {
	case causeDeployment: // it weighs its callees itself
		return
	case "cache_failure": // what it no longer answers, something beside it has to
		for _, o := range all {
			if o.service != h.service && o.score >= 0.45 && slices.Contains(burdens, o.cause) && p.sharesCaller(h.service, o.service) {
				h.score = witness(h.score, 0.15)
				h.fors = append(h.fors, argument{text: fmt.Sprintf("%s has more to do than usual for it.", o.service), ids: cites(o.fors)})
				break
			}
		}
	case "traffic_surge": // it puts its callees in trouble
		for _, o := range all {
			if o.cause == h.cause && slices.Contains(below, o.service) {
				h.score = witness(h.score, 0.2)
				h.fors = append(h.fors, argument{text: fmt.Sprintf("The requests go on to %s.", o.service), ids: cites(o.fors)})
				return
			}
		}
		return
	}
	for _, callee := range below {
		for _, o := range all {
			if o.service == callee && o.score >= 0.6 && o.score >= h.score-0.1 {
				h.against(0.7, cites(o.fors), "%s, which %s depends on, is in trouble itself: %s.", callee, h.service, words(o.cause))
				return
			}
		}
	}
}

func (p *picture) sharesCaller(a, b string) bool {
	for _, c := range p.callers(a) {
		if c == b || slices.Contains(p.downstream(c), b) {
			return true
		}
	}
	return false
}
