package awstest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/aws/smithy-go/eventstream"
)

// Event is one event of a stream: its type and its data as JSON. A type that
// ends in Exception ends the stream.
type Event struct {
	Type string
	JSON string
}

// Frame is e as AWS frames it.
func (e Event) Frame() []byte {
	kind, name, value := eventstream.EventMessageType, eventstream.EventTypeHeader, e.Type
	if strings.HasSuffix(e.Type, "Exception") {
		kind, name = eventstream.ExceptionMessageType, eventstream.ExceptionTypeHeader
	}
	var b bytes.Buffer
	err := eventstream.NewEncoder().Encode(&b, eventstream.Message{Payload: []byte(e.JSON), Headers: eventstream.Headers{
		{Name: eventstream.MessageTypeHeader, Value: eventstream.StringValue(kind)},
		{Name: name, Value: eventstream.StringValue(value)},
		{Name: eventstream.ContentTypeHeader, Value: eventstream.StringValue("application/json")},
	}})
	if err != nil {
		panic(err) // nothing of a test is too long for a frame
	}
	return b.Bytes()
}

// Stream is a successful answer of several events.
func Stream(events ...Event) Answer {
	var body []byte
	for _, e := range events {
		body = append(body, e.Frame()...)
	}
	return Answer{Status: 200, Header: http.Header{"Content-Type": {"application/vnd.amazon.eventstream"}}, Body: body}
}

// TextEvents are the events of an answer that says pieces and stops for
// reason, without the metadata that ends it.
func TextEvents(reason string, pieces ...string) []Event {
	events := []Event{{"messageStart", `{"role":"assistant"}`}}
	for _, p := range pieces {
		events = append(events, Event{"contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":` + quote(p) + `}}`})
	}
	return append(events, Event{"contentBlockStop", `{"contentBlockIndex":0}`}, Event{"messageStop", `{"stopReason":` + quote(reason) + `}`})
}

// Usage ends an answer with what it consumed; tokens are the members of
// Bedrock's usage.
func Usage(tokens string) Event {
	return Event{"metadata", `{"usage":{` + tokens + `},"metrics":{"latencyMs":3}}`}
}

func quote(s string) string {
	raw, err := json.Marshal(s)
	if err != nil {
		panic(err) // no string fails
	}
	return string(raw)
}
