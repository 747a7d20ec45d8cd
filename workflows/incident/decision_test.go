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
		if d := incident.Decide(options, []incident.Vote{v}); d.ChosenID != "" || d.Score != 0 || d.ValidWeight != 0 || d.Voted(v.Agent) {
			t.Errorf("%s: chose %q", name, d.ChosenID)
		}
	}
	if why := incident.CheckVote(incident.Vote{Agent: incident.AgentDiagnosis, OptionID: rollback.ID, Confidence: 0.7, Evidence: 0.4, Cites: []string{"E1"}}, options); why != "" {
		t.Errorf("a vote exactly 0.3 above its evidence was dropped: %s", why)
	}
}

// The minority, and what would have won without one of the votes, are kept.
func TestMinorityAndCounterfactuals(t *testing.T) {
	votes := []incident.Vote{
		vote(incident.AgentDetection, "", 0.9),
		vote(incident.AgentDiagnosis, rollback.ID, 0.5),
		vote(incident.AgentPrediction, restart.ID, 0.5),
		vote(incident.AgentResolution, rollback.ID, 0.5),
		{Agent: incident.AgentCommunication, OptionID: restart.ID, Confidence: 0.9}, // does not vote
	}
	d := incident.Decide([]incident.Option{rollback, restart}, votes)
	if d.ChosenID != rollback.ID || len(d.Minority) != 2 || d.Minority[0].Agent != incident.AgentDetection || d.Minority[1].Agent != incident.AgentPrediction {
		t.Errorf("chose %s against %+v", d.ChosenID, d.Minority)
	}
	want := incident.Counterfactual{Without: incident.AgentDiagnosis, ChosenID: restart.ID, Score: 0.3 * 0.5 / 0.6}
	if len(d.Counterfactuals) != 1 || d.Counterfactuals[0].Without != want.Without || d.Counterfactuals[0].ChosenID != want.ChosenID || math.Abs(d.Counterfactuals[0].Score-want.Score) > 1e-9 {
		t.Errorf("%+v, want %+v", d.Counterfactuals, want)
	}
	alone := incident.Decide([]incident.Option{rollback}, votes[1:2])
	if len(alone.Counterfactuals) != 1 || alone.Counterfactuals[0].ChosenID != "" || alone.Counterfactuals[0].Without != incident.AgentDiagnosis {
		t.Errorf("without the only voter nothing is chosen: %+v", alone.Counterfactuals)
	}
	if !d.Voted(incident.AgentDiagnosis) || d.Voted(incident.AgentPrediction) || d.Voted(incident.AgentDetection) || d.Voted(incident.AgentCommunication) {
		t.Error("who voted for what was chosen is not told")
	}
}

func TestEqualScoresGoToTheLowerRisk(t *testing.T) {
	votes := []incident.Vote{vote(incident.AgentDiagnosis, rollback.ID, 0.3), vote(incident.AgentPrediction, restart.ID, 0.4)}
	for _, options := range [][]incident.Option{{rollback, restart}, {restart, rollback}} {
		if d := incident.Decide(options, votes); d.ChosenID != restart.ID {
			t.Errorf("of %.3f and %.3f %s was chosen", d.Scores[rollback.ID], d.Scores[restart.ID], d.ChosenID)
		}
	}
	again := restart
	again.ID = "restart_service:orders"
	votes[0].OptionID = again.ID
	if d := incident.Decide([]incident.Option{again, restart}, votes); d.ChosenID != again.ID {
		t.Errorf("of equal scores and risks %s was chosen, which is not the first", d.ChosenID)
	}
}

// anyVotes are whatever agents may say, one after another.
var anyVotes = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) incident.Vote {
	v := incident.Vote{
		Agent:    rapid.SampledFrom(incident.Agents).Draw(t, "agent"),
		OptionID: rapid.SampledFrom([]string{"", rollback.ID, restart.ID, "other"}).Draw(t, "option"),
		// In steps, so that sums are exact enough not to depend on their order.
		Confidence: float64(rapid.IntRange(-64, 192).Draw(t, "confidence")) / 128,
		Evidence:   float64(rapid.IntRange(0, 128).Draw(t, "evidence")) / 128,
	}
	if rapid.Bool().Draw(t, "cites") {
		v.Cites = []string{"E1"}
	}
	return v
}), 0, 8)

// Whatever is voted, scores stay within 0 and 1, what is chosen is on the
// list and has the highest score, and a dropped vote changes nothing.
func TestDecideProperties(t *testing.T) {
	options := []incident.Option{rollback, restart}
	rapid.Check(t, func(t *rapid.T) {
		cast := anyVotes.Draw(t, "votes")
		d := incident.Decide(options, cast)
		for id, s := range d.Scores {
			if !(s >= 0 && s <= 1) || s > d.Score {
				t.Fatalf("%s scores %f, the chosen %q %f", id, s, d.ChosenID, d.Score)
			}
		}
		if !(d.ValidWeight >= 0 && d.ValidWeight <= 1+1e-9) {
			t.Fatalf("valid voters hold %f of all weight", d.ValidWeight)
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
		if d.ChosenID != "" && d.ChosenID != rollback.ID && d.ChosenID != restart.ID {
			t.Fatalf("%q is not on the list", d.ChosenID)
		}
	})
}

// It does not matter who speaks first, where everybody speaks once; and it
// does not matter in which order options of different risk are listed.
func TestDecisionsDoNotDependOnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seen := map[incident.Agent]bool{}
		var cast []incident.Vote
		for _, v := range anyVotes.Draw(t, "votes") {
			if !seen[v.Agent] {
				seen[v.Agent] = true
				cast = append(cast, v)
			}
		}
		a := incident.Decide([]incident.Option{rollback, restart}, cast)
		b := incident.Decide([]incident.Option{restart, rollback}, rapid.Permutation(cast).Draw(t, "in another order"))
		if near(a.Scores[rollback.ID], a.Scores[restart.ID]) && a.ChosenID != "" {
			return // sums of floats in another order may tip the scales
		}
		if a.ChosenID != b.ChosenID || !near(a.Score, b.Score) || !near(a.ValidWeight, b.ValidWeight) ||
			len(a.Minority) != len(b.Minority) {
			t.Fatalf("%+v\n%+v", a, b)
		}
	})
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

// The minority is everybody who counts and wanted something else; a
// counterfactual is there exactly where leaving that vote out chooses another.
func TestWhatElseIsKept(t *testing.T) {
	options := []incident.Option{rollback, restart}
	rapid.Check(t, func(t *rapid.T) {
		d := incident.Decide(options, anyVotes.Draw(t, "votes"))
		if d.ChosenID == "" {
			if len(d.Minority)+len(d.Counterfactuals) > 0 {
				t.Fatalf("nothing is chosen, and %+v disagree", d.Minority)
			}
			return
		}
		var valid []incident.Vote
		for _, v := range d.Votes {
			if v.Dropped == "" {
				valid = append(valid, v)
			}
		}
		minority, others := 0, map[incident.Agent]incident.Counterfactual{}
		for _, c := range d.Counterfactuals {
			others[c.Without] = c
		}
		for i, v := range valid {
			if v.OptionID != d.ChosenID {
				minority++
			}
			without := incident.Decide(options, append(append([]incident.Vote{}, valid[:i]...), valid[i+1:]...))
			c, kept := others[v.Agent]
			if kept != (without.ChosenID != d.ChosenID) || kept && (c.ChosenID != without.ChosenID || !near(c.Score, without.Score)) {
				t.Fatalf("without %s %q would win with %f; kept: %v %+v", v.Agent, without.ChosenID, without.Score, kept, c)
			}
		}
		if minority != len(d.Minority) || len(others) != len(d.Counterfactuals) {
			t.Fatalf("%d want something else, and %d are kept", minority, len(d.Minority))
		}
	})
}
