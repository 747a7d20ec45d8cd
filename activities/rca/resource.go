package rca

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"vigil/workflows/incident"
)

// Causes of managed services that are no databases. incident.Cause is an open set.
const (
	causeUnhealthyTargets incident.Cause = "unhealthy_targets"
	causeHostFailure      incident.Cause = "host_failure"
	causePortsExhausted   incident.Cause = "ports_exhausted"
)

// sense says when a measure means trouble.
type sense int

const (
	anyNow    sense = iota // that there is any now, and more than before
	risen                  // that it is materially above what it was
	fallen                 // that it is materially below
	nearlyOut              // that it is used up: a balance at 5 or less
	nearlyAll              // that it is full: 90 percent or more
)

// resourceSign is what one measure means.
type resourceSign struct {
	name  string
	sense sense
	cause incident.Cause
	score float64 // what the sign alone is worth
	means string
}

// resourceSigns say what measures of managed services mean: functions, tables,
// queues, load balancers, caches, instances, brokers. Names are CloudWatch's,
// lower case without separators; a part of a name is enough.
var resourceSigns = []resourceSign{
	{"throttle", anyNow, incident.CauseThrottled, 0.75, "requests are refused because a quota or the provisioned capacity is used up"},
	{"provisionedthroughputexceeded", anyNow, incident.CauseThrottled, 0.75, "requests are refused because the provisioned capacity is used up"},
	{"cpucreditbalance", nearlyOut, incident.CauseThrottled, 0.7, "CPU credits are used up, so the processor is held back to its baseline"},
	{"burstbalance", nearlyOut, incident.CauseDiskSaturation, 0.75, "burst credits of the volume are used up, so the disk is held back to its baseline"},
	{"ebsiobalance", nearlyOut, incident.CauseDiskSaturation, 0.7, "I/O credits of the volume are used up"},
	{"ebsbytebalance", nearlyOut, incident.CauseDiskSaturation, 0.7, "throughput credits of the volume are used up"},
	{"queueages", risen, incident.CauseQueueBacklog, 0.65, "messages wait longer and longer, because consumers take fewer than come in"},
	{"queuedepth", risen, incident.CauseQueueBacklog, 0.5, "messages pile up, because consumers take fewer than come in"},
	{"iteratorage", risen, incident.CauseQueueBacklog, 0.7, "the consumer of the stream falls behind"},
	{"offsetlag", risen, incident.CauseQueueBacklog, 0.7, "consumers fall behind the newest records"},
	{"timelag", risen, incident.CauseQueueBacklog, 0.55, "consumers fall behind the newest records"},
	{"unhealthyhost", anyNow, causeUnhealthyTargets, 0.75, "targets fail their health checks and get no more requests"},
	{"healthyhostcount", fallen, causeUnhealthyTargets, 0.6, "fewer targets take requests"},
	{"statuscheckfailed", anyNow, causeHostFailure, 0.85, "the machine or the host under it fails its status checks"},
	{"runningtaskcount", fallen, incident.CauseCrashLoop, 0.6, "fewer tasks run than should"},
	{"evictions", risen, incident.CauseCacheFailure, 0.6, "the cache throws out what is still wanted, for want of memory"},
	{"cachehitrate", fallen, incident.CauseCacheFailure, 0.5, "more requests miss the cache and go to what is behind it"},
	{"databasememoryusagepercentage", nearlyAll, incident.CauseCacheFailure, 0.6, "the cache's memory is full"},
	{"enginecpuutilization", nearlyAll, incident.CauseCPUSaturation, 0.65, "the engine's one thread is busy all the time"},
	{"jvmmemorypressure", nearlyAll, causeMemoryPressure, 0.7, "the heap is nearly full"},
	{"errorportallocation", anyNow, causePortsExhausted, 0.85, "no source port is left for new connections"},
	{"packetsdropcount", risen, incident.CauseNetworkFailure, 0.6, "packets are dropped"},
	{"underreplicatedpartitions", anyNow, causeHostFailure, 0.7, "brokers do not keep up with their copies"},
	{"offlinepartitions", anyNow, causeHostFailure, 0.85, "partitions have no leader"},
	{"clusterstatusred", anyNow, causeHostFailure, 0.8, "shards are not allocated"},
	{"writesblocked", anyNow, incident.CauseStorageFull, 0.8, "the cluster takes no more writes"},
	{"timedout", anyNow, incident.CauseDependencyFailure, 0.45, "work does not end in time"},
	{"spilloverqueue", anyNow, incident.CauseTrafficSurge, 0.5, "requests come faster than they are taken"},
	{"memory", nearlyAll, causeMemoryPressure, 0.55, "memory is nearly full"},
	{"cpupercent", nearlyAll, incident.CauseCPUSaturation, 0.55, "the processor is busy all the time"},
}

// resourceEvent is what one kind of event means.
type resourceEvent struct {
	words *regexp.Regexp
	cause incident.Cause
	score float64
}

// resourceEvents say what platforms' events mean by their words; the first
// that matches counts.
var resourceEvents = []resourceEvent{
	{regexp.MustCompile(`(?i)out[- ]?of[- ]?memory|\boom`), incident.CauseOutOfMemory, 0.8},
	{regexp.MustCompile(`(?i)cannot ?pull|pull(ing)? (the )?image|imagepull|manifest (unknown|not found)`), incident.CauseImagePull, 0.85},
	{regexp.MustCompile(`(?i)certificate.*(expir|invalid)`), incident.CauseCertificateExpired, 0.85},
	{regexp.MustCompile(`(?i)throttl|rate exceeded|quota|limit exceeded|concurrency limit|throughput (was )?exceeded|insufficient capacity`), incident.CauseThrottled, 0.65},
	{regexp.MustCompile(`(?i)fail(ed)?[- ]?over`), incident.CauseFailover, 0.7},
	{regexp.MustCompile(`(?i)status check|hardware|underlying host|impaired|retire|availability zone.*(issue|degrad|unavailable)|node.*(replac|fail)`), causeHostFailure, 0.7},
	{regexp.MustCompile(`(?i)unhealthy|failed .*health check|health check.*fail`), causeUnhealthyTargets, 0.55},
	{regexp.MustCompile(`(?i)crash|exited|essential container|stopped .*(fail|error)|back-?off`), incident.CauseCrashLoop, 0.6},
	{regexp.MustCompile(`(?i)deploy|rollout|task definition|new version|version \S+ (published|activated)|updatefunctioncode|code (was )?updated`), incident.CauseBadDeployment, 0.5},
	{regexp.MustCompile(`(?i)configuration|parameter|environment variable|policy|security group|route table|reserved concurrency|timeout (was )?(changed|set)|setting`), incident.CauseBadConfiguration, 0.5},
}

// resource is a managed service that is no database, read for its meaning.
type resource struct {
	*database
	found []finding
}

// finding is a sign that was found.
type finding struct {
	cause incident.Cause
	score float64
	since time.Time
	cite  string
	text  string

	metric incident.Metric // that it was found in; empty: an event
	means  string
}

// readResource reads a node as a managed service; nil where none of its
// measures is of one.
func readResource(n *node) *resource {
	r := &resource{database: &database{name: n.name, gauges: map[incident.Metric]*gauge{}, logs: n.logs, to: n.end}}
	managed := false
	for i := range n.anomalies {
		m := &n.anomalies[i]
		if r.gauges[m.Metric] != nil {
			continue
		}
		r.gauges[m.Metric] = newGauge(incident.Series{Metric: m.Metric, Unit: m.Unit}, m.evidence, m.points)
		r.order = append(r.order, m.Metric)
		if first := m.points[0].At; r.from.IsZero() || first.Before(r.from) {
			r.from = first
		}
		managed = managed || isManaged(m.Metric)
	}
	if !managed {
		return nil
	}
	for _, e := range n.events {
		r.events = append(r.events, classifyEvent(e))
	}
	r.episodes = episodes(r.events)
	return r
}

var managedMeasures = []incident.Metric{incident.MetricQueueAge, incident.MetricQueueDepth, incident.MetricThrottles, incident.MetricCacheHitRate,
	incident.MetricMemory, incident.MetricCPU}

// isManaged reports whether a measure is of a managed service alone.
func isManaged(m incident.Metric) bool {
	switch m {
	case incident.MetricQueueAge, incident.MetricQueueDepth, incident.MetricThrottles, incident.MetricCacheHitRate:
		return true
	}
	return !m.Valid() && (signOf(m) >= 0 || isTroubleName(m) || strings.Contains(plainName(m), "duration"))
}

func plainName(m incident.Metric) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '.' || r == '-' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToLower(string(m)))
}

func isBurstBalance(m incident.Metric) bool {
	return strings.Contains(plainName(m), "burstbalance") || strings.Contains(plainName(m), "iobalance")
}

// signOf is the index of the sign that a measure may be, -1 for none. Of the
// measures that have a name of Vigil's own, only those of managed services count.
func signOf(m incident.Metric) int {
	if m.Valid() && !slices.Contains(managedMeasures, m) {
		return -1
	}
	name := plainName(m)
	return slices.IndexFunc(resourceSigns, func(s resourceSign) bool { return strings.Contains(name, s.name) })
}

// look collects every sign that is there now.
func (r *resource) look() {
	r.found = nil
	for _, m := range r.order {
		i := signOf(m)
		if i < 0 {
			continue
		}
		s, g := resourceSigns[i], r.gauges[m]
		there := false
		since := g.rise
		switch s.sense {
		case anyNow:
			there = g.late > 0 && (g.rises() || g.before > 0 && g.late >= g.before)
		case risen:
			there = g.rises()
		case fallen:
			there, since = g.falls(), g.fall
		case nearlyOut:
			there, since = g.late <= 5 && g.before > 5, g.fall
		case nearlyAll:
			there = g.late >= 90 && (g.unit == "" || strings.EqualFold(g.unit, "percent") || m.Valid())
		}
		if there {
			r.found = append(r.found, finding{s.cause, s.score, since, g.cite, upperFirst(r.move(g)), m, s.means})
		}
	}
	r.timeouts()
	onset := r.onset()
	for _, c := range r.events {
		i := slices.IndexFunc(resourceEvents, func(e resourceEvent) bool { return e.words.MatchString(c.Message) })
		if i < 0 || !r.current(c.At) {
			continue
		}
		e := resourceEvents[i]
		change := e.cause == incident.CauseBadDeployment || e.cause == incident.CauseBadConfiguration
		if change {
			gap := onset.Sub(c.At)
			if onset.IsZero() || gap < -time.Minute || gap > 2*lead {
				continue
			}
			r.found = append(r.found, finding{e.cause, e.score + 0.2*recency(c.At, onset, time.Minute), c.At, c.Evidence,
				fmt.Sprintf("%s before it began the platform reported %s", span(max(gap, 0)), c.quote()), "", ""})
			continue
		}
		if c.stage == stageDone && e.cause != incident.CauseFailover {
			continue
		}
		r.found = append(r.found, finding{e.cause, e.score, c.At, c.Evidence, "The platform reported " + c.quote(), "", ""})
	}
}

// timeouts finds work that takes ever the same long time and fails: it waits
// for something that does not come.
func (r *resource) timeouts() {
	var slow, failing *gauge
	for _, m := range r.order {
		g := r.gauges[m]
		switch plain := plainName(m); {
		case (strings.Contains(plain, "duration") || isLatency(m)) && g.rises() && g.late >= 5*g.before && flat(g):
			slow = g
		case (strings.Contains(plain, "error") || strings.Contains(plain, "timeout") || strings.Contains(plain, "5xx")) && g.rises():
			failing = g
		}
	}
	if slow != nil && failing != nil {
		r.found = append(r.found, finding{incident.CauseDependencyFailure, 0.6, slow.rise, slow.cite, upperFirst(r.move(slow)) + ", while " + r.move(failing), slow.metric,
			"calls end at the same length and fail, as at a timeout"})
	}
}

// onset is when the first measure that means trouble began to move.
func (r *resource) onset() time.Time {
	var first time.Time
	for _, m := range r.order {
		g := r.gauges[m]
		if (isTroubleName(m) || isLatency(m) || m == incident.MetricErrorRate || strings.Contains(plainName(m), "duration") || signOf(m) >= 0) && g.rises() &&
			(first.IsZero() || g.rise.Before(first)) {
			first = g.rise
		}
	}
	return first
}

// account tells the cause for which most signs speak.
func (r *resource) account() Account {
	r.look()
	scores := map[incident.Cause]float64{}
	var order []incident.Cause
	for _, f := range r.found {
		if !slices.Contains(order, f.cause) {
			order = append(order, f.cause)
		}
		scores[f.cause] = either(scores[f.cause], f.score)
	}
	best := incident.CauseUnknown
	for _, c := range order {
		if scores[c] > scores[best] {
			best = c
		}
	}
	if scores[best] < naming {
		return r.health(nil)
	}
	score := min(scores[best], 0.95)
	t := &tale{d: r.database, first: &fault{cause: best, score: score}, account: Account{Service: r.name, Verdict: incident.VerdictProbable, Cause: best, Score: round(score)}}
	for _, f := range r.found {
		if f.cause == best {
			t.first.cite(f.cite)
			t.first.begin(f.since)
		}
	}
	t.say(t.first.cites, "%s.", resourceHead(best, r.name))
	var means []string
	for _, f := range r.found {
		if f.cause != best {
			continue
		}
		text := f.text
		if f.means != "" && !slices.Contains(means, f.means) {
			means = append(means, f.means)
			text += ": " + f.means
		}
		if f.metric != "" {
			t.told = append(t.told, f.metric)
		}
		t.say([]string{f.cite}, "%s.", text)
	}
	for _, f := range r.found {
		if f.cause != best {
			if f.metric != "" {
				t.told = append(t.told, f.metric)
			}
			t.claim([]string{f.cite}, "%s; a consequence of it, or beside it.", f.text)
		}
	}
	for _, c := range order {
		if c != best {
			t.account.Hypotheses = append(t.account.Hypotheses, incident.Hypothesis{Cause: c, Service: r.name, Score: round(0.5 * scores[c]), Contradicts: t.first.cites})
		}
	}
	r.capacity(t)
	r.others(t)
	t.history()
	t.account.Summary = strings.Join(t.summary, " ")
	return t.account
}

// resourceHead says in one sentence what a cause is for a managed service.
func resourceHead(c incident.Cause, name string) string {
	switch c {
	case incident.CauseThrottled:
		return fmt.Sprintf("Throttling: %s is held back by a quota or by the capacity that it was given", name)
	case incident.CauseQueueBacklog:
		return fmt.Sprintf("Backlog: the consumers of %s do not keep up with what comes in", name)
	case causeUnhealthyTargets:
		return fmt.Sprintf("Unhealthy targets: those behind %s fail their health checks", name)
	case causeHostFailure:
		return fmt.Sprintf("Infrastructure failure: what %s runs on is impaired", name)
	case incident.CauseCacheFailure:
		return fmt.Sprintf("The cache %s does not hold what is asked of it", name)
	case causePortsExhausted:
		return fmt.Sprintf("Port exhaustion on %s", name)
	case incident.CauseDependencyFailure:
		return fmt.Sprintf("Something that %s depends on does not answer in time", name)
	case incident.CauseBadDeployment:
		return fmt.Sprintf("A deployment broke %s", name)
	case incident.CauseBadConfiguration:
		return fmt.Sprintf("A change of configuration broke %s", name)
	}
	return fmt.Sprintf("%s of %s", upperFirst(causeWords(c)), name)
}

// capacity compares what is used with what was given, and names what stays
// flat as at a limit.
func (r *resource) capacity(t *tale) {
	for _, m := range r.order {
		g := r.gauges[m]
		if rest, ok := strings.CutPrefix(string(m), "consumed_"); ok {
			if p := r.gauges[incident.Metric("provisioned_"+rest)]; p != nil && p.late > 0 {
				t.say([]string{g.cite, p.cite}, "%s is at %s of %s.", g.name(r.aws), percent(g.late/p.late), p.name(r.aws))
				t.told = append(t.told, m, p.metric)
			}
			continue
		}
		if plain := plainName(m); (strings.Contains(plain, "concurrent") || strings.Contains(plain, "duration")) && g.rises() && flat(g) {
			t.say([]string{g.cite}, "%s and stays flat there, as at a limit.", upperFirst(t.move(g)))
		}
	}
}

// flat reports whether the latest points hardly differ.
func flat(g *gauge) bool {
	last := g.points[max(0, len(g.points)-sustain-1):]
	low, high := last[0].Value, last[0].Value
	for _, p := range last {
		low, high = min(low, p.Value), max(high, p.Value)
	}
	return high-low <= 0.05*high
}

// others tells the measures that no sign was found in.
func (r *resource) others(t *tale) {
	for _, m := range r.order {
		g := r.gauges[m]
		switch {
		case slices.Contains(t.told, m):
		case g.rose() || g.fell():
			t.claim([]string{g.cite}, "%s.", upperFirst(t.move(g)))
		case m == incident.MetricCPU:
			t.claim([]string{g.cite}, "%s: CPU saturation is ruled out.", upperFirst(t.move(g)))
			t.ruleOut(incident.CauseCPUSaturation, g.cite)
		default:
			t.claim([]string{g.cite}, "%s: within normal bounds.", upperFirst(t.move(g)))
		}
	}
}
