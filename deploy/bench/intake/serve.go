package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/pprof"
	"time"

	sdk "go.temporal.io/sdk/client"

	"vigil/deploy/processes"
	"vigil/gateway"
	"vigil/gateway/store"
	"vigil/gateway/store/sqlite"
	"vigil/gateway/temporal"
	"vigil/internal/logging"
	"vigil/workflows/incident"
)

// What a process of this program's own may serve.
const (
	serveCommits = "commits"
	serveGateway = "gateway"
)

// Bare is the load on a handler that only commits.
type Bare struct {
	Acks
	Machine          Machine  `json:"machine"`
	CPUMSPerDelivery *float64 `json:"cpu_ms_per_delivery,omitempty"`
}

// measureBare puts the load on a handler that reads the body and has the store
// accept it: nobody asks who posts, nothing is dispatched.
func measureBare(ctx context.Context, o options, l *load, dir string) (b Bare, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return b, err
	}
	addrs, err := freeAddrs(1)
	if err != nil {
		return b, err
	}
	self, err := os.Executable()
	if err != nil {
		return b, fmt.Errorf("find this program: %w", err)
	}
	p, err := start(ctx, dir, processes.Spec{Name: serveCommits, Path: self, Args: []string{"-serve", serveCommits, "-addr", addrs[0], "-dir", dir}},
		func(ctx context.Context, p *processes.Process) error { return answering(ctx, addrs[0], p) })
	if err != nil {
		return b, err
	}
	defer func() { err = errors.Join(err, end(p)) }()
	before := cpuOf(p.PID())
	a, machine, err := posting(ctx, l, addrs[0], "", dir, o.conns)
	if err != nil {
		return b, err
	}
	b.Acks, b.Machine, b.CPUMSPerDelivery = newAcks(a), machine, before.per(cpuOf(p.PID()), len(l.order))
	return b, nil
}

// commitOnly is the process of that handler.
func commitOnly(ctx context.Context, o options) (err error) {
	s, err := sqlite.Open(ctx, filepath.Join(o.dir, "gateway.db"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	server := &http.Server{Addr: o.addr, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			_, err = s.Accept(r.Context(), store.Delivery{Source: "alertmanager", ReceivedAt: time.Now(), ContentType: r.Header.Get("Content-Type"),
				Body: body, Origin: incident.OriginSimulated})
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	})}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })() // what is open then is idle
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// profiledGateway runs the gateway as its binary does, with its flags after
// the bench's own, and writes a profile of all its time.
func profiledGateway(ctx context.Context, o options) (err error) {
	cfg := gateway.DefaultConfig()
	fs := flag.NewFlagSet("gateway", flag.ContinueOnError)
	cfg.Flags(fs)
	format := fs.String("log-format", logging.FormatConsole, "")
	if err := fs.Parse(flag.Args()); err != nil {
		return err
	}
	f, err := os.Create(o.profile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	log, err := logging.New("info", *format)
	if err != nil {
		return err
	}
	c, err := sdk.NewLazyClient(sdk.Options{HostPort: o.addr, Logger: logging.Temporal(log)})
	if err != nil {
		return err
	}
	engine := temporal.New(c)
	defer engine.Close()
	g, err := gateway.New(cfg, gateway.Deps{Engine: engine, Log: log})
	if err != nil {
		return err
	}
	if err := g.Start(ctx); err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return errors.Join(err, g.Stop(context.WithoutCancel(ctx)))
	}
	<-ctx.Done()
	pprof.StopCPUProfile()
	return g.Stop(context.WithoutCancel(ctx))
}

// answering waits until somebody listens on addr.
func answering(ctx context.Context, addr string, p *processes.Process) error {
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("nothing answers on %s: %w", addr, err)
		case <-p.Done():
			return fmt.Errorf("%s ended: %w", p.Spec.Name, p.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}
