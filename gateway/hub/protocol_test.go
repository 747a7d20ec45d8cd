package hub_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"vigil/gateway/hub"
	"vigil/workflows/event"
)

func TestStartingPoints(t *testing.T) {
	cursor := func(epoch string, offset uint64) *event.Cursor { return &event.Cursor{Epoch: epoch, Offset: offset} }
	tests := []struct {
		name    string
		cursor  *event.Cursor
		resumed bool
		first   uint64 // offset of the first event frame, where resumed
	}{
		{"no cursor", nil, false, 0},
		{"from the log", cursor("e0", 8), true, 9},
		{"up to date", cursor("e0", 10), true, 11},
		{"from the source", cursor("e0", 5), true, 6},
		{"older than both", cursor("e0", 0), false, 0},
		{"ahead of us", cursor("e0", 11), false, 0},
		{"another epoch", cursor("e9", 8), false, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := started(t, hub.Config{QueueFrames: 4, LogFrames: 4, ResumeLimit: 8})
			for range 10 {
				f.publish()
			}
			conn := f.join(t, test.cursor)
			defer conn.Close()
			w := want(t, conn, event.FrameWelcome)
			if w.Resumed != test.resumed || w.Epoch != "e0" || w.Protocol != event.Protocol || w.Principal.Name != "ada" || w.At.IsZero() {
				t.Fatalf("got welcome %+v, want resumed %v in e0 for ada", w, test.resumed)
			}
			at := test.first
			if !test.resumed {
				s := want(t, conn, event.FrameSnapshot)
				if s.Offset != 10 || s.Epoch != "e0" {
					t.Fatalf("got snapshot %+v, want it at e0/10", s)
				}
				at = 11
			}
			f.publish()
			for ; at <= 11; at++ {
				if e := want(t, conn, "test"); e.Offset != at {
					t.Fatalf("got event at offset %d, want %d", e.Offset, at)
				}
			}
		})
	}
}

// A frame that was stored but not yet published when a client came is part of
// its snapshot, and must not reach it a second time.
func TestSnapshotAheadOfPublish(t *testing.T) {
	f := started(t, hub.Config{})
	epoch, stored := f.add(1, 1, 0)
	conn := f.join(t, nil)
	defer conn.Close()
	want(t, conn, event.FrameWelcome)
	if s := want(t, conn, event.FrameSnapshot); s.Offset != 1 {
		t.Fatalf("got snapshot at %d, want 1", s.Offset)
	}
	f.hub.Publish(epoch, stored)
	f.hub.Publish(epoch, stored) // repeating it is harmless
	f.publish()
	if e := want(t, conn, "test"); e.Offset != 2 {
		t.Fatalf("got event %d after a snapshot at 1, want 2", e.Offset)
	}
}

func TestNewEpochGivesEveryoneASnapshot(t *testing.T) {
	f := started(t, hub.Config{})
	f.publish()
	conns := make([]*websocket.Conn, 3)
	for i := range conns {
		conns[i] = f.join(t, nil)
		defer conns[i].Close()
		want(t, conns[i], event.FrameWelcome)
		want(t, conns[i], event.FrameSnapshot)
	}
	f.hub.Publish(f.newEpoch(), nil)
	f.publish()
	for _, conn := range conns {
		s := want(t, conn, event.FrameSnapshot)
		if s.Epoch != "e1" {
			t.Fatalf("got a snapshot of epoch %s, want e1", s.Epoch)
		}
		if s.Offset == 0 { // read before the new epoch's first event
			if e := want(t, conn, "test"); e.Epoch != "e1" || e.Offset != 1 {
				t.Fatalf("got %+v, want event 1 of e1", e)
			}
		}
	}
}

func TestResetGivesASnapshotToThoseBehind(t *testing.T) {
	f := started(t, hub.Config{})
	behind := f.join(t, nil)
	defer behind.Close()
	want(t, behind, event.FrameWelcome)
	want(t, behind, event.FrameSnapshot)
	for range 3 {
		f.add(1, 1, 0) // applied, never published
	}
	var there *websocket.Conn
	eventually(t, "a new client gets a newer snapshot than the shared one", func() bool {
		there = f.join(t, nil)
		want(t, there, event.FrameWelcome)
		if want(t, there, event.FrameSnapshot).Offset == 3 {
			return true
		}
		there.Close()
		return false
	})
	defer there.Close()
	f.hub.Reset(f.position())
	if s := want(t, behind, event.FrameSnapshot); s.Offset != 3 {
		t.Fatalf("got snapshot at %d after the reset, want 3", s.Offset)
	}
	f.publish()
	for _, conn := range []*websocket.Conn{behind, there} {
		if e := want(t, conn, "test"); e.Offset != 4 {
			t.Fatalf("got event %d, want 4", e.Offset)
		}
	}
}

func TestFramesWithoutBodyMoveThePosition(t *testing.T) {
	f := started(t, hub.Config{PositionEvery: 5 * time.Millisecond, PingPeriod: 5 * time.Millisecond})
	conn := f.join(t, nil)
	defer conn.Close()
	f.hub.Publish("e0", []hub.Frame{{Offset: 7}})
	for {
		p, err := read(conn)
		if err != nil {
			t.Fatal(err)
		}
		if p.Type == "test" {
			t.Fatalf("got %+v for a frame without body", p)
		}
		// Positions go on, and in time carry a measured round trip.
		if p.Type == event.FramePosition && p.Offset == 7 && p.Epoch == "e0" && p.RTTMS > 0 {
			break
		}
	}
	if rtt := f.hub.Stats().MedianRTT; rtt == nil || *rtt <= 0 || *rtt > patience {
		t.Errorf("got median round trip %v, want a measured one", rtt)
	}
}

func TestSystemEventsAreLatestValue(t *testing.T) {
	f := started(t, hub.Config{})
	system := func(kind string, v int) {
		body, err := json.Marshal(map[string]any{"type": kind, "value": v})
		if err != nil {
			t.Fatal(err)
		}
		f.hub.PublishSystem(kind, body)
	}
	for v := 1; v <= 3; v++ {
		system("system.health", v)
	}
	system("business.metrics", 7)
	conn := f.join(t, nil)
	defer conn.Close()
	want(t, conn, event.FrameWelcome)
	want(t, conn, event.FrameSnapshot)
	if h := want(t, conn, "system.health"); h.Value != 3 {
		t.Errorf("got health %d, want the latest, 3", h.Value)
	}
	if b := want(t, conn, "business.metrics"); b.Value != 7 {
		t.Errorf("got business metrics %d, want 7", b.Value)
	}
	system("system.health", 4)
	if h := want(t, conn, "system.health"); h.Value != 4 {
		t.Errorf("got health %d, want 4", h.Value)
	}
}

// The lengths at which the encoding of a frame changes.
func TestFramesOfAllSizes(t *testing.T) {
	f := started(t, hub.Config{})
	conn := f.join(t, nil)
	defer conn.Close()
	want(t, conn, event.FrameWelcome)
	want(t, conn, event.FrameSnapshot)
	for _, n := range []int{1, 125, 126, 127, 65535, 65536, 200_000} {
		body := bytes.Repeat([]byte("x"), n)
		f.hub.PublishSystem("test", body)
		kind, got, err := conn.ReadMessage()
		if err != nil || kind != websocket.TextMessage || !bytes.Equal(got, body) {
			t.Fatalf("a frame of %d bytes came as %d bytes of kind %d, %v", n, len(got), kind, err)
		}
	}
}

func TestBadClientsAreToldWhy(t *testing.T) {
	text := func(s string) func(*websocket.Conn) error {
		return func(c *websocket.Conn) error { return c.WriteMessage(websocket.TextMessage, []byte(s)) }
	}
	const hello = `{"type":"hello","protocol":1,"topics":["incidents"]}`
	tests := []struct {
		name string
		do   func(*websocket.Conn) error
		code int
	}{
		{"silence", func(*websocket.Conn) error { return nil }, event.CloseBadHello},
		{"garbage", text("\x00\xff{"), event.CloseBadHello},
		{"binary hello", func(c *websocket.Conn) error { return c.WriteMessage(websocket.BinaryMessage, []byte(hello)) }, event.CloseBadHello},
		{"no hello", text(`{"type":"goodbye","protocol":1}`), event.CloseBadHello},
		{"no topic", text(`{"type":"hello","protocol":1}`), event.CloseBadHello},
		{"unknown topic", text(`{"type":"hello","protocol":1,"topics":["incidents","secrets"]}`), event.CloseBadHello},
		{"future protocol", text(`{"type":"hello","protocol":2,"topics":["incidents"]}`), event.CloseProtocol},
		{"oversized", text(strings.Repeat(" ", 64<<10+1)), event.CloseTooLarge},
		{"oversized by far", text(strings.Repeat(" ", 8<<20)), event.CloseTooLarge},
		{"oversized in fragments", fragments(strings.Repeat(" ", 1<<10), 65), event.CloseTooLarge},
		{"flood", func(c *websocket.Conn) error {
			for range 50 {
				if err := text(hello)(c); err != nil {
					return err
				}
			}
			return nil
		}, event.CloseRate},
		{"flood of pings", func(c *websocket.Conn) error {
			for range 50 {
				if err := c.WriteControl(websocket.PingMessage, nil, time.Now().Add(patience)); err != nil {
					return err
				}
			}
			return nil
		}, event.CloseRate},
		{"flood of forged pongs", func(c *websocket.Conn) error {
			for range 50 {
				if err := c.WriteControl(websocket.PongMessage, []byte("forged!!"), time.Now().Add(patience)); err != nil {
					return err
				}
			}
			return nil
		}, event.CloseRate},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := started(t, hub.Config{HelloWait: 200 * time.Millisecond, Registerer: prometheus.NewRegistry()})
			conn := f.dial(t)
			if err := test.do(conn); err != nil && test.code == event.CloseBadHello {
				t.Fatal(err) // others may be cut off while they still write
			}
			code, told := closing(t, conn)
			if code != test.code || told != test.code {
				t.Errorf("got close code %d and error frame %d, want %d", code, told, test.code)
			}
			if n := f.hub.Stats().Dropped[test.code]; n != 1 {
				t.Errorf("counted %d drops with code %d, want 1", n, test.code)
			}
		})
	}
}

// fragments writes one text message as n continuation frames of body.
func fragments(body string, n int) func(*websocket.Conn) error {
	return func(c *websocket.Conn) error {
		w, err := c.NextWriter(websocket.TextMessage)
		if err != nil {
			return err
		}
		for range n {
			if _, err := w.Write([]byte(body)); err != nil {
				return err
			}
		}
		return w.Close()
	}
}

func TestHelloMayComeInFragments(t *testing.T) {
	f := started(t, hub.Config{})
	conn := f.dial(t)
	defer conn.Close()
	// Larger than the client's write buffer, so that it is split.
	if err := fragments(strings.Repeat(" ", 1<<10)+`{"type":"hello","protocol":1,"topics":["incidents"]}`, 1)(conn); err != nil {
		t.Fatal(err)
	}
	want(t, conn, event.FrameWelcome)
}

func TestLaterClientFramesAreIgnored(t *testing.T) {
	f := started(t, hub.Config{})
	conn := f.join(t, nil)
	defer conn.Close()
	if err := conn.WriteMessage(websocket.TextMessage, []byte("{")); err != nil {
		t.Fatal(err)
	}
	if err := conn.WriteMessage(websocket.BinaryMessage, []byte{0, 1}); err != nil {
		t.Fatal(err)
	}
	want(t, conn, event.FrameWelcome)
	want(t, conn, event.FrameSnapshot)
	f.publish()
	want(t, conn, "test")
}
