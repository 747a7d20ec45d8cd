package incident

// Severity says how bad an incident is for users.
type Severity string

const (
	SeverityCritical Severity = "critical"
	SeverityHigh     Severity = "high"
	SeverityMedium   Severity = "medium"
	SeverityLow      Severity = "low"
)

// Severities lists every severity, worst first.
var Severities = []Severity{SeverityCritical, SeverityHigh, SeverityMedium, SeverityLow}

func (s Severity) Valid() bool { return contains(Severities, s) }

// Rank orders severities: 4 is critical, 1 low, 0 not a severity.
func (s Severity) Rank() int {
	for i, v := range Severities {
		if v == s {
			return len(Severities) - i
		}
	}
	return 0
}

// Status is where an incident stands, in one word.
type Status string

const (
	StatusDetected         Status = "detected"
	StatusInvestigating    Status = "investigating"
	StatusAwaitingApproval Status = "awaiting_approval"
	StatusResolving        Status = "resolving"
	StatusVerifying        Status = "verifying"
	StatusNeedsHuman       Status = "needs_human" // Vigil has gone as far as it may; a person has it now
	StatusResolved         Status = "resolved"    // telemetry is back to its state before, or a person said so
	StatusClosed           Status = "closed"      // over without proof that it is resolved
	StatusAborted          Status = "aborted"     // the workflow was terminated, timed out or deleted
)

var Statuses = []Status{StatusDetected, StatusInvestigating, StatusAwaitingApproval, StatusResolving,
	StatusVerifying, StatusNeedsHuman, StatusResolved, StatusClosed, StatusAborted}

func (s Status) Valid() bool { return contains(Statuses, s) }

// Terminal reports whether nothing more will happen to the incident.
func (s Status) Terminal() bool {
	return s == StatusResolved || s == StatusClosed || s == StatusAborted
}

// Phase is a chapter of an incident's story. They appear in this order;
// diagnosis and prediction run side by side.
type Phase string

const (
	PhaseDetection     Phase = "detection"
	PhaseDiagnosis     Phase = "diagnosis"
	PhasePrediction    Phase = "prediction"
	PhaseDecision      Phase = "decision"
	PhaseApproval      Phase = "approval"
	PhaseResolution    Phase = "resolution"
	PhaseVerification  Phase = "verification"
	PhaseCommunication Phase = "communication"
	PhaseReview        Phase = "review"
)

// Phases lists every phase in the order of the story.
var Phases = []Phase{PhaseDetection, PhaseDiagnosis, PhasePrediction, PhaseDecision, PhaseApproval,
	PhaseResolution, PhaseVerification, PhaseCommunication, PhaseReview}

func (p Phase) Valid() bool { return contains(Phases, p) }

// PhaseState says how a phase stands or ended.
type PhaseState string

const (
	PhasePending   PhaseState = "pending"
	PhaseRunning   PhaseState = "running"
	PhaseCompleted PhaseState = "completed"
	PhaseDegraded  PhaseState = "degraded" // ended on less than it wanted: no model, missing telemetry
	PhaseSkipped   PhaseState = "skipped"
	PhaseFailed    PhaseState = "failed"
)

var PhaseStates = []PhaseState{PhasePending, PhaseRunning, PhaseCompleted, PhaseDegraded, PhaseSkipped, PhaseFailed}

func (p PhaseState) Valid() bool { return contains(PhaseStates, p) }

// Agent names one of the five agents.
type Agent string

const (
	AgentDetection     Agent = "detection"
	AgentDiagnosis     Agent = "diagnosis"
	AgentPrediction    Agent = "prediction"
	AgentResolution    Agent = "resolution"
	AgentCommunication Agent = "communication"
)

// Agents lists every agent in the order in which they take part.
var Agents = []Agent{AgentDetection, AgentDiagnosis, AgentPrediction, AgentResolution, AgentCommunication}

func (a Agent) Valid() bool { return contains(Agents, a) }

// AgentState is what an agent is doing now.
type AgentState string

const (
	AgentIdle         AgentState = "idle"
	AgentInitializing AgentState = "initializing"
	AgentAnalyzing    AgentState = "analyzing"  // a model call is in flight
	AgentProcessing   AgentState = "processing" // tool calls are in flight
	AgentWaiting      AgentState = "waiting"
	AgentCompleted    AgentState = "completed"
	AgentError        AgentState = "error"
	AgentTimeout      AgentState = "timeout"
)

var AgentStates = []AgentState{AgentIdle, AgentInitializing, AgentAnalyzing, AgentProcessing, AgentWaiting,
	AgentCompleted, AgentError, AgentTimeout}

func (a AgentState) Valid() bool { return contains(AgentStates, a) }

// Outcome says how an incident ended.
type Outcome string

const (
	OutcomeRemediated       Outcome = "remediated"         // Vigil acted and the telemetry confirmed it
	OutcomeRecovered        Outcome = "recovered"          // the telemetry came back without an action of ours
	OutcomeResolvedByPerson Outcome = "resolved_by_person" // a person said so, with a reason
	OutcomeAlertCleared     Outcome = "alert_cleared"      // the sender cleared its alerts; telemetry could not confirm
	OutcomeUnresolved       Outcome = "unresolved"         // nobody took it until the last deadline
	OutcomeMerged           Outcome = "merged"             // a person said that it is part of another incident
	OutcomeAborted          Outcome = "aborted"
)

var Outcomes = []Outcome{OutcomeRemediated, OutcomeRecovered, OutcomeResolvedByPerson, OutcomeAlertCleared,
	OutcomeUnresolved, OutcomeMerged, OutcomeAborted}

func (o Outcome) Valid() bool { return contains(Outcomes, o) }

// HandoverReason says why a person was brought in.
type HandoverReason string

const (
	HandoverInconclusive    HandoverReason = "inconclusive"     // no cause could be shown
	HandoverNoAction        HandoverReason = "no_action"        // a cause, but nothing in the catalogue for it
	HandoverRejected        HandoverReason = "rejected"         // an approver said no
	HandoverApprovalExpired HandoverReason = "approval_expired" // nobody decided in time, on any level
	HandoverDryRun          HandoverReason = "dry_run"          // the action class is not enabled
	HandoverActionFailed    HandoverReason = "action_failed"    // the action reported failure
	HandoverActionUnknown   HandoverReason = "action_unknown"   // whether the action ran cannot be told
	HandoverNotVerified     HandoverReason = "not_verified"     // it ran; the telemetry did not come back
	HandoverCancelled       HandoverReason = "cancelled"        // someone asked the investigation to stop
	HandoverHealthy         HandoverReason = "healthy"          // the telemetry shows nothing wrong now: a false alarm, or over
	HandoverGuardrail       HandoverReason = "guardrail"        // the guardrail blocked the action, or could not be asked
	HandoverPolicy          HandoverReason = "policy"           // the policy, or the mode, keeps Vigil from acting
	HandoverUnsafe          HandoverReason = "failed_unsafe"    // an action could not be taken back
	HandoverWithdrawn       HandoverReason = "withdrawn"        // an approved action was refused before it began: kill switch, precondition, a role lost
	HandoverFailed          HandoverReason = "failed"           // a phase failed in a way that Vigil cannot go on from
)

var HandoverReasons = []HandoverReason{HandoverInconclusive, HandoverNoAction, HandoverRejected,
	HandoverApprovalExpired, HandoverDryRun, HandoverActionFailed, HandoverActionUnknown, HandoverNotVerified,
	HandoverCancelled, HandoverHealthy, HandoverGuardrail, HandoverPolicy, HandoverUnsafe, HandoverWithdrawn, HandoverFailed}

func (h HandoverReason) Valid() bool { return contains(HandoverReasons, h) }

func contains[T comparable](set []T, v T) bool {
	for _, s := range set {
		if s == v {
			return true
		}
	}
	return false
}
