package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"vigil/activities"
	"vigil/workflows/incident"
)

// RemediationInput is a decided action.
type RemediationInput struct {
	Action     incident.Action          `json:"action"`
	Guard      activities.Guard         `json:"guard"`
	ValidUntil time.Time                `json:"valid_until"`      // when the decision is too old to begin on
	TimeoutMS  int64                    `json:"timeout_ms"`       // how long one step may take
	Leases     []incident.LeaseRequest  `json:"leases,omitempty"` // taken in this order
	Probe      incident.Probe           `json:"probe"`
	Recovery   activities.RecoveryInput `json:"recovery"` // what the probe compares
}

// remediation is one run of RemediationWorkflow. Only workflow coroutines touch
// it.
type remediation struct {
	in        RemediationInput
	out       incident.Remediation
	incident  *workflow.Execution // that wants it; nil where nobody does
	withdrawn string              // why it is no longer wanted
	granted   map[string]bool
	done      []int                        // steps that changed something, or may have, in order
	news      []incident.RemediationUpdate // to tell the incident, in order
}

// RemediationWorkflow carries out one action: leases, the steps in order, a
// probe that tells whether it helped, and otherwise the undoing of the steps in
// reverse. Its history is the ledger: the scheduled start of an effect is the
// intent; an intent without outcome is read back at the executor, and where
// that cannot tell, the outcome is unknown and nothing more is done. It returns
// an outcome, not an error. Its leases end when it closes.
//
// It is one history: while something may be half done it does not continue as
// new. A step costs some 20 events, a look of the probe 8.
func RemediationWorkflow(ctx workflow.Context, in RemediationInput) (incident.Remediation, error) {
	if in.TimeoutMS <= 0 {
		in.TimeoutMS = int64(10 * time.Minute / time.Millisecond)
	}
	info := workflow.GetInfo(ctx)
	r := &remediation{in: in, incident: info.ParentWorkflowExecution, granted: map[string]bool{}, out: incident.Remediation{
		WorkflowID: info.WorkflowExecution.ID, ActionHash: in.Action.Hash(), Name: in.Action.Name, Target: in.Action.Target,
		State: incident.RemediationWaiting, StartedAt: workflow.Now(ctx).UTC()}}
	r.listen(ctx)
	r.run(ctx)
	r.out.EndedAt, r.out.WaitsFor = workflow.Now(ctx).UTC(), ""
	// What was told arrives before the outcome, which goes another way.
	_, _ = workflow.AwaitWithTimeout(ctx, newsWait, func() bool { return len(r.news) == 0 })
	return r.out, nil
}

func (r *remediation) run(ctx workflow.Context) {
	if why := r.takeLeases(ctx); why != "" {
		r.end(incident.RemediationDropped, why)
		return
	}
	r.out.State = incident.RemediationRunning
	for n := range r.in.Action.Steps {
		if r.withdrawn != "" {
			break
		}
		x := r.effect(ctx, r.in.Action.Effect(n+1))
		switch {
		case x.State == incident.ExecutionUnknown:
			r.end(incident.RemediationUnknown, fmt.Sprintf("step %d: %s", n+1, x.Detail))
			return
		case x.State == incident.ExecutionFailed && x.Refused && len(r.done) == 0:
			r.out.Voided = x.Voided
			if x.Voided {
				r.end(incident.RemediationDropped, x.Detail)
			} else {
				r.end(incident.RemediationFailed, x.Detail)
			}
			return
		case x.State == incident.ExecutionFailed:
			r.takeBack(ctx, fmt.Sprintf("step %d of %d failed: %s", n+1, len(r.in.Action.Steps), x.Detail))
			return
		}
	}
	switch {
	case r.withdrawn != "" && len(r.done) == 0:
		r.end(incident.RemediationDropped, r.withdrawn)
	case r.withdrawn != "" && len(r.done) < len(r.in.Action.Steps):
		r.takeBack(ctx, r.withdrawn)
	default:
		r.judge(ctx)
	}
}

// judge says whether the action helped, and takes it back where it did not.
func (r *remediation) judge(ctx workflow.Context) {
	v, asked := r.probe(ctx)
	switch {
	case !asked:
		r.end(incident.RemediationUnproven, "nobody waited to see whether it helped: "+r.withdrawn)
	case v.State == incident.VerificationHelped:
		r.end(incident.RemediationHelped, v.Detail)
	case v.State == incident.VerificationUnknown:
		r.end(incident.RemediationUnproven, v.Detail)
	default:
		r.takeBack(ctx, v.Detail)
	}
}

// takeBack undoes what was done, last first, each once. What cannot be undone
// is a person's: nothing more is tried.
func (r *remediation) takeBack(ctx workflow.Context, why string) {
	r.out.State = incident.RemediationUndoing
	undone, left := 0, 0
	for i := len(r.done) - 1; i >= 0; i-- {
		e, ok := r.in.Action.Undo(r.done[i])
		if !ok { // such as a restart: there is nothing to take back
			left++
			continue
		}
		x := r.effect(ctx, e)
		if x.State != incident.ExecutionSucceeded {
			r.end(incident.RemediationUnsafe, fmt.Sprintf("%s; undoing step %d: %s: %s", why, e.Step, x.State, x.Detail))
			return
		}
		undone++
	}
	detail := fmt.Sprintf("%s; %d undone", why, undone)
	if left > 0 {
		detail += fmt.Sprintf(", %d with nothing to undo", left)
	}
	r.end(incident.RemediationUndone, detail)
}

func (r *remediation) end(s incident.RemediationState, detail string) {
	r.out.State, r.out.Detail = s, detail
}

// listen takes grants and withdrawals as they come.
func (r *remediation) listen(ctx workflow.Context) {
	withdraw := workflow.GetSignalChannel(ctx, incident.SignalWithdraw)
	granted := workflow.GetSignalChannel(ctx, incident.SignalLeaseGranted)
	workflow.Go(ctx, func(ctx workflow.Context) {
		for {
			var s incident.WithdrawSignal
			if !withdraw.Receive(ctx, &s) {
				return
			}
			r.withdrawn = "withdrawn: " + s.Reason
		}
	})
	workflow.Go(ctx, func(ctx workflow.Context) {
		for {
			var g incident.LeaseGranted
			if !granted.Receive(ctx, &g) {
				return
			}
			r.granted[g.Resource] = true
		}
	})
}

// tellAfter is how long a lease may take before people are told of waiting.
const tellAfter = 2 * time.Second

// takeLeases waits for each lease in turn. It returns why there is none.
func (r *remediation) takeLeases(ctx workflow.Context) string {
	for _, l := range r.in.Leases {
		if err := workflow.ExecuteActivity(leaseOptions(ctx), activities.RequestLeasesName, l).Get(ctx, nil); err != nil {
			return "the lease of " + l.Resource + " could not be asked for: " + activities.Said(err)
		}
		has := func() bool { return r.granted[l.Resource] || r.withdrawn != "" }
		if ok, err := workflow.AwaitWithTimeout(ctx, tellAfter, has); err == nil && !ok {
			r.out.WaitsFor = l.Resource
			r.tell(ctx, incident.RemediationUpdate{})
			left := max(r.in.ValidUntil.Sub(workflow.Now(ctx)), time.Millisecond)
			if ok, err = workflow.AwaitWithTimeout(ctx, left, has); err == nil && !ok {
				r.out.Voided = true
				return "the decision became too old while it waited for the lease of " + l.Resource
			}
		}
		r.out.WaitsFor = ""
		if ctx.Err() != nil {
			return "the remediation was cancelled in Temporal"
		}
		if r.withdrawn != "" {
			return r.withdrawn
		}
	}
	return ""
}

// probe looks at the telemetry until it is back to its state before the
// incident for several points, or the time is up. asked is false where nobody
// wants to know any more.
func (r *remediation) probe(ctx workflow.Context) (v incident.Verification, asked bool) {
	r.out.State = incident.RemediationProbing
	r.tell(ctx, incident.RemediationUpdate{})
	deadline := workflow.Now(ctx).Add(ms(r.in.Probe.TimeoutMS))
	for r.withdrawn == "" && ctx.Err() == nil {
		in, now := r.in.Recovery, workflow.Now(ctx).UTC()
		in.Since, in.Now, in.Points, in.Final = r.out.ActedAt, now, r.in.Probe.Points, !now.Before(deadline)
		v = incident.Verification{}
		if err := workflow.ExecuteActivity(readOptions(ctx), activities.MeasureRecoveryName, in).Get(ctx, &v); err != nil {
			v = incident.Verification{State: incident.VerificationUnknown, Detail: "the telemetry cannot be read: " + activities.Said(err)}
		}
		last := v.State == incident.VerificationHelped || in.Final
		if !last { // what cannot be told yet may be told by the next point
			v.State = incident.VerificationMeasuring
		}
		r.out.Verification = &v
		r.tell(ctx, incident.RemediationUpdate{Measured: &v})
		if last {
			return v, true
		}
		// Woken early or not: the next look, or the end of the loop, comes next.
		_, _ = workflow.AwaitWithTimeout(ctx, ms(r.in.Probe.EveryMS), func() bool { return r.withdrawn != "" })
	}
	return v, false
}

// newsWait bounds how long an end waits for its news to arrive: an incident
// that cannot be reached learns the outcome all the same.
const newsWait = 30 * time.Second

// tell lets the incident know how things stand. One thing after the other is
// told, because signals on their way do not keep their order. Where the
// incident has ended, nobody needs to know.
func (r *remediation) tell(ctx workflow.Context, u incident.RemediationUpdate) {
	if r.incident == nil {
		return
	}
	u.Remediation = r.out
	u.Remediation.Executions = slices.Clone(r.out.Executions)
	r.news = append(r.news, u)
	if len(r.news) > 1 {
		return // somebody is telling
	}
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	workflow.Go(ctx, func(ctx workflow.Context) {
		for len(r.news) > 0 {
			_ = workflow.SignalExternalWorkflow(ctx, r.incident.ID, "", incident.SignalRemediation, r.news[0]).Get(ctx, nil)
			r.news = r.news[1:]
		}
	})
}

func leaseOptions(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 15 * time.Second,
		HeartbeatTimeout:    heartbeat,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, MaximumInterval: 10 * time.Second, MaximumAttempts: 12},
	})
}
