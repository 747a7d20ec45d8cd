package pull

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"vigil/activities/sqs"
	"vigil/workflows/incident"
)

// Puller pulls alerts from queues.
type Puller struct {
	gateway *gateway
	lines   []*line
	log     *zap.Logger

	stop, abort, cut context.CancelFunc // receiving, hand-overs, all calls of the queue
	calls            context.Context
	lasting          sync.WaitGroup // what runs until all is settled
	receiving        sync.WaitGroup
}

// New makes a Puller that hands over what is in queues, whose names must
// differ. It neither receives nor asks anything yet.
func New(c Config, queues []Queue, reg prometheus.Registerer, log *zap.Logger) (*Puller, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, q := range queues {
		if names[q.Name()] {
			return nil, incident.Errorf(incident.KindInvalid, "pull: two queues are called %s; one worker pulls from one of them", q.Name())
		}
		names[q.Name()] = true
	}
	p := &Puller{log: log}
	m := newMetrics(reg)
	p.gateway = newGateway(c, log, func(up bool) {
		if up {
			m.up.Set(1)
		} else {
			m.up.Set(0)
		}
	})
	var stopping, posts context.Context
	stopping, p.stop = context.WithCancel(context.Background())
	posts, p.abort = context.WithCancel(context.Background())
	p.calls, p.cut = context.WithCancel(context.Background())
	for _, q := range queues {
		l := &line{cfg: c, queue: q, gateway: p.gateway, metrics: m, log: log.With(zap.String("queue", q.Name())), fifo: isFIFO(q.Name()),
			hand: &hand{all: map[*held]bool{}}, slots: make(chan struct{}, c.InFlight), stopping: stopping, posts: posts, calls: p.calls,
			deletes: newBatcher(q.Delete),
			returns: newBatcher(func(ctx context.Context, ms []sqs.Message) ([]sqs.Refused, error) { return q.Hide(ctx, ms, 0) })}
		m.watch(reg, l)
		p.lines = append(p.lines, l)
	}
	return p, nil
}

// Start begins to pull. That the gateway or a queue is away is no error: it is
// waited for.
func (p *Puller) Start(context.Context) error {
	p.lasting.Go(func() { p.gateway.watch(p.calls) })
	for _, l := range p.lines {
		p.lasting.Go(func() { l.keep(p.calls) })
		p.lasting.Go(func() { l.deletes.run(p.calls) })
		p.lasting.Go(func() { l.returns.run(p.calls) })
		p.receiving.Go(l.receive)
		p.log.Info("Pulling alerts from a queue.", zap.String("queue", l.queue.Name()))
	}
	return nil
}

// Stop receives no more and settles what is in hand: what is being handed over
// may finish, the rest is given back. It takes no longer than a second, and
// less where ctx ends; what is not settled by then comes back by itself.
func (p *Puller) Stop(ctx context.Context) error {
	p.stop()
	settled := make(chan struct{})
	go func() {
		p.receiving.Wait()
		for _, l := range p.lines {
			l.carried.Wait()
		}
		close(settled)
	}()
	for _, end := range []context.CancelFunc{p.abort, p.cut} {
		t := time.NewTimer(grace)
		select {
		case <-settled:
		case <-t.C:
		case <-ctx.Done():
		}
		t.Stop()
		end()
	}
	<-settled
	p.lasting.Wait()
	p.gateway.client.CloseIdleConnections()
	return nil
}

const (
	firstPause = time.Second
	maxPause   = 30 * time.Second
)

// backoff is how long to wait after the nth failure in a row: doubling, and up
// to a half less, so that many do not come back at once.
func backoff(n int) time.Duration {
	d := min(firstPause<<min(n-1, 10), maxPause)
	return d - rand.N(d/2)
}

// pause waits for d; false where ctx ended before.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
