package brain

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"time"
)

// sign is one thing that speaks for a cause. weight is how far it alone takes
// a hypothesis; several add up like independent witnesses.
type sign struct {
	weight float64
	metric string             // a measure that moves as moves says
	moves  func(m move) bool  // metric
	logs   *regexp.Regexp     // a new pattern in the service's own log
	events *regexp.Regexp     // a report of the platform from about the time of the trouble
	waits  *regexp.Regexp     // what most of a database's load waits for
	sql    *regexp.Regexp     // the statement that causes most of a database's load
	load   func(l *load) bool // how much a database has to do
	backs  bool               // it only backs up other signs
	says   string             // the claim; %s is the service, and what was seen follows
}

// signature is how a cause shows in what is observed of one service.
type signature struct {
	cause string
	signs []sign
}

func rises(by float64, to float64) func(move) bool {
	return func(m move) bool { return m.rise() > 0 && m.factor() >= by && m.to >= to }
}

func falls(below float64) func(move) bool {
	return func(m move) bool { return m.rise() < 0 && (m.from <= 0 || m.to <= below*m.from) }
}

func re(expr string) *regexp.Regexp { return regexp.MustCompile(`(?i)` + expr) }

// signatures are what the measures, logs and events of common platforms mean.
// Causes that take more than one service to see are in cause.go.
var signatures = []signature{
	{"out_of_memory", []sign{
		{weight: 0.6, events: re(`oom-?kill|out ?of ?memory|exit code 137`), says: "The platform killed %s for its memory"},
		{weight: 0.3, logs: outOfMemory, says: "%s runs out of memory"},
		{weight: 0.2, metric: "free_memory_bytes", moves: falls(0.3), says: "%s has little memory left"},
		{weight: 0.2, metric: "swap_bytes", moves: rises(2, 0), says: "%s swaps"},
		{weight: 0.15, metric: "restarts", moves: rises(1, 0), backs: true, says: "%s was restarted"},
	}},
	{"crash_loop", []sign{
		{weight: 0.6, events: re(`crashloopbackoff|back-?off restarting|task failed to start|essential container .*exited`), says: "The platform restarts %s again and again"},
		{weight: 0.4, metric: "restarts", moves: func(m move) bool { return m.rise() >= 2 }, says: "%s was restarted several times"},
		{weight: 0.25, logs: re(`\bpanic:|fatal error|exited with code [1-9]|failed to start|cannot start`), says: "%s ends as it starts"},
		{weight: 0.15, metric: "unavailable_replicas", moves: rises(1, 0), backs: true, says: "Instances of %s do not serve"},
	}},
	{"image_pull", []sign{
		{weight: 0.8, events: re(`errimagepull|imagepullbackoff|failed to pull image|cannotpullcontainer|manifest (for .* )?(not found|unknown)`), says: "The image of %s cannot be fetched"},
		{weight: 0.15, metric: "unavailable_replicas", moves: rises(1, 0), backs: true, says: "Instances of %s do not serve"},
	}},
	{"node_pressure", []sign{
		{weight: 0.7, events: re(`\bevicted\b|evicting|nodenotready|node is not ready|memorypressure|diskpressure|pidpressure|failedscheduling|insufficient (cpu|memory)|low on resource`), says: "The machine under %s is short of something"},
		{weight: 0.15, metric: "unavailable_replicas", moves: rises(1, 0), backs: true, says: "Instances of %s do not serve"},
	}},
	{"cpu_saturation", []sign{
		{weight: 0.5, metric: "cpu_percent", moves: rises(1.4, 80), says: "%s has hardly any CPU left"},
		{weight: 0.5, metric: "cpu_throttled", moves: func(m move) bool { return m.to >= 0.2 && m.rise() > 0.1 }, says: "%s is held back by its CPU limit"},
		{weight: 0.2, logs: re(`thread (pool )?starv|event loop (is )?(blocked|lag)|cpu (limit|throttl)`), says: "%s waits for CPU"},
		{weight: 0.1, metric: "latency_ms", moves: rises(1.5, 0), backs: true, says: "%s is slower for it"},
	}},
	{"storage_full", []sign{
		{weight: 0.6, metric: "free_storage_bytes", moves: falls(0.1), says: "%s has hardly any storage left"},
		{weight: 0.35, metric: "free_storage_bytes", moves: falls(0.6), says: "The free storage of %s shrinks"},
		{weight: 0.6, logs: re(`no space left on device|disk (is )?full|could not (extend|write) .*(file|block)|storage(-| is )full`), says: "%s cannot write any more"},
		{weight: 0.5, events: re(`(run|running|ran) out of (storage|disk)|storage[- ]full|low (free )?storage|allocated storage .*exhausted`), says: "The platform says that the storage of %s is used up"},
	}},
	{"disk_saturation", []sign{
		{weight: 0.45, metric: "disk_queue_depth", moves: rises(2, 3), says: "Requests of %s wait for the disk"},
		{weight: 0.3, metric: "read_latency_ms", moves: rises(2, 4), says: "%s reads slowly"},
		{weight: 0.3, metric: "write_latency_ms", moves: rises(2, 4), says: "%s writes slowly"},
		{weight: 0.3, waits: re(`^io[:/]|^io$|datafile|wait/io`), says: "%s spends its time on the disk"},
		{weight: 0.15, metric: "read_iops", moves: rises(1.5, 100), backs: true, says: "%s reads more"},
		{weight: 0.15, metric: "write_iops", moves: rises(1.5, 100), backs: true, says: "%s writes more"},
		{weight: 0.3, logs: re(`burst balance|i/o (is )?(throttl|credits?)|slow (fsync|write|read)`), says: "The disk of %s cannot keep up"},
	}},
	{"replication_lag", []sign{
		{weight: 0.65, metric: "replica_lag_s", moves: rises(3, 5), says: "%s is behind its source"},
		{weight: 0.35, logs: re(`replication (lag|slot)|replica .*behind|stale (read|replica)|canceling statement due to conflict with recovery`), says: "%s reads what is old"},
		{weight: 0.35, events: re(`replication (lag|has (stopped|fallen)|error)|replica .*behind`), says: "The platform says that %s is behind"},
		{weight: 0.1, metric: "transaction_log_rate", moves: rises(2, 0), backs: true, says: "%s is written to more than usual"},
	}},
	{"lock_contention", []sign{
		{weight: 0.6, waits: re(`^lock[:/]|^lock$|lwlock:lock|row lock|wait/synch/(mutex|lock)|wait/lock`), says: "%s spends its time waiting for locks"},
		{weight: 0.6, logs: re(`deadlock detected|deadlock found|lock wait timeout|still waiting for \w*lock|could not obtain lock|canceling statement due to lock timeout`), says: "%s waits for locks"},
		{weight: 0.1, metric: "database_load", moves: rises(1.5, 0), backs: true, says: "%s has more sessions than usual"},
	}},
	{"expensive_query", []sign{
		{weight: 0.6, load: dominated, says: "One statement causes most of the load of %s"},
		{weight: 0.2, metric: "cpu_percent", moves: rises(1.3, 70), backs: true, says: "%s has hardly any CPU left"},
		{weight: 0.15, metric: "database_load", moves: rises(1.5, 0), backs: true, says: "%s has more to do than usual"},
		{weight: 0.4, logs: re(`slow query|duration: (<n>|\d{4,})[\d.]* ?ms|temporary file: path|query took`), says: "%s reports slow statements"},
	}},
	{"maintenance_load", []sign{
		{weight: 0.6, sql: re(`^\s*(auto)?vacuum|^\s*analyze\b|create (unique )?index|reindex|pg_dump|\bbackup\b|alter table|optimize table`), says: "Maintenance causes most of the load of %s"},
		{weight: 0.45, logs: re(`to prevent wraparound|checkpoints are occurring too frequently|automatic (vacuum|analyze) of table.*elapsed|starting (backup|index build)`), says: "%s is busy with maintenance"},
		{weight: 0.4, events: re(`backing up|backup (started|in progress)|maintenance (started|window|in progress)|applying .*(patch|update)|snapshot (creation|started)`), says: "The platform maintains %s"},
		{weight: 0.15, metric: "write_iops", moves: rises(1.5, 0), backs: true, says: "%s writes more"},
	}},
	{"failover", []sign{
		{weight: 0.75, events: re(`fail-?over|multi-az instance .*(activated|started|completed)|promot(ed|ion)`), says: "%s failed over"},
		{weight: 0.35, logs: re(`read-only transaction|terminating connection due to administrator command|database system (is|was) (starting up|shut down|shutting down|interrupted)|not (the )?(primary|writer|master)`), says: "%s changed its role"},
		{weight: 0.1, metric: "connections", moves: falls(0.6), backs: true, says: "Connections to %s broke off"},
	}},
	{"network_failure", []sign{
		{weight: 0.55, logs: re(`no route to host|network is unreachable|host is unreachable|temporary failure in name resolution|no such host|packet loss|connection reset by peer|enetunreach|ehostunreach`), says: "%s does not reach others over the network"},
		{weight: 0.4, events: re(`networknotready|network.*(unavailable|unreachable|outage)|packet loss`), says: "The platform reports trouble with the network of %s"},
		{weight: 0.25, metric: "network_in_rate", moves: falls(0.4), says: "Hardly anything reaches %s"},
		{weight: 0.25, metric: "network_out_rate", moves: falls(0.4), says: "%s hardly sends anything"},
	}},
	{"throttled", []sign{
		{weight: 0.6, metric: "throttled_requests", moves: rises(2, 0), says: "Requests of %s are refused for a quota"},
		{weight: 0.55, logs: re(`throttlingexception|throttled|rate exceeded|too ?many ?requests|\b429\b|provisionedthroughputexceeded|quota exceeded|slow ?down`), says: "A quota that %s depends on is used up"},
	}},
	{"dependency_failure", []sign{
		{weight: 0.5, logs: re(`(external|third[- ]party|partner|provider|vendor)\b.*(fail|error|timed? ?out|timeout|unavailable|5\d\d|<n>)|(fail|error|timed? ?out|timeout|unavailable).*\b(external|third[- ]party|partner|provider|vendor)\b`),
			says: "Something outside fails %s"},
	}},
	{"cache_failure", []sign{
		{weight: 0.6, metric: "cache_hit_rate", moves: falls(0.7), says: "%s finds less in the cache"},
		{weight: 0.45, logs: re(`(redis|memcached?|elasticache|cache)\b.*(refused|unavailable|timed? ?out|timeout|reset|fail|down|loading|evict)|cache (miss storm|stampede)`), says: "The cache fails %s"},
		{weight: 0.4, events: re(`cache (node|cluster).*(fail|recover|restart|replac)|evictions?`), says: "The platform reports trouble with the cache of %s"},
	}},
	{"queue_backlog", []sign{
		{weight: 0.5, metric: "queue_depth", moves: rises(2, 10), says: "Messages pile up before %s"},
		{weight: 0.5, metric: "queue_age_s", moves: rises(2, 10), says: "Messages wait long for %s"},
		{weight: 0.35, logs: re(`consumer (lag|is behind|group .*(rebalanc|lag))|backlog|queue (is )?full|dead[- ]letter`), says: "%s does not keep up with its queue"},
	}},
	{"certificate_expired", []sign{
		{weight: 0.85, logs: re(`certificate (has |is )?expired|certificate_expired|x509: certificate|cert.*not (yet )?valid|certificate verify failed`), says: "%s does not accept a certificate"},
		{weight: 0.7, metric: "certificate_days_left", moves: func(m move) bool { return m.to <= 0 }, says: "The certificate of %s has expired"},
		{weight: 0.4, events: re(`certificate.*(expired|expir)`), says: "The platform says that the certificate of %s expired"},
	}},
	{"traffic_surge", []sign{
		{weight: 0.45, metric: "request_rate", moves: rises(1.6, 0), says: "Far more requests than usual reach %s"},
		{weight: 0.15, metric: "request_rate", moves: rises(2.5, 0), says: "Requests to %s are a multiple of what is usual"},
		{weight: 0.1, metric: "cpu_percent", moves: rises(1.3, 0), backs: true, says: "%s has more to do"},
	}},
}

// working are the waits of a database that has much to do itself.
var working = re(`cpu|^io`)

// dominated reports whether one statement takes most of what a database does,
// and that is more than it can serve.
func dominated(l *load) bool {
	if len(l.Statements) == 0 || l.Average <= 0 {
		return false
	}
	top := l.Statements[0]
	waits := top.Waits
	if len(waits) == 0 {
		waits = l.Waits
	}
	if len(waits) > 0 && !working.MatchString(waits[0].Name) {
		return false // it waits for somebody else
	}
	return top.Load >= 0.5*l.Average && (l.CPUs == 0 && l.Average >= 2 || l.CPUs > 0 && l.Average >= 0.8*l.CPUs)
}

// near is how long before the trouble a report of the platform may be to
// belong to it.
const near = 20 * time.Minute

// recognise holds a service against a signature.
func (p *picture) recognise(v *view, s signature) hypothesis {
	h := hypothesis{cause: s.cause, service: v.name}
	alone := false
	seen := map[string]bool{} // measures and kinds that have spoken
	for _, sg := range s.signs {
		what, id, ok := p.shows(v, sg)
		if !ok || seen[sg.source()] {
			continue
		}
		seen[sg.source()] = true
		alone = alone || !sg.backs
		said := fmt.Sprintf(sg.says, v.name)
		h.score = witness(h.score, sg.weight)
		h.fors = append(h.fors, argument{text: said + ": " + what + ".", ids: []string{id}})
	}
	if !alone {
		return hypothesis{cause: s.cause, service: v.name}
	}
	if m, ok := v.suffers(); ok && !slices.ContainsFunc(h.fors, func(a argument) bool { return slices.Contains(a.ids, m.id) }) {
		h.score = witness(h.score, 0.1)
		h.fors = append(h.fors, argument{text: fmt.Sprintf("%s suffers: %s went from %s to %s.", v.name, m.metric, num(m.from), num(m.to)), ids: []string{m.id}})
	}
	return h
}

// source names what a sign is read from, so that one observation counts once.
func (sg sign) source() string {
	switch {
	case sg.metric != "":
		return sg.metric
	case sg.logs != nil:
		return "logs"
	case sg.events != nil:
		return "events"
	}
	return "load"
}

// witness adds one more independent witness to a score.
func witness(score, weight float64) float64 { return 1 - (1-score)*(1-weight) }

// shows says whether a service shows a sign, in words, and by which evidence.
func (p *picture) shows(v *view, sg sign) (what, id string, ok bool) {
	switch {
	case sg.metric != "":
		m, there := v.moves[sg.metric]
		if !there || m.over || !sg.moves(m) {
			return "", "", false
		}
		return fmt.Sprintf("%s went from %s to %s", m.metric, num(m.from), num(m.to)), m.id, true
	case sg.logs != nil:
		l, there := v.newest(sg.logs)
		if !there {
			return "", "", false
		}
		return fmt.Sprintf("%q, %d times against %d before", l.Template, l.Count, l.Baseline), l.id, true
	case sg.events != nil:
		for _, e := range slices.Backward(v.events) {
			gap := p.incident.StartedAt.Sub(e.At)
			if sg.events.MatchString(e.text()) && (p.incident.StartedAt.IsZero() || e.At.IsZero() || gap <= near) {
				return clipped(e.Message), e.id, true
			}
		}
		return "", "", false
	case v.load == nil || len(v.loadID) == 0:
		return "", "", false
	case sg.waits != nil:
		if len(v.load.Waits) == 0 || !sg.waits.MatchString(v.load.Waits[0].Name) || v.load.Waits[0].Load < math.Max(0.4*v.load.Average, 0.5) {
			return "", "", false
		}
		w := v.load.Waits[0]
		return fmt.Sprintf("%s of %s active sessions wait for %s", num(w.Load), num(v.load.Average), w.Name), v.loadID[0], true
	case sg.sql != nil:
		if len(v.load.Statements) == 0 || !sg.sql.MatchString(v.load.Statements[0].SQL) || v.load.Statements[0].Load < 0.4*v.load.Average {
			return "", "", false
		}
	case sg.load != nil:
		if !sg.load(v.load) {
			return "", "", false
		}
	}
	top := v.load.Statements[0]
	return fmt.Sprintf("%s of %s active sessions are of %s", num(top.Load), num(v.load.Average), clipped(top.SQL)), v.loadID[0], true
}
