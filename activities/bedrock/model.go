package bedrock

import (
	"context"
	"encoding/json"
	"regexp"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"

	"vigil/activities"
	"vigil/activities/internal/awscall"
	"vigil/workflows/incident"
)

// service names this adapter in provenance and metrics.
const service = "bedrock"

// readTimeout is how long a model may be silent, before its first word and
// between two of them; the activity's own timeout is the real limit.
const readTimeout = 5 * time.Minute

// Config configures a Model. The zero value is the shipped configuration.
type Config struct {
	MaxTokens   int32   // of one answer; default 2048
	Temperature float32 // default 0: the same evidence should give the same answer
	Prices      *Prices // default ShippedPrices
}

// Model asks the models of Bedrock.
type Model struct {
	aws    aws.Config
	call   awscall.Caller
	limits types.InferenceConfiguration
	prices Prices
}

var _ activities.Model = (*Model)(nil)

// New makes a Model. recorder may be nil.
func New(cfg aws.Config, c Config, recorder activities.Recorder) (*Model, error) {
	if c.MaxTokens == 0 {
		c.MaxTokens = 2048
	}
	if c.MaxTokens < 0 || !(c.Temperature >= 0 && c.Temperature <= 1) {
		return nil, incident.Errorf(incident.KindInvalid, "bedrock: max tokens %d and temperature %g: use a positive number and 0 to 1", c.MaxTokens, c.Temperature)
	}
	return &Model{
		aws:    awscall.Prepare(cfg, readTimeout),
		call:   awscall.New(service, recorder),
		limits: types.InferenceConfiguration{MaxTokens: aws.Int32(c.MaxTokens), Temperature: aws.Float32(c.Temperature)},
		prices: pricesOr(c.Prices),
	}, nil
}

// client makes a client for one call. A client decodes all of its streams with
// one buffer (smithy-go v1.28.8, internal/eventstream/codec.go), so that answers
// which arrive at the same time would be mixed with one another. Connections
// belong to the configuration, and are shared all the same.
func (m *Model) client() *bedrockruntime.Client { return bedrockruntime.NewFromConfig(m.aws) }

func pricesOr(p *Prices) Prices {
	if p == nil {
		return ShippedPrices()
	}
	return *p
}

// Converse makes one turn. What a model said before its answer broke off is
// never returned.
func (m *Model) Converse(ctx context.Context, r activities.ModelRequest, onText func(string)) (activities.ModelReply, error) {
	if r.Model == "" {
		return activities.ModelReply{}, incident.Errorf(incident.KindInvalid, "bedrock: the request to %s names no model", r.Purpose)
	}
	in, err := request(r)
	if err != nil {
		return activities.ModelReply{}, &incident.Error{Kind: incident.KindInvalid, Op: "bedrock ConverseStream " + r.Model, Msg: "the request cannot be built", Err: err}
	}
	in.InferenceConfig = &m.limits
	a := answer{onText: onText}
	p, err := awscall.Stream(ctx, m.call, "ConverseStream", r.Model, m.client().ConverseStream, in, func(out *bedrockruntime.ConverseStreamOutput) (*incident.Usage, error) {
		err := a.read(ctx, out.GetStream())
		return m.usage(r.Model, a.usage), err
	})
	if err != nil {
		return activities.ModelReply{}, err
	}
	reply, err := a.reply(p)
	if err != nil {
		return activities.ModelReply{}, &activities.PaidError{Provenance: p, Err: err}
	}
	reply.PromptHash = activities.PromptHash(r)
	return reply, nil
}

// usage is what a call consumed. Bedrock counts what was read from or written
// to the cache apart from the other input; here the input is all of it.
func (m *Model) usage(id string, u *types.TokenUsage) *incident.Usage {
	if u == nil {
		return &incident.Usage{} // an answer without counts: its cost is unknown
	}
	cached := int64(aws.ToInt32(u.CacheReadInputTokens)) + int64(aws.ToInt32(u.CacheWriteInputTokens))
	return &incident.Usage{
		InputTokens: int64(aws.ToInt32(u.InputTokens)) + cached, OutputTokens: int64(aws.ToInt32(u.OutputTokens)), CacheTokens: cached,
		CostMicros: m.prices.model(id, u),
	}
}

// request builds the messages and tools of a call.
func request(r activities.ModelRequest) (*bedrockruntime.ConverseStreamInput, error) {
	in := &bedrockruntime.ConverseStreamInput{ModelId: aws.String(r.Model), RequestMetadata: metadata(r)}
	if r.System != "" {
		in.System = []types.SystemContentBlock{&types.SystemContentBlockMemberText{Value: r.System}}
		if cacheable(r) {
			in.System = append(in.System, &types.SystemContentBlockMemberCachePoint{Value: cachePoint})
		}
	}
	if len(r.Messages) == 0 {
		return nil, incident.Errorf(incident.KindInvalid, "it has no messages")
	}
	for i, m := range r.Messages {
		content, err := blocks(m)
		if err != nil {
			return nil, incident.Errorf(incident.KindInvalid, "message %d: %v", i, err)
		}
		role := types.ConversationRole(m.Role)
		if role != types.ConversationRoleUser && role != types.ConversationRoleAssistant {
			return nil, incident.Errorf(incident.KindInvalid, "message %d has the role %q; there are user and assistant", i, m.Role)
		}
		if len(content) == 0 {
			return nil, incident.Errorf(incident.KindInvalid, "message %d is empty", i)
		}
		if i == 0 && repeated(r) {
			content = append(content, &types.ContentBlockMemberCachePoint{Value: cachePoint})
		}
		in.Messages = append(in.Messages, types.Message{Role: role, Content: content})
	}
	if len(r.Tools) > 0 {
		in.ToolConfig = &types.ToolConfiguration{}
	}
	for _, t := range r.Tools {
		schema, err := toDocument(t.Schema)
		if err != nil {
			return nil, incident.Errorf(incident.KindInvalid, "the schema of the tool %s: %v", t.Name, err)
		}
		in.ToolConfig.Tools = append(in.ToolConfig.Tools, &types.ToolMemberToolSpec{Value: types.ToolSpecification{
			Name: aws.String(t.Name), Description: aws.String(t.Description), InputSchema: &types.ToolInputSchemaMemberJson{Value: schema},
		}})
	}
	return in, nil
}

// blocks are the parts of a message, in the order that models insist on:
// results before words, words before calls.
func blocks(m activities.Message) ([]types.ContentBlock, error) {
	var out []types.ContentBlock
	for _, r := range m.Results {
		status := types.ToolResultStatusSuccess
		if r.Error {
			status = types.ToolResultStatusError
		}
		out = append(out, &types.ContentBlockMemberToolResult{Value: types.ToolResultBlock{
			ToolUseId: aws.String(r.ID), Status: status,
			Content: []types.ToolResultContentBlock{&types.ToolResultContentBlockMemberText{Value: r.Text}},
		}})
	}
	if m.Text != "" {
		out = append(out, &types.ContentBlockMemberText{Value: m.Text})
	}
	for _, c := range m.Calls {
		input := c.Input
		if len(input) == 0 {
			input = json.RawMessage("{}")
		}
		doc, err := toDocument(input)
		if err != nil {
			return nil, incident.Errorf(incident.KindInvalid, "the input of the call of %s: %v", c.Name, err)
		}
		out = append(out, &types.ContentBlockMemberToolUse{Value: types.ToolUseBlock{
			ToolUseId: aws.String(c.ID), Name: aws.String(c.Name), Input: doc,
		}})
	}
	return out, nil
}

// novaCaches names the models that keep a marked prefix of the prompt.
var novaCaches = regexp.MustCompile(`amazon\.nova-(?:micro|lite|pro|premier)-v1`)

// cacheableBytes is well over the 1,000 tokens that a prefix needs to be kept;
// marking a shorter one would do nothing.
const cacheableBytes = 5_000

var cachePoint = types.CachePointBlock{Type: types.CachePointTypeDefault}

// cacheable reports whether the system prompt is worth keeping: every turn of
// a conversation sends it again, and reading it back costs a quarter.
func cacheable(r activities.ModelRequest) bool {
	return len(r.System) >= cacheableBytes && novaCaches.MatchString(r.Model)
}

// repeated reports whether the first message, which holds the evidence, is
// worth keeping too: it is where there are turns to come, or were before.
func repeated(r activities.ModelRequest) bool {
	return (len(r.Tools) > 0 || len(r.Messages) > 1) && novaCaches.MatchString(r.Model) &&
		len(r.System)+len(r.Messages[0].Text) >= cacheableBytes
}

// metadata goes to the account's invocation log, so that a call found there
// can be told apart. Bedrock takes a few characters only.
func metadata(r activities.ModelRequest) map[string]string {
	out := map[string]string{}
	for name, value := range map[string]string{"incident": r.IncidentID, "agent": string(r.Agent), "turn": strconv.Itoa(r.Turn)} {
		if value = unloggable.ReplaceAllString(value, "_"); value != "" {
			out[name] = value[:min(len(value), 256)]
		}
	}
	return out
}

var unloggable = regexp.MustCompile(`[^a-zA-Z0-9 :_@$#=/+,.-]`)
