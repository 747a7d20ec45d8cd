package rca

import (
	"fmt"
	"math"
	"strings"

	"vigil/workflows/incident"
)

// logClass is what a log pattern is a sign of.
type logClass int

const (
	logOrdinary      logClass = iota
	logOwn                    // an error of the service itself
	logDependency             // a call to something else failed or was slow
	logConnections            // no database connection to be had
	logMemory                 // memory is short
	logStorage                // a disk is full
	logThrottled              // refused for a quota
	logCertificate            // a certificate is not valid
	logNetwork                // packets or names do not get through
	logConfiguration          // a setting is wrong or missing
	logOverload               // more work than there is room for
)

// classWords are what operating systems, drivers, runtimes and cloud services
// write, by what it means. The first class that has a word in a line wins.
var classWords = []struct {
	class logClass
	words []string
}{
	{logConnections, []string{"connection slot", "too many connections", "too many clients", "max_connections", "pool timeout", "pool exhausted",
		"pool is exhausted", "connection pool", "acquire connection", "acquiring connection", "obtain connection", "get a connection",
		"waiting for connection", "waiting for a connection", "timed out waiting for conn"}},
	{logStorage, []string{"no space left on device", "disk full", "disk is full", "disk quota exceeded", "could not extend file", "enospc"}},
	{logMemory, []string{"out of memory", "outofmemory", "oom-kill", "oom kill", "oomkilled", "heap", "gc pause", "gc overhead",
		"garbage collect", "memory limit", "memory pressure", "cannot allocate memory", "exit code 137", "memory usage"}},
	{logCertificate, []string{"x509", "certificate has expired", "certificate expired", "certificate verify failed", "cert_has_expired",
		"certificate is not valid", "sslhandshakeexception", "unknown certificate authority"}},
	{logThrottled, []string{"throttl", "rate exceeded", "too many requests", "status 429", " 429 ", "provisionedthroughputexceeded", "requestlimitexceeded",
		"provisioned throughput", "slowdown", "slow down", "quota exceeded", "limit exceeded", "limitexceeded"}},
	{logNetwork, []string{"no route to host", "network is unreachable", "network unreachable", "name resolution", "no such host", "nxdomain", "servfail", "enotfound",
		"eai_again", "getaddrinfo", "unknownhost", "name or service not known", "ehostunreach", "host is unreachable", "host unreachable", "connect timeout", "connection timed out",
		"connect timed out", "connecttimeout", "etimedout", "dial tcp", "packet loss", "retransmi", "connection reset", "econnreset", "broken pipe", "syn "}},
	{logConfiguration, []string{"invalid configuration", "configuration error", "config error", "misconfigur", "bad configuration", "invalid config",
		"configuration", "environment variable", "missing required", "missing property", "unknown property", "could not resolve placeholder", "invalid value", "is not a valid",
		"accessdenied", "access denied", "permission denied", "not authorized", "unauthorized", "authentication failed",
		"invalid api key", "invalid credentials", "invalid token", "bad credentials", "forbidden", "feature flag", "setting", "parameter"}},
	{logOverload, []string{"overload", "shedding", "load shed", "queue is full", "queue full", "backpressure", "rejectedexecution", "thread pool",
		"worker pool", "no workers", "no free worker", "event loop", "run queue", "saturated", "too busy", "at capacity", "over capacity", "cpu"}},
}

var (
	dependencyWords = []string{"upstream", "downstream", "deadline exceeded", "timed out", "timeout", "connection refused",
		"connection reset", "bad gateway", "gateway timeout", "service unavailable", "circuit breaker", "i/o timeout"}
	errorWords = []string{"error", "exception", "panic", "fatal", "failed", "failure", "traceback", "cannot ", "unable to"}
)

// classify says what a pattern is a sign of. callees are the services that the
// one that logged it calls: an error that names one of them is about that one.
func classify(p incident.LogPattern, callees []string) logClass {
	text := textOf(p)
	problem := isError(p, text)
	for _, c := range classWords {
		// Words of databases and memory are a sign at any level, the others in
		// a line that tells of a problem.
		if (c.class == logConnections || c.class == logMemory || problem || isWarning(p)) && containsAny(text, c.words) {
			return c.class
		}
	}
	switch {
	case !problem:
		return logOrdinary
	case containsAny(text, dependencyWords) || namesAny(text, callees):
		return logDependency
	}
	return logOwn
}

func textOf(p incident.LogPattern) string { return strings.ToLower(p.Template + "\n" + p.Example) }

func namesAny(text string, names []string) bool {
	for _, n := range names {
		if n != "" && strings.Contains(text, strings.ToLower(n)) {
			return true
		}
	}
	return false
}

func isError(p incident.LogPattern, text string) bool {
	switch strings.ToLower(p.Level) {
	case "error", "err", "fatal", "critical", "crit", "panic", "alert", "emergency", "severe":
		return true
	case "debug", "trace", "info", "notice", "information":
		return false
	}
	return containsAny(text, errorWords)
}

func isWarning(p incident.LogPattern) bool {
	l := strings.ToLower(p.Level)
	return l == "warn" || l == "warning"
}

func containsAny(text string, words []string) bool {
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

// novelty says how new a pattern is: 0 where it is as common as before, up to 1
// where it was hardly there and now is often. Three lines that were never seen
// before weigh 0.6, ten 0.86.
func novelty(p incident.LogPattern) float64 {
	count, base := float64(max(p.Count, 0)), float64(max(p.Baseline, 0))
	excess := count - 3*base // three times as many is within what counts do
	if excess <= 0 {
		return 0
	}
	return excess / (excess + 2*math.Sqrt(base+1))
}

// worstOf returns the newest pattern of a class and its novelty.
func worstOf(logs Logs, callees []string, class logClass) (best incident.LogPattern, n float64) {
	for _, p := range logs.Patterns {
		if v := novelty(p); v > n && classify(p, callees) == class {
			best, n = p, v
		}
	}
	return best, n
}

// DescribeLogs says which error patterns of one piece of evidence are new, and
// how much they stand out.
func DescribeLogs(patterns []incident.LogPattern) (finding string, strength float64) {
	var first incident.LogPattern
	count := 0
	for _, p := range patterns {
		n := novelty(p)
		if n == 0 || classify(p, nil) == logOrdinary {
			continue
		}
		count++
		if n > strength {
			first, strength = p, n
		}
	}
	switch {
	case count > 1:
		return fmt.Sprintf("%s, and %d more new error patterns", patternWords(first), count-1), strength
	case count == 1:
		return patternWords(first), strength
	case len(patterns) > 0:
		return "no new error patterns", 0
	}
	return "no log lines", 0
}

func patternWords(p incident.LogPattern) string {
	template := []rune(p.Template)
	if len(template) > 120 {
		template = append(template[:120], '…')
	}
	if p.Baseline == 0 {
		return fmt.Sprintf("new: %q ×%d", string(template), p.Count)
	}
	return fmt.Sprintf("%q ×%d, before ×%d", string(template), p.Count, p.Baseline)
}
