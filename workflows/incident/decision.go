package incident

import "sort"

// Option is one thing that could be done. Agents vote on one shared list.
type Option struct {
	ID          string            `json:"id"` // type:target, unique within a decision
	Type        ActionType        `json:"type"`
	Target      string            `json:"target"`
	Arguments   map[string]string `json:"arguments,omitempty"`
	Title       string            `json:"title"`
	Risk        Risk              `json:"risk"`
	BlastRadius string            `json:"blast_radius"`
	Effect      string            `json:"effect"`
	Enabled     bool              `json:"enabled"`
}

// Vote is one agent's support for one option. An empty OptionID is a valid
// voter who supports none of them.
type Vote struct {
	Agent      Agent    `json:"agent"`
	OptionID   string   `json:"option_id,omitempty"`
	Confidence float64  `json:"confidence"`
	Cites      []string `json:"cites,omitempty"`
	Evidence   float64  `json:"evidence_confidence"` // mean strength of what it cites; 0 where it cites nothing
	Reason     string   `json:"reason,omitempty"`
	Dropped    string   `json:"dropped,omitempty"` // why the vote does not count; empty: it counts
}

// Autonomy says who has to agree before an action runs.
type Autonomy string

const (
	AutonomyApprove Autonomy = "approve" // one person
	AutonomyNever   Autonomy = "never"   // nothing to do, or not by Vigil
)

var Autonomies = []Autonomy{AutonomyApprove, AutonomyNever}

func (a Autonomy) Valid() bool { return contains(Autonomies, a) }

// Decision is the outcome of a vote.
type Decision struct {
	Options     []Option           `json:"options"`
	Votes       []Vote             `json:"votes"`
	Scores      map[string]float64 `json:"scores,omitempty"` // by option id
	ChosenID    string             `json:"chosen_id,omitempty"`
	Score       float64            `json:"score"`
	ValidWeight float64            `json:"valid_weight"` // share of all weight held by valid voters
	Autonomy    Autonomy           `json:"autonomy"`
	Rationale   string             `json:"rationale"`
}

// VoteWeights is each agent's weight; communication does not vote.
var VoteWeights = map[Agent]float64{
	AgentDetection:  0.2,
	AgentDiagnosis:  0.4,
	AgentPrediction: 0.3,
	AgentResolution: 0.1,
}

// CheckVote returns why v must be dropped, or "" where it counts. A vote is
// dropped when its confidence is no number in [0,1], is above 0.95 with
// nothing to show for it, or is more than 0.3 above the mean of its evidence.
func CheckVote(v Vote, options []Option) string {
	_, votes := VoteWeights[v.Agent]
	switch {
	case !votes:
		return "this agent does not vote"
	case !(v.Confidence >= 0 && v.Confidence <= 1): // NaN included
		return "confidence is outside 0 to 1"
	case v.Confidence > 0.95 && len(v.Cites) == 0:
		return "nearly certain, and cites no evidence"
	case v.Confidence > v.Evidence+0.3 && len(v.Cites) > 0:
		return "more confident than its evidence allows"
	case v.OptionID != "" && !hasOption(options, v.OptionID):
		return "votes for something that is not on the list"
	}
	return ""
}

// Decide counts the votes. The score of an option is the sum of weight ×
// confidence of those who support it over the sum of the weights of all valid
// voters; a valid voter who does not support it counts 0. The highest score
// wins; of equal scores the lower risk, then the option listed first. Only
// the first vote of an agent counts.
func Decide(options []Option, votes []Vote) Decision {
	d := Decision{Options: options, Scores: map[string]float64{}, Autonomy: AutonomyNever}
	seen := map[Agent]bool{}
	var valid, all float64
	for _, a := range Agents {
		all += VoteWeights[a]
	}
	for _, v := range votes {
		v.Dropped = CheckVote(v, options)
		if v.Dropped == "" && seen[v.Agent] {
			v.Dropped = "voted already"
		}
		d.Votes = append(d.Votes, v)
		if v.Dropped != "" {
			continue
		}
		seen[v.Agent] = true
		valid += VoteWeights[v.Agent]
		if v.OptionID != "" {
			d.Scores[v.OptionID] += VoteWeights[v.Agent] * v.Confidence
		}
	}
	if valid == 0 {
		d.Rationale = "no valid vote"
		return d
	}
	d.ValidWeight = valid / all
	ranked := make([]Option, 0, len(options))
	for _, o := range options {
		if s, ok := d.Scores[o.ID]; ok {
			d.Scores[o.ID] = s / valid
			ranked = append(ranked, o)
		}
	}
	if len(ranked) == 0 {
		d.Rationale = "no agent supports any option"
		return d
	}
	sort.SliceStable(ranked, func(i, j int) bool {
		a, b := ranked[i], ranked[j]
		if d.Scores[a.ID] != d.Scores[b.ID] {
			return d.Scores[a.ID] > d.Scores[b.ID]
		}
		return riskRank(a.Risk) < riskRank(b.Risk)
	})
	best := ranked[0]
	d.ChosenID, d.Score, d.Autonomy = best.ID, d.Scores[best.ID], AutonomyApprove
	d.Rationale = best.Title + " on " + best.Target + " has the highest weighted support; a person has to approve it"
	return d
}

func hasOption(options []Option, id string) bool {
	for _, o := range options {
		if o.ID == id {
			return true
		}
	}
	return false
}

func riskRank(r Risk) int {
	for i, v := range Risks {
		if v == r {
			return i
		}
	}
	return len(Risks)
}
