package relay_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"vigil/gateway/hub"
	"vigil/gateway/relay"
	"vigil/gateway/store"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// listed is a store that knows a few events.
type listed struct {
	store.Events
	events []event.Event
	err    error
}

func (l listed) Since(context.Context, event.Cursor, int) ([]event.Event, error) {
	return l.events, l.err
}

func TestSinceGroupsFillsWithWhatTheyWereFetchedFor(t *testing.T) {
	tests := []struct {
		name    string
		offsets []uint64 // of the events, as the store has them; the cursor is at 10
		want    []uint64 // of the frames
	}{
		{"none", nil, nil},
		{"no fill", []uint64{11, 12, 15}, []uint64{11, 12, 15}},
		{"fills first", []uint64{10, 10, 11, 12}, []uint64{11, 11, 11, 12}},
		{"fills between", []uint64{11, 11, 11, 14}, []uint64{11, 14, 14, 14}},
		{"fills of an older position", []uint64{7, 7, 11}, []uint64{11, 11, 11}},
		{"fills at the end wait", []uint64{11, 11, 11}, []uint64{11}},
		{"only fills wait", []uint64{10, 10}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var events []event.Event
			for i, offset := range test.offsets {
				events = append(events, event.Event{ID: fmt.Sprint(i), Offset: offset, Data: []byte("{}")})
			}
			frames, err := relay.NewSource(listed{events: events}, 1).Since(t.Context(), event.Cursor{Epoch: "e", Offset: 10}, 100)
			if err != nil {
				t.Fatal(err)
			}
			var got []uint64
			last := uint64(10)
			for i, f := range frames {
				got = append(got, f.Offset)
				sent := test.offsets[i]
				if sent <= last {
					sent = 0
				}
				last = max(last, sent)
				var e event.Event
				if err := json.Unmarshal(f.Body, &e); err != nil || e.ID != fmt.Sprint(i) || e.Offset != sent {
					t.Errorf("frame %d holds %s (%v), want event %d with offset %d", i, f.Body, err, i, sent)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got frames at %v, want %v", got, test.want)
			}
		})
	}
}

func TestSinceSaysWhenASnapshotIsNeeded(t *testing.T) {
	_, err := relay.NewSource(listed{err: incident.Errorf(incident.KindNotFound, "too far behind")}, 1).Since(t.Context(), event.Cursor{}, 1)
	if !errors.Is(err, hub.ErrNeedSnapshot) {
		t.Errorf("got %v, want ErrNeedSnapshot", err)
	}
	_, err = relay.NewSource(listed{err: incident.Errorf(incident.KindUnavailable, "disk full")}, 1).Since(t.Context(), event.Cursor{}, 1)
	if err == nil || errors.Is(err, hub.ErrNeedSnapshot) {
		t.Errorf("got %v, want an error that a snapshot would not cure", err)
	}
}

func TestSnapshotFrame(t *testing.T) {
	f := running(t, relay.Config{})
	source := relay.NewSource(f.store, 10)
	f.settled(t)
	at, body, err := source.Snapshot(t.Context())
	if err != nil || at != (event.Cursor{Epoch: "s0"}) || string(body) != `{"type":"snapshot","epoch":"s0","offset":0,"incidents":[]}` {
		t.Errorf("got %+v, %s, %v; want an empty snapshot at s0/0", at, body, err)
	}
	f.publish(t, story(t, "inc-a", "run-a", 3)...)
	f.settled(t)
	at, body, err = source.Snapshot(t.Context())
	var s event.Snapshot
	if err != nil || json.Unmarshal(body, &s) != nil {
		t.Fatalf("got %s, %v", body, err)
	}
	if s.Type != event.FrameSnapshot || s.Offset != 3 || at.Offset != 3 || len(s.Incidents) != 1 || s.Incidents[0].Seq != 3 {
		t.Errorf("got %+v at %+v, want inc-a with three events, as of 3", s, at)
	}
}
