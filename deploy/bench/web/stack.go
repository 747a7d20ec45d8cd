package main

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"os"
	"path/filepath"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/sync/errgroup"

	publish "vigil/activities/nats"
	embedded "vigil/deploy/nats"
	"vigil/gateway"
	"vigil/internal/bus"
	"vigil/internal/lifecycle"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

const patience = 60 * time.Second

// stack is a gateway with its stream, and what publishes to it.
type stack struct {
	group   lifecycle.Group
	gateway *gateway.Gateway
	publish *publish.Publisher
	deltas  *publish.Deltas
	sent    uint64 // events that the stream has acknowledged
}

// noWorkflows stands for Temporal: incidents are events here and nothing else.
// Nobody posts alerts or decides, so the rest of an Engine is never asked for.
type noWorkflows struct{ gateway.Engine }

func (noWorkflows) EventsSince(context.Context, string, string, int64) ([]event.Event, error) {
	return nil, incident.Errorf(incident.KindUnavailable, "the bench has no workflows, so no event may get lost on the way")
}
func (noWorkflows) Describe(context.Context, string, string) (bool, string, error) {
	return true, "", nil
}
func (noWorkflows) Leases(context.Context, int) ([]string, bool, error) { return nil, false, nil }
func (noWorkflows) Workers(context.Context) (int, error)                { return 1, nil }
func (noWorkflows) Health(context.Context) error                        { return nil }

// start starts every part in order; what it has started is in group even when
// it fails.
func (s *stack) start(ctx context.Context, dir, web string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	server, err := embedded.New(embedded.Config{Dir: filepath.Join(dir, "nats")})
	if err != nil {
		return err
	}
	s.group.Add(lifecycle.Hook{Name: "NATS server", Start: server.Start, Stop: server.Stop})
	if err := s.group.Start(ctx); err != nil {
		return err
	}
	// Worker and gateway each have a connection of their own.
	worker, err := bus.Connect(server.URL(), "worker", server.Options()...)
	if err != nil {
		return err
	}
	conn, err := bus.Connect(server.URL(), "gateway", server.Options()...)
	if err != nil {
		return err
	}
	s.group.Add(lifecycle.Hook{Name: "connections", Stop: func(context.Context) error { worker.Close(); conn.Close(); return nil }})
	streams, err := bus.Open(ctx, worker, 1)
	if err != nil {
		return err
	}
	s.publish, s.deltas = publish.New(streams.JS, nil), publish.NewDeltas(worker)
	s.group.Add(lifecycle.Go("deltas", s.deltas.Run))

	cfg := gateway.DefaultConfig()
	cfg.Listen, cfg.DataDir, cfg.WebDir, cfg.DevPrincipal = "127.0.0.1:0", filepath.Join(dir, "gateway"), web, true
	if s.gateway, err = gateway.New(cfg, gateway.Deps{Engine: noWorkflows{}, NATS: conn}); err != nil {
		return err
	}
	s.group.Add(lifecycle.Hook{Name: "gateway", Start: s.gateway.Start, Stop: s.gateway.Stop})
	return s.group.Start(ctx)
}

func (s *stack) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return s.group.Stop(ctx)
}

func (s *stack) url(path string) string { return "http://" + s.gateway.Addr() + path }

// publishers is how many incidents publish at the same time, as workers do.
const publishers = 16

// inject publishes what next gives, until it gives nothing. Events of one
// incident go one after the other; due, where it is not nil, says when each
// leaves.
func (s *stack) inject(ctx context.Context, due <-chan time.Time, next func() []said) error {
	group, ctx := errgroup.WithContext(ctx)
	var queues [publishers]chan said
	for i := range queues {
		queues[i] = make(chan said, 256)
		group.Go(func() error {
			for one := range queues[i] {
				for _, d := range one.pieces {
					s.deltas.Delta(d)
				}
				if err := s.publish.Publish(ctx, []event.Event{one.event}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	seed := maphash.MakeSeed()
	group.Go(func() error {
		defer func() {
			for _, q := range queues {
				close(q)
			}
		}()
		for all := next(); len(all) > 0; all = next() {
			for _, one := range all {
				if due != nil {
					select {
					case <-due:
					case <-ctx.Done():
						return ctx.Err()
					}
				}
				select {
				case queues[maphash.String(seed, one.event.IncidentID)%publishers] <- one:
				case <-ctx.Done():
					return ctx.Err()
				}
				s.sent++
			}
		}
		return nil
	})
	return group.Wait()
}

// open publishes how each of the incidents begins and waits until a dashboard
// would be shown all of it.
func (s *stack) open(ctx context.Context, all *lines) error {
	i := 0
	err := s.inject(ctx, nil, func() []said {
		if i == len(all.all) {
			return nil
		}
		i++
		return all.opening(all.all[i-1])
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		seen, err := s.snapshot(ctx)
		if err != nil {
			return err
		}
		if seen.Offset == s.sent {
			if len(seen.Incidents) != len(all.all) {
				return fmt.Errorf("the gateway shows %d incidents of %d", len(seen.Incidents), len(all.all))
			}
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the gateway has applied %d of %d events: %w", seen.Offset, s.sent, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// snapshot is what a dashboard gets that comes now.
func (s *stack) snapshot(ctx context.Context) (snap event.Snapshot, err error) {
	conn, _, err := websocket.DefaultDialer.DialContext(ctx, "ws://"+s.gateway.Addr()+"/api/v1/ws", nil)
	if err != nil {
		return snap, fmt.Errorf("connect as a dashboard: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return snap, err
	}
	if err := conn.WriteJSON(event.Hello{Type: event.FrameHello, Protocol: event.Protocol, Topics: []string{event.TopicIncidents}}); err != nil {
		return snap, err
	}
	for snap.Type != event.FrameSnapshot {
		if err := conn.ReadJSON(&snap); err != nil {
			return snap, fmt.Errorf("read the snapshot: %w", err)
		}
	}
	return snap, nil
}
