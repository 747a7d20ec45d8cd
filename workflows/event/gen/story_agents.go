package main

import (
	"math"
	"time"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// databaseStory is an incident whose models get into all the trouble that they
// can: answers that cannot be used, a model that cannot be had, none at all for
// a while, a call lost in a crash, budgets at their end, a text that the
// guardrail blocks. People raise, ask, fix it by hand and say what it was.
func databaseStory() *tape {
	t := &tape{incidentID: "inc-orders-db-3m7q8z", runID: "0195a200-3e00-7c30-8a00-2a3b4c5d6e06",
		now: storyStart.Add(30 * time.Minute), epoch: streamEpoch, offset: 600}
	const o = incident.OriginSimulated
	began := t.now.Add(-2 * time.Minute)
	flow := byWorkflow(o)
	t.add(0, &event.IncidentOpened{Title: "Orders wait for their database", Service: "orders", Severity: incident.SeverityHigh,
		Source: "alertmanager", StartedAt: began}, flow)
	t.add(time.Millisecond, &event.IncidentStatusChanged{Status: incident.StatusInvestigating}, flow)
	t.add(0, &event.PhaseChanged{Phase: incident.PhaseDetection, State: incident.PhaseRunning}, flow)
	t.add(90*time.Millisecond, &event.GuardrailChecked{Agent: incident.AgentDetection, Subject: "input", Outcome: event.GuardrailAnonymized,
		Policies: []string{"sensitive information: EMAIL"}, Detail: "2 addresses were replaced"}, byGuardrail(o, 60, 2, ptr[int64](300)))
	t.add(0, &event.ModelRouted{Agent: incident.AgentDetection, Purpose: incident.PurposeClassify, Model: microModel, Reason: event.RouteConfigured}, flow)
	t.add(240*time.Millisecond, &event.ModelCalled{Agent: incident.AgentDetection, Turn: 1, StopReason: "end_turn", PromptHash: contentHash("detection 1"),
		Text: `{"severity":"high","service":"orders","summary":"orders waits for its database"}`}, byModel(o, microModel, 61, 231, 590, 41, ptr[int64](26)))
	t.add(0, &event.AgentUpdated{Agent: incident.AgentDetection, State: incident.AgentCompleted, Phase: incident.PhaseDetection, Turn: 1, MaxTurns: 6,
		KeyFinding: "High: orders waits for its database"}, flow)
	t.add(0, &event.PhaseChanged{Phase: incident.PhaseDetection, State: incident.PhaseCompleted}, flow)
	t.add(0, &event.PhaseChanged{Phase: incident.PhaseDiagnosis, State: incident.PhaseRunning}, flow)
	t.add(0, &event.AgentUpdated{Agent: incident.AgentDiagnosis, State: incident.AgentProcessing, Phase: incident.PhaseDiagnosis, Task: "gather evidence", MaxTurns: 2}, flow)
	for _, e := range databaseEvidence(began, o) {
		t.add(50*time.Millisecond, &event.EvidenceCollected{Evidence: e}, e.Provenance)
	}
	routeModels(t, o)
	raiseBudgets(t, o)
	forecastLatency(t, began, o)
	askQuestions(t, o)
	endByHand(t, o)
	return t
}

// routeModels records steps up and down the ladder of models, until none is
// left and one is back.
func routeModels(t *tape, o incident.Origin) {
	flow := byWorkflow(o)
	routed := func(model, from string, why event.RouteReason, detail string) {
		t.add(0, &event.ModelRouted{Agent: incident.AgentDiagnosis, Purpose: incident.PurposeDiagnose, Model: model, From: from, Reason: why, Detail: detail}, flow)
	}
	routed(microModel, "", event.RouteConfigured, "")
	cut := byModel(o, microModel, 62, 410, 3900, 77, ptr[int64](147))
	cut.Operation = "ConverseStream"
	t.add(430*time.Millisecond, &event.ModelCalled{Agent: incident.AgentDiagnosis, Turn: 1, StopReason: "stream_cut", PromptHash: contentHash("diagnosis 1"),
		Text: `{"verdict":"probable","cause":"expensive_`, Problem: "the stream ended within the JSON object, after 41 characters"}, cut)
	routed(liteModel, microModel, event.RouteMalformed, "the stream ended within the JSON object")
	repeated := byModel(o, liteModel, 63, 690, 4105, 130, ptr[int64](277))
	repeated.Operation, repeated.Attempt, repeated.Lost = "ConverseStream", 3, 2
	t.add(700*time.Millisecond, &event.ModelCalled{Agent: incident.AgentDiagnosis, Turn: 2, StopReason: "end_turn", PromptHash: contentHash("diagnosis 2"),
		Text:    `{"verdict":"probable","cause":"failover","service":"orders-db","claims":[{"text":"It failed over.","cites":["E99"]}]}`,
		Problem: "no claim cites evidence that exists"}, repeated)
	routed(proModel, liteModel, event.RouteUnsupported, "no claim cites evidence that exists")
	t.add(2*time.Second, &event.ErrorRaised{Kind: incident.KindThrottled, Message: "bedrock ConverseStream: ThrottlingException", Phase: incident.PhaseDiagnosis,
		Agent: incident.AgentDiagnosis, Retries: 3, Recoverable: true, Recovery: "the next smaller model is asked"}, byAWS(o, "bedrock", "ConverseStream", 64, 15))
	routed(liteModel, proModel, event.RouteUnavailable, "throttled")
	routed("", liteModel, event.RouteStatistics, "no model of the ladder can be had")
	t.add(0, &event.IncidentDegraded{Degraded: true, Reason: "no model can be had: amazon.nova-pro-v1:0 and the smaller ones are throttled; the statistics go on alone"}, flow)
	t.add(31*time.Second, &event.IncidentDegraded{Degraded: false, Reason: "amazon.nova-pro-v1:0 answers again"}, flow)
	routed(proModel, "", event.RouteConfigured, "asked again after 31 s")
}

// raiseBudgets records an agent and then the incident waiting for a person.
func raiseBudgets(t *tape, o incident.Origin) {
	flow := byWorkflow(o)
	t.add(0, &event.AgentUpdated{Agent: incident.AgentDiagnosis, State: incident.AgentWaiting, Phase: incident.PhaseDiagnosis, Task: "waits for more turns",
		Turn: 2, MaxTurns: 2, EvidenceCount: 8}, flow)
	t.add(0, &event.BudgetExhausted{Scope: event.BudgetOfAgent, Agent: incident.AgentDiagnosis, Which: "turns", Cap: incident.Budget{Turns: 2},
		Used: incident.Budget{Turns: 2, Tokens: 16682, CostMicros: 978}, Deadline: t.now.Add(15 * time.Minute)}, flow)
	t.add(41*time.Second, &event.BudgetRaised{Scope: event.BudgetOfAgent, Agent: incident.AgentDiagnosis, By: "noor", Cap: incident.Budget{Turns: 8},
		Comment: "the suspects look plausible, go on"}, byPerson(o, "noor"))
	t.add(0, &event.BudgetExhausted{Scope: event.BudgetOfIncident, Agent: incident.AgentDiagnosis, Which: "cost", Cap: incident.Budget{Turns: 60, Tokens: 400_000, CostMicros: 1300},
		Used: incident.Budget{Turns: 3, Tokens: 17313, CostMicros: 1304}, Deadline: t.now.Add(15 * time.Minute)}, flow)
	t.add(12*time.Second, &event.BudgetRaised{Scope: event.BudgetOfIncident, By: "noor", Cap: incident.Budget{Turns: 60, Tokens: 400_000, CostMicros: 501_300}}, byPerson(o, "noor"))
	t.add(1200*time.Millisecond, &event.ModelCalled{Agent: incident.AgentDiagnosis, Turn: 3, StopReason: "tool_use", PromptHash: contentHash("diagnosis 3"),
		Tools: []string{"platform_events", "database_load", "find_runbooks"}, Text: "I look at what the database waits for."},
		cached(byModel(o, proModel, 65, 1150, 4310, 101, ptr[int64](3770)), 2048))
	t.add(900*time.Millisecond, &event.ModelCalled{Agent: incident.AgentDiagnosis, Turn: 4, StopReason: "end_turn", PromptHash: contentHash("diagnosis 4"),
		Text: `{"verdict":"probable","cause":"expensive_query","service":"orders-db"}`}, byModel(o, proModel, 66, 880, 5120, 240, nil))
	t.add(80*time.Millisecond, &event.GuardrailChecked{Agent: incident.AgentDiagnosis, Subject: "answer", Outcome: event.GuardrailPassed}, byGuardrail(o, 67, 1, ptr[int64](150)))
	t.add(0, &event.DiagnosisConcluded{Diagnosis: databaseDiagnosis()}, flow)
	t.add(0, &event.AgentUpdated{Agent: incident.AgentDiagnosis, State: incident.AgentCompleted, Phase: incident.PhaseDiagnosis, Turn: 4, MaxTurns: 8,
		Confidence: ptr(0.84), EvidenceCount: 8, KeyFinding: "One statement takes the CPU of orders-db"}, flow)
	t.add(0, &event.PhaseChanged{Phase: incident.PhaseDiagnosis, State: incident.PhaseCompleted, Detail: "expensive_query in orders-db"}, flow)
}

func cached(p incident.Provenance, tokens int64) incident.Provenance {
	p.Usage.CacheTokens = tokens
	return p
}

func databaseDiagnosis() incident.Diagnosis {
	return incident.Diagnosis{Verdict: incident.VerdictProbable, Cause: incident.CauseExpensiveQuery, Service: "orders-db",
		Summary:    "One statement without an index takes the CPU of orders-db, so that orders waits for connections.",
		Confidence: 0.84, ModelConfidence: ptr(0.95), Method: "model",
		Claims: []incident.Claim{
			{Text: "orders-db runs at 97 % CPU since 14:30:48.", Cites: []string{"E1"}, Supported: true},
			{Text: "One SELECT accounts for 5.8 of 7.4 average active sessions.", Cites: []string{"E3"}, Supported: true},
			{Text: "The index was dropped by hand.", Cites: []string{"E42"}},
		},
		Hypotheses: []incident.Hypothesis{
			{Cause: incident.CauseExpensiveQuery, Service: "orders-db", Score: 0.84, Supports: []string{"E1", "E3", "E4"}},
			{Cause: incident.CauseFailover, Service: "orders-db", Score: 0.12, Supports: []string{"E2"}, Contradicts: []string{"E1", "E3"}},
		},
		LookedFor: []incident.LookedFor{
			{What: "metrics of orders-db", Source: "cloudwatch", Found: true, EvidenceID: "E1"},
			{What: "platform events of orders-db", Source: "rds", Found: true, EvidenceID: "E2"},
			{What: "recent changes of orders-db", Source: "cloudtrail", Found: false, EvidenceID: "E7"},
		},
	}
}

// forecastLatency records a forecast with its interval and its spread.
func forecastLatency(t *tape, began time.Time, o incident.Origin) {
	flow := byWorkflow(o)
	p := incident.Prediction{Summary: "The latency of orders passes 2 s in about 9 minutes if nobody acts; web is reached next", Service: "orders",
		Metric: incident.MetricLatency, PerMinute: 120, Limit: 2000, BreachAt: t.now.Add(9 * time.Minute), HorizonS: 1200, Confidence: 0.77,
		Cites: []string{"E5"}, Method: "statistics", Spread: []incident.Spread{
			{Service: "checkout", Hops: 1, Reached: true, Since: began.Add(40 * time.Second), Cites: []string{"E5"}},
			{Service: "web", Hops: 2},
		}}
	for m := range 6 {
		v, wide := 920+120*4*float64(m), 40*math.Sqrt(float64(m+1))
		p.Forecast = append(p.Forecast, incident.ForecastPoint{At: t.now.Add(time.Duration(4*m) * time.Minute),
			Low: math.Round(v - wide), Value: v, High: math.Round(v + wide)})
	}
	t.add(2*time.Millisecond, &event.PredictionConcluded{Prediction: p}, flow)
}

// askQuestions records three questions: answered, not answered, still open.
func askQuestions(t *tape, o incident.Origin) {
	t.add(20*time.Second, &event.QuestionAsked{ID: "Q1", By: "dana", Text: "Did the failover of last night start it?"}, byPerson(o, "dana"))
	t.add(2*time.Second, &event.ModelCalled{Agent: incident.AgentDiagnosis, Turn: 5, StopReason: "end_turn", PromptHash: contentHash("question 1"),
		Text: `{"text":"No."}`}, byModel(o, proModel, 68, 930, 4800, 90, ptr[int64](4128)))
	t.add(0, &event.QuestionAnswered{ID: "Q1", Answer: &incident.Answer{Text: "Nothing points to it: the failover ended hours before the load rose.",
		Claims: []incident.Claim{
			{Text: "The last failover ended at 03:12, eleven hours before.", Cites: []string{"E2"}, Supported: true},
			{Text: "The load is of one statement.", Cites: []string{"E3"}, Supported: true},
			{Text: "Replicas were rebuilt in between."},
		}, Method: "model", Confidence: 0.7}}, byWorkflow(o))
	t.add(9*time.Second, &event.QuestionAsked{ID: "Q2", By: "noor", Text: "Which customer is hit most?"}, byPerson(o, "noor"))
	t.add(3*time.Second, &event.QuestionAnswered{ID: "Q2", Error: "no model can be had: throttled; ask again later"}, byWorkflow(o))
	t.add(5*time.Second, &event.QuestionAsked{ID: "Q3", By: "dana", Text: "Can the statement be cancelled safely?"}, byPerson(o, "dana"))
}

// endByHand records a plan that the guardrail does not let through, a person
// who fixes it, and what is kept of it.
func endByHand(t *tape, o incident.Origin) {
	flow := byWorkflow(o)
	t.add(70*time.Millisecond, &event.GuardrailChecked{Agent: incident.AgentResolution, Subject: "answer", Outcome: event.GuardrailFailed,
		Detail: "ApplyGuardrail: ServiceUnavailableException"}, byAWS(o, "bedrock", "ApplyGuardrail", 70, 2010))
	t.add(90*time.Millisecond, &event.GuardrailChecked{Agent: incident.AgentResolution, Subject: "action", Outcome: event.GuardrailBlocked,
		Policies: []string{"denied topic: destructive changes"}, Detail: "the plan asked to drop a table"}, byGuardrail(o, 71, 1, nil))
	t.add(0, &event.IncidentStatusChanged{Status: incident.StatusNeedsHuman, NeedsHuman: true, Handover: incident.HandoverGuardrail,
		Reason: "the guardrail blocked the action: denied topic: destructive changes"}, flow)
	t.add(4*time.Minute, &event.IncidentClosed{Status: incident.StatusResolved, Outcome: incident.OutcomeResolvedByPerson, By: "noor",
		Reason: "created the index, latency is normal"}, byPerson(o, "noor"))
	t.add(5*time.Millisecond, &event.LessonLearned{Into: []string{"archive"}, Lesson: incident.Lesson{IncidentID: t.incidentID, RunID: t.runID,
		Title: "Orders wait for their database", Service: "orders", Symptoms: "latency_ms of orders, cpu_percent of orders-db",
		Summary: "One statement without an index took the CPU of orders-db.", Outcome: incident.OutcomeResolvedByPerson, Origin: o,
		OpenedAt: storyStart.Add(30 * time.Minute), ClosedAt: t.now}}, flow)
	t.addReview(time.Hour, "4d9a", &event.CauseReviewed{By: "noor", Correct: false, Cause: incident.CauseBadConfiguration, CauseService: "orders-db",
		Comment: "the index was missing since the migration"}, byPerson(o, "noor"))
}
