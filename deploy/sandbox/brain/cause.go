package brain

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Causes that are weighed by rules of their own; the others are in signatures.go.
const (
	causeDeployment    = "bad_deployment"
	causeConfiguration = "bad_configuration"
	causeConnections   = "connections_exhausted"
	causeMemory        = "memory_leak"
	causeUnknown       = "unknown"
)

// hypothesis is one explanation with what speaks for and against it.
type hypothesis struct {
	cause, service string
	score          float64
	fors, againsts []argument
}

// argument is one sentence and the evidence that it rests on. A quiet one
// rests on evidence that shows nothing unusual: it counts, and is no claim.
type argument struct {
	text  string
	ids   []string
	quiet bool
}

func (h *hypothesis) add(weight float64, ids []string, format string, args ...any) {
	h.score += weight
	h.fors = append(h.fors, argument{text: fmt.Sprintf(format, args...), ids: ids})
}

// against scales the score down by what is left of it.
func (h *hypothesis) against(left float64, ids []string, format string, args ...any) {
	h.score *= left
	h.againsts = append(h.againsts, argument{text: fmt.Sprintf(format, args...), ids: ids})
}

// What failing services write. The first three name a cause, the last only
// says that somebody else is in trouble.
var (
	outOfMemory   = regexp.MustCompile(`(?i)out ?of ?memory|oom[- ]?kill|heap space|exit code (137|<n>)|memory limit`)
	collecting    = regexp.MustCompile(`(?i)\bgc\b.*(paus|full|overhead)|full collection`)
	noConnections = regexp.MustCompile(`(?i)connection slots|too many (clients|connections)|acquiring connection|connection pool|pool (is )?exhausted|max_connections`)
	failing       = regexp.MustCompile(`(?i)fail|error|unavailable|timed? ?out|timeout|refused|exception|answered (<n>|5\d\d)|reset`)
	someoneElse   = regexp.MustCompile(`(?i)call to |upstream|downstream|connect|timed? ?out|unavailable|refused`)
)

func (l logPattern) text() string { return l.Template + " " + l.Example }

// isNew reports whether the pattern belongs to the incident: it was not there
// before, or far less.
func (l logPattern) isNew() bool { return l.Count > 0 && l.Count >= 3*l.Baseline }

func (l logPattern) isError() bool {
	switch strings.ToLower(l.Level) {
	case "error", "fatal", "critical", "panic":
		return true
	}
	return false
}

// memoryLeak is about a service whose memory fills up.
func (p *picture) memoryLeak(v *view) hypothesis {
	h := hypothesis{cause: causeMemory, service: v.name}
	memory, moved := v.moves["memory_percent"]
	if moved && memory.rise() >= 15 {
		weight := 0.3
		if memory.to >= 80 {
			weight = 0.5
		}
		h.add(weight, []string{memory.id}, "Memory of %s rose from %s to %s percent.", v.name, num(memory.from), num(memory.to))
	}
	for _, sign := range []struct {
		pattern *regexp.Regexp
		weight  float64
		what    string
	}{{outOfMemory, 0.3, "runs out of memory"}, {collecting, 0.1, "pauses to collect garbage"}} {
		if l, ok := v.newest(sign.pattern); ok {
			h.add(sign.weight, []string{l.id}, "%s %s: %q, %d times against %d before.", v.name, sign.what, l.Template, l.Count, l.Baseline)
		}
	}
	if len(h.fors) == 0 {
		return h
	}
	if m, ok := v.suffers(); ok {
		h.add(0.05, []string{m.id}, "%s suffers from it: %s went from %s to %s.", v.name, m.metric, num(m.from), num(m.to))
	}
	if len(v.metrics) > 0 && !moved {
		h.against(0.5, v.metrics, "Memory of %s is within its normal range.", v.name)
	}
	return h
}

// connections is about a database that gives out no more connections.
func (p *picture) connections(v *view) hypothesis {
	h := hypothesis{cause: causeConnections, service: v.name}
	m, moved := v.moves["connections"]
	if moved && m.factor() >= 1.25 {
		h.add(0.45, []string{m.id}, "Connections to %s rose from %s to %s.", v.name, num(m.from), num(m.to))
	}
	witnesses := 0
	for _, name := range p.names() {
		w := p.services[name]
		l, ok := w.newest(noConnections)
		if !ok || !(name == v.name || slices.Contains(p.callees(name), v.name) || strings.Contains(l.text(), v.name)) {
			continue
		}
		if name == v.name && !moved && len(p.callees(name)) > 0 {
			continue // it is about one of its dependencies
		}
		if !moved && !strings.Contains(l.text(), v.name) && name != v.name && len(p.callees(name)) > 1 {
			continue // it may be about another of its dependencies
		}
		weight := 0.3
		if witnesses > 0 {
			weight = 0.08
		}
		witnesses++
		h.add(weight, []string{l.id}, "%s cannot get connections: %q, %d times against %d before.", name, l.Template, l.Count, l.Baseline)
		if traffic, ok := w.moves["request_rate"]; ok && traffic.rise() > 0 && witnesses == 1 {
			h.add(0.05, []string{traffic.id}, "More requests reach %s: %s a second, %s before.", name, num(traffic.to), num(traffic.from))
		}
	}
	if len(h.fors) > 0 && len(v.metrics) > 0 && !moved {
		h.against(0.5, v.metrics, "Connections to %s are within their normal range.", v.name)
	}
	return h
}

const (
	// slack is how much earlier than a change its effect may seem to begin:
	// onsets are estimated.
	slack = time.Minute
	// soon is how long after a change trouble still points to it; with every
	// further soon it does half as much.
	soon = 10 * time.Minute
)

// badDeployment is about a service that got worse when its version changed.
func (p *picture) badDeployment(v *view) hypothesis {
	h := hypothesis{cause: causeDeployment, service: v.name}
	deployed, ok := v.lastDeployment(p.incident.StartedAt)
	if !ok {
		return h
	}
	ids := []string{deployed.id}
	suffering, suffers := v.suffers()
	onset := v.onset()
	broken, breaks := v.newError(deployed.At.Add(-slack))
	if onset.IsZero() && breaks {
		onset = broken.FirstAt
	}
	if onset.IsZero() && suffers {
		onset = p.incident.StartedAt
	}
	h.add(0.35*closeness(deployed.At, onset), ids, "%s was deployed at %s: %s.", v.name, deployed.At.UTC().Format(time.TimeOnly), deployed.Summary)
	if breaks {
		h.add(0.35, []string{broken.id}, "Since then %s logs an error that it never logged before: %q, %d times.", v.name, broken.Template, broken.Count)
	}
	if suffers {
		h.add(0.15, []string{suffering.id}, "%s went from %s to %s in %s.", suffering.metric, num(suffering.from), num(suffering.to), v.name)
	}
	var healthy []string
	for _, callee := range p.downstream(v.name) {
		c := p.services[callee]
		if c == nil || len(c.metrics) == 0 {
			continue
		}
		if m, ok := c.suffers(); ok && m.strength >= 0.3 {
			h.against(0.5, []string{m.id}, "%s, which %s depends on, is in trouble itself.", callee, v.name)
			healthy = nil
			break
		}
		if id, ok := c.burdened(); ok && !breaks {
			h.against(0.7, []string{id}, "%s, which %s depends on, has more to do than it can.", callee, v.name)
			healthy = nil
			break
		}
		healthy = append(healthy, c.metrics...)
	}
	if suffers && len(healthy) > 0 {
		h.add(0.1, healthy, "What %s depends on behaves normally.", v.name)
		h.fors[len(h.fors)-1].quiet = true
	}
	if len(v.metrics) > 0 && !suffers {
		h.against(0.2, v.metrics, "%s behaves as before its deployment.", v.name)
	}
	return h
}

// burdened reports whether a service shows that it is at a limit though it is
// neither slow nor failing by its own measures, as tables and caches are.
func (v *view) burdened() (id string, ok bool) {
	for _, metric := range []string{"throttled_requests", "queue_depth", "disk_queue_depth", "replica_lag_s"} {
		if m, there := v.moves[metric]; there && !m.over && m.rise() > 0 && m.strength >= 0.3 {
			return m.id, true
		}
	}
	if m, there := v.moves["cache_hit_rate"]; there && !m.over && m.rise() < 0 && m.strength >= 0.3 {
		return m.id, true
	}
	return "", false
}

// closeness is how much a change speaks for having caused what began at onset:
// 1 right after it, half as much with every further ten minutes, nothing where
// the trouble came first.
func closeness(changed, onset time.Time) float64 {
	if onset.IsZero() {
		return 0.3
	}
	gap := onset.Sub(changed)
	if gap < -slack {
		return 0
	}
	return math.Min(1, math.Exp2(-(gap.Minutes()-soon.Minutes())/soon.Minutes()))
}

// outside is about what a service calls and nobody measures, which is somebody
// else's: the service's own log says that it fails.
func (p *picture) outside(v *view) []hypothesis {
	var out []hypothesis
	for _, callee := range p.callees(v.name) {
		if c := p.services[callee]; c == nil || len(c.metrics) == 0 || p.measured[callee] || len(p.callees(callee)) > 0 {
			continue // it is one's own, or nobody has looked
		}
		for _, l := range v.logs {
			if !l.isNew() || l.Count < 2 || !failing.MatchString(l.text()) || !containsWord(strings.ToLower(l.Template), strings.ToLower(callee)) {
				continue
			}
			h := hypothesis{cause: "dependency_failure", service: callee}
			h.add(0.6, []string{l.id}, "%s says that %s fails it: %q, %d times against %d before.", v.name, callee, l.Template, l.Count, l.Baseline)
			if m, ok := v.suffers(); ok {
				h.add(0.1, []string{m.id}, "%s suffers from it: %s went from %s to %s.", v.name, m.metric, num(m.from), num(m.to))
			}
			out = append(out, h)
			break
		}
	}
	return out
}

// badConfiguration is about a service that got worse when its settings changed.
func (p *picture) badConfiguration(v *view) hypothesis {
	h := hypothesis{cause: causeConfiguration, service: v.name}
	var changed citedChange
	for _, c := range v.changes {
		if c.Kind == "configuration" && (p.incident.StartedAt.IsZero() || !c.At.After(p.incident.StartedAt.Add(slack))) && (changed.id == "" || c.At.After(changed.At)) {
			changed = c
		}
	}
	if changed.id == "" {
		return h
	}
	onset := v.onset()
	broken, breaks := v.newError(changed.At.Add(-slack))
	if onset.IsZero() && breaks {
		onset = broken.FirstAt
	}
	suffering, suffers := v.suffers()
	if onset.IsZero() && suffers {
		onset = p.incident.StartedAt
	}
	h.add(0.4*closeness(changed.At, onset), []string{changed.id}, "The configuration of %s was changed at %s: %s.", v.name, changed.At.UTC().Format(time.TimeOnly), changed.Summary)
	if breaks {
		h.add(0.3, []string{broken.id}, "Since then %s logs an error that it never logged before: %q, %d times.", v.name, broken.Template, broken.Count)
	}
	if suffers {
		h.add(0.15, []string{suffering.id}, "%s went from %s to %s in %s.", suffering.metric, num(suffering.from), num(suffering.to), v.name)
	}
	if len(v.metrics) > 0 && !suffers && !breaks {
		h.against(0.2, v.metrics, "%s behaves as before the change.", v.name)
	}
	return h
}

// newest is the most frequent new log pattern that matches; false for none.
func (v *view) newest(pattern *regexp.Regexp) (citedLog, bool) {
	var best citedLog
	for _, l := range v.logs {
		if l.isNew() && l.Count > best.Count && pattern.MatchString(l.text()) {
			best = l
		}
	}
	return best, best.Count > 0
}

// notChance is how often a pattern has to be there to be no stray line.
const notChance = 3

// newError is the most frequent error that the service never logged before,
// and that it blames on nobody else.
func (v *view) newError(since time.Time) (citedLog, bool) {
	var best citedLog
	for _, l := range v.logs {
		if l.isError() && l.Baseline == 0 && l.Count >= notChance && l.Count > best.Count && !l.FirstAt.Before(since) && !someoneElse.MatchString(l.Template) && !explained(l) {
			best = l
		}
	}
	return best, best.Count > 0
}

// explained reports whether a pattern is a sign of another cause, so that it
// does not speak for a change having broken something.
func explained(l citedLog) bool {
	if outOfMemory.MatchString(l.Template) || noConnections.MatchString(l.Template) {
		return true
	}
	for _, s := range signatures {
		for _, sg := range s.signs {
			if sg.logs != nil && sg.logs.MatchString(l.Template) {
				return true
			}
		}
	}
	return false
}

// lastDeployment is the latest deployment of another version that was there
// when the incident was noticed.
func (v *view) lastDeployment(noticed time.Time) (citedChange, bool) {
	var best citedChange
	for _, c := range v.changes {
		if c.Kind != "deployment" || (c.Version != "" && c.Version == c.Before) {
			continue
		}
		if !noticed.IsZero() && c.At.After(noticed.Add(slack)) {
			continue
		}
		if best.id == "" || c.At.After(best.At) || c.At.Equal(best.At) && len(c.Summary) > len(best.Summary) {
			best = c
		}
	}
	return best, best.id != ""
}

func words(cause string) string { return strings.ReplaceAll(cause, "_", " ") }
