package relay_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"vigil/gateway/relay"
	"vigil/gateway/store"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// flaky is a store that fails when told to, before or after the commit.
type flaky struct {
	store.Events
	mu   sync.Mutex
	plan []string // of the next calls of Apply; "" is fine
}

func (s *flaky) next() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.plan) == 0 {
		return ""
	}
	p := s.plan[0]
	s.plan = s.plan[1:]
	return p
}

func (s *flaky) Apply(ctx context.Context, epoch string, fill, events []event.Event) ([]event.Event, *store.Gap, error) {
	p := s.next()
	if p == "before" {
		return nil, nil, errInjected
	}
	fresh, gap, err := s.Events.Apply(ctx, epoch, fill, events)
	if p == "after" {
		return nil, nil, errInjected
	}
	return fresh, gap, err
}

// TestNothingIsLostOrRepeated publishes several runs, with duplicates, holes
// and junk, while consumers and store fail and the relay is stopped and
// started. In the end store and hub have each event of each run once, in
// order.
func TestNothingIsLostOrRepeated(t *testing.T) {
	s := openStore(t, t.TempDir()) // one for all checks, each with a stream and incidents of its own
	defer closeStore(t, s)
	check := 0
	rapid.Check(t, func(t *rapid.T) {
		check++
		f := newFixture(s, relay.Config{BatchMax: rapid.IntRange(1, 6).Draw(t, "batch")})
		f.streams.epoch = fmt.Sprintf("check%d", check)
		f.events = &flaky{Events: s, plan: rapid.SliceOfN(rapid.SampledFrom([]string{"", "", "before", "after"}), 0, 20).Draw(t, "failures")}
		runs := map[string][]event.Event{}
		sent := map[string]int{}
		var incidents []string
		for i := range 3 {
			id := fmt.Sprintf("inc-%d-%d", check, i)
			incidents = append(incidents, id)
			runs[id] = story(t, id, "run-"+id, 12)
		}
		asked := 0
		f.filler.answer(func(id, _ string, after int64) ([]event.Event, error) {
			if asked++; asked%2 == 1 {
				return nil, incident.Errorf(incident.KindUnavailable, "no worker")
			}
			return runs[id][after:], nil
		})
		f.start(t)

		t.Repeat(map[string]func(*rapid.T){
			"publish": func(rt *rapid.T) {
				id := rapid.SampledFrom(incidents).Draw(rt, "incident")
				skip := rapid.SampledFrom([]int{0, 0, 0, 0, 2}).Draw(rt, "skip")
				n := rapid.IntRange(1, 4).Draw(rt, "n")
				from := min(sent[id]+skip, len(runs[id]))
				to := min(from+n, len(runs[id]))
				f.publish(rt, runs[id][from:to]...)
				if to > from {
					sent[id] = to
				}
			},
			"repeat": func(rt *rapid.T) {
				id := rapid.SampledFrom(incidents).Draw(rt, "incident")
				if sent[id] > 0 {
					f.publish(rt, runs[id][sent[id]-1])
				}
			},
			"junk":    func(*rapid.T) { f.add([]byte("{")) },
			"break":   func(*rapid.T) { f.change(func() { f.broken = errInjected }) },
			"mend":    func(*rapid.T) { f.change(func() { f.broken = nil }) },
			"restart": func(rt *rapid.T) { f.stop(rt); f.start(rt) },
		})

		f.change(func() { f.broken = nil })
		for id := range runs { // an event of each run comes last, so that all are complete
			f.publish(t, runs[id][len(runs[id])-1])
		}
		f.settled(t)
		f.stop(t)
		perRun := map[string][]string{}
		for _, e := range f.hub.events {
			perRun[e.IncidentID] = append(perRun[e.IncidentID], e.ID)
		}
		for id, run := range runs {
			if !slices.Equal(perRun[id], ids(run)) {
				t.Fatalf("of %s was published %v, want each event once, in order", id, perRun[id])
			}
		}
	})
}
