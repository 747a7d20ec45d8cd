package incident

import "time"

// Cause is a class of failure. It is an open set: adapters and users add to
// it; these are the ones that the shipped statistics recognise.
type Cause string

const (
	CauseUnknown              Cause = "unknown"
	CauseBadDeployment        Cause = "bad_deployment"
	CauseConnectionsExhausted Cause = "connections_exhausted"
	CauseMemoryLeak           Cause = "memory_leak"
)

// Verdict says whether a diagnosis names a cause.
type Verdict string

const (
	VerdictProbable     Verdict = "probable"
	VerdictInconclusive Verdict = "inconclusive"
)

var Verdicts = []Verdict{VerdictProbable, VerdictInconclusive}

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
// straight line through recent points (Theil–Sen); BreachAt is zero where
// the line does not reach the limit within the horizon.
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
}
