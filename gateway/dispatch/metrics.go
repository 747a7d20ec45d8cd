package dispatch

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

type metrics struct {
	deliveries *prometheus.CounterVec
	dispatches *prometheus.CounterVec
	failures   *prometheus.CounterVec
	delay      prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer) (metrics, error) {
	m := metrics{
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gateway_inbox_deliveries_total",
			Help: "Deliveries that were read, by source and what they turned out to be."}, []string{"source", "state"}),
		dispatches: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gateway_inbox_dispatches_total",
			Help: "Dispatches that ended, by outcome."}, []string{"outcome"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gateway_inbox_failures_total",
			Help: "Attempts to dispatch that failed, by kind of error."}, []string{"kind"}),
		delay: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "gateway_inbox_delay_seconds",
			Help:    "From the acceptance of a delivery until its alerts were with their incident.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 5, 15, 60, 300, 3600}}),
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.deliveries, m.dispatches, m.failures, m.delay} {
		if err := reg.Register(c); err != nil {
			return m, fmt.Errorf("dispatch: register metrics: %w", err)
		}
	}
	return m, nil
}

func (m metrics) read(source string, s store.DeliveryState) {
	m.deliveries.WithLabelValues(source, string(s)).Inc()
}

func (m metrics) settled(p store.Dispatch, s store.DispatchState, now time.Time) {
	m.dispatches.WithLabelValues(string(s)).Inc()
	if s == store.DispatchDelivered && len(p.Alerts) > 0 {
		m.delay.Observe(now.Sub(p.Alerts[0].ReceivedAt).Seconds())
	}
}

func (m metrics) failed(k incident.Kind) { m.failures.WithLabelValues(string(k)).Inc() }
