// Command scenarios records incidents: whole, with every event, as files that
// the dashboards show without a gateway. `task scenarios:record` runs it.
//
//	scenarios                    records every scenario of the list
//	scenarios memory-leak        records this one
//	scenarios --list             shows the list
//	scenarios --aws --service checkout --title "Checkout is slow" --name checkout-slow
//
// For each scenario it starts Vigil as `task dev` does, in a directory of its
// own that is removed afterwards, and a fault in the sandbox's world. From there
// on the incident goes its own way: the alarm opens it, agents look and vote,
// and where it asks for a person, two people called recorder and second-recorder
// answer through the public API, ten seconds of the world later, as the
// scenario's plan says. When the incident is closed, its review written and
// nothing more comes, its events are read and written to
//
//	web/public/scenarios/NAME.json     one event a line
//	web/public/scenarios/index.json    what there is
//
// An event is written as the gateway gives it. Only what names the machine that
// it was recorded on is replaced, and it is said what (see scrub.go). A file
// that still seems to hold a path, a host or a secret is not written.
//
// With --aws nothing is simulated and no fault is made: Vigil runs on the
// worker's own configuration (AWS_… and VIGIL_… in the environment, checked with
// `worker doctor` first), an incident is opened by hand about the service that
// is named, and people decide on the dashboards. The recorder decides nothing
// there.
//
// Two recordings of one scenario are not alike: what agents find depends on
// when they look.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"vigil/workflows/incident"
)

// config is what the recorder is told.
type config struct {
	root          string
	bin, web, out string
	version       string // of what is in root
	tick          time.Duration
	seed          uint64
	atOnce        int
	within        time.Duration

	list  bool
	names []string // of scenarios; empty: all

	aws      bool
	opens    opening // with aws
	gateway  string  // address, with aws; empty: any free one
	describe string
}

// opening is the incident that is opened by hand.
type opening struct {
	Name     string            `json:"-"`
	Title    string            `json:"title"`
	Service  string            `json:"service"`
	Severity incident.Severity `json:"severity"`
}

func main() {
	cfg, err := parse(os.Args[1:], os.Stderr)
	if err != nil {
		os.Exit(2) // what is wrong was printed
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, cfg, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "scenarios:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, cfg config, out io.Writer) error {
	if cfg.list {
		list(out)
		return nil
	}
	plans, err := cfg.plans()
	if err != nil {
		return err
	}
	cfg.version = version(ctx, cfg.root)
	log := &logger{out: out, begin: time.Now()}
	var all errgroup.Group
	all.SetLimit(cfg.atOnce)
	failed := make([]error, len(plans))
	for i, p := range plans {
		all.Go(func() error {
			failed[i] = produce(ctx, cfg, p, log)
			return nil // the others go on
		})
	}
	_ = all.Wait() // failed has them
	if err := errors.Join(failed...); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("not everything was recorded: %w", context.Cause(ctx))
	}
	log.say("all", "%d recorded in %s", len(plans), cfg.out)
	return nil
}

// produce records one scenario and puts it where the dashboards find it.
func produce(ctx context.Context, cfg config, p plan, log *logger) error {
	if ctx.Err() != nil {
		return nil // told to stop before it began
	}
	ctx, cancel := context.WithTimeoutCause(ctx, cfg.within, fmt.Errorf("it took longer than %s; give it more with --timeout", cfg.within))
	defer cancel()
	s, err := record(ctx, cfg, p, log)
	if err != nil {
		return fmt.Errorf("record %s: %w", p.Name, err)
	}
	size, err := write(cfg.out, s)
	if err != nil {
		return err
	}
	log.say(p.Name, "written: %d events, %d KB, %s", s.EventCount, size>>10, (time.Duration(s.DurationSeconds) * time.Second))
	return nil
}

// version is that of the sources, which the task builds before it records.
// Where they are no checkout of git, nobody can tell.
func version(ctx context.Context, root string) string {
	out, err := exec.CommandContext(ctx, "git", "-C", root, "describe", "--always", "--dirty", "--abbrev=12").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// plans are those that were asked for.
func (c config) plans() ([]plan, error) {
	if c.aws {
		return []plan{{Name: c.opens.Name, Title: c.opens.Title, Description: c.describe, opens: &c.opens}}, nil
	}
	if len(c.names) == 0 {
		return catalogue, nil
	}
	var out []plan
	for _, name := range c.names {
		i := slices.IndexFunc(catalogue, func(p plan) bool { return p.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("no scenario is called %q; --list shows them", name)
		}
		out = append(out, catalogue[i])
	}
	return out, nil
}

func list(out io.Writer) {
	for _, p := range catalogue {
		fmt.Fprintf(out, "%-18s  %s\n%20s%s\n", p.Name, p.Title, "", p.source())
	}
}

func parse(args []string, errs io.Writer) (config, error) {
	var c config
	var severity string
	fs := flag.NewFlagSet("scenarios", flag.ContinueOnError)
	fs.SetOutput(errs)
	fs.Usage = func() {
		fmt.Fprintln(errs, "usage: task scenarios:record -- [flags] [SCENARIO…]\n\nRecords incidents for the dashboards; without names, all of --list.")
		fs.PrintDefaults()
	}
	fs.StringVar(&c.root, "root", ".", "`directory` of the repository")
	fs.StringVar(&c.bin, "bin", "", "`directory` of vigil-dev and worker (default .vigil/bin of the repository)")
	fs.StringVar(&c.out, "out", "", "`directory` to write to (default web/public/scenarios of the repository)")
	fs.BoolVar(&c.list, "list", false, "show what can be recorded, and end")
	fs.DurationVar(&c.tick, "tick", 5*time.Second, "step of the sandbox's world: one point of every metric")
	fs.Uint64Var(&c.seed, "seed", 1, "seed of the sandbox's noise")
	fs.IntVar(&c.atOnce, "at-once", 3, "how many scenarios are recorded side by side, each by a Vigil of its own")
	fs.DurationVar(&c.within, "timeout", 30*time.Minute, "longest that one recording may take")
	fs.BoolVar(&c.aws, "aws", false, "look at the AWS account of the environment instead of the sandbox; people decide on the dashboards")
	fs.StringVar(&c.opens.Name, "name", "", "with --aws: `name` of the file, of a-z, 0-9 and -")
	fs.StringVar(&c.opens.Title, "title", "", "with --aws: what is wrong")
	fs.StringVar(&c.opens.Service, "service", "", "with --aws: the service that it is about")
	fs.StringVar(&severity, "severity", string(incident.SeverityHigh), "with --aws: critical, high, medium or low")
	fs.StringVar(&c.describe, "description", "", "with --aws: what the recording shows, for readers")
	fs.StringVar(&c.gateway, "gateway-addr", "127.0.0.1:8080", "with --aws: `address` of the dashboards on which people decide")
	if err := fs.Parse(args); err != nil {
		return c, err
	}
	c.names, c.opens.Severity = fs.Args(), incident.Severity(severity)
	c.web = filepath.Join(c.root, "web", "dist")
	for path, otherwise := range map[*string]string{&c.bin: filepath.Join(c.root, ".vigil", "bin"), &c.out: filepath.Join(c.root, "web", "public", "scenarios")} {
		if *path == "" {
			*path = otherwise
		}
	}
	err := c.validate()
	if err != nil {
		fmt.Fprintln(errs, "scenarios:", err)
	}
	return c, err
}

func (c config) validate() error {
	switch {
	case c.atOnce < 1:
		return fmt.Errorf("--at-once is %d; use 1 or more", c.atOnce)
	case c.tick < time.Second || c.tick > time.Minute:
		return fmt.Errorf("--tick is %s; use 1s to 1m", c.tick)
	case c.aws && len(c.names) > 0:
		return errors.New("scenarios of the sandbox cannot be recorded with --aws; give --name, --title and --service instead of " + strings.Join(c.names, " "))
	case c.aws && (!validName(c.opens.Name) || c.opens.Title == "" || c.opens.Service == "" || c.describe == ""):
		return errors.New("--aws needs --name (a-z, 0-9 and -), --title, --service and --description")
	case c.aws && !c.opens.Severity.Valid():
		return fmt.Errorf("--severity is %q; use critical, high, medium or low", c.opens.Severity)
	}
	return nil
}

// logger says what is being done, by which recording.
type logger struct {
	mu    sync.Mutex
	out   io.Writer
	begin time.Time
}

func (l *logger) say(who, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.out, "%6s  %-18s  %s\n", time.Since(l.begin).Round(time.Second), who, fmt.Sprintf(format, args...))
}
