package activities

import (
	"context"
	"time"

	"vigil/activities/rca"
	"vigil/workflows/incident"
)

// ForecastInput is the evidence to forecast from.
type ForecastInput struct {
	Evidence []incident.Evidence `json:"evidence"`
	HorizonS int64               `json:"horizon_s"`
}

// limits is what a measure must not reach, where that is the same everywhere.
var limits = map[incident.Metric]float64{
	incident.MetricErrorRate: 1,
	incident.MetricCPU:       100,
	incident.MetricMemory:    100,
}

// ForecastTrend extends the most unusual measure in a straight line. Pure, a
// local activity like RankSuspects.
func ForecastTrend(_ context.Context, in ForecastInput) (incident.Prediction, error) {
	none := incident.Prediction{Summary: "No measure to forecast from.", Method: "statistics", HorizonS: in.HorizonS}
	best := none
	for _, e := range in.Evidence {
		if e.Kind != incident.EvidenceMetric {
			continue
		}
		for _, s := range e.Series {
			p := rca.Forecast(s, limits[s.Metric], time.Duration(in.HorizonS)*time.Second)
			p.Confidence *= e.Strength // a clean line through normal operation forecasts nothing of the incident
			p.Cites = []string{e.ID}
			if p.Confidence > best.Confidence {
				best = p
			}
		}
	}
	return best, nil
}
