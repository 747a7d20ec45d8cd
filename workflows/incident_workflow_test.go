package workflows_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"vigil/activities"
	"vigil/workflows"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

var (
	approver  = incident.Principal{Name: "ada", Role: incident.RoleApprover}
	responder = incident.Principal{Name: "ben", Role: incident.RoleResponder}
	viewer    = incident.Principal{Name: "eve", Role: incident.RoleViewer}
	t0        = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
)

// story runs one incident in the test environment, on a scripted shop.
type story struct {
	t    tester
	env  *testsuite.TestWorkflowEnvironment
	shop *shop
}

// tester is a test, or one run of a property.
type tester interface {
	Helper()
	Error(args ...any)
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func newStory(t tester, change ...func(*incident.Settings)) *story {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetStartTime(t0)
	env.SetTestTimeout(time.Minute)
	s := &story{t: t, env: env, shop: &shop{now: env.Now, brokenAt: t0.Add(-time.Minute), models: sensible}}
	s.shop.grant = func(r incident.LeaseRequest) {
		if err := env.SignalWorkflowByID(r.Holder.WorkflowID, incident.SignalLeaseGranted, incident.LeaseGranted{Resource: r.Resource}); err != nil {
			t.Errorf("grant the lease of %s: %v", r.Resource, err)
		}
	}
	settings := incident.DefaultSettings()
	settings.Catalogue, settings.CatalogueVersion = shopCatalogue(), "test"
	for _, c := range change {
		c(&settings)
	}
	acts := &activities.Activities{Settings: settings, Metrics: s.shop, Logs: s.shop, Topology: s.shop, Changes: s.shop,
		Model: s.shop, Guardrail: s.shop, Publisher: s.shop,
		Executors: map[string]activities.Executor{"ssm": s.shop}, Catalogue: s.shop, Policy: s.shop, Controls: s.shop, Principals: s.shop,
		Leases: s.shop, Notifier: s.shop,
		Spending: s.shop, Deltas: s.shop, Memory: s.shop}
	acts.Register(env)
	env.RegisterWorkflowWithOptions(workflows.IncidentWorkflow, workflow.RegisterOptions{Name: incident.WorkflowType})
	env.RegisterWorkflowWithOptions(workflows.ReviewWorkflow, workflow.RegisterOptions{Name: incident.ReviewWorkflowType})
	env.RegisterWorkflowWithOptions(workflows.RemediationWorkflow, workflow.RegisterOptions{Name: incident.RemediationWorkflowType})
	return s
}

func (s *story) run(in incident.Input) workflows.Result {
	s.t.Helper()
	s.env.ExecuteWorkflow(incident.WorkflowType, in)
	if !s.env.IsWorkflowCompleted() {
		s.t.Fatal("the workflow has not ended")
	}
	if err := s.env.GetWorkflowError(); err != nil {
		if p := new(temporal.PanicError); errors.As(err, &p) {
			s.t.Fatalf("the workflow panicked: %v\n%s", p, p.StackTrace())
		}
		s.t.Fatalf("the workflow failed: %v", err)
	}
	var r workflows.Result
	if err := s.env.GetWorkflowResult(&r); err != nil {
		s.t.Fatal(err)
	}
	s.checkPublished()
	return r
}

// checkPublished holds for every story: what left is every event, numbered
// without gap or repetition, and adds up to the workflow's own state.
func (s *story) checkPublished() {
	s.t.Helper()
	var v event.View
	for i, e := range s.shop.published {
		if e.Seq != int64(i+1) {
			s.t.Fatalf("event %d has seq %d", i+1, e.Seq)
		}
		if !v.Apply(e) {
			s.t.Fatalf("event %d (%s) does not apply", e.Seq, e.Type)
		}
		if !e.Provenance.Origin.Valid() {
			s.t.Errorf("event %d (%s) does not say where it comes from", e.Seq, e.Type)
		}
	}
	if got, want := asJSON(s.t, v), asJSON(s.t, s.state()); got != want {
		s.t.Errorf("the published events add up to\n%s\nthe workflow's state is\n%s", got, want)
	}
}

func (s *story) state() event.View {
	s.t.Helper()
	value, err := s.env.QueryWorkflow(incident.QueryState)
	if err != nil {
		s.t.Fatal(err)
	}
	var v event.View
	if err := value.Get(&v); err != nil {
		s.t.Fatal(err)
	}
	return v
}

// decide sends a decision on the current proposal after d. want is "" where it must be accepted.
func (s *story) decide(d time.Duration, args incident.DecideArgs, want incident.Kind) {
	s.env.RegisterDelayedCallback(func() {
		p := s.state().Proposal
		if p == nil {
			s.t.Error("there is no proposal to decide on")
			return
		}
		if args.ProposalID == "" {
			args.ProposalID = p.ID
		}
		if args.ActionHash == "" {
			args.ActionHash = p.ActionHash
		}
		s.update(incident.UpdateDecide, args, want)
	}, d)
}

func (s *story) update(name string, args any, want incident.Kind) {
	s.env.UpdateWorkflow(name, "", &testsuite.TestUpdateCallback{
		OnAccept: func() {
			if want != "" {
				s.t.Errorf("%s was accepted, wanted %s", name, want)
			}
		},
		OnReject: func(err error) {
			if got := activities.KindOf(err); got != want {
				s.t.Errorf("%s was refused as %q (%v), wanted %q", name, got, err, want)
			}
		},
		OnComplete: func(_ any, err error) {
			if err != nil {
				s.t.Errorf("%s failed: %v", name, err)
			}
		},
	}, args)
}

func (s *story) events(typ event.Type) []event.Event {
	var out []event.Event
	for _, e := range s.shop.published {
		if e.Type == typ {
			out = append(out, e)
		}
	}
	return out
}

func asJSON(t tester, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

var slowCheckout = incident.Input{Title: "Checkout is slow", Service: "checkout", Severity: incident.SeverityHigh}

func TestApprovedActionIsVerifiedBeforeResolved(t *testing.T) {
	s := newStory(t)
	s.decide(time.Minute, incident.DecideArgs{Principal: approver, Decision: incident.DecisionApprove}, "")
	r := s.run(slowCheckout)
	if r.Outcome != incident.OutcomeRemediated || r.Cause != incident.CauseBadDeployment || r.Service != "checkout" {
		t.Fatalf("ended as %+v", r)
	}
	v := s.state()
	if s.shop.starts != 1 {
		t.Errorf("the action ran %d times", s.shop.starts)
	}
	if v.Verification == nil || v.Verification.State != incident.VerificationHelped || len(v.Verification.Checks) == 0 {
		t.Errorf("resolved on verification %+v", v.Verification)
	}
	for _, c := range v.Verification.Checks {
		if !c.Passed() {
			t.Errorf("resolved with a check that has not passed: %+v", c)
		}
	}
	if d := v.Diagnosis; d.Method != "model" || d.Claims[1].Supported || !d.Claims[0].Supported || d.Confidence > 0.95 || d.Confidence <= 0 {
		t.Errorf("diagnosis %+v", d)
	}
	for _, p := range v.Phases {
		if p.State != incident.PhaseCompleted && p.Phase != incident.PhasePrediction { // a step has no trend to forecast
			t.Errorf("phase %s ended as %s: %s", p.Phase, p.State, p.Detail)
		}
	}
}

func TestRejectingExecutesNothing(t *testing.T) {
	s := newStory(t)
	s.decide(time.Minute, incident.DecideArgs{Principal: approver, Decision: incident.DecisionReject, Comment: "not now"}, "")
	s.env.RegisterDelayedCallback(func() {
		if v := s.state(); v.Status != incident.StatusNeedsHuman || v.Handover != incident.HandoverRejected {
			t.Errorf("after the rejection: %s, %s", v.Status, v.Handover)
		}
		s.update(incident.UpdateResolve, incident.ResolveArgs{Principal: responder, Reason: "rolled back by hand"}, "")
	}, 2*time.Minute)
	r := s.run(slowCheckout)
	if r.Outcome != incident.OutcomeResolvedByPerson || s.shop.starts != 0 {
		t.Fatalf("ended as %+v with %d actions", r, s.shop.starts)
	}
}

func TestDecisionsThatAreRefused(t *testing.T) {
	s := newStory(t)
	s.decide(time.Minute, incident.DecideArgs{Principal: viewer, Decision: incident.DecisionApprove}, incident.KindDenied)
	s.decide(61*time.Second, incident.DecideArgs{Principal: responder, Decision: incident.DecisionApprove}, incident.KindDenied)
	s.decide(62*time.Second, incident.DecideArgs{Principal: approver, Decision: incident.DecisionApprove, ActionHash: "0123456789abcdef"}, incident.KindConflict)
	s.decide(63*time.Second, incident.DecideArgs{Principal: approver, Decision: incident.DecisionApprove, ProposalID: "p9-9"}, incident.KindConflict)
	s.decide(64*time.Second, incident.DecideArgs{Principal: approver, Decision: "maybe"}, incident.KindInvalid)
	s.decide(65*time.Second, incident.DecideArgs{Principal: approver, Decision: incident.DecisionApprove}, "")
	s.decide(65*time.Second, incident.DecideArgs{Principal: incident.Principal{Name: "cy", Role: incident.RoleAdmin}, Decision: incident.DecisionReject}, incident.KindConflict)
	if r := s.run(slowCheckout); r.Outcome != incident.OutcomeRemediated || s.shop.starts != 1 {
		t.Fatalf("ended as %+v with %d actions", r, s.shop.starts)
	}
	if n := len(s.events(event.TypeApprovalDecided)); n != 1 {
		t.Errorf("%d decisions were recorded", n)
	}
}

func TestExpiredApprovalEscalatesAndExecutesNothing(t *testing.T) {
	s := newStory(t)
	deadline := 15 * time.Minute
	s.decide(2*deadline+5*time.Minute, incident.DecideArgs{Principal: approver, Decision: incident.DecisionApprove}, incident.KindConflict)
	r := s.run(slowCheckout)
	if r.Outcome != incident.OutcomeUnresolved || s.shop.starts != 0 {
		t.Fatalf("ended as %+v with %d actions", r, s.shop.starts)
	}
	if n := len(s.events(event.TypeApprovalExpired)); n != 2 {
		t.Errorf("%d expiries on a ladder of two", n)
	}
	if n := len(s.events(event.TypeIncidentEscalated)); n < 2 {
		t.Errorf("%d escalations", n)
	}
}

func TestNoTelemetryIsInconclusive(t *testing.T) {
	s := newStory(t)
	s.shop.silent = true
	s.env.RegisterDelayedCallback(func() {
		v := s.state()
		if v.Status != incident.StatusNeedsHuman || v.Handover != incident.HandoverInconclusive || v.Verdict != incident.VerdictInconclusive {
			t.Errorf("%s, %s, %s", v.Status, v.Handover, v.Verdict)
		}
		if len(v.Diagnosis.LookedFor) < 3 || len(v.Diagnosis.Claims) != 0 || v.Proposal != nil {
			t.Errorf("diagnosis %+v, proposal %+v", v.Diagnosis, v.Proposal)
		}
		for _, l := range v.Diagnosis.LookedFor {
			if l.Found {
				t.Errorf("%s was found where there is nothing", l.What)
			}
		}
		s.update(incident.UpdateResolve, incident.ResolveArgs{Principal: responder, Reason: "false alarm"}, "")
	}, time.Hour)
	if r := s.run(incident.Input{Service: "billing"}); r.Outcome != incident.OutcomeResolvedByPerson {
		t.Fatalf("ended as %+v", r)
	}
}

func TestThrottledModelIsAskedAgain(t *testing.T) {
	s := newStory(t)
	refusals := 2
	s.shop.models = func(r activities.ModelRequest) (activities.ModelReply, error) {
		if r.Agent == incident.AgentDiagnosis && refusals > 0 {
			refusals--
			return activities.ModelReply{}, incident.Errorf(incident.KindThrottled, "slow down")
		}
		return sensible(r)
	}
	s.decide(2*time.Minute, incident.DecideArgs{Principal: approver, Decision: incident.DecisionApprove}, "")
	if r := s.run(slowCheckout); r.Outcome != incident.OutcomeRemediated {
		t.Fatalf("ended as %+v", r)
	}
	if c := s.state().Cost; c.Repeated != 0 {
		t.Errorf("cost shows %d repeated calls: a refused call costs nothing", c.Repeated)
	}
	for _, e := range s.events(event.TypeModelCalled) {
		if e.Provenance.Attempt == 3 {
			return
		}
	}
	t.Error("no call shows that it took three attempts")
}

func TestWithoutModelsStatisticsDecide(t *testing.T) {
	for name, change := range map[string]func(*story, *incident.Settings){
		"switched off": func(_ *story, s *incident.Settings) { s.ModelsEnabled = false },
		"denied": func(s *story, _ *incident.Settings) {
			s.shop.models = func(activities.ModelRequest) (activities.ModelReply, error) {
				return activities.ModelReply{}, incident.Errorf(incident.KindDenied, "no access to the model")
			}
		},
		"prose": func(s *story, _ *incident.Settings) {
			s.shop.models = func(activities.ModelRequest) (activities.ModelReply, error) {
				return activities.ModelReply{Text: "I would roll back checkout."}, nil
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			st := newStory(t, func(s *incident.Settings) {
				if name == "switched off" {
					change(nil, s)
				}
			})
			if name != "switched off" {
				change(st, nil)
			}
			st.decide(2*time.Minute, incident.DecideArgs{Principal: approver, Decision: incident.DecisionApprove}, "")
			r := st.run(slowCheckout)
			if r.Outcome != incident.OutcomeRemediated || r.Cause != incident.CauseBadDeployment {
				t.Fatalf("ended as %+v", r)
			}
			if d := st.state().Diagnosis; d.Method != "statistics" {
				t.Errorf("diagnosed by %s", d.Method)
			}
		})
	}
}

// An action that does not help is undone, and the next option is put before people.
func TestActionThatDoesNotHelpIsUndoneAndTheNextProposed(t *testing.T) {
	s := newStory(t)
	s.shop.cures = "Restart"
	s.decide(time.Minute, incident.DecideArgs{Principal: approver, Decision: incident.DecisionApprove}, "")
	s.env.RegisterDelayedCallback(func() {
		v := s.state()
		if v.Proposal.State != incident.ProposalPending || v.Proposal.Action.Name != "restart_service" || v.Proposal.Action.PlanRevision != 2 {
			t.Errorf("after the first did not help: %+v", v.Proposal)
		}
		if v.Remediation.State != incident.RemediationUndone || !slices.ContainsFunc(v.Decision.Excluded, func(e incident.Exclusion) bool { return e.OptionID == "rollback_deployment:checkout" }) {
			t.Errorf("%+v; excluded %+v", v.Remediation, v.Decision.Excluded)
		}
	}, 20*time.Minute)
	s.decide(21*time.Minute, incident.DecideArgs{Principal: approver, Decision: incident.DecisionApprove}, "")
	if r := s.run(slowCheckout); r.Outcome != incident.OutcomeRemediated {
		t.Fatalf("ended as %+v", r)
	}
	if got := s.shop.documents(); got != "Rollback DeployAgain Restart" {
		t.Errorf("the shop saw %s", got)
	}
	if v := s.state(); v.Verification.State != incident.VerificationHelped || len(v.Executions) != 3 {
		t.Errorf("%+v, %d executions", v.Verification, len(v.Executions))
	}
}

func TestLostStartIsReadBackAndNeverRepeated(t *testing.T) {
	for name, c := range map[string]struct {
		invisible bool
		want      incident.ExecutionState
	}{
		"visible":   {false, incident.ExecutionSucceeded},
		"invisible": {true, incident.ExecutionUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t)
			s.shop.lostStart, s.shop.invisible = true, c.invisible
			s.decide(time.Minute, incident.DecideArgs{Principal: approver, Decision: incident.DecisionApprove}, "")
			s.run(slowCheckout)
			if s.shop.starts != 1 {
				t.Errorf("the action ran %d times", s.shop.starts)
			}
			if x := s.state().Execution; x.State != c.want {
				t.Errorf("execution %+v", x)
			}
		})
	}
}

func TestDryRunExecutesNothing(t *testing.T) {
	s := newStory(t, func(s *incident.Settings) {
		for i := range s.Catalogue {
			s.Catalogue[i].Enabled = false
		}
	})
	s.decide(time.Minute, incident.DecideArgs{Principal: approver, Decision: incident.DecisionApprove}, "")
	s.run(slowCheckout)
	if v := s.state(); v.Handover != incident.HandoverDryRun || s.shop.starts != 0 || !v.Proposal.DryRun {
		t.Errorf("%s, %d actions, proposal %+v", v.Handover, s.shop.starts, v.Proposal)
	}
}
