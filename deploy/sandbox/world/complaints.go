package world

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// dialect is how a service writes its log.
type dialect int

const (
	dialectJava    dialect = iota // LEVEL text, and a garbage collector to speak of
	dialectJSON                   // one JSON object a line
	dialectBracket                // [LEVEL] text
	dialectLogfmt                 // level=… msg="…"
	dialects
)

// spell writes a message, which begins with its level, as the dialect does.
func (d dialect) spell(at time.Time, message string) string {
	level, text, ok := strings.Cut(message, " ")
	if !ok || d == dialectJava || (level != "INFO" && level != "WARN" && level != "ERROR") {
		return message
	}
	switch d {
	case dialectJSON:
		return fmt.Sprintf(`{"ts":%q,"level":%q,"msg":%s}`, at.Format(time.RFC3339Nano), strings.ToLower(level), strconv.Quote(text))
	case dialectBracket:
		return fmt.Sprintf("%s [%s] %s", at.Format("2006-01-02 15:04:05.000"), level, text)
	}
	return fmt.Sprintf("time=%s level=%s msg=%s", at.Format(time.RFC3339), strings.ToLower(level), strconv.Quote(text))
}

func (d dialect) starting() string {
	if d == dialectJava {
		return " jvm_heap=1024m"
	}
	return ""
}

var badSummaries = []string{
	"apply coupon discounts at checkout", "new address validation", "switch to async handlers", "cache partner profiles", "upgrade serializer", "round totals per line",
}

// sayBug is what a version that is bad logs: an error of its own code.
func sayBug(w *World, a *ailment) template {
	return func(r *rand.Rand, _ time.Time, version string) string {
		switch d := w.topo.byName[a.service].talk; {
		case a.service == Checkout && !w.cfg.Varied:
			return fmt.Sprintf("ERROR unhandled exception in POST /checkout: java.lang.NullPointerException: Cannot invoke Coupon.getRate() because coupon is null "+
				"at com.shop.checkout.DiscountService.apply(DiscountService.java:118) version=%s request_id=%s", version, requestID(r))
		case d == dialectJava:
			return fmt.Sprintf("ERROR unhandled exception: java.lang.%s at com.acme.%s.Handler.process(Handler.java:%d) version=%s request_id=%s",
				[]string{"IllegalStateException: cursor is closed", "NullPointerException: profile is null", "ClassCastException: Integer is no Long"}[a.tone%3], a.service, 80+a.tone, version, requestID(r))
		case d == dialectJSON:
			return fmt.Sprintf("ERROR panic recovered: %s version=%s request_id=%s",
				[]string{"runtime error: index out of range [3] with length 3", "runtime error: invalid memory address or nil pointer dereference", "interface conversion: interface is nil, not string"}[a.tone%3], version, requestID(r))
		case d == dialectBracket:
			return fmt.Sprintf("ERROR Traceback: %s version=%s request_id=%s",
				[]string{"KeyError: 'currency' in serialize_total", "TypeError: unsupported operand type(s) for +: 'NoneType' and 'Decimal'", "AttributeError: object has no attribute 'segments'"}[a.tone%3], version, requestID(r))
		}
		return fmt.Sprintf("ERROR unhandled rejection: TypeError: %s version=%s request_id=%s",
			[]string{"Cannot read properties of undefined (reading total)", "items.map is not a function", "Cannot destructure property id of null"}[a.tone%3], version, requestID(r))
	}
}

// pick makes a template of one of several phrases that take a number and a
// request id.
func pick(phrases []string, tone int) template {
	phrase := phrases[tone%len(phrases)]
	return func(r *rand.Rand, _ time.Time, _ string) string {
		return fmt.Sprintf(phrase, 20+r.IntN(900)) + " request_id=" + requestID(r)
	}
}

// pickFor is pick for phrases that take a name before the number.
func pickFor(phrases []string, tone int, name string) template {
	phrase := phrases[tone%len(phrases)]
	return func(r *rand.Rand, _ time.Time, _ string) string {
		return fmt.Sprintf(phrase, name, 500+r.IntN(2500)) + " request_id=" + requestID(r)
	}
}

var (
	busyPhrases = []string{
		"WARN all 16 workers are busy, %d requests wait",
		"WARN event loop was blocked for %dms",
		"WARN request waited %dms for a thread",
		"ERROR request was dropped, it waited too long for a worker: %dms",
		"WARN health check answered late, after %dms",
	}
	sheddingPhrases = []string{
		"WARN shedding load, %d requests in flight",
		"WARN accept queue is full, %d connections wait",
		"WARN rate limit reached, answered 429 to %d requests",
	}
	queuedPhrases = []string{
		"WARN request was queued for %dms",
		"WARN concurrency limit reached, %d requests wait",
		"WARN in-flight requests at %d, more than ever before",
	}
	providerPhrases = []string{
		"ERROR POST https://api.%s.example/v2/requests: context deadline exceeded after %dms (Client.Timeout exceeded while awaiting headers)",
		"ERROR %s answered 503 Service Unavailable after %dms",
		"ERROR request to %s timed out after %dms, giving up",
		"WARN circuit breaker for %s is open, %d calls refused",
	}
	throttlePhrases = []string{
		"ERROR ProvisionedThroughputExceededException on table %s: the level of configured provisioned throughput was exceeded, retry in %dms",
		"WARN ThrottlingException: rate exceeded for %s, backing off %dms",
		"ERROR write to %s was throttled, gave up after %dms",
		"WARN request limit of %s exceeded, trying again in %dms",
	}
	networkPhrases = []string{
		"ERROR call to %s failed: dial tcp 10.0.3.17:8080: i/o timeout after %dms",
		"ERROR connection to %s timed out after %dms: no route to host",
		"WARN read from %s: connection reset by peer after %dms, trying again",
		"ERROR connect to %s:8080 failed: Connection timed out after %dms",
	}
	warmUpPhrases = []string{
		"INFO caches are cold, filled %d entries",
		"INFO compiling hot paths, %d methods so far",
		"INFO opening connections, %dms",
	}
)

func saySetting(s setting, tone int) template {
	text := s.complaint[tone%2]
	return func(r *rand.Rand, _ time.Time, _ string) string {
		return "ERROR " + text + " request_id=" + requestID(r)
	}
}

func sayCallFailed(callee string) template {
	return func(r *rand.Rand, _ time.Time, _ string) string {
		if r.IntN(3) == 0 {
			return fmt.Sprintf("ERROR call to %s failed: 503 Service Unavailable request_id=%s", callee, requestID(r))
		}
		return fmt.Sprintf("WARN call to %s was slow: %dms request_id=%s", callee, 500+r.IntN(900), requestID(r))
	}
}

// postgres writes a line of a database's log.
func postgres(r *rand.Rand, at time.Time, user, level, text string) string {
	return fmt.Sprintf("%s:10.0.%d.%d(%d):%s@main:[%d]:%s:  %s", postgresTime(at), 1+r.IntN(3), 10+r.IntN(200), 32000+r.IntN(9000), user, 2000+r.IntN(7000), level, text)
}

func (w *World) userOf(database string) string {
	l := w.loads[database]
	return l.statements[w.chat.IntN(len(l.statements))].User
}

func talkConnections(w *World, a *ailment) {
	const noSlots = "remaining connection slots are reserved for roles with the SUPERUSER attribute"
	w.say(a.service, 1.6*a.backlog, func(r *rand.Rand, at time.Time, _ string) string {
		return postgres(r, at, w.userOf(a.service), "FATAL", noSlots)
	})
	refused := true
	for _, c := range w.topo.callers(a.service) {
		if w.topo.reach[c.name] == 0 {
			continue
		}
		if refused { // one of two; the other's pool waits longer
			refused = false
			w.say(c.name, 1.4*a.backlog, func(r *rand.Rand, _ time.Time, _ string) string {
				return fmt.Sprintf("ERROR cannot connect to %s: FATAL: %s request_id=%s", a.service, noSlots, requestID(r))
			})
		}
		w.say(c.name, 0.9*a.backlog, func(r *rand.Rand, _ time.Time, _ string) string {
			return fmt.Sprintf("ERROR timeout acquiring connection from pool %s after 3000ms active=25 idle=0 waiting=%d request_id=%s", a.service, 20+r.IntN(60), requestID(r))
		})
	}
}

func talkLeak(w *World, a *ailment) {
	n := w.topo.byName[a.service]
	memory := n.memory + a.memory
	full := collecting(memory)
	if full > 0.02 {
		w.say(a.service, 0.6+full, func(r *rand.Rand, _ time.Time, _ string) string {
			if n.talk == dialectJava {
				return fmt.Sprintf("WARN [gc] full collection paused all threads for %dms heap=%.0f%%", 120+int(900*full)+r.IntN(60), memory)
			}
			return fmt.Sprintf("WARN memory usage is %.0fMiB of 1024MiB", 10.24*memory+r.Float64())
		})
	}
	if full > 0.3 {
		w.say(a.service, 1.4*full, func(r *rand.Rand, _ time.Time, _ string) string {
			switch n.talk {
			case dialectJava:
				return fmt.Sprintf("ERROR request failed: java.lang.OutOfMemoryError: Java heap space request_id=%s", requestID(r))
			case dialectBracket:
				return fmt.Sprintf("ERROR MemoryError: cannot allocate memory request_id=%s", requestID(r))
			}
			return fmt.Sprintf("ERROR request failed: cannot allocate memory request_id=%s", requestID(r))
		})
	}
}

func talkStorage(w *World, a *ailment) {
	const full = `could not extend file "base/16402/%d": No space left on device`
	if a.heat == 0 {
		return
	}
	w.say(a.service, 1.8*a.heat, func(r *rand.Rand, at time.Time, _ string) string {
		if a.tone%3 == 0 && r.IntN(3) == 0 {
			return postgres(r, at, "rdsadmin", "PANIC", fmt.Sprintf(`could not write to file "pg_wal/xlogtemp.%d": No space left on device`, 100+r.IntN(900)))
		}
		return postgres(r, at, w.userOf(a.service), "ERROR", fmt.Sprintf(full, 20000+r.IntN(9000)))
	})
	for _, c := range w.topo.callers(a.service) {
		w.say(c.name, 1.2*a.heat, func(r *rand.Rand, _ time.Time, _ string) string {
			if a.tone%2 == 0 {
				return fmt.Sprintf("ERROR insert failed: ERROR: "+full+" (SQLSTATE 53100) request_id=%s", 20000+r.IntN(9000), requestID(r))
			}
			return fmt.Sprintf("ERROR transaction was rolled back by %s: disk full (53100) request_id=%s", a.service, requestID(r))
		})
	}
}

func talkExpensive(w *World, a *ailment) {
	l := w.loads[a.service]
	costly := l.statements[l.costly]
	w.say(a.service, 1.1*a.heat, func(r *rand.Rand, at time.Time, _ string) string {
		return postgres(r, at, costly.User, "LOG", fmt.Sprintf("duration: %d.%03d ms  statement: %s", 2200+r.IntN(9000), r.IntN(1000), costly.SQL))
	})
	for _, c := range w.topo.callers(a.service) {
		w.say(c.name, 0.8*a.heat, func(r *rand.Rand, _ time.Time, _ string) string {
			if r.IntN(3) == 0 {
				return fmt.Sprintf("ERROR query on %s failed: canceling statement due to statement timeout (57014) request_id=%s", a.service, requestID(r))
			}
			return fmt.Sprintf("WARN slow query on %s took %dms request_id=%s", a.service, 800+r.IntN(3000), requestID(r))
		})
	}
}

func sayTerminated(r *rand.Rand, at time.Time, _ string) string {
	return postgres(r, at, "reporting", "FATAL", "terminating connection due to administrator command")
}

func talkCache(w *World, a *ailment) {
	for _, c := range w.topo.callers(a.service) {
		w.say(c.name, 1.2*a.heat, func(r *rand.Rand, _ time.Time, _ string) string {
			tone := a.tone % 3
			if !w.topo.calls(c.name, a.callee) { // it has nothing else to ask
				tone = 2
			}
			switch tone {
			case 0:
				return fmt.Sprintf("WARN %s: key item:%d is not in the cache, loading it from %s request_id=%s", a.service, r.IntN(90000), a.callee, requestID(r))
			case 1:
				return fmt.Sprintf("ERROR %s: READONLY You can't write against a read only replica, falling back to %s request_id=%s", a.service, a.callee, requestID(r))
			}
			return fmt.Sprintf("WARN cache miss ratio of %s is %d%% over the last minute", a.service, 55+r.IntN(30))
		})
	}
	w.say(a.callee, 0.5*a.heat, func(r *rand.Rand, at time.Time, _ string) string {
		return postgres(r, at, w.userOf(a.callee), "LOG", fmt.Sprintf("duration: %d.%03d ms  statement: SELECT id, status, payload", 600+r.IntN(1500), r.IntN(1000)))
	})
}
