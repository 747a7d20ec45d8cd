package incident

import "encoding/json"

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

// BlastRadius says what else an action can hurt.
type BlastRadius string

const (
	BlastInstance BlastRadius = "instance" // one task or pod of the target
	BlastService  BlastRadius = "service"  // the target
	BlastCallers  BlastRadius = "callers"  // the target and everything that calls it
	BlastAccount  BlastRadius = "account"
)

var BlastRadii = []BlastRadius{BlastInstance, BlastService, BlastCallers, BlastAccount}

func (b BlastRadius) Valid() bool { return contains(BlastRadii, b) }

// CatalogueEntry is one kind of action that Vigil may take. A catalogue is a
// YAML file; activities/catalogue reads it and says what its fields mean to a
// person who writes one.
type CatalogueEntry struct {
	Name         string          `json:"name"` // unique in the catalogue
	Type         ActionType      `json:"type"`
	Title        string          `json:"title"`
	Causes       []Cause         `json:"causes"`             // what it is known to help against
	Services     []string        `json:"services,omitempty"` // glob patterns of targets; empty: any
	Parameters   json.RawMessage `json:"parameters"`         // JSON Schema of the arguments of every step
	Steps        []StepSpec      `json:"steps"`
	Precondition string          `json:"precondition,omitempty"` // CEL, see activities/catalogue
	Risk         Risk            `json:"risk"`
	BlastRadius  BlastRadius     `json:"blast_radius"`
	Share        float64         `json:"share,omitempty"` // of the target's capacity that is away while it runs, 0–1
	Effect       string          `json:"effect"`          // what to expect of it
	Probe        Probe           `json:"probe,omitzero"`
	Enabled      bool            `json:"enabled"`            // false: dry run, shown and never executed
	PerHour      int             `json:"per_hour,omitempty"` // how often on one target; 0: as often as leases allow
	TimeoutMS    int64           `json:"timeout_ms"`         // of one step
}

// StepSpec is one step of an entry. An argument that begins with "=" is a CEL
// expression, anything else is taken as it stands.
type StepSpec struct {
	Executor  string            `json:"executor"`
	Document  string            `json:"document"`
	Arguments map[string]string `json:"arguments,omitempty"`
	Undo      *UndoSpec         `json:"undo,omitempty"`
}

// UndoSpec is how a step is taken back.
type UndoSpec struct {
	Document  string            `json:"document"`
	Arguments map[string]string `json:"arguments,omitempty"`
}

// Probe is how it is told whether an action helped; what is zero is as the
// settings say.
type Probe struct {
	Metrics   []Metric `json:"metrics,omitempty"` // judged; empty: all that are measured of the services
	Points    int      `json:"points,omitempty"`
	EveryMS   int64    `json:"every_ms,omitempty"`
	TimeoutMS int64    `json:"timeout_ms,omitempty"`
}
