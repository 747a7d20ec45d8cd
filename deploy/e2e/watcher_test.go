package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"vigil/workflows/event"
)

// watcher is a dashboard without a screen: it connects, resumes with its
// cursor after every loss, derives views from what it is sent, and notes
// every gap, repetition and step back.
type watcher struct {
	t    testing.TB
	url  string
	stop chan struct{}
	done sync.WaitGroup

	mu        sync.Mutex
	cursor    *event.Cursor
	views     map[string]*event.View
	connected bool
	snapshots int
	resumes   int
	faults    []string
}

func watch(t testing.TB, gateway string) *watcher {
	t.Helper()
	u, err := url.Parse(gateway)
	if err != nil {
		t.Fatal(err)
	}
	w := &watcher{t: t, url: "ws://" + u.Host + "/api/v1/ws", stop: make(chan struct{}), views: map[string]*event.View{}}
	w.done.Add(1)
	go w.run()
	t.Cleanup(w.close)
	return w
}

func (w *watcher) close() {
	select {
	case <-w.stop:
	default:
		close(w.stop)
	}
	w.done.Wait()
}

func (w *watcher) run() {
	defer w.done.Done()
	for {
		w.session()
		select {
		case <-w.stop:
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (w *watcher) session() {
	conn, _, err := websocket.DefaultDialer.Dial(w.url, map[string][]string{"Origin": {"http://" + strings.TrimSuffix(strings.TrimPrefix(w.url, "ws://"), "/api/v1/ws")}})
	if err != nil {
		return
	}
	defer conn.Close()
	finished := make(chan struct{})
	defer close(finished)
	go func() {
		select {
		case <-w.stop:
			conn.Close()
		case <-finished:
		}
	}()
	w.mu.Lock()
	hello := event.Hello{Type: event.FrameHello, Protocol: event.Protocol, Topics: []string{event.TopicIncidents}, Cursor: w.cursor}
	w.mu.Unlock()
	if conn.WriteJSON(hello) != nil {
		return
	}
	for {
		_, raw, err := conn.ReadMessage()
		if err != nil {
			w.mu.Lock()
			w.connected = false
			w.mu.Unlock()
			return
		}
		w.take(raw)
	}
}

func (w *watcher) take(raw []byte) {
	var head struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(raw, &head) != nil {
		w.fault("a frame that is no JSON: %.100s", raw)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch head.Type {
	case event.FrameWelcome:
		var f event.Welcome
		_ = json.Unmarshal(raw, &f)
		w.connected = true
		if f.Resumed {
			w.resumes++
		}
	case event.FrameSnapshot:
		var f event.Snapshot
		if err := json.Unmarshal(raw, &f); err != nil {
			w.fault("snapshot: %v", err)
			return
		}
		w.snapshots++
		w.cursor = &event.Cursor{Epoch: f.Epoch, Offset: f.Offset}
		for _, s := range f.Incidents {
			if old := w.views[s.IncidentID]; old != nil && old.RunID == s.RunID && s.Seq < old.Seq {
				w.fault("the snapshot took %s back from seq %d to %d", s.IncidentID, old.Seq, s.Seq)
			}
			w.views[s.IncidentID] = &event.View{Summary: s}
		}
	case event.FramePosition, event.FrameError, event.TypeSystemHealth, event.TypeBusinessMetrics, event.TypeAWSServices, event.TypeControlsChanged, event.TypeModelDelta:
	default:
		var e event.Event
		if err := json.Unmarshal(raw, &e); err != nil {
			w.fault("event: %v", err)
			return
		}
		w.apply(e)
	}
}

// apply holds what is promised: offsets rise, and each run's events come in
// order, without a hole and without repetition.
func (w *watcher) apply(e event.Event) {
	if w.cursor != nil && e.Epoch == w.cursor.Epoch && e.Offset != 0 && e.Offset <= w.cursor.Offset {
		w.fault("offset %d after %d", e.Offset, w.cursor.Offset)
	}
	if e.Offset != 0 {
		w.cursor = &event.Cursor{Epoch: e.Epoch, Offset: e.Offset}
	}
	v := w.views[e.IncidentID]
	if v == nil {
		v = &event.View{}
		w.views[e.IncidentID] = v
	}
	if e.Seq != 0 {
		want := int64(1)
		if v.RunID == e.RunID {
			want = v.Seq + 1
		}
		if e.Seq != want {
			w.fault("%s: seq %d where %d was due", e.IncidentID, e.Seq, want)
		}
	}
	if !v.Apply(e) {
		w.fault("%s: event %d (%s) does not apply to seq %d", e.IncidentID, e.Seq, e.Type, v.Seq)
	}
}

// fault is called with the lock held, or before anything is shared.
func (w *watcher) fault(format string, args ...any) {
	if len(w.faults) < 20 {
		w.faults = append(w.faults, fmt.Sprintf(format, args...))
	}
}

// summary returns what the watcher shows of an incident.
func (w *watcher) summary(id string) event.Summary {
	w.mu.Lock()
	defer w.mu.Unlock()
	if v := w.views[id]; v != nil {
		return v.Summary
	}
	return event.Summary{}
}

func (w *watcher) clean() {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.faults {
		w.t.Error(f)
	}
}
