package incident_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"vigil/workflows/incident"
)

var (
	rollback = incident.Option{ID: "rollback_deployment:checkout", Title: "Roll back", Risk: incident.RiskMedium}
	restart  = incident.Option{ID: "restart_service:checkout", Title: "Restart", Risk: incident.RiskLow}
)

func vote(a incident.Agent, option string, confidence float64) incident.Vote {
	return incident.Vote{Agent: a, OptionID: option, Confidence: confidence, Evidence: confidence, Cites: []string{"E1"}}
}

func TestScoreIsWeightedShareOfAllValidVoters(t *testing.T) {
	d := incident.Decide([]incident.Option{rollback, restart}, []incident.Vote{
		vote(incident.AgentDetection, "", 0.9), // valid, supports none: counts 0
		vote(incident.AgentDiagnosis, rollback.ID, 0.8),
		vote(incident.AgentPrediction, restart.ID, 0.9),
		vote(incident.AgentResolution, rollback.ID, 0.7),
	})
	if want := (0.4*0.8 + 0.1*0.7) / 1.0; math.Abs(d.Score-want) > 1e-9 || d.ChosenID != rollback.ID {
		t.Errorf("chose %s with %.3f, wanted the rollback with %.3f", d.ChosenID, d.Score, want)
	}
	if math.Abs(d.Scores[restart.ID]-0.27) > 1e-9 {
		t.Errorf("the restart scored %.3f, wanted 0.27", d.Scores[restart.ID])
	}
}

func TestVotesThatAreDropped(t *testing.T) {
	options := []incident.Option{rollback}
	for name, v := range map[string]incident.Vote{
		"not a number":         vote(incident.AgentDiagnosis, rollback.ID, math.NaN()),
		"above one":            vote(incident.AgentDiagnosis, rollback.ID, 1.01),
		"below zero":           vote(incident.AgentDiagnosis, rollback.ID, -0.1),
		"certain of nothing":   {Agent: incident.AgentDiagnosis, OptionID: rollback.ID, Confidence: 0.96},
		"above its evidence":   {Agent: incident.AgentDiagnosis, OptionID: rollback.ID, Confidence: 0.7, Evidence: 0.39, Cites: []string{"E1"}},
		"not on the list":      vote(incident.AgentDiagnosis, "drop_database:orders-db", 0.5),
		"agent without a vote": vote(incident.AgentCommunication, rollback.ID, 0.5),
	} {
		if incident.CheckVote(v, options) == "" {
			t.Errorf("%s: the vote counts", name)
		}
		if d := incident.Decide(options, []incident.Vote{v}); d.ChosenID != "" {
			t.Errorf("%s: chose %q", name, d.ChosenID)
		}
	}
	if why := incident.CheckVote(incident.Vote{Agent: incident.AgentDiagnosis, OptionID: rollback.ID, Confidence: 0.7, Evidence: 0.4, Cites: []string{"E1"}}, options); why != "" {
		t.Errorf("a vote exactly 0.3 above its evidence was dropped: %s", why)
	}
}

// Whatever is voted, scores stay within 0 and 1, what is chosen is on the
// list and has the highest score, and a dropped vote changes nothing.
func TestDecideProperties(t *testing.T) {
	options := []incident.Option{rollback, restart}
	votes := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) incident.Vote {
		v := incident.Vote{
			Agent:      rapid.SampledFrom(incident.Agents).Draw(t, "agent"),
			OptionID:   rapid.SampledFrom([]string{"", rollback.ID, restart.ID, "other"}).Draw(t, "option"),
			Confidence: rapid.Float64Range(-0.5, 1.5).Draw(t, "confidence"),
			Evidence:   rapid.Float64Range(0, 1).Draw(t, "evidence"),
		}
		if rapid.Bool().Draw(t, "cites") {
			v.Cites = []string{"E1"}
		}
		return v
	}), 0, 8)
	rapid.Check(t, func(t *rapid.T) {
		cast := votes.Draw(t, "votes")
		d := incident.Decide(options, cast)
		for id, s := range d.Scores {
			if !(s >= 0 && s <= 1) || s > d.Score {
				t.Fatalf("%s scores %f, the chosen %q %f", id, s, d.ChosenID, d.Score)
			}
		}
		var counted []incident.Vote
		for _, v := range d.Votes {
			if v.Dropped == "" {
				counted = append(counted, v)
			}
		}
		again := incident.Decide(options, counted)
		if again.ChosenID != d.ChosenID || again.Score != d.Score {
			t.Fatalf("without the dropped votes: %q %f instead of %q %f", again.ChosenID, again.Score, d.ChosenID, d.Score)
		}
	})
}
