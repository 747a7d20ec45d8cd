package activities_test

import (
	"strings"
	"testing"
	"time"

	"vigil/activities"
	"vigil/workflows/incident"
)

func TestForecastTrend(t *testing.T) {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	series := func(service string, m incident.Metric, value func(i int) float64) incident.Series {
		s := incident.Series{Service: service, Metric: m}
		for i := range 60 {
			s.Points = append(s.Points, incident.Point{At: start.Add(time.Duration(i) * 10 * time.Second), Value: value(i)})
		}
		return s
	}
	jitter := func(i int) float64 { return float64(i*7%5) / 5 }
	// Payments loses memory from point 40 on; checkout, which calls it, is slow from point 50 on.
	memory := series("payments", incident.MetricMemory, func(i int) float64 { return 50 + max(0, float64(i-39))*1.5 + jitter(i) })
	slow := series("checkout", incident.MetricLatency, func(i int) float64 {
		if i < 50 {
			return 100 + jitter(i)
		}
		return 400 + jitter(i)
	})
	in := activities.ForecastInput{HorizonS: 1800, Service: "checkout", StartedAt: start.Add(510 * time.Second), BaselineTo: start.Add(300 * time.Second),
		Suspects: []incident.Suspect{{Service: "payments", Score: 0.9}},
		Evidence: []incident.Evidence{{ID: "E1", Kind: incident.EvidenceMetric, Series: []incident.Series{slow}},
			{ID: "E2", Kind: incident.EvidenceMetric, Series: []incident.Series{memory}},
			{ID: "E3", Kind: incident.EvidenceTopology, Edges: []incident.Edge{{From: "web", To: "checkout"}, {From: "checkout", To: "payments"}}}}}
	p, err := activities.ForecastTrend(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if p.Metric != incident.MetricMemory || p.BreachAt.IsZero() || len(p.Forecast) == 0 || len(p.Forecast) > 16 || p.Cites[0] != "E2" {
		t.Errorf("got %+v", p)
	}
	if len(p.Spread) != 2 || !p.Spread[0].Reached || p.Spread[0].Service != "checkout" || p.Spread[1].Reached || p.Spread[1].Hops != 2 {
		t.Errorf("spread %+v", p.Spread)
	}
	if !strings.Contains(p.Summary, "1 of 2 services that depend on payments show it") {
		t.Errorf("summary %q", p.Summary)
	}
	calm := activities.ForecastInput{HorizonS: 1800, Evidence: []incident.Evidence{{ID: "E1", Kind: incident.EvidenceMetric,
		Series: []incident.Series{series("checkout", incident.MetricLatency, func(i int) float64 { return 100 + jitter(i) })}}}}
	if p, err := activities.ForecastTrend(t.Context(), calm); err != nil || p.Confidence != 0 || len(p.Forecast) != 0 || p.Spread != nil {
		t.Errorf("normal operation: %+v, %v", p, err)
	}
}

// TestForecastYoungStep holds that a measure that has just stepped is not
// forecast to be where it was before.
func TestForecastYoungStep(t *testing.T) {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for after := 3; after <= 12; after++ {
		s := incident.Series{Service: "checkout", Metric: incident.MetricLatency, Unit: "ms"}
		for i := range 60 + after {
			v := 120 + float64(i*7%5)
			if i >= 60 {
				v += 300
			}
			s.Points = append(s.Points, incident.Point{At: start.Add(time.Duration(i) * time.Second), Value: v})
		}
		p, err := activities.ForecastTrend(t.Context(), activities.ForecastInput{HorizonS: 1800, Service: "checkout", StartedAt: start.Add(time.Minute),
			BaselineTo: start.Add(30 * time.Second), Evidence: []incident.Evidence{{ID: "E1", Kind: incident.EvidenceMetric, Series: []incident.Series{s}}}})
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Forecast) == 0 || p.Confidence == 0 {
			t.Fatalf("%d points after the step: no forecast: %+v", after, p)
		}
		for _, f := range p.Forecast {
			if f.Value < 400 || f.Value > 450 || f.Low > f.Value || f.High < f.Value {
				t.Fatalf("%d points after the step: %+v, %s", after, f, p.Summary)
			}
		}
	}
}
