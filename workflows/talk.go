package workflows

import (
	"vigil/activities"
	"vigil/workflows/incident"
)

// maxExchange bounds the turns of one model in one task. A model that has not
// answered by then goes on asking for tools for ever.
const maxExchange = 8

// talk is what is said in one task, by one model after another. It is plain
// data that knows nothing of a workflow, so that models are measured by the
// conversation that incidents have with them (Consult).
type talk struct {
	messages []activities.Message
	kept     int // messages that the next model is told as well
	turns    int // of the model that is asked now
	repaired bool
}

func newTalk(prompt string) *talk {
	return &talk{messages: []activities.Message{{Role: "user", Text: prompt}}}
}

// begin turns to another model.
func (c *talk) begin() { c.kept, c.turns, c.repaired = len(c.messages), 0, false }

// next begins a turn, and is false where the model has had all of them.
func (c *talk) next() bool {
	c.turns++
	return c.turns <= maxExchange
}

// request completes a request with all that was said.
func (c *talk) request(r activities.ModelRequest) activities.ModelRequest {
	r.Messages = c.messages
	if c.turns == maxExchange {
		r.Tools = nil // the last one has to be the answer
	}
	return r
}

// hear takes a reply. One without wishes for tools is read as the answer;
// problem says why it is none, "" for nothing.
func (c *talk) hear(reply activities.ModelReply, answer any) (problem string) {
	c.messages = append(c.messages, activities.Message{Role: "assistant", Text: reply.Text, Calls: reply.Calls})
	if len(reply.Calls) == 0 {
		if err := parseAnswer(reply.Text, answer); err != nil {
			return err.Error()
		}
	}
	return ""
}

// bring tells the model what its tools brought, which is worth keeping for
// another one.
func (c *talk) bring(outputs []activities.ToolOutput) {
	c.messages = append(c.messages, activities.Message{Role: "user", Results: outputs})
	c.kept = len(c.messages)
}

// repair asks once more for an answer that could not be read. The error says
// that it was asked before.
func (c *talk) repair(problem string) error {
	if c.repaired {
		c.takeBack()
		return incident.Errorf(incident.KindInvalid, "the model's answer cannot be used, nor its second try: %s", problem)
	}
	c.repaired = true
	c.messages = append(c.messages, activities.Message{Role: "user",
		Text: "That is not one JSON object of the schema (" + clip(problem, 300) + "). Answer again with the JSON object alone."})
	return nil
}

// takeBack forgets an answer that is not used.
func (c *talk) takeBack() { c.messages = c.messages[:c.kept] }

// giveUp ends with a model that has had all its turns.
func (c *talk) giveUp() error {
	c.messages = c.messages[:1] // its questions would only lead the next one on
	return incident.Errorf(incident.KindInvalid, "no answer within %d turns", maxExchange)
}
