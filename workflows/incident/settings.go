package incident

import "time"

// Settings is what a worker's configuration means for one incident. The
// workflow reads it once, at its start, through an activity, so that it is in
// the history and a change of configuration never alters a running incident.
// Durations are milliseconds; DefaultSettings says every default.
type Settings struct {
	ModelsEnabled    bool               `json:"models_enabled"` // false: statistics and people alone
	LookbackMS       int64              `json:"lookback_ms"`    // how far before the incident telemetry is read, for its normal state
	Models           map[Purpose]string `json:"models"`         // model or inference profile of each purpose
	ModelLadder      []string           `json:"model_ladder"`   // smallest first: up where an answer cannot be used, down where a model cannot be had
	Budget           Budget             `json:"budget"`         // of the incident, all agents together
	AgentBudgets     map[Agent]Budget   `json:"agent_budgets"`
	BudgetWaitMS     int64              `json:"budget_wait_ms"`                  // how long a person has to raise a budget before the statistics go on alone
	SecondLookMS     int64              `json:"second_look_ms"`                  // how soon models that failed are asked again; doubles, with jitter
	ContinueAfter    int64              `json:"continue_after_events,omitempty"` // events of one run before it continues as new; 0: when Temporal suggests it
	Tools            []string           `json:"tools,omitempty"`                 // tools that have something behind them; the worker fills it in
	Suffix           string             `json:"suffix,omitempty"`                // ends the tags that delimit data in prompts; random, made anew for each incident
	ApprovalMS       int64              `json:"approval_ms"`                     // per level of the ladder
	Ladder           []string           `json:"ladder"`                          // who is asked, level by level
	HandoverMS       int64              `json:"handover_ms"`                     // how long a person has, per level, once it is theirs
	VerifyEveryMS    int64              `json:"verify_every_ms"`
	VerifyPoints     int                `json:"verify_points"` // consecutive good points that count as recovered
	VerifyTimeoutMS  int64              `json:"verify_timeout_ms"`
	CatalogueVersion string             `json:"catalogue_version"`
	Catalogue        []CatalogueEntry   `json:"catalogue"`
	ReminderMS       int64              `json:"reminder_ms"`       // how long before a proposal's deadline people are reminded; 0: never
	DecisionValidMS  int64              `json:"decision_valid_ms"` // how long after it was made a decision may begin to be carried out
	Account          string             `json:"account"`           // whose account lease actions take
	ServiceLease     LeaseLimits        `json:"service_lease"`     // of one service; an entry's own share and hourly count are added
	AccountLease     LeaseLimits        `json:"account_lease"`
	MaxActions       int                `json:"max_actions"` // of one incident, helped or not

	Escalation map[Severity][]EscalationStep `json:"escalation,omitempty"` // who is told until somebody acknowledges
	Teams      map[string][]string           `json:"teams,omitempty"`      // team → channels; levels of the ladder are teams as well
}

// Purpose is what a model is asked for. Each has a model in the settings.
type Purpose string

const (
	PurposeClassify    Purpose = "classify"    // detection
	PurposeForecast    Purpose = "forecast"    // prediction
	PurposeDiagnose    Purpose = "diagnose"    // diagnosis
	PurposePlan        Purpose = "plan"        // resolution
	PurposeCommunicate Purpose = "communicate" // communication
	PurposeAnswer      Purpose = "answer"      // a person's question
)

var Purposes = []Purpose{PurposeClassify, PurposeForecast, PurposeDiagnose, PurposePlan, PurposeCommunicate, PurposeAnswer}

func (p Purpose) Valid() bool { return contains(Purposes, p) }

// Budget caps what models may use, or says what they have used. As a cap, a
// field that is zero caps nothing.
type Budget struct {
	Turns      int   `json:"turns,omitempty"`  // model calls
	Tokens     int64 `json:"tokens,omitempty"` // input and output
	CostMicros int64 `json:"cost_usd_micros,omitempty"`
}

// Exceeded names the first cap of b that used has reached, "" for none.
func (b Budget) Exceeded(used Budget) string {
	switch {
	case b.Turns > 0 && used.Turns >= b.Turns:
		return "turns"
	case b.Tokens > 0 && used.Tokens >= b.Tokens:
		return "tokens"
	case b.CostMicros > 0 && used.CostMicros >= b.CostMicros:
		return "cost"
	}
	return ""
}

// Plus adds budgets field by field.
func (b Budget) Plus(more Budget) Budget {
	return Budget{Turns: b.Turns + more.Turns, Tokens: b.Tokens + more.Tokens, CostMicros: b.CostMicros + more.CostMicros}
}

// DefaultSettings are the shipped values. All actions are in dry run.
func DefaultSettings() Settings {
	return Settings{
		ModelsEnabled: true,
		LookbackMS:    int64(15 * time.Minute / time.Millisecond),
		Models: map[Purpose]string{
			PurposeClassify: "amazon.nova-micro-v1:0", PurposeForecast: "amazon.nova-lite-v1:0", PurposeCommunicate: "amazon.nova-lite-v1:0",
			PurposeDiagnose: "amazon.nova-pro-v1:0", PurposePlan: "amazon.nova-pro-v1:0", PurposeAnswer: "amazon.nova-pro-v1:0",
		},
		ModelLadder: []string{"amazon.nova-micro-v1:0", "amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0"},
		Budget:      Budget{Turns: 60, Tokens: 400_000, CostMicros: 1_000_000},
		AgentBudgets: map[Agent]Budget{AgentDetection: {Turns: 6}, AgentDiagnosis: {Turns: 20}, AgentPrediction: {Turns: 6},
			AgentResolution: {Turns: 6}, AgentCommunication: {Turns: 6}},
		BudgetWaitMS:    int64(15 * time.Minute / time.Millisecond),
		SecondLookMS:    int64(30 * time.Second / time.Millisecond),
		ApprovalMS:      int64(15 * time.Minute / time.Millisecond),
		Ladder:          []string{"on-call", "engineering leads"},
		HandoverMS:      int64(12 * time.Hour / time.Millisecond),
		VerifyEveryMS:   int64(30 * time.Second / time.Millisecond),
		VerifyPoints:    3,
		VerifyTimeoutMS: int64(10 * time.Minute / time.Millisecond),
		ReminderMS:      int64(5 * time.Minute / time.Millisecond),
		DecisionValidMS: int64(30 * time.Minute / time.Millisecond),
		Account:         "default",
		ServiceLease:    LeaseLimits{Concurrent: 1, Share: 0.5},
		AccountLease:    LeaseLimits{Concurrent: 5},
		MaxActions:      4,
	}
}

// Validate says what is wrong with s, and what would be right.
func (s Settings) Validate() error {
	switch {
	case s.LookbackMS <= 0, s.ApprovalMS <= 0, s.HandoverMS <= 0, s.VerifyEveryMS <= 0, s.VerifyTimeoutMS <= 0:
		return Errorf(KindInvalid, "settings: every duration must be positive; leave one out for its default")
	case s.VerifyPoints < 2:
		return Errorf(KindInvalid, "settings: verify_points is %d; one point proves nothing, use 2 or more", s.VerifyPoints)
	case s.ModelsEnabled && (s.BudgetWaitMS <= 0 || s.SecondLookMS <= 0):
		return Errorf(KindInvalid, "settings: budget_wait_ms and second_look_ms must be positive; leave them out for their defaults")
	case len(s.Ladder) == 0:
		return Errorf(KindInvalid, "settings: ladder is empty; name at least one level to ask")
	}
	for _, p := range Purposes {
		if s.ModelsEnabled && s.Models[p] == "" {
			return Errorf(KindInvalid, "settings: there is no model to %s with; name one, or switch models off", p)
		}
	}
	if s.DecisionValidMS <= 0 || s.MaxActions <= 0 || s.ServiceLease.Concurrent <= 0 || s.AccountLease.Concurrent <= 0 {
		return Errorf(KindInvalid, "settings: decision_valid_ms, max_actions and the leases' concurrent must be positive; leave them out for their defaults")
	}
	seen := map[string]bool{}
	for i, e := range s.Catalogue {
		switch {
		case e.Name == "" || !e.Type.Valid() || len(e.Steps) == 0 || e.TimeoutMS <= 0 || !e.Risk.Valid() || !e.BlastRadius.Valid():
			return Errorf(KindInvalid, "settings: catalogue entry %d (%s) needs a name, a type, steps, a timeout, a risk and a blast radius", i, e.Name)
		case seen[e.Name]:
			return Errorf(KindInvalid, "settings: the catalogue has two entries named %q", e.Name)
		}
		seen[e.Name] = true
	}
	return nil
}
