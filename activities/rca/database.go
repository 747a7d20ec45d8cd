package rca

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"vigil/workflows/incident"
)

// databaseSignatures are the known causes of trouble in a database, judged
// together: most of them show in the same measures, and which one explains the
// others is the question.
var databaseSignatures = []signature{databaseTrouble}

// Causes that only databases have. incident.Cause is an open set.
const (
	causeWraparound     incident.Cause = "transaction_id_wraparound"
	causeMemoryPressure incident.Cause = "memory_pressure"
	causeRestart        incident.Cause = "instance_restart"
)

// database is what the telemetry says of one database, read for its meaning
// rather than for how unusual it is. It is used by one goroutine.
type database struct {
	name     string
	gauges   map[incident.Metric]*gauge
	order    []incident.Metric
	events   []classified
	episodes []episode
	load     *Load
	total    float64 // what statements and waits are shares of
	sql      []statement
	logs     Logs
	from, to time.Time // of the telemetry
	aws      bool      // name measures as CloudWatch does
	silent   []string  // ids of evidence in which events were looked for and none was
}

// readDatabase reads a node as a database; nil where it does not look like one.
func readDatabase(n *node) *database {
	d := &database{name: n.name, gauges: map[incident.Metric]*gauge{}, load: n.load, logs: n.logs, to: n.end}
	for i := range n.anomalies {
		m := &n.anomalies[i]
		if d.gauges[m.Metric] != nil {
			continue
		}
		d.gauges[m.Metric] = newGauge(incident.Series{Metric: m.Metric, Unit: m.Unit}, m.evidence, m.points)
		d.order = append(d.order, m.Metric)
		if first := m.points[0].At; d.from.IsZero() || first.Before(d.from) {
			d.from = first
		}
	}
	for _, e := range n.events {
		d.events = append(d.events, classifyEvent(e))
	}
	slices.SortStableFunc(d.events, func(a, b classified) int { return a.At.Compare(b.At) })
	d.episodes = episodes(d.events)
	if n.load != nil {
		d.total = n.load.Average
		var sum float64
		for _, s := range n.load.Statements {
			d.sql = append(d.sql, parseStatement(s))
			sum += max(s.Load, 0)
		}
		d.total = max(d.total, sum, 1e-9)
		slices.SortStableFunc(d.sql, func(a, b statement) int { return cmp.Compare(b.Load, a.Load) })
	}
	if !d.is() {
		return nil
	}
	return d
}

// is reports whether this is a database: it says what it spends its time on,
// or has measures that nothing else has.
func (d *database) is() bool {
	if d.load != nil {
		return true
	}
	for _, m := range []incident.Metric{incident.MetricFreeStorage, incident.MetricReplicaLag, incident.MetricReadIOPS,
		incident.MetricWriteIOPS, incident.MetricReadLatency, incident.MetricWriteLatency, incident.MetricTransactionLogs, incident.MetricTransactionIDs,
		incident.MetricDatabaseLoad} {
		if d.gauges[m] != nil {
			return true
		}
	}
	return d.gauges[incident.MetricConnections] != nil && slices.ContainsFunc(d.episodes, func(e episode) bool {
		return e.kind == eventFailover || e.kind == eventStorage || e.kind == eventReplica || e.kind == eventConnections || e.kind == eventCheckpoint
	})
}

func (d *database) gauge(m incident.Metric) *gauge { return d.gauges[m] }

// kindEvents returns the events of one kind, from a little before the telemetry on.
func (d *database) kindEvents(kinds ...eventKind) []classified {
	var out []classified
	for _, c := range d.events {
		if slices.Contains(kinds, c.kind) && d.current(c.At) {
			out = append(out, c)
		}
	}
	return out
}

// lead is how long before the first point something may have happened and
// still belong to what the telemetry shows.
const lead = 10 * time.Minute

func (d *database) current(at time.Time) bool {
	return d.from.IsZero() || !at.Before(d.from.Add(-lead))
}

// waitShare is the part of the load that waits for the given classes, 0–1.
func (d *database) waitShare(classes ...waitClass) float64 {
	if d.load == nil {
		return 0
	}
	var all float64
	for _, w := range d.load.Waits {
		all += max(w.Load, 0)
	}
	if all == 0 { // only the statements say what they wait for
		var sum float64
		for _, s := range d.sql {
			for _, w := range s.Waits {
				all += max(w.Load, 0)
			}
			sum += waiting(s.Waits, classes...)
		}
		return sum / max(all, 1e-9)
	}
	return waiting(d.load.Waits, classes...) / all
}

// largest returns the statement with the largest part of the load that
// satisfies a condition.
func (d *database) largest(of func(*statement) bool) *statement {
	for i := range d.sql {
		if of(&d.sql[i]) {
			return &d.sql[i]
		}
	}
	return nil
}

func (d *database) share(s *statement) float64 {
	if s == nil {
		return 0
	}
	return s.Load / d.total
}

// writer is the statement that writes most.
func (d *database) writer() *statement {
	return d.largest(func(s *statement) bool { return s.kind == writes })
}

// onCPU is the statement that uses the processor most.
func (d *database) onCPU() *statement {
	var best *statement
	for i := range d.sql {
		if c := waiting(d.sql[i].Waits, waitCPU); c > 0 && (best == nil || c > waiting(best.Waits, waitCPU)) {
			best = &d.sql[i]
		}
	}
	return best
}

// databaseTrouble judges what is wrong with a database or another managed service.
func databaseTrouble(n *node) verdict {
	a, ok := n.tell(nil)
	if !ok || a.Verdict != incident.VerdictProbable {
		return verdict{cause: incident.CauseUnknown}
	}
	v := verdict{cause: a.Cause, score: a.Score}
	for _, c := range a.Claims {
		if c.Supported && len(v.reasons) < maxReasons {
			v.reasons = append(v.reasons, c.Text)
		}
		v.cites = append(v.cites, c.Cites...)
	}
	v.cites = unique(v.cites)
	return v
}

// tell writes n's account, as a database's where it is one, and otherwise, or
// where nothing that databases suffer from is wrong, as a managed service's.
func (n *node) tell(prepare func(*database)) (a Account, ok bool) {
	d, r := readDatabase(n), readResource(n)
	if d != nil {
		if prepare != nil {
			prepare(d)
		}
		if a = d.account(); a.Verdict == incident.VerdictProbable || r == nil {
			a.Until = n.end
			return a, true
		}
	}
	if r == nil {
		return a, false
	}
	if prepare != nil {
		prepare(r.database)
	}
	if b := r.account(); d == nil || b.Verdict == incident.VerdictProbable {
		a = b
	}
	a.Until = n.end
	return a, true
}

// maxReasons is how many sentences of an account go into a ranking.
const maxReasons = 6

// Account is what the statistics make of one service, written for a person.
type Account struct {
	Service    string
	Verdict    incident.Verdict
	Cause      incident.Cause // unknown where the verdict is not probable
	Beside     incident.Cause // a second, independent fault; empty where there is none
	Score      float64
	Summary    string
	Claims     []incident.Claim
	Hypotheses []incident.Hypothesis // what else was weighed
	Absent     []string              // measures that would show it and are not there
	Until      time.Time             // end of the telemetry
}

// Tell writes down what the telemetry says of one service: what moved, what
// drives it, what follows from it and what has nothing to do with it. ok is
// false where it is not of a kind whose measures have a known meaning.
func Tell(evidence []incident.Evidence, service string) (a Account, ok bool) {
	n := newGraph(FromEvidence(evidence, service, time.Time{}, time.Time{})).byName[service]
	if n == nil {
		return a, false
	}
	return n.tell(func(d *database) {
		for _, e := range evidence {
			d.aws = d.aws || e.Kind == incident.EvidenceMetric && e.Service == service && strings.Contains(e.Source, "cloudwatch")
			if e.Kind == incident.EvidenceEvents && e.Service == service && !e.Found {
				d.silent = append(d.silent, e.ID)
			}
		}
	})
}
