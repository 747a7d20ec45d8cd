package incident

import "time"

// EvidenceKind says what a piece of evidence is made of.
type EvidenceKind string

const (
	EvidenceMetric   EvidenceKind = "metric"
	EvidenceLog      EvidenceKind = "log"
	EvidenceChange   EvidenceKind = "change"
	EvidenceTopology EvidenceKind = "topology"
	EvidenceRanking  EvidenceKind = "ranking" // suspects as the statistics rank them
)

var EvidenceKinds = []EvidenceKind{EvidenceMetric, EvidenceLog, EvidenceChange, EvidenceTopology, EvidenceRanking}

func (k EvidenceKind) Valid() bool { return contains(EvidenceKinds, k) }

// Evidence is one thing that was looked at. Exactly the slice that belongs to
// its Kind is filled; Found false means that it was looked for and is not there.
type Evidence struct {
	ID          string       `json:"id"` // E1, E2, …: short, because models and people cite it
	Kind        EvidenceKind `json:"kind"`
	Source      string       `json:"source"` // adapter that answered: cloudwatch, xray, …
	Service     string       `json:"service,omitempty"`
	Title       string       `json:"title"` // one line for a person
	Query       string       `json:"query,omitempty"`
	From        time.Time    `json:"from,omitzero"`
	To          time.Time    `json:"to,omitzero"`
	Found       bool         `json:"found"`
	Finding     string       `json:"finding,omitempty"` // what the statistics say of it
	Strength    float64      `json:"strength"`          // 0 unremarkable … 1 far outside normal; from statistics alone
	Series      []Series     `json:"series,omitempty"`
	Logs        []LogPattern `json:"logs,omitempty"`
	Changes     []Change     `json:"changes,omitempty"`
	Edges       []Edge       `json:"edges,omitempty"`
	Suspects    []Suspect    `json:"suspects,omitempty"`
	Hash        string       `json:"hash,omitempty"` // SHA-256 of the content as received
	Provenance  Provenance   `json:"provenance"`
	CollectedBy Agent        `json:"collected_by,omitempty"`
}

// Point is one sample of a series.
type Point struct {
	At    time.Time `json:"at"`
	Value float64   `json:"value"`
}

// Series is one metric of one service, oldest point first.
type Series struct {
	Service string  `json:"service"`
	Metric  Metric  `json:"metric"`
	Unit    string  `json:"unit"`
	Points  []Point `json:"points"`
}

// Metric is Vigil's own name of a measure; adapters map it to their source's.
type Metric string

const (
	MetricLatency     Metric = "latency_ms"     // 95th percentile where the source has it
	MetricErrorRate   Metric = "error_rate"     // share of requests that failed, 0–1
	MetricRequestRate Metric = "request_rate"   // requests per second
	MetricCPU         Metric = "cpu_percent"    // 0–100
	MetricMemory      Metric = "memory_percent" // 0–100
	MetricConnections Metric = "connections"    // open database connections
)

// Metrics lists the measures in the order in which people read them.
var Metrics = []Metric{MetricLatency, MetricErrorRate, MetricRequestRate, MetricCPU, MetricMemory, MetricConnections}

func (m Metric) Valid() bool { return contains(Metrics, m) }

// LogPattern is a template of log lines, with numbers and identifiers masked,
// and how often it was seen. Example is one redacted line.
type LogPattern struct {
	Level    string    `json:"level,omitempty"`
	Template string    `json:"template"`
	Example  string    `json:"example,omitempty"`
	Count    int       `json:"count"`
	Baseline int       `json:"baseline"` // count in the window of equal length before the incident
	FirstAt  time.Time `json:"first_at,omitzero"`
	LastAt   time.Time `json:"last_at,omitzero"`
}

// Change is something that somebody or something did to a service.
type Change struct {
	Service string    `json:"service"`
	Kind    string    `json:"kind"` // deployment, configuration, scaling, other
	Summary string    `json:"summary"`
	Version string    `json:"version,omitempty"` // version after
	Before  string    `json:"before,omitempty"`  // version before
	Actor   string    `json:"actor,omitempty"`
	At      time.Time `json:"at"`
}

// Edge is one dependency of the service graph: From calls To.
type Edge struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Suspect is a service that may be the root cause, as statistics rank it.
type Suspect struct {
	Service string   `json:"service"`
	Cause   Cause    `json:"cause"`
	Score   float64  `json:"score"` // 0–1, comparable within one ranking
	Reasons []string `json:"reasons,omitempty"`
	Cites   []string `json:"cites,omitempty"` // evidence ids
}
