package sandbox

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"vigil/deploy/sandbox/brain"
)

// spoil makes of a good answer the bad one that a mode asks for. Modes that
// are about answers in JSON turn a wish for tools into nothing: they wait for
// nobody.
func spoil(mode ChaosMode, r brain.Reply, asked brain.Request) brain.Reply {
	say := func(text string) brain.Reply {
		return brain.Reply{Text: text, StopReason: brain.StopEndTurn, Task: r.Task}
	}
	call := func(name, input string) brain.Reply {
		return brain.Reply{Text: "I look further.", StopReason: brain.StopToolUse, Task: r.Task,
			Calls: []brain.Call{{Name: name, Input: json.RawMessage(input)}}}
	}
	finished := func() brain.Reply { // the answer that the model gives without tools
		asked.Tools, asked.Force = nil, ""
		return brain.Answer(asked)
	}
	switch mode {
	case ChaosNotJSON:
		return say("It is hard to say what is wrong here; perhaps somebody should look at the database.")
	case ChaosProse:
		return say("Here is what I found.\n\n```json\n" + finished().Text + "\n```\n\nTell me if you need more {details}.")
	case ChaosWrongSchema:
		return say(`{"root_cause": ["the database"], "confidence": "very high", "verdict": 7, "severity": "apocalyptic", "claims": "none", "text": {}}`)
	case ChaosUnknownTool:
		return call("run_shell_command", `{"command":"uptime"}`)
	case ChaosBadToolInput:
		name := "query_metrics"
		if len(asked.Tools) > 0 {
			name = asked.Tools[0]
		}
		return call(name, `{"service":["checkout",42],"window":{"from":"yesterday"},"query":7}`)
	case ChaosNaN:
		return say(confidence.ReplaceAllString(finished().Text, `"confidence":NaN`))
	case ChaosEmpty:
		return brain.Reply{StopReason: brain.StopEndTurn, Task: r.Task}
	case ChaosCitesNothing:
		return say(citing(finished().Text, nil))
	case ChaosCitesUnknown:
		return say(citing(finished().Text, []any{"E9998", "E9999"}))
	case ChaosTruncated:
		return finished()
	case ChaosEndlessTools:
		return endless(r, asked)
	case ChaosHuge:
		return say(huge(finished().Text))
	}
	return r
}

var confidence = regexp.MustCompile(`"confidence":[0-9.eE+-]+`)

// citing puts ids in place of all that an answer cites.
func citing(text string, ids []any) string {
	if ids == nil {
		ids = []any{}
	}
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return text // no JSON: nothing is cited in it
	}
	raw, err := json.Marshal(replaceCites(v, ids))
	if err != nil {
		panic("sandbox: what was JSON does not encode: " + err.Error())
	}
	return string(raw)
}

func replaceCites(v any, ids []any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			switch k {
			case "cites", "supports", "contradicts":
				v[k] = ids
			default:
				v[k] = replaceCites(e, ids)
			}
		}
	case []any:
		for i := range v {
			v[i] = replaceCites(v[i], ids)
		}
	}
	return v
}

// endless asks for one more tool, always with another input.
func endless(r brain.Reply, asked brain.Request) brain.Reply {
	if len(asked.Tools) == 0 {
		return r
	}
	turn := 0
	for _, m := range asked.Messages {
		turn += len(m.Calls)
	}
	name := asked.Tools[turn%len(asked.Tools)]
	return brain.Reply{Text: "I need one more look.", StopReason: brain.StopToolUse, Task: r.Task,
		Calls: []brain.Call{{Name: name, Input: fmt.Appendf(nil, `{"service":"service-%d","query":"look %[1]d"}`, turn)}}}
}

// hugeSize is more than any field of an answer should be.
const hugeSize = 600_000

// huge makes the texts of an answer far too long.
func huge(text string) string {
	var v map[string]any
	if json.Unmarshal([]byte(text), &v) != nil {
		return text + strings.Repeat(" and so on", hugeSize/10)
	}
	for _, k := range []string{"summary", "text", "reason"} {
		if s, ok := v[k].(string); ok {
			v[k] = s + strings.Repeat(" and so on", hugeSize/10)
		}
	}
	raw, err := json.Marshal(v)
	if err != nil {
		panic("sandbox: what was JSON does not encode: " + err.Error())
	}
	return string(raw)
}
