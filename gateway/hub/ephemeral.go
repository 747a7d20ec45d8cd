package hub

import (
	"slices"
	"time"
)

// Bounds of what is ephemeral, all clients together. A piece of a model's
// answer is some hundred bytes, so this is a moment of a busy day, and little
// enough that writing it makes nobody slow who is not.
const (
	ephemeralFrames = 256
	ephemeralBytes  = 64 << 10
	// ephemeralLargest is the largest frame that is worth passing on.
	ephemeralLargest = 16 << 10
)

// ephemerals is the tail of what only those are sent who can keep up. Frames
// are numbered by an index that never repeats, as in frameLog; the hub's lock
// guards it. It costs a slow client nothing but frames: nobody has a queue.
type ephemerals struct {
	wires []wire
	first uint64 // index of wires[0]
	bytes int
}

func (e *ephemerals) next() uint64 { return e.first + uint64(len(e.wires)) }

func (e *ephemerals) add(w wire) {
	e.wires = append(e.wires, w)
	e.bytes += len(w)
	drop := 0
	for n := len(e.wires); n-drop > ephemeralFrames || e.bytes > ephemeralBytes; drop++ {
		e.bytes -= len(e.wires[drop])
	}
	clear(e.wires[:drop]) // the array lives on; what it pointed to need not
	e.wires = e.wires[drop:]
	e.first += uint64(drop)
}

// read appends to buf what is there from index pos on.
func (e *ephemerals) read(buf []wire, pos uint64) []wire {
	return append(buf, e.wires[max(pos, e.first)-e.first:]...)
}

// PublishEphemeral sends a frame to the clients that are up to date at this
// moment. It has no offset, nothing keeps it for those to come, and it is the
// first to go: a client that has other frames waiting, or has not written the
// ones before, misses it and is not told. It reports whether the frame was
// taken; one that is too large is not.
func (h *Hub) PublishEphemeral(body []byte) bool {
	if len(body) == 0 || len(body) > ephemeralLargest {
		return false
	}
	w := encode(body)
	h.mu.Lock()
	h.passing.add(w)
	clients := h.clients
	h.mu.Unlock()
	for _, c := range clients {
		c.poke()
	}
	return true
}

// forgetLocked drops the system values whose time is over.
func (h *Hub) forgetLocked(now time.Time) {
	h.system = slices.DeleteFunc(h.system, func(s systemValue) bool { return s.over(now) })
}

// over reports whether the value is not to be sent any more.
func (s systemValue) over(now time.Time) bool { return !s.until.IsZero() && now.After(s.until) }
