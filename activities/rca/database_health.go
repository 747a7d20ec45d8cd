package rca

import (
	"fmt"
	"slices"
	"strings"

	"vigil/workflows/incident"
)

// health is the account of a database in which no fault is at work. It is
// healthy where there is telemetry and nothing in it is wrong now; trouble that
// is over is told. What is wrong in a way that no fault explains makes the
// account inconclusive.
func (d *database) health(rest []*fault) Account {
	t := &tale{d: d, first: &fault{since: d.from}, account: Account{Service: d.name, Verdict: incident.VerdictHealthy, Cause: incident.CauseUnknown}}
	wrong, cites := d.concerns()
	for _, f := range rest {
		t.account.Hypotheses = append(t.account.Hypotheses, incident.Hypothesis{Cause: f.cause, Service: d.name, Score: round(f.score), Supports: f.cites})
	}
	if d.short() || len(wrong) > 0 {
		t.account.Verdict = incident.VerdictInconclusive
		if len(wrong) == 0 {
			wrong = []string{"no measure of it is long enough to be read"}
		}
		t.say(cites, "Something is not as it should be in %s, but what was looked at does not say why: %s.", d.name, strings.Join(wrong, "; "))
		t.account.Summary = strings.Join(t.summary, " ")
		return t.account
	}
	over := t.recovered()
	var all []string
	for _, m := range d.order {
		all = append(all, d.gauges[m].cite)
	}
	for _, c := range d.events {
		all = append(all, c.Evidence)
	}
	if d.load != nil {
		all = append(all, d.load.Evidence)
	}
	what := "all measures are within normal bounds, and no failure shows in anything that was looked at"
	if over {
		what = "it has recovered, all measures are back within normal bounds, and no failure goes on; the alert is about what is over"
	}
	t.summary = append([]string{fmt.Sprintf("No active failure on %s: %s.", d.name, what)}, t.summary...)
	t.account.Claims = append([]incident.Claim{{Text: t.summary[0], Cites: unique(all), Supported: len(unique(all)) > 0}}, t.account.Claims...)
	t.measures()
	t.quietEvents()
	t.account.Summary = strings.Join(t.summary, " ")
	return t.account
}

// short reports whether no measure is long enough for its silence to mean anything.
func (d *database) short() bool {
	return !slices.ContainsFunc(d.order, func(m incident.Metric) bool { return len(d.gauges[m].points) >= sustain+2 })
}

// maxHealthClaims is how many measures are listed one by one as being well.
const maxHealthClaims = 16

// concerns lists what is wrong now.
func (d *database) concerns() (wrong, cites []string) {
	add := func(cite, format string, args ...any) {
		wrong, cites = append(wrong, fmt.Sprintf(format, args...)), unique(append(cites, cite))
	}
	for _, m := range d.order {
		g := d.gauges[m]
		at := g.amount(g.late)
		switch {
		case m == incident.MetricCPU && g.late >= cpuHot, m == incident.MetricReplicaLag && g.late >= lagNoticed,
			m == incident.MetricDiskQueue && g.late >= busyQueue && g.rises(), m == incident.MetricErrorRate && g.late >= 0.01 && g.rises(),
			m == incident.MetricFreeStorage && d.lowStorage(g) > 0:
			add(g.cite, "%s is at %s", g.name(d.aws), at)
		case isLatency(m) && g.rises(), !m.Valid() && g.rises() && isTroubleName(m):
			add(g.cite, "%s", d.move(g))
		case m == incident.MetricConnections || m == incident.MetricWriteIOPS:
			if _, dropped := g.dropped(); dropped && g.falls() {
				add(g.cite, "%s", d.move(g))
			}
		}
	}
	if w := d.gauge(incident.MetricTransactionLogs); w.rises() && w.late >= 5*w.before {
		add(w.cite, "%s", d.move(w))
	} else if w := d.gauge(incident.MetricWriteIOPS); w.rises() && w.late >= 8*w.before {
		add(w.cite, "%s", d.move(w))
	}
	if d.load != nil && d.load.CPUs > 0 && d.load.Average >= 0.8*d.load.CPUs {
		add(d.load.Evidence, "%s average active sessions are as many as %s CPUs can serve", num(d.load.Average), num(d.load.CPUs))
	}
	for _, e := range d.episodes {
		last := e.events[len(e.events)-1]
		if e.kind != eventBackup && d.current(e.ended) && last.stage == stageFailed && !e.done {
			add(last.Evidence, "the platform said %s", last.quote())
		}
	}
	return wrong, cites
}

func isLatency(m incident.Metric) bool {
	return m == incident.MetricLatency || m == incident.MetricReadLatency || m == incident.MetricWriteLatency
}

// isTroubleName reports whether more of a measure that is known by its name
// alone is a sign of trouble.
func isTroubleName(m incident.Metric) bool {
	for _, w := range []string{"latency", "error", "fail", "deadlock", "abort", "5xx", "throttl", "rejected", "dropped"} {
		if strings.Contains(strings.ToLower(string(m)), w) {
			return true
		}
	}
	return false
}

// recovered tells what went wrong and came back.
func (t *tale) recovered() bool {
	d := t.d
	over := false
	if e, ok := d.expanded(); ok {
		over = true
		free := d.gauge(incident.MetricFreeStorage)
		if free != nil {
			back := ""
			if p, ok := free.returned(); ok {
				back = fmt.Sprintf(", and has recovered: it was back at %s by %s and is at %s now", free.amount(p.Value), minute(p.At), free.amount(free.late))
			}
			t.told = append(t.told, free.metric)
			t.say([]string{free.cite}, "%s fell from %s to %s at %s%s.", upperFirst(free.name(d.aws)), free.amount(free.before), free.amount(free.min), minute(free.minAt), back)
		}
		if e != nil {
			c := e.events[len(e.events)-1]
			for _, x := range e.events {
				if x.stage == stageDone && x.kind == eventScaling {
					c = x
				}
			}
			by := "Storage was added"
			if strings.Contains(strings.ToLower(c.Message), "auto") {
				by = "Storage autoscaling resolved it"
			}
			t.say(e.cites(), "%s: %s.", by, c.quote())
		}
	}
	var said []string
	var cites []string
	for _, m := range d.order {
		g := d.gauges[m]
		sign := isManaged(m)
		switch {
		case !sign && m != incident.MetricReplicaLag && m != incident.MetricDiskQueue && m != incident.MetricWriteIOPS && !isLatency(m):
		case g.rose() && !g.rises(), sign && g.fell() && !g.falls():
			said, cites = append(said, t.move(g)), append(cites, g.cite)
			over = over || sign
		}
	}
	if len(said) > 0 {
		t.say(unique(cites), "What rose for a while is back: %s.", strings.Join(said, "; "))
	}
	return over
}

// measures tells where each measure that people ask about is.
func (t *tale) measures() {
	d := t.d
	if g := d.gauge(incident.MetricCPU); g != nil && !slices.Contains(t.told, g.metric) {
		t.say([]string{g.cite}, "%s was between %s and %s: no sustained CPU saturation.", upperFirst(g.name(d.aws)), g.amount(g.min), g.amount(g.max))
	}
	if g := d.gauge(incident.MetricConnections); g != nil {
		room := ""
		if limit, _ := d.limit(); limit > 0 {
			room = fmt.Sprintf(", at most %s of what is allowed", percent(g.max/limit))
		}
		t.claim([]string{g.cite}, "%s were between %s and %s%s: no connection exhaustion.", upperFirst(g.name(d.aws)), g.amount(g.min), g.amount(g.max), room)
	}
	if g := d.gauge(incident.MetricReplicaLag); g != nil {
		t.claim([]string{g.cite}, "Replication keeps up: %s at most.", g.amount(g.max))
	}
	for _, m := range []incident.Metric{incident.MetricFreeStorage, incident.MetricReadLatency, incident.MetricWriteLatency, incident.MetricDiskQueue, incident.MetricWriteIOPS} {
		if g := d.gauge(m); g != nil && !slices.Contains(t.told, m) {
			t.claim([]string{g.cite}, "%s.", upperFirst(t.move(g)))
		}
	}
	for _, m := range d.order {
		if g := d.gauges[m]; !m.Valid() && !slices.Contains(t.told, m) && len(t.account.Claims) < maxHealthClaims {
			t.claim([]string{g.cite}, "%s.", upperFirst(t.move(g)))
		}
	}
	if d.load == nil {
		return
	}
	cpus := ""
	if d.load.CPUs > 0 {
		cpus = fmt.Sprintf(" against %s CPUs", num(d.load.CPUs))
	}
	t.claim([]string{d.load.Evidence}, "Performance Insights shows %s average active sessions%s, at most %s, and no statement that stands out beyond them.", num(d.load.Average), cpus, num(d.load.Peak))
}

// quietEvents tells what the platform reported, and what it did not.
func (t *tale) quietEvents() {
	d := t.d
	var routine, cites []string
	interrupted := false
	for _, c := range d.events {
		interrupted = interrupted || c.kind == eventFailover || c.kind == eventRestart && c.stage != stageDone || c.stage == stageFailed
		cites = append(cites, c.Evidence)
		if c.kind != eventScaling || !d.current(c.At) {
			routine = append(routine, c.quote())
		}
	}
	if len(routine) > 4 {
		routine = append(routine[:4:4], "…")
	}
	switch {
	case interrupted:
		t.say(unique(cites), "What the platform reported is over: %s.", strings.Join(routine, ", "))
	case len(routine) > 0:
		t.say(unique(cites), "No error, failover or restart is among the platform's current events, only %s.", strings.Join(routine, ", "))
	case len(d.events) > 0:
		t.claim(unique(cites), "No error, failover or restart is among the platform's events.")
	case len(d.silent) > 0:
		t.claim(d.silent, "The platform reported no event, and so no error, failover or restart.")
	}
}
