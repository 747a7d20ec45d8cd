package nats_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"vigil/activities/nats"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// fakeStream keeps what is published and fails from message failAt on.
// Message ids and streams travel in options that only the real client can
// read; deploy/e2e publishes to a real server.
type fakeStream struct {
	got    []*natsgo.Msg
	failAt int
	err    error
}

func (f *fakeStream) PublishMsg(_ context.Context, m *natsgo.Msg, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	if f.err != nil && len(f.got) == f.failAt {
		return nil, f.err
	}
	f.got = append(f.got, m)
	return &jetstream.PubAck{Sequence: uint64(len(f.got))}, nil
}

// clock counts a second for each look.
func clock() func() time.Time {
	n := 0
	return func() time.Time { n++; return noon.Add(time.Duration(n) * time.Second) }
}

func events(t *testing.T, incidentID string, n int) []event.Event {
	t.Helper()
	var out []event.Event
	for seq := range int64(n) {
		e, err := event.New(&event.IncidentNoted{By: "jane", Text: "x"}, incidentID, "run", seq+1, noon, incident.Provenance{Origin: incident.OriginLive})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

func TestPublish(t *testing.T) {
	t.Parallel()
	f, batch := &fakeStream{}, events(t, "demo-1", 3)
	if err := nats.New(f, clock()).Publish(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	if len(f.got) != 3 {
		t.Fatalf("%d messages", len(f.got))
	}
	for i, m := range f.got {
		var e event.Event
		if err := json.Unmarshal(m.Data, &e); err != nil {
			t.Fatal(err)
		}
		want := batch[i]
		want.PublishedAt = noon.Add(time.Duration(i+1) * time.Second) // each when it was its turn
		if m.Subject != "inc.evt.demo-1" || !reflect.DeepEqual(e, want) {
			t.Errorf("%s %+v\nwant %+v", m.Subject, e, want)
		}
	}
	if !batch[0].PublishedAt.IsZero() {
		t.Error("the caller's events were changed")
	}
	if err := nats.New(f, nil).Publish(t.Context(), nil); err != nil || len(f.got) != 3 {
		t.Errorf("nothing to publish: %v", err)
	}
}

func TestSubjects(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"inc-7f_A": "inc.evt.inc-7f_A", "a.b": "inc.evt.a%2Eb", "a b": "inc.evt.a%20b", "*": "inc.evt.%2A", ">": "inc.evt.%3E", "ü%": "inc.evt.%C3%BC%25",
	} {
		f := &fakeStream{}
		if err := nats.New(f, nil).Publish(t.Context(), events(t, id, 1)); err != nil || f.got[0].Subject != want {
			t.Errorf("%q goes to %s, %v; want %s", id, f.got[0].Subject, err, want)
		}
	}
}

func TestPublishStopsAtTheFirstFailure(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want incident.Kind
	}{
		"no ack":      {natsgo.ErrTimeout, incident.KindUnavailable},
		"no stream":   {jetstream.ErrNoStreamResponse, incident.KindUnavailable},
		"closed":      {natsgo.ErrConnectionClosed, incident.KindUnavailable},
		"given up":    {context.Canceled, incident.KindUnavailable},
		"too large":   {natsgo.ErrMaxPayload, incident.KindInvalid},
		"bad subject": {natsgo.ErrBadSubject, incident.KindInvalid},
	} {
		f := &fakeStream{failAt: 1, err: c.err}
		err := nats.New(f, nil).Publish(t.Context(), events(t, "demo-1", 3))
		if incident.KindOf(err) != c.want || !errors.Is(err, c.err) || len(f.got) != 1 {
			t.Errorf("%s: %v after %d messages; want %s after 1", name, err, len(f.got), c.want)
		}
	}
}

func TestPublishRefuses(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]event.Event{
		"no id":       {IncidentID: "demo-1", Data: json.RawMessage(`{}`)},
		"no incident": {ID: "run/1", Data: json.RawMessage(`{}`)},
		"no JSON":     {ID: "run/1", IncidentID: "demo-1", Data: json.RawMessage(`{`)},
	} {
		f := &fakeStream{}
		if err := nats.New(f, nil).Publish(t.Context(), []event.Event{e}); err == nil || incident.KindOf(err) != incident.KindInvalid || len(f.got) != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPublishSystem(t *testing.T) {
	t.Parallel()
	f := &fakeStream{}
	p := nats.New(f, nil)
	e := event.SystemEvent{Type: event.TypeAWSServices, At: noon, Provenance: incident.Provenance{Origin: incident.OriginLive}, Data: json.RawMessage(`{"services":[]}`)}
	if err := p.PublishSystem(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if f.got[0].Subject != "vigil.sys.aws-services" {
		t.Errorf("subject %s", f.got[0].Subject)
	}
	if err := p.PublishSystemOf(t.Context(), "worker 1@host.a", e); err != nil || f.got[1].Subject != "vigil.sys.aws-services.worker%201%40host%2Ea" {
		t.Errorf("%v, subject %s", err, f.got[1].Subject)
	}
	if err := p.PublishSystem(t.Context(), event.SystemEvent{}); incident.KindOf(err) != incident.KindInvalid {
		t.Errorf("no type: %v", err)
	}
	f.failAt, f.err = 2, natsgo.ErrTimeout
	if err := p.PublishSystem(t.Context(), e); incident.KindOf(err) != incident.KindUnavailable {
		t.Errorf("no ack: %v", err)
	}
}
