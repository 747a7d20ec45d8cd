package relay

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"vigil/internal/bus"
)

// Deadlines of the consumers. A consumer that hears nothing for two
// heartbeats is given up and made again.
const (
	pullExpiry = 10 * time.Second
	heartbeat  = 2 * time.Second
	inactive   = time.Minute // after that the server forgets a consumer that nobody pulls
	// lookWait is for one request to the server. One that is sent while the
	// server starts is never answered, so waiting longer only delays the next.
	lookWait = 2 * time.Second
)

// JetStream makes Streams of a bus. open is bus.Open with its connection; it
// is called again after errors, so that streams that are gone are made anew.
func JetStream(open func(context.Context) (*bus.Streams, error)) Streams {
	return &jetStream{open: open}
}

type jetStream struct {
	open func(context.Context) (*bus.Streams, error)
}

func (j *jetStream) State(ctx context.Context) (State, error) {
	ctx, cancel := context.WithTimeout(ctx, lookWait)
	defer cancel()
	s, err := j.open(ctx)
	if err != nil {
		return State{}, err
	}
	return State{Epoch: s.Epoch, Last: s.Events.CachedInfo().State.LastSeq}, nil
}

func (j *jetStream) Renew(ctx context.Context) error {
	s, err := j.open(ctx)
	if err != nil {
		return err
	}
	return s.Renew(ctx)
}

func (j *jetStream) Events(ctx context.Context, after uint64, fn func(Message)) error {
	return j.consume(ctx, func(s *bus.Streams) jetstream.Stream { return s.Events }, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{bus.EventFilter}, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: after + 1,
	}, fn)
}

func (j *jetStream) System(ctx context.Context, fn func(Message)) error {
	return j.consume(ctx, func(s *bus.Streams) jetstream.Stream { return s.System }, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{bus.SystemFilter}, DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy,
	}, fn)
}

// deltasWaiting bounds the pieces that wait for the hub. NATS drops what comes
// on top, and says so in its statistics.
const deltasWaiting = 1024

func (j *jetStream) Deltas(ctx context.Context, fn func(Message)) error {
	look, cancel := context.WithTimeout(ctx, lookWait)
	defer cancel()
	s, err := j.open(look)
	if err != nil {
		return err
	}
	nc := s.JS.Conn()
	closed := nc.StatusChanged(nats.CLOSED) // anything less the connection gets over, and subscribes again
	defer nc.RemoveStatusListener(closed)
	var running sync.Mutex // so that fn does not run when Deltas has returned
	ended := false
	sub, err := nc.Subscribe(bus.DeltaFilter, func(m *nats.Msg) {
		running.Lock()
		defer running.Unlock()
		if !ended {
			fn(Message{Subject: m.Subject, Data: m.Data})
		}
	})
	if err != nil {
		return fmt.Errorf("subscribe to %s: %w", bus.DeltaFilter, err)
	}
	defer func() {
		running.Lock()
		ended = true
		running.Unlock()
		_ = sub.Unsubscribe() // fails only where the connection is gone, and the subscription with it
	}()
	if err := sub.SetPendingLimits(deltasWaiting, deltasWaiting<<10); err != nil {
		return fmt.Errorf("subscribe to %s: %w", bus.DeltaFilter, err)
	}
	select {
	case <-closed:
		return errors.New("the connection to NATS was closed")
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (j *jetStream) consume(ctx context.Context, stream func(*bus.Streams) jetstream.Stream,
	cfg jetstream.OrderedConsumerConfig, fn func(Message)) error {
	look, cancel := context.WithTimeout(ctx, lookWait)
	defer cancel()
	s, err := j.open(look)
	if err != nil {
		return err
	}
	// The library remakes an ordered consumer by itself where it can do so at
	// once. What takes longer is left to the relay, which looks at the stream
	// again before it goes on.
	cfg.MaxResetAttempts, cfg.InactiveThreshold = 1, inactive
	consumer, err := stream(s).OrderedConsumer(look, cfg)
	if err != nil {
		return fmt.Errorf("make a consumer: %w", err)
	}

	failed := make(chan error, 1)
	fail := func(err error) {
		select {
		case failed <- err:
		default: // the first one counts
		}
	}
	var running sync.Mutex // so that fn does not run when consume has returned
	ended := false
	consuming, err := consumer.Consume(func(m jetstream.Msg) {
		meta, err := m.Metadata()
		if err != nil {
			fail(fmt.Errorf("read a message's metadata: %w", err))
			return
		}
		running.Lock()
		defer running.Unlock()
		if !ended {
			fn(Message{Offset: meta.Sequence.Stream, Subject: m.Subject(), Data: m.Data(), Pending: meta.NumPending})
		}
	}, jetstream.PullExpiry(pullExpiry), jetstream.PullHeartbeat(heartbeat),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
			if !errors.Is(err, jetstream.ErrConsumerLeadershipChanged) { // it goes on by itself
				fail(err)
			}
		}))
	if err != nil {
		return fmt.Errorf("start a consumer: %w", err)
	}
	// Stop waits for a remake that is under way, which can take as long as the
	// server does not answer. Nobody here needs to wait for that.
	defer func() {
		running.Lock()
		ended = true
		running.Unlock()
		go consuming.Stop()
	}()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
