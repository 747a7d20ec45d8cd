package hub_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"vigil/gateway/hub"
	"vigil/workflows/event"
)

// A client that never reads is closed once its backlog is over the bound;
// nobody else notices, and what it costs is bounded.
func TestSlowClientIsEvictedAlone(t *testing.T) {
	f := startedWith(t, hub.Config{QueueFrames: 50, QueueBytes: 64 << 10, CloseWait: 50 * time.Millisecond}, true)
	slow := f.join(t, nil)
	defer slow.Close()
	want(t, slow, event.FrameWelcome)
	cursor := event.Cursor{Epoch: "e0", Offset: want(t, slow, event.FrameSnapshot).Offset}
	quick := f.join(t, nil)
	defer quick.Close()
	want(t, quick, event.FrameWelcome)
	want(t, quick, event.FrameSnapshot)

	for f.hub.Stats().Dropped[event.CloseSlow] == 0 {
		at := f.publishPadded(4 << 10)
		if e := want(t, quick, "test"); e.Offset != at {
			t.Fatalf("the quick client got event %d, want %d", e.Offset, at)
		}
		if at > 10_000 {
			t.Fatal("a client that does not read was not closed")
		}
	}
	eventually(t, "the slow client is gone", func() bool { return f.hub.Stats().Connections == 1 })
	f.publish()
	want(t, quick, "test")

	// What it had in its buffers is in order, and it can come back for the rest.
	for {
		e, err := read(slow)
		if err != nil {
			break // closed, or cut in the middle of a frame
		}
		if e.Type != "test" {
			continue
		}
		if e.Offset != cursor.Offset+1 {
			t.Fatalf("the slow client got event %d after %d", e.Offset, cursor.Offset)
		}
		cursor.Offset = e.Offset
	}
	back := f.join(t, &cursor)
	defer back.Close()
	if w := want(t, back, event.FrameWelcome); !w.Resumed {
		t.Fatalf("the slow client could not resume from %+v", cursor)
	}
	for at := cursor.Offset + 1; at <= f.position().Offset; at++ {
		if e := want(t, back, "test"); e.Offset != at {
			t.Fatalf("after resuming got event %d, want %d", e.Offset, at)
		}
	}
}

// A slow client that reads again within CloseWait learns why it was closed.
func TestSlowClientIsToldWhyIfItListens(t *testing.T) {
	f := startedWith(t, hub.Config{QueueFrames: 8, CloseWait: patience}, true)
	slow := f.join(t, nil)
	for f.hub.Stats().Dropped[event.CloseSlow] == 0 {
		f.publishPadded(16 << 10)
	}
	if code, told := closing(t, slow); code != event.CloseSlow || told != code {
		t.Errorf("got close code %d, error frame %d, want %d", code, told, event.CloseSlow)
	}
}

// A write that does not leave in time is a slow client too, even when nothing
// more is published.
func TestStuckWrite(t *testing.T) {
	f := startedWith(t, hub.Config{WriteWait: 50 * time.Millisecond, CloseWait: 50 * time.Millisecond}, true)
	stuck := f.join(t, nil)
	defer stuck.Close()
	want(t, stuck, event.FrameWelcome)
	for range 16 {
		f.publishPadded(512 << 10)
	}
	eventually(t, "the stuck client is closed", func() bool { return f.hub.Stats().Dropped[event.CloseSlow] == 1 })
	eventually(t, "and gone", func() bool { return f.hub.Stats().Connections == 0 })
}

// One large batch does not cost those who were up to date their connection.
func TestLargeBatch(t *testing.T) {
	f := startedWith(t, hub.Config{QueueFrames: 16, LogFrames: 512, QueueBytes: 4 << 10, LogBytes: 4 << 20}, true)
	conn := f.join(t, nil)
	defer conn.Close()
	want(t, conn, event.FrameWelcome)
	want(t, conn, event.FrameSnapshot)
	var all []hub.Frame
	for range 256 {
		_, group := f.add(1, 1, 100)
		all = append(all, group...)
	}
	f.hub.Publish("e0", all)
	for at := uint64(1); at <= 256; at++ {
		if e := want(t, conn, "test"); e.Offset != at {
			t.Fatalf("got event %d, want %d", e.Offset, at)
		}
	}
}

// Shutdown does not wait for a client that does not answer longer than it may.
func TestShutdownCutsOffTheDeaf(t *testing.T) {
	f := startWith(t, hub.Config{CloseWait: time.Hour, WriteWait: time.Hour}, true)
	defer f.server.Close()
	f.hub.Reset(f.position())
	deaf := f.join(t, nil)
	defer deaf.Close()
	want(t, deaf, event.FrameWelcome)
	for range 16 {
		f.publishPadded(512 << 10)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := f.hub.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
	if n := f.hub.Stats().Connections; n != 0 {
		t.Errorf("%d sockets are left", n)
	}
}
