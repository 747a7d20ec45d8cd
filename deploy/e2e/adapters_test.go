package e2e_test

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"vigil/activities"
	"vigil/activities/awsconfig"
	"vigil/activities/bedrock"
	"vigil/activities/cloudtrail"
	"vigil/activities/cloudwatch"
	"vigil/activities/cloudwatchlogs"
	"vigil/activities/ecs"
	"vigil/activities/meter"
	"vigil/activities/ssm"
	"vigil/activities/xray"
	"vigil/deploy/sandbox"
	"vigil/deploy/sandbox/world"
	"vigil/workflows/incident"
)

// The adapters against the sandbox: what one writes on the wire the other
// reads, and nothing that comes back could be taken for AWS's.

const worldTick = 5 * time.Second

// smallWorld is a sandbox whose clock is moved by hand.
type smallWorld struct {
	t       *testing.T
	sandbox *sandbox.Server
	cfg     aws.Config

	mu  sync.Mutex
	now time.Time
}

func mustWorld(t *testing.T) *smallWorld {
	t.Helper()
	w := &smallWorld{t: t, now: time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)}
	var err error
	if w.sandbox, err = sandbox.New(sandbox.Config{Tick: worldTick, Seed: 7, Now: w.clock, ModelLatency: sandbox.Latency{Max: -1}, QueryTime: -1}); err != nil {
		t.Fatal(err)
	}
	if err := w.sandbox.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.sandbox.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	w.cfg, err = awsconfig.Load(t.Context(), awsconfig.Options{Region: world.Region, Endpoint: w.sandbox.URL(), AccessKeyID: "sandbox", SecretAccessKey: "sandbox"})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *smallWorld) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// pass lets time pass.
func (w *smallWorld) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// last is the window of length d that ends now.
func (w *smallWorld) last(d time.Duration) activities.Window {
	now := w.clock()
	return activities.Window{From: now.Add(-d), To: now}
}

func checkSimulated(t *testing.T, p incident.Provenance, service, operation string) {
	t.Helper()
	if p.Origin != incident.OriginSimulated || p.Service != service || p.Operation != operation || p.RequestID == "" || p.LatencyMS < 1 {
		t.Errorf("provenance %+v; want %s %s, simulated", p, service, operation)
	}
}

func TestAdaptersMetrics(t *testing.T) {
	t.Parallel()
	w := mustWorld(t)
	m, err := cloudwatch.New(w.cfg, cloudwatch.Config{Period: worldTick}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for service, want := range map[string][]incident.Metric{
		world.Checkout:     {incident.MetricLatency, incident.MetricErrorRate, incident.MetricRequestRate, incident.MetricCPU, incident.MetricMemory},
		world.OrdersDB:     {incident.MetricCPU, incident.MetricConnections},
		world.CatalogCache: {incident.MetricCPU, incident.MetricConnections},
		"nobody":           nil,
	} {
		series, p, err := m.Query(t.Context(), service, w.last(10*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		operation := "GetMetricData"
		if want == nil {
			operation = "ListMetrics" // nothing is of that name, so nothing is read
		}
		checkSimulated(t, p, "cloudwatch", operation)
		var got []incident.Metric
		for _, s := range series {
			got = append(got, s.Metric)
			if s.Service != service || s.Unit == "" || len(s.Points) < 100 {
				t.Errorf("%s %s: unit %q, %d points in ten minutes", s.Service, s.Metric, s.Unit, len(s.Points))
			}
			for i, point := range s.Points {
				if i > 0 && !point.At.After(s.Points[i-1].At) {
					t.Fatalf("%s %s: not in order of time", service, s.Metric)
				}
				if slices.Contains(want, s.Metric) && !plausible(s.Metric, point.Value) {
					t.Errorf("%s %s is %g %s", service, s.Metric, point.Value, s.Unit)
				}
			}
		}
		for _, m := range want {
			if !slices.Contains(got, m) {
				t.Errorf("%s has %v, and lacks %s", service, got, m)
			}
		}
		if want == nil && got != nil {
			t.Errorf("%s has %v", service, got)
		}
	}
}

// plausible catches a wrong scale: milliseconds for seconds, a count for a rate.
func plausible(m incident.Metric, v float64) bool {
	limits := map[incident.Metric][2]float64{
		incident.MetricLatency: {0.1, 2000}, incident.MetricErrorRate: {0, 1}, incident.MetricRequestRate: {1, 400},
		incident.MetricCPU: {0.1, 100}, incident.MetricMemory: {1, 100}, incident.MetricConnections: {1, 500},
	}[m]
	return !math.IsNaN(v) && v >= limits[0] && v <= limits[1]
}

func TestAdaptersLogs(t *testing.T) {
	t.Parallel()
	w := mustWorld(t)
	l, err := cloudwatchlogs.New(w.cfg, cloudwatchlogs.Config{PollMin: time.Millisecond}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, service := range []string{world.Checkout, world.OrdersDB} {
		lines, p, err := l.Search(t.Context(), service, w.last(10*time.Minute), 50)
		if err != nil {
			t.Fatal(err)
		}
		checkSimulated(t, p, "cloudwatchlogs", "GetQueryResults")
		if len(lines) == 0 || len(lines) > 50 {
			t.Fatalf("%s: %d lines", service, len(lines))
		}
		levels := 0
		for i, line := range lines {
			if line.Message == "" || i > 0 && line.At.Before(lines[i-1].At) {
				t.Errorf("%s: line %d is %+v", service, i, line)
			}
			if line.Level != "" {
				levels++
			}
		}
		if levels != len(lines) {
			t.Errorf("%s: the level of %d of %d lines is known; the first is %q", service, levels, len(lines), lines[0].Message)
		}
		// Of more lines than the limit, the newest.
		if newest := w.clock().Sub(lines[len(lines)-1].At); newest > time.Minute {
			t.Errorf("%s: the newest line is %s old", service, newest)
		}
		if patterns := activities.Templates(lines, nil, 12); len(patterns) == 0 || len(patterns) > 12 {
			t.Errorf("%s: %d patterns of %d lines", service, len(patterns), len(lines))
		}
	}
	for _, service := range []string{world.CatalogCache, "nobody"} {
		lines, p, err := l.Search(t.Context(), service, w.last(time.Minute), 50)
		if err != nil || len(lines) != 0 {
			t.Errorf("%s: %d lines, %v; want none", service, len(lines), err)
		}
		checkSimulated(t, p, "cloudwatchlogs", "StartQuery")
	}
}

func TestAdaptersTopology(t *testing.T) {
	t.Parallel()
	w := mustWorld(t)
	edges, p, err := xray.New(w.cfg, nil).Graph(t.Context(), w.last(10*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	checkSimulated(t, p, "xray", "GetServiceGraph")
	want := []incident.Edge{
		{From: world.API, To: world.Catalog}, {From: world.API, To: world.Checkout},
		{From: world.Catalog, To: world.CatalogCache}, {From: world.Catalog, To: world.OrdersDB},
		{From: world.Checkout, To: "carts"}, {From: world.Checkout, To: world.CatalogCache},
		{From: world.Checkout, To: world.Orders}, {From: world.Checkout, To: world.Payments},
		{From: world.Orders, To: world.OrdersDB}, {From: world.Payments, To: world.OrdersDB},
		{From: world.Payments, To: "payments-provider"}, {From: world.Web, To: world.API},
	}
	if !slices.Equal(edges, want) {
		t.Errorf("\n got %v\nwant %v", edges, want)
	}
}

// TestAdaptersChanges: the bad deployment is seen by both who can see it, and
// they agree on what it was.
func TestAdaptersChanges(t *testing.T) {
	t.Parallel()
	w := mustWorld(t)
	if err := w.sandbox.World().StartFault(world.FaultBadDeployment); err != nil {
		t.Fatal(err)
	}
	w.pass(worldTick)
	deployed, _ := w.sandbox.World().Deployments(world.Checkout)
	bad := deployed[len(deployed)-1]
	for source, changes := range map[string]activities.Changes{"ecs DescribeServices": ecs.New(w.cfg, ecs.Config{}, nil), "cloudtrail LookupEvents": cloudtrail.New(w.cfg, nil)} {
		got, p, err := changes.Recent(t.Context(), bad.Service, w.last(10*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		service, operation, _ := strings.Cut(source, " ")
		checkSimulated(t, p, service, operation)
		if len(got) == 0 {
			t.Errorf("%s: no change to %s", source, bad.Service)
			continue
		}
		last := got[len(got)-1]
		if last.Kind != "deployment" || last.Version != bad.TaskDefinition || last.Before != bad.Before || last.At.Sub(bad.CreatedAt).Abs() > time.Second || last.Summary == "" {
			t.Errorf("%s: %+v; want %+v", source, last, bad)
		}
		if service == "cloudtrail" && last.Actor != bad.Actor {
			t.Errorf("%s: by %q, want %q", source, last.Actor, bad.Actor)
		}
		none, _, err := changes.Recent(t.Context(), "nobody", w.last(10*time.Minute))
		if err != nil || len(none) != 0 {
			t.Errorf("%s: %+v, %v; want no change to a service that is not there", source, none, err)
		}
	}
}

// TestAdaptersExecutor: the same effect is begun once, it is found again, and
// it ends.
func TestAdaptersExecutor(t *testing.T) {
	t.Parallel()
	w := mustWorld(t)
	x, err := ssm.New(w.cfg, ssm.Config{Cluster: world.Cluster}, nil)
	if err != nil {
		t.Fatal(err)
	}
	step := func(document, service string) incident.Effect {
		return incident.Action{IncidentID: "demo-1", PlanRevision: 1, Name: "restart_service", Type: incident.ActionRestartService, Target: service, CatalogueVersion: "1",
			Steps: []incident.Step{{Executor: "ssm", Document: document, Arguments: map[string]string{"Cluster": world.Cluster, "Service": service}}}}.Effect(1)
	}
	restart := step(world.DocumentRestart, world.Payments)

	if state, p, err := x.Observe(t.Context(), restart); err != nil || state["kind"] != "ecs" || state["desired_count"] == nil {
		t.Errorf("observed %v, %v", state, err)
	} else {
		checkSimulated(t, p, "ecs", "DescribeServices")
	}
	if id, err := x.Find(t.Context(), restart); id != "" || err != nil {
		t.Errorf("before the start: found %q, %v", id, err)
	}
	id, p, err := x.Start(t.Context(), restart)
	if err != nil {
		t.Fatal(err)
	}
	checkSimulated(t, p, "ssm", "StartAutomationExecution")
	if again, _, err := x.Start(t.Context(), restart); again != id || err != nil {
		t.Errorf("the same effect: %q, %v; want %s again", again, err, id)
	}
	if found, err := x.Find(t.Context(), restart); found != id || err != nil {
		t.Errorf("found %q, %v; want %s", found, err, id)
	}

	state, detail, p, err := x.Get(t.Context(), restart, id)
	if err != nil || state != incident.ExecutionRunning {
		t.Errorf("%s (%s), %v; want running", state, detail, err)
	}
	checkSimulated(t, p, "ssm", "GetAutomationExecution")
	w.pass(20 * worldTick)
	if state, detail, _, err = x.Get(t.Context(), restart, id); err != nil || state != incident.ExecutionSucceeded {
		t.Errorf("%s (%s), %v; want succeeded", state, detail, err)
	}
	if effects := w.sandbox.World().Effects(); len(effects) != 1 || effects[0].TokenCount != 1 {
		t.Errorf("effects %+v, want one", effects)
	}
	if _, _, _, err := x.Get(t.Context(), restart, uuid.NewString()); err == nil || incident.KindOf(err) != incident.KindNotFound {
		t.Errorf("an execution that is not there: %v", err)
	}
	if _, _, err := x.Start(t.Context(), step("Vigil-Nonsense", world.Orders)); err == nil || incident.KindOf(err) != incident.KindNotFound {
		t.Errorf("a document that is not there: %v", err)
	}
}

func TestAdaptersModel(t *testing.T) {
	t.Parallel()
	w := mustWorld(t)
	counted := meter.New(prometheus.NewRegistry())
	m, err := bedrock.New(w.cfg, bedrock.Config{}, counted)
	if err != nil {
		t.Fatal(err)
	}
	ask := activities.ModelRequest{
		Agent: incident.AgentDiagnosis, Purpose: activities.PurposeDiagnose, Model: "amazon.nova-pro-v1:0", Turn: 1,
		System: "The suffix of this conversation is 9f86d081.\nFind the cause.\nAnswer with one JSON object that matches this schema:\n{\"title\":\"diagnosis_answer\",\"type\":\"object\"}",
		Messages: []activities.Message{{Role: "user", Text: "<incident-9f86d081>\n{\"id\":\"demo-1\",\"title\":\"Checkout is slow\",\"service\":\"checkout\",\"severity\":\"high\"}\n</incident-9f86d081>\n" +
			"<evidence-9f86d081>\n{\"id\":\"E1\",\"kind\":\"metric\",\"source\":\"cloudwatch\",\"service\":\"checkout\",\"title\":\"Metrics\",\"found\":true,\"finding\":\"latency_ms 121 → 940 since 14:02:10\",\"strength\":0.93}\n</evidence-9f86d081>"}},
	}
	for _, name := range []string{activities.ToolQueryMetrics, activities.ToolSearchLogs, activities.ToolRecentChanges} {
		ask.Tools = append(ask.Tools, activities.Tool{Name: name, Description: name, Schema: json.RawMessage(`{"type":"object","properties":{"service":{"type":"string"}},"required":["service"]}`)})
	}
	ask.Tools = append(ask.Tools, activities.Tool{Name: activities.ToolServiceGraph, Description: "graph", Schema: json.RawMessage(`{"type":"object","properties":{}}`)})

	turns := 0
	var reply activities.ModelReply
	for {
		if reply, err = m.Converse(t.Context(), ask, nil); err != nil {
			t.Fatal(err)
		}
		turns++
		checkSimulated(t, reply.Provenance, "bedrock", "ConverseStream")
		if u := reply.Provenance.Usage; u == nil || u.InputTokens == 0 || u.OutputTokens == 0 || u.CostMicros == nil || *u.CostMicros == 0 || reply.Provenance.Model != ask.Model {
			t.Errorf("usage %+v of %s", u, reply.Provenance.Model)
		}
		if reply.StopReason != "tool_use" || turns == 8 {
			break
		}
		results := activities.Message{Role: "user"}
		for _, c := range reply.Calls {
			if !json.Valid(c.Input) {
				t.Errorf("the input of %s is %q", c.Name, c.Input)
			}
			results.Results = append(results.Results, activities.ToolOutput{ID: c.ID, Text: "<evidence-9f86d081>\n{\"id\":\"E" + string(rune('1'+turns)) + "\",\"kind\":\"log\",\"found\":false,\"finding\":\"nothing\"}\n</evidence-9f86d081>"})
		}
		ask.Messages = append(ask.Messages, activities.Message{Role: "assistant", Text: reply.Text, Calls: reply.Calls}, results)
	}
	var answer struct{ Verdict, Summary string }
	if err := json.Unmarshal([]byte(reply.Text), &answer); err != nil || reply.StopReason != "end_turn" || answer.Verdict == "" {
		t.Errorf("after %d turns %q stops with %s: %v", turns, reply.Text, reply.StopReason, err)
	}
	if turns < 2 {
		t.Error("the model used no tool")
	}
	if s := counted.Snapshot().Services; len(s) != 1 || s[0].Calls != int64(turns) || s[0].Origin != incident.OriginSimulated || s[0].Health != meter.HealthHealthy || s[0].CostMicros == nil {
		t.Errorf("counted %+v", s)
	}
}

func TestAdaptersGuardrail(t *testing.T) {
	t.Parallel()
	w := mustWorld(t)
	g, err := bedrock.NewGuardrail(w.cfg, bedrock.GuardrailConfig{ID: "messages", Version: "1"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]activities.GuardrailResult{
		"Checkout is slow; we are on it.": {Text: "Checkout is slow; we are on it."},
		"Ask jane@example.com.":           {Text: "Ask {EMAIL}."},
		"Log in and drop table orders.":   {Blocked: true},
	} {
		got, err := g.Check(t.Context(), activities.GuardOutput, text)
		if err != nil {
			t.Fatal(err)
		}
		checkSimulated(t, got.Provenance, "bedrock", "ApplyGuardrail")
		if got.Blocked != want.Blocked || want.Text != "" && got.Text != want.Text || got.Text == "" {
			t.Errorf("%q: blocked %t, %q; want %t, %q", text, got.Blocked, got.Text, want.Blocked, want.Text)
		}
		if u := got.Provenance.Usage; u == nil || u.CostMicros == nil || *u.CostMicros == 0 {
			t.Errorf("usage %+v", u)
		}
	}
}
