package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync"

	"vigil/gateway/relay"
	"vigil/internal/bus"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// engine stands for Temporal. Functions that are nil do the plain thing.
type engine struct {
	mu       sync.Mutex
	started  map[string]incident.Input
	alerts   map[string][]incident.Alert
	updates  []updateCall
	reviews  map[string]incident.ReviewInput
	edits    map[string]incident.PostmortemInput
	leases   map[string]incident.LeaseState
	asked    int // for the list of leases
	onStart  func(id string) error
	onUpdate func(u updateCall) (any, error)
	describe func(id, runID string) (bool, string, error)
	events   func(id string, after int64) ([]event.Event, error)
	workers  int
	down     error
}

type updateCall struct {
	id, name, updateID string
	args               any
}

func (e *engine) Start(_ context.Context, id string, in incident.Input) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.onStart != nil {
		if err := e.onStart(id); err != nil {
			return err
		}
	}
	if _, used := e.started[id]; used {
		return incident.Errorf(incident.KindConflict, "used")
	}
	if e.started == nil {
		e.started = map[string]incident.Input{}
	}
	e.started[id] = in
	return e.down
}

func (e *engine) Deliver(_ context.Context, id string, in incident.Input, s incident.AlertSignal) error {
	if e.down != nil {
		return e.down
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.alerts == nil {
		e.alerts = map[string][]incident.Alert{}
	}
	e.alerts[id] = append(e.alerts[id], s.Alerts...)
	return nil
}

func (e *engine) Signal(ctx context.Context, id string, s incident.AlertSignal) error {
	return e.Deliver(ctx, id, incident.Input{}, s)
}

func (e *engine) State(_ context.Context, id string) (event.View, error) {
	return event.View{}, incident.Errorf(incident.KindNotFound, "no workflow %s", id)
}

// moves are those that incidents were told of.
func (e *engine) moves() (list []incident.Move) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, u := range e.updates {
		if args, ok := u.args.(incident.MoveAlertsArgs); ok {
			list = append(list, args.Move)
		}
	}
	return list
}

func (e *engine) delivered() []incident.Alert {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []incident.Alert
	for _, list := range e.alerts {
		all = append(all, list...)
	}
	return all
}

func (e *engine) Update(_ context.Context, id, name, updateID string, args, result any) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	u := updateCall{id, name, updateID, args}
	e.updates = append(e.updates, u)
	if e.down != nil {
		return e.down
	}
	var out any = incident.VerbResult{Seq: int64(len(e.updates))}
	if name == incident.UpdateAsk {
		out = incident.AskResult{QuestionID: "Q1", Seq: int64(len(e.updates))}
	}
	if name == incident.UpdateDecide {
		d, _ := args.(incident.DecideArgs)
		out = incident.DecideResult{ProposalID: d.ProposalID, State: incident.ProposalApproved, DecidedBy: d.Principal.Name}
	}
	if e.onUpdate != nil {
		var err error
		if out, err = e.onUpdate(u); err != nil {
			return err
		}
	}
	raw, err := json.Marshal(out)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, result)
}

func (e *engine) Review(_ context.Context, id string, in incident.ReviewInput) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.down != nil {
		return e.down
	}
	if _, used := e.reviews[id]; used {
		return incident.Errorf(incident.KindConflict, "used")
	}
	if e.reviews == nil {
		e.reviews = map[string]incident.ReviewInput{}
	}
	e.reviews[id] = in
	return nil
}

func (e *engine) Postmortem(_ context.Context, id string, in incident.PostmortemInput) (*incident.PostmortemInput, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.down != nil {
		return nil, e.down
	}
	if before, used := e.edits[id]; used {
		return &before, nil
	}
	if e.edits == nil {
		e.edits = map[string]incident.PostmortemInput{}
	}
	e.edits[id] = in
	return nil, nil
}

func (e *engine) Leases(_ context.Context, limit int) (ids []string, more bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked++
	for id := range e.leases {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids[:min(limit, len(ids))], len(ids) > limit, e.down
}

// Lease fails for a lease without a resource.
func (e *engine) Lease(_ context.Context, id string) (incident.LeaseState, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	l := e.leases[id]
	if l.Resource == "" {
		return l, incident.Errorf(incident.KindUnavailable, "no worker answers")
	}
	return l, nil
}

func (e *engine) EventsSince(_ context.Context, id, _ string, after int64) ([]event.Event, error) {
	if e.events == nil {
		return nil, incident.Errorf(incident.KindNotFound, "no such incident")
	}
	return e.events(id, after)
}

func (e *engine) Describe(_ context.Context, id, runID string) (bool, string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.describe == nil {
		return true, "", nil
	}
	return e.describe(id, runID)
}

func (e *engine) Workers(context.Context) (int, error) { return e.workers, e.down }
func (e *engine) Health(context.Context) error         { return e.down }

// stream is an event stream in memory.
type stream struct {
	mu      sync.Mutex
	changed chan struct{} // closed, and made anew, at every message
	events  [][]byte
	ids     map[string]bool
}

func newStream() *stream { return &stream{changed: make(chan struct{}), ids: map[string]bool{}} }

func (s *stream) State(context.Context) (relay.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return relay.State{Epoch: "epoch-1", Last: uint64(len(s.events))}, nil
}

func (*stream) Renew(context.Context) error { return nil }

func (s *stream) Events(ctx context.Context, after uint64, fn func(relay.Message)) error {
	for next := after; ; {
		s.mu.Lock()
		batch, changed := s.events[min(next, uint64(len(s.events))):], s.changed
		s.mu.Unlock()
		for _, raw := range batch {
			next++
			fn(relay.Message{Offset: next, Data: raw})
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (*stream) System(ctx context.Context, _ func(relay.Message)) error {
	<-ctx.Done()
	return ctx.Err()
}

func (*stream) Deltas(ctx context.Context, _ func(relay.Message)) error {
	<-ctx.Done()
	return ctx.Err()
}

// PublishEvent drops ids that it has, as JetStream does.
func (s *stream) PublishEvent(_ context.Context, e event.Event) error {
	raw, err := json.Marshal(e)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ids[e.ID] {
		return nil
	}
	s.ids[e.ID] = true
	s.events = append(s.events, raw)
	close(s.changed)
	s.changed = make(chan struct{})
	return nil
}

// bucket is a key-value bucket in memory. What fail returns happens instead of
// an operation: get, put or keys.
type bucket struct {
	mu      sync.Mutex
	changed chan struct{} // closed, and made anew, at every change
	entries map[string]bus.Entry
	last    uint64
	fail    func(op, key string) error
	ops     []string // op and key of what was written
}

func newBucket() *bucket {
	return &bucket{changed: make(chan struct{}), entries: map[string]bus.Entry{}}
}

func (b *bucket) failing(op, key string) error {
	b.mu.Lock()
	fail := b.fail
	b.mu.Unlock()
	if fail == nil {
		return nil
	}
	return fail(op, key)
}

// breaks has every operation fail from now on; nil has none.
func (b *bucket) breaks(fail func(op, key string) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fail = fail
}

func (b *bucket) Get(_ context.Context, key string) (bus.Entry, error) {
	if err := b.failing("get", key); err != nil {
		return bus.Entry{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.entries[key], nil
}

func (b *bucket) Put(_ context.Context, key string, value []byte, revision uint64) (uint64, error) {
	if err := b.failing("put", key); err != nil {
		return 0, err
	}
	return b.write("put "+key, key, value, revision)
}

func (b *bucket) Delete(_ context.Context, key string, revision uint64) error {
	if err := b.failing("put", key); err != nil {
		return err
	}
	_, err := b.write("delete "+key, key, nil, revision)
	return err
}

func (b *bucket) write(op, key string, value []byte, revision uint64) (uint64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.entries[key].Revision != revision {
		return 0, bus.ErrMoved
	}
	b.last++
	b.entries[key] = bus.Entry{Value: value, Revision: b.last}
	b.ops = append(b.ops, op)
	close(b.changed)
	b.changed = make(chan struct{})
	return b.last, nil
}

func (b *bucket) Keys(context.Context) ([]string, error) {
	if err := b.failing("keys", ""); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Collect(maps.Keys(b.entries)), nil
}

func (b *bucket) Watch(ctx context.Context, key string, fn func(bus.Entry)) error {
	for seen := ^uint64(0); ; {
		b.mu.Lock()
		e, changed := b.entries[key], b.changed
		b.mu.Unlock()
		if e.Revision != seen {
			seen = e.Revision
			fn(e)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// written lists what was written, and forgets it.
func (b *bucket) written() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	ops := b.ops
	b.ops = nil
	return ops
}

// values are the entries that there are.
func (b *bucket) values() map[string]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string]string{}
	for key, e := range b.entries {
		if e.Value != nil {
			out[key] = string(e.Value)
		}
	}
	return out
}

var errNoNATS = errors.New("nats: no responders available for request")
