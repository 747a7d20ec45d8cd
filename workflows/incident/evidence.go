package incident

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"
)

// EvidenceKind says what a piece of evidence is made of.
type EvidenceKind string

const (
	EvidenceMetric       EvidenceKind = "metric"
	EvidenceLog          EvidenceKind = "log"
	EvidenceChange       EvidenceKind = "change"
	EvidenceTopology     EvidenceKind = "topology"
	EvidenceEvents       EvidenceKind = "events"        // what a platform said happened: RDS events, Kubernetes events
	EvidenceDatabaseLoad EvidenceKind = "database_load" // what a database spends its time on
	EvidenceRunbook      EvidenceKind = "runbook"
	EvidencePastIncident EvidenceKind = "past_incident"
	EvidenceRanking      EvidenceKind = "ranking" // suspects as the statistics rank them
)

var EvidenceKinds = []EvidenceKind{EvidenceMetric, EvidenceLog, EvidenceChange, EvidenceTopology, EvidenceEvents,
	EvidenceDatabaseLoad, EvidenceRunbook, EvidencePastIncident, EvidenceRanking}

func (k EvidenceKind) Valid() bool { return contains(EvidenceKinds, k) }

// Evidence is one thing that was looked at. Exactly the slice that belongs to
// its Kind is filled; Found false means that it was looked for and is not there.
type Evidence struct {
	ID          string        `json:"id"` // E1, E2, …: short, because models and people cite it
	Kind        EvidenceKind  `json:"kind"`
	Source      string        `json:"source"` // adapter that answered: cloudwatch, xray, …
	Service     string        `json:"service,omitempty"`
	Title       string        `json:"title"` // one line for a person
	Query       string        `json:"query,omitempty"`
	From        time.Time     `json:"from,omitzero"`
	To          time.Time     `json:"to,omitzero"`
	Found       bool          `json:"found"`
	Finding     string        `json:"finding,omitempty"` // what the statistics say of it
	Strength    float64       `json:"strength"`          // 0 unremarkable … 1 far outside normal; from statistics alone
	Series      []Series      `json:"series,omitempty"`
	Logs        []LogPattern  `json:"logs,omitempty"`
	Changes     []Change      `json:"changes,omitempty"`
	Edges       []Edge        `json:"edges,omitempty"`
	Services    []string      `json:"services,omitempty"` // topology: services that are there, where it is not known who calls whom
	Events      []SystemEvent `json:"events,omitempty"`
	Load        *DatabaseLoad `json:"load,omitempty"`
	Documents   []Document    `json:"documents,omitempty"`
	Suspects    []Suspect     `json:"suspects,omitempty"`
	Hash        string        `json:"hash,omitempty"`  // SHA-256 of the content as received
	Ref         string        `json:"ref,omitempty"`   // where the whole is kept, when what is here was shortened
	Bytes       int64         `json:"bytes,omitempty"` // size of the whole, when it was shortened
	Provenance  Provenance    `json:"provenance"`
	CollectedBy Agent         `json:"collected_by,omitempty"`
}

// Point is one sample of a series. As JSON it is [milliseconds since 1970,
// value], the value to six significant digits: an incident holds thousands.
type Point struct {
	At    time.Time
	Value float64
}

func (p Point) MarshalJSON() ([]byte, error) {
	if math.IsNaN(p.Value) || math.IsInf(p.Value, 0) {
		return nil, fmt.Errorf("incident: a point of %v at %s cannot be written as JSON", p.Value, p.At)
	}
	b := append(make([]byte, 0, 32), '[')
	b = strconv.AppendInt(b, p.At.UnixMilli(), 10)
	b = append(b, ',')
	b = strconv.AppendFloat(b, p.Value, 'g', 6, 64)
	return append(b, ']'), nil
}

func (p *Point) UnmarshalJSON(raw []byte) error {
	var pair []float64
	if err := json.Unmarshal(raw, &pair); err != nil || len(pair) != 2 {
		return fmt.Errorf("incident: a point is [milliseconds, value], not %.40s", bytes.TrimSpace(raw))
	}
	p.At, p.Value = time.UnixMilli(int64(pair[0])).UTC(), pair[1]
	return nil
}

// Series is one metric of one service, oldest point first.
type Series struct {
	Service string  `json:"service"`
	Metric  Metric  `json:"metric"`
	Unit    string  `json:"unit"`
	Points  []Point `json:"points"`
	// What the statistics found of it; nil where it stayed within what was normal.
	Anomaly *Anomaly `json:"anomaly,omitempty"`
}

// Anomaly is how a series left what was normal for it.
type Anomaly struct {
	Onset time.Time `json:"onset"` // the first point of the excursion
	// What was normal before: the median and three robust standard deviations to
	// either side of it, in the unit of the series.
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Level float64 `json:"level"`          // the worst that held for three points
	Over  bool    `json:"over,omitempty"` // the last points are near normal again
}

// Metric is Vigil's own name of a measure; adapters map it to their source's.
// It is an open set: these are the measures that the statistics know how to
// read, with the unit in the name where it is not plain.
type Metric string

const (
	MetricLatency     Metric = "latency_ms"     // 95th percentile where the source has it
	MetricErrorRate   Metric = "error_rate"     // share of requests that failed, 0–1
	MetricRequestRate Metric = "request_rate"   // requests per second
	MetricCPU         Metric = "cpu_percent"    // 0–100
	MetricMemory      Metric = "memory_percent" // 0–100
	MetricConnections Metric = "connections"    // open database connections

	MetricMaxConnections  Metric = "max_connections"       // what a database allows
	MetricFreeStorage     Metric = "free_storage_bytes"    //
	MetricFreeMemory      Metric = "free_memory_bytes"     //
	MetricSwap            Metric = "swap_bytes"            //
	MetricReplicaLag      Metric = "replica_lag_s"         // seconds that a replica is behind
	MetricReadIOPS        Metric = "read_iops"             // per second
	MetricWriteIOPS       Metric = "write_iops"            // per second
	MetricReadLatency     Metric = "read_latency_ms"       // of the disk
	MetricWriteLatency    Metric = "write_latency_ms"      // of the disk
	MetricDiskQueue       Metric = "disk_queue_depth"      // requests that wait for the disk
	MetricTransactionLogs Metric = "transaction_log_rate"  // bytes of write-ahead log per second
	MetricTransactionIDs  Metric = "used_transaction_ids"  // towards wraparound
	MetricDatabaseLoad    Metric = "database_load"         // average active sessions
	MetricNetworkIn       Metric = "network_in_rate"       // bytes per second
	MetricNetworkOut      Metric = "network_out_rate"      // bytes per second
	MetricRestarts        Metric = "restarts"              // of containers, counted up
	MetricUnavailable     Metric = "unavailable_replicas"  // instances that should serve and do not
	MetricThrottledCPU    Metric = "cpu_throttled"         // share of time that a container was held back, 0–1
	MetricQueueDepth      Metric = "queue_depth"           // messages that wait
	MetricQueueAge        Metric = "queue_age_s"           // of the oldest message
	MetricThrottles       Metric = "throttled_requests"    // per second, refused for a quota
	MetricCacheHitRate    Metric = "cache_hit_rate"        // 0–1
	MetricCertificateDays Metric = "certificate_days_left" //
)

// Metrics lists the measures of a service in the order in which people read them.
var Metrics = []Metric{MetricLatency, MetricErrorRate, MetricRequestRate, MetricCPU, MetricMemory, MetricConnections,
	MetricMaxConnections, MetricFreeStorage, MetricFreeMemory, MetricSwap, MetricReplicaLag, MetricReadIOPS, MetricWriteIOPS,
	MetricReadLatency, MetricWriteLatency, MetricDiskQueue, MetricTransactionLogs, MetricTransactionIDs, MetricDatabaseLoad,
	MetricNetworkIn, MetricNetworkOut, MetricRestarts, MetricUnavailable, MetricThrottledCPU, MetricQueueDepth, MetricQueueAge,
	MetricThrottles, MetricCacheHitRate, MetricCertificateDays}

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

// SystemEvent is what a platform reported of one of its parts.
type SystemEvent struct {
	At       time.Time `json:"at"`
	Resource string    `json:"resource"`           // instance, pod, deployment, …
	Category string    `json:"category,omitempty"` // the platform's word: failover, backup, BackOff, …
	Message  string    `json:"message"`            // redacted
	Count    int       `json:"count,omitempty"`    // how often, where the platform counts
	Warning  bool      `json:"warning,omitempty"`  // the platform itself calls it a problem
}

// DatabaseLoad is what a database spent its time on in a window, in average
// active sessions. More sessions than CPUs is more than it can serve at once.
type DatabaseLoad struct {
	Average    float64     `json:"average"`
	Peak       float64     `json:"peak"`
	CPUs       float64     `json:"cpus,omitempty"`       // 0: not known
	Waits      []WaitLoad  `json:"waits,omitempty"`      // largest first
	Statements []Statement `json:"statements,omitempty"` // largest first
}

// WaitLoad is the part of a load that waited for one thing.
type WaitLoad struct {
	Name string  `json:"name"` // such as CPU, IO:DataFileWrite, Client:ClientRead
	Load float64 `json:"load"` // average active sessions
}

// Statement is the part of a load that one SQL statement caused.
type Statement struct {
	SQL            string     `json:"sql"` // without literals
	User           string     `json:"user,omitempty"`
	Load           float64    `json:"load"` // average active sessions
	CallsPerSecond float64    `json:"calls_per_second,omitempty"`
	Waits          []WaitLoad `json:"waits,omitempty"`
}

// Document is something that was written down before: a runbook, or what is
// known of a past incident.
type Document struct {
	ID          string  `json:"id"`
	Title       string  `json:"title"`
	Text        string  `json:"text"`   // the part that matched, redacted
	Source      string  `json:"source"` // provider: archive, knowledge_base, agentcore, …
	URI         string  `json:"uri,omitempty"`
	Score       float64 `json:"score"`                  // 0–1, comparable within one search
	IncidentID  string  `json:"incident_id,omitempty"`  // past incident: which
	Service     string  `json:"service,omitempty"`      // past incident: the service at fault
	Cause       Cause   `json:"cause,omitempty"`        // past incident: only where it was confirmed
	ConfirmedBy string  `json:"confirmed_by,omitempty"` // verification, or the person who said so
}

// Suspect is a service that may be the root cause, as statistics rank it.
type Suspect struct {
	Service string   `json:"service"`
	Cause   Cause    `json:"cause"`
	Score   float64  `json:"score"` // 0–1, comparable within one ranking
	Reasons []string `json:"reasons,omitempty"`
	Cites   []string `json:"cites,omitempty"` // evidence ids
}
