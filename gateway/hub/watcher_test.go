package hub_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"vigil/workflows/event"
)

// watcher is a client that checks what it is told. It knows how many frames
// of its epoch it has, counting those that a snapshot stands for.
type watcher struct {
	name   string
	ledger *ledger

	mu     sync.Mutex
	broken error
	cursor *event.Cursor // as a browser keeps it
	have   int
	loaded bool // have is known: a snapshot came, or the cursor was served

	conn    *websocket.Conn
	ended   chan struct{} // closed when follow has returned
	started bool          // this socket has its starting point
	read    int           // frames that it brought
}

// follow reads until the socket ends.
func (w *watcher) follow(conn *websocket.Conn) {
	defer conn.Close()
	for {
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			return
		}
		_, body, err := conn.ReadMessage()
		if err != nil {
			return
		}
		var f frame
		if err := json.Unmarshal(body, &f); err != nil {
			w.fail("a frame is not JSON: %v", err)
			return
		}
		w.take(f)
	}
}

func (w *watcher) take(f frame) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.read++
	switch f.Type {
	case event.FrameWelcome:
		if f.Resumed && (!w.loaded || f.Epoch != w.cursor.Epoch) {
			w.failLocked("resumed in epoch %s from cursor %+v", f.Epoch, w.cursor)
		}
		w.loaded, w.started = f.Resumed, f.Resumed
	case event.FrameSnapshot:
		w.cursor, w.have, w.loaded = &event.Cursor{Epoch: f.Epoch, Offset: f.Offset}, f.N, true
		w.started = true
	case "test":
		switch {
		case !w.loaded:
			w.failLocked("event %d before a starting point", f.N)
		case f.Epoch != w.cursor.Epoch:
			w.failLocked("event of epoch %s in epoch %s", f.Epoch, w.cursor.Epoch)
		case f.N != w.have:
			w.failLocked("event %d at offset %d, want %d (at %d)", f.N, f.Offset, w.have, w.cursor.Offset)
		}
		w.have++
		w.cursor.Offset = f.Offset
	case event.FramePosition:
		w.checkPosition(f)
	}
}

// checkPosition holds the position to its word: everything up to it has come.
func (w *watcher) checkPosition(f frame) {
	if !w.loaded || f.Epoch != w.cursor.Epoch {
		w.failLocked("position in epoch %s", f.Epoch)
		return
	}
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	if w.ledger.epoch == f.Epoch && after(w.ledger.frames, f.Offset) > w.have {
		w.failLocked("position %d with %d events, which is not all", f.Offset, w.have)
	}
}

func (w *watcher) fail(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failLocked(format, args...)
}

func (w *watcher) failLocked(format string, args ...any) {
	if w.broken == nil {
		w.broken = fmt.Errorf("client %s: "+format, append([]any{w.name}, args...)...)
	}
}

// groupSafe moves the cursor back before its offset when the socket ended in
// the middle of a group of frames that share it, as events that were filled in
// do: their own offset does not move a browser's cursor.
func (w *watcher) groupSafe() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	if !w.loaded || w.ledger.epoch != w.cursor.Epoch {
		return
	}
	frames := w.ledger.frames
	if w.have < len(frames) && w.have > 0 && frames[w.have].Offset == frames[w.have-1].Offset {
		w.cursor.Offset = frames[w.have].Offset - 1
		w.have = after(frames, w.cursor.Offset)
	}
}
