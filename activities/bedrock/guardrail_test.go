package bedrock_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"vigil/activities"
	"vigil/activities/bedrock"
	"vigil/activities/internal/awstest"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

func mustGuardrail(t *testing.T, cfg aws.Config, rec activities.Recorder) *bedrock.Guardrail {
	t.Helper()
	g, err := bedrock.NewGuardrail(cfg, bedrock.GuardrailConfig{ID: "gr1", Version: "3"}, rec)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestGuardrailConformance(t *testing.T) {
	t.Parallel()
	awstest.Conform(t, awstest.Adapter{
		Service: "bedrock", Operation: "ApplyGuardrail",
		Answers: map[string]awstest.Answer{"ApplyGuardrail": awstest.Snapshot(t, "bedrockruntime", "ApplyGuardrail")},
		Secrets: []string{"password=hunter2"},
		Call: func(ctx context.Context, cfg aws.Config, rec activities.Recorder) error {
			_, err := mustGuardrail(t, cfg, rec).Check(ctx, activities.GuardOutput, "password=hunter2")
			return err
		},
	})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	const usage = `,"usage":{"topicPolicyUnits":1,"contentPolicyUnits":2,"wordPolicyUnits":1,"sensitiveInformationPolicyUnits":1,"sensitiveInformationPolicyFreeUnits":1,"contextualGroundingPolicyUnits":0}`
	for _, c := range []struct {
		name, answer string
		blocked      bool
		text         string
		cost         int64 // -1 unknown
	}{
		{"nothing to say", `{"action":"NONE","outputs":[],"assessments":[]` + usage + `}`, false, "call jane", 550},
		{"masked", `{"action":"GUARDRAIL_INTERVENED","outputs":[{"text":"call {NAME}"}],"assessments":[{"sensitiveInformationPolicy":{"piiEntities":[{"type":"NAME","match":"jane","action":"ANONYMIZED"}],"regexes":[]},"contentPolicy":{"filters":[{"type":"HATE","confidence":"LOW","action":"NONE"}]}}]` + usage + `}`, false, "call {NAME}", 550},
		{"blocked topic", `{"action":"GUARDRAIL_INTERVENED","outputs":[{"text":"I may not say this."}],"assessments":[{"topicPolicy":{"topics":[{"name":"t","type":"DENY","action":"BLOCKED"}]}}]` + usage + `}`, true, "I may not say this.", 550},
		{"masked and blocked", `{"action":"GUARDRAIL_INTERVENED","outputs":[{"text":"no"}],"assessments":[{"sensitiveInformationPolicy":{"piiEntities":[{"type":"NAME","match":"j","action":"ANONYMIZED"}],"regexes":[{"name":"r","action":"BLOCKED"}]}}]` + usage + `}`, true, "no", 550},
		{"blocked word", `{"action":"GUARDRAIL_INTERVENED","outputs":[{"text":"no"}],"assessments":[{"wordPolicy":{"customWords":[{"match":"w","action":"BLOCKED"}],"managedWordLists":[]}}]` + usage + `}`, true, "no", 550},
		{"intervened without saying why", `{"action":"GUARDRAIL_INTERVENED","outputs":[{"text":"no"}],"assessments":[]` + usage + `}`, true, "no", 550},
		{"intervened without a text", `{"action":"GUARDRAIL_INTERVENED","actionReason":"it is bad","outputs":[],"assessments":[]` + usage + `}`, true, "it is bad", 550},
		{"units without a price", `{"action":"NONE","outputs":[],"usage":{"topicPolicyUnits":1,"contentPolicyUnits":0,"wordPolicyUnits":0,"sensitiveInformationPolicyUnits":0,"sensitiveInformationPolicyFreeUnits":0,"contextualGroundingPolicyUnits":0,"automatedReasoningPolicyUnits":1}}`, false, "call jane", -1},
		{"no units", `{"action":"NONE","outputs":[]}`, false, "call jane", -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := awstest.Serve(t, always(awstest.JSON(c.answer)))
			got, err := mustGuardrail(t, awstest.Config(s.URL), nil).Check(t.Context(), activities.GuardOutput, "call jane")
			if err != nil {
				t.Fatal(err)
			}
			if got.Changed != (c.text != "call jane" && !c.blocked) {
				t.Errorf("changed %t", got.Changed)
			}
			if got.Blocked != c.blocked || got.Text != c.text {
				t.Errorf("blocked %t, %q; want %t, %q", got.Blocked, got.Text, c.blocked, c.text)
			}
			if cost := micros(got.Provenance.Usage); cost != c.cost || got.Provenance.Operation != "ApplyGuardrail" {
				t.Errorf("cost %d, want %d; %+v", cost, c.cost, got.Provenance)
			}
			r := s.Requests()[0]
			if r.Path != "/guardrail/gr1/version/3/apply" {
				t.Errorf("path %s", r.Path)
			}
			same(t, r.Body, `{"source":"OUTPUT","content":[{"text":{"text":"call jane"}}]}`)
		})
	}
}

// TestInputIsNeverBlocked: an incident does not stand still because of what
// its logs say.
func TestInputIsNeverBlocked(t *testing.T) {
	t.Parallel()
	const in = "user jane@example.com of jane logged in with hunter2"
	for _, c := range []struct {
		name, assessments, text string
		policies                []string
		outcome                 event.GuardrailOutcome
	}{
		{"words that it blocks are masked, the longer first", `{"sensitiveInformationPolicy":{"piiEntities":[
			{"type":"NAME","match":"jane","action":"ANONYMIZED"},{"type":"EMAIL","match":"jane@example.com","action":"BLOCKED"}],
			"regexes":[{"name":"weak","match":"hunter2","action":"BLOCKED"}]}}`, "user {EMAIL} of {NAME} logged in with {weak}",
			[]string{"pii:EMAIL", "pii:NAME", "regex:weak"}, event.GuardrailAnonymized},
		{"a word", `{"wordPolicy":{"customWords":[{"match":"hunter2","action":"BLOCKED"}],"managedWordLists":[]}}`,
			"user jane@example.com of jane logged in with {WORD}", []string{"word"}, event.GuardrailAnonymized},
		{"an attack has no words", `{"contentPolicy":{"filters":[{"type":"PROMPT_ATTACK","confidence":"HIGH","action":"BLOCKED"}]}}`,
			in, []string{"content"}, event.GuardrailPassed},
		{"nothing said", ``, in, nil, event.GuardrailPassed},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, rec := awstest.Serve(t, always(awstest.JSON(`{"action":"GUARDRAIL_INTERVENED","outputs":[{"text":"I may not say this."}],"assessments":[`+c.assessments+`],
				"usage":{"topicPolicyUnits":1,"contentPolicyUnits":2,"wordPolicyUnits":1,"sensitiveInformationPolicyUnits":1,"sensitiveInformationPolicyFreeUnits":1,"contextualGroundingPolicyUnits":0}}`))), &awstest.Recorder{}
			got, err := mustGuardrail(t, awstest.Config(s.URL), rec).Check(t.Context(), activities.GuardInput, in)
			if err != nil || got.Blocked || got.Text != c.text || got.Changed != (c.text != in) || !slices.Equal(got.Policies, c.policies) {
				t.Errorf("%+v, %v; want %q by %v", got, err, c.text, c.policies)
			}
			if call := rec.Calls()[0]; call.Guarded != c.outcome || call.Provenance.Usage.TextUnits != 6 {
				t.Errorf("recorded %+v", call)
			}
			if !strings.Contains(string(s.Requests()[0].Body), `"source":"INPUT"`) {
				t.Errorf("sent %s", s.Requests()[0].Body)
			}
		})
	}
}

func TestGuardrailRefuses(t *testing.T) {
	t.Parallel()
	if _, err := bedrock.NewGuardrail(awstest.Config("http://127.0.0.1:1"), bedrock.GuardrailConfig{}, nil); incident.KindOf(err) != incident.KindInvalid || err == nil {
		t.Errorf("no id: %v", err)
	}
	s := awstest.Serve(t, always(awstest.JSON(`{"action":"SHRUG","outputs":[]}`)))
	g := mustGuardrail(t, awstest.Config(s.URL), nil)
	if _, err := g.Check(t.Context(), activities.GuardOutput, ""); incident.KindOf(err) != incident.KindInvalid || err == nil {
		t.Errorf("no text: %v", err)
	}
	if _, err := g.Check(t.Context(), activities.GuardOutput, "x"); incident.KindOf(err) != incident.KindInternal || err == nil {
		t.Errorf("an action of tomorrow must not let the text pass: %v", err)
	}
}

func TestNoGuardrailSaysSo(t *testing.T) {
	t.Parallel()
	got, err := bedrock.NoGuardrail{}.Check(t.Context(), activities.GuardOutput, "x")
	if err != nil || got.Blocked || got.Text != "x" || got.Provenance.Operation != "no guardrail is configured" || !got.Provenance.Origin.Valid() {
		t.Errorf("%+v, %v", got, err)
	}
}
