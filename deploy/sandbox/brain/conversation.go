package brain

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// Request is one turn asked of the model.
type Request struct {
	System   string
	Messages []Message
	Tools    []string // names of the tools offered
	Force    string   // a tool that must be called now, AnyTool for one of them; empty: as the model likes
}

// AnyTool forces a call of whichever tool.
const AnyTool = "*"

// Message is one side's turn.
type Message struct {
	Role    string // user or assistant
	Text    string
	Calls   []Call   // assistant: tools asked for
	Results []Result // user: what they returned
}

// Call is the wish to have a tool called.
type Call struct {
	ID    string
	Name  string
	Input json.RawMessage
}

// Result is the answer to a Call.
type Result struct {
	ID    string
	Text  string
	Error bool
}

// Stop reasons, as Bedrock names them.
const (
	StopEndTurn = "end_turn"
	StopToolUse = "tool_use"
)

// Reply is what the model says.
type Reply struct {
	Text       string
	Calls      []Call // ids are left to the caller
	StopReason string
	Task       string // title of the schema that was answered, for those who watch
}

// Answer takes one turn.
func Answer(r Request) Reply {
	title := schemaTitle(r.System)
	p := read(r)
	if r.Force != "" && len(r.Tools) > 0 {
		return Reply{Text: "I look at that.", Calls: []Call{p.forced(r)}, StopReason: StopToolUse, Task: title}
	}
	var answer any
	switch title {
	case "detection_answer":
		answer = detect(p)
	case "diagnosis_answer":
		if why, calls := investigate(p, r); len(calls) > 0 {
			return Reply{Text: why, Calls: calls, StopReason: StopToolUse, Task: title}
		}
		answer = diagnose(p)
	case "prediction_answer":
		if why, calls := measure(p, r); len(calls) > 0 {
			return Reply{Text: why, Calls: calls, StopReason: StopToolUse, Task: title}
		}
		answer = predict(p)
	case "resolution_answer":
		answer = resolve(p)
	case "communication_answer":
		answer = communicate(p)
	case "question_answer":
		if why, calls := look(p, r); len(calls) > 0 {
			return Reply{Text: why, Calls: calls, StopReason: StopToolUse, Task: title}
		}
		answer = reply(p)
	default:
		return Reply{Text: "I was given no schema that I know, so I cannot answer.", StopReason: StopEndTurn, Task: title}
	}
	raw, err := json.Marshal(answer)
	if err != nil {
		panic("brain: an answer of plain data does not encode: " + err.Error())
	}
	return Reply{Text: string(raw), StopReason: StopEndTurn, Task: title}
}

// SchemaMarker is what a JSON Schema in a system prompt follows.
const SchemaMarker = "matches this schema:"

// schemaTitle is the title of the JSON Schema that the system prompt ends with.
func schemaTitle(system string) string {
	i := strings.LastIndex(system, SchemaMarker)
	if i < 0 {
		return ""
	}
	var schema struct {
		Title string `json:"title"`
	}
	if json.NewDecoder(strings.NewReader(system[i+len(SchemaMarker):])).Decode(&schema) != nil {
		return "" // no schema; Answer says so
	}
	return schema.Title
}

// Tokens estimates how many tokens a text is.
func Tokens(text string) int { return (utf8.RuneCountInString(text) + 3) / 4 }

// InputTokens estimates the tokens of everything that a request shows to the
// model.
func InputTokens(r Request) int {
	n := Tokens(r.System)
	for _, t := range r.Tools {
		n += 40 + Tokens(t) // its description and schema
	}
	for _, m := range r.Messages {
		n += Tokens(m.Text)
		for _, c := range m.Calls {
			n += Tokens(c.Name) + Tokens(string(c.Input))
		}
		for _, res := range m.Results {
			n += Tokens(res.Text)
		}
	}
	return n
}

// OutputTokens estimates the tokens of a reply.
func OutputTokens(r Reply) int {
	n := Tokens(r.Text)
	for _, c := range r.Calls {
		n += Tokens(c.Name) + Tokens(string(c.Input))
	}
	return n
}
