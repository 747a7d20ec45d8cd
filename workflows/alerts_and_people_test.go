package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

func TestClearedAlertsVoidTheProposal(t *testing.T) {
	s := newStory(t)
	alert := incident.Alert{Source: "sns", CorrelationKey: "k", Fingerprint: "f", Status: incident.AlertFiring, Title: "slow", Service: "checkout", StartsAt: t0}
	s.env.RegisterDelayedCallback(func() {
		s.env.SignalWorkflow(incident.SignalAlert, incident.AlertSignal{Alerts: []incident.Alert{alert, alert}})
	}, 0)
	s.env.RegisterDelayedCallback(func() {
		s.shop.curedAt = s.env.Now()
		cleared := alert
		cleared.Status = incident.AlertResolved
		s.env.SignalWorkflow(incident.SignalAlert, incident.AlertSignal{Alerts: []incident.Alert{cleared}})
	}, 2*time.Minute)
	r := s.run(slowCheckout)
	if r.Outcome != incident.OutcomeRecovered || s.shop.starts != 0 {
		t.Fatalf("ended as %+v with %d actions", r, s.shop.starts)
	}
	if n := len(s.events(event.TypeAlertReceived)); n != 2 {
		t.Errorf("%d alerts were taken, wanted one firing and one resolved", n)
	}
	if v := s.state(); v.Proposal.State != incident.ProposalVoided {
		t.Errorf("the proposal is %s", v.Proposal.State)
	}
}

// Prometheus that loses its Alertmanager for a while resolves an alert and
// fires it again with the same start: the incident must not believe it cleared.
func TestAlertThatFiresAgainWithTheSameStart(t *testing.T) {
	s := newStory(t)
	s.shop.silent = true
	firing := incident.Alert{Source: "alertmanager", CorrelationKey: "k", Fingerprint: "f", Status: incident.AlertFiring, Title: "slow", StartsAt: t0}
	resolved := firing
	resolved.Status = incident.AlertResolved
	s.env.RegisterDelayedCallback(func() {
		s.env.SignalWorkflow(incident.SignalAlert, incident.AlertSignal{Alerts: []incident.Alert{firing, firing, resolved, resolved, firing}})
	}, 0)
	s.env.RegisterDelayedCallback(func() {
		if v := s.state(); v.AlertsFiring != 1 || v.Status.Terminal() {
			t.Errorf("%d firing, %s", v.AlertsFiring, v.Status)
		}
	}, time.Hour)
	s.run(incident.Input{Service: "billing"})
	if n := len(s.events(event.TypeAlertReceived)); n != 3 {
		t.Errorf("%d alerts were taken, wanted firing, resolved and firing", n)
	}
}

// The last event of an incident takes a moment to leave, and so does what is
// written and learned before it. An alert that comes in that time was accepted,
// so it must not be lost with the run; one that is over again by then is.
func TestAlertThatComesWhileClosingOpensANewRun(t *testing.T) {
	for _, learning := range []bool{true, false} {
		for _, over := range []bool{false, true} {
			t.Run(fmt.Sprintf("while it learns %t, over again %t", learning, over), func(t *testing.T) {
				s := newStory(t)
				late := incident.Alert{Source: "alertmanager", CorrelationKey: "k", Fingerprint: "f", Status: incident.AlertFiring, Title: "slow", StartsAt: t0}
				told := []incident.Alert{late}
				if over {
					cleared := late
					cleared.Status = incident.AlertResolved
					told = append(told, cleared)
				}
				tell := func() {
					s.env.SignalWorkflow(incident.SignalAlert, incident.AlertSignal{Alerts: told,
						Mentions: []incident.AlertMention{{Member: "m", Status: told[len(told)-1].Status}}})
				}
				s.env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
					if learning && info.ActivityType.Name == activities.LearnIncidentName {
						tell()
					}
				})
				s.shop.onPublish = func(events []event.Event) {
					if !learning && slices.ContainsFunc(events, func(e event.Event) bool { return e.Type == event.TypeIncidentClosed }) {
						tell()
					}
				}
				s.decide(time.Minute, incident.DecideArgs{Principal: approver, Decision: incident.DecisionApprove}, "")
				s.env.ExecuteWorkflow(incident.WorkflowType, slowCheckout)
				var again *workflow.ContinueAsNewError
				if err := s.env.GetWorkflowError(); errors.As(err, &again) == over {
					t.Fatalf("ended with %v", err)
				}
				if over {
					return
				}
				var in incident.Input
				if err := converter.GetDefaultDataConverter().FromPayloads(again.Input, &in); err != nil {
					t.Fatal(err)
				}
				if len(in.Alerts) != 1 || in.Alerts[0].Fingerprint != "f" || in.Service != "checkout" || len(in.Mentions) != 1 {
					t.Errorf("the new run starts with %+v", in)
				}
			})
		}
	}
}

// An alert that fires again while the telemetry is looked at for the last time
// keeps the incident open.
func TestAlertThatFiresDuringTheLastLook(t *testing.T) {
	s := newStory(t)
	s.shop.silent = true
	firing := incident.Alert{Source: "alertmanager", CorrelationKey: "k", Fingerprint: "f", Status: incident.AlertFiring, Title: "slow", StartsAt: t0}
	resolved, again := firing, firing
	resolved.Status, again.StartsAt = incident.AlertResolved, t0.Add(time.Hour)
	s.signal(0, incident.AlertSignal{Alerts: []incident.Alert{firing}})
	s.signal(time.Minute, incident.AlertSignal{Alerts: []incident.Alert{resolved}})
	fired := false
	s.env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, args converter.EncodedValues) {
		var in activities.RecoveryInput
		if info.ActivityType.Name == activities.MeasureRecoveryName && args.Get(&in) == nil && in.Final && !fired {
			fired = true
			s.env.SignalWorkflow(incident.SignalAlert, incident.AlertSignal{Alerts: []incident.Alert{again}})
		}
	})
	r := s.run(incident.Input{Service: "billing"})
	if !fired || r.Outcome == incident.OutcomeAlertCleared {
		t.Errorf("fired %t, and the incident ended as %s", fired, r.Outcome)
	}
}

func TestPublishingIsRetriedAndNeverHoldsUpPhases(t *testing.T) {
	s := newStory(t)
	for range 8 {
		s.shop.publishErr = append(s.shop.publishErr, incident.Errorf(incident.KindUnavailable, "no stream"))
	}
	s.decide(time.Minute, incident.DecideArgs{Principal: approver, Decision: incident.DecisionApprove}, "")
	if r := s.run(slowCheckout); r.Outcome != incident.OutcomeRemediated {
		t.Fatalf("ended as %+v", r)
	}
}

func TestHumanVerbs(t *testing.T) {
	s := newStory(t)
	s.env.RegisterDelayedCallback(func() {
		s.update(incident.UpdateAcknowledge, incident.AcknowledgeArgs{Principal: viewer}, incident.KindDenied)
		s.update(incident.UpdateAcknowledge, incident.AcknowledgeArgs{Principal: responder}, "")
		s.update(incident.UpdateNote, incident.NoteArgs{Principal: responder, Text: " "}, incident.KindInvalid)
		s.update(incident.UpdateNote, incident.NoteArgs{Principal: responder, Text: "looking"}, "")
		s.update(incident.UpdateSetSeverity, incident.SetSeverityArgs{Principal: responder, Severity: "terrible"}, incident.KindInvalid)
		s.update(incident.UpdateSetSeverity, incident.SetSeverityArgs{Principal: responder, Severity: incident.SeverityCritical}, "")
		s.update(incident.UpdateResolve, incident.ResolveArgs{Principal: responder}, incident.KindInvalid)
	}, time.Minute)
	s.env.RegisterDelayedCallback(func() {
		s.update(incident.UpdateAcknowledge, incident.AcknowledgeArgs{Principal: approver}, incident.KindConflict)
		s.update(incident.UpdateResolve, incident.ResolveArgs{Principal: responder, Reason: "it was us"}, "")
	}, 2*time.Minute)
	if r := s.run(slowCheckout); r.Outcome != incident.OutcomeResolvedByPerson {
		t.Fatalf("ended as %+v", r)
	}
	v := s.state()
	if v.AcknowledgedBy != "ben" || v.Severity != incident.SeverityCritical || v.Proposal.State != incident.ProposalVoided {
		t.Errorf("%+v, proposal %s", v.Summary, v.Proposal.State)
	}
}

func TestCancelSignalHandsOver(t *testing.T) {
	s := newStory(t)
	s.env.RegisterDelayedCallback(func() {
		s.env.SignalWorkflow(incident.SignalCancel, incident.CancelSignal{By: "ben", Reason: "we know"})
	}, time.Minute)
	s.run(slowCheckout)
	if v := s.state(); v.Handover != incident.HandoverCancelled {
		t.Errorf("handed over for %s", v.Handover)
	}
}

func TestEmptyInputIsEnough(t *testing.T) {
	s := newStory(t)
	r := s.run(incident.Input{})
	if r.Outcome != incident.OutcomeUnresolved {
		t.Fatalf("ended as %+v", r)
	}
	if v := s.state(); v.Title == "" || v.Service != "unknown" || v.Severity != incident.SeverityMedium {
		t.Errorf("%+v", v.Summary)
	}
}
