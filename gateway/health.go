package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"vigil/gateway/hub"
	"vigil/gateway/relay"
	"vigil/gateway/store"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

const (
	// checkWait bounds one check of a neighbour.
	checkWait = 2 * time.Second
	// healthFresh is for how long an answer is given again: many may ask, the
	// neighbours are asked once.
	healthFresh = time.Second
	// behindMuch is the backlog of the stream from which on it counts as
	// degraded: more than a healthy gateway ever has.
	behindMuch = 1000
	// silencesCounted is as far as active silences are counted.
	silencesCounted = 1000
)

// Names of components and their states.
const (
	componentStore    = "store"
	componentStream   = "stream"
	componentTemporal = "temporal"
	componentWorker   = "worker"

	componentControls   = "controls"
	componentPrincipals = "principals"

	stateHealthy  = "healthy"
	stateDegraded = "degraded"
	stateDown     = "down"
)

// health measures the state of Vigil as this gateway sees it.
type health struct {
	store   store.Store
	engine  Engine
	relay   interface{ Status() relay.Status }
	hub     interface{ Stats() hub.Stats }
	started time.Time

	controls interface {
		check(context.Context) event.ComponentHealth
	}
	people interface{ check() event.ComponentHealth }

	mu   sync.Mutex // held while measuring, so that whoever comes meanwhile waits for that answer
	last event.SystemHealthMetrics
	at   time.Time
}

// read returns the current state, at most healthFresh old.
func (h *health) read(ctx context.Context) event.SystemHealthMetrics {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.at) > healthFresh {
		// Not the asker's context: others may be waiting for the same answer.
		h.last = h.measure(context.WithoutCancel(ctx))
		h.at = time.Now()
	}
	return h.last
}

func (h *health) measure(ctx context.Context) event.SystemHealthMetrics {
	ctx, cancel := context.WithTimeout(ctx, checkWait)
	defer cancel()
	m := event.SystemHealthMetrics{Components: make([]event.ComponentHealth, 6), GatewayUptimeSeconds: time.Since(h.started).Seconds()}
	var all sync.WaitGroup
	all.Go(func() { m.Components[0] = h.checkStore(ctx, &m) })
	all.Go(func() { m.Components[2] = upOrDown(componentTemporal, h.engine.Health(ctx), "") })
	all.Go(func() { m.Components[3] = h.checkWorkers(ctx, &m) })
	all.Go(func() { m.Components[4] = h.controls.check(ctx) })
	m.Components[1], m.Components[5] = h.checkStream(&m), h.people.check()
	all.Wait()

	sockets := h.hub.Stats()
	m.WebSocketConnections, m.EventsPerSecond = sockets.Connections, sockets.PublishedPerSecond
	if sockets.MedianRTT != nil {
		m.WebSocketLatencyMS = milliseconds(*sockets.MedianRTT)
	}
	return m
}

// checkStore tries a write, because that is what alerts need. It fills what
// the store alone knows.
func (h *health) checkStore(ctx context.Context, m *event.SystemHealthMetrics) event.ComponentHealth {
	if err := h.store.Ping(ctx); err != nil {
		return upOrDown(componentStore, err, "")
	}
	counts, err := h.store.InboxCounts(ctx)
	if err != nil {
		return upOrDown(componentStore, err, "")
	}
	open, err := h.store.Open(ctx)
	if err != nil {
		return upOrDown(componentStore, err, "")
	}
	m.OpenIncidents = len(open)
	silences, err := h.store.Silences(ctx, store.SilenceActive, time.Now(), "", silencesCounted)
	if err != nil {
		return upOrDown(componentStore, err, "")
	}
	m.SilencesActive, m.InboxPoisoned = len(silences), counts.Poisoned
	m.InboxPending, m.InboxQuarantined, m.DeliveriesLost = counts.Received+counts.Pending, counts.Quarantined, counts.Lost
	if counts.Poisoned > 0 {
		return event.ComponentHealth{Name: componentStore, State: stateDegraded,
			Detail: fmt.Sprintf("%d deliveries keep failing and hold up those of the same problem", counts.Poisoned)}
	}
	return upOrDown(componentStore, nil, "")
}

func (h *health) checkStream(m *event.SystemHealthMetrics) event.ComponentHealth {
	s := h.relay.Status()
	m.ProjectionOffset = s.Applied.Offset
	if s.Lag != nil {
		m.EventPublishLagMS = milliseconds(s.Lag.Happened)
	}
	switch {
	case s.Err != nil:
		return upOrDown(componentStream, s.Err, "")
	case s.Applied.Epoch == "":
		return event.ComponentHealth{Name: componentStream, State: stateDown, Detail: "not reached yet"}
	case s.Pending > behindMuch:
		return event.ComponentHealth{Name: componentStream, State: stateDegraded, Detail: fmt.Sprintf("catching up; %d events to go", s.Pending)}
	case s.Lost > 0 || s.SetAside > 0:
		return event.ComponentHealth{Name: componentStream, State: stateDegraded,
			Detail: fmt.Sprintf("since the start %d events were lost and %d could not be read; see the log", s.Lost, s.SetAside)}
	}
	return upOrDown(componentStream, nil, "")
}

func (h *health) checkWorkers(ctx context.Context, m *event.SystemHealthMetrics) event.ComponentHealth {
	n, err := h.engine.Workers(ctx)
	if err != nil {
		return event.ComponentHealth{Name: componentWorker, State: stateDown, Detail: "it cannot be told: " + inWords(err)}
	}
	m.WorkersPolling = &n
	if n == 0 {
		return event.ComponentHealth{Name: componentWorker, State: stateDown, Detail: "no worker asked for work within the last minute; incidents stand still"}
	}
	return upOrDown(componentWorker, nil, fmt.Sprintf("%d polling", n))
}

func upOrDown(name string, err error, detail string) event.ComponentHealth {
	if err != nil {
		return event.ComponentHealth{Name: name, State: stateDown, Detail: inWords(err)}
	}
	return event.ComponentHealth{Name: name, State: stateHealthy, Detail: detail}
}

// inWords is what err says to a person; causes are for logs.
func inWords(err error) string {
	var known *incident.Error
	if errors.As(err, &known) {
		return known.Msg
	}
	return err.Error()
}

func milliseconds(d time.Duration) *float64 {
	ms := float64(d) / float64(time.Millisecond)
	return &ms
}

// Probe is the answer of /healthz and /readyz.
type Probe struct {
	Status string `json:"status"`
}

// alive says that the process answers.
func (a *api) alive(c echo.Context) error { return answer(c, http.StatusOK, Probe{Status: "ok"}) }

// ready says that alerts can be taken. That needs the store and nothing else:
// a gateway that waits for Temporal must keep its place behind the load balancer.
func (a *api) ready(c echo.Context) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), checkWait)
	defer cancel()
	if err := a.store.Ping(ctx); err != nil {
		return &incident.Error{Kind: incident.KindUnavailable, Op: "ready", Msg: "alerts cannot be stored: " + inWords(err), Err: err}
	}
	return answer(c, http.StatusOK, Probe{Status: "ready"})
}

func (a *api) systemHealth(c echo.Context) error {
	return answer(c, http.StatusOK, a.health.read(c.Request().Context()))
}
