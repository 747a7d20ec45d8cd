package sandbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"vigil/deploy/sandbox"
)

// asking sets the header by which one call chooses its own fault.
func asking(mode string) func(*bedrockruntime.Options) {
	return func(o *bedrockruntime.Options) {
		o.APIOptions = append(o.APIOptions, smithyhttp.AddHeaderValue("X-Vigil-Chaos", mode))
	}
}

// wholly asks without streaming.
func wholly(t *testing.T, api *bedrockruntime.Client, in *bedrockruntime.ConverseInput, mode string) heard {
	t.Helper()
	out, err := api.Converse(t.Context(), in, asking(mode))
	if err != nil {
		return heard{err: err}
	}
	h := heard{stop: out.StopReason, usage: out.Usage}
	for _, b := range message(t, out).Content {
		switch b := b.(type) {
		case *types.ContentBlockMemberText:
			h.text += b.Value
		case *types.ContentBlockMemberToolUse:
			input, err := b.Value.Input.MarshalSmithyDocument()
			if err != nil {
				t.Fatal(err)
			}
			h.tools = append(h.tools, *b.Value.Name+" "+string(input))
		}
	}
	return h
}

// TestErrorModes holds every mode that refuses a call to the error that the
// SDK makes of it, whole and streamed.
func TestErrorModes(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := bedrockruntime.NewFromConfig(f.config())
	for mode, want := range map[string]struct {
		code   string
		status int
	}{
		"throttled": {"ThrottlingException", 429}, "not_ready": {"ModelNotReadyException", 429}, "unavailable": {"ServiceUnavailableException", 503},
		"model_timeout": {"ModelTimeoutException", 408}, "model_error": {"ModelErrorException", 424}, "access_denied": {"AccessDeniedException", 403},
		"quota": {"ServiceQuotaExceededException", 400}, "not_found": {"ResourceNotFoundException", 404}, "failing": {"InternalServerException", 500},
		"error;code=ValidationException": {"ValidationException", 400},
	} {
		whole := wholly(t, api, converseInput(userText(leakEvidence)), mode).err
		stream := listen(t, api, streamInput(userText(leakEvidence)), asking(mode)).err
		for form, err := range map[string]error{"whole": whole, "stream": stream} {
			if c, status := code(err); c != want.code || status != want.status {
				t.Errorf("%s, %s: %v, want %s with %d", mode, form, err, want.code, want.status)
			}
		}
		if mode == "access_denied" && !strings.Contains(stream.Error(), "not authorized to perform: bedrock:InvokeModelWithResponseStream on resource: arn:aws:bedrock:us-east-1::foundation-model/"+pro) {
			t.Errorf("the error does not name the permission: %v", stream)
		}
	}
	for _, bad := range []string{"explode", "slow", "slow;ms=soon", "error", "anonymized"} {
		if c, _ := code(listen(t, api, streamInput(userText("hello")), asking(bad)).err); c != "ValidationException" {
			t.Errorf("the header %q got %s", bad, c)
		}
	}
}

// TestBrokenStreams shows what a client sees of streams that break off. The SDK
// takes a connection that is cut for the end of the stream, without an error,
// even in the middle of a frame: that no messageStop came is the only sign.
func TestBrokenStreams(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := bedrockruntime.NewFromConfig(f.config())

	for _, mode := range []string{"stream_cut", "malformed"} {
		h := listen(t, api, streamInput(userText(leakEvidence)), asking(mode))
		if h.pieces == 0 || h.stop != "" || h.usage != nil || json.Valid([]byte(h.text)) {
			t.Errorf("%s: %+v; want some text and no end", mode, h)
		}
		if calls := f.calls("?operation=ConverseStream"); calls[len(calls)-1].Outcome != sandbox.OutcomeGone || string(calls[len(calls)-1].Chaos) != mode {
			t.Errorf("%s is logged as %+v", mode, calls[len(calls)-1])
		}
		if h = wholly(t, api, converseInput(userText(leakEvidence)), mode); h.err == nil {
			t.Errorf("%s: half an answer was read as a whole one: %+v", mode, h)
		}
	}

	var streamError *types.ModelStreamErrorException
	if h := listen(t, api, streamInput(userText(leakEvidence)), asking("stream_exception")); !errors.As(h.err, &streamError) || h.pieces == 0 || h.stop != "" {
		t.Errorf("stream_exception: %+v", h)
	}
	var throttled *types.ThrottlingException
	if h := listen(t, api, streamInput(userText(leakEvidence)), asking("stream_exception;code=ThrottlingException")); !errors.As(h.err, &throttled) || h.pieces == 0 {
		t.Errorf("throttled in the middle: %+v", h)
	}
	for _, code := range []string{"InternalServerException", "ServiceUnavailableException", "ValidationException"} {
		h := listen(t, api, streamInput(userText(leakEvidence)), asking("stream_exception;code="+code))
		var e smithy.APIError
		if !errors.As(h.err, &e) || e.ErrorCode() != code {
			t.Errorf("%s in the middle: %v", code, h.err)
		}
	}

	if h := listen(t, api, streamInput(userText(leakEvidence)), asking("stream_hanging;ms=20")); h.pieces == 0 || h.stop != "" || h.usage != nil {
		t.Errorf("stream_hanging: %+v", h)
	}
	for _, mode := range []string{"hanging;ms=20", "do_then_time_out;ms=20"} {
		if h := listen(t, api, streamInput(userText(leakEvidence)), asking(mode)); h.err == nil || h.pieces > 0 {
			t.Errorf("%s: %+v", mode, h)
		}
	}
	calls := f.calls("?operation=ConverseStream")
	if last := calls[len(calls)-1]; last.Chaos != sandbox.ChaosDoThenTimeout || last.Outcome != sandbox.OutcomeGone || last.Facts["output_tokens"] == nil {
		t.Errorf("what was done and never answered is not counted: %+v", last)
	}
	began := time.Now()
	if h := listen(t, api, streamInput(userText(leakEvidence)), asking("slow;ms=40")); h.err != nil || time.Since(began) < 40*time.Millisecond {
		t.Errorf("slow: %v after %s", h.err, time.Since(began))
	}
}

// TestMalformedAnswers shows what a client sees of each bad answer: the call
// goes well, whole and streamed alike, and is paid for.
func TestMalformedAnswers(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := bedrockruntime.NewFromConfig(f.config())
	offered := &types.ToolConfiguration{Tools: []types.Tool{tool("query_metrics"), tool("search_logs")}}
	answer := func(text string) (map[string]any, error) {
		var v map[string]any
		return v, json.Unmarshal([]byte(text), &v)
	}
	for mode, check := range map[string]func(h heard) string{
		"not_json": func(h heard) string {
			if _, err := answer(h.text); err == nil || strings.Contains(h.text, "{") || h.stop != "end_turn" {
				return "want prose"
			}
			return ""
		},
		"prose_around_json": func(h heard) string {
			from, to := strings.Index(h.text, "{"), strings.Index(h.text, "\n```\n")
			if _, err := answer(h.text); err == nil || from < 1 || to < from {
				return "want prose around JSON"
			}
			if v, err := answer(h.text[from:to]); err != nil || v["verdict"] != "inconclusive" && v["verdict"] != "probable" {
				return "want an answer within the prose"
			}
			return ""
		},
		"wrong_schema": func(h heard) string {
			if v, err := answer(h.text); err != nil || v["verdict"] != 7.0 || v["root_cause"] == nil {
				return "want JSON of another schema"
			}
			return ""
		},
		"unknown_tool": func(h heard) string {
			if h.stop != "tool_use" || len(h.tools) != 1 || !strings.HasPrefix(h.tools[0], "run_shell_command ") {
				return "want a tool that nobody offered"
			}
			return ""
		},
		"bad_tool_input": func(h heard) string {
			if h.stop != "tool_use" || len(h.tools) != 1 || !strings.HasPrefix(h.tools[0], "query_metrics ") || !strings.Contains(h.tools[0], "42") {
				return "want a tool with a bad input"
			}
			return ""
		},
		"nan_confidence": func(h heard) string {
			if _, err := answer(h.text); err == nil || !strings.Contains(h.text, `"confidence":NaN`) {
				return "want NaN"
			}
			return ""
		},
		"empty": func(h heard) string {
			if h.text != "" || len(h.tools) != 0 || h.stop != "end_turn" {
				return "want nothing"
			}
			return ""
		},
		"cites_nothing": func(h heard) string {
			if _, err := answer(h.text); err != nil || strings.Contains(h.text, `"E`) || !strings.Contains(h.text, `"cites":[]`) {
				return "want claims without evidence"
			}
			return ""
		},
		"cites_unknown": func(h heard) string {
			if _, err := answer(h.text); err != nil || !strings.Contains(h.text, `"cites":["E9998","E9999"]`) {
				return "want claims with invented evidence"
			}
			return ""
		},
		"truncated": func(h heard) string {
			if _, err := answer(h.text); err == nil || h.text == "" || h.stop != "max_tokens" {
				return "want half an answer"
			}
			return ""
		},
		"endless_tools": func(h heard) string {
			if h.stop != "tool_use" || len(h.tools) != 1 {
				return "want one more tool"
			}
			return ""
		},
		"huge": func(h heard) string {
			if v, err := answer(h.text); err != nil || len(fmt.Sprint(v["summary"])) < 500_000 {
				return "want a huge answer"
			}
			return ""
		},
		"intervened": func(h heard) string {
			if h.stop != "guardrail_intervened" || !strings.HasPrefix(h.text, "Sorry") {
				return "want the guardrail's refusal"
			}
			return ""
		},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			in, stream := converseInput(userText(leakEvidence)), streamInput(userText(leakEvidence))
			in.ToolConfig, stream.ToolConfig = offered, offered
			in.InferenceConfig = &types.InferenceConfiguration{MaxTokens: aws.Int32(2048)}
			stream.InferenceConfig = in.InferenceConfig
			for form, h := range map[string]heard{"whole": wholly(t, api, in, mode), "stream": listen(t, api, stream, asking(mode))} {
				if h.err != nil {
					t.Fatalf("%s: %v", form, h.err)
				}
				if problem := check(h); problem != "" || *h.usage.InputTokens == 0 {
					t.Errorf("%s: %s, not %.200q, tools %v, stop %s", form, problem, h.text, h.tools, h.stop)
				}
			}
		})
	}
}

// TestScripts consumes a list of modes call by call, for one model only.
func TestScripts(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := bedrockruntime.NewFromConfig(f.config())
	f.mustChaos(sandbox.ChaosRule{Operation: "Converse*", Model: "nova-pro", Modes: []sandbox.ChaosMode{"throttled", "none", "not_json", "stream_cut"}})
	lite := streamInput(userText("hello"))
	lite.ModelId = aws.String("us.amazon.nova-lite-v1:0")
	if h := listen(t, api, lite); h.err != nil {
		t.Errorf("another model: %v", h.err)
	}
	var got []string
	for range 5 {
		h := listen(t, api, streamInput(userText(leakEvidence)))
		c, _ := code(h.err)
		switch {
		case c == "ThrottlingException":
			got = append(got, "throttled")
		case h.err != nil || h.stop == "":
			got = append(got, "cut")
		case json.Valid([]byte(h.text)):
			got = append(got, "well")
		default:
			got = append(got, "prose")
		}
	}
	if want := "[throttled well prose cut well]"; fmt.Sprint(got) != want {
		t.Errorf("the script gave %v, want %s", got, want)
	}
	f.mustChaos(sandbox.ChaosRule{Operation: "*", Incident: "i-9", Mode: "throttled", Count: -1})
	in := streamInput(userText("hello"))
	if h := listen(t, api, in); h.err != nil {
		t.Errorf("no incident: %v", h.err)
	}
	in.RequestMetadata = map[string]string{"incident": "i-9"}
	if h := listen(t, api, in); h.err == nil {
		t.Error("the incident that was meant is not throttled")
	}
	for _, bad := range []sandbox.ChaosRule{
		{Operation: "Converse", Modes: []sandbox.ChaosMode{"none", "explode"}}, {Operation: "Converse", Mode: "throttled", Modes: []sandbox.ChaosMode{"none"}},
		{Operation: "GetMetricData", Mode: "not_json"}, {Operation: "Converse", Mode: "stream_exception"},
	} {
		if status := f.do("POST", "/_world/chaos", bad, nil); status != http.StatusBadRequest {
			t.Errorf("%+v was taken with %d", bad, status)
		}
	}
}

// TestGuardrailModes shows what a client sees of a guardrail in trouble.
func TestGuardrailModes(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := bedrockruntime.NewFromConfig(f.config())
	apply := func(ctx context.Context, mode string) (*bedrockruntime.ApplyGuardrailOutput, error) {
		return api.ApplyGuardrail(ctx, &bedrockruntime.ApplyGuardrailInput{GuardrailIdentifier: aws.String("vigil"), GuardrailVersion: aws.String("1"),
			Source:  types.GuardrailContentSourceOutput,
			Content: []types.GuardrailContentBlock{&types.GuardrailContentBlockMemberText{Value: types.GuardrailTextBlock{Text: aws.String("Checkout is slow.")}}}}, asking(mode))
	}
	out, err := apply(t.Context(), "intervened")
	if err != nil || out.Action != types.GuardrailActionGuardrailIntervened || len(out.Outputs) != 1 || !strings.HasPrefix(*out.Outputs[0].Text, "Sorry") ||
		len(out.Assessments[0].TopicPolicy.Topics) != 1 {
		t.Errorf("intervened: %+v, %v", out, err)
	}
	out, err = apply(t.Context(), "anonymized")
	if err != nil || out.Action != types.GuardrailActionGuardrailIntervened || *out.Outputs[0].Text != "{NAME} is slow." ||
		out.Assessments[0].SensitiveInformationPolicy.PiiEntities[0].Action != types.GuardrailSensitiveInformationPolicyActionAnonymized {
		t.Errorf("anonymized: %+v, %v", out, err)
	}
	for mode, want := range map[string]int{"failing": 500, "throttled": 429, "access_denied": 403, "not_found": 404, "unavailable": 503} {
		if _, err := apply(t.Context(), mode); err == nil {
			t.Errorf("%s: no error", mode)
		} else if _, status := code(err); status != want {
			t.Errorf("%s: %v, want status %d", mode, err, want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := apply(ctx, "slow;ms=10000"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("slow: %v", err)
	}
}
