package workflows_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/workflow"
	"pgregory.net/rapid"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// TestNothingRunsWithoutADecision lets everything happen to incidents at random:
// decisions right and wrong by people of every role, actions put forward, roles
// lost, alerts that clear and fire, kill switch, modes, dry runs, a policy and a
// target that change, leases that take long, executors that refuse, fail, or do
// and do not say so. Whatever comes, no effect takes place without a decision
// that holds at that moment, twice, after its decision has expired, with another
// hash than was decided on, or under the kill switch (I3 I4 I8).
//
// `task faults:decisions` has it happen to 10,000 incidents.
func TestNothingRunsWithoutADecision(t *testing.T) {
	t.Parallel()
	var total reach
	rapid.Check(t, func(rt *rapid.T) {
		c := newChaos(rt)
		c.run(rt)
		total.add(c)
	})
	// A property that is never put to the test holds for nothing.
	if total.effects == 0 || total.undone == 0 || total.alone == 0 || total.refused == 0 {
		t.Errorf("the runs reached too little: %+v", total)
	}
	t.Logf("%+v", total)
}

// reach is what the runs came to.
type reach struct{ runs, effects, undone, alone, refused, killed, voided int }

func (r *reach) add(c *chaos) {
	r.runs++
	for _, e := range c.shop.effects {
		r.effects++
		if e.Undo {
			r.undone++
		}
	}
	r.alone += c.alone
	r.refused += c.refused
	r.voided += len(c.events(event.TypeApprovalVoided))
	if c.wasKilled {
		r.killed++
	}
}

// chaos is a story to which things happen, and what an onlooker knows of it.
type chaos struct {
	*story
	rt *rapid.T

	mu        sync.Mutex
	agreed    map[string][]agreement // by action hash, as the updates were accepted
	ended     bool                   // a person resolved it
	wasKilled bool
	violated  []string
	alone     int
	refused   int
}

// onlooker notes what the story finds wrong with the rest, so that all of it is
// said at once.
type onlooker struct {
	*rapid.T
	c *chaos
}

func (o onlooker) Error(args ...any)                 { o.c.violate("%s", fmt.Sprint(args...)) }
func (o onlooker) Errorf(format string, args ...any) { o.c.violate(format, args...) }

// agreement is a yes that was accepted.
type agreement struct {
	by string
	at time.Time
}

var everybody = []incident.Principal{viewer, responder, approver, bob, root, {Name: "cleo", Role: incident.RoleApprover}}

func newChaos(rt *rapid.T) *chaos {
	c := &chaos{rt: rt, agreed: map[string][]agreement{}}
	models := rapid.SampledFrom([]string{"off", "off", "on", "failing"}).Draw(rt, "models")
	c.story = newStory(onlooker{rt, c}, func(s *incident.Settings) {
		s.ModelsEnabled = models != "off"
		s.Teams = map[string][]string{"on-call": {"slack"}}
		if rapid.Bool().Draw(rt, "precondition") {
			for i := range s.Catalogue {
				s.Catalogue[i].Precondition = "state.desired_count == planned.desired_count"
			}
		}
	})
	s := c.shop
	if models == "failing" {
		s.models = func(r activities.ModelRequest) (activities.ModelReply, error) {
			if r.Agent == incident.AgentDiagnosis {
				return activities.ModelReply{}, incident.Errorf(incident.KindUnavailable, "not ready")
			}
			return sensible(r)
		}
	}
	s.cures = rapid.SampledFrom([]string{"", "Restart", "nothing", "Throttle"}).Draw(rt, "cures")
	s.verdict.Autonomy = rapid.SampledFrom([]incident.Autonomy{"autonomous", "notify", "approve", "approve", "two_approvers", "two_approvers", "never", "nonsense"}).Draw(rt, "policy")
	s.controls.Mode = rapid.SampledFrom([]incident.Mode{"", "", incident.ModeExecute, incident.ModeExecute, incident.ModeExecute, incident.ModeReadOnly}).Draw(rt, "mode")
	s.roles = map[string]incident.Role{}
	for _, p := range everybody {
		s.roles[p.Name] = p.Role
	}
	s.failing = map[string]incident.ExecutionState{}
	for _, d := range []string{"Rollback", "DeployAgain", "Restart", "Divert", "Restore"} {
		if how := rapid.SampledFrom([]incident.ExecutionState{"", "", "", incident.ExecutionFailed, incident.ExecutionUnknown}).Draw(rt, d); how != "" {
			s.failing[d] = how
		}
	}
	for range rapid.IntRange(0, 3).Draw(rt, "refusals") {
		s.startErr = append(s.startErr, rapid.SampledFrom([]error{nil, incident.Errorf(incident.KindThrottled, "slow down"),
			incident.Errorf(incident.KindDenied, "not allowed"), incident.Errorf(incident.KindUnavailable, "cut off")}).Draw(rt, "start"))
	}
	s.lostStart = rapid.IntRange(0, 4).Draw(rt, "lost") == 0
	s.invisible = rapid.Bool().Draw(rt, "invisible")
	wait := rapid.SampledFrom([]time.Duration{0, 0, 0, 10 * time.Minute, time.Hour}).Draw(rt, "lease")
	if wait > 0 {
		s.leased = func(r incident.LeaseRequest) bool {
			c.env.RegisterDelayedCallback(func() {
				// Whoever asked may be gone.
				_ = c.env.SignalWorkflowByID(r.Holder.WorkflowID, incident.SignalLeaseGranted, incident.LeaseGranted{Resource: r.Resource})
			}, wait)
			return false
		}
	}
	s.onEffect = c.judge
	return c
}

// happen is one thing that happens to the incident.
func (c *chaos) happen(what string, rt *rapid.T) func() {
	s := c.shop
	locked := func(f func()) func() { return func() { s.mu.Lock(); defer s.mu.Unlock(); f() } }
	switch who := rapid.SampledFrom(everybody).Draw(rt, "who"); what {
	case "decide":
		verdict := rapid.SampledFrom([]string{"approve", "approve", "approve", "reject"}).Draw(rt, "verdict")
		wrong := rapid.SampledFrom([]string{"", "", "", "", "hash", "id"}).Draw(rt, "wrong")
		return func() { c.decideNow(who, verdict, wrong) }
	case "propose":
		option := rapid.SampledFrom([]string{"restart_service:checkout", "shift_traffic:checkout", "rollback_deployment:orders", "rm:everything"}).Draw(rt, "option")
		return func() {
			c.ask(incident.UpdatePropose, incident.ProposeArgs{Principal: who, OptionID: option, Reason: "better"}, nil)
		}
	case "severity":
		severity := rapid.SampledFrom(incident.Severities).Draw(rt, "severity")
		return func() {
			c.ask(incident.UpdateSetSeverity, incident.SetSeverityArgs{Principal: who, Severity: severity}, nil)
		}
	case "resolve":
		return func() {
			c.ask(incident.UpdateResolve, incident.ResolveArgs{Principal: who, Reason: "done"}, func() { c.mu.Lock(); c.ended = true; c.mu.Unlock() })
		}
	case "cancel":
		return func() { c.env.SignalWorkflow(incident.SignalCancel, incident.CancelSignal{By: who.Name}) }
	case "alert":
		status := rapid.SampledFrom([]incident.AlertStatus{incident.AlertFiring, incident.AlertResolved}).Draw(rt, "status")
		return func() {
			c.env.SignalWorkflow(incident.SignalAlert, incident.AlertSignal{Alerts: []incident.Alert{{Source: "test", Fingerprint: "f", Service: "checkout",
				Status: status, StartsAt: t0, Severity: incident.SeverityHigh}}})
		}
	case "role":
		role := rapid.SampledFrom([]incident.Role{"", incident.RoleViewer, incident.RoleApprover}).Draw(rt, "role")
		return locked(func() { s.roles[who.Name] = role })
	case "kill":
		on := rapid.Bool().Draw(rt, "on")
		return locked(func() { s.controls.Killed = on; c.wasKilled = c.wasKilled || on })
	case "mode":
		mode := rapid.SampledFrom(incident.Modes).Draw(rt, "mode")
		return locked(func() { s.controls.Mode = mode })
	case "dry run":
		on := rapid.Bool().Draw(rt, "on")
		return locked(func() { s.controls.DryRun = on })
	case "policy":
		a := rapid.SampledFrom(incident.Autonomies).Draw(rt, "policy")
		return locked(func() { s.verdict.Autonomy = a })
	case "target":
		n := float64(rapid.IntRange(1, 3).Draw(rt, "count"))
		return locked(func() { s.target = incident.TargetState{"desired_count": n} })
	default: // "blind"
		blind := rapid.Bool().Draw(rt, "blind")
		return locked(func() {
			if s.controlErr = nil; blind {
				s.controlErr = incident.Errorf(incident.KindUnavailable, "no route")
			}
		})
	}
}

var happenings = []string{"decide", "decide", "decide", "decide", "decide", "decide", "propose", "severity", "resolve", "cancel", "alert", "role", "kill", "mode",
	"dry run", "policy", "target", "blind"}

func (c *chaos) run(rt *rapid.T) {
	// Most proposals are agreed to by those who may: otherwise little would happen.
	for i, who := range []incident.Principal{approver, bob, approver, root} {
		if at := []int{30, 45, 1000, 1010}[i]; rapid.IntRange(0, 3).Draw(rt, "agrees") > 0 {
			c.env.RegisterDelayedCallback(func() { c.decideNow(who, incident.DecisionApprove, "") }, time.Duration(at)*time.Second)
		}
	}
	for range rapid.IntRange(0, 10).Draw(rt, "things") {
		what := rapid.SampledFrom(happenings).Draw(rt, "what")
		at := time.Duration(rapid.SampledFrom([]int{1, 5, 20, 40, 60, 61, 62, 63, 90, 120, 300, 700, 900, 901, 1500, 1799, 1800, 2400}).Draw(rt, "at")) * time.Second
		c.env.RegisterDelayedCallback(c.happen(what, rt), at)
	}
	c.env.ExecuteWorkflow(incident.WorkflowType, slowCheckout)
	err := c.env.GetWorkflowError()
	if next := new(workflow.ContinueAsNewError); err != nil && !errors.As(err, &next) { // which an alert after the end opens
		rt.Fatalf("the workflow failed: %v", err)
	}
	c.checkPublished()
	c.checkEvents()
	if len(c.violated) > 0 {
		rt.Fatalf("ended as %s with effects %s:\n%s", c.state().Outcome, c.shop.documents(), strings.Join(c.violated, "\n"))
	}
}

// decideNow decides on the proposal that stands. The role is that of the moment,
// as a gateway would say it.
func (c *chaos) decideNow(who incident.Principal, verdict, wrong string) {
	v := c.state()
	if v.Proposal == nil {
		return
	}
	c.shop.mu.Lock()
	who.Role = c.shop.roles[who.Name]
	c.shop.mu.Unlock()
	args := incident.DecideArgs{Principal: who, Decision: verdict, ProposalID: v.Proposal.ID, ActionHash: v.Proposal.ActionHash}
	switch wrong {
	case "hash":
		args.ActionHash = strings.Repeat("0", len(args.ActionHash))
	case "id":
		args.ProposalID = "p0-0"
	}
	c.ask(incident.UpdateDecide, args, func() {
		if wrong != "" && args.ActionHash != v.Proposal.ActionHash || verdict != incident.DecisionApprove {
			if wrong != "" {
				c.violate("a decision with the wrong %s was accepted", wrong)
			}
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.agreed[args.ActionHash] = append(c.agreed[args.ActionHash], agreement{who.Name, c.env.Now()})
	})
}

// ask sends an update; then is called where it was accepted.
func (c *chaos) ask(name string, args any, then func()) {
	c.env.UpdateWorkflow(name, "", &updateWatch{c, then}, args)
}

type updateWatch struct {
	c    *chaos
	then func()
}

func (u *updateWatch) Accept() {
	if u.then != nil {
		u.then()
	}
}
func (u *updateWatch) Reject(error)        { u.c.mu.Lock(); u.c.refused++; u.c.mu.Unlock() }
func (u *updateWatch) Complete(any, error) {}

func (c *chaos) violate(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.violated = append(c.violated, fmt.Sprintf(format, args...))
}

// judge looks at an effect at the moment when it takes place; the shop is locked.
func (c *chaos) judge(e incident.Effect) {
	s := c.shop
	if s.controls.Killed || s.controlErr != nil {
		c.violate("%s took place under the kill switch, or with nobody able to read it", e)
	}
	if slices.ContainsFunc(s.effects, func(o incident.Effect) bool { return o.Token() == e.Token() }) {
		c.violate("%s took place twice", e)
	}
	begun := slices.ContainsFunc(s.effects, func(o incident.Effect) bool { return o.ActionHash == e.ActionHash })
	if begun { // what has begun is finished or taken back on the same decision
		return
	}
	c.mu.Lock()
	ended, agreed := c.ended, slices.Clone(c.agreed[e.ActionHash])
	c.mu.Unlock()
	switch {
	case e.Undo:
		c.violate("%s took place, and nothing was done before", e)
	case ended:
		c.violate("%s took place after a person had resolved the incident", e)
	case s.controls.DryRun || s.controls.Mode == incident.ModeReadOnly || s.verdict.Autonomy == incident.AutonomyNever || !s.verdict.Autonomy.Valid():
		c.violate("%s took place in a dry run, read-only or against the policy", e)
	}
	if len(agreed) == 0 {
		if !s.verdict.Autonomy.Alone() || s.controls.Mode != incident.ModeExecute {
			c.violate("%s took place on nobody's decision; the policy says %s, the mode is %q", e, s.verdict.Autonomy, s.controls.Mode)
		}
		c.mu.Lock()
		c.alone++
		c.mu.Unlock()
		return
	}
	names := map[string]bool{}
	for _, a := range agreed {
		names[a.by] = true
		if !(incident.Principal{Name: a.by, Role: s.roles[a.by]}).May(incident.RoleApprover) {
			c.violate("%s took place on the word of %s, who may not approve", e, a.by)
		}
		if age := c.env.Now().Sub(a.at); age > 46*time.Minute { // approval window and validity together
			c.violate("%s took place %s after it was agreed to", e, age)
		}
	}
	if need := max(1, s.verdict.Autonomy.Approvers()); len(names) < need {
		c.violate("%s took place on the word of %d people, %d are needed", e, len(names), need)
	}
}

// checkEvents holds the story that was told against what was done.
func (c *chaos) checkEvents() {
	var v event.View
	started := map[string]bool{}
	decided := map[string]int{}
	for _, e := range c.shop.published {
		v.Apply(e)
		data, err := e.Decode()
		if err != nil {
			c.violate("event %d: %v", e.Seq, err)
			continue
		}
		switch d := data.(type) {
		case *event.ApprovalDecided:
			if decided[d.ProposalID]++; decided[d.ProposalID] > 1 {
				c.violate("proposal %s was decided twice", d.ProposalID)
			}
		case *event.ActionStarted:
			started[d.Effect.Token()] = true
			c.checkStarted(v, *d)
		}
	}
	for _, e := range c.shop.effects {
		if !started[e.Token()] {
			c.violate("%s took place and nobody was told", e)
		}
	}
}

// checkStarted holds that the first step of an action follows from what the
// events said before it.
func (c *chaos) checkStarted(v event.View, d event.ActionStarted) {
	if d.Effect.Undo || d.Effect.Step > 1 {
		return
	}
	hash := d.Action.Hash()
	if p := v.Proposal; p != nil && p.ActionHash == hash {
		if p.State != incident.ProposalApproved || len(p.Approvals) < p.Need || p.Need < 1 {
			c.violate("%s began while its proposal was %s with %d of %d approvals", d.Action.Name, p.State, len(p.Approvals), p.Need)
		}
		for _, a := range p.Approvals {
			if a.By == p.ProposedBy {
				c.violate("%s approved what they had put forward", a.By)
			}
		}
		return
	}
	if r := v.Ruling; r == nil || !r.Autonomy.Alone() || r.Mode != incident.ModeExecute || v.Degraded || v.Diagnosis.Verdict != incident.VerdictProbable ||
		!v.Decision.Voted(incident.AgentDiagnosis) || v.Decision.ValidWeight < incident.MinAutonomyWeight-1e-6 {
		c.violate("%s began on its own: ruling %+v, degraded %v, verdict %s, weight %.2f", d.Action.Name, v.Ruling, v.Degraded, v.Diagnosis.Verdict, v.Decision.ValidWeight)
	}
}
