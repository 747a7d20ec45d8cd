package nats_test

import (
	"context"
	"encoding/json"
	"testing"

	natsgo "github.com/nats-io/nats.go"

	"vigil/activities/nats"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

type fakeCore struct {
	status natsgo.Status
	got    chan *natsgo.Msg
}

func (f *fakeCore) Status() natsgo.Status { return f.status }

func (f *fakeCore) Publish(subject string, data []byte) error {
	f.got <- &natsgo.Msg{Subject: subject, Data: data}
	return nil
}

func TestDeltas(t *testing.T) {
	t.Parallel()
	f := &fakeCore{status: natsgo.CONNECTED, got: make(chan *natsgo.Msg, 2)}
	s := nats.NewDeltas(f)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	for i := range 2 {
		s.Delta(event.ModelDelta{Type: event.TypeModelDelta, IncidentID: "inc.1", Index: i, Text: "so", Origin: incident.OriginSimulated})
	}
	for i := range 2 {
		m := <-f.got
		var d event.ModelDelta
		if err := json.Unmarshal(m.Data, &d); err != nil || m.Subject != "vigil.tok.inc%2E1" || d.Index != i || d.Text != "so" {
			t.Errorf("piece %d: %s on %s, %v", i, m.Data, m.Subject, err)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestDeltasNeverBlock: nobody sends, and nobody waits for it.
func TestDeltasNeverBlock(t *testing.T) {
	t.Parallel()
	s := nats.NewDeltas(&fakeCore{})
	for range 5000 {
		s.Delta(event.ModelDelta{IncidentID: "inc-1"})
	}
}

// TestDeltasWithoutConnection: what cannot be sent now is not sent later.
func TestDeltasWithoutConnection(t *testing.T) {
	t.Parallel()
	f := &fakeCore{status: natsgo.RECONNECTING, got: make(chan *natsgo.Msg, 1)}
	s := nats.NewDeltas(f)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	s.Delta(event.ModelDelta{IncidentID: "inc-1"})
	go func() { done <- s.Run(ctx) }()
	cancel()
	if err := <-done; err != nil || len(f.got) != 0 {
		t.Errorf("%v, %d sent", err, len(f.got))
	}
}
