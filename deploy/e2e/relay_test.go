package e2e_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"vigil/gateway/relay"
	"vigil/internal/bus"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

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
