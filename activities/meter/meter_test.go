package meter_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"

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
	priced.Provenance.Usage = &incident.Usage{InputTokens: 10, OutputTokens: 5, CostMicros: micros(7)}
	m.Record(priced)
	priced.Provenance.LatencyMS = 200
	m.Record(priced)
	unpriced := call("bedrock", "mystery", 50, "")
	unpriced.Provenance.Usage = &incident.Usage{InputTokens: 1}
	m.Record(unpriced)
	down := call("xray", "", 5, incident.KindUnavailable)
	down.Provenance.Origin = ""
	m.Record(down)

	raw, err := json.Marshal(m.Snapshot().Services)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"service":"bedrock","model":"mystery","calls":1,"errors":0,"average_latency_ms":50,"input_tokens":1,"output_tokens":0,"health":"healthy","origin":"simulated"},` +
		`{"service":"bedrock","model":"nova","calls":2,"errors":0,"average_latency_ms":150,"input_tokens":20,"output_tokens":10,"cost_usd_micros":14,"health":"healthy","origin":"simulated"},` +
		`{"service":"xray","calls":1,"errors":1,"input_tokens":0,"output_tokens":0,"health":"error","last_error":"xray failed","origin":"live"}]`
	if string(raw) != want {
		t.Errorf("\n got %s\nwant %s", raw, want)
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
	want := `
# HELP vigil_aws_calls_total Calls to AWS services by how they ended: ok, cancelled or the kind of error.
# TYPE vigil_aws_calls_total counter
vigil_aws_calls_total{model="nova",operation="Do",result="ok",service="bedrock"} 2
vigil_aws_calls_total{model="nova",operation="Do",result="throttled",service="bedrock"} 1
# HELP vigil_aws_cost_usd_total Cost of calls whose price is known.
# TYPE vigil_aws_cost_usd_total counter
vigil_aws_cost_usd_total{model="nova",service="bedrock"} 2
# HELP vigil_aws_unpriced_calls_total Calls that cost by use and whose price is not known.
# TYPE vigil_aws_unpriced_calls_total counter
vigil_aws_unpriced_calls_total{model="nova",service="bedrock"} 1
# HELP vigil_model_tokens_total Tokens of model calls.
# TYPE vigil_model_tokens_total counter
vigil_model_tokens_total{direction="cache",model="nova"} 2
vigil_model_tokens_total{direction="input",model="nova"} 10
vigil_model_tokens_total{direction="output",model="nova"} 5
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "vigil_aws_calls_total", "vigil_aws_cost_usd_total",
		"vigil_aws_unpriced_calls_total", "vigil_model_tokens_total"); err != nil {
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
