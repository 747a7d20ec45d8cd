// Package nats hands events to the JetStream streams of package bus.
//
// An incident's events go out in order, each after the stream has acknowledged
// the one before, under the event's id as message id: whatever is sent again,
// after a crash or a lost acknowledgement, the stream drops. When Publish
// returns nil, every event is stored. When it fails, some of them may be: the
// caller sends the same events again.
//
// Publisher is safe for concurrent use; the order holds within one call.
package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"vigil/activities"
	"vigil/internal/bus"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// JetStream is the part of a JetStream context that publishing needs.
type JetStream interface {
	PublishMsg(ctx context.Context, m *nats.Msg, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error)
}

// Publisher publishes events.
type Publisher struct {
	js  JetStream
	now func() time.Time
}

var _ activities.Publisher = (*Publisher)(nil)

// New makes a Publisher. now stamps the moment of hand-over; nil is time.Now.
func New(js JetStream, now func() time.Time) *Publisher {
	if now == nil {
		now = time.Now
	}
	return &Publisher{js: js, now: now}
}

// Publish stores events in the stream, in order.
func (p *Publisher) Publish(ctx context.Context, events []event.Event) error {
	for _, e := range events {
		if e.ID == "" || e.IncidentID == "" {
			return incident.Errorf(incident.KindInvalid, "publish event %d of incident %q: it needs an id and an incident", e.Seq, e.IncidentID)
		}
		e.PublishedAt = p.now().UTC()
		body, err := json.Marshal(e)
		if err != nil {
			return &incident.Error{Kind: incident.KindInvalid, Op: "publish event " + e.ID, Msg: "it cannot be encoded", Err: err}
		}
		m := nats.NewMsg(bus.Subject(e.IncidentID))
		m.Data = body
		if _, err := p.js.PublishMsg(ctx, m, jetstream.WithMsgID(e.ID), jetstream.WithExpectStream(bus.EventStream)); err != nil {
			return failure("publish event "+e.ID, len(body), err)
		}
	}
	return nil
}

// PublishSystem stores the latest value of a system event that has one source.
func (p *Publisher) PublishSystem(ctx context.Context, e event.SystemEvent) error {
	return p.PublishSystemOf(ctx, "", e)
}

// PublishSystemOf stores the latest value of a system event as source says it:
// each of several sources, such as workers, has a latest value of its own.
func (p *Publisher) PublishSystemOf(ctx context.Context, source string, e event.SystemEvent) error {
	if e.Type == "" {
		return incident.Errorf(incident.KindInvalid, "publish a system event: it has no type")
	}
	body, err := json.Marshal(e)
	if err != nil {
		return &incident.Error{Kind: incident.KindInvalid, Op: "publish " + e.Type, Msg: "it cannot be encoded", Err: err}
	}
	m := nats.NewMsg(bus.System(e.Type, source))
	m.Data = body
	if _, err := p.js.PublishMsg(ctx, m, jetstream.WithExpectStream(bus.SystemStream)); err != nil {
		return failure("publish "+e.Type, len(body), err)
	}
	return nil
}

// failure says what kind of error err is: an event that the stream can never
// take is invalid, everything else is the stream being away.
func failure(op string, size int, err error) error {
	e := &incident.Error{Kind: incident.KindUnavailable, Op: op, Msg: "the stream did not acknowledge it; it is sent again", Err: err}
	switch {
	case errors.Is(err, nats.ErrMaxPayload):
		e.Kind, e.Msg = incident.KindInvalid, fmt.Sprintf("its %d bytes are more than the server's max_payload", size)
	case errors.Is(err, nats.ErrBadSubject):
		e.Kind, e.Msg = incident.KindInvalid, "its subject is not valid"
	case errors.Is(err, jetstream.ErrNoStreamResponse):
		e.Msg = "no stream takes it; has the gateway or worker that makes the streams not started?"
	}
	return e
}
