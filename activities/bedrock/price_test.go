package bedrock_test

import (
	"fmt"
	"strings"
	"testing"

	"vigil/activities"
	"vigil/activities/bedrock"
	"vigil/activities/internal/awstest"
	"vigil/workflows/incident"
)

// costOf is what a call of model costs that used tokens, as the wire says it.
func costOf(t *testing.T, prices *bedrock.Prices, model, tokens string) *int64 {
	t.Helper()
	s := awstest.Serve(t, always(awstest.JSON(`{"output":{"message":{"role":"assistant","content":[{"text":"x"}]}},"stopReason":"end_turn","usage":{`+tokens+`}}`)))
	m := mustModel(t, awstest.Config(s.URL), bedrock.Config{Prices: prices, Models: map[activities.Purpose]string{activities.PurposePlan: model}}, nil)
	reply, err := m.Converse(t.Context(), activities.ModelRequest{Purpose: activities.PurposePlan, Messages: ask.Messages})
	if err != nil {
		t.Fatal(err)
	}
	return reply.Provenance.Usage.CostMicros
}

func TestCost(t *testing.T) {
	t.Parallel()
	const million = `"inputTokens":1000000,"outputTokens":1000000`
	for _, c := range []struct {
		model, tokens, want string // want in millionths of a dollar
	}{
		{"amazon.nova-micro-v1:0", million, "175000"},
		{"amazon.nova-lite-v1:0", million, "300000"},
		{"amazon.nova-pro-v1:0", million, "4000000"},
		{"eu.amazon.nova-pro-v1:0", million, "4000000"},
		{"arn:aws:bedrock:us-east-1:000000000000:inference-profile/us.amazon.nova-pro-v1:0", million, "4000000"},
		{"us.amazon.nova-2-lite-v1:0", million, "3080000"},
		{"amazon.nova-pro-v1:0", `"inputTokens":1,"outputTokens":0`, "1"}, // 0.8, rounded up
		{"amazon.nova-micro-v1:0", `"inputTokens":1000,"outputTokens":0`, "35"},
		{"amazon.nova-pro-v1:0", `"inputTokens":0,"outputTokens":0,"cacheReadInputTokens":1000`, "200"},
		{"amazon.nova-pro-v1:0", `"inputTokens":10,"outputTokens":1,"cacheWriteInputTokens":1000`, "unknown"},
		{"amazon.nova-micro-v1:0", `"inputTokens":10,"outputTokens":1,"cacheReadInputTokens":1`, "unknown"},
		{"someone.else-v1:0", million, "unknown"},
		{"arn:aws:bedrock:us-east-1:000000000000:application-inference-profile/a1b2c3", million, "unknown"},
		{"global.amazon.nova-pro-v1:0", million, "unknown"},
	} {
		got := "unknown"
		if cost := costOf(t, nil, c.model, c.tokens); cost != nil {
			got = fmt.Sprint(*cost)
		}
		if got != c.want {
			t.Errorf("%s for %s costs %s, want %s", c.model, c.tokens, got, c.want)
		}
	}
}

func TestOwnPrices(t *testing.T) {
	t.Parallel()
	p, err := bedrock.ReadPrices(strings.NewReader("as_of: 2027-01-01\nmodels: [{ids: [mine], usd_per_million_tokens: {input: 1, output: 2, cache_write: 4}}]"))
	if err != nil {
		t.Fatal(err)
	}
	if p.AsOf() != "2027-01-01" {
		t.Errorf("as of %s", p.AsOf())
	}
	if got := costOf(t, &p, "mine", `"inputTokens":3,"outputTokens":3,"cacheWriteInputTokens":1`); got == nil || *got != 13 {
		t.Errorf("cost %v, want 13", got)
	}
	if got := costOf(t, &p, "amazon.nova-pro-v1:0", `"inputTokens":3,"outputTokens":3`); got != nil {
		t.Errorf("cost %d of a model that the table does not know", *got)
	}
}

func TestReadPricesRefuses(t *testing.T) {
	t.Parallel()
	for name, table := range map[string]string{
		"no date":       "models: []",
		"empty":         "",
		"typing error":  "as_of: x\nmodells: []",
		"negative":      "as_of: x\nmodels: [{ids: [a], usd_per_million_tokens: {input: -1}}]",
		"no number":     "as_of: x\nmodels: [{ids: [a], usd_per_million_tokens: {input: cheap}}]",
		"null":          "as_of: x\nmodels: [{ids: [a], usd_per_million_tokens: {input: }}]",
		"unknown token": "as_of: x\nmodels: [{ids: [a], usd_per_million_tokens: {image: 1}}]",
		"two prices":    "as_of: x\nmodels: [{ids: [a, a]}]",
		"guardrail":     "as_of: x\nguardrail_usd_per_1000_text_units: {content: -1}",
	} {
		if _, err := bedrock.ReadPrices(strings.NewReader(table)); err == nil || incident.KindOf(err) != incident.KindInvalid {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
}
