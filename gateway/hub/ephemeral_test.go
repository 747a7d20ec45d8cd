package hub_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"vigil/gateway/hub"
	"vigil/workflows/event"
)

func value(t *testing.T, kind string, v int, pad int) []byte {
	t.Helper()
	body, err := json.Marshal(map[string]any{"type": kind, "value": v, "pad": strings.Repeat("x", pad)})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// Ephemeral frames go to those who are there, in order and among the others,
// and to nobody who comes later.
func TestEphemeral(t *testing.T) {
	f := started(t, hub.Config{})
	conn := f.join(t, nil)
	defer conn.Close()
	want(t, conn, event.FrameWelcome)
	want(t, conn, event.FrameSnapshot)
	for i := range 3 {
		if !f.hub.PublishEphemeral(value(t, "delta", i, 0)) {
			t.Fatal("not taken")
		}
		if got := want(t, conn, "delta"); got.Value != i || got.Offset != 0 {
			t.Errorf("got %+v, want %d", got, i)
		}
		at := f.publish()
		if got := want(t, conn, "test"); got.Offset != at {
			t.Errorf("got %+v, want offset %d", got, at)
		}
	}
	later := f.join(t, nil)
	defer later.Close()
	want(t, later, event.FrameWelcome)
	want(t, later, event.FrameSnapshot)
	f.publish()
	want(t, later, "test")
	if f.hub.PublishEphemeral(nil) || f.hub.PublishEphemeral(value(t, "delta", 0, 17<<10)) {
		t.Error("a frame was taken that is empty or too large")
	}
}

// However many ephemeral frames there are, a client that does not read is not
// closed for them, what they cost is bounded, and it gets every event.
func TestEphemeralIsDroppedFirst(t *testing.T) {
	f := startedWith(t, hub.Config{QueueFrames: 50, QueueBytes: 64 << 10}, true)
	slow := f.join(t, nil)
	defer slow.Close()
	want(t, slow, event.FrameWelcome)
	want(t, slow, event.FrameSnapshot)
	const frames = 20_000
	body := value(t, "delta", 0, 1000) // 20 MB, far more than any buffer holds
	for i := range frames {
		f.hub.PublishEphemeral(body)
		if i%1000 == 0 {
			f.publish()
		}
	}
	last := f.publish()
	deltas, events := 0, uint64(0)
	for events < last {
		switch got := next(t, slow); got.Type {
		case "delta":
			deltas++
		case "test":
			if events++; got.Offset != events {
				t.Fatalf("got event %d, want %d", got.Offset, events)
			}
		}
	}
	if deltas == frames {
		t.Errorf("all of %d ephemeral frames were kept for a client that did not read", frames)
	}
	if n := f.hub.Stats().Dropped[event.CloseSlow]; n != 0 {
		t.Errorf("%d clients were closed for them", n)
	}
}

// A value whose time is over is sent to nobody, and forgotten.
func TestSystemValueUntil(t *testing.T) {
	f := started(t, hub.Config{})
	f.hub.PublishSystemUntil("worker.a", value(t, "aws.services", 1, 0), time.Now().Add(-time.Second))
	f.hub.PublishSystemUntil("worker.b", value(t, "aws.services", 2, 0), time.Now().Add(time.Hour))
	f.hub.PublishSystemUntil("worker.b", value(t, "aws.services", 3, 0), time.Now().Add(time.Hour))
	f.hub.PublishSystemUntil("worker.c", value(t, "aws.services", 4, 0), time.Now().Add(time.Hour))
	conn := f.join(t, nil)
	defer conn.Close()
	want(t, conn, event.FrameWelcome)
	want(t, conn, event.FrameSnapshot)
	for _, v := range []int{3, 4} {
		if got := want(t, conn, "aws.services"); got.Value != v {
			t.Errorf("got %d, want %d", got.Value, v)
		}
	}
	f.publish()
	want(t, conn, "test") // and nothing of worker a before it
}
