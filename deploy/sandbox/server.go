package sandbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"

	"vigil/deploy/sandbox/world"
)

// Server is the sandbox. Make one with New; Start it once.
type Server struct {
	cfg      Config
	log      *zap.Logger
	world    *world.World
	calls    *callLog
	bodies   *bodies
	chaos    *chaos
	cache    *promptCache
	memories memories
	agents   *agents
	queries  *queryTable
	notifier *notifier
	sns      *snsHost // nil: nobody is told of alarms
	queues   *queues
	hooks    *hooks
	told     *told
	sessions sessions
	handler  http.Handler

	advancing sync.Mutex // so that transitions reach the notifier in order

	dice   sync.Mutex
	random *rand.Rand // latencies

	listener net.Listener
	http     *http.Server
	quit     chan struct{} // closed by Stop
	stopOnce sync.Once
	running  sync.WaitGroup
}

// New makes a server that does not listen yet.
func New(cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	w, err := world.New(world.Config{Tick: cfg.Tick, Seed: cfg.Seed, Varied: cfg.Varied}, cfg.Now())
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, log: cfg.Logger.Named("sandbox"), world: w, calls: newCallLog(), bodies: newBodies(), chaos: newChaos(), cache: newPromptCache(), agents: newAgents(), queries: newQueryTable(), told: newTold(cfg.Webhooks),
		random: rand.New(rand.NewPCG(cfg.Seed, 0x94d049bb133111eb)), quit: make(chan struct{}),
	}
	if cfg.Gateway != "" {
		if s.sns, err = newSNSHost(cfg); err != nil {
			return nil, err
		}
	}
	s.notifier = newNotifier(cfg, s.sns, s.log)
	if s.queues, err = newQueues(cfg.Queues, cfg.Now()); err != nil {
		return nil, err
	}
	s.hooks = newHooks(cfg.Now)
	s.handler = s.routes()
	return s, nil
}

// Start listens and begins to serve. ctx bounds starting, not running.
func (s *Server) Start(ctx context.Context) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", s.cfg.Listen)
	if err != nil {
		return fmt.Errorf("sandbox: listen on %s: %w; use another address, or stop what has this one", s.cfg.Listen, err)
	}
	if s.sns != nil {
		if err := s.sns.start(ctx, s.log); err != nil {
			return errors.Join(err, l.Close())
		}
		s.running.Go(func() { s.sns.run(s.log) })
	}
	s.listener = l
	s.http = &http.Server{Handler: s.handler, ReadHeaderTimeout: 10 * time.Second, ErrorLog: zap.NewStdLog(s.log)}
	s.running.Add(3)
	go func() {
		defer s.running.Done()
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("no longer serving", zap.Error(err))
		}
	}()
	go func() {
		defer s.running.Done()
		s.follow()
	}()
	go func() {
		defer s.running.Done()
		s.notifier.run(s.quit)
	}()
	s.log.Info("AWS sandbox is up", zap.String("addr", s.Addr()), zap.Duration("tick", s.cfg.Tick),
		zap.Uint64("seed", s.cfg.Seed), zap.String("gateway", s.notifier.target()))
	return nil
}

// stopWithin is how long requests have to finish when the server stops. It is
// short because Shutdown also waits for connections that have not asked
// anything yet, which a client may hold open for as long as it likes.
const stopWithin = 500 * time.Millisecond

// Stop ends the server. Requests have a moment to finish and are cut off then;
// those that chaos holds back are let go at once.
func (s *Server) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() { close(s.quit) })
	if s.http == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, stopWithin)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		s.log.Info("connections were still open and are cut off", zap.Error(err))
		err = s.http.Close()
	}
	if s.sns != nil {
		err = errors.Join(err, s.sns.http.Close()) // who asks for a certificate asks again
	}
	s.running.Wait()
	return err
}

// Addr is the address that the server listens on, host:port; the configured
// one before Start.
func (s *Server) Addr() string {
	if s.listener == nil {
		return s.cfg.Listen
	}
	return s.listener.Addr().String()
}

// SNSAddr is the address at which the certificate of its notifications is, ""
// where nobody is told of alarms.
func (s *Server) SNSAddr() string {
	if s.sns == nil {
		return ""
	}
	return s.sns.addr()
}

// URL is the base URL for AWS clients.
func (s *Server) URL() string { return "http://" + s.Addr() }

// World is the world behind the server.
func (s *Server) World() *world.World { return s.world }

// Handler serves AWS and the control paths without a listener.
func (s *Server) Handler() http.Handler { return s.handler }

// follow moves the world on with the clock, so that alarms are raised when
// nobody asks anything. A quarter of a tick is as late as one can be.
func (s *Server) follow() {
	t := time.NewTicker(max(s.cfg.Tick/4, 5*time.Millisecond))
	defer t.Stop()
	for {
		select {
		case <-t.C:
			s.advance()
		case <-s.quit:
			return
		}
	}
}

// advance brings the world to the present and sends on what the alarm did.
func (s *Server) advance() {
	s.advancing.Lock()
	defer s.advancing.Unlock()
	s.world.AdvanceTo(s.cfg.Now())
	for _, t := range s.world.Transitions() {
		s.log.Info("alarm changed", zap.String("alarm", t.Name), zap.String("state", string(t.State)), zap.String("reason", t.Reason))
		s.notifier.enqueue(t)
		s.publish(t)
	}
}

// pause waits for d, or until the request or the server ends.
func (s *Server) pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.quit:
		return errStopping
	}
}

var errStopping = errors.New("the sandbox is stopping")

// modelLatency draws how long the next answer of a model takes.
func (s *Server) modelLatency() time.Duration {
	l := s.cfg.ModelLatency
	if l.Max < 0 {
		return 0
	}
	s.dice.Lock()
	defer s.dice.Unlock()
	return l.Min + time.Duration(s.random.Int64N(int64(l.Max-l.Min)+1))
}
