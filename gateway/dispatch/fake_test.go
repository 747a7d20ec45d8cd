package dispatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"vigil/gateway/dispatch"
	"vigil/gateway/intake"
	"vigil/gateway/store"
	"vigil/gateway/store/sqlite"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// fake is Temporal as dispatch sees it: workflows that start, take signals,
// and refuse to start again once they are over.
type fake struct {
	mu        sync.Mutex
	workflows map[string]*workflow
	fail      func(key string) error // before a call takes effect
	lose      func() error           // after it took effect: the answer is lost
	trouble   []string               // promises broken
	failed    map[string]int         // calls refused, by key
	noted     func()                 // told of each refusal
	told      []incident.Move
	inputs    []incident.Input
}

type workflow struct {
	key    string
	open   bool
	seen   map[string]bool
	titles []string          // of the alerts taken, in order, repetitions left out
	by     map[string]string // rule or person that brought an alert, by title
	view   event.View
}

func newFake() *fake {
	return &fake{workflows: map[string]*workflow{}, failed: map[string]int{}, noted: func() {}}
}

func (f *fake) State(_ context.Context, id string) (event.View, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w, ok := f.workflows[id]
	if !ok {
		return event.View{}, incident.Errorf(incident.KindNotFound, "no workflow %s", id)
	}
	return w.view, nil
}

func (f *fake) Update(_ context.Context, id, name, _ string, args, _ any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	w, ok := f.workflows[id]
	switch {
	case !ok:
		return incident.Errorf(incident.KindNotFound, "no workflow %s", id)
	case !w.open:
		return incident.Errorf(incident.KindConflict, "incident %s is over", id)
	case name != incident.UpdateMoveAlerts:
		f.trouble = append(f.trouble, "an update called "+name)
		return nil
	}
	move := args.(incident.MoveAlertsArgs).Move
	f.told = append(f.told, move)
	w.open = !move.All || move.From != id
	f.noted()
	return nil
}

func (f *fake) Deliver(_ context.Context, id string, in incident.Input, s incident.AlertSignal) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.refuse(s); err != nil {
		return err
	}
	w, ok := f.workflows[id]
	if ok && !w.open {
		return incident.Errorf(incident.KindConflict, "incident %s is over", id)
	}
	if !ok {
		w = &workflow{key: s.Alerts[0].CorrelationKey, open: true, seen: map[string]bool{}, by: map[string]string{}}
		for other, o := range f.workflows {
			if o.open && o.key == w.key && s.Alerts[0].JoinedBy == "" {
				f.trouble = append(f.trouble, fmt.Sprintf("%s was started while %s is open for key %s", id, other, w.key))
			}
		}
		f.workflows[id] = w
		f.inputs = append(f.inputs, in)
	}
	return f.take(w, s)
}

func (f *fake) Signal(_ context.Context, id string, s incident.AlertSignal) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.refuse(s); err != nil {
		return err
	}
	w, ok := f.workflows[id]
	if !ok || !w.open {
		return incident.Errorf(incident.KindNotFound, "incident %s does not run", id)
	}
	return f.take(w, s)
}

func (f *fake) refuse(s incident.AlertSignal) error {
	if len(s.Alerts)+len(s.Mentions) == 0 || len(s.Alerts) > 100 || len(s.Mentions) > 500 {
		f.trouble = append(f.trouble, fmt.Sprintf("a signal of %d alerts and %d mentions", len(s.Alerts), len(s.Mentions)))
	}
	if f.fail == nil {
		return nil
	}
	key := s.Alerts[0].CorrelationKey
	err := f.fail(key)
	if err != nil {
		f.failed[key]++
		f.noted()
	}
	return err
}

func (f *fake) take(w *workflow, s incident.AlertSignal) error {
	for _, m := range s.Mentions {
		if w.view.MoreAlerts == nil {
			w.view.MoreAlerts = map[string]incident.MemberState{}
		}
		w.view.MoreAlerts[m.Member] = m.State()
	}
	for _, a := range s.Alerts {
		if a.CorrelationKey != w.key && a.JoinedBy == "" {
			f.trouble = append(f.trouble, fmt.Sprintf("an alert of key %s went to key %s", a.CorrelationKey, w.key))
		}
		if a.Member != incident.MemberID(a.CorrelationKey, a.Fingerprint) {
			f.trouble = append(f.trouble, "an alert that is no member")
		}
		w.view.Alerts = slices.DeleteFunc(w.view.Alerts, func(have incident.Alert) bool { return have.Member == a.Member })
		w.view.Alerts = append(w.view.Alerts, a)
		if !w.seen[a.ContentKey()] {
			w.seen[a.ContentKey()] = true
			w.by[a.Title] = a.JoinedBy
			w.titles = append(w.titles, a.Title)
		}
	}
	if f.lose != nil {
		return f.lose()
	}
	return nil
}

func (f *fake) set(fail func(key string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = fail
}

// close ends the open workflow of key and returns its id, "" where none is open.
func (f *fake) close(key string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, w := range f.workflows {
		if w.open && w.key == key {
			w.open = false
			return id
		}
	}
	return ""
}

func (f *fake) of(key string) (all []*workflow) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range f.workflows {
		if w.key == key {
			all = append(all, w)
		}
	}
	return all
}

// unavailable is Temporal being down.
func unavailable(string) error {
	return incident.Errorf(incident.KindUnavailable, "connection refused")
}

// watched is a store that says when the inbox has changed, so that tests can
// wait for a state instead of for a time.
type watched struct {
	store.Store
	mu      sync.Mutex
	changed chan struct{} // closed at the next change
}

func (w *watched) note() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *watched) next() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changed
}

func (w *watched) Read(ctx context.Context, r []store.Reading) error {
	defer w.note()
	return w.Store.Read(ctx, r)
}

func (w *watched) Assign(ctx context.Context, c store.Claim) (store.Assigned, error) {
	defer w.note()
	return w.Store.Assign(ctx, c)
}

func (w *watched) Settle(ctx context.Context, s []store.Settlement) error {
	defer w.note()
	return w.Store.Settle(ctx, s)
}

func (w *watched) Postpone(ctx context.Context, ids []int64, reason string, next time.Time) error {
	defer w.note()
	return w.Store.Postpone(ctx, ids, reason, next)
}

func (w *watched) MoveTold(ctx context.Context, id string, from, to bool) error {
	defer w.note()
	return w.Store.MoveTold(ctx, id, from, to)
}

// await waits until done says so, looking after every change.
func (w *watched) await(t tb, what string, done func() bool) {
	t.Helper()
	limit := time.After(30 * time.Second)
	for {
		changed := w.next()
		if done() {
			return
		}
		select {
		case <-changed:
		case <-limit:
			c, err := w.InboxCounts(context.Background())
			t.Fatalf("waited in vain until %s; inbox %+v (%v)", what, c, err)
		}
	}
}

// idle waits until nothing is left to do.
func (w *watched) idle(t tb) {
	t.Helper()
	w.await(t, "the inbox is worked off", func() bool {
		c, err := w.InboxCounts(context.Background())
		return err == nil && c.Received == 0 && c.Pending == 0
	})
}

// tb is what testing.T and rapid.T have in common.
type tb interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

func openStore(t testing.TB) *watched {
	t.Helper()
	s, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &watched{Store: s, changed: make(chan struct{})}
}

// start runs a dispatcher that tries again quickly.
func start(t tb, s *watched, f *fake, change ...func(*dispatch.Config)) (d *dispatch.Dispatcher, stop func()) {
	t.Helper()
	cfg := dispatch.Config{Inbox: s, Incidents: f, Every: 5 * time.Millisecond, Pace: func(int64) time.Duration { return 0 },
		RetryMin: time.Millisecond, RetryMax: 8 * time.Millisecond, Parse: parse}
	for _, c := range change {
		c(&cfg)
	}
	d, err := dispatch.New(cfg)
	if err == nil {
		err = d.Start(context.Background())
	}
	if err != nil {
		t.Fatalf("%v", err)
	}
	return d, sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := d.Stop(ctx); err != nil {
			t.Errorf("%v", err)
		}
	})
}

// message is what the test's own source sends: a list of alerts.
type message struct {
	Note   string
	Panic  bool
	Alerts []incident.Alert
}

var t0 = time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)

func alert(key, name string, status incident.AlertStatus, n int) incident.Alert {
	return incident.Alert{Source: "test", CorrelationKey: key, Fingerprint: name, Status: status,
		Title: fmt.Sprintf("%s %s %d", name, status, n), StartsAt: t0.Add(time.Duration(n) * time.Second), ReceivedAt: t0}
}

func fires(key string, n int) message {
	return message{Alerts: []incident.Alert{alert(key, "a", incident.AlertFiring, n)}}
}

func resolves(key string, n int) message {
	return message{Alerts: []incident.Alert{alert(key, "a", incident.AlertResolved, n)}}
}

func parse(d store.Delivery) (intake.Result, error) {
	var m message
	if err := json.Unmarshal(d.Body, &m); err != nil {
		return intake.Result{}, errors.New("not a message")
	}
	if m.Panic {
		panic("boom")
	}
	for i := range m.Alerts {
		m.Alerts[i].InboxID = d.ID
	}
	return intake.Result{Alerts: m.Alerts, Note: m.Note}, nil
}

func accept(t tb, s store.Inbox, m any) int64 {
	t.Helper()
	body, err := json.Marshal(m)
	if err != nil {
		t.Fatalf("%v", err)
	}
	id, err := s.Accept(context.Background(), store.Delivery{Source: "test", ReceivedAt: t0, Body: body})
	if err != nil {
		t.Fatalf("%v", err)
	}
	return id
}

func record(t tb, s store.Inbox, id int64) store.DeliveryRecord {
	t.Helper()
	list, err := s.Deliveries(context.Background(), store.DeliveryFilter{Before: id + 1}, 1)
	if err != nil || len(list) != 1 || list[0].ID != id {
		t.Fatalf("delivery %d: %+v, %v", id, list, err)
	}
	return list[0]
}

// closed applies the end of an incident to the store, as the event stream
// brings it.
func closed(t tb, s store.Store, id string, offset uint64) {
	t.Helper()
	var events []event.Event
	for i, data := range []event.Data{
		&event.IncidentOpened{Title: "x", Service: "x", Severity: incident.SeverityHigh, Source: "test", StartedAt: t0},
		&event.IncidentClosed{Status: incident.StatusResolved, Outcome: incident.OutcomeRecovered, Reason: "over"},
	} {
		e, err := event.New(data, id, "run-"+id, int64(i+1), t0, incident.Provenance{Origin: incident.OriginLive})
		if err != nil {
			t.Fatalf("%v", err)
		}
		e.Offset = offset + uint64(i)
		events = append(events, e)
	}
	if _, gap, err := s.Apply(context.Background(), "epoch", nil, events); err != nil || gap != nil {
		t.Fatalf("apply: gap %v, error %v", gap, err)
	}
}
