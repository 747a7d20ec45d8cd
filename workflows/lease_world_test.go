package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"vigil/activities"
	"vigil/workflows"
	"vigil/workflows/incident"
)

const leased = "service:checkout"

var (
	leaseAdmin = incident.Principal{Name: "zoe", Role: incident.RoleAdmin}
	leaseStart = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
)

// leaseHolders are the workflows that a lease has to do with, and what they did to
// the world. They outlive the runs of the lease's workflow.
type leaseHolders struct {
	mu      sync.Mutex
	now     func() time.Time
	granted []string // who was told, in order
	told    []time.Time
	over    map[string]*incident.Remediation // closed, with what they said
	follow  map[string][]byte                // task tokens of those who wait for the close
	lost    map[string]error                 // what following answers first
	reads   map[string]func() (string, error)
	read    map[string][]time.Time // when each was read back
	onGrant func(id string)
}

// leaseRun is one run of LeaseWorkflow in the test environment.
type leaseRun struct {
	*leaseHolders
	t      tester
	env    *testsuite.TestWorkflowEnvironment
	script []leaseStep // what happens, in whichever run

	asked, answered int // updates
}

// leaseStep happens once, so long after the first run began.
type leaseStep struct {
	at   time.Duration
	do   func(*leaseRun)
	done *bool
}

func newLease(t tester, names ...string) *leaseRun {
	l := &leaseRun{t: t, leaseHolders: &leaseHolders{over: map[string]*incident.Remediation{}, follow: map[string][]byte{}, lost: map[string]error{},
		reads: map[string]func() (string, error){}, read: map[string][]time.Time{}}}
	l.begin(leaseStart, names)
	return l
}

func (l *leaseRun) begin(at time.Time, names []string) {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	l.env = suite.NewTestWorkflowEnvironment()
	l.env.SetStartTime(at)
	l.env.SetTestTimeout(20 * time.Second)
	l.mu.Lock()
	l.now = l.env.Now
	l.mu.Unlock()
	l.env.RegisterWorkflowWithOptions(workflows.LeaseWorkflow, workflow.RegisterOptions{Name: incident.LeaseWorkflowType})
	l.env.RegisterActivityWithOptions(l.awaitHolder, activity.RegisterOptions{Name: activities.AwaitHolderName})
	l.env.RegisterActivityWithOptions(l.readBack, activity.RegisterOptions{Name: activities.ReadBackActionName})
	for _, n := range names {
		l.env.OnSignalExternalWorkflow("default-test-namespace", n, n+"-run", incident.SignalLeaseGranted, incident.LeaseGranted{Resource: leased}).
			Return(func(_, id, _, _ string, _ any) error { return l.grant(id) }).Maybe()
	}
}

func (h *leaseHolders) grant(id string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, gone := h.over[id]; gone {
		return errors.New("unknown external workflow execution")
	}
	if h.onGrant != nil {
		h.onGrant(id)
	}
	h.granted, h.told = append(h.granted, id), append(h.told, h.now())
	return nil
}

func (h *leaseHolders) awaitHolder(ctx context.Context, in activities.HolderInput) (activities.HolderResult, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.lost[in.WorkflowID]; err != nil {
		delete(h.lost, in.WorkflowID)
		return activities.HolderResult{}, err
	}
	if r, gone := h.over[in.WorkflowID]; gone {
		return activities.HolderResult{Remediation: r}, nil
	}
	h.follow[in.WorkflowID] = activity.GetInfo(ctx).TaskToken
	return activities.HolderResult{}, activity.ErrResultPending
}

func (h *leaseHolders) readBack(_ context.Context, a incident.Action) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.read[a.IncidentID] = append(h.read[a.IncidentID], h.now())
	if f := h.reads[a.IncidentID]; f != nil {
		return f()
	}
	return "nothing of it is visible", nil
}

// leaseFailure is what an activity of the product answers.
func leaseFailure(k incident.Kind, text string) error {
	return temporal.NewApplicationErrorWithOptions(text, string(k), temporal.ApplicationErrorOptions{NonRetryable: !k.Retryable()})
}

// at has something happen, so long after the beginning.
func (l *leaseRun) at(after time.Duration, do func(*leaseRun)) {
	s := leaseStep{at: after, do: do, done: new(bool)}
	l.script = append(l.script, s)
	l.schedule(s)
}

func (l *leaseRun) schedule(s leaseStep) {
	l.env.RegisterDelayedCallback(func() {
		if !*s.done && !l.env.IsWorkflowCompleted() {
			*s.done = true
			s.do(l)
		}
	}, max(0, leaseStart.Add(s.at).Sub(l.env.Now())))
}

// asks has a holder ask; change changes the request.
func (l *leaseRun) asks(id string, change ...func(*incident.LeaseRequest)) {
	r := incident.LeaseRequest{Resource: leased, Limits: incident.LeaseLimits{Concurrent: 1},
		Holder: incident.Holder{WorkflowID: id, RunID: id + "-run", IncidentID: id, Action: incident.Action{IncidentID: id, Name: "restart", Target: "checkout"}}}
	for _, c := range change {
		c(&r)
	}
	l.env.SignalWorkflow(incident.SignalLeaseRequest, r)
}

// closes ends a holder's workflow; the empty state is one that was terminated.
func (l *leaseRun) closes(id string, s incident.RemediationState) {
	var r *incident.Remediation
	if s != "" {
		r = &incident.Remediation{WorkflowID: id, State: s, Executions: []incident.Execution{{Step: 1, Refused: s == incident.RemediationDropped}}}
	}
	l.mu.Lock()
	l.over[id] = r
	token := l.follow[id]
	delete(l.follow, id)
	l.mu.Unlock()
	if token != nil {
		if err := l.env.CompleteActivity(token, activities.HolderResult{Remediation: r}, nil); err != nil {
			l.t.Errorf("close %s: %v", id, err)
		}
	}
}

func (l *leaseRun) state() incident.LeaseState {
	l.t.Helper()
	var s incident.LeaseState
	v, err := l.env.QueryWorkflow(incident.QueryLease)
	if err == nil {
		err = v.Get(&s)
	}
	if err != nil {
		l.t.Fatal(err)
	}
	return s
}

// clears is a person's word that a holder is done; kind is that of the refusal,
// which comes a moment later.
func (l *leaseRun) clears(p incident.Principal, id, reason string, kind incident.Kind) {
	l.asked++
	answer := func(err error) {
		l.answered++
		if got := activities.KindOf(err); err != nil && got != kind || (err == nil) != (kind == "") {
			l.t.Errorf("clearing %s by %s: %v, wanted %q", id, p.Name, err, kind)
		}
	}
	l.env.UpdateWorkflow(incident.UpdateClearLease, fmt.Sprint("clear-", l.asked), &testsuite.TestUpdateCallback{OnReject: answer, OnAccept: func() {},
		OnComplete: func(_ any, err error) { answer(err) }}, incident.ClearLeaseArgs{Principal: p, WorkflowID: id, Reason: reason})
}

// run runs to the end of the lease and returns how it stood then.
func (l *leaseRun) run() incident.LeaseState {
	l.t.Helper()
	l.env.ExecuteWorkflow(incident.LeaseWorkflowType, incident.LeaseState{Resource: leased, Limits: incident.LeaseLimits{Concurrent: 1}})
	if err := l.env.GetWorkflowError(); err != nil {
		l.t.Fatalf("ended with %v", err)
	}
	if l.answered != l.asked {
		l.t.Errorf("%d of %d updates were answered", l.answered, l.asked)
	}
	return l.state()
}

// runAll goes on until nothing is left to happen, over every run: those that
// continue, and those that are started anew because the lease had ended. It
// returns how the last stood, with what all of them counted, and how many runs
// there were.
func (l *leaseRun) runAll(names ...string) (last incident.LeaseState, runs int) {
	l.t.Helper()
	in := incident.LeaseState{Resource: leased, Limits: incident.LeaseLimits{Concurrent: 1}}
	var granted, released int64 // by leases that ended
	for {
		runs++
		l.env.ExecuteWorkflow(incident.LeaseWorkflowType, in)
		in = incident.LeaseState{Resource: leased, Limits: incident.LeaseLimits{Concurrent: 1}}
		err := l.env.GetWorkflowError()
		var again *workflow.ContinueAsNewError
		switch {
		case errors.As(err, &again):
			in = incident.LeaseState{}
			if err := converter.GetDefaultDataConverter().FromPayloads(again.Input, &in); err != nil {
				l.t.Fatal(err)
			}
		case err != nil:
			l.t.Fatalf("ended with %v", err)
		default:
			last = l.state()
			granted, released = granted+last.Granted, released+last.Released
			if len(last.Holders)+len(last.Waiting) > 0 || !slices.ContainsFunc(l.script, func(s leaseStep) bool { return !*s.done }) {
				last.Granted, last.Released = granted, released
				return last, runs
			}
		}
		l.mu.Lock()
		l.follow = map[string][]byte{} // the activities of a run end with it
		l.mu.Unlock()
		l.begin(l.env.Now(), names)
		for _, s := range l.script {
			if !*s.done {
				l.schedule(s)
			}
		}
	}
}

func holderIDs(list []incident.Holder) []string {
	out := []string{}
	for _, h := range list {
		out = append(out, h.WorkflowID)
	}
	return out
}

func wantIDs(t tester, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, wanted %v", what, got, want)
	}
}
