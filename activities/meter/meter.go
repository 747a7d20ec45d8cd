// Package meter counts the calls that a worker makes to AWS: for Prometheus,
// and as the aws.services figures of the dashboards. It implements
// activities.Recorder.
//
// The figures are what this worker saw since it started; they are not stored.
// Percentiles are exact, of the latest Window answered calls of a service and
// model: what matters on a dashboard is how it is now, and a window says what
// its percentiles are of where a sketch only estimates. Over longer times
// Prometheus has the histogram.
//
// Labels are services, operations, models, kinds and policies, never an
// incident: their number does not grow with use. Recording takes a mutex for
// as long as it takes to add a few numbers, and never blocks on anything else.
package meter

import (
	"cmp"
	"maps"
	"slices"
	"strings"
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

// Window is how many latencies of a service and model are kept.
const Window = 512

// Meter is safe for concurrent use. The zero value is not; see New.
type Meter struct {
	calls    *prometheus.CounterVec
	duration *prometheus.HistogramVec
	tokens   *prometheus.CounterVec
	model    *prometheus.CounterVec
	cost     *prometheus.CounterVec
	unpriced *prometheus.CounterVec
	guarded  *prometheus.CounterVec
	policies *prometheus.CounterVec
	units    prometheus.Counter

	mu    sync.Mutex
	rows  map[key]*row
	gates func() []activities.GateState
}

type key struct{ service, model string }

type row struct {
	calls, errors        int64
	kinds                map[string]int64 // errors by kind
	latencies            []int64          // milliseconds of the latest answered calls, a ring of at most Window
	next                 int              // place in the ring
	input, output, cache int64
	units                int64
	costMicros           *int64
	unpriced             int64
	guarded              map[string]int64
	recent               []bool // failed, oldest first, at most Recent
	lastError            string
	origin               incident.Origin
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
		tokens: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bedrock_tokens_total",
			Help: "Tokens of model calls. Those of direction cache are among the input too."}, []string{"model", "direction"}),
		model: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bedrock_cost_usd_total",
			Help: "Cost of model calls whose price is known."}, []string{"model"}),
		cost: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vigil_aws_cost_usd_total",
			Help: "Cost of calls whose price is known."}, []string{"service", "model"}),
		unpriced: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vigil_aws_unpriced_calls_total",
			Help: "Calls that cost by use and whose price is not known."}, []string{"service", "model"}),
		guarded: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "guardrail_checks_total",
			Help: "Texts that the guardrail looked at, by what came of it."}, []string{"outcome"}),
		policies: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "guardrail_interventions_total",
			Help: "Interventions of the guardrail by policy."}, []string{"policy"}),
		units: prometheus.NewCounter(prometheus.CounterOpts{Name: "guardrail_text_units_total",
			Help: "Text units that the guardrail looked at, all policies together."}),
		rows: map[key]*row{},
	}
	reg.MustRegister(m.calls, m.duration, m.tokens, m.model, m.cost, m.unpriced, m.guarded, m.policies, m.units, gateCollector{m})
	return m
}

// Watch has snapshots say how the gates stand, such as breaker.States.
func (m *Meter) Watch(gates func() []activities.GateState) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gates = gates
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
		m.units.Add(float64(u.TextUnits))
		if u.CostMicros == nil {
			m.unpriced.WithLabelValues(p.Service, p.Model).Inc()
		} else {
			usd := float64(*u.CostMicros) / 1e6
			m.cost.WithLabelValues(p.Service, p.Model).Add(usd)
			if p.Model != "" {
				m.model.WithLabelValues(p.Model).Add(usd)
			}
		}
	}
	if c.Guarded != "" {
		m.guarded.WithLabelValues(string(c.Guarded)).Inc()
	}
	for _, policy := range c.Policies {
		kind, _, _ := strings.Cut(policy, ":") // pii:EMAIL counts as pii: regular expressions have names of their own
		m.policies.WithLabelValues(kind).Inc()
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
	r.use(p.Usage)
	if c.Guarded != "" {
		count(&r.guarded, string(c.Guarded))
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
		count(&r.kinds, string(c.Failed))
		r.lastError = c.Error
		return
	}
	if len(r.latencies) < Window {
		r.latencies = append(r.latencies, p.LatencyMS)
	} else {
		r.latencies[r.next] = p.LatencyMS
		r.next = (r.next + 1) % Window
	}
}

// use adds what a call consumed. One that failed in its answer consumed too.
func (r *row) use(u *incident.Usage) {
	if u == nil {
		return
	}
	r.input += u.InputTokens
	r.output += u.OutputTokens
	r.cache += u.CacheTokens
	r.units += u.TextUnits
	if u.CostMicros == nil {
		r.unpriced++
		return
	}
	sum := *u.CostMicros
	if r.costMicros != nil {
		sum += *r.costMicros
	}
	r.costMicros = &sum
}

func count(in *map[string]int64, name string) {
	if *in == nil {
		*in = map[string]int64{}
	}
	(*in)[name]++
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
// that it still does. Of a service that never answered the origin is empty:
// nobody knows who would have.
func (m *Meter) Snapshot() event.AWSServices {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := event.AWSServices{Services: make([]event.AWSServiceMetrics, 0, len(m.rows))}
	gates := m.states()
	for k, r := range m.rows {
		s := event.AWSServiceMetrics{Service: k.service, Model: k.model, Calls: r.calls, Errors: r.errors, ErrorsByKind: maps.Clone(r.kinds),
			InputTokens: r.input, OutputTokens: r.output, CacheTokens: r.cache, TextUnits: r.units, UnknownPriced: r.unpriced,
			Health: r.health(), LastError: r.lastError, GuardrailOutcomes: maps.Clone(r.guarded), Origin: r.origin}
		s.AverageMS, s.P50MS, s.P95MS, s.P99MS = summary(r.latencies)
		if r.costMicros != nil {
			sum := *r.costMicros
			s.CostMicros = &sum
		}
		if g, ok := gates[k]; ok {
			s.Breaker, s.BreakerUntil, s.Limited = g.Breaker, g.Until, g.Limited
			if g.Breaker == "open" {
				s.Health = HealthError
			}
		}
		out.Services = append(out.Services, s)
	}
	slices.SortFunc(out.Services, func(a, b event.AWSServiceMetrics) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Model, b.Model))
	})
	return out
}

// states reads the gates. The caller holds the mutex.
func (m *Meter) states() map[key]activities.GateState {
	out := map[key]activities.GateState{}
	if m.gates != nil {
		for _, g := range m.gates() {
			out[key{g.Service, g.Model}] = g
		}
	}
	return out
}
