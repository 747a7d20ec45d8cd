package workflows_test

import (
	"strings"
	"testing"
	"time"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

var (
	yes  = incident.DecideArgs{Principal: approver, Decision: incident.DecisionApprove}
	bob  = incident.Principal{Name: "bob", Role: incident.RoleApprover}
	root = incident.Principal{Name: "root", Role: incident.RoleAdmin}
)

// by is a yes of somebody else.
func by(p incident.Principal) incident.DecideArgs {
	return incident.DecideArgs{Principal: p, Decision: incident.DecisionApprove}
}

// onlyEntry leaves one entry in the catalogue.
func onlyEntry(name string) func(*incident.Settings) {
	return func(s *incident.Settings) {
		for _, e := range s.Catalogue {
			if e.Name == name {
				s.Catalogue = []incident.CatalogueEntry{e}
			}
		}
	}
}

func wantEffects(t *testing.T, s *story, want string) {
	t.Helper()
	if got := s.shop.documents(); got != want {
		t.Errorf("the shop saw %q, want %q", got, want)
	}
}

func TestAutonomousActionNeedsNobody(t *testing.T) {
	for _, a := range []incident.Autonomy{incident.AutonomyAutonomous, incident.AutonomyNotify} {
		s := newStory(t, func(s *incident.Settings) { s.Teams = map[string][]string{"on-call": {"slack"}} })
		s.shop.verdict.Autonomy, s.shop.controls.Mode = a, incident.ModeExecute
		if r := s.run(slowCheckout); r.Outcome != incident.OutcomeRemediated {
			t.Fatalf("%s ended as %+v", a, r)
		}
		if v := s.state(); v.Proposal != nil || v.Ruling.Autonomy != a {
			t.Errorf("%s: proposal %+v, ruling %+v", a, v.Proposal, v.Ruling)
		}
		acting := 0
		for _, n := range s.shop.told {
			if n.Kind == incident.NotifyActing {
				acting++
			}
		}
		if want := map[incident.Autonomy]int{incident.AutonomyNotify: 1}[a]; acting != want {
			t.Errorf("%s: people were told %d times that Vigil acts", a, acting)
		}
	}
}

// Whatever the policy says, people decide where the mode is advisory.
func TestAdvisoryAsksWhateverThePolicySays(t *testing.T) {
	s := newStory(t)
	s.shop.verdict.Autonomy = incident.AutonomyAutonomous
	s.decide(time.Minute, yes, "")
	s.run(slowCheckout)
	if v := s.state(); v.Proposal == nil || v.Ruling.Autonomy != incident.AutonomyApprove || len(v.Ruling.Bounds) == 0 {
		t.Errorf("%+v, %+v", v.Proposal, v.Ruling)
	}
}

func TestReadOnlyProposesNothing(t *testing.T) {
	s := newStory(t)
	s.shop.controls.Mode = incident.ModeReadOnly
	s.run(slowCheckout)
	if v := s.state(); v.Proposal != nil || v.Handover != incident.HandoverPolicy || s.shop.starts != 0 {
		t.Errorf("%+v, %s, %d effects", v.Proposal, v.Handover, s.shop.starts)
	}
}

func TestTwoApproversAreTwoPeople(t *testing.T) {
	s := newStory(t)
	s.shop.verdict.Autonomy = incident.AutonomyTwoApprovers
	s.decide(60*time.Second, yes, "")
	s.decide(61*time.Second, yes, incident.KindConflict) // the same person again
	s.env.RegisterDelayedCallback(func() {
		if v := s.state(); v.Proposal.State != incident.ProposalPending || len(v.Proposal.Approvals) != 1 || s.shop.starts != 0 {
			t.Errorf("after one of two: %+v", v.Proposal)
		}
	}, 62*time.Second)
	s.decide(63*time.Second, by(bob), "")
	s.decide(63*time.Second, by(root), incident.KindConflict)
	if r := s.run(slowCheckout); r.Outcome != incident.OutcomeRemediated || s.shop.starts != 1 {
		t.Fatalf("ended as %+v after %d effects", r, s.shop.starts)
	}
	if p := s.state().Proposal; p.DecidedBy != "ada and bob" || len(s.events(event.TypeApprovalGiven)) != 2 || len(s.events(event.TypeApprovalDecided)) != 1 {
		t.Errorf("%+v", p)
	}
}

// The policy may ask for a role above approver.
func TestPolicyAsksForARole(t *testing.T) {
	s := newStory(t)
	s.shop.verdict.Role, s.shop.roles = incident.RoleAdmin, map[string]incident.Role{"root": incident.RoleAdmin}
	s.decide(time.Minute, yes, incident.KindDenied)
	s.decide(61*time.Second, by(root), "")
	if r := s.run(slowCheckout); r.Outcome != incident.OutcomeRemediated {
		t.Fatalf("ended as %+v", r)
	}
}

// Somebody's role is lost while the second approval is still awaited (F24).
func TestLostRoleDoesNotCount(t *testing.T) {
	s := newStory(t)
	s.shop.verdict.Autonomy = incident.AutonomyTwoApprovers
	s.decide(60*time.Second, yes, "")
	s.env.RegisterDelayedCallback(func() {
		s.shop.mu.Lock()
		defer s.shop.mu.Unlock()
		s.shop.roles = map[string]incident.Role{"ada": incident.RoleResponder}
	}, 61*time.Second)
	s.decide(62*time.Second, by(bob), "")
	s.env.RegisterDelayedCallback(func() {
		v := s.state()
		if s.shop.starts != 0 || v.Proposal.State != incident.ProposalPending || v.Proposal.Action.PlanRevision != 2 || len(v.Proposal.Approvals) != 0 {
			t.Errorf("after ada's role was lost: %d effects, %+v", s.shop.starts, v.Proposal)
		}
	}, 90*time.Second)
	s.decide(100*time.Second, by(bob), "")
	s.decide(101*time.Second, by(root), "")
	if r := s.run(slowCheckout); r.Outcome != incident.OutcomeRemediated || s.shop.starts != 1 {
		t.Fatalf("ended as %+v after %d effects", r, s.shop.starts)
	}
	voided := s.events(event.TypeApprovalVoided)
	if len(voided) != 1 || !strings.Contains(string(voided[0].Data), "ada agreed to it and may no longer approve") {
		t.Errorf("voided: %v", voided)
	}
}

func TestWhoPutsForwardMayNotApprove(t *testing.T) {
	s := newStory(t)
	propose := func(id string, want incident.Kind) {
		s.update(incident.UpdatePropose, incident.ProposeArgs{Principal: approver, OptionID: id, Reason: "it worked last time"}, want)
	}
	s.env.RegisterDelayedCallback(func() { propose("drop_database:orders", incident.KindInvalid) }, 59*time.Second)
	s.env.RegisterDelayedCallback(func() { propose("restart_service:checkout", "") }, 60*time.Second)
	s.decide(70*time.Second, yes, incident.KindDenied)
	s.env.RegisterDelayedCallback(func() {
		if p := s.state().Proposal; p.Action.Name != "restart_service" || p.ProposedBy != "ada" || p.State != incident.ProposalPending {
			t.Errorf("%+v", p)
		}
	}, 71*time.Second)
	s.decide(72*time.Second, by(bob), "")
	if r := s.run(slowCheckout); r.Outcome != incident.OutcomeRemediated {
		t.Fatalf("ended as %+v", r)
	}
	wantEffects(t, s, "Restart")
}

// After a rejection a person has it, and may choose something else.
func TestAnotherOptionAfterARejection(t *testing.T) {
	s := newStory(t)
	s.decide(time.Minute, incident.DecideArgs{Principal: approver, Decision: incident.DecisionReject}, "")
	s.env.RegisterDelayedCallback(func() {
		s.update(incident.UpdatePropose, incident.ProposeArgs{Principal: responder, OptionID: "shift_traffic:checkout", Reason: "first keep users away"}, "")
	}, 10*time.Minute)
	s.decide(11*time.Minute, yes, "")
	if r := s.run(slowCheckout); r.Outcome != incident.OutcomeRemediated {
		t.Fatalf("ended as %+v", r)
	}
	wantEffects(t, s, "Drain Divert Throttle")
}

func TestKillSwitchStopsWhatWasApproved(t *testing.T) {
	s := newStory(t)
	s.shop.controls = incident.Controls{Killed: true, By: "root", Reason: "something is odd"}
	s.decide(60*time.Second, yes, "")
	s.decide(120*time.Second, yes, "")
	s.decide(180*time.Second, yes, "")
	s.run(slowCheckout)
	if v := s.state(); s.shop.starts != 0 || v.Handover != incident.HandoverWithdrawn || v.Remediation.State != incident.RemediationDropped {
		t.Errorf("%d effects, %s, %+v", s.shop.starts, v.Handover, v.Remediation)
	}
}

// What cannot be looked at stops an action, as if it had said no.
func TestControlsThatCannotBeReadFailClosed(t *testing.T) {
	s := newStory(t)
	s.env.RegisterDelayedCallback(func() {
		s.shop.mu.Lock()
		defer s.shop.mu.Unlock()
		s.shop.controlErr = incident.Errorf(incident.KindUnavailable, "no route to NATS")
	}, 59*time.Second)
	s.decide(60*time.Second, yes, "")
	s.run(slowCheckout)
	if v := s.state(); s.shop.starts != 0 || !strings.Contains(v.Remediation.Detail, "no route to NATS") {
		t.Errorf("%d effects, %+v", s.shop.starts, v.Remediation)
	}
}

// The target is not as it was when the action was planned: it is planned anew,
// and decided on anew (F25).
func TestChangedTargetVoidsTheApproval(t *testing.T) {
	s := newStory(t, func(s *incident.Settings) {
		for i := range s.Catalogue {
			s.Catalogue[i].Precondition = "state.desired_count == planned.desired_count"
		}
	})
	s.env.RegisterDelayedCallback(func() {
		s.shop.mu.Lock()
		defer s.shop.mu.Unlock()
		s.shop.target = incident.TargetState{"desired_count": 7.0}
	}, 59*time.Second)
	s.decide(60*time.Second, yes, "")
	s.env.RegisterDelayedCallback(func() {
		v := s.state()
		if s.shop.starts != 0 || v.Proposal.State != incident.ProposalPending || v.Proposal.Action.Planned["desired_count"] != 7.0 {
			t.Errorf("%d effects, %+v", s.shop.starts, v.Proposal)
		}
	}, 90*time.Second)
	s.decide(91*time.Second, yes, "")
	if r := s.run(slowCheckout); r.Outcome != incident.OutcomeRemediated || s.shop.starts != 1 {
		t.Fatalf("ended as %+v after %d effects", r, s.shop.starts)
	}
}

// The severity rises while a proposal waits: the policy is asked again.
func TestSeverityThatRisesVoidsTheProposal(t *testing.T) {
	s := newStory(t)
	s.env.RegisterDelayedCallback(func() {
		s.update(incident.UpdateSetSeverity, incident.SetSeverityArgs{Principal: responder, Severity: incident.SeverityCritical, Reason: "everybody complains"}, "")
	}, time.Minute)
	s.decide(2*time.Minute, yes, "")
	if r := s.run(slowCheckout); r.Outcome != incident.OutcomeRemediated {
		t.Fatalf("ended as %+v", r)
	}
	if v := s.state(); v.Proposal.Action.PlanRevision != 2 || len(s.events(event.TypePolicyRuled)) != 2 {
		t.Errorf("%+v", v.Proposal)
	}
}

// Step 2 of 3 fails after partial success: undone once, in reverse (F26).
func TestStepThatFailsIsUndoneInReverse(t *testing.T) {
	s := newStory(t, onlyEntry("shift_traffic"))
	s.shop.failing = map[string]incident.ExecutionState{"Divert": incident.ExecutionFailed}
	s.shop.cures = "nothing"
	s.decide(time.Minute, yes, "")
	s.run(slowCheckout)
	wantEffects(t, s, "Drain Divert Return Restore")
	if v := s.state(); v.Remediation.State != incident.RemediationUndone || v.Handover != incident.HandoverActionFailed {
		t.Errorf("%+v, %s", v.Remediation, v.Handover)
	}
}

// A step that is refused changed nothing, and is not undone.
func TestStepThatIsRefusedIsNotUndone(t *testing.T) {
	s := newStory(t, onlyEntry("shift_traffic"))
	s.shop.startErr = []error{nil, incident.Errorf(incident.KindDenied, "not allowed")}
	s.shop.cures = "nothing"
	s.decide(time.Minute, yes, "")
	s.run(slowCheckout)
	wantEffects(t, s, "Drain Restore")
}

// The undoing itself fails: a person is paged, and nothing more is tried (F27).
func TestUndoThatFailsPagesAndStops(t *testing.T) {
	for _, ends := range []incident.ExecutionState{incident.ExecutionFailed, incident.ExecutionUnknown} {
		s := newStory(t, func(s *incident.Settings) { s.Teams = map[string][]string{"on-call": {"pager"}} })
		s.shop.failing, s.shop.cures = map[string]incident.ExecutionState{"DeployAgain": ends}, "nothing"
		s.decide(time.Minute, yes, "")
		s.run(slowCheckout)
		wantEffects(t, s, "Rollback DeployAgain")
		v := s.state()
		if v.Remediation.State != incident.RemediationUnsafe || v.Handover != incident.HandoverUnsafe {
			t.Errorf("%+v, %s", v.Remediation, v.Handover)
		}
		paged := false
		for _, n := range s.shop.told {
			paged = paged || n.Kind == incident.NotifyUnsafe
		}
		if !paged {
			t.Error("nobody was paged")
		}
	}
}

// Every alert clears while the action waits for its lease: it is withdrawn, and
// the telemetry decides.
func TestAlertsThatClearWithdrawWhatWaits(t *testing.T) {
	s := newStory(t)
	s.shop.leased = func(incident.LeaseRequest) bool { return false }
	alert := incident.Alert{Source: "test", Fingerprint: "f", Service: "checkout", Status: incident.AlertFiring, StartsAt: t0}
	in := slowCheckout
	in.Alerts = []incident.Alert{alert}
	s.decide(time.Minute, yes, "")
	s.env.RegisterDelayedCallback(func() {
		if v := s.state(); v.Remediation == nil || v.Remediation.WaitsFor != "service:checkout" {
			t.Errorf("%+v", v.Remediation)
		}
		s.shop.mu.Lock()
		s.shop.curedAt = s.env.Now()
		s.shop.mu.Unlock()
		alert.Status, alert.EndsAt = incident.AlertResolved, s.env.Now()
		s.env.SignalWorkflow(incident.SignalAlert, incident.AlertSignal{Alerts: []incident.Alert{alert}})
	}, 2*time.Minute)
	if r := s.run(in); r.Outcome != incident.OutcomeRecovered || s.shop.starts != 0 {
		t.Fatalf("ended as %+v after %d effects", r, s.shop.starts)
	}
	if p := s.state().Proposal; p.State != incident.ProposalVoided {
		t.Errorf("%+v", p)
	}
}

// A decision that waits too long for a lease is none any more.
func TestDecisionThatGrowsOldIsNotCarriedOut(t *testing.T) {
	s := newStory(t)
	s.shop.leased = func(r incident.LeaseRequest) bool { return !strings.HasPrefix(r.Resource, "account:") }
	s.decide(time.Minute, yes, "")
	s.env.RegisterDelayedCallback(func() {
		if v := s.state(); v.Proposal.Action.PlanRevision != 2 || v.Proposal.State != incident.ProposalPending || s.shop.starts != 0 {
			t.Errorf("%d effects, %+v", s.shop.starts, v.Proposal)
		}
	}, 33*time.Minute)
	s.run(slowCheckout)
	wantEffects(t, s, "")
}

func TestRehearsalShowsWhatWouldBeSent(t *testing.T) {
	s := newStory(t)
	s.shop.controls.DryRunServices = []string{"checkout"}
	s.decide(time.Minute, yes, "")
	s.run(slowCheckout)
	v := s.state()
	if v.Handover != incident.HandoverDryRun || s.shop.starts != 0 || !v.Proposal.DryRun || v.Remediation.State != incident.RemediationRehearse {
		t.Errorf("%s, %d effects, %+v, %+v", v.Handover, s.shop.starts, v.Proposal, v.Remediation)
	}
	if c := v.Remediation.Calls; len(c) != 1 || c[0].Operation != "Rollback" {
		t.Errorf("rehearsed %+v", c)
	}
}

// People are reminded once before a deadline, and those who were told anything
// are told the end.
func TestPeopleAreTold(t *testing.T) {
	s := newStory(t, func(s *incident.Settings) {
		s.Teams = map[string][]string{"on-call": {"slack"}, "sre": {"slack", "pager"}, "leads": {"mail"}}
		s.Escalation = map[incident.Severity][]incident.EscalationStep{incident.SeverityHigh: {
			{Teams: []string{"sre"}}, {AfterMS: (5 * time.Minute).Milliseconds(), Teams: []string{"leads"}}}}
	})
	s.decide(12*time.Minute, yes, "")
	s.run(slowCheckout)
	got := map[string][]string{}
	for _, n := range s.shop.told {
		if n.Kind != incident.NotifyOutcome && n.Kind != incident.NotifyUpdate {
			got[n.Channel] = append(got[n.Channel], string(n.Kind))
		}
		if n.Key == "" || n.IncidentID == "" || n.Title == "" || !n.Origin.Valid() {
			t.Errorf("told %+v", n)
		}
	}
	for channel, want := range map[string]string{"slack": "opened approval reminder decided closed", "pager": "opened closed", "mail": "escalated closed"} {
		if has := strings.Join(got[channel], " "); has != want {
			t.Errorf("%s was told %q, want %q", channel, has, want)
		}
	}
	if last := s.shop.told[len(s.shop.told)-1]; last.Outcome != incident.OutcomeRemediated || last.Ref == "" {
		t.Errorf("the last word is %+v", last)
	}
}

// Acknowledging stops the escalation.
func TestAcknowledgedIsNotEscalated(t *testing.T) {
	s := newStory(t, func(s *incident.Settings) {
		s.Teams = map[string][]string{"leads": {"mail"}}
		s.Escalation = map[incident.Severity][]incident.EscalationStep{incident.SeverityHigh: {{AfterMS: (5 * time.Minute).Milliseconds(), Teams: []string{"leads"}}}}
	})
	s.env.RegisterDelayedCallback(func() { s.update(incident.UpdateAcknowledge, incident.AcknowledgeArgs{Principal: responder}, "") }, time.Minute)
	s.decide(12*time.Minute, yes, "")
	s.run(slowCheckout)
	if len(s.shop.told) != 0 {
		t.Errorf("told %+v", s.shop.told)
	}
}

// Every line of a review cites events that are there.
func TestReviewCitesEvents(t *testing.T) {
	s := newStory(t)
	s.shop.cures = "Restart"
	s.decide(time.Minute, yes, "")
	s.decide(21*time.Minute, yes, "")
	s.run(slowCheckout)
	ids := map[string]bool{}
	for _, e := range s.shop.published {
		ids[e.ID] = true
	}
	v := s.state()
	sections := map[string]int{}
	for _, l := range v.ReviewLines {
		sections[l.Section]++
		if len(l.Cites) == 0 {
			t.Errorf("%q cites nothing", l.Text)
		}
		for _, id := range l.Cites {
			if !ids[id] {
				t.Errorf("%q cites %s, which is no event", l.Text, id)
			}
		}
	}
	for _, name := range []string{"Summary", "Timeline", "Cause", "Actions", "People", "Cost"} {
		if sections[name] == 0 {
			t.Errorf("nothing in %s: %v", name, sections)
		}
	}
}

// TestEndIsToldHoweverMuchWasTold: an incident with more news than one run tells
// once could not end: its last word was looked for among those that wait.
func TestEndIsToldHoweverMuchWasTold(t *testing.T) {
	s := newStory(t, func(s *incident.Settings) {
		s.ModelsEnabled = false
		s.Teams = map[string][]string{"on-call": {"slack"}}
	})
	for n := range 210 { // each is another proposal
		severity := []incident.Severity{incident.SeverityCritical, incident.SeverityHigh}[n%2]
		s.env.RegisterDelayedCallback(func() {
			s.update(incident.UpdateSetSeverity, incident.SetSeverityArgs{Principal: responder, Severity: severity}, "")
		}, time.Minute+time.Duration(n)*time.Second)
	}
	s.decide(10*time.Minute, yes, "")
	if r := s.run(slowCheckout); r.Outcome != incident.OutcomeRemediated {
		t.Fatalf("ended as %+v", r)
	}
	last := s.shop.told[len(s.shop.told)-1]
	if len(s.shop.told) <= 200 || last.Kind != incident.NotifyClosed || last.Outcome != incident.OutcomeRemediated || last.Status != incident.StatusResolved {
		t.Errorf("%d were told, the last is %+v", len(s.shop.told), last)
	}
}

// Each level that an incident is handed on to is told.
func TestNextLevelIsToldOfAHandover(t *testing.T) {
	s := newStory(t, func(s *incident.Settings) {
		s.Teams = map[string][]string{"on-call": {"slack"}, "engineering leads": {"mail"}}
	})
	s.decide(time.Minute, incident.DecideArgs{Principal: approver, Decision: incident.DecisionReject}, "")
	s.run(slowCheckout)
	var mail []incident.NotificationKind
	for _, n := range s.shop.told {
		if n.Channel == "mail" {
			mail = append(mail, n.Kind)
		}
	}
	if len(mail) != 2 || mail[0] != incident.NotifyEscalated || mail[1] != incident.NotifyClosed {
		t.Errorf("the next level was told %v", mail)
	}
}
