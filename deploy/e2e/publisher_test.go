package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	publish "vigil/activities/nats"
	embedded "vigil/deploy/nats"
	"vigil/internal/bus"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// mustServe runs a NATS server with its files in dir, until stop or the end of
// the test.
func mustServe(t *testing.T, dir, addr string) (s *embedded.Server, stop func()) {
	t.Helper()
	s, err := embedded.New(embedded.Config{Dir: dir, Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	stop = func() {
		once.Do(func() {
			if err := s.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(stop)
	return s, stop
}

func mustConnect(t *testing.T, s *embedded.Server) *nats.Conn {
	t.Helper()
	nc, err := bus.Connect(s.URL(), t.Name(), s.Options()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

func mustOpen(t *testing.T, nc *nats.Conn) *bus.Streams {
	t.Helper()
	streams, err := bus.Open(t.Context(), nc, 1)
	if err != nil {
		t.Fatal(err)
	}
	return streams
}

func notes(t *testing.T, incidentID string, from, to int64) []event.Event {
	t.Helper()
	var out []event.Event
	for seq := from; seq <= to; seq++ {
		e, err := event.New(&event.IncidentNoted{By: "jane", Text: fmt.Sprintf("note %d", seq)}, incidentID, "run-of-"+incidentID, seq,
			time.Date(2026, 11, 23, 12, 0, int(seq), 0, time.UTC), incident.Provenance{Origin: incident.OriginLive})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

// stored reads the whole event stream.
func stored(t *testing.T, s *bus.Streams) []event.Event {
	t.Helper()
	info, err := s.Events.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []event.Event
	for seq := info.State.FirstSeq; seq != 0 && seq <= info.State.LastSeq; seq++ {
		m, err := s.Events.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		var e event.Event
		if err := json.Unmarshal(m.Data, &e); err != nil {
			t.Fatal(err)
		}
		if got := m.Header.Get(nats.MsgIdHdr); got != e.ID {
			t.Errorf("message %d has the id %q, its event %q", seq, got, e.ID)
		}
		if e.PublishedAt.IsZero() {
			t.Errorf("event %s does not say when it was handed over", e.ID)
		}
		out = append(out, e)
	}
	return out
}

// checkNotes holds the events of each incident to be 1 … n, each once, in order.
func checkNotes(t *testing.T, events []event.Event, want map[string]int64) {
	t.Helper()
	last := map[string]int64{}
	for _, e := range events {
		if e.Seq != last[e.IncidentID]+1 {
			t.Errorf("%s: %d follows %d", e.IncidentID, e.Seq, last[e.IncidentID])
		}
		last[e.IncidentID] = e.Seq
	}
	for id, n := range want {
		if last[id] != n {
			t.Errorf("%s: %d events are stored, want %d", id, last[id], n)
		}
	}
}

// TestPublisherRepeats: batches that overlap, as after a lost acknowledgement,
// leave each event once.
func TestPublisherRepeats(t *testing.T) {
	t.Parallel()
	s, _ := mustServe(t, t.TempDir(), "")
	streams := mustOpen(t, mustConnect(t, s))
	p := publish.New(streams.JS, nil)
	for _, batch := range [][]event.Event{notes(t, "demo-1", 1, 3), notes(t, "demo-1", 1, 3), notes(t, "demo-1", 2, 6), notes(t, "a b.c", 1, 2), notes(t, "demo-1", 1, 6)} {
		if err := p.Publish(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	checkNotes(t, stored(t, streams), map[string]int64{"demo-1": 6, "a b.c": 2})
}

// TestPublisherInParallel: incidents do not wait for one another, and each
// keeps its order.
func TestPublisherInParallel(t *testing.T) {
	t.Parallel()
	s, _ := mustServe(t, t.TempDir(), "")
	streams := mustOpen(t, mustConnect(t, s))
	p := publish.New(streams.JS, nil)
	want := map[string]int64{}
	var wg sync.WaitGroup
	for i := range 8 {
		id := fmt.Sprintf("inc-%d", i)
		want[id] = 20
		batch := notes(t, id, 1, 20)
		wg.Go(func() {
			if err := p.Publish(t.Context(), batch); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	checkNotes(t, stored(t, streams), want)
}

// TestPublisherSurvivesTheServer: what fails while the server is away is sent
// again when it is back, and nothing is stored twice. The server forgets no
// message id when it restarts.
func TestPublisherSurvivesTheServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, stop := mustServe(t, dir, "127.0.0.1:0")
	addr := strings.TrimPrefix(s.URL(), "nats://")
	nc, err := bus.Connect(s.URL(), t.Name(), nats.ReconnectWait(20*time.Millisecond), nats.ReconnectJitter(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	streams := mustOpen(t, nc)
	p := publish.New(streams.JS, nil)
	if err := p.Publish(t.Context(), notes(t, "demo-1", 1, 2)); err != nil {
		t.Fatal(err)
	}

	stop()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := p.Publish(ctx, notes(t, "demo-1", 1, 4)); err == nil || incident.KindOf(err) != incident.KindUnavailable {
		t.Fatalf("without a server: %v, want unavailable", err)
	}

	mustServe(t, dir, addr)
	ctx, cancel = context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for p.Publish(ctx, notes(t, "demo-1", 1, 4)) != nil { // as the workflow does, without limit
		if ctx.Err() != nil {
			t.Fatal("the publisher did not come back")
		}
	}
	checkNotes(t, stored(t, streams), map[string]int64{"demo-1": 4})
}

func TestPublisherRefusals(t *testing.T) {
	t.Parallel()
	s, _ := mustServe(t, t.TempDir(), "")
	nc := mustConnect(t, s)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	p := publish.New(js, nil)
	if err := p.Publish(t.Context(), notes(t, "demo-1", 1, 1)); err == nil || incident.KindOf(err) != incident.KindUnavailable {
		t.Errorf("no stream: %v, want unavailable", err)
	}
	streams := mustOpen(t, nc)
	large := notes(t, "demo-1", 1, 1)
	large[0].Data = json.RawMessage(`{"text":"` + strings.Repeat("x", int(nc.MaxPayload())) + `"}`)
	if err := p.Publish(t.Context(), large); err == nil || incident.KindOf(err) != incident.KindInvalid {
		t.Errorf("too large: %v, want invalid", err)
	}
	if got := stored(t, streams); len(got) != 0 {
		t.Errorf("%d events are stored", len(got))
	}
}

// TestPublisherSystemEvents: of each type the latest value is kept.
func TestPublisherSystemEvents(t *testing.T) {
	t.Parallel()
	s, _ := mustServe(t, t.TempDir(), "")
	streams := mustOpen(t, mustConnect(t, s))
	p := publish.New(streams.JS, nil)
	for n := range 3 {
		for _, kind := range []string{event.TypeAWSServices, event.TypeBusinessMetrics} {
			e := event.SystemEvent{Type: kind, At: time.Now(), Provenance: incident.Provenance{Origin: incident.OriginLive}, Data: json.RawMessage(fmt.Sprint(n))}
			if err := p.PublishSystem(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, subject := range []string{"vigil.sys.aws-services", "vigil.sys.business-metrics"} {
		m, err := streams.System.GetLastMsgForSubject(t.Context(), subject)
		if err != nil {
			t.Fatal(err)
		}
		var e event.SystemEvent
		if err := json.Unmarshal(m.Data, &e); err != nil || string(e.Data) != "2" {
			t.Errorf("%s holds %s, %v", subject, m.Data, err)
		}
	}
	if info, err := streams.System.Info(t.Context()); err != nil || info.State.Msgs != 2 {
		t.Errorf("%+v, %v; want 2 values", info, err)
	}
}
