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
	"vigil/workflows/event"
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
func (NoGuardrail) Check(_ context.Context, _ activities.GuardDirection, text string) (activities.GuardrailResult, error) {
	return activities.GuardrailResult{Text: text, Off: true, Provenance: incident.Provenance{
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

// Check has the guardrail look at text. What goes in (GuardInput) is never
// blocked: an incident must not stand still because its logs hold a password.
// Where the guardrail would block it, the words that it objected to are masked;
// where it names no words, as with a topic, the text stays and Policies says
// what was found.
func (g *Guardrail) Check(ctx context.Context, direction activities.GuardDirection, text string) (activities.GuardrailResult, error) {
	if text == "" {
		return activities.GuardrailResult{}, incident.Errorf(incident.KindInvalid, "bedrock: there is no text to check")
	}
	source := types.GuardrailContentSourceOutput
	if direction == activities.GuardInput {
		source = types.GuardrailContentSourceInput
	}
	var result activities.GuardrailResult
	var unknown bool
	out, p, err := awscall.DoNoted(ctx, g.call, "ApplyGuardrail", "", g.api.ApplyGuardrail, &bedrockruntime.ApplyGuardrailInput{
		GuardrailIdentifier: &g.id, GuardrailVersion: &g.version, Source: source,
		Content: []types.GuardrailContentBlock{&types.GuardrailContentBlockMemberText{Value: types.GuardrailTextBlock{Text: &text}}},
	}, func(out *bedrockruntime.ApplyGuardrailOutput, call *activities.Call) {
		call.Provenance.Usage = g.usage(out.Usage)
		if result, unknown = conclude(direction, text, out); !unknown {
			call.Guarded, call.Policies = outcome(result), result.Policies
		}
	})
	if err != nil {
		return activities.GuardrailResult{}, err
	}
	if unknown {
		return activities.GuardrailResult{}, awscall.Malformed(p, "the guardrail answers with the action %q", out.Action)
	}
	result.Provenance = p
	return result, nil
}

func (g *Guardrail) usage(u *types.GuardrailUsage) *incident.Usage {
	if u == nil {
		return &incident.Usage{}
	}
	return &incident.Usage{TextUnits: units(u), CostMicros: g.prices.check(u)}
}

func outcome(r activities.GuardrailResult) event.GuardrailOutcome {
	switch {
	case r.Blocked:
		return event.GuardrailBlocked
	case r.Changed:
		return event.GuardrailAnonymized
	default:
		return event.GuardrailPassed
	}
}

// conclude says what the answer means for text. unknown: the answer is of a
// kind that this version cannot judge.
func conclude(direction activities.GuardDirection, text string, out *bedrockruntime.ApplyGuardrailOutput) (r activities.GuardrailResult, unknown bool) {
	switch out.Action {
	case types.GuardrailActionNone:
		return activities.GuardrailResult{Text: text}, false
	case types.GuardrailActionGuardrailIntervened:
	default:
		return r, true
	}
	found := assess(out.Assessments)
	r.Policies = found.policies
	var says []string
	for _, o := range out.Outputs {
		if t := aws.ToString(o.Text); t != "" {
			says = append(says, t)
		}
	}
	r.Text = strings.Join(says, "\n")
	switch {
	case r.Text != "" && found.onlyMasked():
	case direction == activities.GuardInput:
		r.Text = found.mask(text)
	default:
		r.Blocked = true
		r.Text = cmp.Or(r.Text, aws.ToString(out.ActionReason), "blocked by the guardrail")
		return r, false
	}
	r.Changed = r.Text != text
	return r, false
}
