package workflows

import (
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"vigil/activities"
	"vigil/workflows/incident"
)

const (
	// What an activity began before its holder was gone may become visible after
	// it: an activity whose workflow is closed learns of that within its
	// heartbeat timeout, and executors show what was begun a moment late. So
	// nothing under way has to be read twice, this far apart.
	settleTime = 10 * time.Second
	// How long to wait before reading back again, growing.
	readBackFirst = 2 * time.Second
	readBackLast  = time.Minute
	// followAgain is how long to wait where a holder cannot be followed.
	followAgain = time.Minute
)

// holderID tells holders apart: one that asks again asks once.
type holderID struct{ workflow, run string }

func idOf(h incident.Holder) holderID { return holderID{h.WorkflowID, h.RunID} }

// find returns a holder in a list, to be changed before the next pause; nil
// where it is not in it.
func find(list []incident.Holder, id holderID) *incident.Holder {
	i := slices.IndexFunc(list, func(h incident.Holder) bool { return idOf(h) == id })
	if i < 0 {
		return nil
	}
	return &list[i]
}

// follow sees to it that the lease of a holder is released, whatever becomes
// of the holder.
func (l *lease) follow(ctx workflow.Context, h incident.Holder) {
	ctx, l.following[idOf(h)] = workflow.WithCancel(ctx)
	workflow.Go(ctx, func(ctx workflow.Context) {
		for {
			r, err := awaitHolder(ctx, h)
			if ctx.Err() != nil { // released meanwhile
				return
			}
			if err == nil {
				l.closed(ctx, h, r.Remediation)
				return
			}
			// Whether it is over is not known, so it is not read back; a person can
			// look, and clear it.
			l.doubt(h, time.Time{}, "it cannot be followed: "+err.Error())
			if workflow.Sleep(ctx, followAgain) != nil {
				return
			}
		}
	})
}

// awaitHolder returns when the holder has closed. It only reads, and goes on
// at another worker where one is gone.
func awaitHolder(ctx workflow.Context, h incident.Holder) (activities.HolderResult, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 24 * time.Hour,
		HeartbeatTimeout:    3 * heartbeat,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 10 * time.Second},
		Summary:             h.WorkflowID,
	})
	var r activities.HolderResult
	err := workflow.ExecuteActivity(ctx, activities.AwaitHolderName, activities.HolderInput{WorkflowID: h.WorkflowID, RunID: h.RunID}).Get(ctx, &r)
	return r, err
}

// closed releases the lease of a holder that has closed: at once where it said
// what came of its action, and otherwise when that was read back.
func (l *lease) closed(ctx workflow.Context, h incident.Holder, r *incident.Remediation) {
	switch {
	case r == nil:
		l.doubt(h, h.ReadAt, "it closed without saying what came of its action")
	case !r.State.Ended() || r.State == incident.RemediationUnknown:
		l.doubt(h, h.ReadAt, "it closed without knowing what came of its action: "+r.Detail)
	default:
		if !r.Acted() {
			l.forget(h)
		}
		l.release(ctx, h, "it ended as "+string(r.State))
		return
	}
	for wait := readBackFirst; ; {
		began := workflow.Now(ctx).UTC()
		var found string
		err := workflow.ExecuteActivity(readOptions(ctx), activities.ReadBackActionName, h.Action).Get(ctx, &found)
		if ctx.Err() != nil {
			return
		}
		var pause time.Duration
		switch {
		case err != nil:
			h.ReadAt, pause = time.Time{}, wait
			wait = min(2*wait, readBackLast)
			l.doubt(h, h.ReadAt, err.Error())
		case h.ReadAt.IsZero():
			h.ReadAt, pause = workflow.Now(ctx).UTC(), settleTime
			l.doubt(h, h.ReadAt, found)
		case began.Sub(h.ReadAt) < settleTime: // the reading before was another run's
			pause = settleTime - workflow.Now(ctx).Sub(h.ReadAt)
		default:
			l.release(ctx, h, found)
			return
		}
		if workflow.Sleep(ctx, pause) != nil {
			return
		}
	}
}

// doubt keeps the lease of a holder, because what it did cannot be told (yet).
// read is when nothing of it was seen under way.
func (l *lease) doubt(h incident.Holder, read time.Time, detail string) {
	if held := find(l.Holders, idOf(h)); held != nil {
		held.State, held.ReadAt, held.Detail = incident.HolderUnknown, read, detail
	}
}

// release ends a lease, and with it all that is done about its holder.
func (l *lease) release(ctx workflow.Context, h incident.Holder, why string) {
	id := idOf(h)
	if find(l.Holders, id) == nil {
		return
	}
	l.Holders = slices.DeleteFunc(l.Holders, func(h incident.Holder) bool { return idOf(h) == id })
	l.Released++
	l.following[id]()
	delete(l.following, id)
	l.woken = true
	workflow.GetLogger(ctx).Info("a lease was released", "resource", l.Resource, "holder", h.WorkflowID, "reason", why)
}

func (l *lease) checkClear(_ workflow.Context, a incident.ClearLeaseArgs) error {
	if !a.Principal.May(incident.RoleAdmin) {
		return incident.Errorf(incident.KindDenied, "clearing a lease needs the role %s; %q has %q", incident.RoleAdmin, a.Principal.Name, a.Principal.Role)
	}
	if strings.TrimSpace(a.Reason) == "" {
		return incident.Errorf(incident.KindInvalid, "reason is empty; say how it is known that nothing is under way")
	}
	switch unknown := l.unknown(a.WorkflowID); {
	case len(unknown) > 0:
		return nil
	case slices.ContainsFunc(l.Holders, func(h incident.Holder) bool { return h.WorkflowID == a.WorkflowID }):
		return incident.Errorf(incident.KindConflict, "%s is at work and holds the lease until it closes; only one whose outcome is unknown can be cleared", a.WorkflowID)
	}
	return incident.Errorf(incident.KindConflict, "%q does not hold the lease of %s, or no longer; look again", a.WorkflowID, l.Resource)
}

func (l *lease) onClear(ctx workflow.Context, a incident.ClearLeaseArgs) (incident.VerbResult, error) {
	for _, h := range l.unknown(a.WorkflowID) {
		l.release(ctx, h, "cleared by "+a.Principal.Name+": "+a.Reason)
	}
	return incident.VerbResult{}, nil
}

// unknown are the runs of a workflow that hold the lease and cannot say what
// they did.
func (l *lease) unknown(workflowID string) []incident.Holder {
	var out []incident.Holder
	for _, h := range l.Holders {
		if h.WorkflowID == workflowID && h.State == incident.HolderUnknown {
			out = append(out, h)
		}
	}
	return out
}
