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

func TestRelayFromPublisherToSocket(t *testing.T) {
	t.Parallel()
	s, _ := mustServe(t, t.TempDir(), "")
	r := startRelayed(t, mustConnect(t, s))
	r.send(notes(t, "inc-a", 1, 3))
	r.applied(3)
	socket := r.connect(nil)
	snap := socket.snapshot()
	if snap.Epoch != r.streams.Epoch || snap.Offset != 3 {
		t.Fatalf("got a snapshot at %s/%d, want %s/3", snap.Epoch, snap.Offset, r.streams.Epoch)
	}
	r.send(notes(t, "inc-a", 4, 20))
	if offset := socket.events("inc-a", 4, 20); offset != 20 {
		t.Errorf("the last event is at %d, want 20", offset)
	}
	if lag, ok := r.relay.Lag(); !ok || lag.Published <= 0 {
		t.Errorf("got lag %+v, want one that was measured", lag)
	}
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

// The relay is stopped in the middle of a stream of events and started again;
// the socket stays and misses nothing.
func TestRelayRestarts(t *testing.T) {
	t.Parallel()
	s, _ := mustServe(t, t.TempDir(), "")
	r := startRelayed(t, mustConnect(t, s))
	socket := r.connect(nil)
	socket.snapshot()
	const n = 300
	sent := make(chan error, 1)
	go func() { sent <- r.publish.Publish(t.Context(), notes(t, "inc-a", 1, n)) }()
	for seq := int64(0); seq < n; seq += n / 6 {
		socket.events("inc-a", seq+1, seq+n/6)
		r.stopRelay()
		r.startRelay()
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
}

// The whole gateway goes away; when it is back, a client with a cursor gets
// exactly what it missed.
func TestRelayGatewayRestarts(t *testing.T) {
	t.Parallel()
	s, _ := mustServe(t, t.TempDir(), "")
	r := startRelayed(t, mustConnect(t, s))
	r.send(notes(t, "inc-a", 1, 5))
	r.applied(5)
	socket := r.connect(nil)
	socket.snapshot()
	r.stopGateway()
	r.send(notes(t, "inc-a", 6, 9))
	r.startGateway()
	r.applied(9)
	socket = r.connect(&event.Cursor{Epoch: r.streams.Epoch, Offset: 5})
	var w event.Welcome
	if socket.frame(event.FrameWelcome, &w); !w.Resumed {
		t.Fatal("the cursor was not resumed")
	}
	socket.events("inc-a", 6, 9)
}

// Duplicates that the stream did not catch (other message ids) and messages
// that are no events reach nobody.
func TestRelayDuplicatesAndJunk(t *testing.T) {
	t.Parallel()
	s, _ := mustServe(t, t.TempDir(), "")
	r := startRelayed(t, mustConnect(t, s))
	socket := r.connect(nil)
	socket.snapshot()
	raw := func(body []byte) {
		t.Helper()
		if _, err := r.streams.JS.Publish(t.Context(), bus.Subject("inc-a"), body); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range notes(t, "inc-a", 1, 4) {
		body, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		raw(body)
		raw(body)
		raw([]byte("{"))
	}
	socket.events("inc-a", 1, 4)
	r.send(notes(t, "inc-a", 5, 5))
	socket.events("inc-a", 5, 5)
	if n := r.relay.Status().SetAside; n != 4 {
		t.Errorf("%d messages were set aside, want 4", n)
	}
}

func TestRelayGaps(t *testing.T) {
	t.Parallel()
	s, _ := mustServe(t, t.TempDir(), "")
	r := startRelayed(t, mustConnect(t, s))
	r.filler.remember("inc-a", notes(t, "inc-a", 1, 9))
	socket := r.connect(nil)
	socket.snapshot()
	r.send(notes(t, "inc-a", 4, 5))
	socket.events("inc-a", 1, 5)
	r.send(notes(t, "inc-a", 8, 9))
	socket.events("inc-a", 6, 9)
	r.send(notes(t, "inc-gone", 3, 3)) // nobody remembers it
	socket.events("inc-gone", 1, 3)
	if n := r.relay.Status().Lost; n != 2 {
		t.Errorf("%d events are marked as lost, want 2", n)
	}
}

// The stream is deleted and made anew under the relay's feet: what is new
// comes through, what was known is not repeated, and every client is given a
// snapshot of the new epoch.
func TestRelayStreamMadeAnew(t *testing.T) {
	t.Parallel()
	s, _ := mustServe(t, t.TempDir(), "")
	r := startRelayed(t, mustConnect(t, s))
	r.send(notes(t, "inc-a", 1, 4))
	r.applied(4)
	socket := r.connect(nil)
	before := socket.snapshot()
	if err := r.streams.JS.DeleteStream(t.Context(), bus.EventStream); err != nil {
		t.Fatal(err)
	}
	r.until("the hub is in another epoch", func() bool { return r.hub.Position().Epoch != before.Epoch })
	r.send(notes(t, "inc-a", 4, 6)) // the publisher repeats its last one
	var after event.Snapshot
	if socket.frame(event.FrameSnapshot, &after); after.Epoch == before.Epoch {
		t.Fatalf("got a snapshot of the old epoch %s", after.Epoch)
	}
	// Where in the new stream it was taken is a matter of timing.
	seq := int64(5)
	if after.Offset > 0 {
		seq = int64(after.Offset) + 4
	}
	socket.events("inc-a", seq, 6)
	if r.cursorOf(t) == before.Epoch {
		t.Error("the store is still in the old epoch")
	}
	old := r.connect(&event.Cursor{Epoch: before.Epoch, Offset: 4})
	old.snapshot()
}

func (r *relayed) cursorOf(t *testing.T) string {
	t.Helper()
	at, err := r.store.Applied(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return at.Epoch
}

// A stream that was purged and whose sequence was set back gets a new epoch.
func TestRelayRenewsAnEpoch(t *testing.T) {
	t.Parallel()
	s, _ := mustServe(t, t.TempDir(), "")
	r := startRelayed(t, mustConnect(t, s))
	r.send(notes(t, "inc-a", 1, 4))
	r.applied(4)
	r.stopRelay()
	config := r.streams.Events.CachedInfo().Config
	if err := r.streams.JS.DeleteStream(t.Context(), bus.EventStream); err != nil {
		t.Fatal(err)
	}
	if _, err := r.streams.JS.CreateStream(t.Context(), config); err != nil { // restored: same metadata, nothing in it
		t.Fatal(err)
	}
	r.startRelay()
	r.until("the stream has a new epoch", func() bool { return r.cursorOf(t) != r.streams.Epoch })
	r.send(notes(t, "inc-a", 5, 5))
	r.applied(1)
}

// The NATS server goes away and comes back with the same files.
func TestRelaySurvivesTheServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, stop := mustServe(t, dir, "127.0.0.1:0")
	addr := strings.TrimPrefix(s.URL(), "nats://")
	nc, err := bus.Connect(s.URL(), t.Name(), nats.ReconnectWait(20*time.Millisecond), nats.ReconnectJitter(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	r := startRelayed(t, nc)
	socket := r.connect(nil)
	snap := socket.snapshot()
	r.send(notes(t, "inc-a", 1, 3))
	socket.events("inc-a", 1, 3)
	stop()
	mustServe(t, dir, addr)
	for r.publish.Publish(t.Context(), notes(t, "inc-a", 1, 6)) != nil { // as the workflow does, without limit
		if t.Context().Err() != nil {
			t.Fatal("the publisher did not come back")
		}
	}
	socket.events("inc-a", 4, 6)
	if at := r.cursorOf(t); snap.Epoch != "" && at != snap.Epoch {
		t.Errorf("the epoch changed from %s to %s", snap.Epoch, at)
	}
}

// The latest system events reach those who come later, and survive the loss
// of their stream as soon as there is another value.
func TestRelaySystemEvents(t *testing.T) {
	t.Parallel()
	s, _ := mustServe(t, t.TempDir(), "")
	r := startRelayed(t, mustConnect(t, s))
	send := func(n int) {
		t.Helper()
		err := r.publish.PublishSystem(t.Context(), event.SystemEvent{Type: event.TypeAWSServices, At: time.Now(),
			Provenance: incident.Provenance{Origin: incident.OriginLive}, Data: json.RawMessage(fmt.Sprint(n))})
		if err != nil {
			t.Fatal(err)
		}
	}
	send(1)
	socket := r.connect(nil)
	socket.snapshot()
	var e event.SystemEvent
	if socket.frame(event.TypeAWSServices, &e); string(e.Data) != "1" {
		t.Errorf("got %s, want 1", e.Data)
	}
	send(2)
	if socket.frame(event.TypeAWSServices, &e); string(e.Data) != "2" {
		t.Errorf("got %s, want 2", e.Data)
	}
}

// What the gateway publishes itself comes back by the stream, once.
func TestRelayPublisher(t *testing.T) {
	t.Parallel()
	s, _ := mustServe(t, t.TempDir(), "")
	r := startRelayed(t, mustConnect(t, s))
	socket := r.connect(nil)
	socket.snapshot()
	r.send(notes(t, "inc a.b", 1, 1))
	socket.events("inc a.b", 1, 1)
	aborted, err := event.New(&event.IncidentAborted{Reason: "terminated"}, "inc a.b", "run-of-inc a.b", 0, time.Now(), incident.Provenance{Origin: incident.OriginLive, Service: "gateway"})
	if err != nil {
		t.Fatal(err)
	}
	p := relay.NewPublisher(r.streams.JS)
	for range 3 {
		if err := p.PublishEvent(t.Context(), aborted); err != nil {
			t.Fatal(err)
		}
	}
	var got event.Event
	if socket.frame(string(event.TypeIncidentAborted), &got); got.ID != aborted.ID || got.Offset != 2 || got.PublishedAt.IsZero() {
		t.Errorf("got %+v, want the abort at offset 2", got)
	}
}
