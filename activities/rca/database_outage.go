package rca

import (
	"math"
	"time"

	"vigil/workflows/incident"
)

// Faults that stop a database: interruptions, and a disk without room.

// outage finds the moment around t at which sessions or writes stopped.
func (d *database) outage(t time.Time) *gauge {
	const near = 6 * time.Minute
	for _, m := range []incident.Metric{incident.MetricConnections, incident.MetricWriteIOPS, incident.MetricReadIOPS, incident.MetricCPU} {
		g := d.gauge(m)
		if at, ok := g.dropped(); ok && !at.Before(t.Add(-near)) && !at.After(t.Add(near)) {
			return g
		}
	}
	return nil
}

func (d *database) failover() *fault {
	e := d.episode(eventFailover)
	if e == nil {
		return nil
	}
	f := &fault{cause: incident.CauseFailover, score: 0.7, since: e.began, over: e.done, cites: e.cites()}
	if g := d.outage(e.began); g != nil {
		f.add(0.6, g.cite)
		f.begin(g.fall)
	}
	return f
}

// restart is an interruption that is no failover.
func (d *database) restart() *fault {
	e := d.episode(eventRestart)
	if e == nil {
		e = d.episode(eventHardware)
	}
	if e == nil {
		e = d.episode(eventMaintenance)
	}
	if e == nil {
		return d.silence()
	}
	g := d.outage(e.began)
	if g == nil {
		return d.silence()
	}
	f := &fault{cause: causeRestart, score: 0.65, since: e.began, over: e.done, cites: e.cites()}
	f.cite(g.cite)
	return f
}

// silence is an interruption that no event tells of: sessions and work stop
// together, and come back.
func (d *database) silence() *fault {
	if d.episode(eventFailover) != nil {
		return nil
	}
	f := &fault{cause: causeRestart, score: 0.55, over: true}
	stopped := 0
	for _, m := range []incident.Metric{incident.MetricConnections, incident.MetricWriteIOPS, incident.MetricReadIOPS, incident.MetricCPU} {
		g := d.gauge(m)
		at, ok := g.dropped()
		if !ok {
			continue
		}
		if p, back := g.returned(); !back || p.At.Sub(at) > 2*lead || g.falls() {
			continue
		}
		stopped++
		f.cite(g.cite)
		f.begin(at)
	}
	c := d.gauge(incident.MetricConnections)
	if _, ok := c.dropped(); !ok || stopped < 2 {
		return nil
	}
	return f
}

// lowStorage reports whether space is short now or will be soon, 0–1.
func (d *database) lowStorage(free *gauge) float64 {
	if free == nil || free.max <= 0 {
		return 0
	}
	left := free.late / free.max
	if free.now() >= 0.8*free.before {
		return 0
	}
	switch {
	case free.late <= storageLittle || left <= 0.04 && free.late <= storageLow:
		return 0.9
	case !free.falls() || free.late > free.before:
		return 0
	}
	eta, falling := free.emptyIn()
	if falling && (eta <= 30*time.Minute && left <= 0.8 || left <= 0.5 && eta <= 3*time.Hour) || left <= 0.25 {
		return 0.5 + 0.3*(1-left)
	}
	return 0
}

// expanded reports whether space was added, by what is measured or said.
func (d *database) expanded() (*episode, bool) {
	e := d.episode(eventScaling)
	free := d.gauge(incident.MetricFreeStorage)
	if free != nil && free.now() >= free.min*2 && free.now() >= 0.8*free.before && free.below(free.min) {
		return e, true
	}
	return e, e != nil && e.done && (free == nil || d.lowStorage(free) == 0)
}

func (d *database) storageFull() *fault {
	free := d.gauge(incident.MetricFreeStorage)
	f := &fault{cause: incident.CauseStorageFull, stmt: d.writer()}
	if _, ok := d.expanded(); ok {
		return nil
	}
	if s := d.lowStorage(free); s > 0 {
		f.add(s, free.cite)
		f.begin(free.fall)
	}
	for _, c := range d.kindEvents(eventStorage) {
		switch {
		case wordsFull.MatchString(c.Message):
			f.add(0.85, c.Evidence)
		case free == nil && wordsCritical.MatchString(c.Message):
			f.score = math.Max(f.score, 0.6)
			f.cite(c.Evidence)
		case free == nil && wordsLow.MatchString(c.Message):
			f.score = math.Max(f.score, 0.5)
			f.cite(c.Evidence)
		case f.score > 0 && wordsCritical.MatchString(c.Message):
			f.add(0.15, c.Evidence)
		default:
			continue
		}
		f.begin(c.At)
	}
	g, stalled := d.stalled()
	if f.score == 0 && (!stalled || free != nil) {
		return nil
	}
	if stalled && f.score > 0 {
		f.add(0.3, g.cite)
	} else if stalled { // nothing says how full the disk is, and this is what a full one looks like
		f.score = 0.6
		f.cite(g.cite)
		f.begin(g.fall)
	}
	return f
}

// stalled reports whether writes have all but stopped while each takes ever
// longer, as they do where the disk takes no more.
func (d *database) stalled() (*gauge, bool) {
	w, l := d.gauge(incident.MetricWriteIOPS), d.gauge(incident.MetricWriteLatency)
	if w == nil || l == nil || w.late > w.max/5 || l.late < writesStall || l.late < 3*l.before {
		return nil, false
	}
	return w, true
}
