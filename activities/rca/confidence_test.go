package rca_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"vigil/activities/rca"
	"vigil/workflows/incident"
)

func TestConfidence(t *testing.T) {
	ev := func(k incident.EvidenceKind, strength float64) incident.Evidence {
		return incident.Evidence{Kind: k, Found: true, Strength: strength}
	}
	metric, log, change := ev(incident.EvidenceMetric, 1), ev(incident.EvidenceLog, 1), ev(incident.EvidenceChange, 1)
	missing := incident.Evidence{Kind: incident.EvidenceMetric, Strength: 1}
	for _, tc := range []struct {
		name     string
		cites    []incident.Evidence
		against  []incident.Evidence
		suspects []incident.Suspect
		want     float64
	}{
		{name: "nothing", want: 0},
		{name: "looked for and not found", cites: []incident.Evidence{missing}, want: 0},
		{name: "one metric", cites: []incident.Evidence{metric}, want: 0.7},
		{name: "two metrics are no more than one", cites: []incident.Evidence{metric, metric}, want: 0.7},
		{name: "metric and log", cites: []incident.Evidence{metric, log}, want: 0.88},
		{name: "all of it", cites: []incident.Evidence{metric, log, change}, want: 0.94},
		{name: "a ranking alone", cites: []incident.Evidence{ev(incident.EvidenceRanking, 1)}, want: 0.6},
		{name: "a ranking of what is cited too", cites: []incident.Evidence{metric, ev(incident.EvidenceRanking, 1)}, want: 0.7},
		{name: "contradicted", cites: []incident.Evidence{metric}, against: []incident.Evidence{log}, want: 0.35},
		{name: "weakly contradicted", cites: []incident.Evidence{metric}, against: []incident.Evidence{ev(incident.EvidenceLog, 0.2)}, want: 0.7},
		{name: "close suspects", cites: []incident.Evidence{metric}, suspects: []incident.Suspect{{Score: 0.8}, {Score: 0.75}}, want: 0.35},
		{name: "clear suspects", cites: []incident.Evidence{metric}, suspects: []incident.Suspect{{Score: 0.8}, {Score: 0.4}}, want: 0.7},
		{name: "no more than the vote allows", cites: []incident.Evidence{metric, ev(incident.EvidenceTopology, 0), ev(incident.EvidenceTopology, 0),
			ev(incident.EvidenceTopology, 0)}, want: 0.55},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := rca.Confidence(tc.cites, tc.against, tc.suspects); math.Abs(got-tc.want) > 1e-9 {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

// TestConfidencePassesTheVote holds that a computed confidence is never the
// reason for which a vote is dropped.
func TestConfidencePassesTheVote(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cites := rapid.SliceOf(rapid.Custom(func(t *rapid.T) incident.Evidence {
			return incident.Evidence{ID: "E", Kind: rapid.SampledFrom(incident.EvidenceKinds).Draw(t, "kind"), Found: rapid.Bool().Draw(t, "found"),
				Strength: rapid.OneOf(rapid.Float64Range(0, 1), rapid.Float64(), rapid.Just(math.NaN())).Draw(t, "strength")}
		})).Draw(t, "cites")
		c := rca.Confidence(cites, nil, nil)
		if !(c >= 0 && c <= 0.95) {
			t.Fatalf("confidence %v", c)
		}
		v := incident.Vote{Agent: incident.AgentDiagnosis, Confidence: c, Evidence: rca.MeanStrength(cites)}
		for range cites {
			v.Cites = append(v.Cites, "E")
		}
		if why := incident.CheckVote(v, nil); why != "" {
			t.Fatalf("dropped: %s", why)
		}
	})
}
