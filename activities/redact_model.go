package activities

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// redactRequest redacts all that a model is told of the incident. The system
// prompt and the tools are Vigil's own words.
func redactRequest(r ModelRequest) ModelRequest {
	r.Messages = slices.Clone(r.Messages)
	for i := range r.Messages {
		m := &r.Messages[i]
		m.Text = Redact(m.Text)
		m.Calls = redactCalls(m.Calls)
		m.Results = slices.Clone(m.Results)
		for j := range m.Results {
			m.Results[j].Text = Redact(m.Results[j].Text)
		}
	}
	return r
}

// redactReply redacts what a model said, as the pieces of it were. An answer
// that is JSON stays JSON.
func redactReply(r ModelReply) ModelReply {
	text := Redact(r.Text)
	if text != r.Text && json.Valid([]byte(r.Text)) && !json.Valid([]byte(text)) {
		text = string(redactJSON(json.RawMessage(r.Text)))
	}
	r.Text, r.Calls = text, redactCalls(r.Calls)
	return r
}

func redactCalls(calls []ToolRequest) []ToolRequest {
	calls = slices.Clone(calls)
	for i := range calls {
		calls[i].Input = redactJSON(calls[i].Input)
	}
	return calls
}

// redactJSON redacts the strings within a JSON value, where the whole holds
// anything to redact at all. What is no JSON is left for whoever reads it to
// refuse.
func redactJSON(raw json.RawMessage) json.RawMessage {
	if Redact(string(raw)) == string(raw) {
		return raw
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return raw
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if enc.Encode(redactValue("", v)) != nil {
		return raw
	}
	return json.RawMessage(strings.TrimSpace(out.String()))
}

// redactValue redacts v, which a JSON object has under name.
func redactValue(name string, v any) any {
	switch v := v.(type) {
	case string:
		if named := name + ": " + strings.ReplaceAll(v, " ", "_"); v != "" && Redact(named) != named && Redact(v) == v {
			return redacted // the name says that it is a secret, the value alone does not
		}
		return Redact(v)
	case json.Number:
		if named := name + ": " + v.String(); Redact(named) != named {
			return redacted
		}
		return v
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[Redact(k)] = redactValue(k, e)
		}
		return out
	case []any:
		for i := range v {
			v[i] = redactValue(name, v[i])
		}
	}
	return v
}
