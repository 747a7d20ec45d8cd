package bedrock

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
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

// readTimeout is how long a model may be silent. A long answer comes after
// minutes and all at once; the activity's own timeout is the real limit.
const readTimeout = 15 * time.Minute

// DefaultModels is the model of each purpose: small ones where many calls are
// cheap, the large one where a mistake is dear.
var DefaultModels = map[activities.Purpose]string{
	activities.PurposeClassify:    "amazon.nova-micro-v1:0",
	activities.PurposeForecast:    "amazon.nova-lite-v1:0",
	activities.PurposeDiagnose:    "amazon.nova-pro-v1:0",
	activities.PurposePlan:        "amazon.nova-pro-v1:0",
	activities.PurposeCommunicate: "amazon.nova-lite-v1:0",
}

// Config configures a Model. The zero value is the shipped configuration.
type Config struct {
	Models      map[activities.Purpose]string // replaces entries of DefaultModels
	MaxTokens   int32                         // of one answer; default 2048
	Temperature float32                       // default 0: the same evidence should give the same answer
	Prices      *Prices                       // default ShippedPrices
}

// Model asks the models of Bedrock.
type Model struct {
	api    *bedrockruntime.Client
	call   awscall.Caller
	models map[activities.Purpose]string
	limits types.InferenceConfiguration
	prices Prices
}

var _ activities.Model = (*Model)(nil)

// New makes a Model. recorder may be nil.
func New(cfg aws.Config, c Config, recorder activities.Recorder) (*Model, error) {
	models := maps.Clone(DefaultModels)
	for purpose, id := range c.Models {
		if _, known := models[purpose]; !known {
			return nil, incident.Errorf(incident.KindInvalid, "bedrock: there is no purpose %q; there are %v", purpose, slices.Sorted(maps.Keys(models)))
		}
		if id == "" {
			return nil, incident.Errorf(incident.KindInvalid, "bedrock: the model for %s is empty; leave it out for %s", purpose, models[purpose])
		}
		models[purpose] = id
	}
	if c.MaxTokens == 0 {
		c.MaxTokens = 2048
	}
	if c.MaxTokens < 0 || !(c.Temperature >= 0 && c.Temperature <= 1) {
		return nil, incident.Errorf(incident.KindInvalid, "bedrock: max tokens %d and temperature %g: use a positive number and 0 to 1", c.MaxTokens, c.Temperature)
	}
	return &Model{
		api:    bedrockruntime.NewFromConfig(awscall.Prepare(cfg, readTimeout)),
		call:   awscall.New(service, recorder),
		models: models,
		limits: types.InferenceConfiguration{MaxTokens: aws.Int32(c.MaxTokens), Temperature: aws.Float32(c.Temperature)},
		prices: pricesOr(c.Prices),
	}, nil
}

func pricesOr(p *Prices) Prices {
	if p == nil {
		return ShippedPrices()
	}
	return *p
}

// Converse makes one turn.
func (m *Model) Converse(ctx context.Context, r activities.ModelRequest) (activities.ModelReply, error) {
	id, ok := m.models[r.Purpose]
	if !ok {
		return activities.ModelReply{}, incident.Errorf(incident.KindInvalid, "bedrock: no model for the purpose %q", r.Purpose)
	}
	in, err := request(r)
	if err != nil {
		return activities.ModelReply{}, &incident.Error{Kind: incident.KindInvalid, Op: "bedrock Converse " + id, Msg: "the request cannot be built", Err: err}
	}
	in.ModelId, in.InferenceConfig = &id, &m.limits
	out, p, err := awscall.DoMetered(ctx, m.call, "Converse", id, m.api.Converse, in, func(out *bedrockruntime.ConverseOutput) *incident.Usage {
		return m.usage(id, out.Usage)
	})
	if err != nil {
		return activities.ModelReply{}, err
	}
	return reply(out, p)
}

func (m *Model) usage(id string, u *types.TokenUsage) *incident.Usage {
	if u == nil {
		return &incident.Usage{} // an answer without counts: its cost is unknown
	}
	return &incident.Usage{
		InputTokens: int64(aws.ToInt32(u.InputTokens)), OutputTokens: int64(aws.ToInt32(u.OutputTokens)),
		CacheTokens: int64(aws.ToInt32(u.CacheReadInputTokens)) + int64(aws.ToInt32(u.CacheWriteInputTokens)),
		CostMicros:  m.prices.model(id, u),
	}
}

// request builds the messages and tools of a call.
func request(r activities.ModelRequest) (*bedrockruntime.ConverseInput, error) {
	in := &bedrockruntime.ConverseInput{}
	if r.System != "" {
		in.System = []types.SystemContentBlock{&types.SystemContentBlockMemberText{Value: r.System}}
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

// reply reads an answer. One that cannot be acted on is an error: it may be
// better the next time, and must not be mistaken for silence.
func reply(out *bedrockruntime.ConverseOutput, p incident.Provenance) (activities.ModelReply, error) {
	r := activities.ModelReply{StopReason: string(out.StopReason), Provenance: p}
	message, ok := out.Output.(*types.ConverseOutputMemberMessage)
	if !ok {
		return activities.ModelReply{}, awscall.Malformed(p, "the answer holds no message")
	}
	var text []string
	for _, b := range message.Value.Content {
		switch b := b.(type) {
		case *types.ContentBlockMemberText:
			text = append(text, b.Value)
		case *types.ContentBlockMemberToolUse:
			input, err := fromDocument(b.Value.Input)
			if err != nil {
				return activities.ModelReply{}, awscall.Malformed(p, "the input of a tool call cannot be read: %v", err)
			}
			if aws.ToString(b.Value.ToolUseId) == "" || aws.ToString(b.Value.Name) == "" {
				return activities.ModelReply{}, awscall.Malformed(p, "a tool call has no id or no name")
			}
			r.Calls = append(r.Calls, activities.ToolRequest{ID: *b.Value.ToolUseId, Name: *b.Value.Name, Input: input})
		case *types.ContentBlockMemberReasoningContent:
			// Thinking aloud before the answer. It is not asked for, and not needed to go on.
		default:
			return activities.ModelReply{}, awscall.Malformed(p, "the answer holds a %s, which is neither text nor a tool call", blockName(b))
		}
	}
	r.Text = strings.Join(text, "\n")
	switch out.StopReason {
	case "":
		return activities.ModelReply{}, awscall.Malformed(p, "the answer does not say why it ended")
	case types.StopReasonMalformedModelOutput, types.StopReasonMalformedToolUse:
		return activities.ModelReply{}, awscall.Malformed(p, "the model's output was malformed (%s)", out.StopReason)
	case types.StopReasonToolUse:
		if len(r.Calls) == 0 {
			return activities.ModelReply{}, awscall.Malformed(p, "the model stopped to call a tool and names none")
		}
	}
	return r, nil
}

func blockName(b types.ContentBlock) string {
	switch b := b.(type) {
	case *types.UnknownUnionMember:
		return b.Tag
	case *types.ContentBlockMemberImage:
		return "image"
	case *types.ContentBlockMemberDocument:
		return "document"
	case *types.ContentBlockMemberVideo:
		return "video"
	case *types.ContentBlockMemberToolResult:
		return "tool result"
	default:
		return "block of an unexpected kind"
	}
}
