package dispatch

import (
	"maps"
	"time"

	"vigil/gateway/store"
)

// What is claimed at once, and in all. Beyond it work waits in the store.
const (
	claimAtOnce     = 500     // dispatches
	claimDispatches = 2000    // dispatches
	claimBytes      = 4 << 20 // of alerts at once; one dispatch may exceed it alone
)

// claims is the work that a dispatcher has in hand. Dispatcher.mu guards it.
type claims struct {
	queues map[string]*queue    // by incident
	order  []string             // incidents with work, those that wait longest first
	keys   map[string]int       // dispatches in hand, by correlation key
	rests  map[string]time.Time // keys whose incident is not to be sent anything before
	size   int
	busy   int // queues that are delivered
}

// queue is an incident's work, in order.
type queue struct {
	list      []store.Assignment
	running   bool
	failures  int
	notBefore time.Time
}

func newClaims() claims {
	return claims{queues: map[string]*queue{}, keys: map[string]int{}, rests: map[string]time.Time{}}
}

// claim asks the store which incidents pending dispatches belong to.
func (d *Dispatcher) claim() error {
	for !d.stopping() {
		d.mu.Lock()
		room := min(claimAtOnce, claimDispatches-d.claims.size)
		d.mu.Unlock()
		if room <= 0 {
			return nil // who finishes wakes us
		}
		ctx, cancel := d.callContext()
		got, err := d.cfg.Inbox.Assign(ctx, store.Claim{Limit: room, Bytes: claimBytes, Now: d.cfg.Now(), NewID: d.cfg.NewID,
			Correlator: d.cfg.Correlator, Skip: d.inHand})
		cancel()
		if err != nil {
			return err
		}
		taken := len(got.List)
		for state, n := range got.Settled {
			d.metrics.dispatches.WithLabelValues(string(state)).Add(float64(n))
			taken += n
		}
		d.mu.Lock()
		now := d.cfg.Now()
		for _, a := range got.List {
			d.claims.add(a, now)
		}
		d.mu.Unlock()
		if taken < room {
			return nil
		}
	}
	return nil
}

// inHand reports whether a key is not to be claimed now: what it says next
// follows what is under way, or waits for its incident.
func (d *Dispatcher) inHand(key string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if until, rests := d.claims.rests[key]; rests {
		if d.cfg.Now().Before(until) {
			return true
		}
		delete(d.claims.rests, key)
	}
	return d.claims.keys[key] > 0
}

// hasInHand reports whether alerts for an incident are under way.
func (d *Dispatcher) hasInHand(incidentID string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	q := d.claims.queues[incidentID]
	return q != nil && (q.running || len(q.list) > 0)
}

// add takes an assignment in hand. One whose incident is not to be sent
// anything yet is left in the store, to be assigned anew with all that has come
// by then.
func (c *claims) add(a store.Assignment, now time.Time) {
	if q := c.queues[a.IncidentID]; q != nil && !q.running && q.failures == 0 && now.Before(q.notBefore) {
		c.rests[a.CorrelationKey] = q.notBefore
		return
	}
	q := c.queues[a.IncidentID]
	if q == nil {
		q = &queue{}
		c.queues[a.IncidentID] = q
		c.order = append(c.order, a.IncidentID)
	}
	q.list = append(q.list, a)
	c.keys[a.CorrelationKey]++
	c.size++
}

// done lets go of assignments.
func (c *claims) done(list []store.Assignment) {
	for _, a := range list {
		if c.keys[a.CorrelationKey]--; c.keys[a.CorrelationKey] == 0 {
			delete(c.keys, a.CorrelationKey)
		}
		c.size--
	}
}

// launch starts a worker for each incident that is due, as far as there are
// workers.
func (d *Dispatcher) launch() {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.cfg.Now()
	maps.DeleteFunc(d.claims.rests, func(_ string, until time.Time) bool { return !now.Before(until) })
	order := d.claims.order
	d.claims.order = nil
	for _, id := range order {
		q := d.claims.queues[id]
		if q == nil {
			continue
		}
		if len(q.list) == 0 && !q.running && !now.Before(q.notBefore) {
			delete(d.claims.queues, id)
			continue
		}
		if len(q.list) > 0 && !q.running && d.claims.busy < d.cfg.Workers && !now.Before(q.notBefore) && !d.stopping() {
			list := q.list
			q.list, q.running = nil, true
			d.claims.busy++
			d.working.Go(func() { d.work(id, list) })
			d.claims.order = append(d.claims.order, id)
			continue
		}
		d.claims.order = append(d.claims.order, id)
	}
}

// work delivers what is in hand for an incident, and says when the next may follow.
func (d *Dispatcher) work(id string, list []store.Assignment) {
	left, signals := d.deliver(id, list)
	d.mu.Lock()
	q := d.claims.queues[id]
	q.running = false
	d.claims.busy--
	d.claims.done(list[:len(list)-len(left)])
	wait := d.cfg.Pace(signals)
	if len(left) > 0 {
		q.list = append(left, q.list...)
		wait = max(wait, d.pause(q.failures))
		q.failures++
	} else {
		q.failures = 0
	}
	q.notBefore = d.cfg.Now().Add(wait)
	if len(left) == 0 && wait > 0 { // what has come meanwhile waits in the store
		d.claims.done(q.list)
		for _, a := range q.list {
			d.claims.rests[a.CorrelationKey] = q.notBefore
		}
		q.list = nil
	}
	d.mu.Unlock()
	d.Notify()
	if wait > 0 {
		time.AfterFunc(wait, d.Notify)
	}
}

// pace is how long an incident that was sent so many signals waits for the
// next, which takes all that has come meanwhile. Temporal ends a workflow at
// 10,000 signals (limit.maximumSignalsPerExecution of server 1.32); at this
// pace that takes a week, and a run that continues as new counts from nothing.
func pace(signals int64) time.Duration {
	switch {
	case signals < 20:
		return 0
	case signals < 500:
		return time.Second
	case signals < 2000:
		return 5 * time.Second
	case signals < 6000:
		return 30 * time.Second
	}
	return 2 * time.Minute
}
