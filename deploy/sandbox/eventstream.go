package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"time"

	"github.com/aws/smithy-go/eventstream"
)

const eventStreamType = "application/vnd.amazon.eventstream"

// eventStream is an answer that is sent in pieces: one frame of AWS's binary
// framing, with checksums, for each event.
type eventStream struct {
	header http.Header
	events []streamEvent
	pause  time.Duration // before each event but the first
}

// streamEvent is one event, or an exception that ends the stream.
type streamEvent struct {
	kind      string // such as contentBlockDelta or throttlingException
	exception bool
	payload   any
}

func (e streamEvent) frame() ([]byte, error) {
	payload, err := json.Marshal(e.payload)
	if err != nil {
		return nil, fmt.Errorf("sandbox: the event %s: %w", e.kind, err)
	}
	message := eventstream.Message{Payload: payload, Headers: eventstream.Headers{
		{Name: eventstream.ContentTypeHeader, Value: eventstream.StringValue("application/json")},
	}}
	if e.exception {
		message.Headers = append(message.Headers,
			eventstream.Header{Name: eventstream.MessageTypeHeader, Value: eventstream.StringValue(eventstream.ExceptionMessageType)},
			eventstream.Header{Name: eventstream.ExceptionTypeHeader, Value: eventstream.StringValue(e.kind)})
	} else {
		message.Headers = append(message.Headers,
			eventstream.Header{Name: eventstream.MessageTypeHeader, Value: eventstream.StringValue(eventstream.EventMessageType)},
			eventstream.Header{Name: eventstream.EventTypeHeader, Value: eventstream.StringValue(e.kind)})
	}
	var b bytes.Buffer
	if err := eventstream.NewEncoder().Encode(&b, message); err != nil {
		return nil, fmt.Errorf("sandbox: the event %s: %w", e.kind, err)
	}
	return b.Bytes(), nil
}

// frames encodes all of a stream, as st leaves it, before any of it is sent.
func (e *eventStream) frames(st strike) ([][]byte, error) {
	events := e.events
	if st.mode == ChaosStreamException {
		events = append(events[:len(events)/2:len(events)/2], streamEvent{kind: lowerFirst(st.exception()), exception: true,
			payload: map[string]string{"message": "The sandbox was told to break off here."}})
	}
	out := make([][]byte, 0, len(events))
	for _, ev := range events {
		raw, err := ev.frame()
		if err != nil {
			return nil, err
		}
		out = append(out, raw)
	}
	if st.cuts() && len(out) > 0 {
		half := len(out) / 2
		out = append(out[:half], out[half][:len(out[half])/2])
	}
	return out, nil
}

// writeStream sends frames one by one. finish is called before the last: whoever
// has the whole answer in hand finds it in the log. false: the client has gone,
// the server stops, or the stream was to end in the middle.
func (s *Server) writeStream(w http.ResponseWriter, r *http.Request, e *eventStream, frames [][]byte, st strike, finish func()) bool {
	maps.Copy(w.Header(), e.header)
	w.Header().Set("Content-Type", eventStreamType)
	w.WriteHeader(http.StatusOK)
	out := http.NewResponseController(w)
	if len(frames) == 0 {
		finish()
	}
	for i, frame := range frames {
		if i > 0 && s.pause(r.Context(), e.pause) != nil {
			return false
		}
		if i == len(frames)-1 && !st.cuts() {
			finish()
		}
		if st.mode == ChaosStreamHanging && i == len(frames)/2 {
			s.hold(r.Context(), st)
			return false
		}
		if _, err := w.Write(frame); err != nil {
			return false
		}
		if err := out.Flush(); err != nil {
			return false
		}
	}
	return !st.cuts()
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return string(s[0]|0x20) + s[1:]
}
