// Intake measures what the gateway takes and how soon alerts are with their
// incidents, while most of them repeat what was said before.
//
// Everything is the real thing, each part a process of its own: the gateway's
// and the worker's binaries, a Temporal server and NATS with JetStream as
// development runs them, and the sandbox as the worker's AWS. The gateway has a
// token file and syncs every commit. This process only posts and looks on; it
// shares the processors with the others.
//
// Posts follow a timetable that does not wait for answers, and each latency
// counts from the moment at which the post was due: where the gateway is slow,
// the posts that queue up behind show it. What is counted is deliveries, one
// post each; every twentieth group holds five alerts, the others one. A
// repetition is the same body again, as Alertmanager repeats a group; whatever
// is new is a new group. With -storm every delivery is one new alert, and many
// of them share a group.
//
// When the load is over, every alert is looked up through the API, and the
// histories of all incidents are read from Temporal. As a reference the same
// load is first put on a handler that only commits, and before that the disk
// and the store's raw commits are measured. A bar that is not met fails
// nothing: this program measures.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// What is asked of the gateway on two processors.
const (
	ackLimit     = 100 * time.Millisecond // of the 99th percentile
	backlogLimit = 60 * time.Second       // from the end of the load until nothing waits
	// memoryLimit is how much of the memory of the 20th to 30th second may be
	// added by the end: collections of garbage alone move it by some percent.
	memoryLimit = 0.15
)

// Bounds of what may be asked for.
const (
	maxSeconds    = 600
	maxDeliveries = 1_000_000
	patience      = 5 * time.Minute // for a backlog
)

// options are the flags.
type options struct {
	rate     float64
	seconds  float64
	repeats  float64
	services int
	storm    int
	worker   bool
	seed     uint64
	conns    int

	bin, dir, json, profile string

	serve, addr string // set in a process of the program's own: what it serves, and where
}

func main() {
	var o options
	flag.Float64Var(&o.rate, "rate", 0, "deliveries per second; default 500, in a storm 2000")
	flag.Float64Var(&o.seconds, "seconds", 60, "how long; a storm lasts until all of it is posted")
	flag.Float64Var(&o.repeats, "repeats", .95, "share of the deliveries that say what was said before")
	flag.IntVar(&o.services, "services", 40, "services that alerts are about")
	flag.IntVar(&o.storm, "storm", 0, "post so many different alerts in 100 groups instead, none of them twice")
	flag.BoolVar(&o.worker, "worker", true, "have a worker run during the load, so that incidents proceed; otherwise it starts afterwards")
	flag.Uint64Var(&o.seed, "seed", 1, "of which alert is repeated when")
	flag.IntVar(&o.conns, "conns", 256, "connections, kept alive; a post that finds none free waits, and that counts")
	flag.StringVar(&o.bin, "bin", os.Getenv("VIGIL_BIN"), "directory of the binaries gateway, worker and vigil-dev (VIGIL_BIN)")
	flag.StringVar(&o.dir, "dir", "", "where state is kept while it runs; default: the system's directory for temporary files")
	flag.StringVar(&o.json, "json", "", "write the figures to this file as well")
	flag.StringVar(&o.profile, "cpuprofile", "", "write a profile of the gateway under load to this file; it then runs inside this program's binary")
	flag.StringVar(&o.serve, "serve", "", "be a server of the bench (used by the program itself)")
	flag.StringVar(&o.addr, "addr", "", "with -serve: where")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	run := measure
	switch o.serve {
	case serveCommits:
		run = commitOnly
	case serveGateway:
		run = profiledGateway
	}
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "intake:", err)
		os.Exit(1)
	}
}

func (o *options) check() error {
	if o.rate == 0 {
		if o.rate = 500; o.storm > 0 {
			o.rate = 2000
		}
	}
	if o.storm > 0 {
		o.seconds = float64(o.storm) / o.rate
	}
	switch {
	case o.rate < 1 || o.seconds <= 0 || o.seconds > maxSeconds || o.rate*o.seconds > maxDeliveries:
		return fmt.Errorf("%g deliveries a second for %g s are not possible; use up to %d s and %d deliveries in all", o.rate, o.seconds, maxSeconds, maxDeliveries)
	case o.repeats < 0 || o.repeats >= 1:
		return fmt.Errorf("-repeats is %g; use 0 to less than 1", o.repeats)
	case o.services < 1 || o.conns < 1 || o.storm < 0:
		return errors.New("-services and -conns must be 1 or more, -storm 0 or more")
	case o.bin == "":
		return errors.New("where are the binaries? Run it as `go tool task bench:intake`, or say -bin")
	}
	return nil
}

func measure(ctx context.Context, o options) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(o.dir, "vigil-intake-")
	if err != nil {
		return fmt.Errorf("make a directory for the state: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w (logs are in %s)", err, dir)
			return
		}
		err = os.RemoveAll(dir)
	}()
	l := newLoad(o)
	rep := newReport(o, l)
	rep.printHead()

	if rep.Disk, err = measureDisk(ctx, filepath.Join(dir, "disk"), len(l.bodies[0].json)); err != nil {
		return fmt.Errorf("measure the disk: %w", err)
	}
	if rep.Bare, err = measureBare(ctx, o, l, filepath.Join(dir, serveCommits)); err != nil {
		return fmt.Errorf("measure a handler that only commits: %w", err)
	}
	if err := rep.measureGateway(ctx, o, l, filepath.Join(dir, "vigil")); err != nil {
		return fmt.Errorf("measure the gateway: %w", err)
	}
	rep.print()
	return rep.save(o.json)
}
