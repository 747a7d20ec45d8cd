package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/pprof"
	"time"

	publish "vigil/activities/nats"
	embedded "vigil/deploy/nats"
	"vigil/gateway/hub"
	"vigil/gateway/relay"
	"vigil/gateway/store/sqlite"
	"vigil/internal/bus"
	"vigil/internal/lifecycle"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

const patience = 30 * time.Second

// pipeline is everything between publisher and socket.
type pipeline struct {
	group   lifecycle.Group
	publish *publish.Publisher
	hub     *clockedHub
	url     string
}

// clockedHub notes when each event reached the hub.
type clockedHub struct {
	*hub.Hub
	reached map[uint64]time.Time // by offset; read when the relay has stopped
	last    []byte               // the latest frame
}

func (h *clockedHub) Publish(epoch string, frames []hub.Frame) {
	now := time.Now()
	for _, f := range frames {
		if len(f.Body) > 0 {
			h.reached[f.Offset], h.last = now, f.Body
		}
	}
	h.Hub.Publish(epoch, frames)
}

// noFiller stands for workflows that need not be asked: nothing gets lost here.
type noFiller struct{}

func (noFiller) EventsSince(context.Context, string, string, int64) ([]event.Event, error) {
	return nil, incident.Errorf(incident.KindUnavailable, "the bench has no workflows, so no event may get lost on the way")
}

// startPipeline starts every part in order; what it has started is in group
// even when it fails.
func startPipeline(ctx context.Context, p *pipeline, dir string) error {
	server, err := embedded.New(embedded.Config{Dir: filepath.Join(dir, "nats")})
	if err != nil {
		return err
	}
	p.group.Add(lifecycle.Hook{Name: "NATS server", Start: server.Start, Stop: server.Stop})
	if err := p.group.Start(ctx); err != nil {
		return err
	}
	// Worker and gateway each have a connection of their own.
	worker, err := bus.Connect(server.URL(), "worker", server.Options()...)
	if err != nil {
		return err
	}
	gateway, err := bus.Connect(server.URL(), "gateway", server.Options()...)
	if err != nil {
		return err
	}
	p.group.Add(lifecycle.Hook{Name: "connections", Stop: func(context.Context) error { worker.Close(); gateway.Close(); return nil }})
	streams, err := bus.Open(ctx, worker, 1)
	if err != nil {
		return err
	}
	p.publish = publish.New(streams.JS, nil)

	store, err := sqlite.Open(ctx, filepath.Join(dir, "gateway.db"))
	if err != nil {
		return err
	}
	p.group.Add(lifecycle.Hook{Name: "store", Stop: func(context.Context) error { return store.Close() }})
	p.hub = &clockedHub{Hub: hub.New(hub.Config{}, relay.NewSource(store, 50)), reached: map[uint64]time.Time{}}
	p.group.Add(lifecycle.Hook{Name: "hub", Stop: p.hub.Shutdown})
	r := relay.New(relay.Config{}, relay.JetStream(func(ctx context.Context) (*bus.Streams, error) { return bus.Open(ctx, gateway, 1) }),
		store, p.hub, noFiller{})
	p.group.Add(lifecycle.Hook{Name: "relay", Start: r.Start, Stop: r.Stop})

	serve, err := listen(&p.url, func(w http.ResponseWriter, req *http.Request) {
		p.hub.Serve(w, req, event.Welcome{Principal: incident.Principal{Name: "bench", Role: incident.RoleViewer}})
	})
	if err != nil {
		return err
	}
	p.group.Add(serve)
	return p.group.Start(ctx)
}

// listen serves handler on a free port of loopback.
func listen(url *string, handler http.HandlerFunc) (lifecycle.Hook, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return lifecycle.Hook{}, fmt.Errorf("listen on loopback: %w", err)
	}
	*url = "ws://" + l.Addr().String()
	server := &http.Server{Handler: handler}
	ended := make(chan error, 1)
	return lifecycle.Hook{Name: "HTTP server",
		Start: func(context.Context) error { go func() { ended <- server.Serve(l) }(); return nil },
		Stop: func(context.Context) error {
			err := server.Close()
			if e := <-ended; !errors.Is(e, http.ErrServerClosed) {
				err = errors.Join(err, e)
			}
			return err
		},
	}, nil
}

func measurePipeline(ctx context.Context, o options, dir string) (res result, err error) {
	p := new(pipeline)
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		err = errors.Join(err, p.group.Stop(ctx))
	}()
	if err := startPipeline(ctx, p, dir); err != nil {
		return res, err
	}
	events, err := story(o.warmUp + o.events)
	if err != nil {
		return res, err
	}
	if o.profile != "" {
		f, err := os.Create(o.profile)
		if err != nil {
			return res, err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		if err := pprof.StartCPUProfile(f); err != nil {
			return res, err
		}
		defer pprof.StopCPUProfile()
	}
	acked := make([]time.Time, len(events))
	res, err = drive(ctx, o, p.url, func(i int) error {
		if err := p.publish.Publish(ctx, events[i:i+1]); err != nil {
			return err
		}
		acked[i] = time.Now()
		return nil
	})
	if err != nil {
		return res, err
	}
	for i := range events {
		res.acked = append(res.acked, acked[i].Sub(res.handed[i]))
		at, ok := p.hub.reached[uint64(i+1)]
		if !ok {
			return res, fmt.Errorf("event %d never reached the hub", i+1)
		}
		res.reached = append(res.reached, at.Sub(res.handed[i]))
	}
	res.frame = p.hub.last
	return res, nil
}

// story is an incident that goes on for n events, as agents make them.
func story(n int) ([]event.Event, error) {
	provenance := incident.Provenance{Origin: incident.OriginSimulated, Service: "workflow"}
	events := make([]event.Event, 0, n)
	for seq := int64(1); seq <= int64(n); seq++ {
		confidence := float64(seq%100) / 100
		var data event.Data = &event.AgentUpdated{Agent: incident.AgentDiagnosis, State: incident.AgentProcessing, Phase: incident.PhaseDiagnosis,
			Task: "Compare the metrics of checkout with those before the deployment", Turn: 2, MaxTurns: 6, Confidence: &confidence, EvidenceCount: 7,
			KeyFinding: "latency_ms 121 → 940 since 14:02:10; error_rate 0.001 → 0.12 since 14:02:15; both follow version 42 of checkout"}
		if seq == 1 {
			data = &event.IncidentOpened{Title: "Checkout is slow", Service: "checkout", Severity: incident.SeverityHigh, Source: "bench", StartedAt: time.Now()}
		}
		e, err := event.New(data, "bench-1", "7f0e5a52-93a1-4c1c-9a64-6f0d2f0a4c11", seq, time.Now(), provenance)
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}
