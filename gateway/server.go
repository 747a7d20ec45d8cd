package gateway

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"syscall"
	"time"

	"go.uber.org/zap"
)

const (
	headerWait = 5 * time.Second // for the head of a request
	idleWait   = 2 * time.Minute // between requests of one connection
	maxHeader  = 64 << 10        // bytes of a request's head
)

// server is the HTTP server and its listener.
type server struct {
	http     *http.Server
	listener net.Listener
	log      *zap.Logger
	ended    chan struct{}
}

// listen takes the address. It does so before anything else starts, so that a
// second gateway on the same machine fails without having touched anything.
func listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("gateway: %s is taken by another process; stop that one, or give another address by --listen or VIGIL_LISTEN", address)
	case err != nil:
		return nil, fmt.Errorf("gateway: listen on %s (--listen): %w", address, err)
	}
	return l, nil
}

func newServer(l net.Listener, h http.Handler, read time.Duration, zl *zap.Logger) *server {
	return &server{listener: l, log: zl, ended: make(chan struct{}), http: &http.Server{
		Handler: h, ReadHeaderTimeout: headerWait, ReadTimeout: read, IdleTimeout: idleWait,
		// From the end of the request's head: reading, and then answering as slowly again.
		WriteTimeout: 2 * read, MaxHeaderBytes: maxHeader, ErrorLog: log.New(&stdLog{zl}, "", 0),
	}}
}

func (s *server) start(context.Context) error {
	go func() {
		defer close(s.ended)
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("the HTTP server ended by itself", zap.Error(err))
		}
	}()
	return nil
}

// stop accepts nothing more and lets what was accepted finish, within a third of
// the time that is left: sockets, dispatcher and store need the rest. Sockets
// are the hub's to close.
func (s *server) stop(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/3)
		defer cancel()
	}
	err := s.http.Shutdown(ctx)
	if err != nil {
		// Often these are connections that a browser opened and never used.
		s.log.Info("connections were still open and are cut off", zap.Error(err))
		err = s.http.Close()
	}
	<-s.ended
	return err
}
