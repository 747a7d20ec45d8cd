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
	s := awstest.Serve(t, always(awstest.Stream(append(awstest.TextEvents("end_turn", "x"), awstest.Usage(tokens))...)))
	m := mustModel(t, awstest.Config(s.URL), bedrock.Config{Prices: prices}, nil)
	reply, err := m.Converse(t.Context(), activities.ModelRequest{Model: model, Messages: ask.Messages}, nil)
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
		{"amazon.nova-pro-v1:0", `"inputTokens":10,"outputTokens":1,"cacheWriteInputTokens":1000`, "812"},
		{"amazon.nova-micro-v1:0", `"inputTokens":0,"outputTokens":0,"cacheReadInputTokens":1000000`, "8750"},
		{"us.amazon.nova-2-lite-v1:0", `"inputTokens":10,"outputTokens":1,"cacheReadInputTokens":1`, "unknown"},
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

// TestCostOfAnIncident says what an incident costs at the shipped prices, and
// holds that its parts add up. The counts are those of an incident with twenty
// tool calls, each turn sending the conversation so far.
func TestCostOfAnIncident(t *testing.T) {
	t.Parallel()
	total := int64(0)
	for _, a := range []struct {
		agent, model         string
		turns, input, output int // input and output of one turn, on average
		want                 int64
	}{
		{"detection", "amazon.nova-micro-v1:0", 2, 3_000, 200, 266},
		{"diagnosis", "amazon.nova-pro-v1:0", 8, 9_000, 500, 70_400},
		{"prediction", "amazon.nova-lite-v1:0", 2, 4_000, 300, 624},
		{"resolution", "amazon.nova-pro-v1:0", 2, 6_000, 400, 12_160},
		{"communication", "amazon.nova-lite-v1:0", 2, 3_000, 400, 552},
	} {
		one := costOf(t, nil, a.model, fmt.Sprintf(`"inputTokens":%d,"outputTokens":%d`, a.input, a.output))
		if one == nil {
			t.Fatalf("%s has no price", a.model)
		}
		cost := *one * int64(a.turns)
		total += cost
		if cost != a.want {
			t.Errorf("%s costs %d, want %d", a.agent, cost, a.want)
		}
		t.Logf("%-14s %-24s %2d calls %6d tokens in %5d out  $%.4f", a.agent, a.model, a.turns, a.turns*a.input, a.turns*a.output, float64(cost)/1e6)
	}
	s := awstest.Serve(t, always(awstest.JSON(`{"action":"NONE","outputs":[],"usage":{"topicPolicyUnits":120,"contentPolicyUnits":120,"wordPolicyUnits":0,"sensitiveInformationPolicyUnits":120,"sensitiveInformationPolicyFreeUnits":120,"contextualGroundingPolicyUnits":0}}`)))
	checked, err := mustGuardrail(t, awstest.Config(s.URL), nil).Check(t.Context(), activities.GuardOutput, "x")
	if err != nil {
		t.Fatal(err)
	}
	guard := *checked.Provenance.Usage.CostMicros
	t.Logf("%-14s %-24s 120,000 characters by content, topic and personal data  $%.4f", "guardrail", "", float64(guard)/1e6)
	t.Logf("%-14s $%.4f", "together", float64(total+guard)/1e6)
	if guard != 48_000 || total != 84_002 {
		t.Errorf("guardrail %d and models %d", guard, total)
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
