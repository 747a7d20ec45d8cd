package pull

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of all queues. Labels are queues and reasons, never a message.
type metrics struct {
	received, handedOver, deleted *prometheus.CounterVec
	failed                        *prometheus.CounterVec
	receives, age                 *prometheus.HistogramVec
	up                            prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		received: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vigil_alert_queue_received_total",
			Help: "Messages received, those that came again included."}, []string{"queue"}),
		handedOver: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vigil_alert_queue_handed_over_total",
			Help: "Messages that the gateway has on disk."}, []string{"queue"}),
		deleted: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vigil_alert_queue_deleted_total",
			Help: "Messages deleted from the queue after they were handed over."}, []string{"queue"}),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vigil_alert_queue_failures_total",
			Help: "Attempts that failed. Reasons too_large, refused and stuck are messages that go to the dead-letter queue."}, []string{"queue", "reason"}),
		receives: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "vigil_alert_queue_receives",
			Help: "How often a message had been received when it was received.", Buckets: []float64{1, 2, 3, 5, 10, 20}}, []string{"queue"}),
		age: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "vigil_alert_queue_age_seconds",
			Help: "Time from when a message was sent until the gateway had it.", Buckets: []float64{.1, .5, 1, 5, 15, 60, 300, 1800, 7200, 43200}}, []string{"queue"}),
		up: prometheus.NewGauge(prometheus.GaugeOpts{Name: "vigil_alert_queue_gateway_up",
			Help: "1 while the gateway takes what it is handed, 0 while it does not."}),
	}
	reg.MustRegister(m.received, m.handedOver, m.deleted, m.failed, m.receives, m.age, m.up)
	return m
}

// watch adds what is in hand of a line, as it is when somebody looks.
func (m *metrics) watch(reg prometheus.Registerer, l *line) {
	labels := prometheus.Labels{"queue": l.queue.Name()}
	reg.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "vigil_alert_queue_in_hand", ConstLabels: labels,
			Help: "Messages that were received and are neither deleted nor given back."}, func() float64 { n, _ := l.hand.oldest(); return float64(n) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "vigil_alert_queue_oldest_seconds", ConstLabels: labels,
			Help: "Age of the oldest message in hand since it was sent; 0 for none."}, func() float64 {
			n, sent := l.hand.oldest()
			if n == 0 || sent.IsZero() {
				return 0
			}
			return max(0, time.Since(sent).Seconds())
		}))
}
