package rca

import (
	"math"
	"strings"

	"vigil/workflows/incident"
)

// said returns what m's log complains of in lines of the given classes that
// name n, the newest pattern first, and how new it is. A callee without a
// rival need not be named.
func (n *node) said(m *node, classes ...logClass) (best incident.LogPattern, says float64) {
	for _, p := range m.logs.Patterns {
		v := novelty(p)
		if v <= says {
			continue
		}
		if !strings.Contains(textOf(p), strings.ToLower(n.name)) {
			continue
		}
		c := classify(p, m.calleeNames())
		for _, want := range classes {
			if c == want {
				best, says = p, v
				break
			}
		}
	}
	return best, says
}

// complaints combines what all callers of n say of it.
func (n *node) complaints(v *verdict, classes ...logClass) float64 {
	silent := 1.0
	for _, c := range n.callers {
		if p, s := n.said(c, classes...); s > 0 {
			silent *= 1 - s
			v.because(c.logs.Evidence, "%s logs %s", c.name, patternWords(p))
		}
	}
	return 1 - silent
}

// suffers says how much the callers of n that are in trouble have trouble of
// their own to show, n's part in it included.
func (n *node) suffers() float64 {
	var out float64
	for _, c := range n.callers {
		for _, m := range []incident.Metric{incident.MetricLatency, incident.MetricErrorRate} {
			if a := c.harm(m); a != nil && !a.Over {
				out = math.Max(out, math.Min(1, 2*a.Strength))
			}
		}
	}
	if len(n.callers) == 0 {
		return n.felt()
	}
	return out
}

// throttled judges whether n refuses requests because a quota is used up.
func throttled(n *node) verdict {
	v := verdict{cause: incident.CauseThrottled}
	refused := 0.0
	if a := n.harm(incident.MetricThrottles); a != nil && !a.Over {
		refused = math.Min(1, 2*a.Strength)
		v.because(a.evidence, "%s", Finding(a.Anomaly))
	}
	told := n.complaints(&v, logThrottled)
	if refused == 0 && told == 0 && len(n.callees) == 0 && n.felt() > 0 {
		// The line need not name what it is about where only one thing can be meant.
		for _, c := range n.callers {
			if p, s := worstOf(c.logs, nil, logThrottled); s > 0 && !n.knows() {
				told = math.Max(told, 0.6*s)
				v.because(c.logs.Evidence, "%s logs %s", c.name, patternWords(p))
			}
		}
	}
	v.score = either(0.8*refused, 0.75*told) * (0.3 + 0.7*n.suffers())
	return v
}

// dependencyFailure judges whether n is something outside, of which nobody
// here measures more than its answers, and fails those who call it.
func dependencyFailure(n *node) verdict {
	v := verdict{cause: incident.CauseDependencyFailure}
	if n.knows() || len(n.callees) > 0 || len(n.callers) == 0 || len(n.logs.Patterns) > 0 {
		return v
	}
	told := n.complaints(&v, logDependency, logOwn, logNetwork)
	v.score = 0.95 * told * (0.2 + 0.8*n.suffers())
	return v
}

// networkFailure judges whether n cannot reach what it calls: its log says so,
// the callee is well and has less to do.
func networkFailure(n *node) verdict {
	v := verdict{cause: incident.CauseNetworkFailure}
	var best float64
	for _, c := range n.callees {
		p, told := c.said(n, logNetwork)
		fell := 0.0
		if r := c.metric(incident.MetricRequestRate); r != nil && r.Direction == Down && !r.Over {
			fell = r.Strength
		}
		well := 1.0
		for _, m := range []incident.Metric{incident.MetricLatency, incident.MetricErrorRate} {
			if a := c.harm(m); a != nil && !a.Over {
				well = 0.3
			}
		}
		if !c.knows() && len(c.callees) == 0 {
			well *= 0.4 // something outside that does not answer is its own trouble
		}
		if s := either(0.8*told, 0.4*math.Min(1, 2*fell)*n.unexplained()) * well; s > best {
			best = s
			v.reasons, v.cites = nil, nil
			if told > 0 {
				v.because(n.logs.Evidence, "logs %s", patternWords(p))
			}
			if fell > 0 {
				r := c.metric(incident.MetricRequestRate)
				v.because(r.evidence, "%s gets fewer requests (%s → %s a second) and serves them as ever", c.name, num(r.Baseline), num(r.Level))
			}
		}
	}
	if p, told := worstOf(n.logs, nil, logNetwork); best == 0 && told > 0 && !namesAny(textOf(p), n.calleeNames()) {
		best = 0.6 * told
		v.because(n.logs.Evidence, "logs %s", patternWords(p))
	}
	v.score = best * (0.2 + 0.8*n.unexplained())
	return v
}

// cacheFailed judges whether n is a cache that no longer keeps what it should,
// so that whatever stands behind it does the work.
func cacheFailed(n *node) verdict {
	v := verdict{cause: incident.CauseCacheFailure}
	missing := 0.0
	if h := n.harm(incident.MetricCacheHitRate); h != nil && !h.Over {
		missing = math.Min(1, 2*h.Strength)
		v.because(h.evidence, "%s", Finding(h.Anomaly))
	}
	told := 0.0
	if missing == 0 {
		told = n.complaints(&v, logDependency, logOwn, logNetwork)
		if n.metric(incident.MetricCacheHitRate) == nil || len(n.callees) > 0 {
			told = 0 // nothing says that it is a cache
		}
	}
	v.score = either(0.9*missing, 0.6*told) * (0.5 + 0.5*n.suffers())
	return v
}

// bypassed says how much of n's load comes past a cache that fails: one that
// a caller of n asks first.
func (n *node) bypassed() float64 {
	var out float64
	for _, c := range n.callers {
		for _, sibling := range c.callees {
			if sibling != n {
				out = math.Max(out, sibling.cache.score)
			}
		}
	}
	return out
}

// certificateExpired judges whether n shows a certificate that is no longer valid.
func certificateExpired(n *node) verdict {
	v := verdict{cause: incident.CauseCertificateExpired}
	over := 0.0
	if d := n.metric(incident.MetricCertificateDays); d != nil && d.Now <= 0 {
		over = 1
		v.because(d.evidence, "its certificate has expired")
	}
	told := n.complaints(&v, logCertificate)
	if p, s := worstOf(n.logs, nil, logCertificate); s > 0 && !namesAny(textOf(p), n.calleeNames()) {
		told = either(told, s)
		v.because(n.logs.Evidence, "logs %s", patternWords(p))
	}
	v.score = 0.9 * either(over, 0.9*told) * (0.3 + 0.7*math.Max(n.suffers(), n.felt()))
	return v
}

// diskFull judges whether n's log says that a disk is full.
func diskFull(n *node) verdict {
	v := verdict{cause: incident.CauseStorageFull}
	if p, s := worstOf(n.logs, nil, logStorage); s > 0 {
		v.score = 0.8 * s * (0.4 + 0.6*math.Max(n.felt(), n.absent()))
		v.because(n.logs.Evidence, "logs %s", patternWords(p))
	}
	return v
}
