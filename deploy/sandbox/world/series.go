package world

import (
	"fmt"
	"time"
)

// Metric names a measure of the world.
type Metric string

const (
	MetricRate        Metric = "request_rate"
	MetricLatency     Metric = "latency_ms"
	MetricErrors      Metric = "error_rate"
	MetricCPU         Metric = "cpu_percent"
	MetricMemory      Metric = "memory_percent"
	MetricConnections Metric = "connections"
)

// measures says which measures each kind of service has.
var measures = map[Kind][]Metric{
	KindECS:      {MetricRate, MetricLatency, MetricErrors, MetricCPU, MetricMemory},
	KindDatabase: {MetricCPU, MetricConnections, MetricLatency},
	KindCache:    {MetricCPU, MetricConnections},
}

// Measures lists what is measured of services of kind k.
func Measures(k Kind) []Metric { return append([]Metric(nil), measures[k]...) }

// Sample is what was observed of one service in the tick that ended at At.
// Fields that are not measured of its kind are zero.
type Sample struct {
	At          time.Time
	Rate        float64
	Latency     float64
	Errors      float64
	CPU         float64
	Memory      float64
	Connections float64
}

// Value returns one measure of the sample.
func (s Sample) Value(m Metric) float64 {
	switch m {
	case MetricRate:
		return s.Rate
	case MetricLatency:
		return s.Latency
	case MetricErrors:
		return s.Errors
	case MetricCPU:
		return s.CPU
	case MetricMemory:
		return s.Memory
	case MetricConnections:
		return s.Connections
	}
	panic(fmt.Sprintf("world: no metric %q", string(m)))
}

// ring keeps the latest items, oldest first.
type ring[T any] struct {
	items []T
	start int
	limit int
}

func newRing[T any](limit int) *ring[T] { return &ring[T]{limit: limit} }

func (r *ring[T]) add(v T) {
	if len(r.items) < r.limit {
		r.items = append(r.items, v)
		return
	}
	r.items[r.start] = v
	r.start = (r.start + 1) % r.limit
}

func (r *ring[T]) len() int { return len(r.items) }

// at returns item i, 0 the oldest.
func (r *ring[T]) at(i int) T { return r.items[(r.start+i)%len(r.items)] }

// where returns the items for which keep holds, oldest first.
func (r *ring[T]) where(keep func(T) bool) []T {
	var out []T
	for i := range r.items {
		if v := r.at(i); keep(v) {
			out = append(out, v)
		}
	}
	return out
}
