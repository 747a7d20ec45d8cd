package relay_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"vigil/gateway/relay"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

func TestGaps(t *testing.T) {
	a, b := story(t, "inc-a", "run-a", 6), story(t, "inc-b", "run-b", 3)
	gone := func(string, string, int64) ([]event.Event, error) {
		return nil, incident.Errorf(incident.KindNotFound, "no such workflow")
	}
	workflow := func(_, _ string, after int64) ([]event.Event, error) { return a[after:], nil }
	mixed := []event.Event{a[0], b[0], a[3], b[1], a[4], b[2], a[5]} // a[1] and a[2] are missing
	tests := []struct {
		name   string
		stream []event.Event
		filler func(string, string, int64) ([]event.Event, error)
		want   []string // published, in this order
		lost   int64
	}{
		{"filled, and no more than that", mixed, workflow,
			[]string{"run-a/1", "run-b/1", "run-a/2", "run-a/3", "run-a/4", "run-b/2", "run-a/5", "run-b/3", "run-a/6"}, 0},
		{"several", []event.Event{a[0], a[2], a[5]}, workflow, ids(a), 0},
		{"at the beginning", a[3:], workflow, ids(a), 0},
		{"workflow deleted", mixed, gone,
			[]string{"run-a/1", "run-b/1", "run-a/2", "run-a/3", "run-a/4", "run-b/2", "run-a/5", "run-b/3", "run-a/6"}, 2},
		{"workflow deleted, beginning missing", a[3:], gone, ids(a), 3},
		{"workflow knows a part", mixed, func(string, string, int64) ([]event.Event, error) { return a[1:2], nil },
			[]string{"run-a/1", "run-b/1", "run-a/2", "run-a/3", "run-a/4", "run-b/2", "run-a/5", "run-b/3", "run-a/6"}, 1},
		{"workflow answers with something else", mixed, func(string, string, int64) ([]event.Event, error) { return b[1:], nil },
			[]string{"run-a/1", "run-b/1", "run-a/2", "run-a/3", "run-a/4", "run-b/2", "run-a/5", "run-b/3", "run-a/6"}, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := running(t, relay.Config{})
			f.filler.answer(test.filler)
			f.publish(t, test.stream...)
			f.settled(t)
			if got := f.hub.ids(); !slices.Equal(got, test.want) {
				t.Errorf("published %v, want %v", got, test.want)
			}
			if n := f.relay.Status().Lost; n != test.lost {
				t.Errorf("%d events are lost, want %d", n, test.lost)
			}
			view, err := f.store.Incident(t.Context(), "inc-a")
			if err != nil {
				t.Fatal(err)
			}
			if view.Seq != 6 {
				t.Errorf("the incident is shown up to event %d, want 6", view.Seq)
			}
			marks := 0
			for _, e := range f.stored(t, "inc-a", "run-a") {
				if e.Provenance.Operation == "mark_lost_event" && strings.Contains(string(e.Data), "is lost") {
					marks++
				}
			}
			if marks != int(test.lost) {
				t.Errorf("%d events say that one is lost, want %d", marks, test.lost)
			}
		})
	}
}

// Everything waits while the workflow cannot be asked, and says so.
func TestGapWaitsForTheWorkflow(t *testing.T) {
	f := running(t, relay.Config{})
	a := story(t, "inc-a", "run-a", 4)
	f.filler.answer(func(string, string, int64) ([]event.Event, error) {
		return nil, incident.Errorf(incident.KindUnavailable, "no worker")
	})
	f.publish(t, a[0], a[3])
	eventually(t, "the wait shows", func() bool {
		err := f.relay.Status().Err
		return err != nil && strings.Contains(err.Error(), "inc-a") && strings.Contains(err.Error(), "no worker")
	})
	if got := f.hub.ids(); !slices.Equal(got, ids(a[:1])) {
		t.Errorf("published %v while events are missing", got)
	}
	f.filler.answer(func(_, _ string, after int64) ([]event.Event, error) { return a[after:], nil })
	f.settled(t)
	if got := f.hub.ids(); !slices.Equal(got, ids(a)) {
		t.Errorf("published %v, want %v", got, ids(a))
	}
	if s := f.relay.Status(); s.Err != nil || s.Lost != 0 {
		t.Errorf("got status %+v, want all well", s)
	}
}

// A number that no workflow gave is not worth a million marks.
func TestAbsurdGap(t *testing.T) {
	f := running(t, relay.Config{})
	a := story(t, "inc-a", "run-a", 2)
	absurd := a[1]
	absurd.Seq, absurd.ID = 1_000_000, event.MakeID("run-a", 1_000_000)
	f.publish(t, a[0], absurd, a[1])
	f.settled(t)
	if got := f.hub.ids(); !slices.Equal(got, ids(a)) {
		t.Errorf("published %v, want %v", got, ids(a))
	}
	if n := f.relay.Status().SetAside; n != 1 {
		t.Errorf("set aside %d, want 1", n)
	}
}

// A hole in a run that the incident no longer is in is filled from that run.
func TestGapInAnEarlierRun(t *testing.T) {
	f := running(t, relay.Config{})
	a := story(t, "inc-a", "run-a", 4)
	var v event.View
	for _, e := range a {
		v.Apply(e)
	}
	next, err := event.New(&event.IncidentContinued{FromRunID: "run-a", View: v}, "inc-a", "run-b", 1, began.Add(time.Hour), a[0].Provenance)
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	f.filler.answer(func(_, run string, after int64) ([]event.Event, error) {
		asked = append(asked, run)
		return a[after:], nil
	})
	f.publish(t, a[0], a[3], next)
	f.settled(t)
	if got, want := f.hub.ids(), append(ids(a), next.ID); !slices.Equal(got, want) {
		t.Errorf("published %v, want %v", got, want)
	}
	if !slices.Equal(asked, []string{"run-a"}) {
		t.Errorf("asked run %v", asked)
	}
	list, more, err := f.store.IncidentStory(t.Context(), "inc-a", 0, 10)
	if err != nil || more || !slices.Equal(ids(list), append(ids(a), next.ID)) {
		t.Errorf("the story is %v, more %t, %v", ids(list), more, err)
	}
}
