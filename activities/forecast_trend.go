package activities

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"vigil/activities/rca"
	"vigil/workflows/incident"
)

// ForecastInput is the evidence to forecast from. Without BaselineTo the first
// half of each series counts as normal operation; without Suspects nothing is
// said of how the fault spreads.
type ForecastInput struct {
	Evidence   []incident.Evidence `json:"evidence"`
	HorizonS   int64               `json:"horizon_s"`
	Suspects   []incident.Suspect  `json:"suspects,omitempty"`
	Service    string              `json:"service,omitempty"` // the one that complained
	StartedAt  time.Time           `json:"started_at,omitzero"`
	BaselineTo time.Time           `json:"baseline_to,omitzero"`
}

// limits is what a measure must not reach, where that is the same everywhere.
var limits = map[incident.Metric]float64{
	incident.MetricErrorRate: 1,
	incident.MetricCPU:       100,
	incident.MetricMemory:    100,
}

// ForecastTrend says where the incident leads if nobody acts: it extends the
// measure that is farthest from normal and matters most, and lists who depends
// on the first suspect. Pure, a local activity like RankSuspects.
func ForecastTrend(_ context.Context, in ForecastInput) (incident.Prediction, error) {
	best := incident.Prediction{Summary: "No measure to forecast from.", Method: "statistics", HorizonS: in.HorizonS}
	weight := 0.0
	limited := connectionLimits(in.Evidence)
	for _, e := range in.Evidence {
		if e.Kind != incident.EvidenceMetric {
			continue
		}
		for _, s := range e.Series {
			a := rca.Summarise(s, time.Time{}, in.BaselineTo)
			if !a.Harmful() || a.Over {
				continue // a clean line through normal operation forecasts nothing of the incident
			}
			limit := limits[s.Metric]
			if s.Metric == incident.MetricConnections {
				limit = limited[s.Service]
			}
			p := forecast(s, a, limit, time.Duration(in.HorizonS)*time.Second)
			p.Confidence = math.Round(p.Confidence*a.Strength*1e4) / 1e4
			p.Cites = []string{e.ID}
			if w := p.Confidence * importance(p); w > weight {
				best, weight = p, w
			}
		}
	}
	best.Spread = spread(in)
	if reached, all := reach(best.Spread); all > 0 {
		best.Summary = fmt.Sprintf("%s. %d of %d services that depend on %s show it already.", strings.TrimSuffix(best.Summary, "."), reached, all, in.Suspects[0].Service)
	}
	return best, nil
}

// forecast leaves out what came before the trouble, where enough is left: a line
// through both would see a rise where there was a step. Where too little is left,
// what grows is seen by the line through all of it, and what stepped stays where
// it went.
func forecast(s incident.Series, a rca.Anomaly, limit float64, horizon time.Duration) incident.Prediction {
	const enough = 8
	later := s
	later.Points = slices.DeleteFunc(slices.Clone(s.Points), func(p incident.Point) bool { return p.At.Before(a.Onset) })
	n := len(later.Points)
	if n >= enough {
		return rca.Forecast(later, limit, horizon)
	}
	if n > 0 && a.Slope*later.Points[n-1].At.Sub(a.Onset).Minutes()/(a.Level-a.Baseline) >= 0.5 {
		return rca.Forecast(s, limit, horizon)
	}
	return rca.Hold(later, limit, horizon)
}

// importance weighs which forecast is worth a person's time: that a limit will
// be reached more than anything, what users feel more than what goes with it.
func importance(p incident.Prediction) float64 {
	switch {
	case !p.BreachAt.IsZero():
		return 2
	case p.Metric == incident.MetricLatency || p.Metric == incident.MetricErrorRate:
		return 1
	case p.Metric == incident.MetricRequestRate:
		return 0.3
	}
	return 0.6
}

// connectionLimits reads how many connections each database allows.
func connectionLimits(evidence []incident.Evidence) map[string]float64 {
	out := map[string]float64{}
	for _, e := range evidence {
		for _, s := range e.Series {
			if n := len(s.Points); s.Metric == incident.MetricMaxConnections && n > 0 {
				out[s.Service] = s.Points[n-1].Value
			}
		}
	}
	return out
}

// spread is who depends on the first suspect, where one is notable.
func spread(in ForecastInput) []incident.Spread {
	if len(in.Suspects) == 0 || in.Suspects[0].Score < rca.Notable {
		return nil
	}
	graph := rca.FromEvidence(in.Evidence, in.Service, in.StartedAt, in.BaselineTo)
	return slices.Clip(rca.Spread(graph, in.Suspects[0].Service))
}

func reach(all []incident.Spread) (reached, of int) {
	for _, s := range all {
		if s.Reached {
			reached++
		}
	}
	return reached, len(all)
}
