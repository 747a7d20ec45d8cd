package main

import (
	"time"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// actionsStory is an incident on which Vigil acts twice. The policy wants two
// people for the first action; it waits for its lease, runs two steps, does
// not help, and is undone in reverse. Vigil asks for the next option, a person
// puts another one forward instead, and that one helps. People are told all
// along, and one of them edits the review afterwards.
func actionsStory() *tape {
	t := &tape{incidentID: "inc-payments-4k7d2r", runID: "0195a2a0-5a00-7c20-8d00-5f60718293a4",
		now: storyStart.Add(4 * time.Hour), epoch: streamEpoch, offset: 3000}
	const o = incident.OriginSimulated
	flow := byWorkflow(o)
	t.add(0, &event.IncidentOpened{Title: "Payments time out", Service: "payments", Severity: incident.SeverityCritical,
		Labels: map[string]string{"environment": "prod"}, Source: "alertmanager", StartedAt: t.now.Add(-time.Minute)}, flow)
	told(t, incident.NotifyOpened, "inc/opened", "slack-incidents", "on-call", "#incidents", incident.DeliverySent, "")
	told(t, incident.NotifyOpened, "inc/opened", "pagerduty", "on-call", "dana", incident.DeliverySent, "")
	t.add(0, &event.IncidentStatusChanged{Status: incident.StatusInvestigating}, flow)
	waits := incident.Evidence{ID: "E1", Kind: incident.EvidenceMetric, Source: "cloudwatch", Service: "payments", Title: "Metrics of payments", Found: true,
		Finding: "latency_ms 84 → 1960 since 18:01:50", Strength: 0.9, CollectedBy: incident.AgentDiagnosis, Provenance: byAWS(o, "cloudwatch", "GetMetricData", 78, 35),
		Series: []incident.Series{ramp("payments", incident.MetricLatency, "ms", t.now.Add(-4*time.Minute), 10*time.Second, 24, t.now.Add(-time.Minute), 84, 1960)}}
	t.add(2*time.Second, &event.EvidenceCollected{Evidence: waits}, waits.Provenance)
	t.add(6*time.Second, &event.DiagnosisConcluded{Diagnosis: incident.Diagnosis{Verdict: incident.VerdictProbable, Cause: incident.CauseConnectionsExhausted, Service: "payments",
		Summary: "The pool of payments is too small for the load since 18:01.", Confidence: 0.81, Method: "statistics",
		Claims: []incident.Claim{{Text: "Requests wait for a connection.", Cites: []string{"E1"}, Supported: true}}}}, flow)

	first := capacityOption()
	decision := incident.Decide([]incident.Option{first, restartOption(), revertOption()}, []incident.Vote{
		{Agent: incident.AgentDetection, Confidence: 0.6, Evidence: 0.5, Reason: "the alert names no remedy"},
		{Agent: incident.AgentDiagnosis, OptionID: first.ID, Confidence: 0.72, Cites: []string{"E1"}, Evidence: 0.8, Reason: "requests wait for a connection"},
		{Agent: incident.AgentPrediction, OptionID: "restart:payments", Confidence: 0.95, Cites: []string{"E1"}, Evidence: 0.9, Reason: "the pool fills again within minutes"},
		{Agent: incident.AgentResolution, OptionID: first.ID, Confidence: 0.15, Cites: []string{"E1"}, Evidence: 0.4, Reason: "more of what is short"},
	})
	decision.Excluded = []incident.Exclusion{{OptionID: "drain:payments", Title: "Drain a zone", Reason: "its precondition does not hold: payments runs in one zone only"}}
	t.add(time.Second, &event.DecisionMade{Decision: decision}, flow)
	a := plan(t, first, 1)
	two := paymentsRuling(incident.AutonomyTwoApprovers, "tier 1, high risk", "payments is of tier 1 and the risk is high")
	t.add(0, &event.PolicyRuled{OptionID: first.ID, ActionHash: a.Hash(), Ruling: two}, flow)
	p := propose(t, "P1", first, a, two, decision.Score)
	t.add(0, &event.ApprovalRequested{Proposal: p}, flow)
	t.add(0, &event.IncidentStatusChanged{Status: incident.StatusAwaitingApproval, NeedsHuman: true, Reason: "two people have to approve: Add capacity"}, flow)
	told(t, incident.NotifyApproval, "inc/approval/P1", "slack-incidents", "on-call", "#incidents", incident.DeliverySent, "")
	told(t, incident.NotifyApproval, "inc/approval/P1", "email-leads", "engineering leads", "", incident.DeliveryFailed, "the SNS topic refused the message: AuthorizationError")
	t.add(40*time.Second, &event.ApprovalGiven{ProposalID: "P1", By: "noor", Comment: "Load is real.", Have: 1, Need: 2}, byPerson(o, "noor"))
	t.add(22*time.Second, &event.ApprovalGiven{ProposalID: "P1", By: "sam", Have: 2, Need: 2}, byPerson(o, "sam"))
	t.add(0, &event.ApprovalDecided{ProposalID: "P1", State: incident.ProposalApproved, By: "noor and sam"}, byPerson(o, "sam"))
	told(t, incident.NotifyDecided, "inc/decided/P1", "slack-incidents", "on-call", "#incidents", incident.DeliverySent, "")

	doAndUndo(t, a)
	chooseAnother(t, decision)
	endWell(t)
	return t
}

// doAndUndo records an action that waits, runs, does not help and is undone.
func doAndUndo(t *tape, a incident.Action) {
	const o = incident.OriginSimulated
	flow := byWorkflow(o)
	t.add(0, &event.IncidentStatusChanged{Status: incident.StatusResolving}, flow)
	r := &remedy{t: t, action: a, r: incident.Remediation{WorkflowID: incident.RemediationID(t.incidentID, a.PlanRevision), ActionHash: a.Hash(),
		Name: a.Name, Target: a.Target, StartedAt: t.now}}
	r.r.WaitsFor, r.r.Detail = incident.ServiceResource("payments"), "inc-checkout-7f3k2m holds it, 1 waits before"
	r.changed(time.Second, incident.RemediationWaiting)
	r.r.WaitsFor, r.r.Detail = "", ""
	r.changed(31*time.Second, incident.RemediationRunning)
	r.effect(a.Effect(1), 4*time.Second, "desired count 6, 6 running")
	r.effect(a.Effect(2), 2*time.Second, "pool size 40")
	t.add(0, &event.IncidentStatusChanged{Status: incident.StatusVerifying}, flow)
	r.changed(0, incident.RemediationProbing)
	for i := range 2 {
		v := incident.Verification{State: incident.VerificationMeasuring, Checks: paymentsChecks(1900-float64(90*i), 0)}
		t.add(30*time.Second, &event.VerificationMeasured{Verification: v}, byAWS(o, "cloudwatch", "GetMetricData", 90+i, 31))
	}
	v := incident.Verification{State: incident.VerificationNotHelped, Checks: paymentsChecks(1840, 0), Detail: "latency stays far above its limit"}
	t.add(30*time.Second, &event.VerificationMeasured{Verification: v}, byAWS(o, "cloudwatch", "GetMetricData", 93, 31))
	r.r.Verification = &v
	r.changed(0, incident.RemediationUndoing)
	for n := 2; n >= 1; n-- {
		undo, ok := a.Undo(n)
		if ok {
			r.effect(undo, 3*time.Second, "as it was")
		}
	}
	r.r.Detail, r.r.EndedAt = "it did not help; both steps were taken back", t.now
	r.changed(0, incident.RemediationUndone)
	told(t, incident.NotifyOutcome, "inc/outcome/1", "slack-incidents", "on-call", "#incidents", incident.DeliverySent, "")
}

// chooseAnother records the next option, and a person who prefers another one.
func chooseAnother(t *tape, before incident.Decision) {
	const o = incident.OriginSimulated
	flow := byWorkflow(o)
	votes := append([]incident.Vote{}, before.Votes...)
	for i := range votes {
		if votes[i].OptionID == before.ChosenID {
			votes[i].OptionID, votes[i].Reason = "", "what it voted for was tried"
		}
	}
	next := incident.Decide(before.Options[1:], votes)
	next.Excluded = append(before.Excluded, incident.Exclusion{OptionID: before.ChosenID, Title: "Add capacity", Reason: "it was tried and did not help"})
	t.add(time.Second, &event.DecisionMade{Decision: next}, flow)
	restart := restartOption()
	a := plan(t, restart, 2)
	one := paymentsRuling(incident.AutonomyApprove, "production needs a person", "payments is in production")
	one.Bounds = []string{"the diagnosis does not vote for it"}
	t.add(0, &event.PolicyRuled{OptionID: restart.ID, ActionHash: a.Hash(), Ruling: one}, flow)
	t.add(0, &event.ApprovalRequested{Proposal: propose(t, "P2", restart, a, one, next.Score)}, flow)
	t.add(0, &event.IncidentStatusChanged{Status: incident.StatusAwaitingApproval, NeedsHuman: true, Reason: "on-call is asked to approve: Restart the service"}, flow)
	told(t, incident.NotifyReminder, "inc/reminder/P2", "slack-incidents", "on-call", "#incidents", incident.DeliverySuppressed, "the same was told 2 minutes before")

	revert := revertOption()
	t.add(50*time.Second, &event.OptionProposed{OptionID: revert.ID, By: "dana", Reason: "the pool was made smaller at 17:58, that is what has to go"}, byPerson(o, "dana"))
	t.add(0, &event.ApprovalVoided{ProposalID: "P2", Reason: "dana put another option forward"}, flow)
	a = plan(t, revert, 3)
	chosen := paymentsRuling(incident.AutonomyApprove, "low risk", "the risk is low and it can be taken back")
	chosen.Bounds = []string{"the diagnosis does not vote for it", "a person put it forward"}
	t.add(0, &event.PolicyRuled{OptionID: revert.ID, ActionHash: a.Hash(), Ruling: chosen}, flow)
	p := propose(t, "P3", revert, a, chosen, 0)
	p.ProposedBy, p.Reason = "dana", "the pool was made smaller at 17:58, that is what has to go"
	t.add(0, &event.ApprovalRequested{Proposal: p}, flow)
	t.add(33*time.Second, &event.ApprovalGiven{ProposalID: "P3", By: "noor", Comment: "Yes.", Have: 1, Need: 1}, byPerson(o, "noor"))
	t.add(0, &event.ApprovalDecided{ProposalID: "P3", State: incident.ProposalApproved, By: "noor", Comment: "Yes."}, byPerson(o, "noor"))
	t.add(0, &event.IncidentStatusChanged{Status: incident.StatusResolving}, flow)

	r := &remedy{t: t, action: a, r: incident.Remediation{WorkflowID: incident.RemediationID(t.incidentID, a.PlanRevision), ActionHash: a.Hash(),
		Name: a.Name, Target: a.Target, StartedAt: t.now}}
	r.changed(time.Second, incident.RemediationRunning)
	r.effect(a.Effect(1), 5*time.Second, "configuration 71 is in force")
	r.changed(0, incident.RemediationProbing)
	v := incident.Verification{State: incident.VerificationHelped, Checks: paymentsChecks(88, 3), Detail: "latency is back to normal for 3 points"}
	t.add(90*time.Second, &event.VerificationMeasured{Verification: v}, byAWS(o, "cloudwatch", "GetMetricData", 97, 31))
	r.r.Verification, r.r.Detail, r.r.EndedAt = &v, "latency is back to normal", t.now
	r.changed(0, incident.RemediationHelped)
}

// endWell records the end, the review with its cites, and an edit of it.
func endWell(t *tape) {
	const o = incident.OriginSimulated
	flow := byWorkflow(o)
	lines := []incident.ReviewLine{
		{Section: "Summary", Text: "Payments timed out for 7 minutes because its connection pool was too small.", Cites: t.cite(event.TypeIncidentOpened, event.TypeDiagnosisConcluded)},
		{Section: "Actions", Text: "Adding capacity did not help and was undone.", Cites: t.ids(event.TypeActionFinished)[:4]},
		{Section: "Actions", Text: "Reverting the configuration helped.", Cites: t.cite(event.TypeActionFinished, event.TypeVerificationMeasured)},
		{Section: "People", Text: "noor and sam approved the first action, noor the second; dana put it forward.", Cites: t.cite(event.TypeApprovalGiven, event.TypeApprovalDecided, event.TypeOptionProposed)},
	}
	writeReview(t, time.Second, lines, flow)
	told(t, incident.NotifyClosed, "inc/closed", "slack-incidents", "on-call", "#incidents", incident.DeliverySent, "")
	told(t, incident.NotifyClosed, "inc/closed", "status-hook", "support", "https://status.example.com", incident.DeliveryDoubtful, "the connection was lost after the request was sent")
	t.add(0, &event.IncidentClosed{Status: incident.StatusResolved, Outcome: incident.OutcomeRemediated, Reason: "the telemetry is back to its state before the incident"}, flow)
	edited := append([]incident.ReviewLine{}, lines...)
	edited[0].Text, edited[0].By = "Payments timed out for 7 minutes because a change at 17:58 made its connection pool too small.", "dana"
	edited = append(edited, incident.ReviewLine{Section: "People", Text: "Pool sizes will be checked in review from now on.", By: "dana"})
	t.addEdit(40*time.Minute, &event.ReviewEdited{By: "dana", Version: 2, Lines: edited}, byPerson(o, "dana"))
}

// unsafeStory is an action that Vigil takes alone: its second step fails, and
// the first cannot be taken back. Nothing more is tried, and somebody is paged.
func unsafeStory() *tape {
	t := &tape{incidentID: "inc-catalog-2n6x8f", runID: "0195a2c4-7b00-7d30-8e00-60718293a4b5",
		now: storyStart.Add(5 * time.Hour), epoch: streamEpoch, offset: 4000}
	const o = incident.OriginSimulated
	flow := byWorkflow(o)
	t.add(0, &event.IncidentOpened{Title: "Catalog serves stale pages", Service: "catalog", Severity: incident.SeverityHigh, Source: "alertmanager", StartedAt: t.now}, flow)
	t.add(0, &event.IncidentStatusChanged{Status: incident.StatusInvestigating}, flow)
	a := incident.Action{IncidentID: t.incidentID, PlanRevision: 1, Name: "clear_cache", Type: incident.ActionClearCache, Target: "catalog",
		Steps: []incident.Step{
			{Executor: "kubernetes", Document: "scale", Arguments: map[string]string{"kind": "deployment", "replicas": "8"},
				Undo: &incident.Undo{Document: "scale", Arguments: map[string]string{"kind": "deployment", "replicas": "4"}}},
			{Executor: "webhook", Document: "purge", Arguments: map[string]string{"prefix": "catalog/"}},
		}, Precondition: "state.replicas == 4.0", Planned: incident.TargetState{"replicas": 4.0, "ready": true}, CatalogueVersion: "2026-11-1"}
	alone := incident.Ruling{PolicyVerdict: incident.PolicyVerdict{Autonomy: incident.AutonomyNotify, Rule: "low risk, well supported",
		Reason: "the risk is low and the score is 0.91", Version: "2026-11-1", Tier: "3", Role: incident.RoleApprover}, Mode: incident.ModeExecute}
	t.add(9*time.Second, &event.PolicyRuled{OptionID: "clear_cache:catalog", ActionHash: a.Hash(), Ruling: alone}, flow)
	told(t, incident.NotifyActing, "inc/acting/1", "slack-incidents", "on-call", "#incidents", incident.DeliverySent, "")
	t.add(0, &event.IncidentStatusChanged{Status: incident.StatusResolving}, flow)
	r := &remedy{t: t, action: a, r: incident.Remediation{WorkflowID: incident.RemediationID(t.incidentID, 1), ActionHash: a.Hash(), Name: a.Name, Target: a.Target, StartedAt: t.now}}
	r.changed(time.Second, incident.RemediationRunning)
	r.effect(a.Effect(1), 3*time.Second, "8 of 8 ready")
	r.fails(a.Effect(2), 2*time.Second, incident.ExecutionFailed, "webhook purge: 500 Internal Server Error")
	r.changed(0, incident.RemediationUndoing)
	undo, _ := a.Undo(1)
	r.fails(undo, 30*time.Second, incident.ExecutionUnknown, "kubernetes scale: the API server did not answer in 30s, and reading back failed too")
	r.r.Detail, r.r.EndedAt = "step 2 failed, and whether step 1 was taken back cannot be told", t.now
	r.changed(0, incident.RemediationUnsafe)
	t.add(0, &event.IncidentStatusChanged{Status: incident.StatusNeedsHuman, NeedsHuman: true, Handover: incident.HandoverUnsafe,
		Reason: "step 2 failed, and whether step 1 was taken back cannot be told"}, flow)
	told(t, incident.NotifyUnsafe, "inc/unsafe/1", "pagerduty", "on-call", "dana", incident.DeliverySent, "")
	return t
}
