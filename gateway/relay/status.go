package relay

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// Status is how the relay stands, for health.
type Status struct {
	Applied event.Cursor // everything up to here is applied; empty before the first contact
	Pending uint64       // messages that waited behind the latest batch
	// Lag is of the latest event that was new; nil before the first.
	Lag      *Lag
	SetAside int64 // messages that could not be applied, since the start
	Lost     int64 // events marked as lost, since the start
	// Err is why events do not flow right now; nil while they do.
	Err error
}

// Lag is how long an event took, by the clocks of those concerned.
type Lag struct {
	Happened  time.Duration // from when it happened until seen here
	Published time.Duration // from hand-over to the stream until seen here; 0 where not known
	Seen      time.Time
}

// Status reads the current figures.
func (r *Relay) Status() Status { return r.status.read() }

// Applied is the position up to which everything is applied.
func (r *Relay) Applied() event.Cursor { return r.status.read().Applied }

// Lag is of the latest event that was new; ok is false before the first.
func (r *Relay) Lag() (lag Lag, ok bool) {
	if l := r.status.read().Lag; l != nil {
		return *l, true
	}
	return Lag{}, false
}

type statusBoard struct {
	mu sync.Mutex
	s  Status
}

func (b *statusBoard) read() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.s
}

func (b *statusBoard) change(f func(*Status)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(&b.s)
}

func (b *statusBoard) report(err error)       { b.change(func(s *Status) { s.Err = err }) }
func (b *statusBoard) follow(at event.Cursor) { b.change(func(s *Status) { s.Applied = at }) }
func (b *statusBoard) pending(n uint64)       { b.change(func(s *Status) { s.Pending = n }) }
func (b *statusBoard) setAside()              { b.change(func(s *Status) { s.SetAside++ }) }
func (b *statusBoard) lost(n int64)           { b.change(func(s *Status) { s.Lost += n }) }

func (b *statusBoard) applied(at event.Cursor, fresh []event.Event, now time.Time) {
	b.change(func(s *Status) {
		s.Applied, s.Err = at, nil
		if len(fresh) > 0 {
			s.Lag = lagOf(fresh[len(fresh)-1], now)
		}
	})
}

func lagOf(e event.Event, now time.Time) *Lag {
	l := &Lag{Happened: now.Sub(e.At), Seen: now}
	if !e.PublishedAt.IsZero() {
		l.Published = now.Sub(e.PublishedAt)
	}
	return l
}

type metrics struct {
	fresh, setAside, filled, lost, restarts prometheus.Counter
	deltas, deltasDropped                   prometheus.Counter
	remediations                            *prometheus.CounterVec
	offset                                  prometheus.Gauge
	happened, published                     prometheus.Histogram
}

func newMetrics(r prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	lag := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help,
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5, 30, 300}})
	}
	m := &metrics{
		fresh:         counter("gateway_events_applied_total", "Events that were new to this gateway's store."),
		setAside:      counter("gateway_events_set_aside_total", "Stream messages that could not be applied and were skipped."),
		filled:        counter("gateway_gap_filled_total", "Missing events that were fetched from their workflow."),
		lost:          counter("gateway_events_lost_total", "Missing events that nobody has any more; each is marked by an event in its place."),
		restarts:      counter("gateway_relay_restarts_total", "Times that following a stream failed and was started again."),
		deltas:        counter("gateway_model_deltas_total", "Pieces of models' answers passed on as they came."),
		deltasDropped: counter("gateway_model_deltas_dropped_total", "Pieces of models' answers that were not passed on: too large, or not what they say they are."),
		offset:        prometheus.NewGauge(prometheus.GaugeOpts{Name: "gateway_applied_offset", Help: "Offset in the event stream up to which everything is applied."}),
		remediations: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gateway_remediations_total",
			Help: "Actions whose carrying out has ended, by how, as events of it were applied."}, []string{"state"}),
		happened:  lag("gateway_event_happened_to_seen_seconds", "From when an event happened, by the workflow's clock, until it was applied here."),
		published: lag("gateway_event_published_to_seen_seconds", "From when an event was handed to the stream until it was applied here."),
	}
	for _, s := range incident.RemediationStates {
		if s.Ended() {
			m.remediations.WithLabelValues(string(s)) // from 0, so that the first is an increase
		}
	}
	if r != nil {
		r.MustRegister(m.fresh, m.setAside, m.filled, m.lost, m.restarts, m.deltas, m.deltasDropped, m.offset, m.happened, m.published, m.remediations)
	}
	return m
}

func (m *metrics) applied(fresh []event.Event, now time.Time) {
	m.fresh.Add(float64(len(fresh)))
	for _, e := range fresh {
		l := lagOf(e, now)
		m.happened.Observe(l.Happened.Seconds())
		if l.Published != 0 {
			m.published.Observe(l.Published.Seconds())
		}
		m.remediated(e)
	}
}

// remediated counts an action whose carrying out has ended. Of several
// gateways only the one that applies the event does.
func (m *metrics) remediated(e event.Event) {
	if e.Type != event.TypeRemediationChanged {
		return
	}
	data, err := e.Decode()
	if err != nil {
		return // the store has said so
	}
	if d, ok := data.(*event.RemediationChanged); ok && d.Remediation.State.Ended() {
		m.remediations.WithLabelValues(string(d.Remediation.State)).Inc()
	}
}
