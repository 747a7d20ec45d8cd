package rca

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"vigil/workflows/incident"
)

// asides tells what else moved: what follows from the fault, what merely
// happened at the same time, and what stayed as it was and so is ruled out.
func (t *tale) asides() {
	t.processor()
	t.sessions()
	t.replica()
	t.space()
	t.bystanders()
	t.consequences()
}

// bystanders names what else is a notable part of the load and has nothing to
// do with the fault.
func (t *tale) bystanders() {
	if t.first.stmt == nil || !t.is(incident.CauseReplicationLag, incident.CauseStorageFull, incident.CauseLockContention) {
		return
	}
	for i := range t.d.sql {
		s := &t.d.sql[i]
		if s.kind != reads || t.d.share(s) < 0.15 || slices.Contains(t.spoken, s.SQL) ||
			slices.ContainsFunc(s.tables, func(name string) bool { return slices.Contains(t.first.stmt.tables, name) }) {
			continue
		}
		t.claim([]string{t.d.load.Evidence}, "The read-only %s is in the load as well; it writes nothing and is causally independent.", t.loadOf(s))
	}
}

// apartness says why two faults are two.
func (t *tale) apartness() string {
	a, b := t.first.stmt, t.second.stmt
	if a != nil && b != nil {
		return fmt.Sprintf("The two have nothing in common but the time: %s and %s come from different statements and take different resources, so each needs its own remedy.", a, b)
	}
	return "Neither accounts for the other, so each needs its own remedy."
}

// is reports whether one of the faults told is of a cause.
func (t *tale) is(causes ...incident.Cause) bool {
	return slices.Contains(causes, t.first.cause) || t.second != nil && slices.Contains(causes, t.second.cause)
}

// ruleOut records a cause that was weighed and is not it.
func (t *tale) ruleOut(c incident.Cause, cites ...string) {
	for _, h := range t.account.Hypotheses {
		if h.Cause == c {
			return
		}
	}
	t.account.Hypotheses = append(t.account.Hypotheses, incident.Hypothesis{Cause: c, Service: t.d.name, Score: 0.05, Contradicts: unique(cites)})
}

func (t *tale) interrupted() bool { return t.is(incident.CauseFailover, causeRestart) }

// processor places what the CPU did.
func (t *tale) processor() {
	d := t.d
	g := d.gauge(incident.MetricCPU)
	if g == nil || t.is(incident.CauseExpensiveQuery, incident.CauseCPUSaturation) || slices.Contains(t.told, g.metric) {
		return
	}
	if !g.rose() && g.late < cpuHot {
		t.claim([]string{g.cite}, "%s: CPU saturation is ruled out.", upperFirst(t.move(g)))
		t.ruleOut(incident.CauseCPUSaturation, g.cite)
		return
	}
	moved := upperFirst(t.move(g))
	cites := []string{g.cite}
	if d.load != nil {
		cites = append(cites, d.load.Evidence)
	}
	user := d.onCPU()
	switch {
	case g.max >= cpuNoticed && t.confounds(user):
		when := "at the same time"
		if !t.onset().IsZero() && g.rise.After(t.onset()) {
			when = "after the trouble had begun"
		}
		t.say(cites, "%s, %s, from an unrelated read-only %s. It writes nothing, so the two are causally independent: CPU is a confounder, not the cause.",
			moved, when, t.loadOf(user))
	case t.is(incident.CauseConnectionsExhausted) && d.idle() >= 0.4:
		who := "the sessions that pile up"
		if user != nil && waiting(user.Waits, waitClient) > 0 {
			who = "the same statements that hold the sessions (" + user.String() + ")"
		}
		t.say(cites, "%s: a downstream effect of %s, with one root; only %s of the load waits for the CPU.", moved, who, percent(d.waitShare(waitCPU)))
	case t.is(incident.CauseMaintenanceLoad):
		t.say(cites, "%s: a downstream symptom of the work on disk and buffers, not the cause; only %s of the load waits for the CPU, so more CPU would not help.", moved, percent(d.waitShare(waitCPU)))
	case !g.rose():
		t.claim(cites, "%s: it follows how much work still gets done.", moved)
	default:
		t.claim(cites, "%s: a consequence of the same work, below what would make it a cause of its own.", moved)
	}
	t.ruleOut(incident.CauseCPUSaturation, cites...)
}

// confounds reports whether the statement that uses the processor has nothing
// to do with the fault: it only reads, other tables, and is not what drives it.
func (t *tale) confounds(user *statement) bool {
	if user == nil || t.first.stmt == nil || sameStatement(user, t.first.stmt) || user.kind != reads ||
		!t.is(incident.CauseReplicationLag, incident.CauseStorageFull, incident.CauseLockContention) {
		return false
	}
	var all float64
	for i := range t.d.sql {
		all += waiting(t.d.sql[i].Waits, waitCPU)
	}
	shared := slices.ContainsFunc(user.tables, func(name string) bool { return slices.Contains(t.first.stmt.tables, name) })
	return !shared && waiting(user.Waits, waitCPU) >= 0.4*all && waiting(user.Waits, waitCPU) >= 0.5
}

// sessions places what the connections did.
func (t *tale) sessions() {
	d := t.d
	g := d.gauge(incident.MetricConnections)
	if g == nil || t.is(incident.CauseConnectionsExhausted) || slices.Contains(t.told, g.metric) {
		return
	}
	limit, said := d.limit()
	cites := []string{g.cite}
	if !g.rose() {
		t.claim(cites, "%s: connection exhaustion is ruled out.", upperFirst(t.move(g)))
		t.ruleOut(incident.CauseConnectionsExhausted, cites...)
		return
	}
	room := "no limit is reported to be reached"
	if limit > 0 {
		room, cites = fmt.Sprintf("%s of the %s that are allowed", percent(g.late/limit), num(limit)), append(cites, said)
	}
	if d.load != nil {
		cites = append(cites, d.load.Evidence)
		if d.idle() < 0.4 {
			room += fmt.Sprintf(", and %s of the load waits for clients", percent(d.idle()))
		}
	}
	t.say(cites, "%s: a downstream symptom, because sessions queue up behind the slow work (%s); it is not connection exhaustion.", upperFirst(t.move(g)), room)
	t.ruleOut(incident.CauseConnectionsExhausted, cites...)
}

// replica places what replication did.
func (t *tale) replica() {
	g := t.d.gauge(incident.MetricReplicaLag)
	if g == nil || t.is(incident.CauseReplicationLag) || slices.Contains(t.told, g.metric) {
		return
	}
	switch {
	case g.rises() && t.is(incident.CauseStorageFull, incident.CauseMaintenanceLoad):
		t.say(append([]string{g.cite}, t.first.cites...), "%s: a downstream symptom of the same writes, whose %s the replica does not replay fast enough; not an independent replication problem.",
			upperFirst(t.move(g)), t.d.log())
	case g.rose():
		t.claim([]string{g.cite}, "%s: a consequence, not the cause.", upperFirst(t.move(g)))
	default:
		t.claim([]string{g.cite}, "Replication keeps up: %s.", t.move(g))
	}
	t.ruleOut(incident.CauseReplicationLag, g.cite)
}

// space places what free storage did.
func (t *tale) space() {
	g := t.d.gauge(incident.MetricFreeStorage)
	if g == nil || t.is(incident.CauseStorageFull) || slices.Contains(t.told, g.metric) {
		return
	}
	words := upperFirst(t.move(g))
	if g.falls() {
		if eta, ok := g.emptyIn(); ok {
			words += fmt.Sprintf(", which leaves %s at this rate", span(eta))
		}
		t.claim([]string{g.cite}, "%s: a secondary effect that is not critical yet.", words)
	} else {
		t.claim([]string{g.cite}, "%s: storage is not short.", words)
	}
	t.ruleOut(incident.CauseStorageFull, g.cite)
}

// consequences lists whatever else moved, as far as it is known to hurt.
func (t *tale) consequences() {
	if t.interrupted() {
		return
	}
	words, cites := t.moves(incident.MetricWriteLatency, incident.MetricReadLatency, incident.MetricLatency, incident.MetricDiskQueue, incident.MetricReadIOPS,
		incident.MetricWriteIOPS, incident.MetricTransactionLogs, incident.MetricFreeMemory, incident.MetricSwap)
	if words != "" {
		t.claim(cites, "Also moved, as consequences: %s.", words)
	}
}

// history places what the platform reported of other things.
func (t *tale) history() {
	d := t.d
	var old []string
	var cites []string
	for _, e := range d.episodes {
		if !e.happens() || t.first.cause == incident.CauseFailover && e.kind == eventFailover && d.current(e.ended) ||
			t.first.cause == causeRestart && d.current(e.ended) {
			continue
		}
		gap := t.onset().Sub(e.ended)
		switch {
		case gap >= lead:
			old = append(old, fmt.Sprintf("%s %s (%s before)", e.kind, e.when(), span(gap)))
			cites = append(cites, e.cites()...)
		case e.kind == eventBackup:
			t.claim(e.cites(), "A routine backup took place %s.", e.when())
		case e.kind == eventConfig && gap >= -time.Minute:
			t.claim(e.cites(), "A configuration change %s falls close to the onset; nothing that was measured follows from it, and what is told above accounts for the trouble without it: %s.", e.when(), e.events[0].quote())
		default:
			t.claim(e.cites(), "The platform also reported %s %s, once the trouble had begun or close to it: %s.", e.kind, e.when(), e.events[0].quote())
		}
	}
	if len(old) > 0 {
		t.say(unique(cites), "Earlier platform events had completed and been resolved before the trouble began at %s, so they are historical and not the cause: %s.", minute(t.onset()), strings.Join(old, ", "))
		if slices.ContainsFunc(old, func(s string) bool { return strings.HasPrefix(s, string(eventFailover)) }) {
			t.ruleOut(incident.CauseFailover, cites...)
		}
	}
	if len(d.silent) > 0 && len(d.events) == 0 && d.is() {
		t.claim(d.silent, "No platform event was reported: no failover, restart or maintenance took part.")
		t.ruleOut(incident.CauseFailover, d.silent...)
	}
	for _, c := range d.kindEvents(eventCPU, eventCheckpoint, eventStorage) {
		if c.kind == eventCPU && t.is(incident.CauseStorageFull, incident.CauseExpensiveQuery, incident.CauseCPUSaturation, incident.CauseMaintenanceLoad) ||
			c.kind == eventCheckpoint && t.is(incident.CauseMaintenanceLoad) || c.kind == eventStorage && !t.is(incident.CauseStorageFull) {
			t.claim([]string{c.Evidence}, "The platform said %s.", c.quote())
		}
	}
}

// happens reports whether an episode is something that was done to the
// database, rather than a warning about it.
func (e episode) happens() bool {
	switch e.kind {
	case eventFailover, eventRestart, eventMaintenance, eventPromotion, eventScaling, eventConfig, eventBackup, eventHardware:
		return true
	}
	return false
}
