package e2e_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"vigil/activities"
	"vigil/deploy/e2e/harness"
	"vigil/deploy/sandbox/world"
	"vigil/workflows"
	"vigil/workflows/incident"
)

// stage is where remediations run by themselves, without an incident around
// each, so that there can be many: the policy leaves everything to Vigil, and
// the mode lets it act.
type stage struct {
	api
	v      *harness.Vigil
	client client.Client
	args   []string // of the worker

	mu   sync.Mutex
	runs []client.WorkflowRun
}

const everythingAlone = "  - {name: alone, when: 'true', then: autonomous, reason: this test wants it}\n"

func startStage(t *testing.T, leases int) *stage {
	t.Helper()
	return startFaultyStage(t, leases, 0)
}

// startFaultyStage is startStage on a Temporal server whose store fails so often.
func startFaultyStage(t *testing.T, leases int, faults float64) *stage {
	t.Helper()
	args := append([]string{"--policy-file", policyFile(t, everythingAlone), "--enable-actions", "all",
		"--lease-service-concurrent", fmt.Sprint(leases), "--lease-account-concurrent", fmt.Sprint(leases)}, quick...)
	v := harness.Start(t, harness.Options{Split: true, WorkerArgs: args, TemporalFaults: faults})
	c, err := client.Dial(client.Options{HostPort: v.TemporalAddr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	s := &stage{api: api{t: t, gateway: v.GatewayURL(), sandbox: v.SandboxURL()}, v: v, client: c, args: args}
	s.control(map[string]any{"mode": incident.ModeExecute, "reason": "this test acts", "revision": 0})
	return s
}

// control changes what people set for everything.
func (s *stage) control(fields map[string]any) {
	s.t.Helper()
	s.must(http.MethodPut, s.gateway+"/api/v1/controls", fields, nil)
}

// begin starts a remediation of so many restarts, one after the other.
func (s *stage) begin(n, steps int, leases int) client.WorkflowRun {
	s.t.Helper()
	services := []string{world.Web, world.API, world.Checkout, world.Catalog, world.Orders, world.Payments}
	service := services[n%len(services)]
	id := fmt.Sprintf("acting-%d", n)
	a := incident.Action{IncidentID: id, PlanRevision: 1, Name: "restart_service", Type: incident.ActionRestartService, Target: service, CatalogueVersion: "test"}
	for range steps {
		a.Steps = append(a.Steps, incident.Step{Executor: "ssm", Document: world.DocumentRestart, Arguments: map[string]string{"Service": service, "Cluster": world.Cluster}})
	}
	now := time.Now().UTC()
	holder := incident.Holder{IncidentID: id, Action: a, State: incident.HolderWaiting}
	limits := incident.LeaseLimits{Concurrent: leases}
	in := workflows.RemediationInput{Action: a, ValidUntil: now.Add(time.Hour), TimeoutMS: 60_000,
		Guard: activities.Guard{Autonomy: incident.AutonomyAutonomous, Facts: incident.Facts{IncidentID: id, Severity: incident.SeverityHigh, Service: service,
			Action: a.Name, Type: a.Type, Risk: incident.RiskLow, BlastRadius: incident.BlastService, Enabled: true, Cause: incident.CauseMemoryLeak,
			Verdict: incident.VerdictProbable, Confidence: 0.9, Score: 0.9, ValidWeight: 0.9, DiagnosisVoted: true, Models: incident.ModelsOn,
			Attempt: 1, Origin: incident.OriginSimulated}},
		Probe:    incident.Probe{Points: 2, EveryMS: 1000, TimeoutMS: 1},
		Recovery: activities.RecoveryInput{Services: []string{service}, BaselineFrom: now.Add(-2 * time.Minute), BaselineTo: now.Add(-time.Minute)},
		Leases: []incident.LeaseRequest{{Resource: incident.ServiceResource(service), Holder: holder, Limits: limits},
			{Resource: incident.AccountResource("default"), Holder: holder, Limits: limits}},
	}
	var run client.WorkflowRun
	eventually(s.t, time.Minute, "the remediation is started", func() (string, bool) { // again where Temporal's store fails
		var err error
		run, err = s.client.ExecuteWorkflow(context.Background(), client.StartWorkflowOptions{ID: incident.RemediationID(id, 1), TaskQueue: incident.TaskQueue}, incident.RemediationWorkflowType, in)
		return fmt.Sprint(err), err == nil
	})
	s.mu.Lock()
	s.runs = append(s.runs, run)
	s.mu.Unlock()
	return run
}

// outcomes waits until every remediation has ended.
func (s *stage) outcomes(within time.Duration) map[incident.RemediationState]int {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	out := map[incident.RemediationState]int{}
	for _, run := range s.runs {
		var r incident.Remediation
		if err := run.Get(ctx, &r); err != nil {
			s.t.Errorf("%s has no outcome: %v", run.GetID(), err)
			continue
		}
		if !r.State.Ended() {
			s.t.Errorf("%s ended as %s", run.GetID(), r.State)
		}
		out[r.State]++
		s.t.Logf("%s: %s; %s", run.GetID(), r.State, r.Detail)
	}
	return out
}

// starts are the calls that began an effect, as the sandbox saw them.
func (s *stage) starts() []call {
	s.t.Helper()
	var log struct {
		Calls []call `json:"calls"`
	}
	s.must(http.MethodGet, s.sandbox+"/_calls?operation=StartAutomationExecution", nil, &log)
	return log.Calls
}

// leasesFree holds that in the end nobody holds or waits for a lease.
func (s *stage) leasesFree() {
	s.t.Helper()
	s.t.Cleanup(func() {
		if s.t.Failed() {
			s.showLeases()
		}
	})
	eventually(s.t, 60*time.Second, "every lease is free", func() (any, bool) {
		var out struct { // anew each time: what is empty is left out of the answer
			Leases []incident.LeaseState `json:"leases"`
		}
		s.must(http.MethodGet, s.gateway+"/api/v1/leases", nil, &out)
		for _, l := range out.Leases {
			if len(l.Holders)+len(l.Waiting) > 0 {
				return out, false
			}
		}
		return out, true
	})
}

// showLeases says what the workflows of leases that are open wait for.
func (s *stage) showLeases() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, resource := range []string{incident.AccountResource("default"), incident.ServiceResource(world.Web)} {
		d, err := s.client.DescribeWorkflowExecution(ctx, incident.LeaseID(resource), "")
		if err != nil {
			s.t.Logf("lease of %s: %v", resource, err)
			continue
		}
		s.t.Logf("lease of %s: %s, %d events, pending task %v", resource, d.GetWorkflowExecutionInfo().GetStatus(), d.GetWorkflowExecutionInfo().GetHistoryLength(), d.GetPendingWorkflowTask())
		for _, p := range d.GetPendingActivities() {
			s.t.Logf("  pending %v", p)
		}
	}
}

// otherWorker starts a second worker beside the first one.
func (s *stage) otherWorker(natsAddr string) *harness.Vigil {
	s.t.Helper()
	second := harness.Prepare(s.t, harness.Options{WorkerArgs: s.args})
	second.TemporalAddr, second.NATSAddr, second.SandboxAddr, second.GatewayAddr = s.v.TemporalAddr, natsAddr, s.v.SandboxAddr, s.v.GatewayAddr
	return second
}

// cable is a TCP connection that can be cut.
type cable struct {
	listener net.Listener
	to       string

	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

func newCable(t *testing.T, to string) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{listener: l, to: strings.TrimPrefix(to, "nats://")}
	t.Cleanup(func() { c.sever(); _ = l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			c.join(in)
		}
	}()
	return c
}

func (c *cable) join(in net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut {
		_ = in.Close()
		return
	}
	out, err := net.Dial("tcp", c.to)
	if err != nil {
		_ = in.Close()
		return
	}
	c.conns = append(c.conns, in, out)
	go func() { _, _ = io.Copy(in, out); _ = in.Close() }()
	go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
}

// sever cuts what is connected, and refuses what wants to be.
func (c *cable) sever() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = true
	for _, conn := range c.conns {
		_ = conn.Close()
	}
}
