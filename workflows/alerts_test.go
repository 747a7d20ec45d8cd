package workflows_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// incidentID is the id that the test environment gives a workflow.
const incidentID = "default-test-workflow-id"

func stormAlert(n int, s incident.Severity) incident.Alert {
	fp := fmt.Sprintf("fp-%d", n)
	return incident.Alert{Source: "alertmanager", CorrelationKey: "k", Fingerprint: fp, Member: incident.MemberID("k", fp), Status: incident.AlertFiring,
		Severity: s, Title: fp, StartsAt: t0}
}

// signal sends alerts after d.
func (s *story) signal(d time.Duration, a incident.AlertSignal) {
	s.env.RegisterDelayedCallback(func() { s.env.SignalWorkflow(incident.SignalAlert, a) }, d)
}

func mention(n int, status incident.AlertStatus) incident.AlertMention {
	return incident.AlertMention{Member: incident.MemberID("k", fmt.Sprintf("fp-%d", n)), Status: status, Severity: incident.SeverityCritical, InboxID: int64(n)}
}

// An incident rises to its worst alert that fires and is not silenced, but not
// over what a person has said.
func TestSeverityRisesWithAlerts(t *testing.T) {
	s := newStory(t)
	s.shop.silent = true
	silenced := stormAlert(2, incident.SeverityCritical)
	silenced.SilencedBy = "sil-1"
	s.signal(0, incident.AlertSignal{Alerts: []incident.Alert{stormAlert(1, incident.SeverityLow), silenced}})
	s.signal(time.Second, incident.AlertSignal{Alerts: []incident.Alert{stormAlert(3, incident.SeverityHigh)}})
	s.env.RegisterDelayedCallback(func() {
		if v := s.state(); v.Severity != incident.SeverityHigh || v.AlertsFiring != 2 || v.AlertsTotal != 3 {
			t.Errorf("severity %s, %d of %d firing", v.Severity, v.AlertsFiring, v.AlertsTotal)
		}
	}, 2*time.Second)
	s.env.RegisterDelayedCallback(func() {
		s.update(incident.UpdateSetSeverity, incident.SetSeverityArgs{Principal: responder, Severity: incident.SeverityLow, Reason: "a test"}, "")
	}, 3*time.Second)
	s.signal(4*time.Second, incident.AlertSignal{Alerts: []incident.Alert{stormAlert(4, incident.SeverityCritical)}})
	s.run(incident.Input{Service: "billing", Severity: incident.SeverityMedium})
	if v := s.state(); v.Severity != incident.SeverityLow {
		t.Errorf("after a person said low, an alert made it %s", v.Severity)
	}
}

// Ten thousand alerts are counted one by one, and the view, which every query
// and continuation carries, stays within a payload.
func TestStormIsCountedNotCopied(t *testing.T) {
	s := newStory(t)
	s.shop.silent = true
	const detailed, all, batch = 100, 10_000, 500
	first := incident.AlertSignal{}
	for i := range detailed {
		first.Alerts = append(first.Alerts, stormAlert(i, incident.SeverityHigh))
	}
	s.signal(0, first)
	at := time.Second
	for from := detailed; from < all; from += batch {
		var more incident.AlertSignal
		for i := from; i < min(from+batch, all); i++ {
			more.Mentions = append(more.Mentions, mention(i, incident.AlertFiring))
		}
		s.signal(at, more)
		s.signal(at+time.Millisecond, more) // again: nothing new
		at += time.Second
	}
	s.signal(at, incident.AlertSignal{Mentions: []incident.AlertMention{mention(detailed, incident.AlertResolved), mention(0, incident.AlertResolved)}})
	s.run(incident.Input{Service: "billing", Severity: incident.SeverityHigh})
	v := s.state()
	if v.AlertsTotal != all || v.AlertsFiring != all-2 || len(v.Alerts) != detailed || v.Severity != incident.SeverityCritical {
		t.Errorf("%d alerts, %d firing, %d shown, severity %s", v.AlertsTotal, v.AlertsFiring, len(v.Alerts), v.Severity)
	}
	if n := len(s.events(event.TypeAlertsMentioned)); n != (all-detailed+batch-1)/batch+1 {
		t.Errorf("%d events of mentions", n)
	}
	if raw, err := json.Marshal(v); err != nil || len(raw) > 512<<10 {
		t.Errorf("%v, or the view has %d bytes, over what Temporal warns of", err, len(raw))
	}
}

func TestMergedIncidentEnds(t *testing.T) {
	s := newStory(t)
	move := incident.Move{ID: "mov-1", From: incidentID, To: "inc-other", All: true, Count: 1, Reason: "the same trouble"}
	s.signal(0, incident.AlertSignal{Alerts: []incident.Alert{stormAlert(1, incident.SeverityHigh)}})
	s.env.RegisterDelayedCallback(func() {
		s.update(incident.UpdateMoveAlerts, incident.MoveAlertsArgs{Principal: viewer, Move: move}, incident.KindDenied)
		strange := move
		strange.From = "inc-third"
		s.update(incident.UpdateMoveAlerts, incident.MoveAlertsArgs{Principal: responder, Move: strange}, incident.KindInvalid)
		s.update(incident.UpdateMoveAlerts, incident.MoveAlertsArgs{Principal: responder, Move: move}, "")
	}, 2*time.Minute)
	r := s.run(slowCheckout)
	v := s.state()
	if r.Outcome != incident.OutcomeMerged || r.Status != incident.StatusClosed || s.shop.starts != 0 {
		t.Fatalf("ended as %+v with %d actions", r, s.shop.starts)
	}
	if v.Proposal == nil || v.Proposal.State != incident.ProposalVoided || len(v.Moves) != 1 || v.Moves[0].By != responder.Name || v.AlertsTotal != 1 {
		t.Errorf("proposal %+v, moves %+v, %d alerts", v.Proposal, v.Moves, v.AlertsTotal)
	}
}

func TestSplitTakesAlertsAway(t *testing.T) {
	s := newStory(t)
	s.shop.silent = true
	s.signal(0, incident.AlertSignal{Alerts: []incident.Alert{stormAlert(1, incident.SeverityHigh), stormAlert(2, incident.SeverityHigh)},
		Mentions: []incident.AlertMention{mention(3, incident.AlertFiring), mention(4, incident.AlertFiring)}})
	s.env.RegisterDelayedCallback(func() {
		s.update(incident.UpdateMoveAlerts, incident.MoveAlertsArgs{Principal: responder, Move: incident.Move{ID: "mov-1", From: incidentID, To: "inc-new",
			Members: []string{stormAlert(2, "").Member, mention(4, "").Member}, Count: 2, Reason: "another problem"}}, "")
	}, time.Minute)
	s.env.RegisterDelayedCallback(func() {
		if v := s.state(); v.AlertsTotal != 2 || v.AlertsFiring != 2 || v.Alerts[0].Fingerprint != "fp-1" || len(v.MoreAlerts) != 1 || v.Status.Terminal() {
			t.Errorf("left: %+v and %+v, %s", v.Alerts, v.MoreAlerts, v.Status)
		}
	}, time.Minute+time.Second)
	s.run(incident.Input{Service: "billing"})
}

// An alert that was split off, and is merged back with nothing new to say, is
// the incident's again.
func TestMovedAlertsComeBack(t *testing.T) {
	s := newStory(t)
	s.shop.silent = true
	left := stormAlert(2, incident.SeverityHigh)
	s.signal(0, incident.AlertSignal{Alerts: []incident.Alert{stormAlert(1, incident.SeverityHigh), left}, Mentions: []incident.AlertMention{mention(3, incident.AlertFiring)}})
	s.env.RegisterDelayedCallback(func() {
		s.update(incident.UpdateMoveAlerts, incident.MoveAlertsArgs{Principal: responder, Move: incident.Move{ID: "mov-1", From: incidentID, To: "inc-new",
			Members: []string{left.Member, mention(3, "").Member}, Count: 2, Reason: "another problem"}}, "")
	}, time.Minute)
	back := incident.AlertSignal{Alerts: []incident.Alert{left}, Mentions: []incident.AlertMention{mention(3, incident.AlertFiring)}}
	s.signal(2*time.Minute, back)
	s.signal(3*time.Minute, back) // again: nothing new
	s.env.RegisterDelayedCallback(func() {
		if v := s.state(); v.AlertsTotal != 3 || v.AlertsFiring != 3 || len(v.Alerts) != 2 || len(v.MoreAlerts) != 1 {
			t.Errorf("after they came back: %+v and %+v", v.Alerts, v.MoreAlerts)
		}
	}, 4*time.Minute)
	s.run(incident.Input{Service: "billing"})
	if n := len(s.events(event.TypeAlertReceived)); n != 3 {
		t.Errorf("%d alerts were taken, wanted two and one that came back", n)
	}
}
