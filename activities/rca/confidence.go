package rca

import (
	"math"

	"vigil/workflows/incident"
)

const (
	// maxConfidence is what no amount of evidence exceeds: statistics of one
	// incident do not prove a cause.
	maxConfidence = 0.95
	// closeCall is the lead, as a share of the first suspect's score, that the
	// first needs over the second to count as ahead of it.
	closeCall = 0.15
	// contradiction is the strength from which on evidence contradicts.
	contradiction = 0.3
	// voteMargin is how far a vote may be above its evidence (incident.CheckVote).
	voteMargin = 0.3
)

// kindWeight is how far one kind of evidence at full strength can go alone.
// Topology says only what could be. A ranking is made of the other kinds, so
// it is no ground of its own beside them.
func kindWeight(k incident.EvidenceKind) float64 {
	switch k {
	case incident.EvidenceMetric:
		return 0.7
	case incident.EvidenceLog:
		return 0.6
	case incident.EvidenceChange:
		return 0.5
	case incident.EvidenceTopology:
		return 0.1
	case incident.EvidenceRanking:
		return 0.6
	}
	return 0
}

// Confidence computes how sure a diagnosis may be from the evidence it cites:
//
//	c = 1 − Π over kinds (1 − weight(kind) × strongest cited evidence of that kind)
//
// over metric (0.7), log (0.6), change (0.5) and topology (0.1). Several pieces
// of one kind are not independent, so only the strongest counts. A ranking
// (0.6) is made of the others and counts only where it is all that is cited, or
// says more than they do together. Evidence that was looked for and not found
// counts nothing.
//
// c is halved where evidence of strength 0.3 or more contradicts, and halved
// where the second suspect is within 15 % of the first. It never exceeds 0.95,
// nor the mean strength of what is cited plus 0.3, above which the vote would
// be dropped. No evidence: 0.
func Confidence(cites, contradicts []incident.Evidence, suspects []incident.Suspect) float64 {
	best := map[incident.EvidenceKind]float64{}
	for _, e := range cites {
		if e.Found {
			best[e.Kind] = math.Max(best[e.Kind], clamp01(e.Strength))
		}
	}
	rest := 1.0
	for _, k := range incident.EvidenceKinds {
		if k != incident.EvidenceRanking {
			rest *= 1 - kindWeight(k)*best[k]
		}
	}
	c := math.Max(1-rest, kindWeight(incident.EvidenceRanking)*best[incident.EvidenceRanking])
	for _, e := range contradicts {
		if e.Found && e.Strength >= contradiction {
			c /= 2
			break
		}
	}
	if Close(suspects) {
		c /= 2
	}
	return math.Min(c, math.Min(maxConfidence, MeanStrength(cites)+voteMargin))
}

// Close reports whether the second suspect's score is so near the first's
// that the ranking does not decide between them.
func Close(suspects []incident.Suspect) bool {
	return len(suspects) > 1 && suspects[0].Score-suspects[1].Score < closeCall*suspects[0].Score
}

// MeanStrength is the mean strength of cited evidence, which bounds what a vote
// that cites it may claim. What was not found counts 0; citing nothing gives 0.
func MeanStrength(cites []incident.Evidence) float64 {
	if len(cites) == 0 {
		return 0
	}
	var sum float64
	for _, e := range cites {
		if e.Found {
			sum += clamp01(e.Strength)
		}
	}
	return sum / float64(len(cites))
}
