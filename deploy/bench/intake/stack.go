package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"vigil/deploy/processes"
	"vigil/gateway"
	"vigil/workflows/incident"
)

const (
	startWait = 90 * time.Second // for one process, on a busy machine
	stopWait  = 20 * time.Second
)

// stack is Vigil as separate processes, with what they keep in dir.
type stack struct {
	processes.Layout
	dir     string
	token   string
	profile string
	running []*processes.Process
}

func newStack(o options, dir string) (*stack, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	addrs, err := freeAddrs(6)
	if err != nil {
		return nil, err
	}
	token, entry, err := gateway.NewToken("bench", incident.RoleAdmin)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "tokens.yaml")
	if err := os.WriteFile(file, []byte("principals:\n"+entry), 0o600); err != nil {
		return nil, err
	}
	s := &stack{dir: dir, token: token, profile: o.profile, Layout: processes.Layout{
		BinDir: o.bin, StateDir: dir, WebDir: dir, // nobody looks at dashboards
		TemporalAddr: addrs[0], TemporalUIAddr: addrs[1], NATSAddr: addrs[2], SandboxAddr: addrs[3], SNSAddr: addrs[4], GatewayAddr: addrs[5],
		Tick: 5 * time.Second, Seed: o.seed, LogFormat: "json",
		WorkerArgs: []string{"--models=none"}, GatewayArgs: []string{"--token-file", file},
	}}
	return s, s.Prepare()
}

// start starts the named parts, each when the one before it can be used.
func (s *stack) start(ctx context.Context, names ...string) error {
	for _, spec := range s.Parts() {
		if !slices.Contains(names, spec.Name) {
			continue
		}
		if spec.Name == processes.Gateway && s.profile != "" {
			self, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find this program: %w", err)
			}
			spec.Path, spec.Args = self, append([]string{"-serve", serveGateway, "-addr", s.TemporalAddr, "-cpuprofile", s.profile, "--"}, spec.Args...)
		}
		p, err := start(ctx, s.dir, spec, func(ctx context.Context, p *processes.Process) error { return s.Ready(ctx, spec.Name, p) })
		if err != nil {
			return err
		}
		s.running = append(s.running, p)
	}
	return nil
}

// pid is the process id of a part that runs.
func (s *stack) pid(name string) int {
	for _, p := range s.running {
		if p.Spec.Name == name {
			return p.PID()
		}
	}
	return 0
}

// stop ends what was started, the last first.
func (s *stack) stop() error {
	var errs []error
	for _, p := range slices.Backward(s.running) {
		errs = append(errs, end(p))
	}
	return errors.Join(errs...)
}

// start starts a process that logs into dir, and waits until it is ready.
func start(ctx context.Context, dir string, spec processes.Spec, ready func(context.Context, *processes.Process) error) (*processes.Process, error) {
	log, err := os.Create(filepath.Join(dir, spec.Name+".log"))
	if err != nil {
		return nil, err
	}
	p, err := processes.Start(spec, log)
	if err := errors.Join(err, log.Close()); err != nil { // the child has its own
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	if err := ready(ctx, p); err != nil {
		return nil, errors.Join(err, p.Kill())
	}
	return p, nil
}

func end(p *processes.Process) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopWait)
	defer cancel()
	return p.Stop(ctx)
}

// freeAddrs are addresses on loopback that nobody listens on, below the ranges
// from which the end-to-end tests take theirs and the kernel those of outgoing
// connections.
func freeAddrs(n int) ([]string, error) {
	const first, last = 10000, 20000
	var found []string
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", first+rand.IntN(last-first))
		l, err := net.Listen("tcp", addr)
		if err != nil || slices.Contains(found, addr) {
			continue // taken
		}
		if err := l.Close(); err != nil {
			return nil, err
		}
		if found = append(found, addr); len(found) == n {
			return found, nil
		}
	}
	return nil, fmt.Errorf("found only %d of %d free ports between %d and %d", len(found), n, first, last)
}
