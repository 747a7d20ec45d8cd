package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"vigil/workflows/incident"
)

const (
	// maxHolders bounds LeaseLimits.Concurrent: each holder is followed by an
	// activity, and Temporal allows a workflow 2,000 of them.
	maxHolders = 500
	// maxPerHour bounds LeaseLimits.PerHour, and so how many grants of an action
	// are remembered.
	maxPerHour = 200
	// roundingShare is what a sum of shares may be off by: a tenth three times is
	// a little more than 0.3.
	roundingShare = 1e-9
)

// holdup is why the first in line has to wait.
type holdup struct {
	why   string
	until time.Time // zero: until a holder is done, or the limits change
	hour  bool      // its action was granted too often within the hour
}

// holdup says what keeps the first in line from its lease at this moment; held
// is false where nothing does.
func (l *lease) holdup(now time.Time) (h holdup, held bool) {
	first := l.Waiting[0]
	if most := min(max(l.Limits.Concurrent, 1), maxHolders); len(l.Holders) >= most {
		return holdup{why: fmt.Sprintf("%d of %d hold it", len(l.Holders), most)}, true
	}
	if bound := l.Limits.Share; bound > 0 {
		taken := 0.0
		for _, o := range l.Holders {
			taken += l.share(o)
		}
		if taken+l.share(first) > bound+roundingShare {
			return holdup{why: fmt.Sprintf("a share of %.2f of %.2f is taken, and the next wants %.2f", taken, bound, l.share(first))}, true
		}
	}
	for _, s := range l.Frozen {
		if !now.Before(s.From) && now.Before(s.To) {
			return holdup{why: fmt.Sprintf("frozen until %s: %s", s.To.Format(time.RFC3339), s.Name), until: s.To}, true
		}
	}
	if most := min(first.PerHour, maxPerHour); most > 0 {
		var at []time.Time
		for _, g := range l.Recent {
			if g.Action == first.Action.Name {
				at = append(at, g.At)
			}
		}
		if n := len(at); n >= most {
			return holdup{why: fmt.Sprintf("%s was granted %d times within the hour", first.Action.Name, n),
				until: at[n-most].Add(time.Hour), hour: true}, true
		}
	}
	return holdup{}, false
}

// share is what a holder takes of the capacity that may be away at once. One
// that takes more than the bound by itself counts as all of it, so it is
// granted when no other takes any. It could wait for ever otherwise; and the
// bound is about several at once, while what one action may take by itself was
// known to the policy and the people who allowed it.
func (l *lease) share(h incident.Holder) float64 {
	return min(max(h.Share, 0), l.Limits.Share)
}

// forgetOld drops the grants that no longer count.
func (l *lease) forgetOld(now time.Time) {
	l.Recent = slices.DeleteFunc(l.Recent, func(g incident.Grant) bool { return now.Sub(g.At) >= time.Hour })
}

// forget gives back a grant whose holder changed nothing: what was refused, or
// withdrawn in time, is not what the hourly bound is about.
func (l *lease) forget(h incident.Holder) {
	l.Recent = slices.DeleteFunc(l.Recent, func(g incident.Grant) bool {
		return g.Action == h.Action.Name && g.At.Equal(h.GrantedAt)
	})
}

// remember counts a grant, and of those of its action the latest that matter.
func (l *lease) remember(g incident.Grant) {
	l.Recent = append(l.Recent, g)
	n := 0
	for i := len(l.Recent) - 1; i >= 0; i-- {
		if l.Recent[i].Action != g.Action {
			continue
		}
		if n++; n > maxPerHour {
			l.Recent = slices.Delete(l.Recent, i, i+1)
			return // one came, so one goes
		}
	}
}

// grant gives the lease to the first in line. The signal fails where the holder
// has closed in the meantime: it needs none any more, and it is the next one's turn.
func (l *lease) grant(ctx workflow.Context) {
	l.stopWatching()
	h := l.Waiting[0]
	err := workflow.SignalExternalWorkflow(ctx, h.WorkflowID, h.RunID, incident.SignalLeaseGranted,
		incident.LeaseGranted{Resource: l.Resource}).Get(ctx, nil)
	l.leaves(idOf(h))
	if err != nil {
		workflow.GetLogger(ctx).Info("the first in line could not be told that it has the lease and has lost its place",
			"resource", l.Resource, "holder", h.WorkflowID, "reason", err)
		return
	}
	h.State, h.GrantedAt = incident.HolderHolds, workflow.Now(ctx).UTC()
	l.Holders = append(l.Holders, h)
	l.Granted++
	l.remember(incident.Grant{Action: h.Action.Name, At: h.GrantedAt})
	l.follow(ctx, h)
}

// leaves takes a holder out of the line.
func (l *lease) leaves(id holderID) {
	l.Waiting = slices.DeleteFunc(l.Waiting, func(h incident.Holder) bool { return idOf(h) == id })
}

// watch follows the first in line while its hour keeps it waiting: where it
// gives up, those behind it need not wait for the hour to pass. In every other
// case a grant that fails tells soon enough.
func (l *lease) watch(ctx workflow.Context) {
	first := l.Waiting[0]
	id := idOf(first)
	if l.watched != nil && *l.watched == id {
		return
	}
	l.stopWatching()
	ctx, l.unwatch = workflow.WithCancel(ctx)
	l.watched = &id
	workflow.Go(ctx, func(ctx workflow.Context) {
		if _, err := awaitHolder(ctx, first); err == nil {
			l.leaves(id)
			l.woken = true
		}
	})
}

func (l *lease) stopWatching() {
	if l.watched != nil {
		l.unwatch()
		l.watched, l.unwatch = nil, nil
	}
}
