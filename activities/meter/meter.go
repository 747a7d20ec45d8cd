// Package meter counts the calls that a worker makes to AWS: for Prometheus,
// and as the aws.services figures of the dashboards. It implements
// activities.Recorder.
//
// The figures are what this worker saw since it started; they are not stored.
// Labels are services, operations, models and kinds, never an incident: their
// number does not grow with use. Recording takes a mutex for as long as it
// takes to add a few numbers, and never blocks on anything else.
package meter

import (
	"cmp"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// Health of a service as it was when last used. Of its last Recent calls:
// error where at least half failed, degraded where any did, healthy otherwise.
// A call that the worker itself gave up says nothing of the service and is
// counted, but not among them.
const (
	HealthHealthy  = "healthy"
	HealthDegraded = "degraded"
	HealthError    = "error"

	Recent = 20
)

// Meter is safe for concurrent use. The zero value is not; see New.
type Meter struct {
	calls    *prometheus.CounterVec
	duration *prometheus.HistogramVec
	tokens   *prometheus.CounterVec
	cost     *prometheus.CounterVec
	unpriced *prometheus.CounterVec

	mu   sync.Mutex
	rows map[key]*row
}

type key struct{ service, model string }

type row struct {
	calls, errors, answered int64
	latencyMS               int64 // of the answered calls
	input, output           int64
	costMicros              *int64
	recent                  []bool // failed, oldest first, at most Recent
	lastError               string
	origin                  incident.Origin
}

// durations of calls reach from a metric query to a long answer of a model.
var durations = []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300}

// New makes a Meter and registers its metrics; it panics where they are
// registered already, as prometheus.MustRegister does.
func New(reg prometheus.Registerer) *Meter {
	m := &Meter{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vigil_aws_calls_total",
			Help: "Calls to AWS services by how they ended: ok, cancelled or the kind of error."}, []string{"service", "operation", "model", "result"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "vigil_aws_call_duration_seconds",
			Help: "Time from request to answer, failed calls included.", Buckets: durations}, []string{"service", "operation", "model"}),
		tokens: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vigil_model_tokens_total",
			Help: "Tokens of model calls."}, []string{"model", "direction"}),
		cost: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vigil_aws_cost_usd_total",
			Help: "Cost of calls whose price is known."}, []string{"service", "model"}),
		unpriced: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vigil_aws_unpriced_calls_total",
			Help: "Calls that cost by use and whose price is not known."}, []string{"service", "model"}),
		rows: map[key]*row{},
	}
	reg.MustRegister(m.calls, m.duration, m.tokens, m.cost, m.unpriced)
	return m
}

// Record adds one call.
func (m *Meter) Record(c activities.Call) {
	p := c.Provenance
	result := "ok"
	switch {
	case c.Cancelled:
		result = "cancelled"
	case c.Failed != "":
		result = string(c.Failed)
	}
	m.calls.WithLabelValues(p.Service, p.Operation, p.Model, result).Inc()
	m.duration.WithLabelValues(p.Service, p.Operation, p.Model).Observe(float64(p.LatencyMS) / 1000)
	if u := p.Usage; u != nil {
		if p.Model != "" {
			m.tokens.WithLabelValues(p.Model, "input").Add(float64(u.InputTokens))
			m.tokens.WithLabelValues(p.Model, "output").Add(float64(u.OutputTokens))
			m.tokens.WithLabelValues(p.Model, "cache").Add(float64(u.CacheTokens))
		}
		if u.CostMicros != nil {
			m.cost.WithLabelValues(p.Service, p.Model).Add(float64(*u.CostMicros) / 1e6)
		} else {
			m.unpriced.WithLabelValues(p.Service, p.Model).Inc()
		}
	}

	m.mu.Lock()
	defer m.mu.Unlock()
	k := key{p.Service, p.Model}
	r := m.rows[k]
	if r == nil {
		r = &row{}
		m.rows[k] = r
	}
	r.add(c)
}

func (r *row) add(c activities.Call) {
	p := c.Provenance
	r.calls++
	if p.Origin != "" {
		r.origin = p.Origin
	}
	if c.Cancelled {
		return
	}
	failed := c.Failed != ""
	if r.recent = append(r.recent, failed); len(r.recent) > Recent {
		r.recent = slices.Delete(r.recent, 0, 1)
	}
	if failed {
		r.errors++
		r.lastError = c.Error
		return
	}
	r.answered++
	r.latencyMS += p.LatencyMS
	if u := p.Usage; u != nil {
		r.input += u.InputTokens
		r.output += u.OutputTokens
		if u.CostMicros != nil {
			sum := *u.CostMicros
			if r.costMicros != nil {
				sum += *r.costMicros
			}
			r.costMicros = &sum
		}
	}
}

func (r *row) health() string {
	failed := 0
	for _, f := range r.recent {
		if f {
			failed++
		}
	}
	switch {
	case failed == 0:
		return HealthHealthy
	case 2*failed >= len(r.recent):
		return HealthError
	default:
		return HealthDegraded
	}
}

// Snapshot is every service that was called so far, by name and model. The
// last error stays until a worker restarts: it says what went wrong last, not
// that it still does. A service that never answered counts as live: nothing
// said that it was simulated.
func (m *Meter) Snapshot() event.AWSServices {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := event.AWSServices{Services: make([]event.AWSServiceMetrics, 0, len(m.rows))}
	for k, r := range m.rows {
		s := event.AWSServiceMetrics{Service: k.service, Model: k.model, Calls: r.calls, Errors: r.errors,
			InputTokens: r.input, OutputTokens: r.output, Health: r.health(), LastError: r.lastError,
			Origin: cmp.Or(r.origin, incident.OriginLive)}
		if r.answered > 0 {
			mean := float64(r.latencyMS) / float64(r.answered)
			s.AverageMS = &mean
		}
		if r.costMicros != nil {
			sum := *r.costMicros
			s.CostMicros = &sum
		}
		out.Services = append(out.Services, s)
	}
	slices.SortFunc(out.Services, func(a, b event.AWSServiceMetrics) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Model, b.Model))
	})
	return out
}
