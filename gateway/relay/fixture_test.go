package relay_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"vigil/gateway/hub"
	"vigil/gateway/relay"
	"vigil/gateway/store"
	"vigil/gateway/store/sqlite"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

func TestMain(m *testing.M) {
	// Each check of a property commits to disk many times; the command line
	// can still ask for more.
	if err := flag.Set("rapid.checks", "30"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"))
}

// patience bounds every wait. It is only ever used up by a failing test.
const patience = 20 * time.Second

type tb interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

func eventually(t tb, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !cond(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain: %s", patience, what)
		}
	}
}

// streams is a bus in memory.
type streams struct {
	mu      sync.Mutex
	epoch   string
	renewed int
	msgs    []relay.Message // offsets 1, 2, 3, …
	changed chan struct{}   // closed and replaced at every change
	system  []relay.Message
	deltas  chan relay.Message
	broken  error // what consumers fail with, at once
	opened  int   // consumers made
}

func newStreams() *streams {
	return &streams{epoch: "s0", changed: make(chan struct{}), deltas: make(chan relay.Message)}
}

func (s *streams) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *streams) add(data []byte) {
	s.change(func() {
		s.msgs = append(s.msgs, relay.Message{Offset: uint64(len(s.msgs) + 1), Subject: "inc.evt.test", Data: data})
	})
}

func (s *streams) publish(t tb, events ...event.Event) {
	t.Helper()
	for _, e := range events {
		e.PublishedAt = time.Now()
		data, err := json.Marshal(e)
		if err != nil {
			t.Fatalf("encode: %v", err)
		}
		s.add(data)
	}
}

func (s *streams) last() event.Cursor {
	s.mu.Lock()
	defer s.mu.Unlock()
	return event.Cursor{Epoch: s.epoch, Offset: uint64(len(s.msgs))}
}

func (s *streams) State(context.Context) (relay.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return relay.State{Epoch: s.epoch, Last: uint64(len(s.msgs))}, nil
}

func (s *streams) Renew(context.Context) error {
	s.change(func() { s.renewed++; s.epoch = fmt.Sprintf("renewed%d", s.renewed) })
	return nil
}

func (s *streams) Events(ctx context.Context, after uint64, fn func(relay.Message)) error {
	s.change(func() { s.opened++ })
	for {
		s.mu.Lock()
		changed, broken := s.changed, s.broken
		var next []relay.Message
		if after < uint64(len(s.msgs)) {
			next = s.msgs[after:]
		}
		s.mu.Unlock()
		if broken != nil {
			return broken
		}
		for i, m := range next {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			m.Pending = uint64(len(next) - i - 1)
			fn(m)
			after = m.Offset
		}
		if len(next) > 0 {
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *streams) System(ctx context.Context, fn func(relay.Message)) error {
	seen := 0
	for {
		s.mu.Lock()
		changed, all := s.changed, s.system
		s.mu.Unlock()
		for ; seen < len(all); seen++ {
			fn(all[seen])
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *streams) Deltas(ctx context.Context, fn func(relay.Message)) error {
	for {
		select {
		case m := <-s.deltas:
			fn(m)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tap is a hub without sockets that remembers what it was given.
type tap struct {
	*hub.Hub
	mu     sync.Mutex
	events []event.Event // published, in order, since the last reset
	resets []event.Cursor
	system map[string]string
	until  map[string]time.Time
	passed []string
}

func (h *tap) Publish(epoch string, frames []hub.Frame) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.Position()
	for _, f := range frames {
		var e event.Event
		if len(f.Body) == 0 || before.Epoch == epoch && f.Offset <= before.Offset {
			continue
		}
		if err := json.Unmarshal(f.Body, &e); err != nil {
			panic(err)
		}
		if e.Offset != 0 && e.Offset != f.Offset {
			panic(fmt.Sprintf("event %s at %d is sent as of offset %d", e.ID, e.Offset, f.Offset))
		}
		h.events = append(h.events, e)
	}
	h.Hub.Publish(epoch, frames)
}

func (h *tap) Reset(c event.Cursor) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.resets, h.events = append(h.resets, c), nil
	h.Hub.Reset(c)
}

func (h *tap) PublishSystem(kind string, body []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.system[kind] = string(body)
	h.Hub.PublishSystem(kind, body)
}

func (h *tap) PublishSystemUntil(kind string, body []byte, until time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.system[kind], h.until[kind] = string(body), until
	h.Hub.PublishSystemUntil(kind, body, until)
}

func (h *tap) PublishEphemeral(body []byte) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	taken := h.Hub.PublishEphemeral(body)
	if taken {
		h.passed = append(h.passed, string(body))
	}
	return taken
}

func (h *tap) ids() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := []string{}
	for _, e := range h.events {
		out = append(out, e.ID)
	}
	return out
}

// filler is a Temporal with one answer.
type filler struct {
	mu    sync.Mutex
	calls int
	do    func(id, run string, after int64) ([]event.Event, error)
}

func (f *filler) EventsSince(_ context.Context, id, run string, after int64) ([]event.Event, error) {
	f.mu.Lock()
	f.calls++
	do := f.do
	f.mu.Unlock()
	if do == nil {
		return nil, incident.Errorf(incident.KindUnavailable, "nobody was to be asked")
	}
	return do(id, run, after)
}

func (f *filler) answer(do func(id, run string, after int64) ([]event.Event, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.do = do
}

// fixture is a relay between a bus in memory, a real store and a tapped hub.
type fixture struct {
	*streams
	store  store.Store
	hub    *tap
	filler *filler
	relay  *relay.Relay
	cfg    relay.Config
	events store.Events // what the relay is given for a store
}

func openStore(t tb, dir string) store.Store {
	t.Helper()
	s, err := sqlite.Open(context.Background(), filepath.Join(dir, "gateway.db"))
	if err != nil {
		t.Fatalf("open the store: %v", err)
	}
	return s
}

func closeStore(t tb, s store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("close the store: %v", err)
	}
}

func newFixture(s store.Store, cfg relay.Config) *fixture {
	cfg.RetryMin, cfg.RetryMax, cfg.CheckEvery = time.Millisecond, 5*time.Millisecond, 5*time.Millisecond
	f := &fixture{streams: newStreams(), store: s, filler: new(filler), cfg: cfg, events: s}
	f.hub = &tap{Hub: hub.New(hub.Config{}, relay.NewSource(s, 50)), system: map[string]string{}, until: map[string]time.Time{}}
	return f
}

func running(t *testing.T, cfg relay.Config) *fixture {
	t.Helper()
	f := newFixture(openStore(t, t.TempDir()), cfg)
	f.start(t)
	t.Cleanup(func() { f.stop(t); closeStore(t, f.store) })
	return f
}

func (f *fixture) start(t tb) {
	t.Helper()
	f.relay = relay.New(f.cfg, f.streams, f.events, f.hub, f.filler)
	if err := f.relay.Start(context.Background()); err != nil {
		t.Fatalf("start: %v", err)
	}
}

func (f *fixture) stop(t tb) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := f.relay.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// settled waits until all of the stream is applied and the hub is there too.
func (f *fixture) settled(t tb) {
	t.Helper()
	eventually(t, "everything is applied and published", func() bool {
		at := f.last()
		return f.relay.Applied() == at && f.hub.Position() == at
	})
}

var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// story makes the first n events of a run: it opens, and then takes notes.
func story(t tb, id, run string, n int) []event.Event {
	t.Helper()
	out := make([]event.Event, 0, n)
	for seq := int64(1); seq <= int64(n); seq++ {
		var data event.Data = &event.IncidentNoted{By: "ada", Text: fmt.Sprintf("note %d", seq)}
		if seq == 1 {
			data = &event.IncidentOpened{Title: "Checkout is slow", Service: "checkout", Severity: incident.SeverityHigh, Source: "manual", StartedAt: began}
		}
		e, err := event.New(data, id, run, seq, began.Add(time.Duration(seq)*time.Second), incident.Provenance{Origin: incident.OriginSimulated, Service: "workflow"})
		if err != nil {
			t.Fatalf("make an event: %v", err)
		}
		out = append(out, e)
	}
	return out
}

func ids(events []event.Event) []string {
	out := []string{}
	for _, e := range events {
		out = append(out, e.ID)
	}
	return out
}

// stored reads the events of a run from the store.
func (f *fixture) stored(t tb, id, run string) []event.Event {
	t.Helper()
	list, _, err := f.store.IncidentEvents(context.Background(), id, run, 0, 10_000)
	if err != nil {
		t.Fatalf("read events of %s: %v", id, err)
	}
	return list
}

var errInjected = errors.New("injected")
