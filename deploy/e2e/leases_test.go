package e2e_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	sdk "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"vigil/deploy/e2e/harness"
	"vigil/deploy/processes"
	"vigil/workflows"
	"vigil/workflows/incident"
)

const (
	leasedServices = 10
	leasedAccount  = "contended"
	leaseHistory   = 2500 // events that no lease's history may reach
)

// TestLeases has remediations contend for ten services and one account on a
// real server, while workers are killed and remediations terminated at random.
// Counted where the effects are, there is never more at once than the limits
// allow; whoever asked first was served first; no lease is left over; and the
// leases' histories stay short, because they go on in new runs.
func TestLeases(t *testing.T) {
	sideBySide(t)
	holders, terminated, kills := 150, 4, 1
	if *campaign {
		holders, terminated, kills = 500, 40, 8
	}
	r := rand.New(rand.NewPCG(*seed, 5))
	t.Logf("seed %d", *seed)
	v := harness.Start(t, harness.Options{Split: true, Parts: []string{processes.Temporal}})
	c, err := client.Dial(client.Options{HostPort: v.TemporalAddr, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	bounds := map[string]int{incident.AccountResource(leasedAccount): 5}
	for n := range leasedServices {
		bounds[incident.ServiceResource(fmt.Sprint("svc-", n))] = 1 + n%2
	}
	w := newLeasedWorld(bounds)
	race := &leaseContest{t: t, c: c, world: w, random: r}
	for n := range holders {
		race.add(fmt.Sprint("inc-", n), fmt.Sprint("svc-", r.IntN(leasedServices)))
	}
	for _, n := range r.Perm(holders)[:terminated] { // in the middle of an effect that goes on
		p := w.plan[race.ids[n]]
		p.lasts, p.hidden = 2*time.Second+time.Duration(r.IntN(6000))*time.Millisecond, time.Second
		race.strike = append(race.strike, race.ids[n])
	}
	kill := startLeaseWorker(t, v.TemporalAddr, w)
	defer func() { kill() }()
	begin := time.Now()
	race.start()
	for killed, seen := 0, 0; ; {
		done := race.until(seen + holders/(kills+1))
		if done || killed == kills {
			break
		}
		kill()
		kill = startLeaseWorker(t, v.TemporalAddr, w)
		killed, seen = killed+1, race.seen
	}
	race.until(holders)
	t.Logf("%d remediations, %d of them terminated, %d worker kills in %s", holders, len(race.struck), kills, time.Since(begin).Round(time.Second))

	w.check(t)
	for _, resource := range slices.Sorted(maps.Keys(bounds)) {
		checkLease(t, c, resource)
	}
}

// leaseContest is remediations that want leases.
type leaseContest struct {
	t      *testing.T
	c      client.Client
	world  *leasedWorld
	random *rand.Rand
	ids    []string // of incidents
	inputs map[string]workflows.RemediationInput
	strike []string // terminated when their effect has begun
	struck []string
	seen   int // effects that began
}

func (r *leaseContest) add(id, service string) {
	if r.inputs == nil {
		r.inputs = map[string]workflows.RemediationInput{}
	}
	lasts := time.Duration(1+r.random.IntN(5)) * time.Millisecond
	if r.random.IntN(10) == 0 {
		lasts = time.Duration(200+r.random.IntN(1500)) * time.Millisecond
	}
	r.world.plan[id] = &leasedEffect{lasts: lasts}
	action := incident.Action{IncidentID: id, PlanRevision: 1, Name: "restart", Type: incident.ActionRestartService, Target: service, CatalogueVersion: "1",
		Steps: []incident.Step{{Executor: "world", Document: "Restart", Arguments: map[string]string{"service": service}}}}
	in := workflows.RemediationInput{Action: action, ValidUntil: time.Now().Add(time.Hour), TimeoutMS: time.Minute.Milliseconds(),
		Probe: incident.Probe{Points: 1, EveryMS: 1000, TimeoutMS: 10_000}}
	in.Guard.Autonomy = incident.AutonomyAutonomous
	in.Guard.Facts = incident.Facts{IncidentID: id, Service: service, Enabled: true, Verdict: incident.VerdictProbable, DiagnosisVoted: true, ValidWeight: 1,
		Models: incident.ModelsOff}
	for _, resource := range []string{incident.ServiceResource(service), incident.AccountResource(leasedAccount)} {
		in.Leases = append(in.Leases, incident.LeaseRequest{Resource: resource, Limits: incident.LeaseLimits{Concurrent: r.world.bounds[resource]},
			Holder: incident.Holder{IncidentID: id, Action: action}})
	}
	r.ids, r.inputs[id] = append(r.ids, id), in
}

func remedy(id string) string { return id + "-remedy" }

func (r *leaseContest) start() {
	r.t.Helper()
	for _, id := range r.ids {
		if _, err := r.c.ExecuteWorkflow(r.t.Context(), client.StartWorkflowOptions{ID: remedy(id), TaskQueue: incident.TaskQueue},
			incident.RemediationWorkflowType, r.inputs[id]); err != nil {
			r.t.Fatal(err)
		}
	}
}

// until goes on until so many effects have begun, or every remediation has
// closed, which it reports. Those that are to be struck are terminated when
// their effect begins, and with each of them one that still waits.
func (r *leaseContest) until(effects int) (done bool) {
	r.t.Helper()
	look := time.NewTicker(500 * time.Millisecond)
	defer look.Stop()
	limit := time.After(5 * time.Minute)
	for r.seen < effects {
		select {
		case id := <-r.world.began:
			r.seen++
			if slices.Contains(r.strike, id) {
				r.terminate(id)
				if other := r.ids[r.random.IntN(len(r.ids))]; r.waits(other) {
					r.terminate(other)
				}
			}
		case <-look.C:
			if r.running() == 0 {
				return true
			}
		case <-limit:
			r.t.Fatalf("%d effects have begun in five minutes, and %d remediations run", r.seen, r.running())
		}
	}
	return false
}

// waits reports whether the effect of an incident has not begun.
func (r *leaseContest) waits(id string) bool {
	r.world.mu.Lock()
	defer r.world.mu.Unlock()
	return r.world.plan[id].beganAt.IsZero()
}

func (r *leaseContest) terminate(id string) {
	r.t.Helper()
	if err := r.c.TerminateWorkflow(r.t.Context(), remedy(id), "", "the test ends it"); err == nil { // an error: it has closed already
		r.struck = append(r.struck, id)
	}
}

// running is how many remediations have not closed.
func (r *leaseContest) running() int64 {
	r.t.Helper()
	n, err := r.c.CountWorkflow(r.t.Context(), &workflowservice.CountWorkflowExecutionsRequest{
		Query: "WorkflowType = '" + incident.RemediationWorkflowType + "' AND ExecutionStatus = 'Running'"})
	if err != nil {
		r.t.Fatal(err)
	}
	return n.GetCount()
}

// checkLease holds that nothing is left of the leases of a resource, and reads
// in the histories of all runs that they were granted in the order in which
// they were asked for.
func checkLease(t *testing.T, c client.Client, resource string) {
	t.Helper()
	id := incident.LeaseID(resource)
	var s incident.LeaseState
	harness.Eventually(t, 90*time.Second, func() error {
		v, err := c.QueryWorkflow(t.Context(), id, "", incident.QueryLease)
		if err != nil {
			return err
		}
		s = incident.LeaseState{} // what is empty is left out of the answer
		if err := v.Get(&s); err != nil {
			return err
		}
		if len(s.Holders)+len(s.Waiting) > 0 || s.Granted != s.Released {
			return fmt.Errorf("%s: %d hold (%+v), %d wait, %d of %d released", resource, len(s.Holders), s.Holders, len(s.Waiting), s.Released, s.Granted)
		}
		return nil
	})
	replay := sdk.NewWorkflowReplayer()
	replay.RegisterWorkflowWithOptions(workflows.LeaseWorkflow, workflow.RegisterOptions{Name: incident.LeaseWorkflowType})
	line := leaseLine{t: t, resource: resource, asked: map[string]time.Time{}, granted: map[string]bool{}}
	runs := leaseRuns(t, c, id)
	events, longest := 0, 0
	for _, run := range runs {
		line.read(run)
		events, longest = events+len(run), max(longest, len(run))
		if err := replay.ReplayWorkflowHistory(nil, &history.History{Events: run}); err != nil {
			t.Errorf("%s: its history does not replay: %v", resource, err)
		}
	}
	if int64(len(line.granted)) != s.Granted {
		t.Errorf("%s: %d were told that they have it, it counts %d", resource, len(line.granted), s.Granted)
	}
	if longest >= leaseHistory {
		t.Errorf("%s: a history of %d events", resource, longest)
	}
	if resource == incident.AccountResource(leasedAccount) && len(runs) < 2 {
		t.Errorf("%s: %d events in one run; it never went on in a new one", resource, events)
	}
	slices.Sort(line.waits)
	t.Logf("%s: %d asked, %d granted; waited %s in the middle, %s at most; %d runs, the longest of %d events, %.1f a grant", resource, len(line.asked),
		len(line.granted), line.waits[len(line.waits)/2].Round(time.Millisecond), line.waits[len(line.waits)-1].Round(time.Millisecond), len(runs), longest,
		float64(events)/float64(max(1, len(line.granted))))
}

// leaseRuns are the histories of a lease, first run first.
func leaseRuns(t *testing.T, c client.Client, id string) [][]*history.HistoryEvent {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var runs [][]*history.HistoryEvent
	for run := ""; ; {
		var all []*history.HistoryEvent
		for it := c.GetWorkflowHistory(ctx, id, run, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); it.HasNext(); {
			e, err := it.Next()
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, e)
		}
		runs = append(runs, all)
		if run = all[0].GetWorkflowExecutionStartedEventAttributes().GetContinuedExecutionRunId(); run == "" {
			slices.Reverse(runs)
			return runs
		}
	}
}

// leaseLine is what the histories of a lease say of who stood in line.
type leaseLine struct {
	t        *testing.T
	resource string
	line     []string // those who asked and were not served, first come first
	asked    map[string]time.Time
	granted  map[string]bool
	waits    []time.Duration
}

func (l *leaseLine) read(run []*history.HistoryEvent) {
	l.t.Helper()
	served := map[int64]string{}
	for _, e := range run {
		switch e.GetEventType() {
		case enums.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
			var r incident.LeaseRequest
			if err := converter.GetDefaultDataConverter().FromPayloads(e.GetWorkflowExecutionSignaledEventAttributes().GetInput(), &r); err != nil {
				l.t.Fatal(err)
			}
			id := r.Holder.WorkflowID
			if _, again := l.asked[id]; !again {
				l.asked[id] = e.GetEventTime().AsTime()
				l.line = append(l.line, id)
			}
		case enums.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:
			id := e.GetSignalExternalWorkflowExecutionInitiatedEventAttributes().GetWorkflowExecution().GetWorkflowId()
			served[e.GetEventId()] = id
			switch i := slices.Index(l.line, id); {
			case i < 0: // it asked again after it was served
			case i > 0:
				l.t.Errorf("%s: %s was served before %v", l.resource, id, l.line[:i])
				fallthrough
			default:
				l.line = slices.Delete(l.line, i, i+1)
			}
		case enums.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED:
			id := served[e.GetExternalWorkflowExecutionSignaledEventAttributes().GetInitiatedEventId()]
			if l.granted[id] {
				l.t.Errorf("%s: %s was granted twice", l.resource, id)
			}
			l.granted[id] = true
			l.waits = append(l.waits, e.GetEventTime().AsTime().Sub(l.asked[id]))
		}
	}
}
