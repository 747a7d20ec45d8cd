package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"vigil/deploy/processes"
	"vigil/gateway"
	"vigil/workflows/incident"
)

const (
	readyWithin = 2 * time.Minute
	stopWithin  = 10 * time.Second
)

// publicURL is where people reach the dashboards, as notifications say. What is
// recorded would otherwise name a port that is nobody's any more.
const publicURL = "https://vigil.example.com"

// policy is that of recordings in which Vigil acts by itself. Its rule is in
// the events, with its reason.
const policy = `version: recording
zone: UTC
rules:
  - {name: low risk, when: 'risk == "low"', then: autonomous, reason: Its risk is low.}
  - {name: everything else, when: "true", then: approve, reason: Its risk is not low.}
`

// product is one Vigil that runs for one recording.
type product struct {
	processes.Layout
	process *processes.Process
	log     *os.File
	people  map[string]string // tokens by name
}

// begin starts a Vigil in a new directory, and waits until it can be used.
func begin(ctx context.Context, cfg config, alone bool) (*product, error) {
	dir, err := os.MkdirTemp("", "vigil-scenario-")
	if err != nil {
		return nil, fmt.Errorf("make a state directory: %w", err)
	}
	p := &product{people: map[string]string{}}
	p.Layout = processes.Layout{BinDir: cfg.bin, StateDir: dir, WebDir: cfg.web, Tick: cfg.tick, Seed: cfg.seed, LogFormat: "json"}
	if err := p.start(ctx, cfg, alone); err != nil {
		return nil, errors.Join(err, p.end())
	}
	return p, nil
}

func (p *product) start(ctx context.Context, cfg config, alone bool) error {
	if err := p.listenSomewhere(cfg); err != nil {
		return err
	}
	if cfg.aws {
		if err := doctor(ctx, cfg); err != nil {
			return err
		}
	}
	var err error
	if p.WorkerArgs, err = p.arguments(cfg, alone); err != nil {
		return err
	}
	spec := p.AllInOne()
	if p.log, err = os.Create(filepath.Join(p.StateDir, "log")); err != nil {
		return fmt.Errorf("make the log: %w", err)
	}
	if p.process, err = processes.Start(spec, p.log); err != nil {
		return fmt.Errorf("%w; `task build:go` builds it", err)
	}
	starting, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	if err := p.Ready(starting, processes.AllInOne, p.process); err != nil {
		return fmt.Errorf("%w\n%s", err, p.lastWords())
	}
	return nil
}

// arguments are what the product is told besides where it listens.
func (p *product) arguments(cfg config, alone bool) ([]string, error) {
	tokens, err := p.letIn(recorder, secondRecorder)
	if err != nil {
		return nil, err
	}
	args := []string{"--token-file", tokens}
	if cfg.aws {
		return append(args, "--no-sandbox"), nil // everything else is the user's
	}
	// The world is well within 15 ticks of the cure; who waits longer for what does
	// not help only makes the recording longer.
	args = append(args, "--public-url", publicURL, "--verify-timeout", (30 * cfg.tick).String())
	if alone {
		file, err := p.keep("policy.yaml", policy)
		if err != nil {
			return nil, err
		}
		args = append(args, "--policy-file", file)
	}
	return args, nil
}

// end stops what was begun, and removes its directory.
func (p *product) end() error {
	var errs []error
	if p.process != nil {
		ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
		defer cancel()
		errs = append(errs, p.process.Stop(ctx))
	}
	if p.log != nil {
		errs = append(errs, p.log.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(p.StateDir))...)
}

// as is the gateway's API for one of the people.
func (p *product) as(name string) api { return api{base: p.GatewayURL(), token: p.people[name]} }

// sandbox is the API by which the world is made to fail.
func (p *product) sandbox() api { return api{base: p.SandboxURL()} }

// letIn writes a token file for the people of the recording.
func (p *product) letIn(names ...string) (string, error) {
	file := "principals:\n"
	for _, name := range names {
		token, entry, err := gateway.NewToken(name, incident.RoleAdmin)
		if err != nil {
			return "", fmt.Errorf("make a token: %w", err)
		}
		p.people[name] = token
		file += entry
	}
	return p.keep("principals.yaml", file)
}

// keep writes a file that the product reads.
func (p *product) keep(name, content string) (string, error) {
	path := filepath.Join(p.StateDir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		return "", fmt.Errorf("write %s: %w", name, err)
	}
	return path, nil
}

// listenSomewhere chooses addresses on loopback that nobody listens on.
func (p *product) listenSomewhere(cfg config) error {
	for _, addr := range []*string{&p.TemporalAddr, &p.TemporalUIAddr, &p.NATSAddr, &p.SandboxAddr, &p.SNSAddr, &p.GatewayAddr} {
		if addr == &p.GatewayAddr && cfg.aws {
			*addr = cfg.gateway // people have to find it
			continue
		}
		free, err := freeAddress()
		if err != nil {
			return err
		}
		*addr = free
	}
	return nil
}

var handedOut sync.Map // ports, so that no two recordings have the same

// freeAddress is from below the ports that the kernel gives to connections.
func freeAddress() (string, error) {
	var last error
	for range 100 {
		port := 20_000 + rand.IntN(12_000)
		if _, taken := handedOut.LoadOrStore(port, true); taken {
			continue
		}
		addr := fmt.Sprintf("127.0.0.1:%d", port)
		l, err := net.Listen("tcp", addr)
		if err != nil {
			last = err
			continue
		}
		return addr, l.Close()
	}
	return "", fmt.Errorf("find a free port: %w", last)
}

// doctor has the worker look at AWS before anything is recorded there.
func doctor(ctx context.Context, cfg config) error {
	out, err := exec.CommandContext(ctx, filepath.Join(cfg.bin, processes.Worker), "doctor").CombinedOutput()
	if err != nil {
		return fmt.Errorf("AWS is not as the worker needs it (`task aws:doctor` says the same): %w\n%s", err, out)
	}
	return nil
}

// lastWords are the last lines of the log.
func (p *product) lastWords() string {
	const most = 4 << 10
	raw, err := os.ReadFile(p.log.Name())
	if err != nil {
		return "its log cannot be read: " + err.Error()
	}
	return "its log ends with\n" + strings.TrimSpace(string(raw[max(0, len(raw)-most):]))
}

// secrets are what events could hold of this machine and this run.
func (p *product) secrets() []private {
	all := []private{
		{"the state directory", p.StateDir, "/var/lib/vigil"},
		{"the gateway's address", p.GatewayURL(), publicURL},
		{"the sandbox's address", p.SandboxURL(), "http://sandbox.example.com"},
		{"the address of Temporal's web UI", p.TemporalUIURL(), "http://temporal.example.com"},
		{"the address of Temporal", p.TemporalAddr, "temporal.example.com"},
	}
	if host, err := os.Hostname(); err == nil && len(host) > 3 {
		all = append(all, private{"the name of this machine", host, "worker.example.com"})
	}
	for name, token := range p.people {
		all = append(all, private{"a token of " + name, token, "[token]"})
	}
	return all
}
