package bedrock

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"

	"vigil/activities"
	"vigil/activities/internal/awscall"
	"vigil/workflows/incident"
)

// guardrailTimeout is how long a guardrail may be silent; it looks at a few
// thousand characters.
const guardrailTimeout = time.Minute

// GuardrailConfig names a guardrail.
type GuardrailConfig struct {
	ID      string  // its id or ARN; required, see NoGuardrail
	Version string  // default DRAFT, the version that is being edited
	Prices  *Prices // default ShippedPrices
}

// Guardrail checks text with a guardrail of Bedrock.
type Guardrail struct {
	api         *bedrockruntime.Client
	call        awscall.Caller
	id, version string
	prices      Prices
}

// NoGuardrail stands where none is configured: it lets every text pass and
// says in the provenance that nothing looked at it.
type NoGuardrail struct{}

var (
	_ activities.Guardrail = (*Guardrail)(nil)
	_ activities.Guardrail = NoGuardrail{}
)

// Check returns text unchanged.
func (NoGuardrail) Check(ctx context.Context, text string) (activities.GuardrailResult, error) {
	return activities.GuardrailResult{Text: text, Provenance: incident.Provenance{
		Origin: incident.OriginLive, Service: "vigil", Operation: "no guardrail is configured",
	}}, nil
}

// NewGuardrail makes a Guardrail. recorder may be nil.
func NewGuardrail(cfg aws.Config, c GuardrailConfig, recorder activities.Recorder) (*Guardrail, error) {
	if c.ID == "" {
		return nil, incident.Errorf(incident.KindInvalid, "bedrock: the guardrail has no id; where none is wanted, use none")
	}
	return &Guardrail{
		api:  bedrockruntime.NewFromConfig(awscall.Prepare(cfg, guardrailTimeout)),
		call: awscall.New(service, recorder),
		id:   c.ID, version: cmp.Or(c.Version, "DRAFT"), prices: pricesOr(c.Prices),
	}, nil
}

// Check has the guardrail look at text that is about to go out.
func (g *Guardrail) Check(ctx context.Context, text string) (activities.GuardrailResult, error) {
	if text == "" {
		return activities.GuardrailResult{}, incident.Errorf(incident.KindInvalid, "bedrock: there is no text to check")
	}
	out, p, err := awscall.DoMetered(ctx, g.call, "ApplyGuardrail", "", g.api.ApplyGuardrail, &bedrockruntime.ApplyGuardrailInput{
		GuardrailIdentifier: &g.id, GuardrailVersion: &g.version, Source: types.GuardrailContentSourceOutput,
		Content: []types.GuardrailContentBlock{&types.GuardrailContentBlockMemberText{Value: types.GuardrailTextBlock{Text: &text}}},
	}, func(out *bedrockruntime.ApplyGuardrailOutput) *incident.Usage {
		if out.Usage == nil {
			return &incident.Usage{}
		}
		return &incident.Usage{CostMicros: g.prices.check(out.Usage)}
	})
	if err != nil {
		return activities.GuardrailResult{}, err
	}
	switch out.Action {
	case types.GuardrailActionNone:
		return activities.GuardrailResult{Text: text, Provenance: p}, nil
	case types.GuardrailActionGuardrailIntervened:
	default:
		return activities.GuardrailResult{}, awscall.Malformed(p, "the guardrail answers with the action %q", out.Action)
	}
	var says []string
	for _, o := range out.Outputs {
		if t := aws.ToString(o.Text); t != "" {
			says = append(says, t)
		}
	}
	r := activities.GuardrailResult{Text: strings.Join(says, "\n"), Provenance: p}
	r.Blocked = r.Text == "" || !onlyMasked(out.Assessments)
	r.Text = cmp.Or(r.Text, aws.ToString(out.ActionReason), "blocked by the guardrail")
	return r, nil
}

// onlyMasked reports whether the guardrail did no more than mask personal
// data, so that what it returned is the text and not a refusal. Anything that
// it does not recognise counts as a refusal.
func onlyMasked(assessments []types.GuardrailAssessment) bool {
	masked := false
	for _, a := range assessments {
		if a.TopicPolicy != nil {
			for _, t := range a.TopicPolicy.Topics {
				if t.Action != types.GuardrailTopicPolicyActionNone {
					return false
				}
			}
		}
		if a.ContentPolicy != nil {
			for _, f := range a.ContentPolicy.Filters {
				if f.Action != types.GuardrailContentPolicyActionNone {
					return false
				}
			}
		}
		if a.WordPolicy != nil {
			for _, w := range a.WordPolicy.CustomWords {
				if w.Action != types.GuardrailWordPolicyActionNone {
					return false
				}
			}
			for _, w := range a.WordPolicy.ManagedWordLists {
				if w.Action != types.GuardrailWordPolicyActionNone {
					return false
				}
			}
		}
		if a.ContextualGroundingPolicy != nil {
			for _, f := range a.ContextualGroundingPolicy.Filters {
				if f.Action != types.GuardrailContextualGroundingPolicyActionNone {
					return false
				}
			}
		}
		if a.SensitiveInformationPolicy == nil {
			continue
		}
		var actions []types.GuardrailSensitiveInformationPolicyAction
		for _, e := range a.SensitiveInformationPolicy.PiiEntities {
			actions = append(actions, e.Action)
		}
		for _, e := range a.SensitiveInformationPolicy.Regexes {
			actions = append(actions, e.Action)
		}
		for _, action := range actions {
			switch action {
			case types.GuardrailSensitiveInformationPolicyActionAnonymized:
				masked = true
			case types.GuardrailSensitiveInformationPolicyActionNone:
			default:
				return false
			}
		}
	}
	return masked
}
