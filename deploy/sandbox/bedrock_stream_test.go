package sandbox_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
)

// heard is what a client makes of a stream.
type heard struct {
	text    string
	pieces  int
	tools   []string // name and input
	stop    types.StopReason
	usage   *types.TokenUsage
	latency int64
	order   string // one letter for each event
	err     error
}

// listen reads a stream to its end, with a client of its own like api: one client
// decodes all of its streams with one buffer, unlocked (smithy-go issue 714). err
// is that of the call, or of the stream.
func listen(t *testing.T, api *bedrockruntime.Client, in *bedrockruntime.ConverseStreamInput, opts ...func(*bedrockruntime.Options)) heard {
	t.Helper()
	var h heard
	api = bedrockruntime.New(api.Options())
	out, err := api.ConverseStream(t.Context(), in, opts...)
	if err != nil {
		h.err = err
		return h
	}
	simulated(t, out.ResultMetadata)
	stream := out.GetStream()
	defer func() {
		if err := stream.Close(); err != nil && h.err == nil {
			t.Error(err)
		}
	}()
	var input strings.Builder
	for e := range stream.Events() {
		switch e := e.(type) {
		case *types.ConverseStreamOutputMemberMessageStart:
			h.order += "m"
		case *types.ConverseStreamOutputMemberContentBlockStart:
			h.order += "s"
			if u, ok := e.Value.Start.(*types.ContentBlockStartMemberToolUse); ok {
				h.tools = append(h.tools, *u.Value.Name+" ")
				input.Reset()
			}
		case *types.ConverseStreamOutputMemberContentBlockDelta:
			if !strings.HasSuffix(h.order, "d") {
				h.order += "d"
			}
			h.pieces++
			switch d := e.Value.Delta.(type) {
			case *types.ContentBlockDeltaMemberText:
				h.text += d.Value
			case *types.ContentBlockDeltaMemberToolUse:
				h.tools[len(h.tools)-1] += *d.Value.Input
			}
		case *types.ConverseStreamOutputMemberContentBlockStop:
			h.order += "e"
		case *types.ConverseStreamOutputMemberMessageStop:
			h.order += "S"
			h.stop = e.Value.StopReason
		case *types.ConverseStreamOutputMemberMetadata:
			h.order += "U"
			h.usage, h.latency = e.Value.Usage, *e.Value.Metrics.LatencyMs
		default:
			t.Errorf("the stream has a %T", e)
		}
	}
	h.err = stream.Err()
	return h
}

func streamInput(messages ...types.Message) *bedrockruntime.ConverseStreamInput {
	in := converseInput(messages...)
	return &bedrockruntime.ConverseStreamInput{ModelId: in.ModelId, Messages: in.Messages, System: in.System}
}

// TestConverseStream holds a stream against the answer as a whole.
func TestConverseStream(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := bedrockruntime.NewFromConfig(f.config())
	in := streamInput(userText(leakEvidence))
	in.RequestMetadata = map[string]string{"incident": "i-7"}
	h := listen(t, api, in)
	whole, err := api.Converse(t.Context(), converseInput(userText(leakEvidence)))
	if err != nil || h.err != nil {
		t.Fatal(err, h.err)
	}
	if want := message(t, whole).Content[0].(*types.ContentBlockMemberText).Value; h.text != want || !json.Valid([]byte(h.text)) {
		t.Errorf("the stream says %q, the whole answer %q", h.text, want)
	}
	if h.order != "mdeSU" || h.pieces < 5 || h.stop != types.StopReasonEndTurn || *h.usage.TotalTokens != *whole.Usage.TotalTokens || *h.usage.OutputTokens == 0 {
		t.Errorf("order %s, %d pieces, stop %s, usage %+v", h.order, h.pieces, h.stop, h.usage)
	}
	calls := f.calls("?operation=ConverseStream")
	if len(calls) != 1 || calls[0].Outcome != "ok" || calls[0].Incident != "i-7" || calls[0].Model != pro || calls[0].Facts["output_tokens"] == 0.0 {
		t.Errorf("call log %+v", calls)
	}
}

func TestConverseStreamUsesTools(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	in := streamInput(userText(leakEvidence))
	in.ToolConfig = &types.ToolConfiguration{Tools: []types.Tool{tool("query_metrics"), tool("search_logs"), tool("recent_changes")}}
	h := listen(t, bedrockruntime.NewFromConfig(f.config()), in)
	if h.err != nil || h.stop != types.StopReasonToolUse || len(h.tools) < 2 || h.text == "" || !strings.HasPrefix(h.order, "mdesdesde") {
		t.Fatalf("%+v", h)
	}
	for _, use := range h.tools {
		name, input, _ := strings.Cut(use, " ")
		var v struct{ Service string }
		if err := json.Unmarshal([]byte(input), &v); err != nil || v.Service == "" || name == "" {
			t.Errorf("%s: %v", use, err)
		}
	}
	in.ToolConfig.ToolChoice = &types.ToolChoiceMemberTool{Value: types.SpecificToolChoice{Name: aws.String("search_logs")}}
	if h = listen(t, bedrockruntime.NewFromConfig(f.config()), in); len(h.tools) != 1 || !strings.HasPrefix(h.tools[0], "search_logs ") {
		t.Errorf("a tool was demanded: %+v", h)
	}
}
