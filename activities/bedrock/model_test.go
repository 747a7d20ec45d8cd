package bedrock_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"

	"vigil/activities"
	"vigil/activities/bedrock"
	"vigil/activities/internal/awstest"
	"vigil/workflows/incident"
)

const pro = "amazon.nova-pro-v1:0"

const used = `"inputTokens":1000,"outputTokens":100,"totalTokens":1100`

// said is an answer of a model that stopped for reason, having said pieces.
func said(reason string, pieces ...string) awstest.Answer {
	return awstest.Stream(append(awstest.TextEvents(reason, pieces...), awstest.Usage(used))...)
}

// stream is an answer of the events that lines name: a type, a blank and JSON.
func stream(lines ...string) awstest.Answer {
	var events []awstest.Event
	for _, l := range lines {
		kind, data, _ := strings.Cut(l, " ")
		events = append(events, awstest.Event{Type: kind, JSON: data})
	}
	return awstest.Stream(events...)
}

const (
	metadata = `metadata {"usage":{` + used + `},"metrics":{"latencyMs":3}}`
	endTurn  = `messageStop {"stopReason":"end_turn"}`
	toolUse  = `messageStop {"stopReason":"tool_use"}`
)

func text(index int, piece string) string {
	return fmt.Sprintf(`contentBlockDelta {"contentBlockIndex":%d,"delta":{"text":%q}}`, index, piece)
}

func tool(index int, id, name string) string {
	return fmt.Sprintf(`contentBlockStart {"contentBlockIndex":%d,"start":{"toolUse":{"toolUseId":%q,"name":%q}}}`, index, id, name)
}

func input(index int, piece string) string {
	return fmt.Sprintf(`contentBlockDelta {"contentBlockIndex":%d,"delta":{"toolUse":{"input":%q}}}`, index, piece)
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

var ask = activities.ModelRequest{Model: pro, Purpose: activities.PurposeDiagnose, System: "be brief",
	Messages: []activities.Message{{Role: "user", Text: "why? password=hunter2 jane@example.com"}}}

func TestModelConformance(t *testing.T) {
	t.Parallel()
	awstest.Conform(t, awstest.Adapter{
		Service: "bedrock", Operation: "ConverseStream", Model: pro,
		Answers: map[string]awstest.Answer{"ConverseStream": said("end_turn", "ok")},
		Secrets: []string{"password=hunter2", "jane@example.com"},
		Call: func(ctx context.Context, cfg aws.Config, rec activities.Recorder) error {
			_, err := mustModel(t, cfg, bedrock.Config{}, rec).Converse(ctx, ask, nil)
			return err
		},
	})
}

// TestRequest holds the whole wire request of a conversation with tools.
func TestRequest(t *testing.T) {
	t.Parallel()
	s := awstest.Serve(t, always(said("end_turn", "ok")))
	m := mustModel(t, awstest.Config(s.URL), bedrock.Config{MaxTokens: 500}, nil)
	_, err := m.Converse(t.Context(), activities.ModelRequest{
		IncidentID: "inc*1", Agent: incident.AgentDiagnosis, Turn: 2,
		Model:   "arn:aws:bedrock:us-east-1:000000000000:inference-profile/us.amazon.nova-pro-v1:0",
		Purpose: activities.PurposeDiagnose, System: "be brief",
		Tools: []activities.Tool{{Name: "query_metrics", Description: "reads", Schema: json.RawMessage(`{"type":"object","properties":{"n":{"minimum":0.10,"maximum":12345678901234567890}}}`)}},
		Messages: []activities.Message{
			{Role: "user", Text: "why?"},
			{Role: "assistant", Text: "I look.", Calls: []activities.ToolRequest{
				{ID: "t1", Name: "query_metrics", Input: json.RawMessage(`{"service":"checkout","n":1.50,"x":[null,true,"<b>"]}`)},
				{ID: "t2", Name: "service_graph"}}},
			{Role: "user", Text: "and now?", Results: []activities.ToolOutput{{ID: "t1", Text: "high"}, {ID: "t2", Text: "gone", Error: true}}},
		},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := s.Requests()[0]
	if want := "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A000000000000%3Ainference-profile%2Fus.amazon.nova-pro-v1%3A0/converse-stream"; r.Path != want {
		t.Errorf("path %s, want %s", r.Path, want)
	}
	same(t, r.Body, `{
		"inferenceConfig":{"maxTokens":500,"temperature":0},
		"requestMetadata":{"incident":"inc_1","agent":"diagnosis","turn":"2"},
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
		pieces []string
		want   activities.ModelReply
	}{
		{"text in pieces", said("end_turn", "one ", "two"), []string{"one ", "two"}, activities.ModelReply{Text: "one two", StopReason: "end_turn"}},
		{"two blocks", stream(text(0, "one"), text(1, "two"), endTurn, metadata), []string{"one", "\n", "two"},
			activities.ModelReply{Text: "one\ntwo", StopReason: "end_turn"}},
		{"tool calls keep their digits", stream(text(0, "I look."),
			tool(1, "t1", "query_metrics"), input(1, `{"b":1.5`), input(1, `0,"a":123456789`), input(1, `01234567890}`),
			tool(2, "t2", "service_graph"), toolUse, metadata), []string{"I look."},
			activities.ModelReply{Text: "I look.", StopReason: "tool_use", Calls: []activities.ToolRequest{
				{ID: "t1", Name: "query_metrics", Input: json.RawMessage(`{"b":1.50,"a":12345678901234567890}`)}, {ID: "t2", Name: "service_graph", Input: json.RawMessage(`{}`)}}}},
		{"reasoning is not shown", stream(`contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"hm"}}}`, text(1, "so"), endTurn, metadata),
			[]string{"so"}, activities.ModelReply{Text: "so", StopReason: "end_turn"}},
		{"an event of tomorrow", stream(`weather {"sun":true}`, text(0, "so"), endTurn, metadata), []string{"so"}, activities.ModelReply{Text: "so", StopReason: "end_turn"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := awstest.Serve(t, always(c.answer))
			var pieces []string
			got, err := mustModel(t, awstest.Config(s.URL), bedrock.Config{}, nil).Converse(t.Context(), ask, func(p string) { pieces = append(pieces, p) })
			if err != nil {
				t.Fatal(err)
			}
			p := got.Provenance
			if p.Model != pro || p.Operation != "ConverseStream" || p.RequestID != awstest.RequestID || p.LatencyMS < 1 || p.Origin != incident.OriginLive ||
				p.Usage == nil || p.Usage.InputTokens != 1000 || p.Usage.OutputTokens != 100 || p.Usage.CostMicros == nil || *p.Usage.CostMicros != 1120 {
				t.Errorf("provenance %+v, usage %+v", p, p.Usage)
			}
			if got.PromptHash != activities.PromptHash(ask) || len(got.PromptHash) != 64 {
				t.Errorf("prompt hash %q", got.PromptHash)
			}
			got.Provenance, got.PromptHash = incident.Provenance{}, ""
			if !reflect.DeepEqual(got, c.want) || !slices.Equal(pieces, c.pieces) {
				t.Errorf("\n got %+v in %q\nwant %+v in %q", got, pieces, c.want, c.pieces)
			}
		})
	}
}

// TestPiecesAsTheyCome: a piece is handed on while the model still talks.
func TestPiecesAsTheyCome(t *testing.T) {
	t.Parallel()
	heard := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
		events := append(awstest.TextEvents("end_turn", "one", "two"), awstest.Usage(used))
		for i, e := range events {
			if i == 2 {
				<-heard // the second piece goes out once the first was heard
			}
			if _, err := w.Write(e.Frame()); err != nil {
				t.Error(err)
			}
			w.(http.Flusher).Flush()
		}
	}))
	defer srv.Close()
	var once sync.Once
	got, err := mustModel(t, awstest.Config(srv.URL), bedrock.Config{}, nil).Converse(t.Context(), ask, func(string) { once.Do(func() { close(heard) }) })
	if err != nil || got.Text != "onetwo" {
		t.Errorf("%q, %v", got.Text, err)
	}
}

// TestUnusableAnswers: each is an error of a kind that says what to do, it
// keeps what was paid, and no part of the answer is returned.
func TestUnusableAnswers(t *testing.T) {
	t.Parallel()
	cut := said("end_turn", "so far", "so good")
	cut.Body = cut.Body[:len(cut.Body)*2/3]
	flipped := said("end_turn", "so far", "so good")
	flipped.Body = slices.Clone(flipped.Body)
	flipped.Body[len(flipped.Body)/2] ^= 0xff
	long := strings.Repeat("x", 100_000)
	for _, c := range []struct {
		name   string
		answer awstest.Answer
		kind   incident.Kind
		says   string
		paid   int64 // micros; -1 unknown
		failed bool  // the call itself, as the service's fault
	}{
		{"throttled in the middle", stream(text(0, "so far"), `throttlingException {"message":"slow down"}`), incident.KindThrottled, "ThrottlingException", -1, true},
		{"the model failed in the middle", stream(text(0, "so far"), `modelStreamErrorException {"message":"oh","originalStatusCode":500}`), incident.KindUnavailable, "ModelStreamErrorException", -1, true},
		{"server error in the middle", stream(text(0, "so far"), `internalServerException {"message":"oh"}`), incident.KindUnavailable, "InternalServerException", -1, true},
		{"unavailable in the middle", stream(text(0, "so far"), `serviceUnavailableException {"message":"oh"}`), incident.KindUnavailable, "ServiceUnavailableException", -1, true},
		{"invalid in the middle", stream(text(0, "so far"), `validationException {"message":"oh"}`), incident.KindInvalid, "ValidationException", -1, true},
		{"an exception of tomorrow", stream(text(0, "so far"), `teaTimeException {"message":"oh"}`), incident.KindInternal, "", -1, true},
		{"cut within a frame", cut, incident.KindUnavailable, "broke off", -1, true},
		{"a frame with a wrong checksum", flipped, incident.KindInternal, "cannot be read", -1, true},
		{"nothing at all", awstest.Stream(), incident.KindUnavailable, "broke off", -1, true},
		{"no end", stream(text(0, "so far")), incident.KindUnavailable, "broke off", -1, true},
		{"no end, but counts", stream(text(0, "so far"), metadata), incident.KindUnavailable, "broke off", 1120, true},
		{"cut off by the limit", said("max_tokens", "so far"), incident.KindInvalid, "cut off at the limit", 1120, false},
		{"filtered", said("content_filtered", "so far"), incident.KindDenied, "withheld", 1120, false},
		{"stopped by a guardrail", said("guardrail_intervened", "no"), incident.KindDenied, "withheld", 1120, false},
		{"malformed output", said("malformed_model_output", "{"), incident.KindInvalid, "malformed", 1120, false},
		{"malformed tool use", said("malformed_tool_use", "x"), incident.KindInvalid, "malformed", 1120, false},
		{"too long a conversation", said("model_context_window_exceeded", "x"), incident.KindInvalid, "longer than the model can read", 1120, false},
		{"a stop reason of tomorrow", said("tea_time", "later"), incident.KindInvalid, "tea_time", 1120, false},
		{"an empty answer", said("end_turn"), incident.KindInvalid, "empty", 1120, false},
		{"blanks", said("end_turn", " \n"), incident.KindInvalid, "empty", 1120, false},
		{"a block of tomorrow", stream(`contentBlockDelta {"contentBlockIndex":0,"delta":{"smell":{"of":"roses"}}}`, endTurn, metadata), incident.KindInvalid, "neither text nor a tool call", -1, true},
		{"an image", stream(`contentBlockStart {"contentBlockIndex":0,"start":{"image":{"format":"png"}}}`, endTurn, metadata), incident.KindInvalid, "neither text nor a tool call", -1, true},
		{"tool use without a tool", said("tool_use", "I would call"), incident.KindInvalid, "names none", 1120, false},
		{"a tool call without an id", stream(tool(0, "", "x"), toolUse, metadata), incident.KindInvalid, "no id", 1120, false},
		{"a piece of no tool call", stream(text(0, "x"), input(0, "{}"), toolUse, metadata), incident.KindInvalid, "belongs to no tool call", -1, true},
		{"input that is not JSON", stream(tool(0, "t1", "query_metrics"), input(0, `{"service":"check`), toolUse, metadata), incident.KindInvalid, "query_metrics is not a JSON object", 1120, false},
		{"input that is NaN", stream(tool(0, "t1", "query_metrics"), input(0, `{"n":NaN}`), toolUse, metadata), incident.KindInvalid, "not a JSON object", 1120, false},
		{"input that is no object", stream(tool(0, "t1", "query_metrics"), input(0, `["checkout"]`), toolUse, metadata), incident.KindInvalid, "not a JSON object", 1120, false},
		{"no end to it", said("end_turn", long, long, long, long, long, long, long, long, long, long, long), incident.KindInvalid, "longer than", -1, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, rec := awstest.Serve(t, always(c.answer)), &awstest.Recorder{}
			reply, err := mustModel(t, awstest.Config(s.URL), bedrock.Config{}, rec).Converse(t.Context(), ask, func(string) {})
			if err == nil || incident.KindOf(err) != c.kind || !strings.Contains(err.Error(), "bedrock ConverseStream "+pro) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v; want %s that names the call and says %q", err, c.kind, c.says)
			}
			if !reflect.DeepEqual(reply, activities.ModelReply{}) {
				t.Errorf("returned %+v of an answer that cannot be used", reply)
			}
			var paid *activities.PaidError
			if !errors.As(err, &paid) || paid.Provenance.Usage == nil || micros(paid.Provenance.Usage) != c.paid || paid.Provenance.Origin != incident.OriginLive {
				t.Errorf("what was paid: %+v", paid)
			}
			calls := rec.Calls()
			if len(calls) != 1 || (calls[0].Failed != "") != c.failed || calls[0].Provenance.Usage == nil || micros(calls[0].Provenance.Usage) != c.paid {
				t.Errorf("recorded %+v: what was paid for counts, whatever it is worth", calls)
			}
		})
	}
}

func micros(u *incident.Usage) int64 {
	if u.CostMicros == nil {
		return -1
	}
	return *u.CostMicros
}

// TestNoCounts: an answer that is whole but for its counts is an answer; what
// it cost is unknown.
func TestNoCounts(t *testing.T) {
	t.Parallel()
	s := awstest.Serve(t, always(awstest.Stream(awstest.TextEvents("end_turn", "ok")...)))
	got, err := mustModel(t, awstest.Config(s.URL), bedrock.Config{}, nil).Converse(t.Context(), ask, nil)
	if err != nil || got.Text != "ok" || got.Provenance.Usage == nil || got.Provenance.Usage.CostMicros != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestCachePoint: what each turn sends again is marked where the model keeps
// it and it is long enough to be kept.
func TestCachePoint(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("word ", 1200)
	tools := []activities.Tool{{Name: "service_graph", Schema: json.RawMessage(`{}`)}}
	const mark = `{"cachePoint":{"type":"default"}}`
	for _, c := range []struct {
		model, system, prompt string
		tools                 []activities.Tool
		inSystem, inPrompt    bool
	}{
		{pro, long, "why?", nil, true, false}, {"eu.amazon.nova-micro-v1:0", long, "why?", nil, true, false},
		{"arn:aws:bedrock:us-east-1:000000000000:inference-profile/us.amazon.nova-lite-v1:0", long, "why?", nil, true, false},
		{pro, "short", "why?", tools, false, false}, {"us.amazon.nova-2-lite-v1:0", long, long, tools, false, false}, {"someone.else-v1:0", long, long, tools, false, false},
		{pro, "short", long, tools, false, true}, {pro, "short", long, nil, false, false}, {pro, long, "why?", tools, true, true},
	} {
		s := awstest.Serve(t, always(awstest.Stream(append(awstest.TextEvents("end_turn", "ok"),
			awstest.Usage(`"inputTokens":10,"outputTokens":1,"cacheReadInputTokens":2000,"cacheWriteInputTokens":0`))...)))
		r := activities.ModelRequest{Model: c.model, System: c.system, Tools: c.tools, Messages: []activities.Message{{Role: "user", Text: c.prompt}}}
		got, err := mustModel(t, awstest.Config(s.URL), bedrock.Config{}, nil).Converse(t.Context(), r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if u := got.Provenance.Usage; u.InputTokens != 2010 || u.CacheTokens != 2000 {
			t.Errorf("usage %+v: what came from the cache is input too", u)
		}
		var sent struct {
			System   []json.RawMessage
			Messages []struct{ Content []json.RawMessage }
		}
		if err := json.Unmarshal(s.Requests()[0].Body, &sent); err != nil {
			t.Fatal(err)
		}
		last := func(blocks []json.RawMessage) bool { return string(blocks[len(blocks)-1]) == mark }
		if last(sent.System) != c.inSystem || last(sent.Messages[0].Content) != c.inPrompt {
			t.Errorf("%s, %d bytes of system, %d of prompt, %d tools: marked %t and %t", c.model, len(c.system), len(c.prompt), len(c.tools),
				last(sent.System), last(sent.Messages[0].Content))
		}
	}
}

func TestRequestsThatCannotBe(t *testing.T) {
	t.Parallel()
	user := []activities.Message{{Role: "user", Text: "x"}}
	for name, r := range map[string]activities.ModelRequest{
		"model":   {Purpose: activities.PurposePlan, Messages: user},
		"nothing": {Model: pro},
		"role":    {Model: pro, Messages: []activities.Message{{Role: "system", Text: "x"}}},
		"empty":   {Model: pro, Messages: []activities.Message{{Role: "user"}}},
		"schema":  {Model: pro, Messages: user, Tools: []activities.Tool{{Name: "x", Schema: json.RawMessage(`{`)}}},
		"input": {Model: pro, Messages: []activities.Message{{Role: "assistant", Calls: []activities.ToolRequest{
			{ID: "1", Name: "x", Input: json.RawMessage(`{} {}`)}}}}},
		"unnamed key": {Model: pro, Messages: []activities.Message{{Role: "assistant", Calls: []activities.ToolRequest{
			{ID: "1", Name: "x", Input: json.RawMessage(`{"":1}`)}}}}},
	} {
		s := awstest.Serve(t, always(said("end_turn", "ok")))
		_, err := mustModel(t, awstest.Config(s.URL), bedrock.Config{}, nil).Converse(t.Context(), r, nil)
		if err == nil || incident.KindOf(err) != incident.KindInvalid || len(s.Requests()) != 0 {
			t.Errorf("%s: %v after %d requests, want invalid and none", name, err, len(s.Requests()))
		}
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]bedrock.Config{
		"tokens":      {MaxTokens: -1},
		"temperature": {Temperature: 1.5},
	} {
		if _, err := bedrock.New(awstest.Config("http://127.0.0.1:1"), c, nil); incident.KindOf(err) != incident.KindInvalid || err == nil {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
}

func inputPiece(s string) string {
	raw, _ := json.Marshal(s) // no string fails
	return `contentBlockDelta {"contentBlockIndex":0,"delta":{"toolUse":{"input":` + string(raw) + `}}}`
}

// FuzzToolInput: whatever JSON a workflow or a model puts into a tool call
// arrives as the same JSON, or the request is refused.
func FuzzToolInput(f *testing.F) {
	f.Add(`{"service":"checkout","n":1.50}`)
	f.Add(`{"a":[1e400,-0,0.1,null,{"b":"\u2028<>&\ud800"}]}`)
	f.Add(`"text"`)
	f.Add(` {} `)
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
		whole := string(in.Messages[0].Content[0].ToolUse.Input)
		half := len(whole) / 2
		for !utf8.RuneStart(whole[half]) {
			half++
		}
		return stream(tool(0, "t", "echo"), inputPiece(whole[:half]), inputPiece(whole[half:]), toolUse, metadata)
	})
	m := mustModel(f, awstest.Config(s.URL), bedrock.Config{}, nil)
	f.Fuzz(func(t *testing.T, input string) {
		reply, err := m.Converse(t.Context(), activities.ModelRequest{Model: pro, Messages: []activities.Message{
			{Role: "assistant", Calls: []activities.ToolRequest{{ID: "t", Name: "echo", Input: json.RawMessage(input)}}}}}, nil)
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

// TestAnswersAtTheSameTimeAreNotMixed: one Model serves every incident of a
// worker, and each gets its own answer.
func TestAnswersAtTheSameTimeAreNotMixed(t *testing.T) {
	t.Parallel()
	s := awstest.Serve(t, func(_ string, _ *http.Request, body []byte) awstest.Answer {
		var in struct {
			Messages []struct {
				Content []struct {
					Text string `json:"text"`
				} `json:"content"`
			} `json:"messages"`
		}
		if err := json.Unmarshal(body, &in); err != nil {
			return awstest.Answer{Status: http.StatusBadRequest}
		}
		var pieces []string
		for range 200 {
			pieces = append(pieces, in.Messages[0].Content[0].Text)
		}
		return said("end_turn", pieces...)
	})
	m := mustModel(t, awstest.Config(s.URL), bedrock.Config{}, nil)
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			word := fmt.Sprintf("<%02d>", i)
			r := ask
			r.Messages = []activities.Message{{Role: "user", Text: word}}
			reply, err := m.Converse(t.Context(), r, nil)
			if err != nil || reply.Text != strings.Repeat(word, 200) {
				t.Errorf("asked %s, was answered %.40q…: %v", word, reply.Text, err)
			}
		})
	}
	all.Wait()
}
