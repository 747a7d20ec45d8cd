package main

import (
	"time"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// continuedStory is a long incident whose run hands over to another, which
// knows all that the one before knew. A person says that the cause was right
// while it is still open, and again after its end.
func continuedStory() *tape {
	t := &tape{incidentID: "inc-search-6k2v9b", runID: "0195a210-0000-7d40-8b00-3b4c5d6e7f07",
		now: storyStart.Add(60 * time.Minute), epoch: streamEpoch, offset: 800}
	const o = incident.OriginLive
	flow := byWorkflow(o)
	first := t.runID
	t.add(0, &event.IncidentOpened{Title: "Search is out of memory", Service: "search", Severity: incident.SeverityMedium, Source: "alertmanager",
		Labels: map[string]string{"team": "discovery"}, StartedAt: t.now.Add(-time.Minute)}, flow)
	t.add(time.Millisecond, &event.IncidentStatusChanged{Status: incident.StatusInvestigating}, flow)
	t.add(0, &event.PhaseChanged{Phase: incident.PhaseDiagnosis, State: incident.PhaseRunning}, flow)
	t.add(0, &event.ModelRouted{Agent: incident.AgentDiagnosis, Purpose: incident.PurposeDiagnose, Model: proModel, Reason: event.RouteConfigured}, flow)
	events := incident.Evidence{ID: "E1", Kind: incident.EvidenceEvents, Source: "kubernetes", Service: "search", Title: "Platform events of search", Found: true,
		Finding: "OOMKilled 14 times", Strength: 0.92, Events: []incident.SystemEvent{{At: t.now, Resource: "pod/search-6d4f-x2x", Category: "OOMKilled",
			Message: "Container search was killed for its memory", Count: 14, Warning: true}},
		Provenance: incident.Provenance{Origin: o, Service: "kubernetes", Operation: "list events", LatencyMS: 12}}
	t.add(time.Second, &event.EvidenceCollected{Evidence: events}, events.Provenance)
	t.add(time.Second, &event.ModelCalled{Agent: incident.AgentDiagnosis, Turn: 1, StopReason: "end_turn", Text: "{}"}, byModel(o, proModel, 80, 700, 2000, 100, ptr[int64](1920)))
	t.add(0, &event.BudgetExhausted{Scope: event.BudgetOfAgent, Agent: incident.AgentDiagnosis, Which: "turns", Cap: incident.Budget{Turns: 1},
		Used: incident.Budget{Turns: 1, Tokens: 2100, CostMicros: 1920}, Deadline: t.now.Add(15 * time.Minute)}, flow)
	t.add(0, &event.QuestionAsked{ID: "Q1", By: "dana", Text: "Since which version?"}, byPerson(o, "dana"))
	left, err := t.view()
	if err != nil {
		t.err = err
		return t
	}
	t.rerun("0195a218-0000-7d40-8b00-3b4c5d6e7f08")
	t.add(time.Minute, &event.IncidentContinued{FromRunID: first, View: left}, flow)
	t.add(time.Second, &event.BudgetRaised{Scope: event.BudgetOfAgent, Agent: incident.AgentDiagnosis, By: "noor", Declined: true, Comment: "the statistics are enough"}, byPerson(o, "noor"))
	t.add(0, &event.ModelRouted{Agent: incident.AgentDiagnosis, Purpose: incident.PurposeDiagnose, From: proModel, Reason: event.RouteStatistics, Detail: "noor declined to raise the budget"}, flow)
	t.add(0, &event.QuestionAnswered{ID: "Q1", Answer: &incident.Answer{Text: "The statistics do not say.", Method: "statistics"}}, flow)
	t.add(time.Second, &event.DiagnosisConcluded{Diagnosis: incident.Diagnosis{Verdict: incident.VerdictProbable, Cause: incident.CauseOutOfMemory, Service: "search",
		Summary: "search is killed for its memory again and again.", Confidence: 0.9, Method: "statistics",
		Claims: []incident.Claim{{Text: "Its containers were killed 14 times.", Cites: []string{"E1"}, Supported: true}}}}, flow)
	t.addReview(time.Minute, "0b5e", &event.CauseReviewed{By: "dana", Correct: false, Comment: "not sure yet"}, byPerson(o, "dana"))
	t.add(time.Minute, &event.IncidentClosed{Status: incident.StatusResolved, Outcome: incident.OutcomeRecovered, Reason: "the telemetry is back to normal"}, flow)
	t.add(0, &event.LessonLearned{Into: []string{"archive", "agentcore"}, Lesson: incident.Lesson{IncidentID: t.incidentID, RunID: t.runID, Title: "Search is out of memory",
		Service: "search", Symptoms: "restarts of search", Summary: "search was killed for its memory.", Cause: incident.CauseOutOfMemory, CauseService: "search",
		ConfirmedBy: "verification", Outcome: incident.OutcomeRecovered, Origin: o, OpenedAt: storyStart.Add(60 * time.Minute), ClosedAt: t.now}}, flow)
	t.addReview(time.Hour, "7c21", &event.CauseReviewed{By: "dana", Correct: true}, byPerson(o, "dana"))
	return t
}

// healthyStory is a false alarm on a day whose budget is used up: the
// statistics look alone, and find nothing wrong.
func healthyStory() *tape {
	t := &tape{incidentID: "inc-catalog-8w5n1c", runID: "0195a220-0000-7e50-8c00-4c5d6e7f8a09",
		now: storyStart.Add(90 * time.Minute), epoch: streamEpoch, offset: 900}
	const o = incident.OriginLive
	flow := byWorkflow(o)
	t.add(0, &event.IncidentOpened{Title: "Catalog may be slow", Service: "catalog", Severity: incident.SeverityLow, Source: "alertmanager", StartedAt: t.now}, flow)
	t.add(0, &event.IncidentStatusChanged{Status: incident.StatusInvestigating}, flow)
	t.add(0, &event.BudgetExhausted{Scope: event.BudgetOfDay, Agent: incident.AgentDetection, Which: "cost", Cap: incident.Budget{CostMicros: 20_000_000},
		Used: incident.Budget{Turns: 4012, Tokens: 9_120_000, CostMicros: 20_000_412}}, flow)
	t.add(0, &event.ModelRouted{Agent: incident.AgentDetection, Purpose: incident.PurposeClassify, Reason: event.RouteStatistics, Detail: "the budget of the day is used up"}, flow)
	t.add(0, &event.IncidentDegraded{Degraded: true, Reason: "the budget of the day is used up; the statistics go on alone"}, flow)
	t.add(0, &event.PhaseChanged{Phase: incident.PhaseDiagnosis, State: incident.PhaseRunning}, flow)
	t.add(0, &event.GuardrailChecked{Subject: "input", Outcome: event.GuardrailOff}, flow)
	archive := incident.Provenance{Origin: o, Service: "archive"}
	looked := []incident.LookedFor{}
	for _, e := range []incident.Evidence{
		{ID: "E1", Kind: incident.EvidenceMetric, Source: "prometheus", Service: "catalog", Title: "Metrics of catalog", Found: true, Finding: "unremarkable", Strength: 0.03,
			Series:     []incident.Series{ramp("catalog", incident.MetricLatency, "ms", t.now.Add(-5*time.Minute), 15*time.Second, 20, t.now.Add(time.Hour), 41, 41)},
			Provenance: incident.Provenance{Origin: o, Service: "prometheus", Operation: "query_range", LatencyMS: 9}},
		{ID: "E2", Kind: incident.EvidencePastIncident, Source: "archive", Service: "catalog", Title: "Similar incidents", Query: "catalog slow", Finding: "No historical matches found", Provenance: archive},
		{ID: "E3", Kind: incident.EvidenceRunbook, Source: "archive", Service: "catalog", Title: "Runbooks", Query: "catalog slow", Finding: "No runbook found", Provenance: archive},
	} {
		e.CollectedBy = incident.AgentDiagnosis
		t.add(20*time.Millisecond, &event.EvidenceCollected{Evidence: e}, e.Provenance)
		looked = append(looked, incident.LookedFor{What: e.Title, Source: e.Source, Found: e.Found, EvidenceID: e.ID})
	}
	t.add(0, &event.DiagnosisConcluded{Diagnosis: incident.Diagnosis{Verdict: incident.VerdictHealthy, Cause: incident.CauseUnknown,
		Summary: "There is telemetry of catalog, and nothing in it left its normal range.", Confidence: 0.9, LookedFor: looked, Method: "statistics",
		Claims: []incident.Claim{{Text: "The latency of catalog is normal.", Cites: []string{"E1"}, Supported: true}}}}, flow)
	t.add(0, &event.PhaseChanged{Phase: incident.PhaseDiagnosis, State: incident.PhaseCompleted, Detail: "healthy"}, flow)
	t.add(0, &event.IncidentStatusChanged{Status: incident.StatusNeedsHuman, NeedsHuman: true, Handover: incident.HandoverHealthy,
		Reason: "the telemetry shows nothing wrong; the alert still fires"}, flow)
	return t
}
