package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

const (
	// chunkAlerts and chunkBytes bound one signal: Temporal refuses payloads
	// over 2 MB and warns from 512 KB on.
	chunkAlerts = 100
	chunkBytes  = 256 << 10

	// rebinds bounds how often one attempt goes on to a new incident because
	// the one before closed under its hands.
	rebinds = 3

	// maxBackdate is how far before its arrival an alert may say that the
	// trouble began and be believed: telemetry is looked up from there on.
	maxBackdate = 24 * time.Hour
)

// errOvertaken says that another gateway has settled the dispatch.
var errOvertaken = errors.New("settled meanwhile")

// attempt tries to bring one dispatch to its end and notes how that went.
func (d *Dispatcher) attempt(p store.Dispatch) {
	state, id, err := d.deliver(p)
	ctx, cancel := context.WithTimeout(d.ctx, d.cfg.CallTimeout)
	defer cancel()
	switch {
	case errors.Is(err, errOvertaken):
		return
	case err != nil:
		err = d.failed(ctx, p, err)
	default:
		if err = d.cfg.Inbox.Settle(ctx, p.ID, state, id); err == nil {
			d.metrics.settled(p, state, d.cfg.Now())
		}
	}
	if err != nil {
		// It stays pending and is attempted again; the workflow knows its alerts.
		d.cfg.Log.Error("the outcome of a dispatch cannot be stored", zap.Int64("dispatch", p.ID), zap.Error(err))
	}
}

// failed postpones, or gives up on, a dispatch whose attempt failed.
func (d *Dispatcher) failed(ctx context.Context, p store.Dispatch, cause error) error {
	kind := incident.KindOf(cause)
	d.metrics.failed(kind)
	fields := []zap.Field{zap.Int64("dispatch", p.ID), zap.String("key", p.CorrelationKey), zap.Int("attempt", p.Attempts+1), zap.Error(cause)}
	if err := d.cfg.Inbox.Postpone(ctx, p.ID, cause.Error(), d.cfg.Now().Add(d.pause(p.Attempts))); err != nil {
		return err
	}
	if kind.Retryable() || p.Attempts+1 < d.cfg.PoisonAfter {
		if p.Attempts == 0 { // once, not at each attempt
			d.cfg.Log.Warn("alerts could not be delivered; trying again", fields...)
		}
		return nil
	}
	d.cfg.Log.Error("alerts cannot be delivered; their key waits for a person", fields...)
	if err := d.cfg.Inbox.Settle(ctx, p.ID, store.DispatchPoisoned, ""); err != nil {
		return err
	}
	d.metrics.settled(p, store.DispatchPoisoned, d.cfg.Now())
	return nil
}

// deliver brings the alerts of p to an incident. A panic counts as a failure
// that will not pass.
func (d *Dispatcher) deliver(p store.Dispatch) (state store.DispatchState, id string, err error) {
	defer func() {
		if r := recover(); r != nil {
			d.cfg.Log.Error("a dispatch panicked", zap.Int64("dispatch", p.ID), zap.Any("panic", r), zap.Stack("stack"))
			err = incident.Errorf(incident.KindInvalid, "delivering failed in a way that is our fault: %v", r)
		}
	}()
	firing, resolved := split(p.Alerts)
	if len(firing) == 0 {
		return d.resolve(p, chunks(resolved))
	}
	// Firing first: an incident never begins with nothing wrong.
	return d.fire(p, chunks(append(firing, resolved...)))
}

// fire delivers to the open incident of the key, or to a new one. An incident
// that turns out to be over has its binding ended, and the chunks that it did
// not get go to the next.
func (d *Dispatcher) fire(p store.Dispatch, todo [][]incident.Alert) (store.DispatchState, string, error) {
	var id string
	for range rebinds {
		var opened bool
		var err error
		if id, opened, err = d.bind(p); err != nil {
			return "", "", err
		}
		for ; len(todo) > 0; todo = todo[1:] {
			err = d.call(func(ctx context.Context) error {
				return d.cfg.Incidents.Deliver(ctx, id, input(todo[0]), incident.AlertSignal{Alerts: todo[0]})
			})
			if err != nil {
				break
			}
		}
		if len(todo) == 0 {
			return store.DispatchDelivered, id, nil
		}
		if incident.KindOf(err) != incident.KindConflict {
			return "", "", fmt.Errorf("deliver to incident %s: %w", id, err)
		}
		if err := d.call(func(ctx context.Context) error { return d.cfg.Inbox.Release(ctx, p.CorrelationKey, id) }); err != nil {
			return "", "", err
		}
		// Nobody but us starts an incident that we opened, and starting it
		// brings the first chunk: an earlier attempt got that far.
		if opened {
			todo = todo[1:]
		}
		if left, _ := split(flatten(todo)); len(left) == 0 {
			return store.DispatchDelivered, id, nil // resolves alone open nothing
		}
	}
	return "", "", incident.Errorf(incident.KindUnavailable, "incident %s was over, and so were %d opened before it; trying again later", id, rebinds-1)
}

func (d *Dispatcher) bind(p store.Dispatch) (id string, opened bool, err error) {
	err = d.call(func(ctx context.Context) error {
		id, opened, err = d.cfg.Inbox.Bind(ctx, p.ID, d.cfg.NewID())
		return err
	})
	if incident.KindOf(err) == incident.KindConflict {
		return "", false, errOvertaken // or an id that was used before: the next attempt has another
	}
	return id, opened, err
}

// resolve delivers to the open incident of the key; without one, or where it
// is over, there is nothing to tell anybody.
func (d *Dispatcher) resolve(p store.Dispatch, todo [][]incident.Alert) (store.DispatchState, string, error) {
	var id string
	err := d.call(func(ctx context.Context) (err error) {
		id, err = d.cfg.Inbox.Bound(ctx, p.CorrelationKey)
		return err
	})
	if err != nil || id == "" {
		return store.DispatchNoOpenProblem, "", err
	}
	for _, chunk := range todo {
		err := d.call(func(ctx context.Context) error {
			return d.cfg.Incidents.Signal(ctx, id, incident.AlertSignal{Alerts: chunk})
		})
		switch incident.KindOf(err) {
		case incident.KindNotFound, incident.KindConflict:
			return store.DispatchNoOpenProblem, "", d.call(func(ctx context.Context) error {
				return d.cfg.Inbox.Release(ctx, p.CorrelationKey, id)
			})
		}
		if err != nil {
			return "", "", fmt.Errorf("signal incident %s: %w", id, err)
		}
	}
	return store.DispatchDelivered, id, nil
}

func (d *Dispatcher) call(fn func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(d.ctx, d.cfg.CallTimeout)
	defer cancel()
	return fn(ctx)
}

// input makes an incident from its first firing alert; severity is the worst
// of all that fire, and the service is the first that one of them names.
func input(alerts []incident.Alert) incident.Input {
	firing, _ := split(alerts)
	if len(firing) == 0 {
		firing = alerts // a later chunk, which finds its incident running
	}
	first := firing[0]
	in := incident.Input{Title: first.Title, Description: first.Description, Service: first.Service, Severity: first.Severity,
		Labels: first.Labels, Source: first.Source, Origin: first.Origin, StartedAt: startedAt(first)}
	for _, a := range firing {
		if a.Severity.Rank() > in.Severity.Rank() {
			in.Severity = a.Severity
		}
		if in.Service == "" {
			in.Service = a.Service
		}
	}
	return in
}

// startedAt believes the sender's clock within reason, else ours.
func startedAt(a incident.Alert) time.Time {
	if a.StartsAt.After(a.ReceivedAt) || a.StartsAt.Before(a.ReceivedAt.Add(-maxBackdate)) {
		return a.ReceivedAt
	}
	return a.StartsAt
}

// split keeps the order within either part.
func split(alerts []incident.Alert) (firing, resolved []incident.Alert) {
	for _, a := range alerts {
		if a.Status == incident.AlertFiring {
			firing = append(firing, a)
		} else {
			resolved = append(resolved, a)
		}
	}
	return firing, resolved
}

// chunks cuts alerts into signals. An alert's size is that of its JSON.
func chunks(alerts []incident.Alert) [][]incident.Alert {
	var out [][]incident.Alert
	size := 0
	for _, a := range alerts {
		raw, err := json.Marshal(a)
		if err != nil {
			panic(fmt.Sprintf("an alert that was read from JSON does not encode: %v", err)) // poisons the dispatch
		}
		n := len(out)
		if n == 0 || len(out[n-1]) == chunkAlerts || size+len(raw) > chunkBytes {
			out, size = append(out, nil), 0
			n++
		}
		out[n-1] = append(out[n-1], a)
		size += len(raw)
	}
	return out
}

func flatten(chunks [][]incident.Alert) (all []incident.Alert) {
	for _, c := range chunks {
		all = append(all, c...)
	}
	return all
}
