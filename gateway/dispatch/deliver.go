package dispatch

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"vigil/gateway/store"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

const (
	// chunkAlerts, chunkBytes and chunkMentions bound one signal: Temporal
	// refuses payloads over 2 MB and warns from 512 KB on.
	chunkAlerts   = 100
	chunkBytes    = 256 << 10
	chunkMentions = 500

	// maxBackdate is how far before its arrival an alert may say that the
	// trouble began and be believed: telemetry is looked up from there on.
	maxBackdate = 24 * time.Hour
)

// deliver brings assignments to their incident. It returns those that are to be
// tried again soon, all of a tail of list, and how many signals the incident had.
func (d *Dispatcher) deliver(id string, list []store.Assignment) (left []store.Assignment, signals int64) {
	signals = list[0].Signals
	failed := map[string]bool{} // keys of which one has failed for good: what follows it waits in the store
	for at := 0; at < len(list); {
		n := together(list[at:])
		batch := slices.DeleteFunc(slices.Clone(list[at:at+n]), func(a store.Assignment) bool { return failed[a.CorrelationKey] })
		sent, err := d.attempt(id, batch)
		signals += sent
		switch {
		case err != nil && retryable(err):
			d.metrics.failed(incident.KindOf(err))
			d.cfg.Log.Warn("alerts could not be delivered; trying again", zap.String("incident", id), zap.Int("dispatches", len(batch)), zap.Error(err))
			return list[at:], signals
		case err != nil:
			d.fail(batch, err)
			for _, a := range batch {
				failed[a.CorrelationKey] = true
			}
		}
		at += n
	}
	return nil, signals
}

// together is how many of list go in one attempt: those that have failed
// before, and those whose incident is over, go alone, so that what one of them
// holds does not hold up others.
func together(list []store.Assignment) int {
	alone := func(a store.Assignment) bool { return a.Attempts > 0 || a.Over }
	if alone(list[0]) {
		return 1
	}
	if i := slices.IndexFunc(list, alone); i > 0 {
		return i
	}
	return len(list)
}

// attempt delivers a batch. A panic counts as a failure that will not pass.
func (d *Dispatcher) attempt(id string, batch []store.Assignment) (sent int64, err error) {
	defer func() {
		if r := recover(); r != nil {
			d.cfg.Log.Error("a dispatch panicked", zap.String("incident", id), zap.Any("panic", r), zap.Stack("stack"))
			err = incident.Errorf(incident.KindInvalid, "delivering failed in a way that is our fault: %v", r)
		}
	}()
	if len(batch) == 0 {
		return 0, nil
	}
	if batch[0].Over {
		return 0, d.over(id, batch)
	}
	for _, c := range chunks(batch) {
		if len(c.items) > 0 {
			if err := d.send(id, c); err != nil {
				if k := incident.KindOf(err); k == incident.KindConflict || k == incident.KindNotFound {
					return sent, d.over(id, unsettled(batch, c.from))
				}
				return sent, fmt.Errorf("deliver to incident %s: %w", id, err)
			}
			sent++
		}
		if err := d.settle(id, batch, c); err != nil {
			return sent, err
		}
	}
	return sent, nil
}

// chunk is one signal: the items of a batch from one position on, and the
// dispatches that end with it.
type chunk struct {
	from  position
	items []item
	ends  []int // indices of batch
}

// position is an alert of a batch.
type position struct{ dispatch, alert int }

type item struct {
	position
	alert   incident.Alert
	mention bool
}

// chunks cuts a batch into signals. An alert's size is that of its JSON.
func chunks(batch []store.Assignment) []chunk {
	out := []chunk{{}}
	size, alerts, mentions := 0, 0, 0
	for i, a := range batch {
		for j, al := range a.Alerts {
			it := item{position{i, j}, al, len(a.Mention) > j && a.Mention[j]}
			bytes := 0
			if !it.mention {
				bytes = encodedSize(al)
			}
			if last := out[len(out)-1]; len(last.items) > 0 && (alerts == chunkAlerts || mentions == chunkMentions || size+bytes > chunkBytes) {
				out, size, alerts, mentions = append(out, chunk{from: it.position}), 0, 0, 0
			}
			c := &out[len(out)-1]
			c.items = append(c.items, it)
			if size += bytes; it.mention {
				mentions++
			} else {
				alerts++
			}
		}
		out[len(out)-1].ends = append(out[len(out)-1].ends, i)
	}
	return out
}

func encodedSize(al incident.Alert) int {
	raw, err := json.Marshal(al)
	if err != nil {
		panic(fmt.Sprintf("an alert that was read from JSON does not encode: %v", err)) // poisons the dispatch
	}
	return len(raw)
}

// signal is what a chunk says. Of the mentions of one alert the last counts.
func (c chunk) signal() (s incident.AlertSignal, firing bool) {
	s.Alerts = []incident.Alert{}
	at := map[string]int{}
	for _, it := range c.items {
		firing = firing || it.alert.State() == incident.MemberFiring
		if !it.mention {
			s.Alerts = append(s.Alerts, it.alert)
			continue
		}
		m := incident.AlertMention{Member: it.alert.Member, Status: it.alert.Status, Severity: it.alert.Severity,
			InboxID: it.alert.InboxID, Silenced: it.alert.SilencedBy != ""}
		if i, again := at[m.Member]; again {
			s.Mentions[i] = m
			continue
		}
		at[m.Member] = len(s.Mentions)
		s.Mentions = append(s.Mentions, m)
	}
	return s, firing
}

// send starts the incident where it does not run, but only for something that
// fires.
func (d *Dispatcher) send(id string, c chunk) error {
	ctx, cancel := d.callContext()
	defer cancel()
	s, firing := c.signal()
	if !firing {
		return d.cfg.Incidents.Signal(ctx, id, s)
	}
	return d.cfg.Incidents.Deliver(ctx, id, input(s.Alerts), s)
}

// settle records what a chunk has delivered.
func (d *Dispatcher) settle(id string, batch []store.Assignment, c chunk) error {
	by := map[int]*store.Settlement{}
	var order []int
	of := func(i int) *store.Settlement {
		if by[i] == nil {
			by[i] = &store.Settlement{DispatchID: batch[i].ID, IncidentID: id, State: store.DispatchPending}
			order = append(order, i)
		}
		return by[i]
	}
	for _, it := range c.items {
		s := of(it.dispatch)
		s.Alerts, s.Mention = append(s.Alerts, it.alert), append(s.Mention, it.mention)
	}
	for _, i := range c.ends {
		s := of(i)
		s.Repeats = batch[i].Repeats
		if s.State = store.DispatchDelivered; len(batch[i].Alerts) == 0 {
			s.State = store.DispatchRepeated
		}
	}
	list := make([]store.Settlement, 0, len(order))
	for _, i := range order {
		list = append(list, *by[i])
	}
	ctx, cancel := d.callContext()
	defer cancel()
	if err := d.cfg.Inbox.Settle(ctx, list); err != nil {
		return err // it is attempted again; the workflow knows its alerts
	}
	for _, i := range c.ends {
		d.metrics.settled(batch[i].Dispatch, by[i].State, d.cfg.Now())
	}
	return nil
}

// unsettled is what of a batch lies from a position on.
func unsettled(batch []store.Assignment, from position) []store.Assignment {
	out := slices.Clone(batch[from.dispatch:])
	if len(out) > 0 {
		out[0].Alerts, out[0].Mention = out[0].Alerts[from.alert:], nil
	}
	return out
}

// over finds out which alerts an incident that has ended still took, in an
// attempt whose answer was lost: those are done, and the others go to another.
func (d *Dispatcher) over(id string, batch []store.Assignment) error {
	ctx, cancel := d.callContext()
	defer cancel()
	view, err := d.cfg.Incidents.State(ctx, id)
	if err != nil && incident.KindOf(err) != incident.KindNotFound {
		return fmt.Errorf("ask incident %s, which is over, what it took: %w", id, err)
	}
	var list []store.Settlement
	for _, a := range batch {
		s := store.Settlement{DispatchID: a.ID, IncidentID: id, State: store.DispatchDelivered, Rest: []incident.Alert{}}
		for _, al := range a.Alerts {
			if heard(view, al) {
				s.Alerts = append(s.Alerts, al)
			} else {
				s.State, s.Rest = store.DispatchPending, append(s.Rest, al)
			}
		}
		list = append(list, s)
	}
	if err := d.cfg.Inbox.Release(ctx, id); err != nil {
		return err
	}
	if err := d.cfg.Inbox.Settle(ctx, list); err != nil {
		return err
	}
	for i, s := range list {
		if s.State == store.DispatchDelivered {
			d.metrics.settled(batch[i].Dispatch, s.State, d.cfg.Now())
		}
	}
	return nil
}

// heard reports whether an incident has taken al, or a later word of it.
func heard(v event.View, al incident.Alert) bool {
	if state, ok := v.MoreAlerts[al.Member]; ok {
		return state == al.State()
	}
	i := slices.IndexFunc(v.Alerts, func(have incident.Alert) bool { return have.Identity() == al.Member })
	return i >= 0 && v.Alerts[i].InboxID >= al.InboxID
}

// fail postpones, or gives up on, dispatches whose attempt failed in a way that
// will not pass.
func (d *Dispatcher) fail(batch []store.Assignment, cause error) {
	d.metrics.failed(incident.KindOf(cause))
	ctx, cancel := d.callContext()
	defer cancel()
	var poisoned []store.Settlement
	ids := make([]int64, 0, len(batch))
	for _, a := range batch {
		ids = append(ids, a.ID)
		if a.Attempts+1 >= d.cfg.PoisonAfter {
			poisoned = append(poisoned, store.Settlement{DispatchID: a.ID, State: store.DispatchPoisoned})
		}
	}
	err := d.cfg.Inbox.Postpone(ctx, ids, cause.Error(), d.cfg.Now().Add(d.pause(batch[0].Attempts)))
	if err == nil && len(poisoned) > 0 {
		err = d.cfg.Inbox.Settle(ctx, poisoned)
	}
	fields := []zap.Field{zap.Int64s("dispatches", ids), zap.String("key", batch[0].CorrelationKey), zap.NamedError("cause", cause)}
	switch {
	case err != nil: // they stay pending and are attempted again
		d.cfg.Log.Error("the outcome of a dispatch cannot be stored", append(fields, zap.Error(err))...)
	case len(poisoned) > 0:
		d.cfg.Log.Error("alerts cannot be delivered; their key waits for a person", fields...)
		for range poisoned {
			d.metrics.settled(store.Dispatch{}, store.DispatchPoisoned, d.cfg.Now())
		}
	default:
		d.cfg.Log.Warn("alerts could not be delivered; trying again, each alone", fields...)
	}
}
