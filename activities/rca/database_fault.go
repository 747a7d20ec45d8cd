package rca

import (
	"math"
	"slices"
	"strings"
	"time"

	"vigil/workflows/incident"
)

// What measures of a database mean by their size alone.
const (
	cpuHot        = 80.0     // percent from which on sessions wait for the processor
	cpuFull       = 85.0     // percent from which on it is a fault of its own beside another
	cpuNoticed    = 70.0     // percent that people take for the cause when it stands beside one
	lagNoticed    = 30.0     // seconds of replication lag that readers notice
	lagBad        = 900.0    // seconds from which on it is as bad as any
	nearLimit     = 0.9      // of max_connections
	writesStall   = 1000.0   // ms a write takes where the disk does not take any more
	busyQueue     = 5.0      // requests that wait for the disk
	slowDisk      = 15.0     // ms for one request
	idsDangerous  = 1.5e9    // of the 2^31 that PostgreSQL has
	storageLittle = 1 << 30  // bytes free, which is nothing for a database that writes
	storageLow    = 20 << 30 // bytes free below which a fast fall is a matter of minutes
	naming        = 0.5      // score from which on a fault counts
)

// fault is one thing that is wrong with a database.
type fault struct {
	cause incident.Cause
	score float64
	since time.Time
	stmt  *statement // that drives it; nil where none is known
	cites []string
	over  bool // it happened and is over
}

func (f *fault) cite(ids ...string) { f.cites = unique(append(f.cites, ids...)) }

// add raises the score by grounds that are independent of what it has.
func (f *fault) add(p float64, cite string) {
	f.score = either(f.score, p)
	f.cite(cite)
}

func (f *fault) begin(t time.Time) {
	if !t.IsZero() && (f.since.IsZero() || t.Before(f.since)) {
		f.since = t
	}
}

// faults judges every cause and returns those with a score, largest first.
func (d *database) faults() []*fault {
	var out []*fault
	for _, judge := range []func() *fault{d.failover, d.restart, d.storageFull, d.maintenance, d.connections, d.replication, d.locks,
		d.expensiveQuery, d.wraparound, d.memory, d.disk} {
		if f := judge(); f != nil && f.score > 0 {
			f.score = math.Min(f.score, 0.97)
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, func(a, b *fault) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return 0
	})
	return out
}

// episode returns the latest run of events of one kind that belongs to what
// the telemetry shows.
func (d *database) episode(kind eventKind) *episode {
	for i := len(d.episodes) - 1; i >= 0; i-- {
		if e := &d.episodes[i]; e.kind == kind && d.current(e.ended) {
			return e
		}
	}
	return nil
}

// pressure reports whether the database is busier than it was, in any way
// that people notice.
func (d *database) pressure() *gauge {
	for _, m := range []incident.Metric{incident.MetricDiskQueue, incident.MetricWriteLatency, incident.MetricReadLatency,
		incident.MetricWriteIOPS, incident.MetricReadIOPS, incident.MetricReplicaLag, incident.MetricTransactionLogs, incident.MetricCPU} {
		if g := d.gauge(m); g.rises() {
			return g
		}
	}
	return nil
}

// maintenance is housekeeping that takes the database from its users.
func (d *database) maintenance() *fault {
	s := d.largest(func(s *statement) bool { return s.kind == maintains })
	p := d.pressure()
	if p == nil {
		return nil
	}
	f := &fault{cause: incident.CauseMaintenanceLoad, stmt: s, cites: []string{p.cite}}
	f.begin(p.rise)
	switch {
	case s != nil && d.share(s) >= 0.3 && s.Load >= 0.5:
		f.score = 0.55 + 0.4*d.share(s)
		f.cite(d.load.Evidence)
	case d.load == nil && slices.ContainsFunc(d.kindEvents(eventCheckpoint), func(c classified) bool { return wordsFrequent.MatchString(c.Message) }):
		f.score = 0.6 // what the database logs, where nothing shows its load
	default:
		return nil
	}
	for _, c := range d.kindEvents(eventCheckpoint) {
		if wordsFrequent.MatchString(c.Message) {
			f.add(0.2, c.Evidence)
		}
	}
	return f
}

// limit is how many connections there may be, 0 where nothing says.
func (d *database) limit() (float64, string) {
	if g := d.gauge(incident.MetricMaxConnections); g != nil && g.late > 0 {
		return g.late, g.cite
	}
	return connectionLimit(d.events)
}

// idle is the part of the load whose sessions wait for their client.
func (d *database) idle() float64 { return d.waitShare(waitClient) }

func (d *database) connections() *fault {
	g := d.gauge(incident.MetricConnections)
	limit, said := d.limit()
	f := &fault{cause: incident.CauseConnectionsExhausted, stmt: d.largest(func(s *statement) bool {
		return waiting(s.Waits, waitClient) >= s.Load/2
	})}
	full := g != nil && limit > 0 && max(g.late, g.now()) >= nearLimit*limit
	if full {
		f.add(0.7+0.25*clamp01((max(g.late, g.now())/limit-nearLimit)/(1-nearLimit)), g.cite)
		f.cite(said)
		f.begin(g.rise)
	}
	for _, c := range d.kindEvents(eventConnections) {
		known := g != nil && limit > 0 && !full // it came close, and is not close any more
		switch {
		case known:
		case wordsRefused.MatchString(c.Message):
			f.add(0.5, c.Evidence)
			f.begin(c.At)
		default:
			f.add(0.25, c.Evidence)
		}
	}
	if limit == 0 && (g.rises() && d.idle() >= 0.4 || g != nil && g.creeps() && g.late > g.before && d.idle() >= 0.6) {
		f.add(0.45+0.2*d.idle(), g.cite)
		f.begin(g.rise)
	}
	if f.score == 0 {
		return nil
	}
	if p, s := worstOf(d.logs, nil, logConnections); s > 0 && p.Count > 0 {
		f.add(0.3*s, d.logs.Evidence)
	}
	if d.idle() >= 0.4 {
		f.add(0.3, d.load.Evidence)
	}
	return f
}

func (d *database) replication() *fault {
	g := d.gauge(incident.MetricReplicaLag)
	f := &fault{cause: incident.CauseReplicationLag, stmt: d.writer()}
	switch {
	case g != nil && g.late >= lagNoticed && g.rises():
		f.add(0.5+0.4*clamp01(math.Log(g.late/lagNoticed)/math.Log(lagBad/lagNoticed)), g.cite)
		f.begin(g.rise)
	case g != nil && g.late >= lagBad: // it began before the telemetry did
		f.add(0.8, g.cite)
		f.begin(d.from)
	case g == nil:
		lag, c := lagSaid(d.kindEvents(eventReplica))
		if lag >= lagNoticed {
			f.add(0.5+0.3*clamp01(math.Log(lag/lagNoticed)/math.Log(lagBad/lagNoticed)), c.Evidence)
			f.begin(c.At)
		}
	}
	if c, stopped := d.stopped(); stopped {
		f.add(0.65, c.Evidence)
		f.begin(c.At)
	}
	if f.score == 0 {
		return nil
	}
	for _, c := range d.kindEvents(eventReplica) {
		f.add(0.05, c.Evidence)
	}
	for _, m := range []incident.Metric{incident.MetricTransactionLogs, incident.MetricWriteIOPS} {
		if w := d.gauge(m); w.rose() {
			f.add(0.1, w.cite)
			f.begin(w.rise)
			break
		}
	}
	if f.stmt != nil && d.share(f.stmt) >= 0.3 {
		f.add(0.1, d.load.Evidence)
	}
	return f
}

// stopped finds the event that says that replication has ended, where none
// after it says that it goes on.
func (d *database) stopped() (last classified, ok bool) {
	for _, c := range d.kindEvents(eventReplica) {
		switch {
		case wordsStopped.MatchString(c.Message):
			last, ok = c, true
		case c.stage == stageDone || wordsResumed.MatchString(c.Message):
			ok = false
		}
	}
	return last, ok
}

func (d *database) locks() *fault {
	f := &fault{cause: incident.CauseLockContention}
	if share := d.waitShare(waitLock); d.load != nil && share >= 0.35 && d.load.Peak >= 1 {
		f.add(0.45+0.45*share, d.load.Evidence)
		f.stmt = d.largest(func(s *statement) bool { return waiting(s.Waits, waitLock) >= s.Load/3 })
	}
	for _, m := range d.order {
		plain := plainName(m)
		if g := d.gauges[m]; !m.Valid() && g.rises() && (strings.Contains(plain, "deadlock") || strings.Contains(plain, "blocked") || strings.Contains(plain, "rowlock")) {
			f.add(0.4, g.cite)
			f.begin(g.rise)
		}
	}
	if f.score == 0 {
		return nil
	}
	return f
}

// expensiveQuery is a processor that is taken by one statement, or by many.
func (d *database) expensiveQuery() *fault {
	g := d.gauge(incident.MetricCPU)
	hot := g != nil && g.late >= cpuHot
	if !hot && (g != nil || !d.overloaded()) {
		return nil
	}
	f := &fault{cause: incident.CauseCPUSaturation, score: 0.55}
	if g != nil {
		f.cite(g.cite)
		f.begin(g.rise)
		if g.rises() {
			f.score += 0.05
		}
	}
	if d.load == nil {
		return f
	}
	f.cite(d.load.Evidence)
	s := d.onCPU()
	own := 0.0
	if s != nil {
		own = waiting(s.Waits, waitCPU, waitRead) / math.Max(s.Load, 1e-9)
	}
	big := s != nil && (d.share(s) >= 0.35 || d.load.CPUs > 0 && s.Load >= d.load.CPUs/2)
	switch {
	case big && s.kind != maintains && own >= 0.5 && waiting(s.Waits, waitCPU) >= s.Load/4:
		f.cause, f.stmt = incident.CauseExpensiveQuery, s
		f.score = 0.6 + 0.3*math.Max(d.share(s), own)
	case d.waitShare(waitCPU) >= 0.5:
		f.score = 0.7
	case len(d.load.Waits)+len(d.sql) > 0:
		f.score = 0.35 // it is hot, and yet few sessions wait for it: something else makes it so
	}
	return f
}

// overloaded reports whether the load leaves little of the processors, where
// their number is known, and waits for them or for what they read.
func (d *database) overloaded() bool {
	return d.load != nil && d.load.CPUs > 0 && d.load.Average >= 0.7*d.load.CPUs && d.waitShare(waitCPU, waitRead) >= 0.5
}

func (d *database) wraparound() *fault {
	g := d.gauge(incident.MetricTransactionIDs)
	if g == nil || g.late < idsDangerous {
		return nil
	}
	return &fault{cause: causeWraparound, score: 0.6 + 0.35*clamp01((g.late-idsDangerous)/5e8), cites: []string{g.cite}, since: g.rise}
}

func (d *database) memory() *fault {
	free, swap := d.gauge(incident.MetricFreeMemory), d.gauge(incident.MetricSwap)
	f := &fault{cause: causeMemoryPressure}
	if free != nil && free.falls() && (free.late <= free.before/6 || free.late <= 256<<20) {
		f.add(0.5, free.cite)
		f.begin(free.fall)
	}
	if swap.rises() && (f.score > 0 || swap.late >= 1<<30) {
		f.add(0.3, swap.cite)
		f.begin(swap.rise)
	}
	for _, c := range d.kindEvents(eventMemory) {
		f.add(0.5, c.Evidence)
		if c.stage == stageFailed || wordsOutOfMemory.MatchString(c.Message) {
			f.cause = incident.CauseOutOfMemory
		}
		f.begin(c.At)
	}
	if f.score == 0 {
		return nil
	}
	return f
}

// disk is a disk that cannot keep up, for whatever is asked of it.
func (d *database) disk() *fault {
	f := &fault{cause: incident.CauseDiskSaturation}
	q := d.gauge(incident.MetricDiskQueue)
	if q.rises() && q.late >= busyQueue {
		f.add(0.4, q.cite)
		f.begin(q.rise)
	}
	for _, m := range []incident.Metric{incident.MetricReadLatency, incident.MetricWriteLatency, incident.MetricLatency} {
		if l := d.gauge(m); l.rises() && l.late >= slowDisk {
			f.add(0.4, l.cite)
			f.begin(l.rise)
			break
		}
	}
	for _, m := range d.order {
		if g := d.gauges[m]; isBurstBalance(m) && g.late <= 5 && g.before > 5 {
			f.add(0.6, g.cite)
			f.begin(g.fall)
		}
	}
	if f.score == 0 {
		return nil
	}
	if d.waitShare(waitRead, waitWrite, waitLog) >= 0.5 {
		f.add(0.25, d.load.Evidence)
		f.stmt = d.largest(func(s *statement) bool { return waiting(s.Waits, waitRead, waitWrite, waitLog) >= s.Load/2 })
	}
	return f
}
