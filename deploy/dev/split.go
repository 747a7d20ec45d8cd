package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"vigil/deploy/processes"
)

// supervise runs every part as a process of its own until ctx ends. A part
// that ends, for whatever reason, is started again after a while, as a cluster
// would; so each can be killed alone and watched coming back.
func supervise(ctx context.Context, cfg config) error {
	layout, err := cfg.layout()
	if err != nil {
		return err
	}
	if err := layout.Prepare(); err != nil {
		return err
	}
	s := &supervisor{cfg: cfg, layout: layout, running: map[string]*processes.Process{}}
	if err := s.startAll(ctx); err != nil {
		if ctx.Err() != nil {
			err = nil // told to stop while starting
		}
		return errors.Join(err, s.stop())
	}
	fmt.Print(s.banner())

	keeping, letGo := context.WithCancel(ctx)
	for _, spec := range layout.Parts() {
		s.keepers.Go(func() { s.keep(keeping, spec) })
	}
	<-ctx.Done()
	forceOnSecondSignal()
	fmt.Println("\nStopping; once more ends it at once.")
	letGo()
	s.keepers.Wait()
	return s.stop()
}

type supervisor struct {
	cfg      config
	layout   processes.Layout
	keepers  sync.WaitGroup
	printing sync.Mutex

	mu      sync.Mutex
	running map[string]*processes.Process // the latest of each part
}

// startAll starts the parts in the order of dependence, each when the one
// before it can be used.
func (s *supervisor) startAll(ctx context.Context) error {
	for _, spec := range s.layout.Parts() {
		p, err := s.start(spec)
		if err != nil {
			return err
		}
		starting, cancel := context.WithTimeout(ctx, startTimeout)
		err = s.layout.Ready(starting, spec.Name, p)
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

// keep brings a part back whenever it has ended, until ctx ends. It does not
// wait for what the part needs: that may be away too, and then the part ends
// and is brought back once more.
func (s *supervisor) keep(ctx context.Context, spec processes.Spec) {
	for {
		p := s.latest(spec.Name)
		select {
		case <-ctx.Done():
			return
		case <-p.Done():
		}
		s.say("%s (%d) ended: %s; it comes back in %s", spec.Name, p.PID(), how(p), s.cfg.restartAfter)
		select {
		case <-ctx.Done():
			return
		case <-time.After(s.cfg.restartAfter):
		}
		next, err := s.start(spec)
		if err != nil {
			s.say("%v", err) // the old one is still the latest, so this is tried again
			continue
		}
		s.say("%s is back as process %d", spec.Name, next.PID())
	}
}

func (s *supervisor) start(spec processes.Spec) (*processes.Process, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := processes.Start(spec, processes.Prefix(os.Stdout, &s.printing, spec.Name))
	if err != nil {
		return nil, err
	}
	s.running[spec.Name] = p
	return p, s.writePIDs()
}

func (s *supervisor) latest(name string) *processes.Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running[name]
}

// stop ends the parts in the reverse order, all within stopTimeout.
func (s *supervisor) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	var errs []error
	for _, spec := range slices.Backward(s.layout.Parts()) {
		if p := s.latest(spec.Name); p != nil {
			errs = append(errs, p.Stop(ctx))
		}
	}
	if err := os.Remove(s.cfg.file("pids")); err != nil && !errors.Is(err, os.ErrNotExist) {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// writePIDs lists what runs, so that any of it can be killed by hand. s.mu is
// held.
func (s *supervisor) writePIDs() error {
	var b strings.Builder
	for _, spec := range s.layout.Parts() {
		if p := s.running[spec.Name]; p != nil {
			fmt.Fprintf(&b, "%s %d\n", spec.Name, p.PID())
		}
	}
	// Whoever reads it meanwhile sees the old list or the new one.
	fresh := s.cfg.file("pids.new")
	if err := os.WriteFile(fresh, []byte(b.String()), 0o644); err != nil {
		return fmt.Errorf("write the process ids: %w", err)
	}
	return os.Rename(fresh, s.cfg.file("pids"))
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
		fmt.Fprintf(&b, "  %-10s kill -9 %d\n", spec.Name, s.latest(spec.Name).PID())
	}
	told := ""
	if len(s.layout.Told.Worker) > 0 {
		told = "  Who was told     " + s.layout.SandboxURL() + "/_told\n"
	}
	fmt.Fprintf(&b, "\n  Dashboards       %s/ops\n  Temporal web UI  %s\n  AWS sandbox      %s/_world\n%s  Process ids      %s\n\nCtrl-C stops all.\n\n",
		s.layout.GatewayURL(), s.layout.TemporalUIURL(), s.layout.SandboxURL(), told, s.cfg.file("pids"))
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
		SandboxAddr: c.sandboxAddr, SNSAddr: c.snsAddr, GatewayAddr: c.gatewayAddr,
		Tick: c.tick, Seed: c.seed, LogFormat: c.logFormat, WorkerArgs: c.workerArgs, GatewayArgs: c.gatewayArgs,
		Told: c.told,
	}
	if c.temporalAddress != "" {
		l.TemporalAddr, l.ExternalTemporal = c.temporalAddress, true
	}
	return l, nil
}
