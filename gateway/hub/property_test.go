package hub_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"pgregory.net/rapid"

	"vigil/gateway/hub"
	"vigil/workflows/event"
)

// relayModel stores and publishes as the relay does, one step at a time, so
// that a test can put other things between the steps.
type relayModel struct {
	f       *fixture
	mu      sync.Mutex
	pending []hub.Frame // stored, not published
	epoch   string      // of pending
}

type step struct {
	do string
	n  int
}

var steps = rapid.Custom(func(t *rapid.T) step {
	return step{
		do: rapid.SampledFrom([]string{"store", "store", "group", "publish", "publish", "skip", "epoch", "burst"}).Draw(t, "do"),
		n:  rapid.IntRange(1, 3).Draw(t, "n"),
	}
})

func (m *relayModel) run(all []step) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range all {
		switch s.do {
		case "store":
			for range s.n {
				m.store(1)
			}
		case "group":
			m.store(s.n)
		case "publish":
			m.publish()
		case "skip": // a backlog that is not worth sending
			m.pending = nil
			m.f.hub.Reset(m.f.position())
		case "epoch":
			m.epoch, m.pending = m.f.newEpoch(), nil
		case "burst": // more than the log holds
			for range 12 {
				m.store(1)
			}
			m.publish()
		}
	}
}

func (m *relayModel) store(n int) {
	var frames []hub.Frame
	m.epoch, frames = m.f.add(1, n, 0)
	m.pending = append(m.pending, frames...)
}

func (m *relayModel) publish() {
	m.f.hub.Publish(m.epoch, m.pending)
	m.pending = nil
}

// TestNoGapNoDuplicate takes the steps between storing and publishing apart
// and lets clients come, resume and lie between them, with further steps in
// the middle of the reads that give them their starting points. No client may
// see a gap or a duplicate, and every position must be true.
func TestNoGapNoDuplicate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := start(t, hub.Config{QueueFrames: 8, LogFrames: 8, ResumeLimit: 10, PositionEvery: 5 * time.Millisecond, CloseWait: 50 * time.Millisecond})
		defer f.stop()
		m := &relayModel{f: f, epoch: f.position().Epoch}
		var online, offline []*watcher

		connect := func(w *watcher, cursor *event.Cursor) {
			meanwhile := rapid.SliceOfN(steps, 0, 3).Draw(t, "meanwhile")
			ran := make(chan struct{})
			f.mu.Lock()
			f.during = func() { defer close(ran); m.run(meanwhile) }
			f.mu.Unlock()
			w.connect(f.join(t, cursor))
			eventually(t, "client "+w.name+" has a starting point", w.hasStarted)
			f.mu.Lock()
			unused := f.during != nil
			f.during = nil
			f.mu.Unlock()
			if !unused { // another client's read may have taken it
				<-ran
			}
			online = append(online, w)
		}
		t.Repeat(map[string]func(*rapid.T){
			"":     func(*rapid.T) { check(t, online) },
			"step": func(rt *rapid.T) { m.run([]step{steps.Draw(rt, "step")}) },
			"fresh": func(*rapid.T) {
				connect(&watcher{name: fmt.Sprint(len(online) + len(offline)), ledger: f.ledger}, nil)
			},
			"leave": func(rt *rapid.T) {
				if len(online) == 0 {
					rt.Skip("nobody is online")
				}
				i := rapid.IntRange(0, len(online)-1).Draw(rt, "who")
				online[i].disconnect()
				offline, online = append(offline, online[i]), slices.Delete(online, i, i+1)
			},
			"resume": func(rt *rapid.T) {
				if len(offline) == 0 {
					rt.Skip("nobody is offline")
				}
				i := rapid.IntRange(0, len(offline)-1).Draw(rt, "who")
				w := offline[i]
				offline = slices.Delete(offline, i, i+1)
				w.groupSafe()
				connect(w, w.cursor)
			},
			"lie": func(*rapid.T) {
				w := &watcher{name: fmt.Sprint(len(online) + len(offline)), ledger: f.ledger}
				connect(w, &event.Cursor{Epoch: f.position().Epoch, Offset: 1 << 40})
			},
		})
		m.run([]step{{do: "publish"}})
		for _, w := range offline {
			w.groupSafe()
			w.connect(f.join(t, w.cursor))
		}
		converge(t, f, append(online, offline...))
	})
}

// check fails the test for the first client that was told something wrong.
func check(t tb, watchers []*watcher) {
	for _, w := range watchers {
		if err := w.error(); err != nil {
			t.Fatalf("%v", err)
		}
	}
}

// converge waits until everyone has everything; who was closed as slow on the
// way comes back, as a browser would.
func converge(t tb, f *fixture, watchers []*watcher) {
	t.Helper()
	for _, w := range watchers {
		state := func() string {
			w.mu.Lock()
			defer w.mu.Unlock()
			f.mu.Lock()
			defer f.mu.Unlock()
			return fmt.Sprintf("client %s is to have %d events of epoch %s; it has %d at %+v (starting point %v, socket ended %v)",
				w.name, len(f.frames), f.epoch, w.have, w.cursor, w.loaded, isClosed(w.ended))
		}
		eventuallyOr(t, state, func() bool {
			if isClosed(w.ended) {
				w.groupSafe()
				w.connect(f.join(t, w.cursor))
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			f.mu.Lock()
			defer f.mu.Unlock()
			return w.broken != nil || w.loaded && w.cursor.Epoch == f.epoch && w.have == len(f.frames)
		})
	}
	check(t, watchers)
	for _, w := range watchers {
		w.disconnect()
	}
}

func (w *watcher) connect(conn *websocket.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.started, w.read, w.conn, w.ended = false, 0, conn, make(chan struct{})
	go func() { defer close(w.ended); w.follow(conn) }()
}

func (w *watcher) disconnect() {
	_ = w.conn.Close() // it may be closed already
	<-w.ended
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (w *watcher) hasStarted() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.started || w.broken != nil
}

func (w *watcher) error() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.broken
}
