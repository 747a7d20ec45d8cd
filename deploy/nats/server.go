// Package nats runs a NATS server with JetStream inside this process, for
// development and tests. In production Vigil uses the cluster that its owner
// operates.
//
// What it promises: what JetStream has acknowledged is on disk, because every
// write is synced (the server's own default is every two minutes), and is there
// again when the directory is next used. Its limits: one server, one replica,
// no authentication, so it must listen on loopback or not at all.
//
// A Server is started once and stopped once. Options may be used from any
// goroutine between the two.
package nats

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"
	"go.uber.org/zap"
)

// maxPayload is larger than the server's 1 MB so that an event with all its
// evidence fits with room to spare.
const maxPayload = 4 << 20

// Config says where the server listens and keeps its state.
type Config struct {
	Dir  string      // JetStream's files; made where it does not exist
	Addr string      // host:port; port 0 takes a free one; empty: reachable inside this process alone
	Log  *zap.Logger // warnings and errors; default: none
}

// Server is an embedded NATS server.
type Server struct {
	cfg    Config
	log    *logger
	server *server.Server
}

// New checks cfg. Nothing is opened yet.
func New(cfg Config) (*Server, error) {
	if cfg.Dir == "" {
		return nil, errors.New("nats: no Dir; say where the streams are kept")
	}
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	return &Server{cfg: cfg, log: &logger{log: cfg.Log.Named("nats-server").Sugar()}}, nil
}

// Start opens the files, starts the server and waits until it takes clients.
func (s *Server) Start(ctx context.Context) error {
	opts := &server.Options{
		ServerName: "vigil", JetStream: true, StoreDir: s.cfg.Dir,
		SyncAlways: true, // an acknowledged event survives a power cut
		MaxPayload: maxPayload,
		NoSigs:     true, // the process that embeds it handles signals
		DontListen: s.cfg.Addr == "",
	}
	if s.cfg.Addr != "" {
		if err := listenOn(opts, s.cfg.Addr); err != nil {
			return err
		}
	}
	var err error
	if s.server, err = server.NewServer(opts); err != nil {
		return fmt.Errorf("nats: configure server for %s: %w", s.cfg.Dir, err)
	}
	s.server.SetLoggerV2(s.log, false, false, false)
	s.server.Start()
	for !s.server.ReadyForConnections(50 * time.Millisecond) {
		err := s.log.fatal()
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return errors.Join(fmt.Errorf("nats: start server with %s: %w", s.cfg.Dir, err), s.Stop(context.WithoutCancel(ctx)))
		}
	}
	if err := s.log.fatal(); err != nil {
		return errors.Join(fmt.Errorf("nats: start server with %s: %w", s.cfg.Dir, err), s.Stop(context.WithoutCancel(ctx)))
	}
	return nil
}

// Stop closes every connection and the files. It waits until ctx ends.
func (s *Server) Stop(ctx context.Context) error {
	if s.server == nil {
		return nil
	}
	stopping := s.server
	s.server = nil
	done := make(chan struct{})
	go func() {
		stopping.Shutdown()
		stopping.WaitForShutdown()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("nats: server did not stop in time: %w", ctx.Err())
	}
}

// URL is where clients connect; inside this process they add Options.
func (s *Server) URL() string {
	if s.cfg.Addr == "" {
		return natsgo.DefaultURL // not dialled: Options replace the connection
	}
	return s.server.ClientURL()
}

// Options are what a client in this process connects with.
func (s *Server) Options() []natsgo.Option {
	return []natsgo.Option{natsgo.InProcessServer(s.server)}
}

// listenOn sets the address after trying it: the server's own message for a
// taken one comes late and names no cause.
func listenOn(opts *server.Options, addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("nats: listen on %s: %w", addr, err)
	}
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return errors.Join(fmt.Errorf("nats: address %s: %w", l.Addr(), err), l.Close())
	}
	if err := l.Close(); err != nil {
		return fmt.Errorf("nats: release %s: %w", addr, err)
	}
	opts.Host = host
	if opts.Port, err = strconv.Atoi(port); err != nil {
		return fmt.Errorf("nats: address %s: %w", addr, err)
	}
	return nil
}

// logger passes the server's warnings and errors on, and keeps a fatal one for
// Start instead of ending the process as the server's own logger does.
type logger struct {
	log *zap.SugaredLogger

	mu  sync.Mutex
	err error
}

func (l *logger) fatal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

func (l *logger) Fatalf(format string, v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = errors.Join(l.err, fmt.Errorf(format, v...))
}

func (l *logger) Noticef(string, ...any)         {}
func (l *logger) Debugf(string, ...any)          {}
func (l *logger) Tracef(string, ...any)          {}
func (l *logger) Warnf(format string, v ...any)  { l.log.Warnf(format, v...) }
func (l *logger) Errorf(format string, v ...any) { l.log.Errorf(format, v...) }
