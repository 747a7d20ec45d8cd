package meter_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"vigil/activities"
	"vigil/activities/meter"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

func call(service, model string, ms int64, failed incident.Kind) activities.Call {
	c := activities.Call{Provenance: incident.Provenance{Origin: incident.OriginSimulated, Service: service, Operation: "Do", Model: model, LatencyMS: ms}, Failed: failed}
	if failed != "" {
		c.Error = service + " failed"
	}
	return c
}

func micros(n int64) *int64 { return &n }

func TestSnapshot(t *testing.T) {
	t.Parallel()
	m := meter.New(prometheus.NewRegistry())
	if got := m.Snapshot(); got.Services == nil || len(got.Services) != 0 {
		t.Errorf("before any call: %+v, want an empty list", got)
	}
	priced := call("bedrock", "nova", 100, "")
	priced.Provenance.Usage = &incident.Usage{InputTokens: 10, OutputTokens: 5, CacheTokens: 4, CostMicros: micros(7)}
	m.Record(priced)
	priced.Provenance.LatencyMS = 200
	m.Record(priced)
	cut := call("bedrock", "nova", 50, incident.KindUnavailable) // in its answer: it cost, and nobody knows what
	cut.Provenance.Usage = &incident.Usage{}
	m.Record(cut)
	unpriced := call("bedrock", "mystery", 50, "")
	unpriced.Provenance.Usage = &incident.Usage{InputTokens: 1}
	m.Record(unpriced)
	masked := call("bedrock", "", 20, "")
	masked.Guarded, masked.Policies = event.GuardrailAnonymized, []string{"pii:EMAIL"}
	masked.Provenance.Usage = &incident.Usage{TextUnits: 6, CostMicros: micros(550)}
	m.Record(masked)
	down := call("xray", "", 5, incident.KindUnavailable)
	down.Provenance.Origin = ""
	m.Record(down)
	m.Watch(func() []activities.GateState {
		return []activities.GateState{{Service: "bedrock", Model: "nova", Breaker: "open", Until: time.Unix(1764000000, 0).UTC(), Limited: 3}, {Service: "unheard"}}
	})

	raw, err := json.Marshal(m.Snapshot().Services)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"service":"bedrock","calls":1,"errors":0,"average_latency_ms":20,"p50_latency_ms":20,"p95_latency_ms":20,"p99_latency_ms":20,` +
		`"input_tokens":0,"output_tokens":0,"cache_tokens":0,"text_units":6,"cost_usd_micros":550,"unknown_priced_calls":0,"limited_calls":0,"health":"healthy",` +
		`"guardrail_outcomes":{"anonymized":1},"origin":"simulated"},` +
		`{"service":"bedrock","model":"mystery","calls":1,"errors":0,"average_latency_ms":50,"p50_latency_ms":50,"p95_latency_ms":50,"p99_latency_ms":50,` +
		`"input_tokens":1,"output_tokens":0,"cache_tokens":0,"text_units":0,"unknown_priced_calls":1,"limited_calls":0,"health":"healthy","origin":"simulated"},` +
		`{"service":"bedrock","model":"nova","calls":3,"errors":1,"errors_by_kind":{"unavailable":1},"average_latency_ms":150,"p50_latency_ms":100,"p95_latency_ms":200,"p99_latency_ms":200,` +
		`"input_tokens":20,"output_tokens":10,"cache_tokens":8,"text_units":0,"cost_usd_micros":14,"unknown_priced_calls":1,"breaker":"open","breaker_until":"2025-11-24T16:00:00Z",` +
		`"limited_calls":3,"health":"error","last_error":"bedrock failed","origin":"simulated"},` +
		`{"service":"xray","calls":1,"errors":1,"errors_by_kind":{"unavailable":1},"input_tokens":0,"output_tokens":0,"cache_tokens":0,"text_units":0,"unknown_priced_calls":0,` +
		`"limited_calls":0,"health":"error","last_error":"xray failed"}]`
	if string(raw) != want {
		t.Errorf("\n got %s\nwant %s", raw, want)
	}
}

// TestPercentiles: they are of the latest calls that were answered.
func TestPercentiles(t *testing.T) {
	t.Parallel()
	m := meter.New(prometheus.NewRegistry())
	for range meter.Window {
		m.Record(call("ssm", "", 1_000_000, "")) // long ago
	}
	for i := range meter.Window {
		m.Record(call("ssm", "", int64(meter.Window-i), ""))
		m.Record(call("ssm", "", 9_000_000, incident.KindUnavailable)) // not answered
	}
	s := m.Snapshot().Services[0]
	for name, c := range map[string]struct{ got, want float64 }{
		"mean": {*s.AverageMS, 256.5}, "p50": {*s.P50MS, 256}, "p95": {*s.P95MS, 487}, "p99": {*s.P99MS, 507},
	} {
		if c.got != c.want {
			t.Errorf("%s %g, want %g", name, c.got, c.want)
		}
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		calls string // . succeeded, x failed, c cancelled; oldest first
		want  string
	}{
		{"all well", "....", "healthy"},
		{"only failure", "x", "error"},
		{"half", "x.x.", "error"},
		{"less than half", "x..", "degraded"},
		{"cancelled calls do not count", "c.cc", "healthy"},
		{"cancelled calls do not dilute", "xcccc", "error"},
		{"still in view", "x" + strings.Repeat(".", meter.Recent-1), "degraded"},
		{"out of view", strings.Repeat("x", 50) + strings.Repeat(".", meter.Recent), "healthy"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := meter.New(prometheus.NewRegistry())
			for _, r := range c.calls {
				one := call("ssm", "", 1, "")
				switch r {
				case 'x':
					one = call("ssm", "", 1, incident.KindThrottled)
				case 'c':
					one = call("ssm", "", 1, incident.KindUnavailable)
					one.Cancelled = true
				}
				m.Record(one)
			}
			if got := m.Snapshot().Services[0].Health; got != c.want {
				t.Errorf("health after %q is %s, want %s", c.calls, got, c.want)
			}
		})
	}
}

func TestPrometheus(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	m := meter.New(reg)
	c := call("bedrock", "nova", 100, "")
	c.Provenance.Usage = &incident.Usage{InputTokens: 10, OutputTokens: 5, CacheTokens: 2, CostMicros: micros(2_000_000)}
	m.Record(c)
	m.Record(call("bedrock", "nova", 100, incident.KindThrottled))
	c.Provenance.Usage = &incident.Usage{}
	m.Record(c)
	blocked := call("bedrock", "", 20, "")
	blocked.Guarded, blocked.Policies = event.GuardrailBlocked, []string{"pii:EMAIL", "pii:NAME", "topic"}
	blocked.Provenance.Usage = &incident.Usage{TextUnits: 6, CostMicros: micros(1_000_000)}
	m.Record(blocked)
	m.Watch(func() []activities.GateState {
		return []activities.GateState{{Service: "bedrock", Model: "nova", Breaker: "half_open", Limited: 3}}
	})
	want := `
# HELP bedrock_cost_usd_total Cost of model calls whose price is known.
# TYPE bedrock_cost_usd_total counter
bedrock_cost_usd_total{model="nova"} 2
# HELP bedrock_tokens_total Tokens of model calls. Those of direction cache are among the input too.
# TYPE bedrock_tokens_total counter
bedrock_tokens_total{direction="cache",model="nova"} 2
bedrock_tokens_total{direction="input",model="nova"} 10
bedrock_tokens_total{direction="output",model="nova"} 5
# HELP guardrail_checks_total Texts that the guardrail looked at, by what came of it.
# TYPE guardrail_checks_total counter
guardrail_checks_total{outcome="blocked"} 1
# HELP guardrail_interventions_total Interventions of the guardrail by policy.
# TYPE guardrail_interventions_total counter
guardrail_interventions_total{policy="pii"} 2
guardrail_interventions_total{policy="topic"} 1
# HELP guardrail_text_units_total Text units that the guardrail looked at, all policies together.
# TYPE guardrail_text_units_total counter
guardrail_text_units_total 6
# HELP vigil_aws_breaker_open 1 while the circuit breaker refuses calls, 0.5 while one call tries, 0 otherwise.
# TYPE vigil_aws_breaker_open gauge
vigil_aws_breaker_open{model="nova",service="bedrock"} 0.5
# HELP vigil_aws_calls_total Calls to AWS services by how they ended: ok, cancelled or the kind of error.
# TYPE vigil_aws_calls_total counter
vigil_aws_calls_total{model="",operation="Do",result="ok",service="bedrock"} 1
vigil_aws_calls_total{model="nova",operation="Do",result="ok",service="bedrock"} 2
vigil_aws_calls_total{model="nova",operation="Do",result="throttled",service="bedrock"} 1
# HELP vigil_aws_cost_usd_total Cost of calls whose price is known.
# TYPE vigil_aws_cost_usd_total counter
vigil_aws_cost_usd_total{model="",service="bedrock"} 1
vigil_aws_cost_usd_total{model="nova",service="bedrock"} 2
# HELP vigil_aws_limited_calls_total Calls that our own rate limit held back or refused.
# TYPE vigil_aws_limited_calls_total counter
vigil_aws_limited_calls_total{model="nova",service="bedrock"} 3
# HELP vigil_aws_unpriced_calls_total Calls that cost by use and whose price is not known.
# TYPE vigil_aws_unpriced_calls_total counter
vigil_aws_unpriced_calls_total{model="nova",service="bedrock"} 1
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "bedrock_cost_usd_total", "bedrock_tokens_total", "guardrail_checks_total",
		"guardrail_interventions_total", "guardrail_text_units_total", "vigil_aws_breaker_open", "vigil_aws_calls_total", "vigil_aws_cost_usd_total",
		"vigil_aws_limited_calls_total", "vigil_aws_unpriced_calls_total"); err != nil {
		t.Error(err)
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	m := meter.New(prometheus.NewRegistry())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				m.Record(call("ssm", "", 1, ""))
				_ = m.Snapshot()
			}
		})
	}
	wg.Wait()
	var got event.AWSServices = m.Snapshot()
	if got.Services[0].Calls != 800 {
		t.Errorf("counted %d calls, want 800", got.Services[0].Calls)
	}
}
