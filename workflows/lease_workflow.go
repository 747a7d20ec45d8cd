package workflows

import (
	"encoding/json"
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"vigil/workflows/incident"
)

const (
	// leaseEvents is the length of a history at which a lease goes on in a new
	// run, and eventsPerHolder what each holder adds to it: following one begins
	// anew with the run, and a run must not be over before it has begun.
	leaseEvents     = 1000
	eventsPerHolder = 5
	// maxCarried bounds what is carried into the next run: Temporal takes no
	// payload above 2 MB. A request is some 1 KB.
	maxCarried = 1 << 20
	// leaseIdle is how long a lease that nobody wants is kept.
	leaseIdle = 10 * time.Minute
)

// LeaseWorkflow hands out the leases of one resource. Its id is
// incident.LeaseID; it is started by whoever asks first, and takes up where
// another run of it left off. It returns nil once nobody has held or wanted a
// lease for ten minutes and no grant counts any more.
//
// What it promises:
//   - Never more than the bounds at once, as the latest request set them. A
//     holder counts until it is known that nothing of its action is under way:
//     closing with an outcome says so, and where it closed without one the
//     executor is asked until it does.
//   - Whoever asked first is served first, without exception, so nobody
//     starves. The price is that the first in line holds up those behind it
//     even where their own action would be allowed: one that has used up its
//     hour keeps the others waiting until the hour allows it, or it gives up.
//   - Every lease is released: by its holder's close, by reading back, or by an
//     administrator. Nothing depends on a holder saying that it is done.
//   - A grant is given once, and survives the worker: it is in this history
//     before the holder hears of it.
//
// It ignores requests to cancel it, because whoever holds would be forgotten.
// To terminate it is to forget them.
//
// In the history, a grant and its release take 6 events (the request, the
// signal to the holder and its outcome, and three for following it) and the
// workflow tasks among them, 3 events each: 15 where nothing happens at the same
// time, 12 to 17 measured under load. Waiting takes none, whatever the number
// of those who wait. A timer takes 2, and is kept rather than replaced while it
// rings early enough. Reading back takes some 11 a try, at most once a minute.
// The run is replaced after 1,000 events, or some 70 grants.
func LeaseWorkflow(ctx workflow.Context, in incident.LeaseState) error {
	if in.Resource == "" {
		return refuse(incident.KindInvalid, "the lease names no resource; start it with one")
	}
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	l := &lease{LeaseState: in, requests: workflow.GetSignalChannel(ctx, incident.SignalLeaseRequest),
		following: map[holderID]workflow.CancelFunc{}}
	if err := workflow.SetQueryHandler(ctx, incident.QueryLease, func() (incident.LeaseState, error) { return l.LeaseState, nil }); err != nil {
		return err
	}
	if err := update(ctx, incident.UpdateClearLease, l.checkClear, l.onClear); err != nil {
		return err
	}
	for _, h := range l.Holders {
		l.follow(ctx, h)
	}
	return l.run(ctx)
}

// lease is a run of LeaseWorkflow: the state that the next one takes over, and
// what is under way in this one.
type lease struct {
	incident.LeaseState

	requests  workflow.ReceiveChannel
	following map[holderID]workflow.CancelFunc
	watched   *holderID // the first in line, while only its hour keeps it waiting
	unwatch   workflow.CancelFunc

	woken    bool // something happened that may allow a grant
	idleFrom time.Time
	alarm    time.Time // when the timer rings; zero: none is set
	unset    workflow.CancelFunc
}

// run grants until there is nothing left to do, or the history is too long.
// All that decides happens here and without a pause, so what is decided on is
// the state as it is; only the grant itself waits, for the holder to be told.
func (l *lease) run(ctx workflow.Context) error {
	for {
		l.receive(ctx)
		now := workflow.Now(ctx)
		l.forgetOld(now)
		if l.tooLong(ctx) {
			return workflow.NewContinueAsNewError(ctx, incident.LeaseWorkflowType, l.LeaseState)
		}
		next, over := l.ends(now)
		if over && workflow.AllHandlersFinished(ctx) {
			return nil
		}
		why := "nobody waits"
		if len(l.Waiting) > 0 {
			h, held := l.holdup(now)
			if !held {
				l.grant(ctx)
				continue
			}
			if h.hour {
				l.watch(ctx)
			}
			next, why = h.until, h.why
		}
		workflow.SetCurrentDetails(ctx, fmt.Sprintf("%s: %d hold, %d wait. %s", l.Resource, len(l.Holders), len(l.Waiting), why))
		l.wakeAt(ctx, next)
		l.woken = false
		if err := workflow.Await(ctx, func() bool { return l.woken || l.requests.Len() > 0 }); err != nil {
			return err
		}
	}
}

// receive takes every request that is there. Corrupt ones are dropped by the SDK.
func (l *lease) receive(ctx workflow.Context) {
	for {
		var r incident.LeaseRequest
		if !l.requests.ReceiveAsync(&r) {
			return
		}
		l.Limits, l.Frozen = r.Limits, r.Frozen
		if id := idOf(r.Holder); find(l.Holders, id) == nil && find(l.Waiting, id) == nil {
			h := r.Holder
			l.Waiting = append(l.Waiting, incident.Holder{WorkflowID: h.WorkflowID, RunID: h.RunID, IncidentID: h.IncidentID, Action: h.Action,
				State: incident.HolderWaiting, AskedAt: workflow.Now(ctx).UTC(), Share: h.Share, PerHour: r.Limits.PerHour})
		}
	}
}

// tooLong reports whether this run should end for the next one, and may. Who
// is followed is followed anew there; everything else is in the state. While a
// very long line makes that too large to carry, this run goes on: it is far
// from where Temporal would end it.
func (l *lease) tooLong(ctx workflow.Context) bool {
	info := workflow.GetInfo(ctx)
	if !info.GetContinueAsNewSuggested() && info.GetCurrentHistoryLength() <= leaseEvents+eventsPerHolder*len(l.Holders) {
		return false
	}
	raw, err := json.Marshal(l.LeaseState)
	return err == nil && len(raw) <= maxCarried && workflow.AllHandlersFinished(ctx)
}

// ends says when the lease is no longer needed if nothing happens until then,
// and whether that is now. What was granted within the hour is remembered,
// because it counts.
func (l *lease) ends(now time.Time) (at time.Time, over bool) {
	if len(l.Holders)+len(l.Waiting) > 0 {
		l.idleFrom = time.Time{}
		return time.Time{}, false
	}
	if l.idleFrom.IsZero() {
		l.idleFrom = now
	}
	at = l.idleFrom.Add(leaseIdle)
	if n := len(l.Recent); n > 0 {
		if counts := l.Recent[n-1].At.Add(time.Hour); counts.After(at) {
			at = counts
		}
	}
	return at, !now.Before(at)
}

// wakeAt makes sure that run looks again no later than at; the zero time needs
// no looking. A timer that rings earlier is left alone: run sets the next one.
func (l *lease) wakeAt(ctx workflow.Context, at time.Time) {
	if at.IsZero() || !l.alarm.IsZero() && !l.alarm.After(at) {
		return
	}
	if l.unset != nil {
		l.unset()
	}
	l.alarm = at
	ctx, l.unset = workflow.WithCancel(ctx)
	workflow.Go(ctx, func(ctx workflow.Context) {
		if workflow.Sleep(ctx, at.Sub(workflow.Now(ctx))) == nil {
			l.alarm, l.woken = time.Time{}, true
		}
	})
}
