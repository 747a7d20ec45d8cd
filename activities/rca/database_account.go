package rca

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"vigil/workflows/incident"
)

// account arranges the faults into one story: which explains the others,
// whether there is a second one beside it, and what has nothing to do with it.
func (d *database) account() Account {
	first, second, rest := d.arrange(d.faults())
	if first == nil {
		return d.health(rest)
	}
	t := &tale{d: d, first: first, second: second,
		account: Account{Service: d.name, Verdict: incident.VerdictProbable, Cause: first.cause, Score: round(first.score)}}
	if second != nil {
		t.account.Beside = second.cause
		t.say(unique(append(slices.Clone(first.cites), second.cites...)),
			"Two independent faults hit %s at the same time: %s, and %s.", d.name, causeWords(first.cause), causeWords(second.cause))
	}
	t.fault(first)
	if second != nil {
		t.fault(second)
		t.say(unique(append(slices.Clone(first.cites), second.cites...)), "%s", t.apartness())
	}
	t.asides()
	t.history()
	t.hypotheses(rest)
	t.account.Absent = d.absent(first, second)
	t.account.Summary = strings.Join(t.summary, " ")
	return t.account
}

// absent names the measures that would show a fault directly and are not there.
func (d *database) absent(faults ...*fault) []string {
	var out []string
	for _, f := range faults {
		if f == nil {
			continue
		}
		for cause, m := range map[incident.Cause]incident.Metric{incident.CauseStorageFull: incident.MetricFreeStorage,
			incident.CauseReplicationLag: incident.MetricReplicaLag, incident.CauseConnectionsExhausted: incident.MetricConnections,
			incident.CauseExpensiveQuery: incident.MetricCPU} {
			if f.cause == cause && d.gauge(m) == nil {
				out = append(out, measureName(m, d.aws))
			}
		}
	}
	return out
}

// arrange picks the fault that explains most, and a second that it does not explain.
func (d *database) arrange(faults []*fault) (first, second *fault, rest []*fault) {
	d.past(faults)
	var roots []*fault
	for _, f := range faults {
		explained := slices.ContainsFunc(faults, func(e *fault) bool {
			return e != f && e.score >= max(naming, 0.6*f.score) && d.explains(e, f) && (!d.explains(f, e) || e.score > f.score)
		})
		if !explained && f.score >= naming {
			roots = append(roots, f)
		}
	}
	slices.SortStableFunc(roots, func(a, b *fault) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return 0
	})
	if len(roots) > 0 {
		first = roots[0]
	}
	for _, f := range roots[min(1, len(roots)):] {
		if f.score >= 0.6 && !f.over && !first.over && !sameStatement(f.stmt, first.stmt) && f.cause != first.cause && d.full(f) && d.full(first) {
			second = f
			break
		}
	}
	for _, f := range faults {
		if f != first && f != second {
			rest = append(rest, f)
		}
	}
	return first, second, rest
}

// full reports whether a fault is bad enough to stand beside another; a busy
// processor next to something else need be no more than that.
func (d *database) full(f *fault) bool {
	g := d.gauge(incident.MetricCPU)
	return f.cause != incident.CauseExpensiveQuery && f.cause != incident.CauseCPUSaturation || g == nil || g.late >= cpuFull
}

// past takes an interruption that is over out of the running where something
// that began after it goes on.
func (d *database) past(faults []*fault) {
	for _, f := range faults {
		if !f.over {
			continue
		}
		for _, g := range faults {
			if g != f && !g.over && g.score >= naming && g.since.After(f.since.Add(lead)) {
				f.score *= 0.3
				break
			}
		}
	}
}

// explains reports whether what e is brings what f is with it.
func (d *database) explains(e, f *fault) bool {
	switch e.cause {
	case incident.CauseFailover, causeRestart:
		return f.cause != incident.CauseStorageFull && f.cause != causeWraparound && !f.since.Before(e.since.Add(-2*time.Minute)) &&
			!f.since.After(e.since.Add(2*lead))
	case incident.CauseMaintenanceLoad:
		return f.cause != incident.CauseFailover && f.cause != causeWraparound && (f.cause != incident.CauseStorageFull || f.score < 0.85)
	case incident.CauseStorageFull:
		switch f.cause {
		case incident.CauseLockContention, incident.CauseDiskSaturation, incident.CauseReplicationLag, causeRestart:
			return true
		case incident.CauseConnectionsExhausted:
			return d.idle() < 0.4
		}
	case incident.CauseConnectionsExhausted:
		return f.cause == incident.CauseCPUSaturation || f.cause == causeMemoryPressure ||
			f.cause == incident.CauseExpensiveQuery && sameStatement(e.stmt, f.stmt)
	case incident.CauseReplicationLag:
		return f.cause == incident.CauseDiskSaturation || f.cause == incident.CauseCPUSaturation ||
			f.cause == incident.CauseExpensiveQuery && sameStatement(e.stmt, f.stmt)
	case incident.CauseExpensiveQuery:
		return f.cause == incident.CauseDiskSaturation || f.cause == incident.CauseConnectionsExhausted && d.idle() < 0.4
	case incident.CauseLockContention:
		return f.cause == incident.CauseConnectionsExhausted && d.idle() < 0.4
	case causeMemoryPressure, incident.CauseOutOfMemory:
		return f.cause == incident.CauseDiskSaturation || f.cause == causeRestart || f.cause == incident.CauseCPUSaturation
	case causeWraparound:
		return f.cause == incident.CauseMaintenanceLoad
	}
	return false
}

func sameStatement(a, b *statement) bool { return a != nil && b != nil && a.SQL == b.SQL }

// tale is an account while it is being written.
type tale struct {
	d             *database
	first, second *fault
	account       Account
	summary       []string
	told          []incident.Metric // measures that have been spoken of
	spoken        []string          // statements that have been spoken of
	metLoad       bool              // it has been said what the load is measured in
}

// say adds a sentence to the summary and to the claims.
func (t *tale) say(cites []string, format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	t.summary = append(t.summary, s)
	t.claim(cites, "%s", s)
}

// claim adds a sentence to the claims alone. One that cites nothing is not supported.
func (t *tale) claim(cites []string, format string, args ...any) {
	cites = unique(cites)
	t.account.Claims = append(t.account.Claims, incident.Claim{Text: fmt.Sprintf(format, args...), Cites: cites, Supported: len(cites) > 0})
}

// move says where a measure went, and remembers that it has been said.
func (t *tale) move(g *gauge) string {
	t.told = append(t.told, g.metric)
	return t.d.move(g)
}

func (d *database) move(g *gauge) string {
	name := g.name(d.aws)
	switch {
	case g.rises():
		s := fmt.Sprintf("%s rose from %s to %s since %s", name, g.amount(g.before), g.amount(g.late), minute(g.rise))
		if g.max > 1.15*g.late {
			s += fmt.Sprintf(" (peak %s)", g.amount(g.max))
		}
		return s
	case g.falls():
		return fmt.Sprintf("%s fell from %s to %s since %s", name, g.amount(g.before), g.amount(g.late), minute(g.fall))
	case g.rose():
		return fmt.Sprintf("%s rose from %s to %s at %s, back at %s", name, g.amount(g.before), g.amount(g.max), minute(g.maxAt), g.amount(g.late))
	case g.fell():
		s := fmt.Sprintf("%s fell from %s to %s at %s", name, g.amount(g.before), g.amount(g.min), minute(g.minAt))
		if p, ok := g.returned(); ok {
			s += fmt.Sprintf(", back at %s by %s", g.amount(p.Value), minute(p.At))
		}
		return s
	case g.creeps():
		return fmt.Sprintf("%s crept from %s to %s", name, g.amount(g.before), g.amount(g.late))
	case g.amount(g.min) == g.amount(g.max):
		return fmt.Sprintf("%s stayed at %s", name, g.amount(g.max))
	}
	return fmt.Sprintf("%s stayed between %s and %s", name, g.amount(g.min), g.amount(g.max))
}

// moves joins what several measures did, leaving out those that are not there
// or that did not move, and returns the evidence for it.
func (t *tale) moves(metrics ...incident.Metric) (words string, cites []string) {
	var said []string
	for _, m := range metrics {
		g := t.d.gauge(m)
		if g == nil || !g.rose() && !g.fell() || slices.Contains(t.told, m) {
			continue
		}
		said, cites = append(said, t.move(g)), append(cites, g.cite)
	}
	return strings.Join(said, "; "), unique(cites)
}

// loadOf says what part of the load a statement is and what it waits for.
func (t *tale) loadOf(s *statement) string {
	what := "average active sessions in Performance Insights"
	if t.metLoad {
		what = "sessions"
	}
	t.metLoad, t.spoken = true, append(t.spoken, s.SQL)
	w := fmt.Sprintf("%s%s (%s of %s %s", s, s.by(), num(s.Load), num(t.d.total), what)
	if len(s.Waits) > 0 {
		w += "; waits: " + waitWords(s.Waits, 3)
	}
	return w + ")"
}

// log is what the engine calls the log that replicas replay.
func (d *database) log() string {
	if d.load != nil && slices.ContainsFunc(d.load.Waits, func(w incident.WaitLoad) bool { return strings.Contains(w.Name, "/") }) {
		return "binary log"
	}
	return "WAL"
}

// onset is when the trouble began, as far as the telemetry tells.
func (t *tale) onset() time.Time {
	if t.second != nil && !t.second.since.IsZero() && t.second.since.Before(t.first.since) {
		return t.second.since
	}
	if t.first.since.IsZero() {
		return t.d.from
	}
	return t.first.since
}

// causeWords names a cause in a sentence.
func causeWords(c incident.Cause) string {
	switch c {
	case incident.CauseConnectionsExhausted:
		return "connection exhaustion"
	case incident.CauseStorageFull:
		return "storage exhaustion"
	case incident.CauseReplicationLag:
		return "replication lag"
	case incident.CauseExpensiveQuery:
		return "CPU saturation by an expensive query"
	case incident.CauseCPUSaturation:
		return "CPU saturation"
	case incident.CauseMaintenanceLoad:
		return "a maintenance load"
	case incident.CauseLockContention:
		return "lock contention"
	case incident.CauseDiskSaturation:
		return "a saturated disk"
	case incident.CauseBadDeployment:
		return "a bad deployment"
	}
	return strings.ReplaceAll(string(c), "_", " ")
}

// hypotheses lists what else was weighed, with what speaks for and against it.
func (t *tale) hypotheses(rest []*fault) {
	against := t.first.cites
	for _, f := range rest {
		t.account.Hypotheses = append(t.account.Hypotheses, incident.Hypothesis{Cause: f.cause, Service: t.d.name, Score: round(f.score * 0.3),
			Supports: f.cites, Contradicts: against})
	}
}
