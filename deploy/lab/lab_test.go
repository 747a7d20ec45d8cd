package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"vigil/activities"
	"vigil/deploy/sandbox"
	"vigil/deploy/sandbox/world"
	"vigil/worker"
	"vigil/workflows"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

var responder = incident.Principal{Name: "ben", Role: incident.RoleResponder}

// lab is one incident and the world that it happens in.
type lab struct {
	t       *testing.T
	env     *testsuite.TestWorkflowEnvironment
	sandbox *sandbox.Server
	aws     string // the sandbox's URL
	ports   *worker.Ports

	controls incident.Controls

	mu        sync.Mutex
	clock     func() time.Time
	published []event.Event
	deltas    []event.ModelDelta
}

// setup is what a test changes.
type setup struct {
	fault    world.Fault
	stubborn int // how many kinds of right remedies do nothing
	seed     uint64
	sandbox  func(*sandbox.Config)
	worker   func(*worker.Config)
	ports    func(*activities.Activities)
	// register replaces activities by others of the same name, after the
	// product's own were registered. It may be nil.
	register func(*testsuite.TestWorkflowEnvironment, *activities.Activities)
}

// start makes a world in which the fault began three minutes ago.
func start(t *testing.T, s setup) *lab {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetDisableRegistrationAliasing(true)
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler))) // an incident has thousands of lines
	l := &lab{t: t, env: suite.NewTestWorkflowEnvironment()}
	now := time.Now().UTC().Truncate(time.Second)
	l.env.SetStartTime(now)
	l.env.SetTestTimeout(2 * time.Minute)
	l.clock = func() time.Time { return now.Add(-3 * time.Minute) }

	config := sandbox.Config{Tick: 5 * time.Second, Seed: max(s.seed, 1), Now: l.now, QueryTime: -1, ModelLatency: sandbox.Latency{Max: -1}}
	if s.sandbox != nil {
		s.sandbox(&config)
	}
	var err error
	if l.sandbox, err = sandbox.New(config); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(l.sandbox.Handler())
	t.Cleanup(server.Close)
	l.aws = server.URL
	if s.fault != "" {
		if err := l.sandbox.World().StartStubbornFault(s.fault, s.stubborn); err != nil {
			t.Fatal(err)
		}
	}
	l.sandbox.World().AdvanceTo(now)
	l.clock = func() time.Time { return now }

	c := worker.DefaultConfig()
	c.Region, c.Endpoint, c.MetricPeriod, c.DataDir, c.GuardrailID = "us-east-1", server.URL, 5*time.Second, t.TempDir(), "lab"
	c.EnableActions = []string{"all"}
	if s.worker != nil {
		s.worker(&c)
	}
	if l.ports, err = worker.NewPorts(t.Context(), c, worker.Deps{AccessKeyID: "lab", SecretAccessKey: "lab"}, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.ports.Close(); err != nil {
			t.Error(err)
		}
	})
	a := l.ports.Activities
	a.Publisher, a.Spending, a.Deltas = l, l, l
	a.Controls, a.Principals, a.Leases = l, l, l
	if s.ports != nil {
		s.ports(a)
	}
	a.Register(l.env)
	// The world moves on by the test's clock, which stands still while an
	// activity runs: one that waits for an execution looks once.
	l.env.RegisterActivityWithOptions(l.lookOnce, activity.RegisterOptions{Name: activities.AwaitExecutionName, DisableAlreadyRegisteredCheck: true})
	if s.register != nil {
		s.register(l.env, a)
	}
	l.env.RegisterWorkflowWithOptions(workflows.IncidentWorkflow, workflow.RegisterOptions{Name: incident.WorkflowType})
	l.env.RegisterWorkflowWithOptions(workflows.RemediationWorkflow, workflow.RegisterOptions{Name: incident.RemediationWorkflowType})
	return l
}

func (l *lab) now() time.Time {
	l.mu.Lock()
	clock := l.clock
	l.mu.Unlock()
	return clock()
}

// watched is the service that the world's alarm watches.
func (l *lab) watched() string { return l.sandbox.World().State().Alarm.Service }

// investigate runs an incident until it waits for people, and returns its view
// then. A person resolves it afterwards.
func (l *lab) investigate(in incident.Input) event.View {
	l.t.Helper()
	if in.Service == "" {
		in.Service = l.watched()
	}
	if in.Title == "" {
		in.Title = "Latency of " + in.Service + " is high"
	}
	var v event.View
	l.env.RegisterDelayedCallback(func() {
		v = l.view()
		l.env.UpdateWorkflow(incident.UpdateResolve, "", &testsuite.TestUpdateCallback{
			OnAccept: func() {}, OnReject: func(err error) { l.t.Errorf("resolving was refused: %v", err) }, OnComplete: func(any, error) {},
		}, incident.ResolveArgs{Principal: responder, Reason: "seen enough"})
	}, 10*time.Minute)
	l.mu.Lock()
	l.clock = l.env.Now
	l.mu.Unlock()
	l.env.ExecuteWorkflow(incident.WorkflowType, in)
	if err := l.env.GetWorkflowError(); err != nil {
		l.t.Fatalf("the workflow failed: %v", err)
	}
	return v
}

func (l *lab) view() event.View {
	l.t.Helper()
	value, err := l.env.QueryWorkflow(incident.QueryState)
	if err != nil {
		l.t.Fatal(err)
	}
	var v event.View
	if err := value.Get(&v); err != nil {
		l.t.Fatal(err)
	}
	return v
}

// chaos is done to the sandbox's next calls.
func (l *lab) chaos(rule map[string]any) {
	l.t.Helper()
	raw, err := json.Marshal(rule)
	if err != nil {
		l.t.Fatal(err)
	}
	resp, err := http.Post(l.aws+"/_world/chaos", "application/json", bytes.NewReader(raw))
	if err != nil {
		l.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode > 299 {
		l.t.Fatalf("the sandbox refuses chaos %s: %s", raw, resp.Status)
	}
}

// call is one AWS call as the sandbox saw it.
type call struct {
	Service   string         `json:"service"`
	Operation string         `json:"operation"`
	Model     string         `json:"model"`
	Incident  string         `json:"incident"`
	Outcome   string         `json:"outcome"`
	Facts     map[string]any `json:"facts"`
}

// calls returns the calls whose body contains what, all of them for "".
func (l *lab) calls(what string) []call {
	l.t.Helper()
	resp, err := http.Get(l.aws + "/_calls?contains=" + url.QueryEscape(what))
	if err != nil {
		l.t.Fatal(err)
	}
	defer resp.Body.Close()
	var out struct {
		Calls []call `json:"calls"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		l.t.Fatal(err)
	}
	return out.Calls
}

// events decodes the published events of one type.
func events[T any](l *lab) []T {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []T
	for _, e := range l.published {
		d, err := e.Decode()
		if err != nil {
			l.t.Fatal(err)
		}
		if v, ok := d.(any).(*T); ok {
			out = append(out, *v)
		}
	}
	return out
}

func (l *lab) Publish(_ context.Context, all []event.Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.published = append(l.published, all...)
	return nil
}

// lookOnce is AwaitExecution without the waiting, which Temporal's retries do.
func (l *lab) lookOnce(ctx context.Context, in activities.AwaitInput) (activities.AwaitResult, error) {
	state, detail, p, err := l.ports.Activities.Executors[in.Effect.Executor].Get(ctx, in.Effect, in.ID)
	if err == nil && state == incident.ExecutionRunning {
		err = incident.Errorf(incident.KindUnavailable, "execution %s still runs", in.ID)
	}
	return activities.AwaitResult{State: state, Detail: detail, Provenance: p}, err
}

// People may do everything here, and nobody has switched anything off.
func (l *lab) Read(context.Context) (incident.Controls, error) { return l.controls, nil }

func (l *lab) Role(context.Context, string) (incident.Role, error) { return incident.RoleAdmin, nil }

// Request grants every lease at once: nobody else acts.
func (l *lab) Request(_ context.Context, r incident.LeaseRequest) error {
	return l.env.SignalWorkflowByID(r.Holder.WorkflowID, incident.SignalLeaseGranted, incident.LeaseGranted{Resource: r.Resource})
}

func (l *lab) AwaitClose(context.Context, string, string) (*incident.Remediation, error) {
	return nil, nil
}

func (l *lab) Allow(context.Context) error { return nil }

func (l *lab) Add(context.Context, incident.Usage) {}

func (l *lab) Delta(d event.ModelDelta) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deltas = append(l.deltas, d)
}

// routes are why an agent asked the models that it did, in order, until none
// was left.
func (l *lab) routes(a incident.Agent) []string {
	var out []string
	for _, r := range events[event.ModelRouted](l) {
		if r.Agent == a {
			out = append(out, string(r.Reason))
		}
		if r.Agent == a && r.Reason == event.RouteStatistics { // second looks go the same way
			break
		}
	}
	return slices.Compact(out)
}
