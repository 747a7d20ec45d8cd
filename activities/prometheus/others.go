package prometheus

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"vigil/workflows/incident"
)

const (
	maxOthers      = 48 // looked at
	maxMoved       = 16 // returned, of those looked at
	maxMeasureName = 60
)

// Metrics of runtimes, exporters and the scraping itself, and what is read by
// rules already.
var runtimes = []string{"go_", "process_", "python_", "jvm_", "nodejs_", "promhttp_", "scrape_", "kube_", "container_", "istio_", "envoy_",
	"net_conntrack_", "ALERTS", "prometheus_sd_", "prometheus_tsdb_", "node_", "machine_", "kubelet_", "otel_scope_", "target_", "probe_",
	"dotnet_", "ruby_", "logback_", "tomcat_", "pg_settings_", "mysql_global_variables_", "pg_static", "pg_exporter_", "redis_exporter_"}

// Words of metrics that are looked at first where there are too many.
var telling = []string{"error", "fail", "timeout", "retr", "reject", "drop", "exhaust", "queue", "pending", "backlog", "lag", "wait", "inflight",
	"in_flight", "pool", "connection", "active", "latency", "duration", "lock", "evict", "hit", "miss", "saturat", "utili", "usage", "size"}

// others are rules for metrics that no convention covers, so that a program
// with names of its own is still seen. A counter becomes a rate, a histogram
// its 95th percentile, everything else the sum of its series, or the mean
// where its name says that adding it up makes no sense.
func (in inventory) others(plan []rule) []rule {
	used := map[string]bool{}
	for _, r := range plan {
		if _, ok := r.query.fill(in, ""); ok {
			for _, m := range r.query.metrics() {
				used[strings.TrimSuffix(m, "_count")] = true
				used[m] = true
			}
		}
	}
	var names []string
	for _, n := range in.names {
		skip := used[n] || ofRules[n] || !plainMetric.MatchString(n) || strings.Contains(n, ":") || n == "up" ||
			slices.ContainsFunc(runtimes, func(p string) bool { return strings.HasPrefix(n, p) })
		for _, suffix := range []string{"_created", "_info", "_sum", "_count", "_bucket", "_timestamp_seconds", "_start_time_seconds"} {
			base, part := strings.CutSuffix(n, suffix)
			skip = skip || part && (suffix != "_bucket" && suffix != "_sum" || used[base] || used[base+"_bucket"])
		}
		if base, sum := strings.CutSuffix(n, "_sum"); !skip && sum {
			skip = in.has(base+"_bucket") || !in.has(base+"_count")
		}
		if !skip {
			names = append(names, n)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	var out []rule
	for _, n := range names[:min(len(names), maxOthers)] {
		out = append(out, other(n))
	}
	return out
}

func rank(metric string) int {
	lower := strings.ToLower(metric)
	if i := slices.IndexFunc(telling, func(w string) bool { return strings.Contains(lower, w) }); i >= 0 {
		return i
	}
	return len(telling)
}

func other(metric string) rule {
	unit := unitOf(strings.TrimSuffix(strings.TrimSuffix(metric, "_total"), "_bucket"))
	ref := "{" + metric + "}"
	if base, ok := strings.CutSuffix(metric, "_total"); ok {
		if unit = rateUnit(unit); unit == "" {
			unit = unitPerSecond
		}
		return rule{measure(base, "_rate"), unit, template(fmt.Sprintf(`sum(rate(%s[$range]))`, ref))}
	}
	if base, ok := strings.CutSuffix(metric, "_bucket"); ok {
		return rule{measure(base, "_p95"), unit, template(fmt.Sprintf(`histogram_quantile(0.95, sum by (le) (rate(%s[$range])))`, ref))}
	}
	if base, ok := strings.CutSuffix(metric, "_sum"); ok {
		return rule{measure(base, "_mean"), unitOf(base), template(fmt.Sprintf(`sum(rate(%s[$range])) / (sum(rate({%s_count}[$range])) > 0)`, ref, base))}
	}
	how := "sum"
	for _, w := range []string{"ratio", "percent", "utilization", "usage", "temperature", "age", "lag", "version", "limit", "max", "seconds", "latency", "duration"} {
		if strings.Contains(metric, w) {
			how = "avg"
		}
	}
	return rule{measure(metric, ""), unit, template(how + "(" + ref + ")")}
}

// measure makes the name of a measure: a metric's names are written by
// others and go to models and people, so only plain ones get through.
func measure(base, suffix string) incident.Metric {
	base = strings.ToLower(base)
	return incident.Metric(base[:min(len(base), maxMeasureName-len(suffix))] + suffix)
}

func unitOf(base string) string {
	switch last := base[strings.LastIndex(base, "_")+1:]; last {
	case "seconds":
		return unitSeconds
	case "milliseconds", "millis", "ms":
		return unitMilliseconds
	case "bytes":
		return unitBytes
	case "ratio":
		return unitShare
	case "percent":
		return unitPercent
	}
	return ""
}

// rateUnit is the unit of a counter's rate.
func rateUnit(unit string) string {
	if unit == "" {
		return ""
	}
	return unit + "/s"
}

// moved keeps the series that moved most over the window, for there may be
// many and most say nothing.
func moved(service string, others []rule, points [][]incident.Point) []incident.Series {
	type scored struct {
		incident.Series
		by float64
	}
	var all []scored
	for i, r := range others {
		if len(points[i]) > 0 {
			all = append(all, scored{incident.Series{Service: service, Metric: r.measure, Unit: r.unit, Points: points[i]}, movement(points[i])})
		}
	}
	slices.SortStableFunc(all, func(a, b scored) int {
		switch {
		case a.by > b.by:
			return -1
		case a.by < b.by:
			return 1
		}
		return 0
	})
	var out []incident.Series
	for _, s := range all[:min(len(all), maxMoved)] {
		out = append(out, s.Series)
	}
	slices.SortStableFunc(out, func(a, b incident.Series) int { return strings.Compare(string(a.Metric), string(b.Metric)) })
	return slices.CompactFunc(out, func(a, b incident.Series) bool { return a.Metric == b.Metric })
}

// movement is how far the last quarter of a series is from its first half, in
// units of how much it varied there.
func movement(points []incident.Point) float64 {
	n := len(points)
	first, last := values(points[:(n+1)/2]), values(points[n-(n+3)/4:])
	normal := median(first)
	away := make([]float64, len(first))
	for i, v := range first {
		away[i] = math.Abs(v - normal)
	}
	spread := median(away) + 0.05*math.Abs(normal) + 1e-9
	return math.Abs(median(last)-normal) / spread
}

func values(points []incident.Point) []float64 {
	out := make([]float64, len(points))
	for i, p := range points {
		out[i] = p.Value
	}
	return out
}

func median(of []float64) float64 {
	v := slices.Clone(of)
	slices.Sort(v)
	if len(v)%2 == 1 {
		return v[len(v)/2]
	}
	return (v[len(v)/2-1] + v[len(v)/2]) / 2
}
