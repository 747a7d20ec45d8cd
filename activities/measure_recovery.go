package activities

import (
	"context"
	"slices"
	"time"

	"vigil/activities/rca"
	"vigil/workflows/incident"
)

// RecoveryInput says what to compare. The span from BaselineFrom to BaselineTo
// is normal operation; points after Since are judged.
type RecoveryInput struct {
	Services     []string  `json:"services"`
	BaselineFrom time.Time `json:"baseline_from"`
	BaselineTo   time.Time `json:"baseline_to"`
	Since        time.Time `json:"since"`
	Now          time.Time `json:"now"`
	Points       int       `json:"points"` // consecutive good points needed
	Final        bool      `json:"final"`  // the time is up: give a verdict

	Metrics []incident.Metric `json:"metrics,omitempty"` // judged; empty: all that are measured
}

// MeasureRecovery reads the telemetry of the services and compares it with
// its own past, once. It only reads.
func (a *Activities) MeasureRecovery(ctx context.Context, in RecoveryInput) (incident.Verification, error) {
	defer keepAlive(ctx)()
	var all []incident.Series
	for _, service := range in.Services {
		series, _, err := a.Metrics.Query(ctx, service, Window{From: in.BaselineFrom, To: in.Now})
		if err != nil {
			return incident.Verification{}, failureOf(ctx, "measure the recovery of "+service, err)
		}
		for _, s := range series {
			if len(in.Metrics) == 0 || slices.Contains(in.Metrics, s.Metric) {
				all = append(all, s)
			}
		}
	}
	return rca.Verify(all, nil, rca.Recovery{BaselineTo: in.BaselineTo, ActedAt: in.Since, Needed: in.Points, Final: in.Final}), nil
}
