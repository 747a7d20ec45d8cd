package event

import (
	"time"

	"vigil/workflows/incident"
)

// BusinessMetrics is what incidents cost, and what was saved, over a range of
// time. Every figure is a projection over the permanent event table; what each
// means is said by the gateway's analytics definitions, under the names of the
// fields here. Times are seconds, money is millionths: of a US dollar where a
// field says so, and otherwise of Currency.
//
// Incidents of one origin only are counted together: those that are live or,
// where there are none, those that are simulated. Others are LeftOut.
type BusinessMetrics struct {
	From    time.Time       `json:"from,omitzero"` // incidents that opened from here on; zero: all
	To      time.Time       `json:"to,omitzero"`   // and before here; zero: until now
	Origin  incident.Origin `json:"origin"`
	LeftOut int             `json:"left_out"` // incidents of another origin

	Open       int `json:"incidents_open"`
	Closed     int `json:"incidents_closed"`
	Handled    int `json:"incidents_handled"` // closed, and neither aborted nor merged into another
	Remediated int `json:"incidents_remediated"`
	Prevented  int `json:"incidents_prevented"`

	MTTD   Estimate    `json:"mttd_seconds"` // the trouble began until the incident opened
	MTTA   Estimate    `json:"mtta_seconds"` // opened until a person acknowledged
	MTTR   Estimate    `json:"mttr_seconds"` // opened until resolved, of incidents that were resolved
	Phases []PhaseTime `json:"phases"`       // of incidents that were resolved, in the order of phases

	Success   Share `json:"success"`   // of incidents in which an action took effect: it helped
	Autonomy  Share `json:"autonomy"`  // of incidents remediated: no person had to decide
	Diagnosis Share `json:"diagnosis"` // of causes that people looked back at: it was right

	AICost              Estimate `json:"ai_cost_usd_micros"` // of a handled incident
	AICostTotalMicros   int64    `json:"ai_cost_total_usd_micros"`
	AICallsUnknownPrice int      `json:"ai_calls_unknown_price"`

	Currency string       `json:"currency,omitempty"` // ISO 4217; empty: nobody said what downtime costs
	Downtime *DowntimeSum `json:"downtime,omitempty"` // nil: no rates
	Savings  *SavingsSum  `json:"savings,omitempty"`  // nil: no rates or no baseline
}

// Estimate is a figure made of a sample: its mean with a 95 % bootstrap
// interval (BCa; Efron 1987) where there is enough of it, and otherwise only the
// smallest and the largest value.
type Estimate struct {
	N      int            `json:"n"`
	Method EstimateMethod `json:"method"`
	Mean   *float64       `json:"mean,omitempty"` // with method bca
	Median *float64       `json:"median,omitempty"`
	Low    *float64       `json:"low,omitempty"` // of the interval, or the smallest value
	High   *float64       `json:"high,omitempty"`

	// Level is what the interval aims at, Coverage how often such intervals held
	// the true mean when it was tried on log-normal data of this size; both with
	// method bca only, as shares.
	Level    *float64 `json:"level,omitempty"`
	Coverage *float64 `json:"coverage,omitempty"`

	Trend *Trend `json:"trend,omitempty"` // from more than 50 incidents on
}

// EstimateMethod says what Low and High are.
type EstimateMethod string

const (
	MethodNone  EstimateMethod = "none"  // there is no value
	MethodRange EstimateMethod = "range" // too few for a mean: the smallest and the largest
	MethodBCa   EstimateMethod = "bca"   // bias-corrected and accelerated bootstrap interval
)

// EstimateMethods lists all, for schemas.
var EstimateMethods = []EstimateMethod{MethodNone, MethodRange, MethodBCa}

// Trend compares the mean of the later half of incidents with that of the
// earlier half: 0.1 is a tenth more. Direction is said only where the interval
// leaves out 0.
type Trend struct {
	Change    float64        `json:"change"`
	Low       float64        `json:"low"`
	High      float64        `json:"high"`
	Direction TrendDirection `json:"direction"`
}

// TrendDirection is where a figure goes.
type TrendDirection string

const (
	TrendUp   TrendDirection = "up"
	TrendDown TrendDirection = "down"
	TrendFlat TrendDirection = "none" // chance alone could have made the difference
)

// TrendDirections lists all, for schemas.
var TrendDirections = []TrendDirection{TrendUp, TrendDown, TrendFlat}

// Share is K of N with a 95 % interval (Wilson 1927), from 20 on.
type Share struct {
	K     int      `json:"k"`
	N     int      `json:"n"`
	Value *float64 `json:"value,omitempty"` // from 20 on
	Low   *float64 `json:"low,omitempty"`
	High  *float64 `json:"high,omitempty"`
}

// PhaseTime is how long a phase took, in seconds.
type PhaseTime struct {
	Phase   incident.Phase `json:"phase"`
	Seconds Estimate       `json:"seconds"`
}

// DowntimeSum is what the time from the beginning of the trouble until it was
// resolved cost, by the rates that the user gave.
type DowntimeSum struct {
	N           int        `json:"n"`       // incidents with a rate
	Unrated     int        `json:"unrated"` // resolved incidents of services without one
	Seconds     float64    `json:"seconds"` // of those with a rate
	TotalMicros int64      `json:"total_micros"`
	Each        Estimate   `json:"each_micros"`
	Tiers       []TierCost `json:"tiers"`
}

// TierCost is the part of one service tier.
type TierCost struct {
	Tier        string  `json:"tier"`
	N           int     `json:"n"`
	Seconds     float64 `json:"seconds"`
	TotalMicros int64   `json:"total_micros"`
}

// SavingsSum compares what Vigil's incidents cost with what the user said that
// they took before. It may be below zero.
type SavingsSum struct {
	N               int      `json:"n"`
	BaselineSource  string   `json:"baseline_source"`  // where the user has it from, in the user's words
	BaselineN       int      `json:"baseline_n"`       // incidents behind it, as the user says
	BaselineSeconds float64  `json:"baseline_seconds"` // what N incidents would have taken
	Seconds         float64  `json:"seconds"`          // what they took
	TotalMicros     int64    `json:"total_micros"`     // of downtime; what models cost is not taken off
	Each            Estimate `json:"each_micros"`
}

// BusinessSeries is BusinessMetrics bucket by bucket, oldest first.
type BusinessSeries struct {
	Bucket   string           `json:"bucket"` // day, week or month, in UTC; weeks begin on Monday
	Origin   incident.Origin  `json:"origin"`
	Currency string           `json:"currency,omitempty"`
	Points   []BusinessBucket `json:"points"`
}

// BusinessBucket is the incidents that opened from From on and before To.
type BusinessBucket struct {
	From           time.Time `json:"from"`
	To             time.Time `json:"to"`
	Opened         int       `json:"opened"`
	Resolved       int       `json:"resolved"`
	Remediated     int       `json:"remediated"`
	MTTR           Estimate  `json:"mttr_seconds"`
	DowntimeMicros *int64    `json:"downtime_micros,omitempty"`
	SavedMicros    *int64    `json:"saved_micros,omitempty"`
}

// IncidentFigures is what one incident adds to the business metrics. What is
// absent is not known, or did not happen.
type IncidentFigures struct {
	IncidentID string            `json:"incident_id"`
	RunID      string            `json:"run_id"`
	Title      string            `json:"title"`
	Service    string            `json:"service"`
	Severity   incident.Severity `json:"severity"`
	Status     incident.Status   `json:"status"`
	Outcome    incident.Outcome  `json:"outcome,omitempty"`
	Origin     incident.Origin   `json:"origin"`

	StartedAt      time.Time `json:"started_at,omitzero"`
	OpenedAt       time.Time `json:"opened_at,omitzero"`
	AcknowledgedAt time.Time `json:"acknowledged_at,omitzero"`
	ClosedAt       time.Time `json:"closed_at,omitzero"`

	DetectSeconds      *float64           `json:"detect_seconds,omitempty"`
	AcknowledgeSeconds *float64           `json:"acknowledge_seconds,omitempty"`
	ResolveSeconds     *float64           `json:"resolve_seconds,omitempty"`
	PhaseSeconds       map[string]float64 `json:"phase_seconds,omitempty"` // by incident.Phase

	Acted        bool  `json:"acted"`  // an action took effect
	Helped       bool  `json:"helped"` // and the telemetry confirmed it
	Autonomous   bool  `json:"autonomous"`
	Prevented    bool  `json:"prevented"`
	CauseCorrect *bool `json:"cause_correct,omitempty"`

	AICostMicros        int64 `json:"ai_cost_usd_micros"`
	AICallsUnknownPrice int   `json:"ai_calls_unknown_price"`

	// By the user's rates, when they were asked for; not kept.
	Tier            string   `json:"tier,omitempty"`
	AffectedUsers   *int64   `json:"affected_users,omitempty"`
	DowntimeSeconds *float64 `json:"downtime_seconds,omitempty"`
	DowntimeMicros  *int64   `json:"downtime_micros,omitempty"`
	BaselineSeconds *float64 `json:"baseline_seconds,omitempty"`
	SavedMicros     *int64   `json:"saved_micros,omitempty"`
}

// Definition says what a figure is, and how it is computed.
type Definition struct {
	Name  string `json:"name"`  // of the field
	Label string `json:"label"` // as people say it
	Text  string `json:"text"`
}
