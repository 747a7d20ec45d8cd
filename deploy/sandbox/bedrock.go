package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"vigil/deploy/sandbox/brain"
)

var bedrockOperations = []operation{
	{"bedrock-runtime", "Converse", restJSON, "/model/{}/converse", (*Server).converse},
	{"bedrock-runtime", "ConverseStream", restJSON, "/model/{}/converse-stream", (*Server).converseStream},
	{"bedrock-runtime", "ApplyGuardrail", restJSON, "/guardrail/{}/version/{}/apply", (*Server).applyGuardrail},
}

// knownModel matches the models that the brain stands in for: Amazon Nova, by
// model id, by inference profile, or by the ARN of either.
var knownModel = regexp.MustCompile(`^(arn:aws[a-z-]*:bedrock:[^/]*/)?((us|eu|apac|global)\.)?amazon\.nova-[a-z0-9-]+-v\d+:\d+$`)

type converseRequest struct {
	Messages        []converseMessage `json:"messages"`
	System          []contentBlock    `json:"system"`
	InferenceConfig struct {
		MaxTokens     *int     `json:"maxTokens"`
		Temperature   *float64 `json:"temperature"`
		TopP          *float64 `json:"topP"`
		StopSequences []string `json:"stopSequences"`
	} `json:"inferenceConfig"`
	ToolConfig *struct {
		Tools []struct {
			ToolSpec *struct {
				Name string `json:"name"`
			} `json:"toolSpec"`
		} `json:"tools"`
		ToolChoice map[string]json.RawMessage `json:"toolChoice"`
	} `json:"toolConfig"`
	GuardrailConfig *struct {
		GuardrailIdentifier string `json:"guardrailIdentifier"`
		GuardrailVersion    string `json:"guardrailVersion"`
		Trace               string `json:"trace"`
	} `json:"guardrailConfig"`
	OutputConfig *struct {
		TextFormat *struct {
			Type      string `json:"type"`
			Structure struct {
				JSONSchema *struct {
					Name   string `json:"name"`
					Schema string `json:"schema"`
				} `json:"jsonSchema"`
			} `json:"structure"`
		} `json:"textFormat"`
	} `json:"outputConfig"`
	PromptVariables json.RawMessage   `json:"promptVariables"`
	RequestMetadata map[string]string `json:"requestMetadata"`
}

type converseMessage struct {
	Role    string         `json:"role"`
	Content []contentBlock `json:"content"`
}

// contentBlock is the union of what a message may hold; one member is set.
type contentBlock struct {
	Text       *string         `json:"text,omitempty"`
	ToolUse    *toolUse        `json:"toolUse,omitempty"`
	ToolResult *toolResult     `json:"toolResult,omitempty"`
	CachePoint json.RawMessage `json:"cachePoint,omitempty"`
}

type toolUse struct {
	ToolUseID string          `json:"toolUseId"`
	Name      string          `json:"name"`
	Input     json.RawMessage `json:"input"`
}

type toolResult struct {
	ToolUseID string `json:"toolUseId"`
	Status    string `json:"status,omitempty"`
	Content   []struct {
		Text *string         `json:"text"`
		JSON json.RawMessage `json:"json"`
	} `json:"content"`
}

// turn is one turn of a model, ready to be written as one answer or in pieces.
type turn struct {
	blocks     []contentBlock
	stopReason string
	usage      tokenUsage
	trace      map[string]any // of the guardrail, where it was asked for
	latency    time.Duration  // that the model is to take, waiting included
}

type tokenUsage struct {
	Input      int `json:"inputTokens"`
	Output     int `json:"outputTokens"`
	Total      int `json:"totalTokens"`
	CacheRead  int `json:"cacheReadInputTokens,omitempty"`
	CacheWrite int `json:"cacheWriteInputTokens,omitempty"`
}

// converse answers as a whole.
func (s *Server) converse(x *exchange) (any, error) {
	began := time.Now()
	t, err := s.turn(x)
	if err != nil {
		return nil, err
	}
	if err := s.pause(x.ctx, t.latency); err != nil {
		return nil, err
	}
	out := map[string]any{
		"output":     map[string]any{"message": converseMessage{Role: "assistant", Content: t.blocks}},
		"stopReason": t.stopReason,
		"usage":      t.usage,
		"metrics":    map[string]int64{"latencyMs": time.Since(began).Milliseconds()},
	}
	if t.trace != nil {
		out["trace"] = map[string]any{"guardrail": t.trace}
	}
	return out, nil
}

// turn lets the brain take one turn. It sees the conversation and nothing
// else: this method hands it neither the world nor the call log.
func (s *Server) turn(x *exchange) (turn, error) {
	model := x.path[0]
	x.note("model", model)
	if !knownModel.MatchString(model) {
		return turn{}, errorf("ValidationException", "The provided model identifier is invalid. The sandbox stands in for Amazon Nova, such as amazon.nova-pro-v1:0.")
	}
	var in converseRequest
	if err := x.decode(&in); err != nil {
		return turn{}, err
	}
	request, err := in.conversation()
	if err != nil {
		return turn{}, err
	}
	for _, key := range []string{"agent", "turn"} {
		if v := in.RequestMetadata[key]; v != "" {
			x.note(key, v)
		}
	}
	x.note("messages", len(in.Messages))
	x.note("tools", len(request.Tools))
	var reply brain.Reply
	if x.strike.mode == ChaosCompromised || s.compromised(model) {
		x.note("compromised", true)
		reply = brain.Obey(request)
	} else {
		reply = brain.Answer(request)
	}
	reply = spoil(x.strike.mode, reply, request)
	t := turn{stopReason: reply.StopReason, blocks: []contentBlock{}, latency: s.modelLatency()}
	t.usage = s.cache.usage(in.cachedPrefixes(model), brain.InputTokens(request), s.cfg.Now())
	reply = in.guarded(x.strike.mode, reply, request, &t)
	output := brain.OutputTokens(reply)
	left := output
	if m := in.InferenceConfig.MaxTokens; m != nil && x.strike.mode != ChaosHuge {
		left = min(left, *m)
	}
	if x.strike.mode == ChaosTruncated {
		left = min(left, output/2)
	}
	if left < output {
		// As models do: cut off, whatever is half-said by then.
		runes := []rune(reply.Text)
		reply.Text, reply.Calls, t.stopReason, output = string(runes[:min(len(runes), 4*left)]), nil, "max_tokens", left
	}
	if reply.Text != "" {
		t.blocks = append(t.blocks, contentBlock{Text: &reply.Text})
	}
	var tools []string
	for i, c := range reply.Calls {
		tools = append(tools, strings.TrimSpace(c.Name+" "+string(c.Input)))
		t.blocks = append(t.blocks, contentBlock{ToolUse: &toolUse{toolUseID(x.body, i), c.Name, c.Input}})
	}
	t.usage.Output = output
	t.usage.Total = t.usage.Input + t.usage.CacheRead + t.usage.CacheWrite + output
	x.note("task", reply.Task)
	x.note("stop_reason", t.stopReason)
	x.note("input_tokens", t.usage.Input)
	x.note("output_tokens", output)
	if t.usage.CacheRead+t.usage.CacheWrite > 0 {
		x.note("cache_read_tokens", t.usage.CacheRead)
		x.note("cache_write_tokens", t.usage.CacheWrite)
	}
	if len(tools) > 0 {
		x.note("tool_use", tools)
	}
	return t, nil
}

// toolUseID is unique within a conversation, and the same when the same turn
// is asked for again.
func toolUseID(body []byte, i int) string {
	sum := sha256.Sum256(fmt.Appendf(body[:len(body):len(body)], "/%d", i))
	return "tooluse_" + hex.EncodeToString(sum[:11])
}

// conversation checks the request as Bedrock does and turns it into the
// brain's words.
func (in converseRequest) conversation() (brain.Request, error) {
	var out brain.Request
	switch {
	case len(in.Messages) == 0:
		return out, errorf("ValidationException", "The messages field is required and must not be empty.")
	case in.GuardrailConfig != nil && !guardrailVersion.MatchString(in.GuardrailConfig.GuardrailVersion):
		return out, errorf("ValidationException", "The guardrail version %q is neither DRAFT nor a number.", in.GuardrailConfig.GuardrailVersion)
	case len(in.PromptVariables) > 0:
		return out, errorf("ValidationException", "The sandbox has no prompts to put variables into.")
	}
	if in.ToolConfig != nil {
		for _, t := range in.ToolConfig.Tools {
			if t.ToolSpec == nil || t.ToolSpec.Name == "" {
				return out, errorf("ValidationException", "A tool has no toolSpec with a name.")
			}
			out.Tools = append(out.Tools, t.ToolSpec.Name)
		}
		if err := in.chooseTool(&out); err != nil {
			return out, err
		}
	}
	var system []string
	for _, b := range in.System {
		if b.Text != nil {
			system = append(system, *b.Text)
		}
	}
	if c := in.OutputConfig; c != nil && c.TextFormat != nil && c.TextFormat.Structure.JSONSchema != nil {
		system = append(system, brain.SchemaMarker, c.TextFormat.Structure.JSONSchema.Schema)
	}
	out.System = strings.Join(system, "\n")
	want := "user"
	open := map[string]bool{} // tool calls without a result yet
	for i, m := range in.Messages {
		if m.Role != want {
			return out, errorf("ValidationException", "messages.%d: the role is %q where %q is due; a conversation alternates and begins with user.", i, m.Role, want)
		}
		want = map[string]string{"user": "assistant", "assistant": "user"}[m.Role]
		message, err := m.message(i, open, in.ToolConfig != nil)
		if err != nil {
			return out, err
		}
		out.Messages = append(out.Messages, message)
	}
	if want == "user" {
		return out, errorf("ValidationException", "A conversation must end with a user message.")
	}
	return out, nil
}

// chooseTool heeds the choice of tools: auto, any of them, or one by name.
func (in converseRequest) chooseTool(out *brain.Request) error {
	for kind, raw := range in.ToolConfig.ToolChoice {
		switch kind {
		case "auto":
		case "any":
			out.Force = brain.AnyTool
		case "tool":
			var named struct {
				Name string `json:"name"`
			}
			if err := json.Unmarshal(raw, &named); err != nil || !slices.Contains(out.Tools, named.Name) {
				return errorf("ValidationException", "toolChoice names the tool %q, which toolConfig does not offer.", named.Name)
			}
			out.Force = named.Name
		default:
			return errorf("ValidationException", "toolChoice %q is none of auto, any and tool.", kind)
		}
	}
	return nil
}

func (m converseMessage) message(i int, open map[string]bool, tools bool) (brain.Message, error) {
	out := brain.Message{Role: m.Role}
	if len(m.Content) == 0 {
		return out, errorf("ValidationException", "The content field in the Message object at messages.%d is empty.", i)
	}
	var texts []string
	for j, b := range m.Content {
		where := fmt.Sprintf("messages.%d.content.%d", i, j)
		switch {
		case b.Text != nil:
			texts = append(texts, *b.Text)
		case (b.ToolUse != nil || b.ToolResult != nil) && !tools:
			return out, errorf("ValidationException", "%s: the toolConfig field must be defined when using toolUse and toolResult content blocks.", where)
		case b.ToolUse != nil && m.Role == "assistant":
			open[b.ToolUse.ToolUseID] = true
			out.Calls = append(out.Calls, brain.Call{ID: b.ToolUse.ToolUseID, Name: b.ToolUse.Name, Input: b.ToolUse.Input})
		case b.ToolResult != nil && m.Role == "user":
			if !open[b.ToolResult.ToolUseID] {
				return out, errorf("ValidationException", "%s: the toolResult %q answers no toolUse of the turn before.", where, b.ToolResult.ToolUseID)
			}
			delete(open, b.ToolResult.ToolUseID)
			out.Results = append(out.Results, b.ToolResult.result())
		case len(b.CachePoint) > 0:
		default:
			return out, errorf("ValidationException", "%s: the sandbox's model takes text, toolUse (assistant) and toolResult (user).", where)
		}
	}
	if m.Role == "user" && len(open) > 0 {
		return out, errorf("ValidationException", "messages.%d: expected toolResult blocks for %d toolUse blocks of the turn before.", i, len(open))
	}
	out.Text = strings.Join(texts, "\n")
	return out, nil
}

func (r toolResult) result() brain.Result {
	var texts []string
	for _, c := range r.Content {
		switch {
		case c.Text != nil:
			texts = append(texts, *c.Text)
		case len(c.JSON) > 0:
			texts = append(texts, string(c.JSON))
		}
	}
	return brain.Result{ID: r.ToolUseID, Text: strings.Join(texts, "\n"), Error: r.Status == "error"}
}
