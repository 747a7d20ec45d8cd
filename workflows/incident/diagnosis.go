package incident

import "time"

// Cause is a class of failure. It is an open set: adapters and users add to
// it; these are the ones that the shipped statistics recognise.
type Cause string

const (
	CauseUnknown              Cause = "unknown"
	CauseBadDeployment        Cause = "bad_deployment"
	CauseBadConfiguration     Cause = "bad_configuration"
	CauseConnectionsExhausted Cause = "connections_exhausted"
	CauseMemoryLeak           Cause = "memory_leak"
	CauseOutOfMemory          Cause = "out_of_memory" // killed for it
	CauseCrashLoop            Cause = "crash_loop"
	CauseCPUSaturation        Cause = "cpu_saturation"
	CauseTrafficSurge         Cause = "traffic_surge"
	CauseStorageFull          Cause = "storage_full"
	CauseDiskSaturation       Cause = "disk_saturation" // the disk cannot keep up
	CauseReplicationLag       Cause = "replication_lag" // a replica cannot keep up with writes
	CauseExpensiveQuery       Cause = "expensive_query" // one statement takes the database's CPU
	CauseLockContention       Cause = "lock_contention"
	CauseMaintenanceLoad      Cause = "maintenance_load" // vacuum, checkpoint, backup, index build
	CauseFailover             Cause = "failover"
	CauseNetworkFailure       Cause = "network_failure"
	CauseThrottled            Cause = "throttled"          // a quota of a service that it depends on
	CauseDependencyFailure    Cause = "dependency_failure" // something outside that it depends on
	CauseCacheFailure         Cause = "cache_failure"
	CauseQueueBacklog         Cause = "queue_backlog"
	CauseCertificateExpired   Cause = "certificate_expired"
	CauseNodePressure         Cause = "node_pressure" // the machine under it is short of something
	CauseImagePull            Cause = "image_pull"    // what was deployed cannot be fetched
)

// Verdict says whether a diagnosis names a cause.
type Verdict string

const (
	VerdictProbable     Verdict = "probable"
	VerdictInconclusive Verdict = "inconclusive"
	VerdictHealthy      Verdict = "healthy" // there is telemetry, and nothing in it is wrong now
)

var Verdicts = []Verdict{VerdictProbable, VerdictInconclusive, VerdictHealthy}

func (v Verdict) Valid() bool { return contains(Verdicts, v) }

// Diagnosis is what is believed to be wrong, and why.
type Diagnosis struct {
	Verdict         Verdict      `json:"verdict"`
	Cause           Cause        `json:"cause"`
	Service         string       `json:"service,omitempty"` // the service at fault, not the one that complained
	Summary         string       `json:"summary"`
	Confidence      float64      `json:"confidence"`                 // computed from the evidence cited
	ModelConfidence *float64     `json:"model_confidence,omitempty"` // the model's own rating: shown, never used
	Claims          []Claim      `json:"claims,omitempty"`
	Hypotheses      []Hypothesis `json:"hypotheses,omitempty"`
	LookedFor       []LookedFor  `json:"looked_for,omitempty"`
	Method          string       `json:"method"` // "model" or "statistics"

	// Problem says why a model's answer was not used; empty where it was, or
	// where no model was asked.
	Problem string `json:"problem,omitempty"`
}

// Claim is one sentence of a diagnosis with the evidence that it cites.
// Supported is false where it cites nothing that exists.
type Claim struct {
	Text      string   `json:"text"`
	Cites     []string `json:"cites,omitempty"`
	Supported bool     `json:"supported"`
}

// Hypothesis is one candidate explanation.
type Hypothesis struct {
	Cause       Cause    `json:"cause"`
	Service     string   `json:"service,omitempty"`
	Score       float64  `json:"score"`
	Supports    []string `json:"supports,omitempty"`    // evidence ids for it
	Contradicts []string `json:"contradicts,omitempty"` // evidence ids against it
}

// LookedFor is something that was searched for, found or not.
type LookedFor struct {
	What       string `json:"what"`
	Source     string `json:"source"`
	Found      bool   `json:"found"`
	EvidenceID string `json:"evidence_id,omitempty"`
}

// Prediction is a forecast of one measure if nobody acts. The forecast is a
// straight line through recent points (Theil–Sen) with its 90 % interval;
// BreachAt is zero where the line does not reach the limit within the horizon.
type Prediction struct {
	Summary    string    `json:"summary"`
	Service    string    `json:"service,omitempty"`
	Metric     Metric    `json:"metric,omitempty"`
	PerMinute  float64   `json:"per_minute"`
	Limit      float64   `json:"limit,omitempty"`
	BreachAt   time.Time `json:"breach_at,omitzero"`
	HorizonS   int64     `json:"horizon_s"`
	Confidence float64   `json:"confidence"`
	Cites      []string  `json:"cites,omitempty"`
	Method     string    `json:"method"` // "model" or "statistics"

	Forecast []ForecastPoint `json:"forecast,omitempty"`
	Spread   []Spread        `json:"spread,omitempty"` // dependents that it will reach, or has
}

// ForecastPoint is where a measure is expected at one moment.
type ForecastPoint struct {
	At    time.Time `json:"at"`
	Low   float64   `json:"low"`
	Value float64   `json:"value"`
	High  float64   `json:"high"`
}

// Spread is a service that depends on the one at fault.
type Spread struct {
	Service string    `json:"service"`
	Hops    int       `json:"hops"`           // calls between it and the fault
	Reached bool      `json:"reached"`        // its measures show it already
	Since   time.Time `json:"since,omitzero"` // when they began to
	Cites   []string  `json:"cites,omitempty"`
}

// Answer is the answer to a person's question about an incident.
type Answer struct {
	Text       string  `json:"text"`
	Claims     []Claim `json:"claims,omitempty"`
	Method     string  `json:"method"`               // "model" or "statistics"
	Confidence float64 `json:"confidence,omitempty"` // computed from the evidence cited
}

// Lesson is what is kept of a closed incident. Cause and CauseService are
// filled only where the telemetry or a person confirmed them.
type Lesson struct {
	IncidentID   string    `json:"incident_id"`
	RunID        string    `json:"run_id"`
	Title        string    `json:"title"`
	Service      string    `json:"service"` // the one that complained
	Symptoms     string    `json:"symptoms"`
	Summary      string    `json:"summary"`
	Cause        Cause     `json:"cause,omitempty"`
	CauseService string    `json:"cause_service,omitempty"`
	ConfirmedBy  string    `json:"confirmed_by,omitempty"` // "verification", or the person's name
	Action       string    `json:"action,omitempty"`       // what was done, where something was
	Outcome      Outcome   `json:"outcome"`
	Origin       Origin    `json:"origin"`
	OpenedAt     time.Time `json:"opened_at"`
	ClosedAt     time.Time `json:"closed_at"`
}
