package relay_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"vigil/gateway/hub"
	"vigil/gateway/relay"
	"vigil/gateway/store"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

func TestAppliesThenPublishes(t *testing.T) {
	f := running(t, relay.Config{})
	a, b := story(t, "inc-a", "run-a", 4), story(t, "inc-b", "run-b", 2)
	all := []event.Event{a[0], b[0], a[1], a[2], b[1], a[3]}
	f.publish(t, all...)
	f.settled(t)
	if got := f.hub.ids(); !slices.Equal(got, ids(all)) {
		t.Errorf("published %v, want %v", got, ids(all))
	}
	for i, e := range f.hub.events {
		if e.Offset != uint64(i+1) || e.Epoch != "s0" {
			t.Errorf("event %s is published as of %s/%d, want s0/%d", e.ID, e.Epoch, e.Offset, i+1)
		}
	}
	if got := ids(f.stored(t, "inc-a", "run-a")); !slices.Equal(got, ids(a)) {
		t.Errorf("stored %v, want %v", got, ids(a))
	}
	lag, ok := f.relay.Lag()
	if !ok || lag.Published <= 0 || lag.Published > patience || lag.Happened < lag.Published {
		t.Errorf("got lag %+v, want one measured", lag)
	}
	if s := f.relay.Status(); s.Err != nil || s.SetAside != 0 || s.Lost != 0 || s.Pending != 0 {
		t.Errorf("got status %+v, want all well", s)
	}
}

func TestDuplicatesAreDropped(t *testing.T) {
	f := running(t, relay.Config{})
	a := story(t, "inc-a", "run-a", 3)
	f.publish(t, a[0], a[1], a[0], a[1], a[2], a[2])
	f.settled(t) // the position passes the duplicates too
	if got := f.hub.ids(); !slices.Equal(got, ids(a)) {
		t.Errorf("published %v, want each once", got)
	}
}

func TestGoesOnAfterARestart(t *testing.T) {
	f := running(t, relay.Config{})
	a := story(t, "inc-a", "run-a", 6)
	f.publish(t, a[:2]...)
	f.settled(t)
	f.stop(t)
	f.publish(t, a[2:4]...)
	f.start(t)
	f.settled(t)
	f.change(func() { f.broken = errInjected })
	eventually(t, "the failure shows", func() bool { return errors.Is(f.relay.Status().Err, errInjected) })
	f.publish(t, a[4:]...)
	f.change(func() { f.broken = nil })
	f.settled(t)
	if got := f.hub.ids(); !slices.Equal(got, ids(a)) {
		t.Errorf("published %v, want %v", got, ids(a))
	}
	if err := f.relay.Status().Err; err != nil {
		t.Errorf("the failure still shows: %v", err)
	}
}

// A new process has a new hub, which is given the latest events, so that
// clients resume from its memory.
func TestWarmsTheHub(t *testing.T) {
	f := running(t, relay.Config{Warm: 3})
	a := story(t, "inc-a", "run-a", 8)
	f.publish(t, a...)
	f.settled(t)
	f.stop(t)
	f.hub = &tap{Hub: hub.New(hub.Config{}, relay.NewSource(f.store, 50)), system: map[string]string{}, until: map[string]time.Time{}}
	f.start(t)
	f.settled(t)
	if got := f.hub.ids(); !slices.Equal(got, ids(a[5:])) {
		t.Errorf("the hub was given %v, want the latest three", got)
	}
}

func TestSetsAside(t *testing.T) {
	f := running(t, relay.Config{})
	a := story(t, "inc-a", "run-a", 2)
	f.publish(t, a[0])
	for _, junk := range []string{"", "{", `"text"`, `{}`, `{"type":"incident.noted","id":"x/1","incident_id":"x","seq":1}`,
		`{"type":"incident.noted","id":"x/1","incident_id":"x","run_id":"r","seq":-1}`} {
		f.add([]byte(junk))
	}
	f.publish(t, a[1])
	f.settled(t)
	if got := f.hub.ids(); !slices.Equal(got, ids(a)) {
		t.Errorf("published %v, want %v", got, ids(a))
	}
	if n := f.relay.Status().SetAside; n != 6 {
		t.Errorf("set aside %d messages, want 6", n)
	}
}

// refuser is a store that refuses one event as invalid.
type refuser struct {
	store.Events
	id string
}

func (r refuser) Apply(ctx context.Context, epoch string, fill, events []event.Event) ([]event.Event, *store.Gap, error) {
	for _, e := range slices.Concat(fill, events) {
		if e.ID == r.id {
			return nil, nil, incident.Errorf(incident.KindInvalid, "no room for %s", e.ID)
		}
	}
	return r.Events.Apply(ctx, epoch, fill, events)
}

func TestSetsAsideWhatTheStoreRefuses(t *testing.T) {
	f := running(t, relay.Config{})
	f.stop(t)
	f.events = refuser{f.store, "run-b/1"}
	a, b := story(t, "inc-a", "run-a", 3), story(t, "inc-b", "run-b", 1)
	f.publish(t, a[0], b[0], a[1], a[2])
	f.start(t)
	f.settled(t)
	if got := f.hub.ids(); !slices.Equal(got, ids(a)) {
		t.Errorf("published %v, want %v", got, ids(a))
	}
	if n := f.relay.Status().SetAside; n != 1 {
		t.Errorf("set aside %d messages, want 1", n)
	}
}

func TestNewStream(t *testing.T) {
	f := running(t, relay.Config{})
	a := story(t, "inc-a", "run-a", 5)
	f.publish(t, a[:3]...)
	f.settled(t)
	f.change(func() { f.streams.epoch, f.msgs = "s1", nil })
	f.publish(t, a[2:]...) // the publisher repeats its last one
	f.settled(t)
	if got := ids(f.stored(t, "inc-a", "run-a")); !slices.Equal(got, ids(a)) {
		t.Errorf("stored %v, want each once", got)
	}
	if got, want := f.hub.resets[len(f.hub.resets)-1], (event.Cursor{Epoch: "s1"}); got != want {
		t.Errorf("the hub was reset to %+v, want %+v", got, want)
	}
	if got := f.hub.ids(); !slices.Equal(got, ids(a[3:])) {
		t.Errorf("in the new epoch %v was published, want what was new", got)
	}
}

func TestStreamThatWasSetBack(t *testing.T) {
	f := running(t, relay.Config{})
	a := story(t, "inc-a", "run-a", 6)
	f.publish(t, a[:4]...)
	f.settled(t)
	f.change(func() { f.msgs = f.msgs[:2] }) // restored from a backup, same metadata
	eventually(t, "the stream gets a new epoch", func() bool { return f.last().Epoch == "renewed1" })
	f.publish(t, a[4:]...)
	f.settled(t)
	if got := ids(f.stored(t, "inc-a", "run-a")); !slices.Equal(got, ids(a)) {
		t.Errorf("stored %v, want each once", got)
	}
	if at := f.hub.Position(); at.Epoch != "renewed1" || at.Offset != 4 {
		t.Errorf("the hub is at %+v, want renewed1/4", at)
	}
}

// A large backlog is applied, and then shown by one snapshot.
func TestCatchUp(t *testing.T) {
	f := running(t, relay.Config{CatchUp: 10, Warm: 20, BatchMax: 8})
	f.settled(t)
	f.stop(t)
	a := story(t, "inc-a", "run-a", 200)
	f.publish(t, a...)
	f.start(t)
	f.settled(t)
	if n := len(f.hub.ids()); n > 40 {
		t.Errorf("%d of 200 events were sent one by one", n)
	}
	if got := ids(f.stored(t, "inc-a", "run-a")); !slices.Equal(got, ids(a)) {
		t.Errorf("%d events are stored, want all 200", len(got))
	}
}

func TestSystemEvents(t *testing.T) {
	f := running(t, relay.Config{})
	good := `{"type":"aws.services","at":"2026-03-01T12:00:00Z","provenance":{"origin":"live"},"data":{}}`
	f.change(func() {
		f.system = append(f.system,
			relay.Message{Subject: "vigil.sys.aws-services", Data: []byte(good)},
			relay.Message{Subject: "vigil.sys.system-health", Data: []byte(`not json`)},
			relay.Message{Subject: "vigil.sys.system-health", Data: []byte(good)},
			relay.Message{Subject: "vigil.sys.business-metrics", Data: []byte(strings.Replace(good, "aws.services", "business.metrics", 1))})
	})
	eventually(t, "the last one has come", func() bool {
		f.hub.mu.Lock()
		defer f.hub.mu.Unlock()
		return f.hub.system["business.metrics"] != ""
	})
	f.hub.mu.Lock()
	defer f.hub.mu.Unlock()
	if len(f.hub.system) != 2 || f.hub.system["aws.services"] != good {
		t.Errorf("got %v, want the two that are what they say", f.hub.system)
	}
}

// Each worker's latest figures stand beside the others', for as long as it
// keeps saying them.
func TestSystemEventsOfWorkers(t *testing.T) {
	f := running(t, relay.Config{})
	now := time.Now().UTC()
	frame := func(worker string, at time.Time) relay.Message {
		return relay.Message{Subject: "vigil.sys.aws-services." + worker, Data: []byte(`{"type":"aws.services","at":"` + at.Format(time.RFC3339Nano) +
			`","provenance":{"origin":"live"},"data":{"worker":"` + worker + `"}}`)}
	}
	f.change(func() {
		f.system = append(f.system, frame("gone", now.Add(-3*time.Minute)), frame("a", now.Add(-time.Minute)), frame("b", now), frame("a", now),
			relay.Message{Subject: "vigil.sys.system-health.c", Data: frame("c", now).Data}, frame("", now), frame("last", now))
	})
	eventually(t, "the last one has come", func() bool {
		f.hub.mu.Lock()
		defer f.hub.mu.Unlock()
		return f.hub.system["aws-services.last"] != ""
	})
	f.hub.mu.Lock()
	defer f.hub.mu.Unlock()
	if len(f.hub.system) != 3 || f.hub.system["aws-services.a"] != string(frame("a", now).Data) || f.hub.system["aws-services.b"] == "" {
		t.Errorf("got %v, want the latest of a, b and last", f.hub.system)
	}
	if until := f.hub.until["aws-services.a"]; !until.Equal(now.Add(2 * time.Minute)) {
		t.Errorf("it stands until %s, want two minutes after %s", until, now)
	}
}

func TestDeltas(t *testing.T) {
	f := running(t, relay.Config{})
	const good = `{"type":"model.delta","incident_id":"inc-a","run_id":"run-a","agent":"diagnosis","turn":1,"attempt":1,"index":0,"text":"the pool","origin":"live"}`
	for _, body := range []string{good, "not json", strings.Replace(good, "model.delta", "model.called", 1), strings.Replace(good, "inc-a", "", 1),
		strings.Replace(good, "the pool", strings.Repeat("x", 20<<10), 1), strings.Replace(good, `"index":0`, `"index":1`, 1)} {
		f.deltas <- relay.Message{Subject: "vigil.tok.inc-a", Data: []byte(body)}
	}
	if len(f.hub.ids()) != 0 {
		t.Error("a piece of text became an event")
	}
	f.hub.mu.Lock()
	defer f.hub.mu.Unlock()
	if len(f.hub.passed) < 1 || f.hub.passed[0] != good { // the last may still be on its way
		t.Errorf("passed on %q", f.hub.passed)
	}
	for _, p := range f.hub.passed {
		if p != good && p != strings.Replace(good, `"index":0`, `"index":1`, 1) {
			t.Errorf("passed on %.100q", p)
		}
	}
}

func TestStopWhileNothingAnswers(t *testing.T) {
	f := running(t, relay.Config{})
	asked := make(chan struct{})
	f.filler.answer(func(string, string, int64) ([]event.Event, error) {
		select {
		case asked <- struct{}{}:
		default:
		}
		return nil, incident.Errorf(incident.KindUnavailable, "no worker")
	})
	f.publish(t, story(t, "inc-a", "run-a", 2)[1])
	<-asked
	// The cleanup stops it, within its patience.
}
