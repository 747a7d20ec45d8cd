package main

import (
	"time"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// Every story happens in the same stream, on one afternoon.
const streamEpoch = "3f0c9c1e-8a52-4d0e-b6a7-0d6c2f4b9a11"

var storyStart = time.Date(2026, 11, 23, 14, 2, 48, 0, time.UTC)

const (
	microModel = "amazon.nova-micro-v1:0"
	liteModel  = "amazon.nova-lite-v1:0"
	proModel   = "amazon.nova-pro-v1:0"
)

// deploymentStory is an incident all the way: a deployment breaks checkout,
// nobody answers at first, the second level approves the rollback, and the
// telemetry comes back.
func deploymentStory() *tape {
	t := &tape{incidentID: "inc-checkout-7f3k2m", runID: "0195a1f0-6c1e-7d42-9b57-2f1d6f0a4c01",
		now: storyStart, epoch: streamEpoch, offset: 100}
	began := storyStart.Add(-38 * time.Second)
	const o = incident.OriginSimulated
	flow := byWorkflow(o)

	t.add(0, &event.IncidentOpened{Title: "Checkout latency is high",
		Description: "CloudWatch alarm checkout-latency-p95: Threshold crossed: 3 datapoints were greater than the threshold (500.0).",
		Service:     "checkout", Severity: incident.SeverityHigh,
		Labels: map[string]string{"alarm": "checkout-latency-p95", "environment": "prod"},
		Source: "sns", StartedAt: began}, flow)
	t.add(4*time.Millisecond, &event.AlertReceived{Alert: latencyAlert(began, o)}, flow)
	t.add(2*time.Millisecond, &event.IncidentStatusChanged{Status: incident.StatusInvestigating}, flow)
	t.add(0, &event.PhaseChanged{Phase: incident.PhaseDetection, State: incident.PhaseRunning}, flow)
	t.add(time.Millisecond, &event.AgentUpdated{Agent: incident.AgentDetection, State: incident.AgentAnalyzing, Phase: incident.PhaseDetection,
		Task: "classify the alert", Turn: 1, MaxTurns: 6}, flow)
	t.add(310*time.Millisecond, &event.ModelCalled{Agent: incident.AgentDetection, Turn: 1, StopReason: "end_turn",
		Text: `{"severity":"high","service":"checkout","summary":"p95 latency of checkout crossed its threshold","confidence":0.8,"cites":[]}`},
		byModel(o, microModel, 1, 287, 612, 48, ptr[int64](28)))
	t.add(time.Millisecond, &event.AgentUpdated{Agent: incident.AgentDetection, State: incident.AgentCompleted, Phase: incident.PhaseDetection,
		Turn: 1, MaxTurns: 6, EvidenceCount: 0, KeyFinding: "High: p95 latency of checkout crossed its threshold"}, flow)
	t.add(0, &event.PhaseChanged{Phase: incident.PhaseDetection, State: incident.PhaseCompleted, Detail: "severity high, service checkout"}, flow)

	investigate(t, began, o)
	decide(t, o)
	act(t, o)
	return t
}

func latencyAlert(began time.Time, o incident.Origin) incident.Alert {
	return incident.Alert{Source: "sns", CorrelationKey: "cloudwatch/us-east-1/checkout-latency-p95", Fingerprint: "checkout-latency-p95",
		Status: incident.AlertFiring, Severity: incident.SeverityHigh, Title: "checkout-latency-p95",
		Description: "Threshold crossed: 3 datapoints were greater than the threshold (500.0).", Service: "checkout",
		Labels:   map[string]string{"metric": "Latency", "namespace": "ApplicationSignals"},
		StartsAt: began, ReceivedAt: storyStart.Add(-12 * time.Millisecond), InboxID: 17, Origin: o}
}

// investigate records diagnosis and prediction side by side.
func investigate(t *tape, began time.Time, o incident.Origin) {
	flow := byWorkflow(o)
	t.add(time.Millisecond, &event.PhaseChanged{Phase: incident.PhaseDiagnosis, State: incident.PhaseRunning}, flow)
	t.add(0, &event.PhaseChanged{Phase: incident.PhasePrediction, State: incident.PhaseRunning}, flow)
	t.add(time.Millisecond, &event.AgentUpdated{Agent: incident.AgentDiagnosis, State: incident.AgentProcessing, Phase: incident.PhaseDiagnosis,
		Task: "gather metrics, logs, changes and the service graph", MaxTurns: 6}, flow)
	for i, e := range deploymentEvidence(began, o, 36) {
		t.add(time.Duration(60+35*i)*time.Millisecond, &event.EvidenceCollected{Evidence: e}, e.Provenance)
	}
	t.add(2*time.Millisecond, &event.AgentUpdated{Agent: incident.AgentDiagnosis, State: incident.AgentAnalyzing, Phase: incident.PhaseDiagnosis,
		Task: "weigh the evidence", Turn: 1, MaxTurns: 6, EvidenceCount: 6, KeyFinding: "checkout v42 was deployed 14 s before the first symptom"}, flow)
	t.add(time.Millisecond, &event.AgentUpdated{Agent: incident.AgentPrediction, State: incident.AgentAnalyzing, Phase: incident.PhasePrediction,
		Task: "explain the forecast", Turn: 1, MaxTurns: 6, EvidenceCount: 1}, flow)
	t.add(240*time.Millisecond, &event.ModelCalled{Agent: incident.AgentPrediction, Turn: 1, StopReason: "end_turn",
		Text: `{"summary":"error_rate of checkout passes 0.2 within 6 minutes","service":"checkout","metric":"error_rate","confidence":0.7,"cites":["E1"]}`},
		byModel(o, liteModel, 3, 231, 1430, 62, ptr[int64](101)))
	t.add(time.Millisecond, &event.PredictionConcluded{Prediction: incident.Prediction{
		Summary: "The error rate of checkout passes 20 % in about 6 minutes if nobody acts", Service: "checkout", Metric: incident.MetricErrorRate,
		PerMinute: 0.013, Limit: 0.2, BreachAt: t.now.Add(6 * time.Minute), HorizonS: 1800, Confidence: 0.71, Cites: []string{"E1"}, Method: "model"}}, flow)
	t.add(0, &event.AgentUpdated{Agent: incident.AgentPrediction, State: incident.AgentCompleted, Phase: incident.PhasePrediction,
		Turn: 1, MaxTurns: 6, Confidence: ptr(0.71), EvidenceCount: 1, KeyFinding: "Errors pass 20 % in about 6 minutes"}, flow)
	t.add(0, &event.PhaseChanged{Phase: incident.PhasePrediction, State: incident.PhaseCompleted, Detail: "breach in 6 min"}, flow)
	t.add(520*time.Millisecond, &event.ModelCalled{Agent: incident.AgentDiagnosis, Turn: 1, StopReason: "tool_use", Tools: []string{"search_logs"},
		Text: "The change precedes the symptom. I check the logs of payments before I name a cause."},
		byModel(o, proModel, 2, 812, 4210, 96, ptr[int64](3675)))
	logs := paymentsLogs(began, o)
	t.add(90*time.Millisecond, &event.EvidenceCollected{Evidence: logs}, logs.Provenance)
	again := byModel(o, proModel, 4, 1034, 4702, 208, ptr[int64](4427))
	again.Attempt, again.Lost = 2, 1
	t.add(1100*time.Millisecond, &event.ModelCalled{Agent: incident.AgentDiagnosis, Turn: 2, StopReason: "end_turn",
		Text: `{"verdict":"probable","cause":"bad_deployment","service":"checkout","summary":"Version v42 of checkout is at fault","confidence":0.9}`}, again)
	t.add(time.Millisecond, &event.DiagnosisConcluded{Diagnosis: deploymentDiagnosis()}, flow)
	t.add(0, &event.AgentUpdated{Agent: incident.AgentDiagnosis, State: incident.AgentCompleted, Phase: incident.PhaseDiagnosis,
		Turn: 2, MaxTurns: 6, Confidence: ptr(0.88), EvidenceCount: 7, KeyFinding: "Version v42 of checkout is at fault"}, flow)
	t.add(0, &event.PhaseChanged{Phase: incident.PhaseDiagnosis, State: incident.PhaseCompleted, Detail: "bad_deployment in checkout"}, flow)
}

func deploymentDiagnosis() incident.Diagnosis {
	return incident.Diagnosis{
		Verdict: incident.VerdictProbable, Cause: incident.CauseBadDeployment, Service: "checkout",
		Summary:    "Version v42 of checkout is at fault: latency and errors rose 14 s after it went out, and nothing that it calls changed.",
		Confidence: 0.88, ModelConfidence: ptr(0.9), Method: "model",
		Claims: []incident.Claim{
			{Text: "Latency and error rate of checkout left their normal range at 14:02:10.", Cites: []string{"E1"}, Supported: true},
			{Text: "checkout went from v41 to v42 at 14:01:56.", Cites: []string{"E3"}, Supported: true},
			{Text: "A log line that was never seen before names a nil price table.", Cites: []string{"E2"}, Supported: true},
			{Text: "The payment provider had an outage.", Supported: false},
		},
		Hypotheses: []incident.Hypothesis{
			{Cause: incident.CauseBadDeployment, Service: "checkout", Score: 0.88, Supports: []string{"E1", "E2", "E3", "E5"}},
			{Cause: incident.CauseConnectionsExhausted, Service: "orders-db", Score: 0.21, Supports: []string{"E1"}, Contradicts: []string{"E6"}},
		},
		LookedFor: []incident.LookedFor{
			{What: "metrics of checkout", Source: "cloudwatch", Found: true, EvidenceID: "E1"},
			{What: "logs of checkout", Source: "cloudwatch logs", Found: true, EvidenceID: "E2"},
			{What: "changes of checkout", Source: "cloudtrail", Found: true, EvidenceID: "E3"},
			{What: "service graph", Source: "xray", Found: true, EvidenceID: "E4"},
			{What: "logs of payments", Source: "cloudwatch logs", Found: false, EvidenceID: "E7"},
		},
	}
}

// decide records the vote and an approval that expires once.
func decide(t *tape, o incident.Origin) {
	flow := byWorkflow(o)
	t.add(time.Millisecond, &event.PhaseChanged{Phase: incident.PhaseDecision, State: incident.PhaseRunning}, flow)
	t.add(0, &event.AgentUpdated{Agent: incident.AgentResolution, State: incident.AgentAnalyzing, Phase: incident.PhaseDecision,
		Task: "choose among the options", Turn: 1, MaxTurns: 6, EvidenceCount: 7}, flow)
	t.add(610*time.Millisecond, &event.ModelCalled{Agent: incident.AgentResolution, Turn: 1, StopReason: "end_turn",
		Text: `{"option_id":"roll_back:checkout","reason":"it undoes the change that preceded the symptom","confidence":0.85,"cites":["E3","E5"]}`},
		byModel(o, proModel, 5, 598, 2950, 71, nil))
	t.add(0, &event.AgentUpdated{Agent: incident.AgentResolution, State: incident.AgentCompleted, Phase: incident.PhaseDecision,
		Turn: 1, MaxTurns: 6, Confidence: ptr(0.85), EvidenceCount: 7, KeyFinding: "Roll back checkout"}, flow)
	decision := incident.Decide(deploymentOptions(), []incident.Vote{
		{Agent: incident.AgentDetection, Confidence: 0.97, Reason: "the alert alone names no remedy"},
		{Agent: incident.AgentDiagnosis, OptionID: "roll_back:checkout", Confidence: 0.88, Cites: []string{"E1", "E3"}, Evidence: 0.9, Reason: "the deployment is the cause"},
		{Agent: incident.AgentPrediction, OptionID: "roll_back:checkout", Confidence: 0.71, Cites: []string{"E1"}, Evidence: 0.93, Reason: "it will not pass by itself"},
		{Agent: incident.AgentResolution, OptionID: "roll_back:checkout", Confidence: 0.85, Cites: []string{"E3", "E5"}, Evidence: 0.86, Reason: "it undoes the change that preceded the symptom"},
	})
	t.add(time.Millisecond, &event.DecisionMade{Decision: decision}, flow)
	t.add(0, &event.PhaseChanged{Phase: incident.PhaseDecision, State: incident.PhaseCompleted, Detail: "roll back checkout"}, flow)
	t.add(0, &event.PhaseChanged{Phase: incident.PhaseApproval, State: incident.PhaseRunning}, flow)
	first := rollbackProposal(t, "P1", 0, "on-call", decision.Score)
	t.add(time.Millisecond, &event.ApprovalRequested{Proposal: first}, flow)
	t.add(0, &event.IncidentStatusChanged{Status: incident.StatusAwaitingApproval, NeedsHuman: true, Reason: "on-call is asked to approve: Roll back the last deployment"}, flow)
	t.add(48*time.Second, &event.IncidentAcknowledged{By: "dana"}, byPerson(o, "dana"))
	t.add(9*time.Second, &event.IncidentNoted{By: "dana", Text: "Looking. I may not approve production changes, waiting for the leads."}, byPerson(o, "dana"))
	t.add(20*time.Second, &event.IncidentSeverityChanged{From: incident.SeverityHigh, To: incident.SeverityCritical, By: "dana", Reason: "orders are being lost"}, byPerson(o, "dana"))
	t.add(14*time.Minute-17*time.Second, &event.ApprovalExpired{ProposalID: "P1", Level: 0}, flow)
	t.add(0, &event.IncidentEscalated{Level: 1, To: "engineering leads", Reason: "nobody on call decided within 15 minutes"}, flow)
	t.add(0, &event.ApprovalRequested{Proposal: rollbackProposal(t, "P2", 1, "engineering leads", decision.Score)}, flow)
	t.add(0, &event.IncidentStatusChanged{Status: incident.StatusAwaitingApproval, NeedsHuman: true, Reason: "engineering leads are asked to approve: Roll back the last deployment"}, flow)
	t.add(95*time.Second, &event.ApprovalDecided{ProposalID: "P2", State: incident.ProposalApproved, By: "noor", Comment: "Agreed, v42 goes out."}, byPerson(o, "noor"))
	t.add(0, &event.PhaseChanged{Phase: incident.PhaseApproval, State: incident.PhaseCompleted, Detail: "approved by noor"}, flow)
}

func deploymentOptions() []incident.Option {
	rollback := rollbackAction()
	return []incident.Option{
		{ID: "roll_back:checkout", Name: rollback.Name, Type: rollback.Type, Target: rollback.Target, Title: "Roll back the last deployment",
			Steps: rollback.Steps, Precondition: rollback.Precondition, Planned: rollback.Planned, Risk: incident.RiskMedium, BlastRadius: incident.BlastService,
			Share: 0.25, Effect: "the version before the last deployment serves again", Enabled: true},
		{ID: "restart:checkout", Name: "restart", Type: incident.ActionRestartService, Target: "checkout", Title: "Restart the service",
			Steps: []incident.Step{{Executor: "ecs", Document: "UpdateService", Arguments: map[string]string{"cluster": "prod", "service": "checkout", "force_new_deployment": "true"}}},
			Risk:  incident.RiskLow, BlastRadius: incident.BlastService, Share: 0.5, Effect: "fresh tasks without what the old ones piled up", Enabled: true},
	}
}

func rollbackAction() incident.Action {
	return incident.Action{IncidentID: "inc-checkout-7f3k2m", PlanRevision: 1, Name: "roll_back", Type: incident.ActionRollbackDeployment, Target: "checkout",
		Steps: []incident.Step{{Executor: "ssm", Document: "Vigil-RollbackDeployment", Arguments: map[string]string{"Cluster": "prod", "Service": "checkout", "To": "checkout:41"},
			Undo: &incident.Undo{Document: "Vigil-RollbackDeployment", Arguments: map[string]string{"Cluster": "prod", "Service": "checkout", "To": "checkout:42"}}}},
		Precondition: `state.task_definition == "checkout:42"`, Planned: incident.TargetState{"task_definition": "checkout:42", "desired_count": 4.0, "stable": true},
		Basis: contentHash("checkout diagnosis"), CatalogueVersion: "2026-11-1"}
}

// deploymentRuling is what the policy says of the rollback: one person.
func deploymentRuling() incident.Ruling {
	return incident.Ruling{PolicyVerdict: incident.PolicyVerdict{Autonomy: incident.AutonomyApprove, Rule: "production needs a person",
		Reason: "checkout is in production and the severity is high", Version: "2026-11-1", Tier: "1", Role: incident.RoleApprover}, Mode: incident.ModeExecute}
}

func rollbackProposal(t *tape, id string, level int, asked string, score float64) incident.Proposal {
	a := rollbackAction()
	return incident.Proposal{ID: id, Action: a, ActionHash: a.Hash(), Title: "Roll back the last deployment",
		Reason: "checkout v42 is the probable cause (E1, E2, E3)", Risk: incident.RiskMedium, BlastRadius: incident.BlastService,
		Effect: "the version before the last deployment serves again", Ruling: deploymentRuling(), Score: score, Level: level, AskedOf: asked, Need: 1,
		State: incident.ProposalPending, RequestedAt: t.now, Deadline: t.now.Add(15 * time.Minute)}
}

// act records the rollback, its verification and the end.
func act(t *tape, o incident.Origin) {
	flow := byWorkflow(o)
	t.add(0, &event.IncidentStatusChanged{Status: incident.StatusResolving}, flow)
	t.add(0, &event.PhaseChanged{Phase: incident.PhaseResolution, State: incident.PhaseRunning}, flow)
	a := rollbackAction()
	e := a.Effect(1)
	t.add(time.Millisecond, &event.ActionStarted{Action: a, Effect: e, ClientToken: e.Token()}, flow)
	done := byAWS(o, "ssm", "GetAutomationExecution", 8, 41)
	x := execution(e, t.now, 6200*time.Millisecond, done)
	x.ID, x.Detail = "5b1c9f6e-20d7-4a51-9d7f-7b4c1a2e8f00", "checkout serves v41 again"
	t.add(6200*time.Millisecond, &event.ActionFinished{Execution: x}, done)
	t.add(0, &event.PhaseChanged{Phase: incident.PhaseResolution, State: incident.PhaseCompleted, Detail: "checkout serves v41 again"}, flow)
	t.add(0, &event.IncidentStatusChanged{Status: incident.StatusVerifying}, flow)
	t.add(0, &event.PhaseChanged{Phase: incident.PhaseVerification, State: incident.PhaseRunning}, flow)
	for i, now := range []struct{ latency, errors float64 }{{640, 0.06}, {148, 0.004}, {127, 0.001}, {124, 0.001}} {
		v := recovery(now.latency, now.errors, i)
		t.add(30*time.Second, &event.VerificationMeasured{Verification: v}, byAWS(o, "cloudwatch", "GetMetricData", 9+i, 33))
	}
	resolved := latencyAlert(storyStart.Add(-38*time.Second), o)
	resolved.Status, resolved.EndsAt, resolved.ReceivedAt, resolved.InboxID = incident.AlertResolved, t.now, t.now.Add(time.Second), 21
	t.add(time.Second, &event.AlertReceived{Alert: resolved}, flow)
	t.add(0, &event.PhaseChanged{Phase: incident.PhaseVerification, State: incident.PhaseCompleted, Detail: "back to normal for 3 points"}, flow)
	t.add(0, &event.PhaseChanged{Phase: incident.PhaseCommunication, State: incident.PhaseRunning}, flow)
	t.add(410*time.Millisecond, &event.ModelCalled{Agent: incident.AgentCommunication, Turn: 1, StopReason: "end_turn", Text: `{"audience":"stakeholders"}`},
		byModel(o, liteModel, 14, 402, 1210, 88, ptr[int64](94)))
	t.add(0, &event.AgentUpdated{Agent: incident.AgentCommunication, State: incident.AgentCompleted, Phase: incident.PhaseCommunication,
		Turn: 1, MaxTurns: 6, EvidenceCount: 3, KeyFinding: "Update for stakeholders written"}, flow)
	t.add(0, &event.MessageDrafted{Audience: "stakeholders",
		Text: "Checkout was slow and failed for some customers from 14:02 UTC. The cause was a deployment; it was rolled back and checkout is back to normal."}, flow)
	t.add(0, &event.PhaseChanged{Phase: incident.PhaseCommunication, State: incident.PhaseCompleted}, flow)
	t.add(0, &event.PhaseChanged{Phase: incident.PhaseReview, State: incident.PhaseRunning}, flow)
	writeReview(t, 2*time.Millisecond, []incident.ReviewLine{
		{Section: "Summary", Text: "checkout v42 (deployed 14:01:56) raised p95 latency from 121 to 940 ms.", Cites: t.cite(event.TypeEvidenceCollected, event.TypeDiagnosisConcluded)},
		{Section: "Actions", Text: "Rolled back by noor's decision; normal for 3 points after 2 min.", Cites: t.cite(event.TypeActionFinished, event.TypeVerificationMeasured)},
		{Section: "People", Text: "Approval took 16 min 37 s, of which 15 min waited for on-call.", Cites: t.cite(event.TypeApprovalExpired, event.TypeApprovalDecided)},
	}, flow)
	t.add(0, &event.PhaseChanged{Phase: incident.PhaseReview, State: incident.PhaseCompleted}, flow)
	t.add(0, &event.IncidentClosed{Status: incident.StatusResolved, Outcome: incident.OutcomeRemediated, Reason: "the telemetry is back to its state before the incident"}, flow)
}

func recovery(latency, errors float64, look int) incident.Verification {
	good := max(0, look)
	v := incident.Verification{State: incident.VerificationMeasuring, Checks: []incident.Check{
		{Service: "checkout", Metric: incident.MetricLatency, Unit: "ms", Baseline: 121, Limit: 182, Incident: 940, Now: latency, Good: good, Needed: 3},
		{Service: "checkout", Metric: incident.MetricErrorRate, Unit: "share", Baseline: 0.001, Limit: 0.01, Incident: 0.12, Now: errors, Good: good, Needed: 3},
	}}
	if v.Checks[0].Passed() && v.Checks[1].Passed() {
		v.State, v.Detail = incident.VerificationHelped, "both measures are back to normal for 3 points"
	}
	return v
}
