package incident

import "time"

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

// Execution is one run of an effect: a step of an action, or what takes it back.
type Execution struct {
	ActionHash  string         `json:"action_hash"`
	Step        int            `json:"step"`
	Undo        bool           `json:"undo,omitempty"`
	Executor    string         `json:"executor"`
	Document    string         `json:"document"`
	ClientToken string         `json:"client_token"`
	ID          string         `json:"id,omitempty"` // the executor's own id, once it is known
	State       ExecutionState `json:"state"`
	Refused     bool           `json:"refused,omitempty"` // failed before anything was sent, or turned down: nothing happened
	Voided      bool           `json:"voided,omitempty"`  // refused because what it was decided on no longer holds
	Detail      string         `json:"detail,omitempty"`
	StartedAt   time.Time      `json:"started_at,omitzero"`
	EndedAt     time.Time      `json:"ended_at,omitzero"`
	Provenance  Provenance     `json:"provenance"`
}

// RemediationState says how the carrying out of an action stands, or ended.
type RemediationState string

const (
	RemediationWaiting  RemediationState = "waiting" // for a lease
	RemediationRunning  RemediationState = "running"
	RemediationProbing  RemediationState = "probing" // whether it helped
	RemediationUndoing  RemediationState = "undoing"
	RemediationHelped   RemediationState = "helped"
	RemediationUndone   RemediationState = "undone"        // it did not help or failed half-way, and what there is to take back was taken back
	RemediationFailed   RemediationState = "failed"        // nothing of it is left: it was refused, or reported that it failed
	RemediationUnproven RemediationState = "unproven"      // it ran; whether it helped cannot be told
	RemediationUnknown  RemediationState = "unknown"       // whether it ran cannot be told
	RemediationUnsafe   RemediationState = "failed_unsafe" // it could not be taken back: a person is paged, nothing more is tried
	RemediationDropped  RemediationState = "withdrawn"     // before anything was changed
	RemediationRehearse RemediationState = "rehearsed"     // dry run: what would have been sent is known, and was not
)

var RemediationStates = []RemediationState{RemediationWaiting, RemediationRunning, RemediationProbing, RemediationUndoing, RemediationHelped,
	RemediationUndone, RemediationFailed, RemediationUnproven, RemediationUnknown, RemediationUnsafe, RemediationDropped, RemediationRehearse}

func (r RemediationState) Valid() bool { return contains(RemediationStates, r) }

// Ended reports whether nothing more will be done.
func (r RemediationState) Ended() bool {
	switch r {
	case RemediationWaiting, RemediationRunning, RemediationProbing, RemediationUndoing:
		return false
	}
	return r.Valid()
}

// Remediation is the carrying out of one action.
type Remediation struct {
	WorkflowID   string           `json:"workflow_id"`
	ActionHash   string           `json:"action_hash"`
	Name         string           `json:"name"`
	Target       string           `json:"target"`
	State        RemediationState `json:"state"`
	Detail       string           `json:"detail,omitempty"`
	WaitsFor     string           `json:"waits_for,omitempty"` // the lease that it has not got
	Executions   []Execution      `json:"executions,omitempty"`
	Verification *Verification    `json:"verification,omitempty"`
	Calls        []Call           `json:"calls,omitempty"`   // rehearsed: what would have been sent
	Voided       bool             `json:"voided,omitempty"`  // withdrawn because the decision no longer holds: it may be asked for anew
	StartedAt    time.Time        `json:"started_at"`        // of the workflow
	ActedAt      time.Time        `json:"acted_at,omitzero"` // of the first effect
	EndedAt      time.Time        `json:"ended_at,omitzero"`
}

// Acted reports whether anything was, or may have been, changed.
func (r Remediation) Acted() bool {
	for _, x := range r.Executions {
		if !x.Refused {
			return true
		}
	}
	return false
}

// RemediationUpdate is what a remediation tells its incident while it runs:
// how it stands, and the one thing that has just happened.
type RemediationUpdate struct {
	Remediation Remediation   `json:"remediation"`
	Started     *Effect       `json:"started,omitempty"`
	Finished    *Execution    `json:"finished,omitempty"`
	Measured    *Verification `json:"measured,omitempty"`
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
