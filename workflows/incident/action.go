package incident

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// ActionType is a class of actions: what is enabled, and what IAM policies and
// limits are written for.
type ActionType string

const (
	ActionScaleService         ActionType = "scale_service"
	ActionRestartService       ActionType = "restart_service"
	ActionRollbackDeployment   ActionType = "rollback_deployment"
	ActionUpdateConfig         ActionType = "update_config"
	ActionEnableCircuitBreaker ActionType = "enable_circuit_breaker"
	ActionClearCache           ActionType = "clear_cache"
	ActionIncreaseResources    ActionType = "increase_resources"
	ActionDrainTraffic         ActionType = "drain_traffic"
)

var ActionTypes = []ActionType{ActionScaleService, ActionRestartService, ActionRollbackDeployment, ActionUpdateConfig,
	ActionEnableCircuitBreaker, ActionClearCache, ActionIncreaseResources, ActionDrainTraffic}

func (a ActionType) Valid() bool { return contains(ActionTypes, a) }

// Action is one exact thing to do. Everything that could change what happens
// is in it, so that its hash binds a decision to it.
type Action struct {
	IncidentID       string      `json:"incident_id"`
	PlanRevision     int         `json:"plan_revision"`
	Name             string      `json:"name"` // of the catalogue entry
	Type             ActionType  `json:"type"`
	Target           string      `json:"target"`
	Steps            []Step      `json:"steps"` // in order; undone in reverse
	Precondition     string      `json:"precondition,omitempty"`
	Planned          TargetState `json:"planned,omitempty"` // the target as it was read when this was planned
	Basis            string      `json:"basis,omitempty"`   // digest of the diagnosis and the evidence that it rests on
	CatalogueVersion string      `json:"catalogue_version"`
}

// Step is one change to the user's systems, and what takes it back.
type Step struct {
	Executor  string            `json:"executor"`
	Document  string            `json:"document"` // operation, in the executor's words
	Arguments map[string]string `json:"arguments,omitempty"`
	Undo      *Undo             `json:"undo,omitempty"` // nil: it cannot be taken back, or need not be
}

// Undo is how a step is taken back, by the same executor.
type Undo struct {
	Document  string            `json:"document"`
	Arguments map[string]string `json:"arguments,omitempty"`
}

// TargetState is what an executor reads of a target: strings, numbers and
// booleans by name, such as desired_count or task_definition. Numbers are
// float64, as JSON has them.
type TargetState map[string]any

// Hash is the SHA-256 of the action's canonical JSON: the fields in the order
// above, map keys sorted, no white space, no HTML escaping.
func (a Action) Hash() string {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(a); err != nil {
		panic("incident: an action of strings and numbers does not encode: " + err.Error())
	}
	sum := sha256.Sum256(bytes.TrimRight(buf.Bytes(), "\n"))
	return hex.EncodeToString(sum[:])
}

// Effect is one call that changes something: a step of an action, or what
// takes that step back.
type Effect struct {
	IncidentID string            `json:"incident_id"`
	ActionHash string            `json:"action_hash"`
	Step       int               `json:"step"` // from 1
	Undo       bool              `json:"undo,omitempty"`
	Type       ActionType        `json:"type"`
	Executor   string            `json:"executor"`
	Document   string            `json:"document"`
	Target     string            `json:"target"`
	Arguments  map[string]string `json:"arguments,omitempty"`
}

// Effect is step n of the action, from 1.
func (a Action) Effect(n int) Effect {
	s := a.Steps[n-1]
	return Effect{IncidentID: a.IncidentID, ActionHash: a.Hash(), Step: n, Type: a.Type, Executor: s.Executor, Document: s.Document,
		Target: a.Target, Arguments: s.Arguments}
}

// Undo is what takes step n back; ok is false where nothing does.
func (a Action) Undo(n int) (e Effect, ok bool) {
	u := a.Steps[n-1].Undo
	if u == nil {
		return Effect{}, false
	}
	e = a.Effect(n)
	e.Undo, e.Document, e.Arguments = true, u.Document, u.Arguments
	return e, true
}

// Token is the client token of the effect: a UUID (version 8, RFC 9562) made
// from the action's hash and the step, so that the same effect always carries
// the same one.
func (e Effect) Token() string {
	b := sha256.Sum256(fmt.Appendf(nil, "%s/%d/%t", e.ActionHash, e.Step, e.Undo))
	b[6] = b[6]&0x0f | 0x80
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// String says what the effect is, in a few words.
func (e Effect) String() string {
	s := fmt.Sprintf("step %d, %s %s on %s", e.Step, e.Executor, e.Document, e.Target)
	if e.Undo {
		return "undoing " + s
	}
	return s
}

// Call is a request exactly as an executor would send it.
type Call struct {
	Service   string          `json:"service"`   // ssm, ecs, kubernetes, webhook
	Operation string          `json:"operation"` // StartAutomationExecution, UpdateService, …
	Request   json.RawMessage `json:"request"`
}

// ProposalState says what became of a proposal.
type ProposalState string

const (
	ProposalPending  ProposalState = "pending"
	ProposalApproved ProposalState = "approved"
	ProposalRejected ProposalState = "rejected"
	ProposalExpired  ProposalState = "expired"
	ProposalVoided   ProposalState = "voided" // overtaken: the alerts cleared, the plan or its basis changed, or a person resolved the incident
)

var ProposalStates = []ProposalState{ProposalPending, ProposalApproved, ProposalRejected, ProposalExpired, ProposalVoided}

func (p ProposalState) Valid() bool { return contains(ProposalStates, p) }

// Proposal is an action put before people.
type Proposal struct {
	ID          string        `json:"id"`
	Action      Action        `json:"action"`
	ActionHash  string        `json:"action_hash"`
	Title       string        `json:"title"`
	Reason      string        `json:"reason"`
	Risk        Risk          `json:"risk"`
	BlastRadius BlastRadius   `json:"blast_radius"`
	Effect      string        `json:"effect"`
	DryRun      bool          `json:"dry_run"` // approving shows what would run, and runs nothing
	Ruling      Ruling        `json:"ruling"`
	Score       float64       `json:"score"`
	Level       int           `json:"level"` // step of the escalation ladder, from 0
	AskedOf     string        `json:"asked_of"`
	ProposedBy  string        `json:"proposed_by,omitempty"` // a person who chose this option, and may not approve it; empty: Vigil
	Need        int           `json:"need"`                  // approvals, by as many people
	Approvals   []Approval    `json:"approvals,omitempty"`
	State       ProposalState `json:"state"`
	RequestedAt time.Time     `json:"requested_at"`
	Deadline    time.Time     `json:"deadline"`
	DecidedBy   string        `json:"decided_by,omitempty"`
	DecidedAt   time.Time     `json:"decided_at,omitzero"`
	Comment     string        `json:"comment,omitempty"`
}

// Approval is one person's yes.
type Approval struct {
	By      string    `json:"by"`
	At      time.Time `json:"at"`
	Comment string    `json:"comment,omitempty"`
}
