package bedrock

import (
	"bytes"
	_ "embed"
	"errors"
	"io"
	"math"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
	"gopkg.in/yaml.v3"

	"vigil/workflows/incident"
)

//go:embed prices.yaml
var shippedPrices []byte

// pico is millionths of a millionth of a US dollar: fine enough that the
// price of one token is a whole number, so that sums are exact.
type pico int64

const picosPerMicro = 1_000_000

// Prices says what calls cost. The zero value knows no price.
type Prices struct {
	asOf      string
	models    map[string]modelPrice
	guardrail map[string]pico // per text unit
}

// modelPrice is per token; nil where that kind of token has no known price.
type modelPrice struct{ input, output, cacheRead, cacheWrite *pico }

// ShippedPrices are the prices that this build was made with.
func ShippedPrices() Prices {
	p, err := ReadPrices(bytes.NewReader(shippedPrices))
	if err != nil {
		panic("bedrock: the embedded prices.yaml: " + err.Error())
	}
	return p
}

// ReadPrices reads a table in the format of prices.yaml.
func ReadPrices(r io.Reader) (Prices, error) {
	var file struct {
		AsOf   string `yaml:"as_of"`
		Models []struct {
			IDs        []string            `yaml:"ids"`
			PerMillion map[string]*float64 `yaml:"usd_per_million_tokens"`
		} `yaml:"models"`
		Guardrail map[string]float64 `yaml:"guardrail_usd_per_1000_text_units"`
	}
	dec := yaml.NewDecoder(r)
	dec.KnownFields(true)
	if err := dec.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return Prices{}, &incident.Error{Kind: incident.KindInvalid, Op: "read prices", Msg: "this is not a price table", Err: err}
	}
	if file.AsOf == "" {
		return Prices{}, incident.Errorf(incident.KindInvalid, "read prices: as_of is missing; say of which day the prices are")
	}
	out := Prices{asOf: file.AsOf, models: map[string]modelPrice{}, guardrail: map[string]pico{}}
	for _, m := range file.Models {
		var price modelPrice
		for kind, usd := range m.PerMillion {
			if usd == nil || *usd < 0 {
				return Prices{}, incident.Errorf(incident.KindInvalid, "read prices: %s of %v is no price; leave it out where it is unknown", kind, m.IDs)
			}
			perToken := pico(math.Round(*usd * 1e6)) // dollars per million = microdollars each
			switch kind {
			case "input":
				price.input = &perToken
			case "output":
				price.output = &perToken
			case "cache_read":
				price.cacheRead = &perToken
			case "cache_write":
				price.cacheWrite = &perToken
			default:
				return Prices{}, incident.Errorf(incident.KindInvalid, "read prices: %q of %v is no kind of token; there are input, output, cache_read, cache_write", kind, m.IDs)
			}
		}
		for _, id := range m.IDs {
			if _, twice := out.models[id]; twice {
				return Prices{}, incident.Errorf(incident.KindInvalid, "read prices: %s has two prices", id)
			}
			out.models[id] = price
		}
	}
	for unit, usd := range file.Guardrail {
		if usd < 0 {
			return Prices{}, incident.Errorf(incident.KindInvalid, "read prices: guardrail unit %s is below zero", unit)
		}
		out.guardrail[unit] = pico(math.Round(usd * 1e9)) // dollars per thousand
	}
	return out, nil
}

// AsOf is the day of the prices.
func (p Prices) AsOf() string { return p.asOf }

// model computes what a call cost, rounded up to a millionth of a dollar;
// nil where any part of it has no known price. A model may be named by the
// ARN of its inference profile or foundation model.
func (p Prices) model(id string, u *types.TokenUsage) *int64 {
	price, ok := p.models[id[strings.LastIndex(id, "/")+1:]]
	if !ok {
		return nil
	}
	return sum(
		part{aws.ToInt32(u.InputTokens), price.input}, part{aws.ToInt32(u.OutputTokens), price.output},
		part{aws.ToInt32(u.CacheReadInputTokens), price.cacheRead}, part{aws.ToInt32(u.CacheWriteInputTokens), price.cacheWrite},
	)
}

// check computes what a guardrail's look cost.
func (p Prices) check(u *types.GuardrailUsage) *int64 {
	unit := func(name string) *pico {
		if v, ok := p.guardrail[name]; ok {
			return &v
		}
		return nil
	}
	return sum(
		part{aws.ToInt32(u.ContentPolicyUnits), unit("content")}, part{aws.ToInt32(u.TopicPolicyUnits), unit("topic")},
		part{aws.ToInt32(u.SensitiveInformationPolicyUnits), unit("sensitive_information")},
		part{aws.ToInt32(u.SensitiveInformationPolicyFreeUnits), unit("sensitive_information_free")},
		part{aws.ToInt32(u.WordPolicyUnits), unit("word")},
		part{aws.ToInt32(u.ContextualGroundingPolicyUnits), unit("contextual_grounding")},
		part{aws.ToInt32(u.ContentPolicyImageUnits), unit("content_image")},
		part{aws.ToInt32(u.AutomatedReasoningPolicyUnits), unit("automated_reasoning")},
	)
}

// units is how many text units the policies of a guardrail looked at together.
// What is not text has no part in it.
func units(u *types.GuardrailUsage) int64 {
	var n int64
	for _, c := range []*int32{u.ContentPolicyUnits, u.TopicPolicyUnits, u.SensitiveInformationPolicyUnits, u.SensitiveInformationPolicyFreeUnits,
		u.WordPolicyUnits, u.ContextualGroundingPolicyUnits, u.AutomatedReasoningPolicyUnits} {
		n += int64(aws.ToInt32(c))
	}
	return n
}

type part struct {
	count int32
	price *pico
}

func sum(parts ...part) *int64 {
	var total pico
	for _, p := range parts {
		if p.count == 0 {
			continue
		}
		if p.price == nil {
			return nil
		}
		total += pico(p.count) * *p.price
	}
	micros := int64((total + picosPerMicro - 1) / picosPerMicro)
	return &micros
}
