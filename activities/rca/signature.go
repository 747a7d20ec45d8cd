package rca

import (
	"fmt"
	"math"
	"slices"

	"vigil/workflows/incident"
)

// signature judges whether one known cause is at work in a service. It reads
// n and what n is connected to, and changes nothing. Score 0: no sign of it.
// Signs: n.metric and n.harm (series with their anomaly), n.logs, n.changes,
// n.events, n.load, n.callers and n.callees; n.end is the last moment of the telemetry.
type signature func(n *node) verdict

// verdict is what a signature says of one service.
type verdict struct {
	cause   incident.Cause
	score   float64 // 0–1
	reasons []string
	cites   []string
	// upstream: the cause comes to the service from its callers, so the service
	// that complains need not depend on it.
	upstream bool
}

func (v *verdict) because(cite, format string, args ...any) {
	v.reasons = append(v.reasons, fmt.Sprintf(format, args...))
	v.cites = append(v.cites, cite)
}

// signatures are the known causes of trouble in any service. Databases have
// more, see databaseSignatures.
var signatures = []signature{memoryLeak, outOfMemory, badDeployment, badConfiguration, crashLoop, imagePull, nodePressure,
	cpuSaturation, trafficSurge, throttled, dependencyFailure, networkFailure, queueBacklog, certificateExpired, diskFull}

// consequences says how much a cause that is at work in a service takes from
// another that is suspected of the same service, because it brings about its signs.
var consequences = map[incident.Cause]map[incident.Cause]float64{
	incident.CauseMemoryLeak: {incident.CauseBadDeployment: 0.7, incident.CauseBadConfiguration: 0.5, incident.CauseOutOfMemory: 0.8,
		incident.CauseCPUSaturation: 0.8, incident.CauseCrashLoop: 0.6},
	incident.CauseOutOfMemory:      {incident.CauseCrashLoop: 0.7, incident.CauseCPUSaturation: 0.4},
	incident.CauseBadDeployment:    {incident.CauseCrashLoop: 0.6, incident.CauseCPUSaturation: 0.6},
	incident.CauseBadConfiguration: {incident.CauseCrashLoop: 0.6, incident.CauseCPUSaturation: 0.6, incident.CauseDependencyFailure: 0.5},
	incident.CauseImagePull:        {incident.CauseBadDeployment: 0.5, incident.CauseCrashLoop: 0.9},
	incident.CauseNodePressure:     {incident.CauseCrashLoop: 0.5},
	incident.CauseTrafficSurge:     {incident.CauseCPUSaturation: 0.9, incident.CauseQueueBacklog: 0.4},
	incident.CauseThrottled:        {incident.CauseDependencyFailure: 0.9},
	incident.CauseNetworkFailure:   {incident.CauseDependencyFailure: 0.3},
	incident.CauseCertificateExpired: {incident.CauseDependencyFailure: 0.9, incident.CauseNetworkFailure: 0.9,
		incident.CauseBadConfiguration: 0.5},
}

// judge tries every signature on n and returns the strongest, after each has
// lost what others account for.
func (n *node) judge() verdict {
	all := []verdict{n.pool, n.cache}
	for _, sign := range signatures {
		if v := sign(n); v.score > 0 {
			all = append(all, v)
		}
	}
	all = append(all, n.inner...)
	best := verdict{cause: incident.CauseUnknown}
	for _, v := range all {
		for _, o := range all {
			v.score *= 1 - consequences[o.cause][v.cause]*clamp01(o.score)
		}
		if v.cause != incident.CauseCacheFailure {
			v.score *= 1 - 0.7*n.bypassed()
		}
		if !v.upstream {
			v.score *= n.reach
		}
		if v.score > best.score {
			best = v
		}
	}
	return best
}

// busy are causes that matter as far as somebody waits for it: a database
// may be busy all night with nobody the worse.
var busy = []incident.Cause{incident.CauseCPUSaturation, incident.CauseExpensiveQuery, incident.CauseMaintenanceLoad, incident.CauseLockContention,
	incident.CauseDiskSaturation, causeMemoryPressure}

// harmless is what such a cause counts where its callers are well, and what any
// counts that is how it has always been.
const harmless = 0.15

// inside judges what n's own measures say of it, by the signatures of databases
// and managed services.
func (n *node) inside() {
	n.database = readDatabase(n) != nil
	for _, sign := range databaseSignatures {
		v := sign(n)
		if v.score == 0 {
			continue
		}
		if slices.ContainsFunc(n.callers, (*node).observed) && (n.onset.IsZero() && len(n.events) == 0 || slices.Contains(busy, v.cause) && n.suffers() == 0) {
			v.score *= harmless
		}
		n.inner = append(n.inner, v)
	}
}

// poolExhausted judges whether callers of n run out of connections to it.
//
// Signs: connections rose; they stopped rising, as they do at a limit; callers
// (or the database) log that there is no connection to be had; its callers are
// in trouble all together. The rise alone stays weak, because a single caller
// that is slow for any other reason holds its connections longer too.
func poolExhausted(n *node) verdict {
	v := verdict{cause: incident.CauseConnectionsExhausted}
	series := n.metric(incident.MetricConnections)
	rise := n.harm(incident.MetricConnections)

	type sign struct {
		p    incident.LogPattern
		from *node
	}
	var said []sign
	silent := 1.0
	for _, m := range append([]*node{n}, n.callers...) {
		if p, s := worstOf(m.logs, m.calleeNames(), logConnections); s > 0 {
			said = append(said, sign{p, m})
			silent *= 1 - s
		}
	}
	logs, starved := 1-silent, n.starved()
	switch {
	case rise != nil:
		held := plateau(rise)
		v.score = math.Min(1, 3*rise.Strength)*(0.12+0.1*held+0.4*starved) + 0.75*logs
		v.because(rise.evidence, "%s", Finding(rise.Anomaly))
		if held > 0.5 {
			v.because(rise.evidence, "connections stay at %s, as at a limit", num(rise.Level))
		}
		if starved > 0 {
			v.because("", "its callers are in trouble together")
		}
	case series != nil:
		v.score = 0.2 * logs // they are counted, and there are no more than usual
	case len(n.callees) == 0 && len(n.callers) > 0:
		v.score = 0.5 * logs // nobody counts them; only what calls nothing can be a database
	}
	for _, s := range said {
		v.because(s.from.logs.Evidence, "%s logs %s", s.from.name, patternWords(s.p))
	}
	v.score = clamp01(v.score)
	return v
}

// starved says whether n's callers are in trouble together: the share of them
// that became abnormal no earlier than n's connections, squared, 0 for
// fewer than two.
func (n *node) starved() float64 {
	rise := n.harm(incident.MetricConnections)
	if rise == nil {
		return 0
	}
	var all, hit float64
	for _, c := range n.callers {
		if !c.observed() {
			continue
		}
		all++
		for _, m := range []incident.Metric{incident.MetricLatency, incident.MetricErrorRate} {
			if a := c.harm(m); a != nil && !rise.Onset.After(a.Onset.Add(slack(rise, a))) {
				hit++
				break
			}
		}
	}
	if hit < 2 {
		return 0
	}
	return hit / all * hit / all
}

// plateau says how flat the latest points are, compared with the rise before.
func plateau(a *measured) float64 {
	k := firstAfter(a.points, a.Onset.Add(-1))
	since := a.points[k:]
	tail := since[len(since)-max(min(len(since), sustain), len(since)/3):]
	if len(tail) < sustain || a.delta() == 0 {
		return 0
	}
	low, high := tail[0].Value, tail[0].Value
	for _, p := range tail {
		low, high = math.Min(low, p.Value), math.Max(high, p.Value)
	}
	return clamp01(1 - 2*(high-low)/a.delta())
}
