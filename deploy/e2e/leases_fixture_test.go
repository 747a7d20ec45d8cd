package e2e_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	sdk "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"vigil/activities"
	"vigil/activities/leases"
	"vigil/workflows"
	"vigil/workflows/incident"
)

// leasedWorld is where actions take effect: what it counts as under way is
// what leases are there to bound. An effect goes on when the worker that began
// it is killed, and when the remediation that wanted it is terminated, as a
// document goes on in AWS.
type leasedWorld struct {
	bounds map[string]int // effects at once, by resource

	mu      sync.Mutex
	effects map[string]*leasedEffect // by token
	plan    map[string]*leasedEffect // by incident: what its effect will be like
	active  map[string]int           // by resource
	most    map[string]int
	faults  []string
	began   chan string // incidents whose effect has just begun
}

type leasedEffect struct {
	lasts   time.Duration
	hidden  time.Duration // not shown to who looks for it until so long after it began
	beganAt time.Time
}

func newLeasedWorld(bounds map[string]int) *leasedWorld {
	return &leasedWorld{bounds: bounds, effects: map[string]*leasedEffect{}, plan: map[string]*leasedEffect{}, active: map[string]int{},
		most: map[string]int{}, began: make(chan string, 1000)}
}

func (w *leasedWorld) Start(_ context.Context, e incident.Effect) (string, incident.Provenance, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	x := w.plan[e.IncidentID]
	if !x.beganAt.IsZero() {
		w.faults = append(w.faults, fmt.Sprintf("the effect of %s was begun twice", e.IncidentID))
		return e.Token(), incident.Provenance{}, nil
	}
	x.beganAt = time.Now()
	w.effects[e.Token()] = x
	resources := []string{incident.ServiceResource(e.Target), incident.AccountResource(leasedAccount)}
	for _, r := range resources {
		w.active[r]++
		w.most[r] = max(w.most[r], w.active[r])
		if w.active[r] > w.bounds[r] {
			w.faults = append(w.faults, fmt.Sprintf("%d effects at once on %s, %d are allowed: %s was the last", w.active[r], r, w.bounds[r], e.IncidentID))
		}
	}
	time.AfterFunc(x.lasts, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, r := range resources {
			w.active[r]--
		}
	})
	w.began <- e.IncidentID
	return e.Token(), incident.Provenance{Origin: incident.OriginSimulated, Service: "world"}, nil
}

func (w *leasedWorld) Find(_ context.Context, e incident.Effect) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if x := w.effects[e.Token()]; x != nil && time.Since(x.beganAt) >= x.hidden {
		return e.Token(), nil
	}
	return "", nil
}

func (w *leasedWorld) Get(_ context.Context, _ incident.Effect, id string) (incident.ExecutionState, string, incident.Provenance, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := incident.Provenance{Origin: incident.OriginSimulated, Service: "world"}
	switch x := w.effects[id]; {
	case x == nil:
		return "", "", p, incident.Errorf(incident.KindNotFound, "there is no execution %s", id)
	case time.Since(x.beganAt) < x.lasts:
		return incident.ExecutionRunning, "", p, nil
	}
	return incident.ExecutionSucceeded, "done", p, nil
}

func (w *leasedWorld) Observe(context.Context, incident.Effect) (incident.TargetState, incident.Provenance, error) {
	return incident.TargetState{}, incident.Provenance{}, nil
}

func (w *leasedWorld) Call(incident.Effect) (incident.Call, error) { return incident.Call{}, nil }

// What a decision depends on holds: this is about leases.
func (w *leasedWorld) Judge(context.Context, incident.Facts, time.Time) (incident.PolicyVerdict, error) {
	return incident.PolicyVerdict{Autonomy: incident.AutonomyAutonomous}, nil
}

func (w *leasedWorld) Read(context.Context) (incident.Controls, error) {
	return incident.Controls{Mode: incident.ModeExecute}, nil
}

// check reports what was more than allowed, and how much there was at most.
func (w *leasedWorld) check(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.faults {
		t.Error(f)
	}
	for _, r := range slices.Sorted(maps.Keys(w.bounds)) {
		t.Logf("%s: at most %d effects at once, %d are allowed", r, w.most[r], w.bounds[r])
	}
}

// startLeaseWorker starts a worker that carries out actions on w. kill ends it
// as kill -9 would: nothing that it was at is reported to the server.
func startLeaseWorker(t *testing.T, addr string, w *leasedWorld) (kill func()) {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: addr, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	if err != nil {
		t.Fatal(err)
	}
	a := &activities.Activities{Leases: leases.New(c), Policy: w, Controls: w, Executors: map[string]activities.Executor{"world": w}}
	run := sdk.New(c, incident.TaskQueue, sdk.Options{MaxConcurrentWorkflowTaskPollers: 4, MaxConcurrentActivityTaskPollers: 4})
	run.RegisterWorkflowWithOptions(workflows.LeaseWorkflow, workflow.RegisterOptions{Name: incident.LeaseWorkflowType})
	run.RegisterWorkflowWithOptions(workflows.RemediationWorkflow, workflow.RegisterOptions{Name: incident.RemediationWorkflowType})
	for name, fn := range map[string]any{
		activities.RequestLeasesName: a.RequestLease, activities.AwaitHolderName: a.AwaitHolder, activities.ReadBackActionName: a.ReadBackAction,
		activities.ExecuteActionName: a.ExecuteAction, activities.FindExecutionName: a.FindExecution, activities.AwaitExecutionName: a.AwaitExecution,
		activities.MeasureRecoveryName: func(context.Context, activities.RecoveryInput) (incident.Verification, error) {
			return incident.Verification{State: incident.VerificationHelped}, nil
		},
	} {
		run.RegisterActivityWithOptions(fn, activity.RegisterOptions{Name: name})
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	return sync.OnceFunc(func() {
		c.Close() // first, so that nothing more is said
		run.Stop()
	})
}
