package rca

import (
	"math"
	"slices"
	"strings"
	"time"

	"vigil/workflows/incident"
)

// badChange judges whether a change of one kind broke n: one on n itself
// shortly before its first symptom, trouble that no callee accounts for, and
// lines in its own log that were not there before, of the first class above all.
func badChange(n *node, kind string, cause incident.Cause, classes ...logClass) verdict {
	v := verdict{cause: cause}
	// A stray error may come before either, so each symptom is asked.
	var best Change
	var when float64
	var first time.Time
	var trouble, open float64
	for _, m := range n.symptoms() {
		for _, c := range n.changes {
			if c.Kind != kind {
				continue
			}
			if w := recency(c.At, m.Onset, onsetSlack*m.Period); w > when {
				best, when, first = c, w, m.Onset
			}
		}
		trouble = either(trouble, m.still())
		open = math.Max(open, 1-n.shares[m.Metric])
	}
	if when == 0 {
		return v
	}
	var logged float64
	var p incident.LogPattern
	for i, c := range classes {
		q, s := worstOf(n.logs, n.calleeNames(), c)
		if i > 0 {
			s *= 0.4 // it fits, and fits something else better
		}
		if s > logged {
			p, logged = q, s
		}
	}
	// A service that logs nothing new may still be broken, and one whose trouble
	// is accounted for may still log for itself. One that complains of others
	// rather than of itself has more likely met with their trouble.
	v.score = when * math.Min(1, 2*trouble) * open * (0.65 + 0.35*logged)
	if others := n.blamesOthers(); others > logged {
		v.score *= 1 - 0.5*others
	}
	v.because(best.Evidence, "%s", changeWords(best.Change, first, "its symptoms"))
	if logged > 0 {
		v.because(n.logs.Evidence, "logs %s", patternWords(p))
	}
	return v
}

// blamesOthers is how new the lines are in which n complains of what it calls.
func (n *node) blamesOthers() float64 {
	var out float64
	for _, c := range []logClass{logDependency, logNetwork, logThrottled, logConnections} {
		_, s := worstOf(n.logs, n.calleeNames(), c)
		out = math.Max(out, s)
	}
	return out
}

// symptoms are the measures by which people notice that n is in trouble: that
// it is slow, that it fails, that it is not there.
func (n *node) symptoms() []*measured {
	var out []*measured
	for _, m := range []incident.Metric{incident.MetricLatency, incident.MetricErrorRate, incident.MetricUnavailable, incident.MetricRestarts} {
		if a := n.harm(m); a != nil {
			out = append(out, a)
		}
	}
	return out
}

func badDeployment(n *node) verdict {
	return badChange(n, "deployment", incident.CauseBadDeployment, logOwn, logConfiguration)
}

// badConfiguration is a change of settings that broke n. Without such a change
// on record, n's log has to complain about its settings itself.
func badConfiguration(n *node) verdict {
	v := badChange(n, "configuration", incident.CauseBadConfiguration, logConfiguration, logOwn)
	p, logged := worstOf(n.logs, n.calleeNames(), logConfiguration)
	if w := 0.6 * logged * n.unexplained(); w > v.score {
		v = verdict{cause: incident.CauseBadConfiguration, score: w}
		v.because(n.logs.Evidence, "logs %s", patternWords(p))
	}
	return v
}

// What Kubernetes and container runtimes call their troubles.
var (
	crashWords = []string{"crashloop", "back-off restarting", "backoff", "exited with code", "exit code 1", "essential container"}
	killWords  = []string{"oomkill", "oom-kill", "outofmemory", "out of memory", "exit code 137", "exit code: 137"}
	pullWords  = []string{"errimagepull", "imagepullbackoff", "failed to pull image", "cannotpullcontainer", "manifest unknown",
		"back-off pulling image", "errimageneverpull", "invalidimagename"}
	nodeWords = []string{"evicted", "nodenotready", "node is not ready", "diskpressure", "memorypressure", "pidpressure",
		"insufficientmemory", "insufficient cpu", "insufficient memory", "failedscheduling", "unable to place a task"}
)

func lowerEvent(e Event) string {
	return strings.ToLower(e.Category + "\n" + e.Resource + "\n" + e.Message)
}

// happened returns the event among n's since shortly before the incident that
// has one of the words and is a problem, and how much it says: 0 for none.
func (n *node) happened(words []string) (e Event, says float64) {
	for _, x := range n.events {
		text := lowerEvent(x)
		if !containsAny(text, words) || x.At.Before(n.baselineTo.Add(-eventLead)) || !n.onset.IsZero() && x.At.Before(n.onset.Add(-eventLead)) {
			continue
		}
		s := 0.7
		if x.Warning {
			s = 0.9
		}
		if s >= says {
			e, says = x, s
		}
	}
	return e, says
}

// crashLoop judges whether n's instances start and die again and again.
func crashLoop(n *node) verdict {
	v := verdict{cause: incident.CauseCrashLoop}
	e, said := n.happened(crashWords)
	if said > 0 && containsAny(lowerEvent(e), pullWords) {
		return v // it does not get as far as crashing
	}
	again := 0.0
	if r := n.harm(incident.MetricRestarts); r != nil && r.Now-r.Baseline >= 2 {
		again = math.Min(1, 2*r.Strength)
		v.because(r.evidence, "%s", Finding(r.Anomaly))
	}
	if said > 0 {
		v.because(e.Evidence, "%s: %s", e.Resource, e.Message)
	}
	v.score = 0.8 * either(said, 0.7*again) * (0.4 + 0.6*math.Max(n.felt(), n.absent()))
	return v
}

// imagePull judges whether what was deployed cannot be fetched.
func imagePull(n *node) verdict {
	v := verdict{cause: incident.CauseImagePull}
	if e, said := n.happened(pullWords); said > 0 {
		v.score = said * (0.5 + 0.5*math.Max(n.felt(), n.absent()))
		v.because(e.Evidence, "%s: %s", e.Resource, e.Message)
	}
	return v
}

// nodePressure judges whether the machines under n are short of something.
func nodePressure(n *node) verdict {
	v := verdict{cause: incident.CauseNodePressure}
	if e, said := n.happened(nodeWords); said > 0 {
		v.score = 0.85 * said * (0.4 + 0.6*math.Max(n.felt(), n.absent()))
		v.because(e.Evidence, "%s: %s", e.Resource, e.Message)
	}
	return v
}

// still is the strength of a, and little of it where a is over: what goes away
// by itself was not what the signature means.
func (m *measured) still() float64 {
	if m.Over {
		return 0.05 * m.Strength
	}
	return m.Strength
}

// absent says how much of n is not there that should be.
func (n *node) absent() float64 {
	if a := n.harm(incident.MetricUnavailable); a != nil && !a.Over {
		return math.Min(1, 2*a.Strength)
	}
	return 0
}

// felt says how much n's users notice: how slow it is and how much fails or,
// where nobody measures that, how its callers fare.
func (n *node) felt() float64 {
	if n.observed() {
		return n.unexplained()
	}
	var out float64
	for _, c := range n.callers {
		out = math.Max(out, c.unexplained())
	}
	return out
}

// unexplained is how much of n's own symptoms lasts and is not its callees' doing.
func (n *node) unexplained() float64 {
	var out float64
	for _, m := range []incident.Metric{incident.MetricLatency, incident.MetricErrorRate} {
		if a := n.harm(m); a != nil {
			out = either(out, a.still()*(1-n.shares[m]))
		}
	}
	return math.Min(1, 2*out)
}

// knows reports whether n is a service of ours: something measures its inside.
func (n *node) knows() bool {
	return slices.ContainsFunc(n.anomalies, func(m measured) bool {
		switch m.Metric {
		case incident.MetricLatency, incident.MetricErrorRate, incident.MetricRequestRate:
			return false // a caller sees these too
		}
		return true
	})
}
