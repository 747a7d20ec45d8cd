package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"vigil/internal/bus"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// Publisher puts events on the stream that the gateway makes itself, because
// the workflow no longer can. They come back through the relay like any other.
type Publisher struct {
	js  jetstream.JetStream
	now func() time.Time
}

// NewPublisher makes a Publisher.
func NewPublisher(js jetstream.JetStream) *Publisher { return &Publisher{js: js, now: time.Now} }

// PublishEvent returns once the stream has the event on disk. Repeating it is
// harmless: the stream drops an id that it had lately, and the store for ever.
func (p *Publisher) PublishEvent(ctx context.Context, e event.Event) error {
	e.Epoch, e.Offset, e.PublishedAt = "", 0, p.now().UTC()
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("publish event %s: encode it: %w", e.ID, err)
	}
	_, err = p.js.Publish(ctx, bus.Subject(e.IncidentID), body, jetstream.WithMsgID(e.ID), jetstream.WithExpectStream(bus.EventStream))
	if err != nil {
		return &incident.Error{Kind: incident.KindUnavailable, Op: "publish event " + e.ID,
			Msg: "the event stream did not take it; try again", Err: err}
	}
	return nil
}
