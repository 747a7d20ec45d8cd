package event

import (
	"time"

	"vigil/workflows/incident"
)

// Type names a kind of event, noun.past.
type Type string

const (
	TypeIncidentOpened          Type = "incident.opened"
	TypeIncidentStatusChanged   Type = "incident.status_changed"
	TypeIncidentAcknowledged    Type = "incident.acknowledged"
	TypeIncidentSeverityChanged Type = "incident.severity_changed"
	TypeIncidentNoted           Type = "incident.noted"
	TypeIncidentEscalated       Type = "incident.escalated"
	TypeIncidentClosed          Type = "incident.closed"
	TypeIncidentAborted         Type = "incident.aborted"
	TypeAlertReceived           Type = "alert.received"
	TypeAlertsMentioned         Type = "alerts.mentioned"
	TypeAlertsMoved             Type = "alerts.moved"
	TypePhaseChanged            Type = "phase.changed"
	TypeAgentUpdated            Type = "agent.updated"
	TypeModelCalled             Type = "model.called"
	TypeEvidenceCollected       Type = "evidence.collected"
	TypeDiagnosisConcluded      Type = "diagnosis.concluded"
	TypePredictionConcluded     Type = "prediction.concluded"
	TypeDecisionMade            Type = "decision.made"
	TypeApprovalRequested       Type = "approval.requested"
	TypeApprovalDecided         Type = "approval.decided"
	TypeApprovalExpired         Type = "approval.expired"
	TypeApprovalVoided          Type = "approval.voided"
	TypeActionStarted           Type = "action.started"
	TypeActionFinished          Type = "action.finished"
	TypeVerificationMeasured    Type = "verification.measured"
	TypeMessageDrafted          Type = "message.drafted"
	TypeReviewWritten           Type = "review.written"
	TypeErrorRaised             Type = "error.raised"
	TypeModelRouted             Type = "model.routed"
	TypeIncidentDegraded        Type = "incident.degraded"
	TypeIncidentContinued       Type = "incident.continued"
	TypeBudgetExhausted         Type = "budget.exhausted"
	TypeBudgetRaised            Type = "budget.raised"
	TypeQuestionAsked           Type = "question.asked"
	TypeQuestionAnswered        Type = "question.answered"
	TypeGuardrailChecked        Type = "guardrail.checked"
	TypeLessonLearned           Type = "lesson.learned"
	TypeCauseReviewed           Type = "cause.reviewed"
	TypePolicyRuled             Type = "policy.ruled"
	TypeApprovalGiven           Type = "approval.given"
	TypeOptionProposed          Type = "option.proposed"
	TypeRemediationChanged      Type = "remediation.changed"
	TypeNotificationSent        Type = "notification.sent"
	TypeReviewEdited            Type = "review.edited"
)

// Data is the payload of an event.
type Data interface{ EventType() Type }

// IncidentOpened is always the first event of a run.
type IncidentOpened struct {
	Title       string            `json:"title"`
	Description string            `json:"description,omitempty"`
	Service     string            `json:"service"`
	Severity    incident.Severity `json:"severity"`
	Labels      map[string]string `json:"labels,omitempty"`
	Source      string            `json:"source"`
	OpenedBy    string            `json:"opened_by,omitempty"`
	StartedAt   time.Time         `json:"started_at"` // when the trouble began, as far as is known
}

// IncidentStatusChanged says where the incident stands now.
type IncidentStatusChanged struct {
	Status     incident.Status         `json:"status"`
	NeedsHuman bool                    `json:"needs_human"`
	Handover   incident.HandoverReason `json:"handover,omitempty"`
	Reason     string                  `json:"reason,omitempty"`
}

// IncidentAcknowledged says who is on it.
type IncidentAcknowledged struct {
	By string `json:"by"`
}

// IncidentSeverityChanged says who changed the severity, or what.
type IncidentSeverityChanged struct {
	From   incident.Severity `json:"from"`
	To     incident.Severity `json:"to"`
	By     string            `json:"by"`
	Reason string            `json:"reason,omitempty"`
}

// IncidentNoted is a person's note.
type IncidentNoted struct {
	By   string `json:"by"`
	Text string `json:"text"`
}

// IncidentEscalated says that the next level of the ladder is asked.
type IncidentEscalated struct {
	Level  int    `json:"level"`
	To     string `json:"to"`
	Reason string `json:"reason"`
}

// IncidentClosed is the last event of a run. Status is resolved or closed.
type IncidentClosed struct {
	Status  incident.Status  `json:"status"`
	Outcome incident.Outcome `json:"outcome"`
	By      string           `json:"by,omitempty"`
	Reason  string           `json:"reason"`
}

// IncidentAborted is made by the gateway for a workflow that was terminated,
// timed out, failed or deleted.
type IncidentAborted struct {
	Reason string `json:"reason"`
}

// AlertReceived is an alert that joined the incident, firing or resolved.
type AlertReceived struct {
	Alert incident.Alert `json:"alert"`
}

// AlertsMentioned is alerts that joined an incident, or changed, which shows
// many already: they are counted, and read from the gateway's inbox.
type AlertsMentioned struct {
	Alerts []incident.AlertMention `json:"alerts"`
}

// AlertsMoved says that a person moved alerts between two incidents. Both have
// this event.
type AlertsMoved struct {
	Move incident.Move `json:"move"`
}

// PhaseChanged is the flow of an incident: a phase began or ended.
type PhaseChanged struct {
	Phase  incident.Phase      `json:"phase"`
	State  incident.PhaseState `json:"state"`
	Detail string              `json:"detail,omitempty"`
}

// AgentUpdated is what an agent does now. Confidence is absent until there is
// evidence to compute it from.
type AgentUpdated struct {
	Agent         incident.Agent      `json:"agent"`
	State         incident.AgentState `json:"state"`
	Phase         incident.Phase      `json:"phase,omitempty"`
	Task          string              `json:"task,omitempty"`
	Turn          int                 `json:"turn,omitempty"`
	MaxTurns      int                 `json:"max_turns,omitempty"`
	Confidence    *float64            `json:"confidence,omitempty"`
	EvidenceCount int                 `json:"evidence_count"`
	KeyFinding    string              `json:"key_finding,omitempty"`
}

// ModelCalled is one finished model call; its provenance carries model,
// tokens, cost, latency and request id.
type ModelCalled struct {
	Agent      incident.Agent `json:"agent"`
	Turn       int            `json:"turn"`
	Text       string         `json:"text,omitempty"`
	Tools      []string       `json:"tools,omitempty"` // tools that the model asked for
	StopReason string         `json:"stop_reason"`
	PromptHash string         `json:"prompt_hash,omitempty"` // SHA-256 of all that it was told
	Problem    string         `json:"problem,omitempty"`     // why the answer cannot be used, where it cannot
}

// EvidenceCollected is one thing that was looked at.
type EvidenceCollected struct {
	Evidence incident.Evidence `json:"evidence"`
}

// DiagnosisConcluded is the diagnosis, inconclusive ones included.
type DiagnosisConcluded struct {
	Diagnosis incident.Diagnosis `json:"diagnosis"`
}

// PredictionConcluded is the forecast.
type PredictionConcluded struct {
	Prediction incident.Prediction `json:"prediction"`
}

// DecisionMade is the outcome of the agents' vote.
type DecisionMade struct {
	Decision incident.Decision `json:"decision"`
}

// ApprovalRequested puts a proposal before people.
type ApprovalRequested struct {
	Proposal incident.Proposal `json:"proposal"`
}

// ApprovalDecided says who decided, and how.
type ApprovalDecided struct {
	ProposalID string                 `json:"proposal_id"`
	State      incident.ProposalState `json:"state"` // approved or rejected
	By         string                 `json:"by"`
	Comment    string                 `json:"comment,omitempty"`
}

// ApprovalExpired says that nobody decided in time.
type ApprovalExpired struct {
	ProposalID string `json:"proposal_id"`
	Level      int    `json:"level"`
}

// ApprovalVoided says that a proposal was overtaken by events.
type ApprovalVoided struct {
	ProposalID string `json:"proposal_id"`
	Reason     string `json:"reason"`
}

// ActionStarted is the intent: from here on this step of the action, or what
// takes it back, may have happened.
type ActionStarted struct {
	Action      incident.Action `json:"action"`
	Effect      incident.Effect `json:"effect"`
	ClientToken string          `json:"client_token"`
}

// ActionFinished is the outcome of a step, or that there is no telling.
type ActionFinished struct {
	Execution incident.Execution `json:"execution"`
}

// VerificationMeasured is one look at the telemetry after an action; its
// state says whether it was the last.
type VerificationMeasured struct {
	Verification incident.Verification `json:"verification"`
}

// MessageDrafted is a status update for people. Whether, and to whom, it was
// sent is said by each NotificationSent.
type MessageDrafted struct {
	Audience string `json:"audience"`
	Text     string `json:"text"`
}

// ReviewWritten is the review at the end, made from the events alone. Every
// line cites the events that it rests on. It is version 1.
type ReviewWritten struct {
	Text  string                `json:"text"` // all lines, for those who show no more
	Lines []incident.ReviewLine `json:"lines"`
}

// ErrorRaised is something that went wrong and what is done about it.
type ErrorRaised struct {
	Kind        incident.Kind  `json:"kind"`
	Message     string         `json:"message"`
	Phase       incident.Phase `json:"phase,omitempty"`
	Agent       incident.Agent `json:"agent,omitempty"`
	Retries     int32          `json:"retries,omitempty"`
	Recoverable bool           `json:"recoverable"`
	Recovery    string         `json:"recovery,omitempty"` // what happens instead
}

func (*IncidentOpened) EventType() Type          { return TypeIncidentOpened }
func (*IncidentStatusChanged) EventType() Type   { return TypeIncidentStatusChanged }
func (*IncidentAcknowledged) EventType() Type    { return TypeIncidentAcknowledged }
func (*IncidentSeverityChanged) EventType() Type { return TypeIncidentSeverityChanged }
func (*IncidentNoted) EventType() Type           { return TypeIncidentNoted }
func (*IncidentEscalated) EventType() Type       { return TypeIncidentEscalated }
func (*IncidentClosed) EventType() Type          { return TypeIncidentClosed }
func (*IncidentAborted) EventType() Type         { return TypeIncidentAborted }
func (*AlertReceived) EventType() Type           { return TypeAlertReceived }
func (*AlertsMentioned) EventType() Type         { return TypeAlertsMentioned }
func (*AlertsMoved) EventType() Type             { return TypeAlertsMoved }
func (*PhaseChanged) EventType() Type            { return TypePhaseChanged }
func (*AgentUpdated) EventType() Type            { return TypeAgentUpdated }
func (*ModelCalled) EventType() Type             { return TypeModelCalled }
func (*EvidenceCollected) EventType() Type       { return TypeEvidenceCollected }
func (*DiagnosisConcluded) EventType() Type      { return TypeDiagnosisConcluded }
func (*PredictionConcluded) EventType() Type     { return TypePredictionConcluded }
func (*DecisionMade) EventType() Type            { return TypeDecisionMade }
func (*ApprovalRequested) EventType() Type       { return TypeApprovalRequested }
func (*ApprovalDecided) EventType() Type         { return TypeApprovalDecided }
func (*ApprovalExpired) EventType() Type         { return TypeApprovalExpired }
func (*ApprovalVoided) EventType() Type          { return TypeApprovalVoided }
func (*ActionStarted) EventType() Type           { return TypeActionStarted }
func (*ActionFinished) EventType() Type          { return TypeActionFinished }
func (*VerificationMeasured) EventType() Type    { return TypeVerificationMeasured }
func (*MessageDrafted) EventType() Type          { return TypeMessageDrafted }
func (*ReviewWritten) EventType() Type           { return TypeReviewWritten }
func (*ErrorRaised) EventType() Type             { return TypeErrorRaised }
func (*ModelRouted) EventType() Type             { return TypeModelRouted }
func (*IncidentDegraded) EventType() Type        { return TypeIncidentDegraded }
func (*IncidentContinued) EventType() Type       { return TypeIncidentContinued }
func (*BudgetExhausted) EventType() Type         { return TypeBudgetExhausted }
func (*BudgetRaised) EventType() Type            { return TypeBudgetRaised }
func (*QuestionAsked) EventType() Type           { return TypeQuestionAsked }
func (*QuestionAnswered) EventType() Type        { return TypeQuestionAnswered }
func (*GuardrailChecked) EventType() Type        { return TypeGuardrailChecked }
func (*LessonLearned) EventType() Type           { return TypeLessonLearned }
func (*CauseReviewed) EventType() Type           { return TypeCauseReviewed }
func (*ReviewEdited) EventType() Type            { return TypeReviewEdited }
func (*NotificationSent) EventType() Type        { return TypeNotificationSent }
func (*RemediationChanged) EventType() Type      { return TypeRemediationChanged }
func (*OptionProposed) EventType() Type          { return TypeOptionProposed }
func (*ApprovalGiven) EventType() Type           { return TypeApprovalGiven }
func (*PolicyRuled) EventType() Type             { return TypePolicyRuled }

// catalogue makes an empty payload for every type; TestCatalogue holds it
// against the constants and the golden files.
var catalogue = map[Type]func() Data{
	TypeIncidentOpened:          func() Data { return new(IncidentOpened) },
	TypeIncidentStatusChanged:   func() Data { return new(IncidentStatusChanged) },
	TypeIncidentAcknowledged:    func() Data { return new(IncidentAcknowledged) },
	TypeIncidentSeverityChanged: func() Data { return new(IncidentSeverityChanged) },
	TypeIncidentNoted:           func() Data { return new(IncidentNoted) },
	TypeIncidentEscalated:       func() Data { return new(IncidentEscalated) },
	TypeIncidentClosed:          func() Data { return new(IncidentClosed) },
	TypeIncidentAborted:         func() Data { return new(IncidentAborted) },
	TypeAlertReceived:           func() Data { return new(AlertReceived) },
	TypeAlertsMentioned:         func() Data { return new(AlertsMentioned) },
	TypeAlertsMoved:             func() Data { return new(AlertsMoved) },
	TypePhaseChanged:            func() Data { return new(PhaseChanged) },
	TypeAgentUpdated:            func() Data { return new(AgentUpdated) },
	TypeModelCalled:             func() Data { return new(ModelCalled) },
	TypeEvidenceCollected:       func() Data { return new(EvidenceCollected) },
	TypeDiagnosisConcluded:      func() Data { return new(DiagnosisConcluded) },
	TypePredictionConcluded:     func() Data { return new(PredictionConcluded) },
	TypeDecisionMade:            func() Data { return new(DecisionMade) },
	TypeApprovalRequested:       func() Data { return new(ApprovalRequested) },
	TypeApprovalDecided:         func() Data { return new(ApprovalDecided) },
	TypeApprovalExpired:         func() Data { return new(ApprovalExpired) },
	TypeApprovalVoided:          func() Data { return new(ApprovalVoided) },
	TypeActionStarted:           func() Data { return new(ActionStarted) },
	TypeActionFinished:          func() Data { return new(ActionFinished) },
	TypeVerificationMeasured:    func() Data { return new(VerificationMeasured) },
	TypeMessageDrafted:          func() Data { return new(MessageDrafted) },
	TypeReviewWritten:           func() Data { return new(ReviewWritten) },
	TypeErrorRaised:             func() Data { return new(ErrorRaised) },
	TypeModelRouted:             func() Data { return new(ModelRouted) },
	TypeIncidentDegraded:        func() Data { return new(IncidentDegraded) },
	TypeIncidentContinued:       func() Data { return new(IncidentContinued) },
	TypeBudgetExhausted:         func() Data { return new(BudgetExhausted) },
	TypeBudgetRaised:            func() Data { return new(BudgetRaised) },
	TypeQuestionAsked:           func() Data { return new(QuestionAsked) },
	TypeQuestionAnswered:        func() Data { return new(QuestionAnswered) },
	TypeGuardrailChecked:        func() Data { return new(GuardrailChecked) },
	TypePolicyRuled:             func() Data { return new(PolicyRuled) },
	TypeApprovalGiven:           func() Data { return new(ApprovalGiven) },
	TypeOptionProposed:          func() Data { return new(OptionProposed) },
	TypeRemediationChanged:      func() Data { return new(RemediationChanged) },
	TypeNotificationSent:        func() Data { return new(NotificationSent) },
	TypeReviewEdited:            func() Data { return new(ReviewEdited) },
	TypeLessonLearned:           func() Data { return new(LessonLearned) },
	TypeCauseReviewed:           func() Data { return new(CauseReviewed) },
}

// Types lists every event type in the catalogue, sorted.
func Types() []Type { return sortedKeys(catalogue) }
