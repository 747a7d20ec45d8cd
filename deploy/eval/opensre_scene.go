package main

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"vigil/activities"
	"vigil/workflows/incident"
)

// scene is the telemetry of a scenario. It answers as the adapters of
// CloudWatch, RDS and Performance Insights do; it is read once and then only
// asked.
type scene struct {
	service  string // what the alert is about
	alert    string // its title, and what it says
	detail   string
	from, to time.Time
	series   map[string][]incident.Series
	events   []incident.SystemEvent
	lines    []activities.LogLine
	load     *incident.DatabaseLoad
}

// recordedSeries is one CloudWatch series.
type recordedSeries struct {
	Name       string      `json:"metric_name"`
	Unit       string      `json:"unit"`
	Dimensions dimensions  `json:"dimensions"`
	Timestamps []time.Time `json:"timestamps"`
	Values     []float64   `json:"values"`
}

func readScene(folder string) (scene, error) {
	s := scene{series: map[string][]incident.Series{}}
	var alert any
	if err := readJSON(filepath.Join(folder, "alert.json"), &alert); err != nil {
		return s, err
	}
	s.alert, s.detail = titleOf(alert)
	files, err := filepath.Glob(filepath.Join(folder, "aws_*.json"))
	if err != nil {
		return s, err
	}
	slices.Sort(files)
	var all []recordedSeries
	for _, f := range files {
		switch base := filepath.Base(f); {
		case strings.Contains(base, "metrics"):
			got, err := readMetrics(f)
			if err != nil {
				return s, err
			}
			all = append(all, got...)
		case strings.Contains(base, "events"):
			got, err := readEvents(f)
			if err != nil {
				return s, err
			}
			s.events = append(s.events, got...)
		case strings.Contains(base, "logs"):
			got, err := readEvents(f)
			if err != nil {
				return s, err
			}
			for _, e := range got {
				s.lines = append(s.lines, activities.LogLine{At: e.At, Level: e.Category, Message: e.Message})
			}
		}
	}
	slices.SortStableFunc(s.events, func(a, b incident.SystemEvent) int { return a.At.Compare(b.At) })
	if s.load, err = readLoad(filepath.Join(folder, "aws_performance_insights.json"), cpus(instanceClass(folder))); err != nil {
		return s, err
	}
	s.assign(all, said(alert))
	return s, nil
}

// assign gives each series to the service that it is of. What the alert names
// is what it is about; series of things that it does not mention were filled in
// from another recording and are left out.
func (s *scene) assign(all []recordedSeries, mentioned []string) {
	count := map[string]int{}
	for _, r := range all {
		for _, d := range r.Dimensions {
			count[d]++
		}
	}
	for _, v := range mentioned {
		if count[v] > 0 {
			s.service = v
			break
		}
	}
	if s.service == "" {
		for v, n := range count {
			if n > count[s.service] || n == count[s.service] && v < s.service {
				s.service = v
			}
		}
	}
	if s.service == "" && len(mentioned) > 0 {
		s.service = mentioned[0]
	}
	text := strings.Join(mentioned, "\n")
	seen := map[string]bool{}
	for _, r := range all {
		owner := ""
		for _, d := range r.Dimensions {
			switch {
			case d == s.service || strings.HasPrefix(d, s.service+"-"):
				owner = s.service // itself, or a replica of it
			case owner == "" && d != "" && strings.Contains(text, d):
				owner = d
			}
		}
		if len(r.Dimensions) == 0 {
			owner = s.service
		}
		m, points := r.measure()
		key := fmt.Sprint(owner, "\x00", m)
		if owner == "" || len(points) == 0 || seen[key] {
			continue
		}
		seen[key] = true
		s.series[owner] = append(s.series[owner], incident.Series{Service: owner, Metric: m, Unit: r.Unit, Points: points})
		if s.from.IsZero() || points[0].At.Before(s.from) {
			s.from = points[0].At
		}
		if last := points[len(points)-1].At; last.After(s.to) {
			s.to = last
		}
	}
}

// titleOf is what of an alert a model is told: its title and summary. Labels
// are left out, because the recordings write the answer into one of them.
func titleOf(alert any) (title, summary string) {
	a, _ := alert.(map[string]any)
	notes, _ := a["commonAnnotations"].(map[string]any)
	return textOf(a, "title"), textOf(notes, "summary")
}

// said lists the texts of an alert, those first whose names say that they name
// a thing.
func said(v any) []string {
	type text struct{ key, value string }
	var all []text
	var walk func(key string, v any)
	walk = func(key string, v any) {
		switch v := v.(type) {
		case string:
			if v != "" {
				all = append(all, text{rankKey(key) + key, v})
			}
		case []any:
			for _, x := range v {
				walk(key, x)
			}
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(v)) {
				walk(k, v[k])
			}
		}
	}
	walk("", v)
	slices.SortStableFunc(all, func(a, b text) int { return strings.Compare(a.key, b.key) })
	var out []string
	for _, t := range all {
		out = append(out, t.value)
	}
	return out
}

// rankKey puts the texts first that name a thing.
func rankKey(k string) string {
	for i, w := range []string{"identifier", "_name", "_id", "resource", "instance", "function", "queue", "table", "cluster"} {
		if strings.Contains(k, w) {
			return string(rune('a' + i))
		}
	}
	return "z"
}

func (s *scene) names() []string {
	out := []string{s.service}
	for _, n := range slices.Sorted(maps.Keys(s.series)) {
		if n != s.service {
			out = append(out, n)
		}
	}
	return out
}

// cloudWatchMeasures maps CloudWatch's names to Vigil's, with what to multiply by where
// the unit is not the same. Latencies go by the unit that comes with them.
var cloudWatchMeasures = map[string]struct {
	metric incident.Metric
	scale  float64
}{
	"CPUUtilization": {incident.MetricCPU, 1}, "MemoryUtilization": {incident.MetricMemory, 1}, "DatabaseConnections": {incident.MetricConnections, 1},
	"CurrConnections": {incident.MetricConnections, 1}, "FreeStorageSpace": {incident.MetricFreeStorage, 1}, "FreeableMemory": {incident.MetricFreeMemory, 1},
	"SwapUsage": {incident.MetricSwap, 1}, "ReplicaLag": {incident.MetricReplicaLag, 1}, "AuroraReplicaLag": {incident.MetricReplicaLag, 0.001},
	"ReadIOPS": {incident.MetricReadIOPS, 1}, "WriteIOPS": {incident.MetricWriteIOPS, 1}, "ReadLatency": {incident.MetricReadLatency, 1},
	"WriteLatency": {incident.MetricWriteLatency, 1}, "DiskQueueDepth": {incident.MetricDiskQueue, 1},
	"TransactionLogsGeneration": {incident.MetricTransactionLogs, 1}, "MaximumUsedTransactionIDs": {incident.MetricTransactionIDs, 1},
	"DBLoad": {incident.MetricDatabaseLoad, 1}, "NetworkReceiveThroughput": {incident.MetricNetworkIn, 1}, "NetworkTransmitThroughput": {incident.MetricNetworkOut, 1},
	"ApproximateNumberOfMessagesVisible": {incident.MetricQueueDepth, 1}, "ApproximateAgeOfOldestMessage": {incident.MetricQueueAge, 1},
	"Throttles": {incident.MetricThrottles, 1}, "CacheHitRate": {incident.MetricCacheHitRate, 0.01}, "TargetResponseTime": {incident.MetricLatency, 1},
	"Latency": {incident.MetricLatency, 1}, "DaysToExpiry": {incident.MetricCertificateDays, 1},
}

// measure converts a recorded series. A name that nothing is known of is kept,
// in snake case.
func (r recordedSeries) measure() (incident.Metric, []incident.Point) {
	known, ok := cloudWatchMeasures[r.Name]
	m, scale := known.metric, known.scale
	if !ok {
		m, scale = incident.Metric(snake(r.Name)), 1
	}
	if strings.HasSuffix(string(m), "latency_ms") {
		switch strings.ToLower(r.Unit) {
		case "seconds":
			scale = 1000
		case "microseconds":
			scale = 0.001
		}
	}
	var points []incident.Point
	for i := range min(len(r.Values), len(r.Timestamps)) {
		points = append(points, incident.Point{At: r.Timestamps[i], Value: r.Values[i] * scale})
	}
	slices.SortStableFunc(points, func(a, b incident.Point) int { return a.At.Compare(b.At) })
	return m, points
}

// snake writes CamelCase as snake_case: HTTPCode_Target_5XX_Count becomes
// http_code_target_5xx_count.
func snake(name string) string {
	var b strings.Builder
	rs := []rune(name)
	for i, r := range rs {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			r = '_'
		}
		if i > 0 && unicode.IsUpper(r) && rs[i-1] != '_' &&
			(unicode.IsLower(rs[i-1]) || i+1 < len(rs) && unicode.IsLower(rs[i+1]) && !unicode.IsDigit(rs[i-1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// scenePort answers for the services that the telemetry is of.
type scenePort struct{ *scene }

func (p scenePort) Query(_ context.Context, service string, _ activities.Window) ([]incident.Series, incident.Provenance, error) {
	return p.series[service], incident.Provenance{Service: "cloudwatch", Operation: "GetMetricData (recorded)"}, nil
}

// Events returns all that was recorded: it is the answer to the question as it
// was asked then, whose window is not known.
func (p scenePort) Events(_ context.Context, service string, _ activities.Window) ([]incident.SystemEvent, incident.Provenance, error) {
	from := incident.Provenance{Service: "rds", Operation: "DescribeEvents (recorded)"}
	if service != p.service || p.load == nil {
		return nil, from, nil
	}
	return p.events, from, nil
}

func (p scenePort) Load(_ context.Context, service string, _ activities.Window) (*incident.DatabaseLoad, incident.Provenance, error) {
	from := incident.Provenance{Service: "performance_insights", Operation: "GetResourceMetrics (recorded)"}
	if service != p.service {
		return nil, from, nil
	}
	return p.load, from, nil
}

// scenePlatform answers for events of what is no database with a load.
type scenePlatform struct{ *scene }

func (p scenePlatform) Events(_ context.Context, service string, _ activities.Window) ([]incident.SystemEvent, incident.Provenance, error) {
	from := incident.Provenance{Service: "platform", Operation: "events (recorded)"}
	if service != p.service || p.load != nil {
		return nil, from, nil
	}
	return p.events, from, nil
}

func (p scenePort) Search(_ context.Context, service string, w activities.Window, limit int) ([]activities.LogLine, incident.Provenance, error) {
	var out []activities.LogLine
	for _, l := range p.lines {
		if service == p.service && !l.At.Before(w.From) && !l.At.After(w.To) && len(out) < limit {
			out = append(out, l)
		}
	}
	return out, incident.Provenance{Service: "cloudwatch_logs", Operation: "FilterLogEvents (recorded)"}, nil
}
