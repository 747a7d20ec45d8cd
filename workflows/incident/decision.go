package incident

// Option is one thing that could be done. Agents vote on one shared list.
type Option struct {
	ID           string      `json:"id"` // name:target, unique within a decision
	Name         string      `json:"name"`
	Type         ActionType  `json:"type"`
	Target       string      `json:"target"`
	Title        string      `json:"title"`
	Steps        []Step      `json:"steps,omitempty"`
	Precondition string      `json:"precondition,omitempty"`
	Planned      TargetState `json:"planned,omitempty"`
	Risk         Risk        `json:"risk"`
	BlastRadius  BlastRadius `json:"blast_radius"`
	Share        float64     `json:"share,omitempty"`
	Effect       string      `json:"effect"`
	Enabled      bool        `json:"enabled"`
}

// Exclusion is an option that could not be chosen, and why.
type Exclusion struct {
	OptionID string `json:"option_id"`
	Title    string `json:"title"`
	Reason   string `json:"reason"`
}

// Counterfactual is what would have been chosen without one agent's vote.
type Counterfactual struct {
	Without  Agent   `json:"without"`
	ChosenID string  `json:"chosen_id,omitempty"` // empty: nothing
	Score    float64 `json:"score"`
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

// Decision is the outcome of a vote.
type Decision struct {
	Options     []Option           `json:"options"`
	Votes       []Vote             `json:"votes"`
	Scores      map[string]float64 `json:"scores,omitempty"` // by option id
	ChosenID    string             `json:"chosen_id,omitempty"`
	Score       float64            `json:"score"`
	ValidWeight float64            `json:"valid_weight"` // share of all weight held by valid voters
	Rationale   string             `json:"rationale"`

	Excluded        []Exclusion      `json:"excluded,omitempty"`
	Minority        []Vote           `json:"minority,omitempty"`        // valid votes for something else, or for nothing
	Counterfactuals []Counterfactual `json:"counterfactuals,omitempty"` // where another option would have won
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
// the first vote of an agent counts. What the others wanted, and what would
// have won without one of the votes, is kept.
func Decide(options []Option, votes []Vote) Decision {
	d := Decision{Options: options, Scores: map[string]float64{}}
	seen := map[Agent]bool{}
	var valid []Vote
	for _, v := range votes {
		v.Dropped = CheckVote(v, options)
		if v.Dropped == "" && seen[v.Agent] {
			v.Dropped = "voted already"
		}
		d.Votes = append(d.Votes, v)
		if v.Dropped == "" {
			seen[v.Agent] = true
			valid = append(valid, v)
		}
	}
	if len(valid) == 0 {
		d.Rationale = "no valid vote"
		return d
	}
	d.ValidWeight = weight(valid) / allWeight()
	best, scores := count(options, valid)
	d.Scores = scores
	if best == nil {
		d.Rationale = "no agent supports any option"
		return d
	}
	d.ChosenID, d.Score = best.ID, scores[best.ID]
	d.Rationale = best.Title + " on " + best.Target + " has the highest weighted support"
	for i, v := range valid {
		if v.OptionID != d.ChosenID {
			d.Minority = append(d.Minority, v)
		}
		c := Counterfactual{Without: v.Agent}
		if other, scores := count(options, append(append([]Vote{}, valid[:i]...), valid[i+1:]...)); other != nil {
			c.ChosenID, c.Score = other.ID, scores[other.ID]
		}
		if c.ChosenID != d.ChosenID {
			d.Counterfactuals = append(d.Counterfactuals, c)
		}
	}
	return d
}

// Voted reports whether agent a has a valid vote for the option that was chosen.
func (d Decision) Voted(a Agent) bool {
	for _, v := range d.Votes {
		if v.Agent == a && v.Dropped == "" && v.OptionID == d.ChosenID && d.ChosenID != "" {
			return true
		}
	}
	return false
}

// count returns the option that valid votes choose, nil for none, and the
// scores of all that were voted for.
func count(options []Option, valid []Vote) (*Option, map[string]float64) {
	scores := map[string]float64{}
	for _, v := range valid {
		if v.OptionID != "" {
			scores[v.OptionID] += VoteWeights[v.Agent] * v.Confidence
		}
	}
	total := weight(valid)
	var best *Option
	for i, o := range options {
		s, voted := scores[o.ID]
		if !voted {
			continue
		}
		s /= total
		scores[o.ID] = s
		if best == nil || s > scores[best.ID] || s == scores[best.ID] && riskRank(o.Risk) < riskRank(best.Risk) {
			best = &options[i]
		}
	}
	return best, scores
}

func weight(votes []Vote) (sum float64) {
	for _, v := range votes {
		sum += VoteWeights[v.Agent]
	}
	return sum
}

func allWeight() (sum float64) {
	for _, a := range Agents { // a map has no order, and sums of floats do
		sum += VoteWeights[a]
	}
	return sum
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
