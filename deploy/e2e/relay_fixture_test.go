package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/nats-io/nats.go"

	publish "vigil/activities/nats"
	"vigil/gateway/hub"
	"vigil/gateway/relay"
	"vigil/gateway/store/sqlite"
	"vigil/internal/bus"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// relayPatience bounds every wait. It is only ever used up by a failing test.
const relayPatience = 30 * time.Second

// relayed is the way of an event without a workflow: publisher, stream, store,
// hub, socket, each the real one.
type relayed struct {
	t       *testing.T
	streams *bus.Streams
	publish *publish.Publisher
	store   *sqlite.Store
	hub     *hub.Hub
	server  *httptest.Server
	filler  *pastEvents
	cfg     relay.Config
	relay   *relay.Relay
	nc      *nats.Conn
}

// pastEvents is what workflows remember.
type pastEvents struct {
	mu     sync.Mutex
	events map[string][]event.Event // by incident
}

func (p *pastEvents) EventsSince(_ context.Context, id, _ string, after int64) ([]event.Event, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	all, ok := p.events[id]
	if !ok {
		return nil, incident.Errorf(incident.KindNotFound, "no workflow %s", id)
	}
	return all[after:], nil
}

func (p *pastEvents) remember(id string, events []event.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events[id] = events
}

func startRelayed(t *testing.T, nc *nats.Conn) *relayed {
	t.Helper()
	streams := mustOpen(t, nc)
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "gateway.db"))
	if err != nil {
		t.Fatal(err)
	}
	r := &relayed{t: t, streams: streams, publish: publish.New(streams.JS, nil), store: store, nc: nc,
		filler: &pastEvents{events: map[string][]event.Event{}},
		cfg:    relay.Config{CheckEvery: 50 * time.Millisecond, RetryMin: 5 * time.Millisecond, RetryMax: 100 * time.Millisecond}}
	r.startGateway()
	t.Cleanup(func() {
		r.stopGateway()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// startGateway starts relay and hub on the store as it is.
func (r *relayed) startGateway() {
	r.t.Helper()
	r.hub = hub.New(hub.Config{CloseWait: 100 * time.Millisecond}, relay.NewSource(r.store, 50))
	r.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.hub.Serve(w, req, event.Welcome{Principal: incident.Principal{Name: "ada", Role: incident.RoleViewer}})
	}))
	r.startRelay()
	// Who comes before that is given a second snapshot, when the epoch is known.
	r.until("the hub knows the epoch", func() bool { return r.hub.Position().Epoch != "" })
}

func (r *relayed) startRelay() {
	r.t.Helper()
	r.relay = relay.New(r.cfg, relay.JetStream(func(ctx context.Context) (*bus.Streams, error) { return bus.Open(ctx, r.nc, 1) }), r.store, r.hub, r.filler)
	if err := r.relay.Start(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

func (r *relayed) stopRelay() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), relayPatience)
	defer cancel()
	if err := r.relay.Stop(ctx); err != nil {
		r.t.Error(err)
	}
}

func (r *relayed) stopGateway() {
	r.t.Helper()
	r.stopRelay()
	ctx, cancel := context.WithTimeout(context.Background(), relayPatience)
	defer cancel()
	if err := r.hub.Shutdown(ctx); err != nil {
		r.t.Error(err)
	}
	r.server.Close()
}

// send publishes, and returns the offset of the last event.
func (r *relayed) send(events []event.Event) {
	r.t.Helper()
	if err := r.publish.Publish(r.t.Context(), events); err != nil {
		r.t.Fatal(err)
	}
}

// reader is one socket.
type reader struct {
	t    *testing.T
	conn *websocket.Conn
}

func (r *relayed) connect(cursor *event.Cursor) *reader {
	r.t.Helper()
	conn, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(r.server.URL, "http"), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	hello := event.Hello{Type: event.FrameHello, Protocol: event.Protocol, Topics: []string{event.TopicIncidents}, Cursor: cursor}
	if err := conn.WriteJSON(hello); err != nil {
		r.t.Fatal(err)
	}
	return &reader{t: r.t, conn: conn}
}

// next returns the next frame other than a position.
func (s *reader) next() (kind string, body []byte) {
	s.t.Helper()
	for {
		if err := s.conn.SetReadDeadline(time.Now().Add(relayPatience)); err != nil {
			s.t.Fatal(err)
		}
		_, body, err := s.conn.ReadMessage()
		if err != nil {
			s.t.Fatalf("read the socket: %v", err)
		}
		var head struct{ Type string }
		if err := json.Unmarshal(body, &head); err != nil {
			s.t.Fatal(err)
		}
		if head.Type != event.FramePosition {
			return head.Type, body
		}
	}
}

func (s *reader) frame(kind string, out any) {
	s.t.Helper()
	got, body := s.next()
	if got != kind {
		s.t.Fatalf("got a frame %q (%s), want %q", got, body, kind)
	}
	if err := json.Unmarshal(body, out); err != nil {
		s.t.Fatal(err)
	}
}

// snapshot reads welcome and snapshot.
func (s *reader) snapshot() event.Snapshot {
	s.t.Helper()
	var w event.Welcome
	s.frame(event.FrameWelcome, &w)
	if w.Resumed {
		s.t.Fatal("resumed, want a snapshot")
	}
	var snap event.Snapshot
	s.frame(event.FrameSnapshot, &snap)
	return snap
}

// events reads events from to to of an incident, and returns the last offset.
func (s *reader) events(id string, from, to int64) uint64 {
	s.t.Helper()
	var offset uint64
	for seq := from; seq <= to; seq++ {
		var e event.Event
		kind, body := s.next()
		if err := json.Unmarshal(body, &e); err != nil {
			s.t.Fatal(err)
		}
		if e.IncidentID != id || e.Seq != seq {
			s.t.Fatalf("got a frame %q, %s of %q, want event %d of %s", kind, e.ID, e.IncidentID, seq, id)
		}
		offset = max(offset, e.Offset)
	}
	return offset
}

// applied waits until the store is at offset.
func (r *relayed) applied(offset uint64) {
	r.t.Helper()
	r.until(fmt.Sprintf("offset %d is applied", offset), func() bool { return r.relay.Applied().Offset == offset })
}

func (r *relayed) until(what string, cond func() bool) {
	r.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(relayPatience); !cond(); <-tick.C {
		if time.Now().After(deadline) {
			r.t.Fatalf("waited %v in vain: %s; status %+v", relayPatience, what, r.relay.Status())
		}
	}
}

func (r *relayed) cursorOf(t *testing.T) string {
	t.Helper()
	at, err := r.store.Applied(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return at.Epoch
}
