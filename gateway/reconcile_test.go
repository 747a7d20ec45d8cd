package gateway_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"vigil/gateway"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// shelf is a list of open incidents, and where events are published to.
type shelf struct {
	open      []event.Summary
	published []event.Event
	err       error
}

func (s *shelf) Open(context.Context) ([]event.Summary, error) { return s.open, nil }
func (s *shelf) PublishEvent(_ context.Context, e event.Event) error {
	if s.err == nil {
		s.published = append(s.published, e)
	}
	return s.err
}

// timeline is a reconciler under a clock that the test moves.
type timeline struct {
	tb     testing.TB
	engine *engine
	shelf  *shelf
	now    time.Time
	pass   func(context.Context) error
}

func newTimeline(tb testing.TB) *timeline {
	tl := &timeline{tb: tb, engine: &engine{}, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		shelf: &shelf{open: []event.Summary{{IncidentID: "inc-1", RunID: "run-1", Seq: 3}}}}
	tl.pass = gateway.NewReconciler(tl.engine, tl.shelf, tl.shelf, func() time.Time { return tl.now })
	return tl
}

// after moves the clock and makes one pass.
func (tl *timeline) after(d time.Duration) error {
	tl.now = tl.now.Add(d)
	return tl.pass(tl.tb.Context())
}

// ends answers Describe: run-1 has ended like this, and so has the latest run.
func ends(how string) func(string, string) (bool, string, error) {
	return func(string, string) (bool, string, error) { return false, how, nil }
}

func TestWorkflowsThatEndWithoutAWordAreAborted(t *testing.T) {
	t.Parallel()
	for how, words := range map[string]string{"terminated": "was terminated", "timed_out": "time limit", "failed": "failed",
		"canceled": "cancelled", "continued_as_new": "another run", "paused_for_ever": "paused_for_ever"} {
		tl := newTimeline(t)
		tl.engine.describe = ends(how)
		must(t, tl.after(0))
		if len(tl.shelf.published) != 0 {
			t.Errorf("%s: aborted at first sight, while last events may be arriving", how)
		}
		must(t, tl.after(time.Second))
		must(t, tl.after(time.Second)) // it has not come back by the stream yet: not twice
		if len(tl.shelf.published) != 1 {
			t.Fatalf("%s: %d events", how, len(tl.shelf.published))
		}
		e := tl.shelf.published[0]
		d, err := e.Decode()
		must(t, err)
		aborted, ok := d.(*event.IncidentAborted)
		if !ok || !strings.Contains(aborted.Reason, words) || e.ID != "run-1/0" || e.Seq != 0 || e.IncidentID != "inc-1" || !e.Provenance.Origin.Valid() {
			t.Errorf("%s: event is %+v %s", how, e, e.Data)
		}
	}
}

func TestDeletedWorkflowIsBelievedOnlyAfterAWhile(t *testing.T) {
	t.Parallel()
	tl := newTimeline(t)
	missing := func(string, string) (bool, string, error) {
		return false, "", incident.Errorf(incident.KindNotFound, "no such workflow")
	}
	tl.engine.describe = missing
	must(t, tl.after(0))
	must(t, tl.after(time.Second))
	tl.engine.describe = func(string, string) (bool, string, error) { return true, "", nil } // it was there after all
	must(t, tl.after(time.Second))
	tl.engine.describe = missing
	must(t, tl.after(5*time.Second))
	if len(tl.shelf.published) != 0 {
		t.Fatal("aborted although it had been seen in between")
	}
	must(t, tl.after(3*time.Second))
	if len(tl.shelf.published) != 1 || !strings.Contains(string(tl.shelf.published[0].Data), "does not exist") {
		t.Errorf("published %v", tl.shelf.published)
	}
}

func TestResetIsNoAbort(t *testing.T) {
	t.Parallel()
	tl := newTimeline(t)
	tl.engine.describe = func(_, runID string) (bool, string, error) {
		return runID == "", "terminated", nil // the latest run is open
	}
	for range 10 {
		must(t, tl.after(time.Second))
	}
	if len(tl.shelf.published) != 0 {
		t.Errorf("published %v", tl.shelf.published)
	}
}

func TestLastEventsThatNeverCameAreFetched(t *testing.T) {
	t.Parallel()
	tl := newTimeline(t)
	tl.engine.describe = ends("completed")
	closing := event.Event{Type: event.TypeIncidentClosed, ID: "run-1/4", IncidentID: "inc-1", RunID: "run-1", Seq: 4, Data: []byte(`{}`)}
	tl.engine.events = func(_ string, after int64) ([]event.Event, error) {
		if after != 3 {
			return nil, fmt.Errorf("asked for those after %d", after)
		}
		return []event.Event{closing}, nil
	}
	must(t, tl.after(0))
	must(t, tl.after(time.Second))
	if len(tl.shelf.published) != 0 {
		t.Fatal("fetched while they may be on their way")
	}
	must(t, tl.after(5*time.Second))
	if len(tl.shelf.published) != 1 || tl.shelf.published[0].ID != "run-1/4" {
		t.Errorf("published %+v", tl.shelf.published)
	}
}

// An incident that continued and ended while its last run had not come by the
// stream is not aborted: that run is fetched, which begins with all before it.
func TestLastRunThatNeverCameIsFetched(t *testing.T) {
	t.Parallel()
	tl := newTimeline(t)
	tl.engine.describe = func(_, runID string) (bool, string, error) {
		if runID == "run-1" {
			return false, "continued_as_new", nil
		}
		return false, "completed", nil
	}
	tl.engine.events = func(_ string, after int64) ([]event.Event, error) {
		if after != 0 {
			return nil, fmt.Errorf("asked for those after %d", after)
		}
		return []event.Event{{Type: event.TypeIncidentContinued, ID: "run-2/1", IncidentID: "inc-1", RunID: "run-2", Seq: 1, Data: []byte(`{}`)}}, nil
	}
	must(t, tl.after(0))
	must(t, tl.after(time.Second))
	if len(tl.shelf.published) != 0 {
		t.Fatal("fetched while they may be on their way")
	}
	must(t, tl.after(5*time.Second))
	if len(tl.shelf.published) != 1 || tl.shelf.published[0].ID != "run-2/1" {
		t.Errorf("published %+v", tl.shelf.published)
	}
}

func TestCompletedWithoutAnOutcomeIsAborted(t *testing.T) {
	t.Parallel()
	tl := newTimeline(t)
	tl.engine.describe = ends("completed")
	tl.engine.events = func(string, int64) ([]event.Event, error) { return nil, nil }
	must(t, tl.after(0))
	must(t, tl.after(6*time.Second))
	if len(tl.shelf.published) != 1 || tl.shelf.published[0].Type != event.TypeIncidentAborted {
		t.Errorf("published %+v", tl.shelf.published)
	}
}

func TestNothingIsConcludedWhileTemporalCannotBeAsked(t *testing.T) {
	t.Parallel()
	tl := newTimeline(t)
	tl.engine.describe = func(string, string) (bool, string, error) {
		return false, "", incident.Errorf(incident.KindUnavailable, "Temporal cannot be reached")
	}
	for range 10 {
		if err := tl.after(time.Minute); err == nil {
			t.Error("a pass that could ask nobody says nothing")
		}
	}
	if len(tl.shelf.published) != 0 {
		t.Errorf("published %v", tl.shelf.published)
	}
}

func TestAbortIsTriedAgainWhenTheStreamIsAway(t *testing.T) {
	t.Parallel()
	tl := newTimeline(t)
	tl.engine.describe = ends("terminated")
	tl.shelf.err = incident.Errorf(incident.KindUnavailable, "no stream")
	must(t, tl.after(0))
	if err := tl.after(time.Second); err == nil {
		t.Error("the failure was swallowed")
	}
	tl.shelf.err = nil
	must(t, tl.after(time.Second))
	if len(tl.shelf.published) != 1 {
		t.Errorf("published %v", tl.shelf.published)
	}
}

func TestOneIncidentDoesNotKeepOthersFromTheirTurn(t *testing.T) {
	t.Parallel()
	tl := newTimeline(t)
	tl.shelf.open = []event.Summary{{IncidentID: "inc-1", RunID: "run-1"}, {IncidentID: "inc-2", RunID: "run-2"}}
	tl.engine.describe = func(id, _ string) (bool, string, error) {
		if id == "inc-1" {
			return false, "completed", nil
		}
		return false, "terminated", nil
	}
	tl.engine.events = func(string, int64) ([]event.Event, error) {
		return nil, incident.Errorf(incident.KindUnavailable, "no worker")
	}
	must(t, tl.after(0))
	if err := tl.after(10 * time.Second); err == nil {
		t.Error("inc-1's failure was swallowed")
	}
	if len(tl.shelf.published) != 1 || tl.shelf.published[0].IncidentID != "inc-2" {
		t.Errorf("published %v", tl.shelf.published)
	}
}

// TestTerminatedShowsAsAborted goes all the way: Temporal, stream, store, API.
func TestTerminatedShowsAsAborted(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.open("inc-1")
	r.engine.mu.Lock()
	r.engine.describe = ends("terminated")
	r.engine.mu.Unlock()
	eventually(t, "the incident to be aborted", func() bool {
		var v event.View
		r.do("GET", "/api/v1/incidents/inc-1", nil, as(incident.RoleViewer)).into(t, &v)
		return v.Status == incident.StatusAborted && strings.Contains(v.StatusReason, "terminated")
	})
}
