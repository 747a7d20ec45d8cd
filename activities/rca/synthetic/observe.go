package synthetic

import (
	"fmt"
	"math"
	"time"

	"vigil/activities/rca"
	"vigil/workflows/incident"
)

// observe writes down what monitoring would have seen: sampled, noisy, with
// gaps, beside harmless deployments and the usual log lines.
func (w *world) observe() Case {
	c := Case{Service: w.culprit, Cause: w.cfg.Cause}
	if c.Cause != "" {
		c.FaultAt = w.at(w.fault)
	}
	in := rca.Input{Edges: Edges, EdgesEvidence: "graph", Logs: map[string]rca.Logs{}, Alerting: Alerting,
		StartedAt: w.at(w.alarm)}
	for _, name := range order {
		w.metrics(&in, w.services[name])
		w.logs(&in, w.services[name])
	}
	w.changes(&in)
	c.Input = in
	return c
}

func (w *world) metrics(in *rca.Input, s *service) {
	add := func(m incident.Metric, unit string, value func(t int) float64) {
		series := incident.Series{Service: s.name, Metric: m, Unit: unit}
		// The past is as long as the time before the fault: it moves with the alarm.
		for t := max(0, w.alarm-w.fault); t < w.end; t++ {
			v := value(t)
			if w.r.Float64() < 0.01 {
				continue // a point is lost now and then
			}
			series.Points = append(series.Points, incident.Point{At: w.at(t), Value: v})
		}
		in.Series = append(in.Series, rca.Series{Series: series, Evidence: "metrics-" + s.name})
	}
	cpu := func(t int) float64 {
		return math.Max(0, math.Min(100, s.cpu*w.load[t]+s.hot[t]+1.5*w.r.NormFloat64()))
	}
	if s.name == database || s.name == "catalog-cache" {
		in := w.between(0.3, 0.5)
		add(incident.MetricCPU, "percent", cpu)
		add(incident.MetricConnections, "count", func(t int) float64 {
			return math.Round(math.Min(w.limit, w.limit*in*w.load[t]+s.conns[t]+w.r.NormFloat64()))
		})
		if s.name == database {
			add(incident.MetricLatency, "ms", func(t int) float64 { return s.latency[t] })
		}
		return
	}
	requests := func(t int) float64 { return 80 * s.rate * w.load[t] }
	add(incident.MetricLatency, "ms", func(t int) float64 { return s.latency[t] })
	add(incident.MetricErrorRate, "ratio", func(t int) float64 {
		n := math.Max(1, math.Floor(requests(t)*w.cfg.Tick.Seconds()))
		return math.Min(n, w.poisson(n*s.errors[t])) / n
	})
	add(incident.MetricRequestRate, "1/s", requests)
	add(incident.MetricCPU, "percent", cpu)
	drift := 0.0
	add(incident.MetricMemory, "percent", func(t int) float64 {
		drift = 0.95*drift + 0.15*w.r.NormFloat64()
		return math.Min(99, s.memory+s.mem[t]+drift+0.2*w.r.NormFloat64())
	})
}

// poisson draws how many rare events there were where so many are expected.
func (w *world) poisson(expected float64) float64 {
	if expected > 50 {
		return math.Max(0, math.Round(expected+math.Sqrt(expected)*w.r.NormFloat64()))
	}
	n := 0.0
	for p := w.r.Float64(); p > math.Exp(-expected); p *= w.r.Float64() {
		n++
	}
	return n
}

func (w *world) logs(in *rca.Input, s *service) {
	usual := 40 + w.r.IntN(200)
	patterns := []incident.LogPattern{
		{Level: "INFO", Template: "request <id> served in <n> ms", Count: usual + w.r.IntN(20), Baseline: usual},
		{Level: "WARN", Template: "retrying request <id>", Count: w.r.IntN(4), Baseline: w.r.IntN(4)},
	}
	say := func(level, template string, count float64) {
		if n := int(count); n > 0 {
			patterns = append(patterns, incident.LogPattern{Level: level, Template: template, Count: n,
				FirstAt: w.at(w.fault), LastAt: w.at(w.end - 1)})
		}
	}
	var own, inherited float64 // failed requests since the fault
	for t := w.fault; t < w.end; t++ {
		n := 80 * s.rate * w.load[t] * w.cfg.Tick.Seconds()
		own += n * s.fail[t]
		inherited += n * math.Max(0, s.errors[t]-s.fail[t]-0.01)
	}
	for _, e := range Edges {
		if e.From == s.name && inherited > 0 {
			say("ERROR", fmt.Sprintf("call to %s failed: deadline exceeded after <n> ms", e.To), inherited/4)
		}
	}
	switch w.cfg.Cause {
	case incident.CauseBadDeployment:
		if s.name == w.culprit {
			say("ERROR", "java.lang.NullPointerException at PriceCalculator.total line <n>", own/2)
		}
	case incident.CauseConnectionsExhausted:
		if s.name == w.culprit {
			say("FATAL", "remaining connection slots are reserved for non-replication superuser connections", 20)
		} else {
			say("ERROR", "could not obtain connection from pool within <n> ms", own/2)
		}
	case incident.CauseMemoryLeak:
		if s.name == w.culprit {
			say("WARN", "GC pause <n> ms, heap <n> of <n> MB", math.Floor(s.slow[w.end-1]/60))
			say("ERROR", "java.lang.OutOfMemoryError: Java heap space", own/4)
		}
	}
	in.Logs[s.name] = rca.Logs{Patterns: patterns, Evidence: "logs-" + s.name}
}

// changes adds the deployment at fault, if one is, and up to two others that
// did nothing, on services that may well show symptoms.
func (w *world) changes(in *rca.Input) {
	deploy := func(name string, at time.Time) {
		n := 10 + w.r.IntN(80)
		in.Changes = append(in.Changes, rca.Change{Evidence: "changes-" + name, Change: incident.Change{Service: name,
			Kind: "deployment", Summary: "new task definition", Version: fmt.Sprintf("v%d", n+1), Before: fmt.Sprintf("v%d", n), At: at}})
	}
	if !w.deployed.IsZero() {
		deploy(w.culprit, w.deployed)
	}
	for range w.r.IntN(3) {
		name := order[2+w.r.IntN(len(order)-2)]
		if name != w.culprit {
			deploy(name, w.at(w.alarm).Add(-time.Duration(w.between(30, 600)*float64(time.Second))))
		}
	}
}
