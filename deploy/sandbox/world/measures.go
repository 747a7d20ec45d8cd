package world

import (
	"fmt"
	"math"
	"time"

	"vigil/workflows/incident"
)

// Metric names a measure of the world.
type Metric = incident.Metric

// The measures that callers of this package speak of most.
const (
	MetricRate        = incident.MetricRequestRate
	MetricLatency     = incident.MetricLatency
	MetricErrors      = incident.MetricErrorRate
	MetricCPU         = incident.MetricCPU
	MetricMemory      = incident.MetricMemory
	MetricConnections = incident.MetricConnections
)

// gauge is a measure's place in a sample.
type gauge int

const (
	gRate gauge = iota
	gLatency
	gErrors
	gCPU
	gMemory
	gConnections
	gFreeStorage
	gFreeMemory
	gSwap
	gReadIOPS
	gWriteIOPS
	gReadLatency
	gWriteLatency
	gDiskQueue
	gTransactionLogs
	gLoad
	gNetworkIn
	gNetworkOut
	gThrottles
	gHitRate
	gQueueDepth
	gQueueAge
	gauges // how many there are
)

// levels is one value of each measure.
type levels [gauges]float64

// trait is how a measure behaves.
type trait struct {
	metric Metric
	noise  float64 // spread, as a share of the value
	load   float64 // how much of it grows with traffic, as a share
	most   float64 // 0: no bound
	whole  bool
}

var traits = [gauges]trait{
	gRate:            {metric: MetricRate, noise: 0.02},
	gLatency:         {metric: MetricLatency, noise: 0.025},
	gErrors:          {metric: MetricErrors, noise: 0.05, most: 1},
	gCPU:             {metric: MetricCPU, noise: 0.025, load: 0.3, most: 99.5},
	gMemory:          {metric: MetricMemory, noise: 0.008, most: 99},
	gConnections:     {metric: MetricConnections, noise: 0.02, whole: true},
	gFreeStorage:     {metric: incident.MetricFreeStorage, noise: 0.0004},
	gFreeMemory:      {metric: incident.MetricFreeMemory, noise: 0.01},
	gSwap:            {metric: incident.MetricSwap, noise: 0.005},
	gReadIOPS:        {metric: incident.MetricReadIOPS, noise: 0.028, load: 0.6},
	gWriteIOPS:       {metric: incident.MetricWriteIOPS, noise: 0.028, load: 0.8},
	gReadLatency:     {metric: incident.MetricReadLatency, noise: 0.025},
	gWriteLatency:    {metric: incident.MetricWriteLatency, noise: 0.025},
	gDiskQueue:       {metric: incident.MetricDiskQueue, noise: 0.028, load: 0.5},
	gTransactionLogs: {metric: incident.MetricTransactionLogs, noise: 0.028, load: 0.8},
	gLoad:            {metric: incident.MetricDatabaseLoad}, // the sum of what it is made of, see load.go
	gNetworkIn:       {metric: incident.MetricNetworkIn, noise: 0.025, load: 0.8},
	gNetworkOut:      {metric: incident.MetricNetworkOut, noise: 0.025, load: 0.8},
	gThrottles:       {metric: incident.MetricThrottles, noise: 0.05},
	gHitRate:         {metric: incident.MetricCacheHitRate, noise: 0.004, most: 1},
	gQueueDepth:      {metric: incident.MetricQueueDepth, noise: 0.025, load: 1, whole: true},
	gQueueAge:        {metric: incident.MetricQueueAge, noise: 0.025},
}

var gaugeOf = func() map[Metric]gauge {
	m := make(map[Metric]gauge, gauges)
	for g, t := range traits {
		m[t.metric] = gauge(g)
	}
	return m
}()

// measured says which measures monitoring has of each kind of service. The
// true latency of a database is not among them: callers see it, its disk's is
// what is published.
var measured = map[Kind][]gauge{
	KindECS: {gRate, gLatency, gErrors, gCPU, gMemory},
	KindDatabase: {gCPU, gConnections, gFreeStorage, gFreeMemory, gSwap, gReadIOPS, gWriteIOPS, gReadLatency, gWriteLatency,
		gDiskQueue, gTransactionLogs, gLoad, gNetworkIn, gNetworkOut},
	KindCache:    {gCPU, gConnections, gFreeMemory, gHitRate},
	KindTable:    {gLatency, gThrottles},
	KindQueue:    {gQueueDepth, gQueueAge},
	KindExternal: {},
}

// Measures lists what is measured of services of kind k.
func Measures(k Kind) []Metric {
	out := make([]Metric, 0, len(measured[k]))
	for _, g := range measured[k] {
		out = append(out, traits[g].metric)
	}
	return out
}

const (
	gib = 1 << 30
	mib = 1 << 20
)

// databaseBase is the normal state of a database that has so many connections.
func databaseBase(connections float64) levels {
	return levels{gConnections: connections, gFreeStorage: 62 * gib, gFreeMemory: 3.4 * gib, gSwap: 48 * mib, gReadIOPS: 185, gWriteIOPS: 240,
		gReadLatency: 3.8, gWriteLatency: 2.4, gDiskQueue: 0.8, gTransactionLogs: 1.3e6, gLoad: 1.2, gNetworkIn: 1.9e6, gNetworkOut: 6.2e6}
}

// cacheBase is the normal state of a cache with so many clients.
func cacheBase(clients float64) levels {
	return levels{gConnections: clients, gFreeMemory: 1.1 * gib, gHitRate: baseHitRate}
}

// Sample is what was observed of one service in the tick that ended at At.
// What is not measured of its kind is zero.
type Sample struct {
	At     time.Time
	values levels
}

// Value returns one measure of the sample.
func (s Sample) Value(m Metric) float64 {
	g, ok := gaugeOf[m]
	if !ok {
		panic(fmt.Sprintf("world: no metric %q", string(m)))
	}
	return s.values[g]
}

// observe is what monitoring sees of a service: its true state and some noise.
func (w *World) observe(n *node, rate float64, s strain) Sample {
	d := w.drift[n.name]
	truth := w.truth[n.name]
	load := 0.0
	if normal := w.topo.rates[n.name]; normal > 0 {
		load = rate / normal
	}
	base := n.base
	base[gRate], base[gLatency], base[gErrors], base[gCPU], base[gMemory] = rate, truth.latency, truth.errors, n.cpu, n.memory
	if n.kind == KindDatabase {
		base[gConnections] = w.wanted(n.name)
		base[gFreeStorage] += w.provisions[n.name].spare
		base[gLoad] = w.loads[n.name].latest()
	}
	out := Sample{At: w.at(w.tick)}
	visible := measured[n.kind]
	if n.kind == KindQueue {
		behind := w.fallBehind(n)
		base[gQueueDepth] *= behind
		base[gQueueAge] *= behind
	}
	if n.kind == KindTable || n.kind == KindExternal {
		visible = []gauge{gRate, gLatency, gErrors, gThrottles} // traces count them
	}
	for _, g := range visible {
		t := traits[g]
		v := base[g] * (1 + t.load*(load-1))
		if k := s.times[g]; k != 0 {
			v *= 1 + k
		}
		if g != gLatency && g != gErrors { // which are part of the truth already
			v += s.plus[g]
		}
		d[g] = 0.5*d[g] + math.Sqrt(0.75)*clamp(w.noise.NormFloat64(), -3, 3) // autocorrelated, with unit variance
		v += v * t.noise * w.topo.noise * d[g]
		if g == gErrors {
			v += baseErrors * 0.3 * d[g]
		}
		v = math.Max(v, 0)
		if t.most > 0 {
			v = math.Min(v, t.most)
		}
		if t.whole {
			v = math.Round(v)
		}
		out.values[g] = v
	}
	if n.kind == KindDatabase {
		out.values[gConnections] = math.Min(out.values[gConnections], float64(w.limits[n.name]))
	}
	return out
}

// fallBehind is how far the consumer of a queue is behind, as a multiple of
// normal: it takes so much longer for a message as its callees do, what is left
// piles up, and is worked off when it is as fast as before.
func (w *World) fallBehind(n *node) float64 {
	consumer := n.calls[0].to
	slower := w.truth[consumer].latency / w.topo.normal[consumer]
	target, now := 1+1.5*clamp(slower-1.4, 0, 6), w.behind[n.name]
	if now == 0 {
		now = 1
	}
	if target > now {
		now += 0.25 * (target - now)
	} else {
		now += 0.6 * (target - now)
	}
	w.behind[n.name] = now
	return now
}
