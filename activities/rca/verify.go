package rca

import (
	"fmt"
	"math"
	"strings"
	"time"

	"vigil/workflows/incident"
)

const (
	// limitSpreads is how many robust standard deviations above the median
	// still count as back to normal, limitShare the least distance as a share
	// of the median. Four is beyond what nearly every normal point does, and
	// several points in a row are asked for.
	limitSpreads = 4.0
	limitShare   = 0.2
)

// verified lists the metrics that show whether users are served again. Traffic
// is not among them: it comes and goes for reasons of its own.
var verified = []incident.Metric{incident.MetricLatency, incident.MetricErrorRate, incident.MetricCPU,
	incident.MetricMemory, incident.MetricConnections}

// Recovery says what Verify compares.
type Recovery struct {
	BaselineTo time.Time // the normal state is what came up to here
	ActedAt    time.Time // only later points can show that something helped
	Needed     int       // consecutive latest points within the limit; at least 2
	Final      bool      // the time for recovery is over: still measuring becomes a verdict
}

// Verify compares telemetry with its state before the incident. before and now
// may overlap; points are taken together and told apart by their time.
//
// Each metric of verified that was abnormal between BaselineTo and ActedAt gets
// a check: its latest Needed points after ActedAt have to be at or below
//
//	limit = median + max(4 × spread, 20 % of the median)
//
// where median and spread are those before the incident, the spread with the
// floors of Summarise. Abnormal is what was above that limit for two points in
// a row, or at its last point before the action.
//
// The state is helped where every check passed. It is unknown where no metric
// was abnormal, where one has no normal state to compare with, or where
// one has no points after the action: missing data is never success. Otherwise
// it is measuring, and with Final set not_helped, or unknown where an abnormal
// metric has too few points to tell.
func Verify(before, now []incident.Series, r Recovery) incident.Verification {
	needed := max(r.Needed, 2)
	var v incident.Verification
	var silent, bad, short []string
	for _, s := range merge(before, now) {
		c, abnormal, after := check(s, r, needed)
		if !abnormal {
			continue
		}
		v.Checks = append(v.Checks, c)
		name := fmt.Sprintf("%s of %s", c.Metric, c.Service)
		switch {
		case after == 0:
			silent = append(silent, name)
		case c.Passed():
		case after < needed:
			short = append(short, name)
		default:
			bad = append(bad, fmt.Sprintf("%s is %s, limit %s", name, num(c.Now), num(c.Limit)))
		}
	}
	switch {
	case len(v.Checks) == 0:
		v.State = incident.VerificationUnknown
		v.Detail = "no metric with a known normal state was abnormal before the action, so none can show that it helped"
	case len(bad) > 0 && r.Final:
		v.State, v.Detail = incident.VerificationNotHelped, "still abnormal: "+strings.Join(bad, "; ")
	case len(silent) > 0:
		v.State, v.Detail = incident.VerificationUnknown, "no data since the action: "+strings.Join(silent, "; ")
	case len(bad) == 0 && len(short) == 0:
		v.State = incident.VerificationHelped
		v.Detail = fmt.Sprintf("all %d abnormal metrics are back to normal for %d points", len(v.Checks), needed)
	case r.Final:
		v.State, v.Detail = incident.VerificationUnknown, "too few points since the action: "+strings.Join(short, "; ")
	default:
		v.State = incident.VerificationMeasuring
		v.Detail = "waiting for " + strings.Join(append(bad, short...), "; ")
	}
	return v
}

// check judges one series. abnormal is false where it has nothing to show;
// after counts its points since the action.
func check(s incident.Series, r Recovery, needed int) (c incident.Check, abnormal bool, after int) {
	points := clean(s.Points)
	acted := firstAfter(points, r.ActedAt)
	past := firstAfter(points[:acted], r.BaselineTo)
	if past < minBaseline || past == acted {
		return c, false, 0
	}
	// Summarise takes out of the past what belongs to the incident already.
	a := summarise(s, points[:acted], time.Time{}, r.BaselineTo)
	if !a.Known {
		return c, false, 0
	}
	c = incident.Check{Service: s.Service, Metric: s.Metric, Unit: s.Unit, Baseline: a.Baseline, Needed: needed,
		Limit: a.Baseline + math.Max(limitSpreads*a.Spread, limitShare*math.Abs(a.Baseline)),
		Now:   points[len(points)-1].Value, Incident: points[past].Value}
	for i, p := range points[past:acted] {
		c.Incident = math.Max(c.Incident, p.Value)
		last := past+i == acted-1
		if p.Value > c.Limit && (last || points[past+i+1].Value > c.Limit) {
			abnormal = true
		}
	}
	for i := len(points) - 1; i >= acted && points[i].Value <= c.Limit; i-- {
		c.Good++
	}
	return c, abnormal, len(points) - acted
}

// merge joins the verified series of both by service and metric, in the order
// in which they first appear.
func merge(before, now []incident.Series) []incident.Series {
	type key struct {
		service string
		metric  incident.Metric
	}
	at := map[key]int{}
	var out []incident.Series
	for _, list := range [][]incident.Series{before, now} {
		for _, s := range list {
			if !isVerified(s.Metric) {
				continue
			}
			k := key{s.Service, s.Metric}
			i, ok := at[k]
			if !ok {
				i, at[k] = len(out), len(out)
				out = append(out, incident.Series{Service: s.Service, Metric: s.Metric, Unit: s.Unit})
			}
			out[i].Points = append(out[i].Points, s.Points...)
		}
	}
	return out
}

func isVerified(m incident.Metric) bool {
	for _, v := range verified {
		if v == m {
			return true
		}
	}
	return false
}
