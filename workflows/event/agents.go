package event

import (
	"slices"
	"time"

	"vigil/workflows/incident"
)

// What the agents of an incident do: which models they ask, what that may use,
// what they are asked, what is checked, and what is learned.

// ModelRouted says which model an agent asks from now on, and why.
type ModelRouted struct {
	Agent   incident.Agent   `json:"agent"`
	Purpose incident.Purpose `json:"purpose"`
	Model   string           `json:"model,omitempty"` // empty: none is left, the statistics go on alone
	From    string           `json:"from,omitempty"`  // the one before
	Reason  RouteReason      `json:"reason"`
	Detail  string           `json:"detail,omitempty"`
}

// RouteReason is why a model was chosen.
type RouteReason string

const (
	RouteConfigured  RouteReason = "configured"  // the purpose's own
	RouteMalformed   RouteReason = "malformed"   // a step up: the answer could not be read
	RouteUnsupported RouteReason = "unsupported" // a step up: the answer cited no evidence
	RouteUnavailable RouteReason = "unavailable" // a step down: the model cannot be had
	RouteStatistics  RouteReason = "statistics"  // no model is left
)

var RouteReasons = []RouteReason{RouteConfigured, RouteMalformed, RouteUnsupported, RouteUnavailable, RouteStatistics}

func (r RouteReason) Valid() bool { return slices.Contains(RouteReasons, r) }

// IncidentDegraded says that the incident goes on on less than it wanted, or
// (Degraded false) that it no longer has to.
type IncidentDegraded struct {
	Degraded bool   `json:"degraded"`
	Reason   string `json:"reason"`
}

// IncidentContinued is the first event of a run that takes up a long incident
// where another run left it. View is all that the events before added up to.
type IncidentContinued struct {
	FromRunID string `json:"from_run_id"`
	View      View   `json:"view"`
}

// BudgetScope says whose budget is meant.
type BudgetScope string

const (
	BudgetOfAgent    BudgetScope = "agent"
	BudgetOfIncident BudgetScope = "incident"
	BudgetOfDay      BudgetScope = "day" // of all incidents together; raised in the configuration only
)

var BudgetScopes = []BudgetScope{BudgetOfAgent, BudgetOfIncident, BudgetOfDay}

func (b BudgetScope) Valid() bool { return slices.Contains(BudgetScopes, b) }

// BudgetExhausted says that an agent waits for a person, until Deadline, to
// raise a budget. What scope day exhausts, nobody can raise here: the agent
// goes on without models.
type BudgetExhausted struct {
	Scope    BudgetScope     `json:"scope"`
	Agent    incident.Agent  `json:"agent"` // who wanted to go on
	Which    string          `json:"which"` // turns, tokens or cost
	Cap      incident.Budget `json:"cap"`
	Used     incident.Budget `json:"used"`
	Deadline time.Time       `json:"deadline,omitzero"`
}

// BudgetRaised says who raised a budget, and to what. Declined: they want the
// incident to go on without models.
type BudgetRaised struct {
	Scope    BudgetScope     `json:"scope"`
	Agent    incident.Agent  `json:"agent,omitempty"`
	By       string          `json:"by"`
	Cap      incident.Budget `json:"cap"` // in force from now on
	Declined bool            `json:"declined,omitempty"`
	Comment  string          `json:"comment,omitempty"`
}

// QuestionAsked is a person's question about the incident.
type QuestionAsked struct {
	ID   string `json:"id"` // Q1, Q2, …
	By   string `json:"by"`
	Text string `json:"text"`
}

// QuestionAnswered is the answer, or why there is none.
type QuestionAnswered struct {
	ID     string           `json:"id"`
	Answer *incident.Answer `json:"answer,omitempty"`
	Error  string           `json:"error,omitempty"`
}

// GuardrailOutcome is what came of a check.
type GuardrailOutcome string

const (
	GuardrailPassed     GuardrailOutcome = "passed"
	GuardrailAnonymized GuardrailOutcome = "anonymized"
	GuardrailBlocked    GuardrailOutcome = "blocked"
	GuardrailFailed     GuardrailOutcome = "failed" // it could not be asked
	GuardrailOff        GuardrailOutcome = "off"    // none is configured
)

var GuardrailOutcomes = []GuardrailOutcome{GuardrailPassed, GuardrailAnonymized, GuardrailBlocked, GuardrailFailed, GuardrailOff}

func (o GuardrailOutcome) Valid() bool { return slices.Contains(GuardrailOutcomes, o) }

// GuardrailChecked says what the guardrail made of a text. What it was is
// said, the text is not.
type GuardrailChecked struct {
	Agent    incident.Agent   `json:"agent,omitempty"`
	Subject  string           `json:"subject"` // input, answer, action or message
	Outcome  GuardrailOutcome `json:"outcome"`
	Policies []string         `json:"policies,omitempty"` // that intervened
	Detail   string           `json:"detail,omitempty"`
}

// LessonLearned says what was kept of the incident for later ones.
type LessonLearned struct {
	Lesson incident.Lesson `json:"lesson"`
	Into   []string        `json:"into"` // archive, agentcore, …
}

// CauseReviewed is a person's answer to "was this the cause?". It may come
// after the end, and carries no number.
type CauseReviewed struct {
	By           string         `json:"by"`
	Correct      bool           `json:"correct"`
	Cause        incident.Cause `json:"cause,omitempty"`         // what it was
	CauseService string         `json:"cause_service,omitempty"` // where it was
	Comment      string         `json:"comment,omitempty"`
}
