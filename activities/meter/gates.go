package meter

import "github.com/prometheus/client_golang/prometheus"

// gateCollector shows the gates as they stand when Prometheus asks.
type gateCollector struct{ meter *Meter }

var (
	breakerState = prometheus.NewDesc("vigil_aws_breaker_open", "1 while the circuit breaker refuses calls, 0.5 while one call tries, 0 otherwise.", []string{"service", "model"}, nil)
	limitedCalls = prometheus.NewDesc("vigil_aws_limited_calls_total", "Calls that our own rate limit held back or refused.", []string{"service", "model"}, nil)
)

func (c gateCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- breakerState
	ch <- limitedCalls
}

func (c gateCollector) Collect(ch chan<- prometheus.Metric) {
	c.meter.mu.Lock()
	states := c.meter.states()
	c.meter.mu.Unlock()
	for k, g := range states {
		open := map[string]float64{"open": 1, "half_open": 0.5}[g.Breaker]
		ch <- prometheus.MustNewConstMetric(breakerState, prometheus.GaugeValue, open, k.service, k.model)
		ch <- prometheus.MustNewConstMetric(limitedCalls, prometheus.CounterValue, float64(g.Limited), k.service, k.model)
	}
}
