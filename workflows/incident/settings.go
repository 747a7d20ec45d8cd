package incident

import (
	"fmt"
	"time"
)

// Settings is what a worker's configuration means for one incident. The
// workflow reads it once, at its start, through an activity, so that it is in
// the history and a change of configuration never alters a running incident.
// Durations are milliseconds; DefaultSettings says every default.
type Settings struct {
	ModelsEnabled    bool             `json:"models_enabled"` // false: statistics and people alone
	LookbackMS       int64            `json:"lookback_ms"`    // how far before the incident telemetry is read, for its normal state
	MaxTurns         int              `json:"max_turns"`      // model calls per agent
	MaxTokens        int64            `json:"max_tokens"`     // input and output tokens per incident
	MaxCostMicros    int64            `json:"max_cost_usd_micros"`
	ApprovalMS       int64            `json:"approval_ms"` // per level of the ladder
	Ladder           []string         `json:"ladder"`      // who is asked, level by level
	HandoverMS       int64            `json:"handover_ms"` // how long a person has, per level, once it is theirs
	VerifyEveryMS    int64            `json:"verify_every_ms"`
	VerifyPoints     int              `json:"verify_points"` // consecutive good points that count as recovered
	VerifyTimeoutMS  int64            `json:"verify_timeout_ms"`
	CatalogueVersion string           `json:"catalogue_version"`
	Catalogue        []CatalogueEntry `json:"catalogue"`
}

// DefaultSettings are the shipped values. All actions are in dry run.
func DefaultSettings() Settings {
	return Settings{
		ModelsEnabled:    true,
		LookbackMS:       int64(15 * time.Minute / time.Millisecond),
		MaxTurns:         6,
		MaxTokens:        200_000,
		MaxCostMicros:    1_000_000,
		ApprovalMS:       int64(15 * time.Minute / time.Millisecond),
		Ladder:           []string{"on-call", "engineering leads"},
		HandoverMS:       int64(12 * time.Hour / time.Millisecond),
		VerifyEveryMS:    int64(30 * time.Second / time.Millisecond),
		VerifyPoints:     3,
		VerifyTimeoutMS:  int64(10 * time.Minute / time.Millisecond),
		CatalogueVersion: "2026-11-1",
		Catalogue: []CatalogueEntry{
			{Type: ActionRollbackDeployment, Title: "Roll back the last deployment", Document: "Vigil-RollbackDeployment",
				Causes: []Cause{CauseBadDeployment}, Risk: RiskMedium, BlastRadius: "one service",
				Effect: "the version before the last deployment serves again", TimeoutMS: 600_000},
			{Type: ActionRestartService, Title: "Restart the service", Document: "Vigil-RestartService",
				Causes: []Cause{CauseMemoryLeak}, Risk: RiskMedium, BlastRadius: "one service, task by task",
				Effect: "memory starts from empty; requests in flight are drained", TimeoutMS: 180_000},
			{Type: ActionScaleService, Title: "Give the database more connections", Document: "Vigil-ScaleService",
				Causes: []Cause{CauseConnectionsExhausted}, Risk: RiskLow, BlastRadius: "one database and its callers",
				Effect: "waiting requests get a connection", TimeoutMS: 300_000},
		},
	}
}

// Validate says what is wrong with s, and what would be right.
func (s Settings) Validate() error {
	switch {
	case s.LookbackMS <= 0, s.ApprovalMS <= 0, s.HandoverMS <= 0, s.VerifyEveryMS <= 0, s.VerifyTimeoutMS <= 0:
		return Errorf(KindInvalid, "settings: every duration must be positive; leave one out for its default")
	case s.VerifyPoints < 2:
		return Errorf(KindInvalid, "settings: verify_points is %d; one point proves nothing, use 2 or more", s.VerifyPoints)
	case s.ModelsEnabled && s.MaxTurns < 1:
		return Errorf(KindInvalid, "settings: max_turns is %d; use 1 or more, or switch models off", s.MaxTurns)
	case len(s.Ladder) == 0:
		return Errorf(KindInvalid, "settings: ladder is empty; name at least one level to ask")
	}
	for i, e := range s.Catalogue {
		if e.Type == "" || e.Document == "" || e.TimeoutMS <= 0 || !e.Risk.Valid() {
			return fmt.Errorf("settings: catalogue entry %d: %w", i, Errorf(KindInvalid, "needs type, document, timeout_ms and risk"))
		}
	}
	return nil
}
