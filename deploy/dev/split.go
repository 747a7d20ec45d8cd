package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"vigil/deploy/processes"
)

// supervise runs every part as a process of its own until ctx ends. A part
// that ends, for whatever reason, is started again after a while, as a cluster
// would; so each can be killed alone and watched coming back.
func supervise(ctx context.Context, cfg config, log *zap.Logger) error {
	layout, err := cfg.layout()
	if err != nil {
		return err
	}
	s := &supervisor{cfg: cfg, log: log, layout: layout, running: map[string]*processes.Process{}, ended: make(chan string)}
	defer s.cancelRestarts()
	for _, spec := range layout.Parts() {
		starting, cancel := context.WithTimeout(ctx, startTimeout)
		err := s.start(starting, spec)
		cancel()
		if err != nil {
			if ctx.Err() != nil {
				err = nil
			}
			return errors.Join(err, s.stop())
		}
	}
	fmt.Print(s.banner())
	for {
		select {
		case <-ctx.Done():
			forceOnSecondSignal()
			fmt.Println("\nStopping; once more ends it at once.")
			return s.stop()
		case name := <-s.ended:
			if err := s.restart(ctx, name); err != nil && ctx.Err() == nil {
				return errors.Join(err, s.stop())
			}
		}
	}
}

type supervisor struct {
	cfg    config
	log    *zap.Logger
	layout processes.Layout

	printing sync.Mutex
	running  map[string]*processes.Process // used by the supervising goroutine alone
	ended    chan string                   // names of parts that ended by themselves
	quit     context.CancelFunc
	done     context.Context
}

func (s *supervisor) cancelRestarts() {
	if s.quit != nil {
		s.quit()
	}
}

// start starts one part and waits until it can be used.
func (s *supervisor) start(ctx context.Context, spec processes.Spec) error {
	if s.done == nil {
		s.done, s.quit = context.WithCancel(context.Background())
	}
	p, err := processes.Start(spec, processes.Prefix(os.Stdout, &s.printing, spec.Name))
	if err != nil {
		return err
	}
	s.running[spec.Name] = p
	if err := s.writePIDs(); err != nil {
		return err
	}
	if err := s.layout.Ready(ctx, spec.Name, p); err != nil {
		return err
	}
	go func() {
		<-p.Done()
		select {
		case s.ended <- spec.Name:
		case <-s.done.Done():
		}
	}()
	return nil
}

// restart brings back a part that ended. One that cannot be started is tried
// again until ctx ends: what it needs may be away itself.
func (s *supervisor) restart(ctx context.Context, name string) error {
	old := s.running[name]
	s.say("%s (%d) ended: %s; it comes back in %s", name, old.PID(), how(old), s.cfg.restartAfter)
	spec, err := s.layout.Part(name)
	if err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(s.cfg.restartAfter):
		}
		starting, cancel := context.WithTimeout(ctx, startTimeout)
		err := s.start(starting, spec)
		cancel()
		if err == nil {
			s.say("%s is back as process %d", name, s.running[name].PID())
			return nil
		}
		s.say("%v; trying again in %s", err, s.cfg.restartAfter)
		if err := s.running[name].Kill(); err != nil {
			return err
		}
	}
}

// stop ends the parts in the reverse order, all within stopTimeout.
func (s *supervisor) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	s.cancelRestarts()
	parts := s.layout.Parts()
	var errs []error
	for i := len(parts) - 1; i >= 0; i-- {
		if p := s.running[parts[i].Name]; p != nil {
			errs = append(errs, p.Stop(ctx))
		}
	}
	return errors.Join(append(errs, os.Remove(s.cfg.file("pids")))...)
}

// writePIDs lists what runs, so that any of it can be killed by hand.
func (s *supervisor) writePIDs() error {
	var b strings.Builder
	for _, spec := range s.layout.Parts() {
		if p := s.running[spec.Name]; p != nil {
			fmt.Fprintf(&b, "%s %d\n", spec.Name, p.PID())
		}
	}
	if err := os.WriteFile(s.cfg.file("pids"), []byte(b.String()), 0o644); err != nil {
		return fmt.Errorf("write the process ids: %w", err)
	}
	return nil
}

func (s *supervisor) say(format string, args ...any) {
	s.printing.Lock()
	defer s.printing.Unlock()
	fmt.Printf("%-8s | "+format+"\n", append([]any{"split"}, args...)...)
}

func how(p *processes.Process) string {
	if err := p.Err(); err != nil {
		return err.Error()
	}
	return "exit status 0"
}

func (s *supervisor) banner() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nVigil runs as separate processes; kill any of them, it comes back after %s.\n\n", s.cfg.restartAfter)
	for _, spec := range s.layout.Parts() {
		fmt.Fprintf(&b, "  %-10s kill -9 %d\n", spec.Name, s.running[spec.Name].PID())
	}
	fmt.Fprintf(&b, "\n  Dashboards       %s/ops\n  Temporal web UI  %s\n  AWS sandbox      %s/_world\n  Process ids      %s\n\nCtrl-C stops all.\n\n",
		s.layout.GatewayURL(), s.layout.TemporalUIURL(), s.layout.SandboxURL(), s.cfg.file("pids"))
	return b.String()
}

// layout is where the parts are, next to this binary.
func (c config) layout() (processes.Layout, error) {
	self, err := os.Executable()
	if err != nil {
		return processes.Layout{}, fmt.Errorf("find this binary, next to which the others are: %w", err)
	}
	l := processes.Layout{
		BinDir: filepath.Dir(self), StateDir: c.stateDir, WebDir: c.webDir,
		TemporalAddr: c.temporalAddr, TemporalUIAddr: c.temporalUIAddr, NATSAddr: c.natsAddr,
		SandboxAddr: c.sandboxAddr, GatewayAddr: c.gatewayAddr,
		Tick: c.tick, Seed: c.seed, LogFormat: c.logFormat, WorkerArgs: c.workerArgs, GatewayArgs: c.gatewayArgs,
	}
	if c.temporalAddress != "" {
		l.TemporalAddr, l.ExternalTemporal = c.temporalAddress, true
	}
	return l, nil
}
