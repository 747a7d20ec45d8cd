package activities

import (
	"context"
	"time"

	"vigil/activities/rca"
	"vigil/workflows/incident"
)

// RankInput is the evidence to rank suspects from.
type RankInput struct {
	Evidence   []incident.Evidence `json:"evidence"`
	Service    string              `json:"service"` // the one that complained
	StartedAt  time.Time           `json:"started_at"`
	BaselineTo time.Time           `json:"baseline_to"`
}

// RankSuspects ranks root causes by statistics. It computes and asks nobody,
// so the workflow runs it as a local activity: the evidence does not enter the
// history a second time, and the recorded ranking stands when the statistics
// of a later version would rank otherwise.
func RankSuspects(_ context.Context, in RankInput) ([]incident.Suspect, error) {
	return rca.Rank(rca.FromEvidence(in.Evidence, in.Service, in.StartedAt, in.BaselineTo)), nil
}
