package hub

import (
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"vigil/workflows/event"
)

// Whatever a client says first, it is either a hello that can be served or an
// error with the code to close with.
func FuzzHello(f *testing.F) {
	for _, seed := range []string{`{"type":"hello","protocol":1,"topics":["incidents"]}`,
		`{"type":"hello","protocol":1,"topics":["incidents"],"cursor":{"epoch":"e","offset":18446744073709551615}}`,
		`{"type":"hello","protocol":2}`, `{"type":"hello","protocol":1,"topics":[""]}`, `[]`, `{`, ``} {
		f.Add(websocket.TextMessage, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, kind int, body []byte) {
		hello, code, err := parseHello(kind, body)
		if err == nil && (code != 0 || hello.Type != event.FrameHello || hello.Protocol != event.Protocol || len(hello.Topics) == 0) {
			t.Errorf("took %q for a hello: %+v, code %d", body, hello, code)
		}
		if err != nil && event.CloseReasons[code] == "" {
			t.Errorf("%v: code %d is none of ours", err, code)
		}
	})
}

func TestBucket(t *testing.T) {
	b, now := newBucket(20), time.Unix(0, 0)
	for i := range 20 {
		if !b.take(now) {
			t.Fatalf("frame %d of the burst was refused", i+1)
		}
	}
	if b.take(now) {
		t.Fatal("a frame beyond the burst was allowed")
	}
	now = now.Add(50 * time.Millisecond)
	if !b.take(now) || b.take(now) {
		t.Fatal("after 50 ms exactly one more is allowed")
	}
	now = now.Add(time.Hour)
	for range 20 {
		if !b.take(now) {
			t.Fatal("the burst did not come back")
		}
	}
	if b.take(now) {
		t.Fatal("a long silence saved up more than the burst")
	}
}

func TestThroughput(t *testing.T) {
	var r throughput
	at := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	r.add(at(0.5), 5)
	if total, rate := r.read(at(0.9)); total != 5 || rate != 0 {
		t.Errorf("in its first second: got %d, %v/s; want 5 and nothing, for no second is whole", total, rate)
	}
	r.add(at(1.5), 15)
	if total, rate := r.read(at(2.1)); total != 20 || rate != 2 {
		t.Errorf("after two seconds: got %d, %v/s; want 20, 2/s over ten seconds", total, rate)
	}
	if _, rate := r.read(at(11.2)); rate != 1.5 {
		t.Errorf("the first second has left the window: got %v/s, want 1.5", rate)
	}
	if total, rate := r.read(at(1000)); total != 20 || rate != 0 {
		t.Errorf("long after: got %d, %v/s; want 20, 0/s", total, rate)
	}
}

func TestFrameLogKeepsItsPromise(t *testing.T) {
	l := frameLog{maxFrames: 4, maxBytes: 100}
	l.reset("e", 10)
	for offset := uint64(11); offset <= 20; offset++ {
		l.append(offset, make(wire, 10))
		l.trim()
	}
	if l.floor != 16 || l.last != 20 || len(l.entries) != 4 {
		t.Fatalf("after ten frames: floor %d, last %d, %d entries; want 16, 20, 4", l.floor, l.last, len(l.entries))
	}
	if frames, bytes, _ := l.backlog(l.seek(18)); frames != 2 || bytes != 20 {
		t.Errorf("behind 18: backlog %d frames, %d bytes; want 2, 20", frames, bytes)
	}
	if frames, bytes, _ := l.backlog(l.seek(20)); frames != 0 || bytes != 0 {
		t.Errorf("at the end: backlog %d frames, %d bytes; want none", frames, bytes)
	}
	if frames, bytes, lost := l.backlog(l.first - 3); frames != 7 || bytes != 40 || !lost {
		t.Errorf("behind what is kept: backlog %d frames, %d bytes, lost %v; want 7, 40, true", frames, bytes, lost)
	}
	l.append(21, make(wire, 500)) // larger than the log may be: it stays alone
	l.trim()
	if len(l.entries) != 1 || l.floor != 20 || l.seek(20) != l.first {
		t.Errorf("after a huge frame: %d entries, floor %d; want 1, 20", len(l.entries), l.floor)
	}
}
