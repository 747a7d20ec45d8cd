package gateway

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

const (
	// reconcileTogether is how many workflows are asked about at once.
	reconcileTogether = 8

	// goneAfter is how long Temporal must have said that it does not know a
	// workflow before that is believed: just after a start or a failover it may
	// not know yet.
	goneAfter = 3 * time.Second

	// closingGrace is how long a workflow may have ended without its last
	// events having come by the stream before they are asked for.
	closingGrace = 5 * time.Second
)

// reconciler ends incidents whose workflows ended without saying so. A
// terminated workflow cannot publish anything, so the gateway does it: as
// events on the stream, from which every replica, this one included, learns it
// in the same order. An event's id follows from the run, so that it does not
// matter how many replicas come to the same conclusion.
type reconciler struct {
	every  time.Duration
	engine Engine
	reads  interface {
		Open(context.Context) ([]event.Summary, error)
	}
	stream  EventPublisher
	metrics *metrics
	log     *zap.Logger
	now     func() time.Time

	mu    sync.Mutex
	since map[string]time.Time // run → first seen to have ended, or to be unknown
	done  map[string]time.Time // run → published; it comes back by the stream soon
}

// EventPublisher puts an event that the gateway made on the stream.
type EventPublisher interface {
	PublishEvent(ctx context.Context, e event.Event) error
}

// run reconciles at once and then every so often, until ctx ends.
func (r *reconciler) run(ctx context.Context) error {
	tick := time.NewTicker(r.every)
	defer tick.Stop()
	for failing := false; ; {
		err := r.pass(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !failing: // once, not at every turn
			r.log.Warn("open incidents cannot be compared with Temporal; trying again", zap.Error(err))
		case err == nil && failing:
			r.log.Info("open incidents are compared with Temporal again")
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// pass looks at every open incident once.
func (r *reconciler) pass(ctx context.Context) error {
	open, err := r.reads.Open(ctx)
	if err != nil {
		return fmt.Errorf("reconcile: list open incidents: %w", err)
	}
	r.forget(open)
	var g errgroup.Group // without a context: what one incident meets must not keep the others from their turn
	var away atomic.Bool // Temporal cannot be asked, so there is no use in asking on
	g.SetLimit(reconcileTogether)
	for _, s := range open {
		if away.Load() {
			break
		}
		g.Go(func() error { return r.incident(ctx, s, &away) })
	}
	return g.Wait()
}

// incident looks at one.
func (r *reconciler) incident(ctx context.Context, s event.Summary, away *atomic.Bool) error {
	open, how, err := r.engine.Describe(ctx, s.IncidentID, s.RunID)
	switch {
	case err != nil && incident.KindOf(err) == incident.KindNotFound:
		return r.gone(ctx, s)
	case err != nil:
		away.Store(true)
		return fmt.Errorf("reconcile incident %s: %w", s.IncidentID, err)
	case open:
		r.clear(s.RunID)
		return nil
	}
	// A reset ends a run by terminating it, and so does continuing as new:
	// the incident goes on in the next run, whose events are on their way.
	next, last, err := r.engine.Describe(ctx, s.IncidentID, "")
	if err != nil && incident.KindOf(err) != incident.KindNotFound {
		return fmt.Errorf("reconcile incident %s: %w", s.IncidentID, err)
	}
	switch {
	case next:
		return nil
	case how == "completed":
		return r.completed(ctx, s, s.RunID, s.Seq)
	case how == "continued_as_new" && last == "completed": // its last run begins with all that was before
		return r.completed(ctx, s, "", 0)
	}
	if r.overdue(s.RunID, r.every) { // seen twice: its last events may just be arriving
		return r.abort(ctx, s, how, endings[how])
	}
	return nil
}

// endings says each way in which a workflow ends without its own doing.
var endings = map[string]string{
	"terminated":       "its workflow was terminated in Temporal",
	"timed_out":        "its workflow ran into its time limit in Temporal",
	"failed":           "its workflow failed; Temporal has the reason",
	"canceled":         "its workflow was cancelled in Temporal",
	"continued_as_new": "its workflow went on in another run, which has ended too",
}

// gone ends an incident that Temporal does not know any more.
func (r *reconciler) gone(ctx context.Context, s event.Summary) error {
	if !r.overdue(s.RunID, goneAfter) {
		return nil
	}
	return r.abort(ctx, s, "deleted", "its workflow does not exist in Temporal any more: it was deleted, or its retention has passed")
}

// completed deals with a workflow that ended properly, and whose last events,
// those of runID after a seq, have not come. It holds them, so they are put on
// the stream once more: what has come meanwhile is dropped there, or by seq in
// the store.
func (r *reconciler) completed(ctx context.Context, s event.Summary, runID string, after int64) error {
	if !r.overdue(s.RunID, closingGrace) {
		return nil
	}
	missing, err := r.engine.EventsSince(ctx, s.IncidentID, runID, after)
	if err != nil {
		return fmt.Errorf("reconcile incident %s: its last events are missing: %w", s.IncidentID, err)
	}
	if len(missing) == 0 {
		return r.abort(ctx, s, "completed", "its workflow ended without an outcome")
	}
	for _, e := range missing {
		if err := r.stream.PublishEvent(ctx, e); err != nil {
			return fmt.Errorf("reconcile incident %s: %w", s.IncidentID, err)
		}
	}
	r.log.Info("the last events of an incident were missing and were published again",
		zap.String("incident_id", s.IncidentID), zap.String("run_id", missing[0].RunID), zap.Int("events", len(missing)))
	r.clear(s.RunID) // wait as long again before asking once more
	return nil
}

func (r *reconciler) abort(ctx context.Context, s event.Summary, how, reason string) error {
	if r.isDone(s.RunID) {
		return nil
	}
	if reason == "" {
		reason = "its workflow ended in Temporal: " + how
	}
	e, err := event.New(&event.IncidentAborted{Reason: reason}, s.IncidentID, s.RunID, 0, r.now(),
		incident.Provenance{Origin: incident.OriginLive, Service: "temporal", Operation: "DescribeWorkflowExecution"})
	if err != nil {
		return fmt.Errorf("reconcile incident %s: %w", s.IncidentID, err)
	}
	if err := r.stream.PublishEvent(ctx, e); err != nil {
		return fmt.Errorf("reconcile incident %s: %w", s.IncidentID, err)
	}
	r.mu.Lock()
	r.done[s.RunID] = r.now()
	r.mu.Unlock()
	r.metrics.aborted.WithLabelValues(how).Inc()
	r.log.Warn("an incident was aborted", zap.String("incident_id", s.IncidentID), zap.String("run_id", s.RunID), zap.String("reason", reason))
	return nil
}

// overdue reports whether a run was first seen ended or unknown at least wait
// ago. The first call starts the clock.
func (r *reconciler) overdue(runID string, wait time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	first, ok := r.since[runID]
	if !ok {
		r.since[runID] = r.now()
		return false
	}
	return r.now().Sub(first) >= wait
}

func (r *reconciler) clear(runID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.since, runID)
}

// isDone reports whether a run was aborted so lately that the event may still
// be on its way. Later it is published anew: the stream may have lost it.
func (r *reconciler) isDone(runID string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, ok := r.done[runID]
	return ok && r.now().Sub(at) < time.Minute
}

// forget drops what was noted about runs that are not open any more.
func (r *reconciler) forget(open []event.Summary) {
	r.mu.Lock()
	defer r.mu.Unlock()
	still := map[string]bool{}
	for _, s := range open {
		still[s.RunID] = true
	}
	for run := range r.since {
		if !still[run] {
			delete(r.since, run)
		}
	}
	for run := range r.done {
		if !still[run] {
			delete(r.done, run)
		}
	}
}
