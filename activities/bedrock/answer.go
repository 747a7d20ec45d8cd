package bedrock

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"

	"vigil/activities"
	"vigil/activities/internal/awscall"
	"vigil/workflows/incident"
)

// maxAnswer bounds what is taken of one answer, far above what MaxTokens lets
// a model say: an endpoint that never stops must not fill the memory.
const maxAnswer = 1 << 20

// answer puts the pieces of a streamed answer together.
type answer struct {
	onText func(string)

	blocks []*block
	size   int
	stop   types.StopReason
	usage  *types.TokenUsage
}

// block is one part of the answer: text, or a tool call whose input comes as
// pieces of JSON.
type block struct {
	index    int32
	tool     bool
	id, name string
	content  strings.Builder
}

// read takes pieces until the stream ends. An answer that ends before the
// model said that it stopped is broken off, however well the connection was
// closed.
func (a *answer) read(ctx context.Context, stream *bedrockruntime.ConverseStreamEventStream) error {
	defer stream.Close()
	for event := range stream.Events() {
		if err := a.take(event); err != nil {
			return err
		}
	}
	if err := stream.Err(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if a.stop == "" {
		return incident.Errorf(incident.KindUnavailable, "the answer broke off before the model had stopped")
	}
	return nil
}

func (a *answer) take(event types.ConverseStreamOutput) error {
	switch e := event.(type) {
	case *types.ConverseStreamOutputMemberContentBlockStart:
		tool, ok := e.Value.Start.(*types.ContentBlockStartMemberToolUse)
		if !ok {
			return unexpected()
		}
		a.blocks = append(a.blocks, &block{index: aws.ToInt32(e.Value.ContentBlockIndex), tool: true,
			id: aws.ToString(tool.Value.ToolUseId), name: aws.ToString(tool.Value.Name)})
	case *types.ConverseStreamOutputMemberContentBlockDelta:
		return a.delta(aws.ToInt32(e.Value.ContentBlockIndex), e.Value.Delta)
	case *types.ConverseStreamOutputMemberMessageStop:
		a.stop = e.Value.StopReason
	case *types.ConverseStreamOutputMemberMetadata:
		a.usage = e.Value.Usage
	}
	return nil // the rest marks beginnings and ends
}

func (a *answer) delta(index int32, d types.ContentBlockDelta) error {
	var last *block
	if n := len(a.blocks); n > 0 {
		last = a.blocks[n-1]
	}
	switch d := d.(type) {
	case *types.ContentBlockDeltaMemberText:
		if d.Value == "" {
			return nil
		}
		if last == nil || last.index != index || last.tool {
			a.separate()
			last = &block{index: index}
			a.blocks = append(a.blocks, last)
		}
		a.say(d.Value)
		return a.grow(last, d.Value)
	case *types.ContentBlockDeltaMemberToolUse:
		if last == nil || last.index != index || !last.tool {
			return incident.Errorf(incident.KindInvalid, "a piece of a tool call belongs to no tool call")
		}
		return a.grow(last, aws.ToString(d.Value.Input))
	case *types.ContentBlockDeltaMemberReasoningContent, *types.ContentBlockDeltaMemberCitation:
		// Thinking aloud before the answer, and where it is from. Neither is
		// asked for, nor needed to go on.
		return nil
	default:
		return unexpected()
	}
}

func unexpected() error {
	return incident.Errorf(incident.KindInvalid, "the answer holds something that is neither text nor a tool call")
}

// separate keeps two blocks of text apart, for whoever reads along as in the
// reply.
func (a *answer) separate() {
	for _, b := range a.blocks {
		if !b.tool {
			a.say("\n")
			return
		}
	}
}

func (a *answer) say(text string) {
	if a.onText != nil {
		a.onText(text)
	}
}

func (a *answer) grow(b *block, piece string) error {
	if a.size += len(piece); a.size > maxAnswer {
		return incident.Errorf(incident.KindInvalid, "the answer is longer than %d bytes and goes on", maxAnswer)
	}
	b.content.WriteString(piece)
	return nil
}

// unusable is the error for an answer that came whole and cannot be acted on.
// It is invalid: asked the same again, the model would say the same again, and
// be paid for it.
func unusable(p incident.Provenance, format string, args ...any) *incident.Error {
	e := awscall.Malformed(p, format, args...)
	e.Kind = incident.KindInvalid
	return e
}

// reply is the finished answer. One that cannot be acted on is an error, as it
// must not be mistaken for what the model meant to say.
func (a *answer) reply(p incident.Provenance) (activities.ModelReply, error) {
	if err := a.stopped(p); err != nil {
		return activities.ModelReply{}, err
	}
	r := activities.ModelReply{StopReason: string(a.stop), Provenance: p}
	var text []string
	for _, b := range a.blocks {
		if !b.tool {
			text = append(text, b.content.String())
			continue
		}
		if b.id == "" || b.name == "" {
			return activities.ModelReply{}, unusable(p, "a tool call has no id or no name")
		}
		input := json.RawMessage(strings.TrimSpace(b.content.String()))
		if len(input) == 0 {
			input = json.RawMessage("{}")
		}
		if !json.Valid(input) || input[0] != '{' {
			return activities.ModelReply{}, unusable(p, "the input of the call of %s is not a JSON object", b.name)
		}
		r.Calls = append(r.Calls, activities.ToolRequest{ID: b.id, Name: b.name, Input: input})
	}
	r.Text = strings.Join(text, "\n")
	if a.stop == types.StopReasonToolUse && len(r.Calls) == 0 {
		return activities.ModelReply{}, unusable(p, "the model stopped to call a tool and names none")
	}
	if len(r.Calls) == 0 && strings.TrimSpace(r.Text) == "" {
		return activities.ModelReply{}, unusable(p, "the answer is empty")
	}
	return r, nil
}

// stopped says whether the model had finished, and if not, what stopped it.
func (a *answer) stopped(p incident.Provenance) error {
	switch a.stop {
	case types.StopReasonEndTurn, types.StopReasonStopSequence, types.StopReasonToolUse:
		return nil
	case types.StopReasonMaxTokens:
		return unusable(p, "the answer was cut off at the limit of tokens (%s)", a.stop)
	case types.StopReasonContentFiltered, types.StopReasonGuardrailIntervened:
		e := unusable(p, "the answer was withheld by a filter of the model (%s)", a.stop)
		e.Kind = incident.KindDenied
		return e
	case types.StopReasonModelContextWindowExceeded:
		return unusable(p, "the conversation is longer than the model can read (%s)", a.stop)
	case types.StopReasonMalformedModelOutput, types.StopReasonMalformedToolUse:
		return unusable(p, "the model's output was malformed (%s)", a.stop)
	default:
		return unusable(p, "the model stopped for a reason that is not known here (%s)", a.stop)
	}
}
