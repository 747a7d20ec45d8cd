package incident

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// ActionType names an entry of the action catalogue.
type ActionType string

const (
	ActionRollbackDeployment ActionType = "rollback_deployment"
	ActionRestartService     ActionType = "restart_service"
	ActionScaleService       ActionType = "scale_service"
)

// Risk says how much harm an action may do.
type Risk string

const (
	RiskLow      Risk = "low"
	RiskMedium   Risk = "medium"
	RiskHigh     Risk = "high"
	RiskCritical Risk = "critical"
)

var Risks = []Risk{RiskLow, RiskMedium, RiskHigh, RiskCritical}

func (r Risk) Valid() bool { return contains(Risks, r) }

// CatalogueEntry is one kind of action that Vigil may take.
type CatalogueEntry struct {
	Type        ActionType `json:"type"`
	Title       string     `json:"title"`
	Document    string     `json:"document"` // SSM Automation document
	Causes      []Cause    `json:"causes"`   // what it is known to help against
	Risk        Risk       `json:"risk"`
	BlastRadius string     `json:"blast_radius"`
	Effect      string     `json:"effect"`  // what to expect of it
	Enabled     bool       `json:"enabled"` // false: dry run, shown and never executed
	TimeoutMS   int64      `json:"timeout_ms"`

	// Parameters go to the document besides the target, such as the cluster.
	Parameters map[string]string `json:"parameters,omitempty"`
}

// Action is one exact thing to do. Everything that could change what happens
// is in it, so that its hash binds a decision to it.
type Action struct {
	IncidentID       string            `json:"incident_id"`
	PlanRevision     int               `json:"plan_revision"`
	Step             int               `json:"step"`
	Type             ActionType        `json:"type"`
	Target           string            `json:"target"`
	Document         string            `json:"document"`
	Arguments        map[string]string `json:"arguments,omitempty"`
	Precondition     string            `json:"precondition,omitempty"`
	CatalogueVersion string            `json:"catalogue_version"`
}

// Hash is the SHA-256 of the action's canonical JSON: the fields in the order
// above, map keys sorted, no white space, no HTML escaping.
func (a Action) Hash() string {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(a); err != nil {
		panic("incident: an action of strings and ints does not encode: " + err.Error())
	}
	sum := sha256.Sum256(bytes.TrimRight(buf.Bytes(), "\n"))
	return hex.EncodeToString(sum[:])
}

// ProposalState says what became of a proposal.
type ProposalState string

const (
	ProposalPending  ProposalState = "pending"
	ProposalApproved ProposalState = "approved"
	ProposalRejected ProposalState = "rejected"
	ProposalExpired  ProposalState = "expired"
	ProposalVoided   ProposalState = "voided" // overtaken: the alerts cleared or a person resolved the incident
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
	BlastRadius string        `json:"blast_radius"`
	Effect      string        `json:"effect"`
	DryRun      bool          `json:"dry_run"` // approving shows what would run, and runs nothing
	Score       float64       `json:"score"`
	Level       int           `json:"level"` // step of the escalation ladder, from 0
	AskedOf     string        `json:"asked_of"`
	State       ProposalState `json:"state"`
	RequestedAt time.Time     `json:"requested_at"`
	Deadline    time.Time     `json:"deadline"`
	DecidedBy   string        `json:"decided_by,omitempty"`
	DecidedAt   time.Time     `json:"decided_at,omitzero"`
	Comment     string        `json:"comment,omitempty"`
}

// ExecutionState says how an execution stands.
type ExecutionState string

const (
	ExecutionRunning   ExecutionState = "running"
	ExecutionSucceeded ExecutionState = "succeeded"
	ExecutionFailed    ExecutionState = "failed"
	ExecutionUnknown   ExecutionState = "unknown" // cannot be told; a person decides
)

var ExecutionStates = []ExecutionState{ExecutionRunning, ExecutionSucceeded, ExecutionFailed, ExecutionUnknown}

func (e ExecutionState) Valid() bool { return contains(ExecutionStates, e) }

// Execution is one run of an action.
type Execution struct {
	ActionHash  string         `json:"action_hash"`
	ClientToken string         `json:"client_token"`
	ID          string         `json:"id,omitempty"` // the executor's own id, once it is known
	State       ExecutionState `json:"state"`
	Detail      string         `json:"detail,omitempty"`
	StartedAt   time.Time      `json:"started_at,omitzero"`
	EndedAt     time.Time      `json:"ended_at,omitzero"`
	Provenance  Provenance     `json:"provenance"`
}

// VerificationState says what the telemetry shows after an action.
type VerificationState string

const (
	VerificationMeasuring VerificationState = "measuring"
	VerificationHelped    VerificationState = "helped"
	VerificationNotHelped VerificationState = "not_helped"
	VerificationUnknown   VerificationState = "unknown" // no data is not success
)

var VerificationStates = []VerificationState{VerificationMeasuring, VerificationHelped, VerificationNotHelped, VerificationUnknown}

func (v VerificationState) Valid() bool { return contains(VerificationStates, v) }

// Verification compares the telemetry with its state before the incident.
type Verification struct {
	State  VerificationState `json:"state"`
	Checks []Check           `json:"checks,omitempty"`
	Detail string            `json:"detail,omitempty"`
}

// Check is one measure of one service against its own past.
type Check struct {
	Service  string  `json:"service"`
	Metric   Metric  `json:"metric"`
	Unit     string  `json:"unit,omitempty"`
	Baseline float64 `json:"baseline"` // median before the incident
	Limit    float64 `json:"limit"`    // what still counts as back to normal
	Incident float64 `json:"incident"` // worst during the incident
	Now      float64 `json:"now"`      // latest point
	Good     int     `json:"good"`     // consecutive latest points within the limit
	Needed   int     `json:"needed"`   // how many there must be
}

// Passed reports whether enough consecutive points are back to normal.
func (c Check) Passed() bool { return c.Needed > 0 && c.Good >= c.Needed }

// Token is the client token of the action: a UUID (version 8, RFC 9562) made
// from its hash, so that the same action always carries the same one.
func (a Action) Token() string {
	sum, err := hex.DecodeString(a.Hash())
	if err != nil {
		panic("incident: an action's hash is not hexadecimal: " + err.Error())
	}
	b := sum[:16]
	b[6] = b[6]&0x0f | 0x80
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
