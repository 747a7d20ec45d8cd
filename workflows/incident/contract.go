package incident

import (
	"encoding/json"
	"fmt"
	"time"
)

// The names under which an incident's workflow is reached. They are constants
// rather than Go symbols, so that renaming code never breaks a caller.
const (
	TaskQueue    = "incidents"
	WorkflowType = "IncidentWorkflow"

	SignalAlert  = "alert"  // AlertSignal
	SignalCancel = "cancel" // CancelSignal

	SignalRemediation = "remediation" // RemediationUpdate, from a remediation to its incident
	SignalWithdraw    = "withdraw"    // WithdrawSignal, from an incident to its remediation

	QueryState       = "state"        // () → event.View
	QueryEventsSince = "events_since" // EventsSinceArgs → []event.Event

	UpdateDecide      = "decide"       // DecideArgs → DecideResult
	UpdateAcknowledge = "acknowledge"  // AcknowledgeArgs → VerbResult
	UpdateNote        = "note"         // NoteArgs → VerbResult
	UpdateSetSeverity = "set_severity" // SetSeverityArgs → VerbResult
	UpdateResolve     = "resolve"      // ResolveArgs → VerbResult
	UpdateAsk         = "ask"          // AskArgs → AskResult
	UpdateRaiseBudget = "raise_budget" // RaiseBudgetArgs → VerbResult
	UpdateMoveAlerts  = "move_alerts"  // MoveAlertsArgs → VerbResult
	UpdatePropose     = "propose"      // ProposeArgs → VerbResult

	// ReviewWorkflowType keeps what a person said of a diagnosis, whether the
	// incident is still open or not. Its id is ReviewID; its input ReviewInput.
	ReviewWorkflowType = "ReviewWorkflow"

	// RemediationWorkflowType carries out one action. Its id is RemediationID.
	RemediationWorkflowType = "RemediationWorkflow"

	// PostmortemWorkflowType keeps one edit of an incident's review, whether the
	// incident is still open or not. Its id is PostmortemID; its input PostmortemInput.
	PostmortemWorkflowType = "PostmortemWorkflow"
)

// RemediationID is the id of the workflow that carries out a plan of an incident.
func RemediationID(incidentID string, revision int) string {
	return fmt.Sprintf("%s-remediation-%d", incidentID, revision)
}

// PostmortemID is the id of the workflow that keeps one edit of the review. The
// same base is the same edit: of two people who edit the same text, one wins.
func PostmortemID(incidentID string, base int) string {
	return fmt.Sprintf("%s-postmortem-%d", incidentID, base+1)
}

// PostmortemInput is a person's edit of the review of an incident.
type PostmortemInput struct {
	Principal Principal    `json:"principal"`
	RunID     string       `json:"run_id"` // of the incident
	Base      int          `json:"base"`   // version that was edited; the written review is 1
	Lines     []ReviewLine `json:"lines"`
}

// ReviewID is the id of the workflow that keeps one review of an incident.
// The same key is the same review.
func ReviewID(incidentID, key string) string { return incidentID + "-review-" + key }

// Search attributes of an incident's workflow, all Keyword but the last.
const (
	AttrSeverity   = "IncidentSeverity"
	AttrPhase      = "IncidentPhase"
	AttrService    = "IncidentService"
	AttrNeedsHuman = "IncidentNeedsHuman" // Bool
)

// Input starts an incident. Every field has a default, so that a person can
// type it; the workflow id is the incident's id.
type Input struct {
	Title       string            `json:"title,omitempty"` // default: "Incident on <service>"
	Description string            `json:"description,omitempty"`
	Service     string            `json:"service,omitempty"`  // default: unknown
	Severity    Severity          `json:"severity,omitempty"` // default: medium
	Labels      map[string]string `json:"labels,omitempty"`
	Source      string            `json:"source,omitempty"`    // default: "manual"
	OpenedBy    string            `json:"opened_by,omitempty"` // principal, where a person opened it over the API
	StartedAt   time.Time         `json:"started_at,omitzero"` // when the trouble began; default: when the workflow started
	Origin      Origin            `json:"origin,omitempty"`    // default: live
	Alerts      []Alert           `json:"alerts,omitempty"`    // known at the start; most come by signal
	Mentions    []AlertMention    `json:"mentions,omitempty"`  // likewise
	Continued   json.RawMessage   `json:"continued,omitempty"` // set by the workflow itself, when a long incident continues as new
}

// AlertSignal brings alerts to a running incident. Those of an incident that
// has many already are only mentioned, so that a storm fits its history.
type AlertSignal struct {
	Alerts   []Alert        `json:"alerts"`
	Mentions []AlertMention `json:"mentions,omitempty"`
}

// Move is a person's word on which incident alerts belong to: all of From's
// (From is part of To, and ends), or some of them (To is another problem). The
// gateway has bound the keys of those alerts to To and brings them there.
type Move struct {
	ID      string   `json:"id"`
	From    string   `json:"from"`
	To      string   `json:"to"`
	All     bool     `json:"all,omitempty"`
	Members []string `json:"members,omitempty"` // of From; empty where it is all
	Count   int      `json:"count"`             // alerts that moved
	By      string   `json:"by"`
	Reason  string   `json:"reason"`
}

// MoveAlertsArgs tells an incident of a move. Both sides are told.
type MoveAlertsArgs struct {
	Principal Principal `json:"principal"`
	Move      Move      `json:"move"`
}

// CancelSignal asks the investigation to stop; the incident is handed to a person.
type CancelSignal struct {
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// EventsSinceArgs asks for the events of this run after AfterSeq, oldest first.
type EventsSinceArgs struct {
	AfterSeq int64 `json:"after_seq"`
	Limit    int   `json:"limit,omitempty"` // default 500
}

// Role is what a principal may do; each includes the ones before it.
type Role string

const (
	RoleViewer    Role = "viewer"
	RoleResponder Role = "responder" // acknowledge, note, set severity, resolve, open incidents
	RoleApprover  Role = "approver"  // decide on proposals
	RoleAdmin     Role = "admin"
)

var Roles = []Role{RoleViewer, RoleResponder, RoleApprover, RoleAdmin}

func (r Role) Valid() bool { return contains(Roles, r) }

// Principal is who asks. The gateway authenticates it and passes it on; it
// is never taken from the body of a request.
type Principal struct {
	Name string `json:"name"`
	Role Role   `json:"role"`
}

// May reports whether the principal has at least role r.
func (p Principal) May(r Role) bool {
	have, want := -1, len(Roles)
	for i, v := range Roles {
		if v == p.Role {
			have = i
		}
		if v == r {
			want = i
		}
	}
	return p.Name != "" && have >= want
}

// Verdict on a proposal.
const (
	DecisionApprove = "approve"
	DecisionReject  = "reject"
)

// DecideArgs decides on a proposal. ActionHash must be the hash of the exact
// action that the person saw.
type DecideArgs struct {
	Principal  Principal `json:"principal"`
	Decision   string    `json:"decision"` // approve or reject
	ProposalID string    `json:"proposal_id"`
	ActionHash string    `json:"action_hash"`
	Comment    string    `json:"comment,omitempty"`
}

// DecideResult confirms a decision. State is pending where more people have to
// agree.
type DecideResult struct {
	ProposalID string        `json:"proposal_id"`
	State      ProposalState `json:"state"`
	DecidedBy  string        `json:"decided_by"`
	DecidedAt  time.Time     `json:"decided_at"`
	Have       int           `json:"have"` // approvals
	Need       int           `json:"need"`
}

// ProposeArgs puts another of the options forward. Whoever does may not
// approve it.
type ProposeArgs struct {
	Principal Principal `json:"principal"`
	OptionID  string    `json:"option_id"`
	Reason    string    `json:"reason"`
}

// WithdrawSignal tells a remediation that its incident no longer wants it: what
// has not begun does not begin, half an action is taken back, and a whole one
// stays and is not judged.
type WithdrawSignal struct {
	Reason string `json:"reason"`
}

// AcknowledgeArgs says that somebody is on it.
type AcknowledgeArgs struct {
	Principal Principal `json:"principal"`
}

// NoteArgs adds a person's words to the timeline.
type NoteArgs struct {
	Principal Principal `json:"principal"`
	Text      string    `json:"text"`
}

// SetSeverityArgs changes the severity.
type SetSeverityArgs struct {
	Principal Principal `json:"principal"`
	Severity  Severity  `json:"severity"`
	Reason    string    `json:"reason,omitempty"`
}

// ResolveArgs closes the incident on a person's word. Reason is required.
type ResolveArgs struct {
	Principal Principal `json:"principal"`
	Reason    string    `json:"reason"`
}

// AskArgs is a person's question about an open incident. The answer is an
// event, question.answered.
type AskArgs struct {
	Principal Principal `json:"principal"`
	Question  string    `json:"question"`
}

// AskResult says under which id the answer will come.
type AskResult struct {
	QuestionID string `json:"question_id"`
	Seq        int64  `json:"seq"`
}

// RaiseBudgetArgs adds to a budget, of one agent or (Agent empty) of the
// incident. A budget of nothing says that the incident is to go on without
// models rather than wait.
type RaiseBudgetArgs struct {
	Principal Principal `json:"principal"`
	Agent     Agent     `json:"agent,omitempty"`
	Add       Budget    `json:"add"`
	Comment   string    `json:"comment,omitempty"`
}

// ReviewInput is a person's answer to "was this the cause?". Correct false
// with a Cause and CauseService says what it was instead.
type ReviewInput struct {
	Principal    Principal `json:"principal"`
	Correct      bool      `json:"correct"`
	Cause        Cause     `json:"cause,omitempty"`
	CauseService string    `json:"cause_service,omitempty"`
	Comment      string    `json:"comment,omitempty"`
	Lesson       Lesson    `json:"lesson"` // of the incident as it stands, without a cause
}

// VerbResult confirms a human verb. Seq is the event that it became.
type VerbResult struct {
	Seq int64 `json:"seq"`
}
