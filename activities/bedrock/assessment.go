package bedrock

import (
	"cmp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
)

// findings is what a guardrail objected to.
type findings struct {
	policies []string // that intervened, in order of the alphabet
	masked   bool     // personal data was masked
	refused  bool     // something was blocked, or is not understood here
	words    []word   // that it named
}

// word is text that the guardrail named, and what stands in its place.
type word struct{ text, name string }

// onlyMasked reports whether the guardrail did no more than mask personal
// data, so that what it returned is the text and not a refusal.
func (f findings) onlyMasked() bool { return f.masked && !f.refused }

// mask puts a name in the place of every word. Longer words come first: one
// may hold another.
func (f findings) mask(text string) string {
	words := slices.Clone(f.words)
	slices.SortStableFunc(words, func(a, b word) int { return cmp.Compare(len(b.text), len(a.text)) })
	var pairs []string
	for _, w := range words {
		pairs = append(pairs, w.text, "{"+w.name+"}")
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// found adds one assessment. none is how its policy says that it did nothing;
// what it says otherwise is a refusal unless it is anonymized.
func (f *findings) found(policy, action, none string, w word) {
	if action == none {
		return
	}
	f.policies = append(f.policies, policy)
	if action == string(types.GuardrailSensitiveInformationPolicyActionAnonymized) {
		f.masked = true
	} else {
		f.refused = true
	}
	if w.text != "" {
		f.words = append(f.words, w)
	}
}

func assess(assessments []types.GuardrailAssessment) findings {
	var f findings
	for _, a := range assessments {
		if p := a.TopicPolicy; p != nil {
			for _, t := range p.Topics {
				f.found("topic", string(t.Action), string(types.GuardrailTopicPolicyActionNone), word{})
			}
		}
		if p := a.ContentPolicy; p != nil {
			for _, c := range p.Filters {
				f.found("content", string(c.Action), string(types.GuardrailContentPolicyActionNone), word{})
			}
		}
		if p := a.WordPolicy; p != nil {
			for _, w := range p.CustomWords {
				f.found("word", string(w.Action), string(types.GuardrailWordPolicyActionNone), word{aws.ToString(w.Match), "WORD"})
			}
			for _, w := range p.ManagedWordLists {
				f.found("word", string(w.Action), string(types.GuardrailWordPolicyActionNone), word{aws.ToString(w.Match), "WORD"})
			}
		}
		if p := a.ContextualGroundingPolicy; p != nil {
			for _, g := range p.Filters {
				f.found("grounding", string(g.Action), string(types.GuardrailContextualGroundingPolicyActionNone), word{})
			}
		}
		if p := a.SensitiveInformationPolicy; p != nil {
			none := string(types.GuardrailSensitiveInformationPolicyActionNone)
			for _, e := range p.PiiEntities {
				f.found("pii:"+string(e.Type), string(e.Action), none, word{aws.ToString(e.Match), string(e.Type)})
			}
			for _, r := range p.Regexes {
				name := cmp.Or(aws.ToString(r.Name), "REGEX")
				f.found("regex:"+name, string(r.Action), none, word{aws.ToString(r.Match), name})
			}
		}
	}
	slices.Sort(f.policies)
	f.policies = slices.Compact(f.policies)
	return f
}
