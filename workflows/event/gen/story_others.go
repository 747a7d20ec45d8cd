package main

import (
	"time"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// inconclusiveStory is an incident on a service of which there is no
// telemetry and no model to ask: a person is brought in and ends it.
func inconclusiveStory() *tape {
	t := &tape{incidentID: "inc-billing-2c9x1p", runID: "0195a1f4-11aa-7e01-8f00-6d0f4e2b7a02",
		now: storyStart.Add(4 * time.Minute), epoch: streamEpoch, offset: 300}
	const o = incident.OriginLive
	flow := byWorkflow(o)
	t.add(0, &event.IncidentOpened{Title: "Billing exporter is stuck", Service: "billing-exporter", Severity: incident.SeverityMedium,
		Source: "alertmanager", StartedAt: t.now.Add(-3 * time.Minute)}, flow)
	t.add(time.Millisecond, &event.IncidentStatusChanged{Status: incident.StatusInvestigating}, flow)
	t.add(0, &event.PhaseChanged{Phase: incident.PhaseDetection, State: incident.PhaseRunning}, flow)
	t.add(20*time.Millisecond, &event.ErrorRaised{Kind: incident.KindThrottled, Message: "bedrock Converse: ThrottlingException after 3 attempts",
		Phase: incident.PhaseDetection, Agent: incident.AgentDetection, Retries: 3, Recoverable: true, Recovery: "the alert's own labels are used"}, byAWS(o, "bedrock", "Converse", 40, 12))
	t.add(0, &event.AgentUpdated{Agent: incident.AgentDetection, State: incident.AgentError, Phase: incident.PhaseDetection, Turn: 1, MaxTurns: 6,
		KeyFinding: "medium, by the alert's own label"}, flow)
	t.add(0, &event.PhaseChanged{Phase: incident.PhaseDetection, State: incident.PhaseDegraded, Detail: "no model; the alert's labels stand"}, flow)
	t.add(0, &event.PhaseChanged{Phase: incident.PhaseDiagnosis, State: incident.PhaseRunning}, flow)
	t.add(0, &event.PhaseChanged{Phase: incident.PhasePrediction, State: incident.PhaseSkipped, Detail: "no series to extend"}, flow)
	looked := []incident.LookedFor{
		{What: "metrics of billing-exporter", Source: "cloudwatch"},
		{What: "logs of billing-exporter", Source: "cloudwatch logs"},
		{What: "changes of billing-exporter", Source: "cloudtrail"},
		{What: "billing-exporter in the service graph", Source: "xray"},
	}
	kinds := []incident.EvidenceKind{incident.EvidenceMetric, incident.EvidenceLog, incident.EvidenceChange, incident.EvidenceTopology}
	operations := []string{"GetMetricData", "StartQuery", "LookupEvents", "GetServiceGraph"}
	for i := range looked {
		looked[i].EvidenceID = "E" + string(rune('1'+i))
		p := byAWS(o, looked[i].Source, operations[i], 41+i, 30)
		t.add(40*time.Millisecond, &event.EvidenceCollected{Evidence: incident.Evidence{ID: looked[i].EvidenceID, Kind: kinds[i], Source: looked[i].Source,
			Service: "billing-exporter", Title: looked[i].What, Found: false, Provenance: p, CollectedBy: incident.AgentDiagnosis}}, p)
	}
	t.add(0, &event.DiagnosisConcluded{Diagnosis: incident.Diagnosis{Verdict: incident.VerdictInconclusive, Cause: incident.CauseUnknown,
		Summary: "There is no telemetry of billing-exporter, so no cause can be shown.", LookedFor: looked, Method: "statistics"}}, flow)
	t.add(0, &event.PhaseChanged{Phase: incident.PhaseDiagnosis, State: incident.PhaseDegraded, Detail: "inconclusive"}, flow)
	t.add(0, &event.DecisionMade{Decision: incident.Decide(nil, nil)}, flow)
	for _, p := range []incident.Phase{incident.PhaseDecision, incident.PhaseApproval, incident.PhaseResolution} {
		t.add(0, &event.PhaseChanged{Phase: p, State: incident.PhaseSkipped, Detail: "nothing to decide"}, flow)
	}
	t.add(0, &event.IncidentStatusChanged{Status: incident.StatusNeedsHuman, NeedsHuman: true, Handover: incident.HandoverInconclusive,
		Reason: "4 sources were searched, and none knows billing-exporter"}, flow)
	return t
}

// abortedStory is an incident whose run is reset, goes on as a second run, and
// is terminated while a proposal waits.
func abortedStory() *tape {
	t := &tape{incidentID: "inc-orders-9d4t7w", runID: "0195a1f6-2b00-7a10-8c00-0a1b2c3d4e03",
		now: storyStart.Add(9 * time.Minute), epoch: streamEpoch, offset: 400}
	const o = incident.OriginSimulated
	flow := byWorkflow(o)
	open := event.IncidentOpened{Title: "Orders fail to commit", Service: "orders", Severity: incident.SeverityCritical,
		Source: "manual", OpenedBy: "dana", StartedAt: t.now}
	t.add(0, &open, byPerson(o, "dana"))
	t.add(2*time.Second, &event.IncidentNoted{By: "dana", Text: "Opened by hand."}, byPerson(o, "dana"))
	t.rerun("0195a1f6-9c00-7a10-8c00-0a1b2c3d4e04")
	t.add(30*time.Second, &open, byPerson(o, "dana"))
	t.add(0, &event.IncidentStatusChanged{Status: incident.StatusInvestigating}, flow)
	a := incident.Action{IncidentID: t.incidentID, PlanRevision: 1, Name: "more_connections", Type: incident.ActionIncreaseResources, Target: "orders-db",
		Steps: []incident.Step{{Executor: "ssm", Document: "Vigil-SetMaxConnections", Arguments: map[string]string{"Database": "orders-db", "MaxConnections": "400"},
			Undo: &incident.Undo{Document: "Vigil-SetMaxConnections", Arguments: map[string]string{"Database": "orders-db", "MaxConnections": "200"}}}},
		Precondition: "state.max_connections == 200.0", Planned: incident.TargetState{"max_connections": 200.0}, CatalogueVersion: "2026-11-1"}
	t.add(4*time.Second, &event.ApprovalRequested{Proposal: incident.Proposal{ID: "P1", Action: a, ActionHash: a.Hash(),
		Title: "Give the database more connections", Reason: "connections of orders-db are used up", Risk: incident.RiskLow,
		BlastRadius: incident.BlastCallers, Effect: "waiting requests get a connection", DryRun: true, Score: 0.74, AskedOf: "on-call", Need: 1,
		Ruling: incident.Ruling{PolicyVerdict: incident.PolicyVerdict{Autonomy: incident.AutonomyApprove, Rule: "low risk, well supported",
			Reason: "the risk is low and the score is 0.74", Version: "2026-11-1", Role: incident.RoleApprover}, Mode: incident.ModeAdvisory, DryRun: true,
			DryRunReason: "actions of type increase_resources are not enabled", Bounds: []string{"the mode is advisory: people decide on everything"}},
		State: incident.ProposalPending, RequestedAt: t.now, Deadline: t.now.Add(15 * time.Minute)}}, flow)
	t.add(0, &event.IncidentStatusChanged{Status: incident.StatusAwaitingApproval, NeedsHuman: true}, flow)
	t.addUnnumbered(50*time.Second, &event.IncidentAborted{Reason: "the workflow was terminated: maintenance"},
		incident.Provenance{Origin: o, Service: "gateway"})
	return t
}

// oddments are events of types that no story has.
func oddments() *tape {
	t := &tape{incidentID: "inc-catalog-5h8r3v", runID: "0195a1f8-0d00-7b20-9d00-1f2e3d4c5b05",
		now: storyStart.Add(15 * time.Minute), epoch: streamEpoch, offset: 500, seq: 18}
	t.add(0, &event.ApprovalVoided{ProposalID: "P1", Reason: "every alert of the incident cleared"}, byWorkflow(incident.OriginLive))
	return t
}
