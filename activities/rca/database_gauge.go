package rca

import (
	"math"
	"strconv"
	"strings"
	"time"

	"vigil/workflows/incident"
)

// gauge is one measure of a service as a person reads it off its chart: where
// it was, where it went, when, and where it is now. Unlike an Anomaly it says
// nothing of how unusual that is: what a database's measures mean is known
// without a long past, and recordings of a database's trouble often begin with
// the trouble.
type gauge struct {
	metric incident.Metric
	unit   string
	cite   string
	points []incident.Point

	before   float64 // level before it moved
	late     float64 // level at the end
	min, max float64
	minAt    time.Time
	maxAt    time.Time
	rise     time.Time // when it began to go to max; zero where max is not above before
	fall     time.Time // when it began to go to min
}

// newGauge reads a series; points must be clean, and there must be some.
func newGauge(s incident.Series, cite string, points []incident.Point) *gauge {
	g := &gauge{metric: s.Metric, unit: s.Unit, cite: cite, points: points}
	n := len(points)
	g.min, g.max = points[0].Value, points[0].Value
	low, high := 0, 0
	for i, p := range points {
		if p.Value < g.min {
			g.min, low = p.Value, i
		}
		if p.Value > g.max {
			g.max, high = p.Value, i
		}
	}
	g.minAt, g.maxAt = points[low].At, points[high].At
	g.before = g.start()
	g.late = levelOf(points[n-min(n, sustain):])
	g.rise, g.fall = g.walk(high, 1), g.walk(low, -1)
	return g
}

// start is the level with which the series begins: of its first points, as
// long as they stay near the first, compared with how far it goes from there.
func (g *gauge) start() float64 {
	first := g.points[0].Value
	far := math.Max(g.max-first, first-g.min)
	if near := math.Min(g.max-first, first-g.min); near > 0.2*math.Abs(first) {
		far = near // it goes both ways; the shorter one counts as well
	}
	k := 1
	for k < len(g.points)/2 && math.Abs(g.points[k].Value-levelOf(g.points[:k])) <= far/16 {
		k++
	}
	if k < sustain {
		return first
	}
	return levelOf(g.points[:k])
}

// walk goes back from an extreme to where the way there began: to the last
// point that had gone less than a sixteenth of it.
func (g *gauge) walk(extreme, sign int) time.Time {
	way := float64(sign) * (g.points[extreme].Value - g.before)
	if way <= 0 {
		return time.Time{}
	}
	i := extreme
	for i > 0 && float64(sign)*(g.points[i-1].Value-g.before) >= way/16 {
		i--
	}
	return g.points[i].At
}

func (g *gauge) now() float64 { return g.points[len(g.points)-1].Value }

func levelOf(points []incident.Point) float64 {
	xs := make([]float64, len(points))
	for i, p := range points {
		xs[i] = p.Value
	}
	return medianInPlace(xs)
}

// material is how much a measure has to rise, and to how many times what it
// was, before anybody would speak of it.
func material(m incident.Metric) (times, least float64) {
	switch m {
	case incident.MetricCPU, incident.MetricMemory:
		return 1.15, 15
	case incident.MetricConnections:
		return 1.25, 10
	case incident.MetricReplicaLag:
		return 3, 10
	case incident.MetricReadIOPS, incident.MetricWriteIOPS:
		return 2, 100
	case incident.MetricLatency, incident.MetricReadLatency, incident.MetricWriteLatency:
		return 3, 5
	case incident.MetricDiskQueue:
		return 3, 2
	case incident.MetricTransactionLogs, incident.MetricNetworkIn, incident.MetricNetworkOut:
		return 2, 1 << 20
	case incident.MetricSwap:
		return 1.5, 64 << 20
	case incident.MetricFreeStorage, incident.MetricFreeMemory:
		return 1.15, 64 << 20
	case incident.MetricDatabaseLoad:
		return 1.5, 1
	case incident.MetricErrorRate:
		return 2, 0.01
	case incident.MetricTransactionIDs:
		return 1.1, 1e7
	}
	return 1.5, 1e-9
}

func (g *gauge) material() (times, least float64) {
	if strings.EqualFold(g.unit, "percent") {
		return 1.15, 15
	}
	return material(g.metric)
}

// above reports whether level is materially above what the measure was before.
func (g *gauge) above(level float64) bool {
	times, least := g.material()
	return level-g.before >= least && level >= times*g.before
}

// below is above, downwards.
func (g *gauge) below(level float64) bool {
	times, least := g.material()
	return g.before-level >= least && level <= g.before/times
}

// rose, rises: it was materially above its start at some time; it still is.
func (g *gauge) rose() bool  { return g != nil && g.above(g.max) }
func (g *gauge) rises() bool { return g != nil && g.above(g.late) }
func (g *gauge) fell() bool  { return g != nil && g.below(g.min) }
func (g *gauge) falls() bool { return g != nil && g.below(g.late) }

// creeps reports whether it went one way all the time, if not far enough for
// anybody to speak of a rise.
func (g *gauge) creeps() bool {
	wide := g.max - g.min
	return wide > 0.03*math.Abs(g.before) && math.Abs(g.late-g.before) >= 0.8*wide && math.Abs(fit(g.points).tau) >= 0.7
}

// dropped reports whether it fell to a tenth of what it was or less, and when.
func (g *gauge) dropped() (time.Time, bool) {
	if g == nil || g.before <= 0 || g.min > g.before/10 {
		return time.Time{}, false
	}
	return g.fall, true
}

// returned is when it was back at two thirds of what it was after its lowest.
func (g *gauge) returned() (incident.Point, bool) {
	for _, p := range g.points {
		if p.At.After(g.minAt) && p.Value >= g.before*2/3 {
			return p, true
		}
	}
	return incident.Point{}, false
}

// emptyIn is how long until a falling measure is at zero, by the line through
// its latest points.
func (g *gauge) emptyIn() (time.Duration, bool) {
	n := len(g.points)
	t := fit(g.points[n-min(n, max(5, n/3)):])
	if t.slope >= 0 || g.late <= 0 {
		return 0, false
	}
	s := g.late / -t.slope
	if s > 1e6 {
		return 0, false
	}
	return time.Duration(s * float64(time.Second)), true
}

// names by which people know the measures, and CloudWatch's own.
var measureNames = map[incident.Metric][2]string{
	incident.MetricLatency:         {"latency", "Latency"},
	incident.MetricErrorRate:       {"error rate", "Errors"},
	incident.MetricRequestRate:     {"request rate", "Requests"},
	incident.MetricCPU:             {"CPU utilization", "CPUUtilization"},
	incident.MetricMemory:          {"memory utilization", "MemoryUtilization"},
	incident.MetricConnections:     {"open connections", "DatabaseConnections"},
	incident.MetricMaxConnections:  {"connection limit", "max_connections"},
	incident.MetricFreeStorage:     {"free storage space", "FreeStorageSpace"},
	incident.MetricFreeMemory:      {"free memory", "FreeableMemory"},
	incident.MetricSwap:            {"swap usage", "SwapUsage"},
	incident.MetricReplicaLag:      {"replication lag", "ReplicaLag"},
	incident.MetricReadIOPS:        {"disk reads", "ReadIOPS"},
	incident.MetricWriteIOPS:       {"disk writes", "WriteIOPS"},
	incident.MetricReadLatency:     {"read latency", "ReadLatency"},
	incident.MetricWriteLatency:    {"write latency", "WriteLatency"},
	incident.MetricDiskQueue:       {"disk queue", "DiskQueueDepth"},
	incident.MetricTransactionLogs: {"WAL generation", "TransactionLogsGeneration"},
	incident.MetricTransactionIDs:  {"used transaction ids", "MaximumUsedTransactionIDs"},
	incident.MetricDatabaseLoad:    {"database load", "DBLoad"},
	incident.MetricNetworkIn:       {"incoming traffic", "NetworkReceiveThroughput"},
	incident.MetricNetworkOut:      {"outgoing traffic", "NetworkTransmitThroughput"},
	incident.MetricQueueDepth:      {"waiting messages", "ApproximateNumberOfMessagesVisible"},
	incident.MetricQueueAge:        {"age of the oldest message", "ApproximateAgeOfOldestMessage"},
	incident.MetricThrottles:       {"throttled requests", "Throttles"},
	incident.MetricCacheHitRate:    {"cache hit rate", "CacheHitRate"},
	incident.MetricUnavailable:     {"unavailable instances", "UnHealthyHostCount"},
	incident.MetricRestarts:        {"restarts", "restarts"},
}

// name is what the measure is called in a sentence; with aws, with the name
// under which CloudWatch keeps it.
func (g *gauge) name(aws bool) string { return measureName(g.metric, aws) }

func measureName(m incident.Metric, aws bool) string {
	n, known := measureNames[m]
	switch {
	case !known && aws:
		return camel(string(m))
	case !known:
		return clip(strings.ReplaceAll(string(m), "_", " "), 60)
	case aws && hasOneName(m):
		return n[0] + " (" + n[1] + ")"
	}
	return n[0]
}

// camel writes snake_case as CloudWatch writes names.
func camel(name string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(clip(name, 80), "_") {
		b.WriteString(upperFirst(part))
	}
	return b.String()
}

// hasOneName reports whether CloudWatch's name is the same wherever the
// measure is from.
func hasOneName(m incident.Metric) bool {
	switch m {
	case incident.MetricLatency, incident.MetricErrorRate, incident.MetricRequestRate, incident.MetricMaxConnections, incident.MetricRestarts, incident.MetricUnavailable:
		return false
	}
	return true
}

// amount writes a value of a measure with its unit.
func amount(m incident.Metric, unit string, v float64) string {
	switch m {
	case incident.MetricFreeStorage, incident.MetricFreeMemory, incident.MetricSwap:
		return size(v)
	case incident.MetricTransactionLogs, incident.MetricNetworkIn, incident.MetricNetworkOut:
		return size(v) + "/s"
	case incident.MetricCPU, incident.MetricMemory:
		return num(v) + "%"
	case incident.MetricErrorRate, incident.MetricCacheHitRate:
		return num(100*v) + "%"
	case incident.MetricReplicaLag, incident.MetricQueueAge:
		return num(v) + " s"
	case incident.MetricLatency, incident.MetricReadLatency, incident.MetricWriteLatency:
		if v >= 1000 {
			return num(v/1000) + " s"
		}
		return num(v) + " ms"
	}
	switch strings.ToLower(unit) {
	case "percent":
		return num(v) + "%"
	case "bytes":
		return size(v)
	case "milliseconds", "ms":
		return num(v) + " ms"
	case "seconds":
		return num(v) + " s"
	}
	return num(v)
}

func (g *gauge) amount(v float64) string { return amount(g.metric, g.unit, v) }

func size(v float64) string {
	units := []string{"B", "KB", "MB", "GB", "TB"}
	i := 0
	for math.Abs(v) >= 1024 && i < len(units)-1 {
		v, i = v/1024, i+1
	}
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) + " " + units[i]
}

// clip shortens text for a sentence and keeps it on one line.
func clip(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	r := []rune(s)
	if len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}

func clock(t time.Time) string  { return t.UTC().Format("15:04:05Z") }
func minute(t time.Time) string { return t.UTC().Format("15:04Z") }

// span writes a duration as a person would say it.
func span(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return strconv.Itoa(int(d.Round(time.Second).Seconds())) + " s"
	case d < 2*time.Hour:
		return strconv.Itoa(int(d.Round(time.Minute).Minutes())) + " min"
	}
	return num(math.Round(d.Hours()*10)/10) + " h"
}
