// Web measures what many open incidents under steady load cost a browser that
// shows /ops.
//
// NATS with JetStream that syncs every write, the gateway with its SQLite store
// and the built dashboards are the real thing, in this process; Temporal is
// not there, because the events are published to the stream as workers do. The
// page runs in headless Chromium, a new one for each trace, with an empty cache.
//
// For each trace the incidents are opened, then the page, then the load begins:
// agents' steps, model calls with what is heard of them before, evidence,
// alerts, phases, people, and now and then an incident that closes while
// another opens. Every task of the page's main thread since the first paint
// counts. The trace is interrupted before, in the middle of and after the load,
// to collect garbage and read the heap; that is not traced.
//
// Two views are measured, the list with the overview and one busy incident, and
// beside them, in the same minutes, a blank page whose script only parses the
// same messages: what remains of a figure there is the browser's and the
// machine's. The load, the gateway and the browser share the processors; what a
// task kept a processor busy is told beside how long it took, because the rest
// of it is waiting for one.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// settle is how long a page has to come to rest before the load begins.
const settle = 2 * time.Second

// reference is the view that no bound is for.
const reference = "blank"

// options are the flags.
type options struct {
	incidents, repeat int
	rate, seconds     float64
	seed              uint64
	views, web        string
	profile           string
	dir, json, traces string
}

func main() {
	var o options
	flag.IntVar(&o.repeat, "repeat", 3, "traces of each view; the medians count")
	flag.IntVar(&o.incidents, "incidents", 1000, "open incidents")
	flag.Float64Var(&o.rate, "rate", 200, "events per second")
	flag.Float64Var(&o.seconds, "seconds", 60, "how long they come")
	flag.Uint64Var(&o.seed, "seed", 1, "of what happens to which incident")
	flag.StringVar(&o.views, "views", "list,incident,blank", "what is measured; blank is the page that only parses")
	flag.StringVar(&o.web, "web", "../web/dist", "directory of the built dashboards")
	flag.StringVar(&o.dir, "dir", "", "where state is kept while it runs; default: the system's directory for temporary files")
	flag.StringVar(&o.json, "json", "", "write the figures to this file as well")
	flag.StringVar(&o.profile, "cpuprofile", "", "write a profile of the page's JavaScript, in the last part that is measured, to this file; it slows the page down")
	flag.StringVar(&o.traces, "traces", "", "keep the traces in this directory, for the performance panel of a browser")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "Measures what open incidents under load cost a browser that shows /ops. Fails where a bound does not hold.")
		flag.PrintDefaults()
	}
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := measure(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "web:", err)
		os.Exit(1)
	}
}

func (o options) check() ([]view, error) {
	var chosen []view
	for _, name := range strings.Split(o.views, ",") {
		i := slices.IndexFunc(views, func(v view) bool { return v.name == name })
		if i < 0 {
			return nil, fmt.Errorf("-views has %q; use list, incident and blank, separated by commas", name)
		}
		chosen = append(chosen, views[i])
	}
	switch {
	case o.repeat < 1 || o.incidents < 2:
		return nil, errors.New("-repeat must be 1 or more, -incidents 2 or more")
	case o.rate < 1 || o.rate > 10_000 || o.seconds < 2 || o.seconds > 600:
		return nil, errors.New("-rate must be 1 to 10000, -seconds 2 to 600")
	}
	if _, err := os.Stat(filepath.Join(o.web, "index.html")); err != nil {
		return nil, fmt.Errorf("the dashboards are not built (%w); run it as `go tool task bench:web`, or say -web", err)
	}
	return chosen, nil
}

func measure(ctx context.Context, o options) (err error) {
	chosen, err := o.check()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(o.dir, "vigil-web-")
	if err != nil {
		return fmt.Errorf("make a directory for the state: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	r := Report{Incidents: o.incidents, Rate: o.rate, Seconds: o.seconds, Seed: o.seed, LoadBefore: loadAverage()}
	fmt.Printf("%d open incidents, %g events a second for %g s, seed %d; %d traces of each view\n", o.incidents, o.rate, o.seconds, o.seed, o.repeat)
	fmt.Printf("%d processors, which gateway, load and browser share; load of the machine before the start %s\n", runtime.NumCPU(), r.LoadBefore)
	var names []string
	for i := range o.repeat {
		for _, v := range chosen {
			f, err := measureView(ctx, o, v, filepath.Join(dir, fmt.Sprint(i+1)+"-"+v.name))
			if err != nil {
				return fmt.Errorf("trace %d of the view %s: %w", i+1, v.name, err)
			}
			r.Traces = append(r.Traces, f)
			if !slices.Contains(names, v.name) {
				names = append(names, v.name)
			}
		}
	}
	r.print(names)
	r.judge(names)
	r.doubt()
	if err := r.save(o.json); err != nil {
		return err
	}
	if len(r.Missed) > 0 {
		return fmt.Errorf("what must hold does not: %s", strings.Join(r.Missed, "; "))
	}
	return nil
}
