package rca

import (
	"fmt"
	"math"
	"strings"

	"vigil/workflows/incident"
)

// fault tells one fault: what happened, what drives it, how it is seen.
func (t *tale) fault(f *fault) {
	switch f.cause {
	case incident.CauseFailover:
		t.failover(f)
	case causeRestart:
		t.restart(f)
	case incident.CauseStorageFull:
		t.storageFull(f)
	case incident.CauseReplicationLag:
		t.replication(f)
	case incident.CauseConnectionsExhausted:
		t.connections(f)
	case incident.CauseExpensiveQuery:
		t.expensiveQuery(f)
	case incident.CauseMaintenanceLoad:
		t.maintenance(f)
	default:
		t.other(f)
	}
}

// sequence writes an interruption's events as a chain.
func (e episode) sequence() string {
	var steps []string
	for _, c := range e.events {
		step := ""
		switch {
		case c.kind != e.kind && c.stage == stageDone:
			step = "instance available"
		case c.stage == stageStarted:
			step = string(e.kind) + " initiated"
			if wordsHealth.MatchString(c.Message) {
				step = "health check failure → " + step
			}
		case c.stage == stageProgress:
			step = string(e.kind) + " in progress"
		case c.stage == stageDone:
			step = string(e.kind) + " completed"
		case wordsHealth.MatchString(c.Message):
			step = "health check failure"
		default:
			continue
		}
		steps = append(steps, fmt.Sprintf("%s (%s)", step, clock(c.At)))
	}
	return strings.Join(steps, " → ")
}

func (t *tale) failover(f *fault) {
	d, e := t.d, t.d.episode(eventFailover)
	what := "A failover"
	if _, ok := e.matching(multiAZ); ok {
		what = "A Multi-AZ failover"
	}
	why := ""
	if _, ok := e.matching(wordsHealth); ok {
		why = ", triggered by a health check failure of the primary"
	}
	t.say(e.cites(), "%s of %s%s: an infrastructure event, not exhaustion of a resource.", what, d.name, why)
	t.say(e.cites(), "The platform's event timeline is the primary evidence source: %s.", e.sequence())
	t.interruption(f, e)
}

func (t *tale) restart(f *fault) {
	e := t.d.episode(eventRestart)
	for _, k := range []eventKind{eventHardware, eventMaintenance} {
		if e == nil {
			e = t.d.episode(k)
		}
	}
	if e == nil || t.d.outage(e.began) == nil {
		words, cites := t.moves(incident.MetricConnections, incident.MetricWriteIOPS, incident.MetricReadIOPS, incident.MetricCPU)
		t.say(cites, "%s was interrupted, and no platform event says why: %s.", t.d.name, words)
		t.say(f.cites, "It is over: the instance has recovered and the workload resumed normally.")
		return
	}
	t.say(e.cites(), "The instance under %s was interrupted: %s.", t.d.name, e.events[0].quote())
	if s := e.sequence(); s != "" {
		t.claim(e.cites(), "The platform's event timeline is the primary evidence source: %s.", s)
	}
	t.interruption(f, e)
}

// interruption tells how an outage shows in the measures and whether it is over.
func (t *tale) interruption(f *fault, e *episode) {
	words, cites := t.moves(incident.MetricConnections, incident.MetricWriteIOPS, incident.MetricReadIOPS, incident.MetricCPU)
	if words != "" {
		t.say(cites, "While it lasted, clients had no database: %s.", words)
	}
	back := true
	for _, m := range []incident.Metric{incident.MetricConnections, incident.MetricWriteIOPS} {
		if g := t.d.gauge(m); g != nil {
			if _, dropped := g.dropped(); dropped {
				_, ok := g.returned()
				back = back && ok && !g.falls()
				cites = append(cites, g.cite)
			}
		}
	}
	switch {
	case e.done && back:
		t.say(append(cites, e.cites()...), "It is over: the instance has recovered and the workload resumed normally.")
	case back:
		t.say(cites, "No event says that it is completed, but the workload is back.")
	default:
		t.say(append(cites, e.cites()...), "It is not over: the workload is not back.")
	}
	if t.d.load != nil && len(t.d.sql) > 0 {
		t.claim([]string{t.d.load.Evidence}, "Performance Insights shows no statement that would account for it; the largest is %s.", t.loadOf(&t.d.sql[0]))
	}
}

func (t *tale) storageFull(f *fault) {
	d := t.d
	free := d.gauge(incident.MetricFreeStorage)
	full, said := classified{}, false
	var warned []classified
	for _, c := range d.kindEvents(eventStorage) {
		if wordsFull.MatchString(c.Message) && !said {
			full, said = c, true
		}
		warned = append(warned, c)
	}
	head := "is running out of storage space"
	if said || free != nil && free.late <= storageLittle {
		head = "ran out of storage space"
	} else if free == nil && len(warned) == 0 {
		head = "behaves as if it had run out of storage space"
	}
	driver := ""
	if f.stmt != nil {
		driver = ", filled by " + f.stmt.String() + f.stmt.by()
	}
	t.say(f.cites, "%s %s%s.", d.name, head, driver)
	if free != nil {
		s := t.move(free)
		if eta, ok := free.emptyIn(); ok && eta > 0 && free.late > storageLittle {
			s += fmt.Sprintf("; at this rate nothing is left in %s", span(eta))
		}
		t.say([]string{free.cite}, "%s.", upperFirst(s))
	} else {
		t.say(f.cites, "Free storage space (%s) is absent from the metrics, so how full the disk is cannot be seen directly; what follows is what shows it.",
			measureNames[incident.MetricFreeStorage][1])
	}
	switch {
	case said:
		t.say([]string{full.Evidence}, "The platform confirms it: %s.", full.quote())
	case len(warned) > 0:
		full = warned[len(warned)-1]
		t.say([]string{full.Evidence}, "The platform warns of it: %s.", full.quote())
	}
	if w, ok := d.stalled(); ok {
		l := d.gauge(incident.MetricWriteLatency)
		t.say([]string{w.cite, l.cite}, "Writes have stalled: %s while %s, as where a disk takes no more.", t.move(w), t.move(l))
	}
	t.statement(f, "It is the statement that writes most")
	for _, c := range warned {
		if c.At != full.At || c.Message != full.Message {
			t.claim([]string{c.Evidence}, "The platform said %s.", c.quote())
		}
	}
	if words, cites := t.moves(incident.MetricWriteIOPS, incident.MetricTransactionLogs); words != "" {
		t.claim(cites, "The writes behind it: %s.", words)
	}
}

// statement tells what Performance Insights says of the statement that drives f.
func (t *tale) statement(f *fault, role string) {
	if f.stmt == nil {
		return
	}
	t.claim([]string{t.d.load.Evidence}, "%s: %s.", role, t.loadOf(f.stmt))
}

func (t *tale) replication(f *fault) {
	d := t.d
	g := d.gauge(incident.MetricReplicaLag)
	wal := d.log()
	replica := "the read replica"
	for _, c := range d.kindEvents(eventReplica) {
		if c.Resource != "" && c.Resource != d.name {
			replica = "the read replica " + clip(c.Resource, maxIdentifier)
			break
		}
	}
	moved, cites := t.moves(incident.MetricTransactionLogs, incident.MetricWriteIOPS)
	driven := moved != "" || d.waitShare(waitLog) >= 0.3 || f.stmt != nil && d.share(f.stmt) >= 0.3
	if driven {
		by := ""
		if f.stmt != nil && d.share(f.stmt) >= 0.2 {
			by = ", " + f.stmt.String() + f.stmt.by() + ","
		}
		t.say(f.cites, "Replication lag: a write-heavy workload on %s%s generates %s faster than %s can replay it.", d.name, by, wal, replica)
	} else if c, ok := d.stopped(); ok {
		t.say([]string{c.Evidence}, "Replication lag on %s: replication has stopped, %s.", d.name, c.quote())
	} else {
		t.say(f.cites, "Replication lag on %s: %s replays too little, though %s does not write more than before; the replica itself or the connection to it is the place to look.", d.name, replica, d.name)
	}
	if g != nil {
		t.say([]string{g.cite}, "%s: readers of the replica see stale data.", upperFirst(t.move(g)))
	} else if lag, c := lagSaid(d.kindEvents(eventReplica)); lag > 0 {
		t.say([]string{c.Evidence}, "Replication lag (%s) is absent from the metrics; the platform's events give it, more than %s s: %s.",
			measureNames[incident.MetricReplicaLag][1], num(lag), c.quote())
	}
	if moved != "" {
		t.say(cites, "On the primary %s.", moved)
	}
	if f.stmt != nil && d.share(f.stmt) >= 0.2 {
		note := ""
		if s := f.stmt; s.bulk && s.verb != "UPDATE" && s.verb != "DELETE" {
			note = "a bulk load, as ETL and archive jobs run them: "
		} else if s.bulk {
			note = "a batch job: "
		}
		t.say([]string{d.load.Evidence}, "Most of the writing is %s%s.", note, t.loadOf(f.stmt))
	}
	for _, c := range d.kindEvents(eventReplica) {
		t.claim([]string{c.Evidence}, "The platform said %s.", c.quote())
	}
}

func (t *tale) connections(f *fault) {
	d := t.d
	g := d.gauge(incident.MetricConnections)
	limit, said := d.limit()
	idle := d.idle() >= 0.4
	reached := "towards the limit of max_connections"
	if g != nil && limit > 0 {
		reached = fmt.Sprintf("%s of max_connections (%s of %s)", percent(g.late/limit), num(g.late), num(limit))
	}
	if idle {
		t.say(f.cites, "Connection exhaustion: idle client sessions hold %s; the root is a connection pool leak, or sessions that are opened and not given back, in the client.", reached)
	} else {
		t.say(f.cites, "Connection exhaustion: client sessions have taken %s; few of them are idle.", reached)
	}
	if g != nil {
		t.say([]string{g.cite, said}, "%s.", upperFirst(t.move(g)))
	}
	if idle {
		s := ""
		if f.stmt != nil {
			s = "; most by " + t.loadOf(f.stmt)
		}
		t.say([]string{d.load.Evidence}, "%s of the load waits for the client (%s): sessions are held, not used%s.", percent(d.idle()), clientWaits(d), s)
	} else if d.load != nil && len(d.sql) > 0 {
		t.say([]string{d.load.Evidence}, "The largest part of the load is %s.", t.loadOf(&d.sql[0]))
	}
	for _, c := range d.kindEvents(eventConnections) {
		t.claim([]string{c.Evidence}, "The platform said %s.", c.quote())
	}
}

func (t *tale) expensiveQuery(f *fault) {
	d, s := t.d, f.stmt
	t.say([]string{d.load.Evidence}, "CPU saturation by one expensive query: %s.", t.loadOf(s))
	if g := d.gauge(incident.MetricCPU); g != nil {
		t.say([]string{g.cite}, "%s.", upperFirst(t.move(g)))
	}
	reads := d.gauge(incident.MetricReadIOPS)
	if s.scan && waiting(s.Waits, waitRead) > 0 {
		cites := []string{d.load.Evidence}
		how := ""
		if reads != nil {
			t.told = append(t.told, reads.metric)
			how, cites = fmt.Sprintf(" and %s reached %s", reads.name(d.aws), reads.amount(reads.max)), append(cites, reads.cite)
		}
		index := ""
		if s.filter != "" && len(s.tables) > 0 {
			index = fmt.Sprintf("; whether %s has an index on %s is the first thing to check", s.tables[0], s.filter)
		}
		t.say(cites, "Nothing in the query bounds how many rows it reads%s, as full table scans do%s.", how, index)
	}
	if s.CallsPerSecond > 0 {
		t.claim([]string{d.load.Evidence}, "It is called %s times a second, so each call keeps a session busy for about %s s.", num(s.CallsPerSecond), num(s.Load/s.CallsPerSecond))
	}
}

func (t *tale) maintenance(f *fault) {
	d, s := t.d, f.stmt
	vacuum := s != nil && strings.Contains(s.verb, "VACUUM")
	check := d.kindEvents(eventCheckpoint)
	storm := classified{}
	for _, c := range check {
		if wordsFrequent.MatchString(c.Message) {
			storm = c
		}
	}
	effect := "takes the database from its users"
	if storm.Evidence != "" || len(check) > 2 {
		effect = "floods the disk and drives the database into a checkpoint storm"
	}
	if s != nil {
		t.say([]string{d.load.Evidence}, "Maintenance, not user load, %s: %s.", effect, t.loadOf(s))
	} else {
		t.say(f.cites, "A checkpoint storm floods the disk, by the database's own log; which statement writes so much cannot be seen, for the load is not measured.")
	}
	words, cites := t.moves(incident.MetricTransactionLogs, incident.MetricWriteIOPS, incident.MetricDiskQueue, incident.MetricWriteLatency)
	if words != "" {
		why := ""
		if vacuum {
			why = ": it rewrites pages, every change goes into the WAL, and each checkpoint writes the dirty pages out"
		}
		t.say(cites, "With it %s%s.", words, why)
	}
	if len(check) > 0 {
		c := check[0]
		if storm.Evidence != "" {
			c = storm
		}
		t.say([]string{c.Evidence}, "The checkpoints are on record: %s.", c.quote())
	}
	if latch := d.waitShare(waitLatch); latch >= 0.15 && len(d.load.Waits) > 0 {
		t.say([]string{d.load.Evidence}, "Sessions wait for the database's own memory and disk (%s), not for the processor.", waitWords(d.load.Waits, 3))
	}
	if ids := d.gauge(incident.MetricTransactionIDs); vacuum && ids != nil && ids.late >= 1.5e8 {
		t.claim([]string{ids.cite}, "%s million transaction ids are in use, near the age at which autovacuum freezes by default (200 million): that is what starts it.", num(math.Round(ids.late/1e6)))
	}
	if b := d.largest(func(x *statement) bool { return waiting(x.Waits, waitLock) >= x.Load/3 }); b != nil {
		t.claim([]string{d.load.Evidence}, "User statements are blocked behind it: %s.", t.loadOf(b))
	}
}

// other tells the faults that need no more than their measures.
func (t *tale) other(f *fault) {
	d := t.d
	head := map[incident.Cause]string{
		incident.CauseCPUSaturation:  "CPU saturation: sessions wait for the processor, and no single statement stands out.",
		incident.CauseLockContention: "Lock contention: sessions wait for locks that others hold.",
		incident.CauseDiskSaturation: "The disk cannot keep up with what is asked of it.",
		causeMemoryPressure:          "Memory pressure: the instance runs short of memory.",
		incident.CauseOutOfMemory:    "The database ran out of memory.",
		causeWraparound:              "Transaction id wraparound is near: PostgreSQL will refuse writes to protect its data unless old rows are frozen by VACUUM.",
	}[f.cause]
	t.say(f.cites, "%s", head)
	metrics := map[incident.Cause][]incident.Metric{
		incident.CauseCPUSaturation:  {incident.MetricCPU},
		incident.CauseDiskSaturation: {incident.MetricDiskQueue, incident.MetricReadLatency, incident.MetricWriteLatency, incident.MetricReadIOPS, incident.MetricWriteIOPS},
		causeMemoryPressure:          {incident.MetricFreeMemory, incident.MetricSwap},
		incident.CauseOutOfMemory:    {incident.MetricFreeMemory, incident.MetricSwap},
	}[f.cause]
	if words, cites := t.moves(metrics...); words != "" {
		t.say(cites, "%s.", upperFirst(words))
	}
	if g := d.gauge(incident.MetricTransactionIDs); f.cause == causeWraparound {
		t.say([]string{g.cite}, "%s of 2147 million transaction ids are used up (%s million).", percent(g.late/(1<<31)), num(math.Round(g.late/1e6)))
	}
	for _, m := range d.order {
		if g := d.gauges[m]; f.cause == incident.CauseDiskSaturation && isBurstBalance(m) && g.late <= 5 {
			t.say([]string{g.cite}, "Its burst credits are used up: %s.", t.move(g))
		}
	}
	if f.stmt != nil {
		t.say([]string{d.load.Evidence}, "Most of it is %s.", t.loadOf(f.stmt))
	} else if d.load != nil && len(d.sql) > 0 {
		t.claim([]string{d.load.Evidence}, "The largest part of the load is %s.", t.loadOf(&d.sql[0]))
	}
	for _, c := range d.kindEvents(eventMemory) {
		if f.cause == incident.CauseOutOfMemory || f.cause == causeMemoryPressure {
			t.claim([]string{c.Evidence}, "The platform said %s.", c.quote())
		}
	}
}

func percent(x float64) string {
	if x > 0 && x < 0.005 {
		return "under 1%"
	}
	return num(math.Round(100*x)) + "%"
}

// clientWaits names the waits in which sessions wait for their client.
func clientWaits(d *database) string {
	var names []string
	for _, w := range d.load.Waits {
		if classOf(w.Name) == waitClient {
			names = append(names, clip(w.Name, maxIdentifier))
		}
	}
	if len(names) == 0 {
		for _, s := range d.sql {
			for _, w := range s.Waits {
				if classOf(w.Name) == waitClient {
					names = append(names, clip(w.Name, maxIdentifier))
				}
			}
		}
	}
	return strings.Join(unique(names), ", ")
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
