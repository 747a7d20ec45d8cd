package rca_test

import (
	"testing"

	"vigil/activities/rca"
	"vigil/workflows/incident"
)

func event(service, category, message string) rca.Event {
	return rca.Event{Service: service, Evidence: "events-" + service, SystemEvent: incident.SystemEvent{At: at(59), Resource: service + "-7d4b9",
		Category: category, Message: message, Warning: true}}
}

func logged(in map[string]string) map[string]rca.Logs {
	out := map[string]rca.Logs{}
	for service, template := range in {
		out[service] = rca.Logs{Patterns: []incident.LogPattern{{Level: "ERROR", Template: template, Count: 30}}, Evidence: "logs-" + service}
	}
	return out
}

// many is a value for as many points as an incident of these tests has.
func many(v float64) []float64 { return noisy(5, 7, v, v/100) }

// TestSignatures holds that each cause is told from the others by what is
// generally known of it, with things beside it that have nothing to do with it.
func TestSignatures(t *testing.T) {
	slow, failing := many(900), many(0.2)
	payments := []rca.Series{of("payments", incident.MetricLatency, 100, slow...), of("checkout", incident.MetricLatency, 160, many(1000)...)}
	outside := []incident.Edge{{From: "web", To: "checkout"}, {From: "checkout", To: "payments"}, {From: "payments", To: "card-provider"}}
	for _, tc := range []struct {
		name    string
		in      rca.Input
		service string
		cause   incident.Cause
	}{
		{"cpu", rca.Input{Series: append([]rca.Series{of("payments", incident.MetricCPU, 35, many(98)...)}, payments...)}, "payments", incident.CauseCPUSaturation},
		{"held back by its limit", rca.Input{Series: append([]rca.Series{of("payments", incident.MetricThrottledCPU, 0.01, many(0.6)...)}, payments...)},
			"payments", incident.CauseCPUSaturation},
		{"surge", rca.Input{Series: []rca.Series{of("checkout", incident.MetricRequestRate, 100, many(260)...), of("checkout", incident.MetricLatency, 100, slow...),
			of("checkout", incident.MetricCPU, 35, many(92)...)}}, "checkout", incident.CauseTrafficSurge},
		{"killed for its memory", rca.Input{Series: payments, Events: []rca.Event{event("payments", "OOMKilled", "Container payments was OOMKilled (exit code 137)")}},
			"payments", incident.CauseOutOfMemory},
		{"crash loop", rca.Input{Series: append([]rca.Series{of("payments", incident.MetricUnavailable, 0, many(3)...)}, payments...),
			Events: []rca.Event{event("payments", "BackOff", "Back-off restarting failed container")}}, "payments", incident.CauseCrashLoop},
		{"crash loop of a new version", rca.Input{Series: append([]rca.Series{of("payments", incident.MetricUnavailable, 0, many(3)...)}, payments...),
			Events: []rca.Event{event("payments", "BackOff", "Back-off restarting failed container")}, Changes: []rca.Change{deployment("payments", at(58))},
			Logs: logged(map[string]string{"payments": "panic: nil map"})}, "payments", incident.CauseBadDeployment},
		{"image", rca.Input{Series: payments, Changes: []rca.Change{deployment("payments", at(58))},
			Events: []rca.Event{event("payments", "Failed", `Failed to pull image "payments:v9": manifest unknown`)}}, "payments", incident.CauseImagePull},
		{"node", rca.Input{Series: payments, Events: []rca.Event{event("payments", "Evicted", "The node was low on resource: memory.")}},
			"payments", incident.CauseNodePressure},
		{"configuration that was changed", rca.Input{Series: append([]rca.Series{of("payments", incident.MetricErrorRate, 0.001, failing...)}, payments...),
			Changes: []rca.Change{{Change: incident.Change{Service: "payments", Kind: "configuration", Summary: "PutParameter", At: at(58)}, Evidence: "c"}, deployment("web", at(57))},
			Logs:    logged(map[string]string{"payments": "missing required environment variable GATEWAY_KEY"})}, "payments", incident.CauseBadConfiguration},
		{"throttled, by its measures", rca.Input{Series: append([]rca.Series{of("db", incident.MetricThrottles, 0, many(40)...), of("db", incident.MetricLatency, 5, many(60)...)}, payments...)},
			"db", incident.CauseThrottled},
		{"throttled, by what callers say", rca.Input{Edges: outside, Series: append([]rca.Series{of("card-provider", incident.MetricLatency, 60, slow...)}, payments...),
			Logs: logged(map[string]string{"payments": "card-provider: 429 Too Many Requests"})}, "card-provider", incident.CauseThrottled},
		{"provider", rca.Input{Edges: outside, Series: payments, Changes: []rca.Change{deployment("web", at(57))},
			Logs: logged(map[string]string{"payments": "card-provider answered 503 Service Unavailable"})}, "card-provider", incident.CauseDependencyFailure},
		{"network", rca.Input{Series: []rca.Series{of("checkout", incident.MetricLatency, 100, slow...), of("checkout", incident.MetricErrorRate, 0.001, failing...),
			of("payments", incident.MetricLatency, 60, many(60)...), of("payments", incident.MetricCPU, 30, many(30)...), of("payments", incident.MetricRequestRate, 90, many(40)...)},
			Logs: logged(map[string]string{"checkout": "dial tcp: connect to payments: no route to host"})}, "checkout", incident.CauseNetworkFailure},
		{"cache", rca.Input{Edges: []incident.Edge{{From: "checkout", To: "cache"}, {From: "checkout", To: "db"}}, Series: []rca.Series{
			of("checkout", incident.MetricLatency, 100, slow...), of("cache", incident.MetricCacheHitRate, 0.95, many(0.2)...), of("db", incident.MetricCPU, 30, many(90)...)}},
			"cache", incident.CauseCacheFailure},
		{"certificate", rca.Input{Series: append([]rca.Series{of("payments", incident.MetricErrorRate, 0.001, failing...)}, payments...),
			Logs: logged(map[string]string{"checkout": "call to payments failed: x509: certificate has expired or is not yet valid"})}, "payments", incident.CauseCertificateExpired},
		{"disk", rca.Input{Series: payments, Logs: logged(map[string]string{"payments": "write /var/spool/queue: no space left on device"})},
			"payments", incident.CauseStorageFull},
		{"queue", rca.Input{Edges: []incident.Edge{{From: "checkout", To: "jobs"}}, Series: []rca.Series{of("jobs", incident.MetricQueueAge, 2, line(7, 200, 100)...),
			of("jobs", incident.MetricQueueDepth, 10, line(7, 2000, 900)...)}}, "jobs", incident.CauseQueueBacklog},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.in.Alerting, tc.in.StartedAt = "checkout", at(64); tc.in.Edges == nil {
				tc.in.Edges = chain
			}
			if tc.in.Series[0].Service == "jobs" {
				tc.in.Alerting = "jobs"
			}
			got := rca.Rank(tc.in)
			if len(got) == 0 || got[0].Service != tc.service || got[0].Cause != tc.cause || got[0].Score < rca.Notable {
				t.Fatalf("got %+v, want %s in %s", got, tc.cause, tc.service)
			}
			if ok, why := rca.Healthy(tc.in); ok {
				t.Errorf("healthy: %s", why)
			}
		})
	}
}

// TestNothingIsWrong holds that what happens every day makes nobody suspect,
// and that the service is then said to be well, with what was seen.
func TestNothingIsWrong(t *testing.T) {
	calm := func(v float64) []float64 { return noisy(9, 12, v, v/50) }
	over := append(many(900), noisy(9, 8, 100, 2)...)
	for _, tc := range []struct {
		name     string
		in       rca.Input
		alerting string
		says     string
	}{
		{"a harmless deployment", rca.Input{Changes: []rca.Change{deployment("checkout", at(58))}, Series: []rca.Series{
			of("checkout", incident.MetricLatency, 100, calm(100)...)}}, "checkout", "nothing is wrong now in latency_ms of checkout"},
		{"a deployment that warmed up", rca.Input{Changes: []rca.Change{deployment("checkout", at(58))}, Series: []rca.Series{
			of("checkout", incident.MetricLatency, 100, over...)}}, "checkout", "it has recovered: latency_ms of checkout was"},
		{"a nightly job", rca.Input{Series: []rca.Series{of("db", incident.MetricCPU, 30, many(88)...), of("db", incident.MetricReadIOPS, 200, many(500)...),
			of("payments", incident.MetricLatency, 100, calm(100)...), of("orders", incident.MetricLatency, 100, calm(100)...)}}, "db", "nobody notices"},
		{"a single spike", rca.Input{Series: []rca.Series{of("checkout", incident.MetricLatency, 100, append([]float64{1500}, calm(100)...)...)}}, "checkout", "nothing is wrong"},
		{"a warning event in fair weather", rca.Input{Events: []rca.Event{event("checkout", "Unhealthy", "Readiness probe failed once")}, Series: []rca.Series{
			of("checkout", incident.MetricLatency, 100, calm(100)...)}}, "checkout", "nothing is wrong"},
		{"more business", rca.Input{Series: []rca.Series{of("checkout", incident.MetricRequestRate, 100, many(210)...), of("checkout", incident.MetricLatency, 100, calm(100)...)}},
			"checkout", "nothing is wrong"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.in.Alerting, tc.in.StartedAt, tc.in.Edges = tc.alerting, at(60), chain
			if got := rca.Rank(tc.in); len(got) > 0 && got[0].Score >= rca.Notable {
				t.Errorf("got %+v", got)
			}
			ok, why := rca.Healthy(tc.in)
			if !ok || !contains(why, tc.says) {
				t.Errorf("healthy %v: %s; want %q", ok, why, tc.says)
			}
		})
	}
}

// TestTooLittleToBeHealthy holds that missing telemetry is never health.
func TestTooLittleToBeHealthy(t *testing.T) {
	calm := noisy(9, 12, 100, 2)
	short := of("checkout", incident.MetricLatency, 100, calm...)
	short.Points = short.Points[55:]
	ended := of("checkout", incident.MetricLatency, 100)
	for name, in := range map[string]rca.Input{
		"nothing":             {},
		"another service":     {Series: []rca.Series{of("web", incident.MetricLatency, 100, calm...)}},
		"traffic alone":       {Series: []rca.Series{of("checkout", incident.MetricRequestRate, 100, calm...)}},
		"a past of 5 points":  {Series: []rca.Series{short}},
		"it ended before":     {Series: []rca.Series{ended}},
		"a callee is failing": {Series: []rca.Series{of("checkout", incident.MetricLatency, 100, calm...), of("payments", incident.MetricErrorRate, 0.001, many(0.3)...)}},
	} {
		in.Alerting, in.StartedAt, in.Edges = "checkout", at(60), chain
		if ok, why := rca.Healthy(in); ok || why == "" {
			t.Errorf("%s: healthy %v: %q", name, ok, why)
		}
	}
}
