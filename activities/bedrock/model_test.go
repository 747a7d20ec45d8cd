package bedrock_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"vigil/activities"
	"vigil/activities/bedrock"
	"vigil/activities/internal/awstest"
	"vigil/workflows/incident"
)

const pro = "amazon.nova-pro-v1:0"

// said is an answer of a model that stopped for reason, with blocks as content.
func said(reason, blocks string) awstest.Answer {
	return awstest.JSON(`{"output":{"message":{"role":"assistant","content":[` + blocks + `]}},"stopReason":"` + reason +
		`","usage":{"inputTokens":1000,"outputTokens":100,"totalTokens":1100},"metrics":{"latencyMs":3}}`)
}

func always(a awstest.Answer) func(string, *http.Request, []byte) awstest.Answer {
	return func(string, *http.Request, []byte) awstest.Answer { return a }
}

func mustModel(t testing.TB, cfg aws.Config, c bedrock.Config, rec activities.Recorder) *bedrock.Model {
	t.Helper()
	m, err := bedrock.New(cfg, c, rec)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var ask = activities.ModelRequest{Purpose: activities.PurposeDiagnose, System: "be brief",
	Messages: []activities.Message{{Role: "user", Text: "why? password=hunter2 jane@example.com"}}}

func TestModelConformance(t *testing.T) {
	t.Parallel()
	awstest.Conform(t, awstest.Adapter{
		Service: "bedrock", Operation: "Converse", Model: pro,
		Answers: map[string]awstest.Answer{"Converse": awstest.Snapshot(t, "bedrockruntime", "Converse")},
		Secrets: []string{"password=hunter2", "jane@example.com"},
		Call: func(ctx context.Context, cfg aws.Config, rec activities.Recorder) error {
			_, err := mustModel(t, cfg, bedrock.Config{}, rec).Converse(ctx, ask)
			return err
		},
	})
}

// TestRequest holds the whole wire request of a conversation with tools.
func TestRequest(t *testing.T) {
	t.Parallel()
	s := awstest.Serve(t, always(said("end_turn", `{"text":"ok"}`)))
	m := mustModel(t, awstest.Config(s.URL), bedrock.Config{MaxTokens: 500, Models: map[activities.Purpose]string{
		activities.PurposeDiagnose: "arn:aws:bedrock:us-east-1:000000000000:inference-profile/us.amazon.nova-pro-v1:0"}}, nil)
	_, err := m.Converse(t.Context(), activities.ModelRequest{
		Purpose: activities.PurposeDiagnose, System: "be brief",
		Tools: []activities.Tool{{Name: "query_metrics", Description: "reads", Schema: json.RawMessage(`{"type":"object","properties":{"n":{"minimum":0.10,"maximum":12345678901234567890}}}`)}},
		Messages: []activities.Message{
			{Role: "user", Text: "why?"},
			{Role: "assistant", Text: "I look.", Calls: []activities.ToolRequest{
				{ID: "t1", Name: "query_metrics", Input: json.RawMessage(`{"service":"checkout","n":1.50,"x":[null,true,"<b>"]}`)},
				{ID: "t2", Name: "service_graph"}}},
			{Role: "user", Text: "and now?", Results: []activities.ToolOutput{{ID: "t1", Text: "high"}, {ID: "t2", Text: "gone", Error: true}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := s.Requests()[0]
	if want := "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A000000000000%3Ainference-profile%2Fus.amazon.nova-pro-v1%3A0/converse"; r.Path != want {
		t.Errorf("path %s, want %s", r.Path, want)
	}
	same(t, r.Body, `{
		"inferenceConfig":{"maxTokens":500,"temperature":0},
		"system":[{"text":"be brief"}],
		"toolConfig":{"tools":[{"toolSpec":{"name":"query_metrics","description":"reads","inputSchema":{"json":{"type":"object","properties":{"n":{"minimum":0.10,"maximum":12345678901234567890}}}}}}]},
		"messages":[
			{"role":"user","content":[{"text":"why?"}]},
			{"role":"assistant","content":[{"text":"I look."},
				{"toolUse":{"toolUseId":"t1","name":"query_metrics","input":{"service":"checkout","n":1.50,"x":[null,true,"<b>"]}}},
				{"toolUse":{"toolUseId":"t2","name":"service_graph","input":{}}}]},
			{"role":"user","content":[
				{"toolResult":{"toolUseId":"t1","status":"success","content":[{"text":"high"}]}},
				{"toolResult":{"toolUseId":"t2","status":"error","content":[{"text":"gone"}]}},
				{"text":"and now?"}]}]}`)
}

// same compares JSON with the digits of its numbers.
func same(t *testing.T, got []byte, want string) {
	t.Helper()
	decode := func(raw []byte) any {
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.UseNumber()
		var v any
		if err := dec.Decode(&v); err != nil {
			t.Fatalf("%v in %s", err, raw)
		}
		return v
	}
	if !reflect.DeepEqual(decode(got), decode([]byte(want))) {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestReply(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		answer awstest.Answer
		want   activities.ModelReply
	}{
		{"text", said("end_turn", `{"text":"one"},{"text":"two"}`), activities.ModelReply{Text: "one\ntwo", StopReason: "end_turn"}},
		{"tool calls keep their digits", said("tool_use", `{"text":"I look."},{"toolUse":{"toolUseId":"t1","name":"query_metrics","input":{"b":1.50,"a":12345678901234567890}}},{"toolUse":{"toolUseId":"t2","name":"service_graph","input":{}}}`),
			activities.ModelReply{Text: "I look.", StopReason: "tool_use", Calls: []activities.ToolRequest{
				{ID: "t1", Name: "query_metrics", Input: json.RawMessage(`{"a":12345678901234567890,"b":1.50}`)}, {ID: "t2", Name: "service_graph", Input: json.RawMessage(`{}`)}}}},
		{"reasoning is not shown", said("end_turn", `{"reasoningContent":{"reasoningText":{"text":"hm"}}},{"text":"so"}`), activities.ModelReply{Text: "so", StopReason: "end_turn"}},
		{"cut off", said("max_tokens", `{"text":"so far"}`), activities.ModelReply{Text: "so far", StopReason: "max_tokens"}},
		{"filtered", said("content_filtered", ``), activities.ModelReply{StopReason: "content_filtered"}},
		{"a stop reason of tomorrow", said("tea_time", `{"text":"later"}`), activities.ModelReply{Text: "later", StopReason: "tea_time"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := awstest.Serve(t, always(c.answer))
			got, err := mustModel(t, awstest.Config(s.URL), bedrock.Config{}, nil).Converse(t.Context(), ask)
			if err != nil {
				t.Fatal(err)
			}
			p := got.Provenance
			if p.Model != pro || p.Origin != incident.OriginLive || p.Usage == nil || p.Usage.InputTokens != 1000 || p.Usage.OutputTokens != 100 || p.Usage.CostMicros == nil || *p.Usage.CostMicros != 1120 {
				t.Errorf("provenance %+v, usage %+v", p, p.Usage)
			}
			got.Provenance = incident.Provenance{}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("\n got %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestMalformedReplies(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]awstest.Answer{
		"empty":                      awstest.JSON(`{}`),
		"no message":                 awstest.JSON(`{"output":{},"stopReason":"end_turn"}`),
		"a message of tomorrow":      awstest.JSON(`{"output":{"poem":{}},"stopReason":"end_turn"}`),
		"no stop reason":             awstest.JSON(`{"output":{"message":{"role":"assistant","content":[{"text":"x"}]}}}`),
		"a block of tomorrow":        said("end_turn", `{"smell":{"of":"roses"}}`),
		"an image":                   said("end_turn", `{"image":{"format":"png","source":{"bytes":"aGk="}}}`),
		"tool use without a tool":    said("tool_use", `{"text":"I would call"}`),
		"a tool call without an id":  said("tool_use", `{"toolUse":{"name":"x","input":{}}}`),
		"malformed by its own words": said("malformed_tool_use", `{"text":"x"}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, rec := awstest.Serve(t, always(answer)), &awstest.Recorder{}
			reply, err := mustModel(t, awstest.Config(s.URL), bedrock.Config{}, rec).Converse(t.Context(), ask)
			if err == nil || incident.KindOf(err) != incident.KindInternal || !strings.Contains(err.Error(), "bedrock Converse "+pro) {
				t.Errorf("%+v, %v; want an internal error that names the call", reply, err)
			}
			if c := rec.Calls(); len(c) != 1 || c[0].Failed != "" || c[0].Provenance.Usage == nil {
				t.Errorf("recorded %+v: what was paid for counts, whatever it is worth", c)
			}
		})
	}
}

func TestRequestsThatCannotBe(t *testing.T) {
	t.Parallel()
	user := []activities.Message{{Role: "user", Text: "x"}}
	for name, r := range map[string]activities.ModelRequest{
		"purpose": {Purpose: "poetry", Messages: user},
		"nothing": {Purpose: activities.PurposePlan},
		"role":    {Purpose: activities.PurposePlan, Messages: []activities.Message{{Role: "system", Text: "x"}}},
		"empty":   {Purpose: activities.PurposePlan, Messages: []activities.Message{{Role: "user"}}},
		"schema":  {Purpose: activities.PurposePlan, Messages: user, Tools: []activities.Tool{{Name: "x", Schema: json.RawMessage(`{`)}}},
		"input": {Purpose: activities.PurposePlan, Messages: []activities.Message{{Role: "assistant", Calls: []activities.ToolRequest{
			{ID: "1", Name: "x", Input: json.RawMessage(`{} {}`)}}}}},
		"unnamed key": {Purpose: activities.PurposePlan, Messages: []activities.Message{{Role: "assistant", Calls: []activities.ToolRequest{
			{ID: "1", Name: "x", Input: json.RawMessage(`{"":1}`)}}}}},
	} {
		s := awstest.Serve(t, always(said("end_turn", `{"text":"ok"}`)))
		_, err := mustModel(t, awstest.Config(s.URL), bedrock.Config{}, nil).Converse(t.Context(), r)
		if err == nil || incident.KindOf(err) != incident.KindInvalid || len(s.Requests()) != 0 {
			t.Errorf("%s: %v after %d requests, want invalid and none", name, err, len(s.Requests()))
		}
	}
}

func TestEveryPurposeHasAModel(t *testing.T) {
	t.Parallel()
	for _, p := range []activities.Purpose{activities.PurposeClassify, activities.PurposeForecast, activities.PurposeDiagnose, activities.PurposePlan, activities.PurposeCommunicate} {
		s := awstest.Serve(t, always(said("end_turn", `{"text":"ok"}`)))
		reply, err := mustModel(t, awstest.Config(s.URL), bedrock.Config{}, nil).Converse(t.Context(), activities.ModelRequest{Purpose: p, Messages: ask.Messages})
		if err != nil || reply.Provenance.Model != bedrock.DefaultModels[p] || reply.Provenance.Usage.CostMicros == nil {
			t.Errorf("%s: %+v, %v; want %s at a known price", p, reply.Provenance, err, bedrock.DefaultModels[p])
		}
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]bedrock.Config{
		"purpose":     {Models: map[activities.Purpose]string{"poetry": "m"}},
		"empty model": {Models: map[activities.Purpose]string{activities.PurposePlan: ""}},
		"tokens":      {MaxTokens: -1},
		"temperature": {Temperature: 1.5},
	} {
		if _, err := bedrock.New(awstest.Config("http://127.0.0.1:1"), c, nil); incident.KindOf(err) != incident.KindInvalid || err == nil {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
}

// FuzzToolInput: whatever JSON a workflow or a model puts into a tool call
// arrives as the same JSON, or the request is refused.
func FuzzToolInput(f *testing.F) {
	f.Add(`{"service":"checkout","n":1.50}`)
	f.Add(`{"a":[1e400,-0,0.1,null,{"b":"\u2028<>&\ud800"}]}`)
	f.Add(`"text"`)
	s := awstest.Serve(f, func(_ string, _ *http.Request, body []byte) awstest.Answer {
		var in struct {
			Messages []struct {
				Content []struct {
					ToolUse struct{ Input json.RawMessage }
				}
			}
		}
		if err := json.Unmarshal(body, &in); err != nil {
			return awstest.Answer{Status: 400}
		}
		return said("tool_use", `{"toolUse":{"toolUseId":"t","name":"echo","input":`+string(in.Messages[0].Content[0].ToolUse.Input)+`}}`)
	})
	m := mustModel(f, awstest.Config(s.URL), bedrock.Config{}, nil)
	f.Fuzz(func(t *testing.T, input string) {
		reply, err := m.Converse(t.Context(), activities.ModelRequest{Purpose: activities.PurposePlan, Messages: []activities.Message{
			{Role: "assistant", Calls: []activities.ToolRequest{{ID: "t", Name: "echo", Input: json.RawMessage(input)}}}}})
		if !json.Valid([]byte(input)) {
			if err == nil && input != "" {
				t.Errorf("%q went through", input)
			}
			return
		}
		if err != nil {
			if incident.KindOf(err) != incident.KindInvalid {
				t.Errorf("%q: %v", input, err)
			}
			return
		}
		same(t, reply.Calls[0].Input, input)
	})
}
