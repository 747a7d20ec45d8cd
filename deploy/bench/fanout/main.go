// Fanout measures how long an event takes from its hand-over to the publisher
// until each of many clients has read it.
//
// Everything on the way is the real thing: the worker's publisher, a NATS
// server with JetStream that syncs every write, the relay, the SQLite store on
// disk, the hub, and WebSockets over loopback. Clients live in a process of
// their own, because no dashboard shares the gateway's; they still share its
// processors. As a reference, the same number of sockets is then written to in
// a bare loop, without stream and store: what remains of the figure there is
// the price of the sockets themselves.
//
// A client has read an event when the whole frame is in its memory; nothing is
// decoded before the clock is read. Both processes read the same clock.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

// options are the flags.
type options struct {
	clients, events, warmUp int
	rate                    float64
	dir                     string
	check                   bool
	profile                 string

	readFrom string // set in the process of the clients: where to connect to
}

// What is promised with 1,000 clients.
const (
	medianLimit = 10 * time.Millisecond
	p99Limit    = 50 * time.Millisecond
)

func main() {
	var o options
	flag.IntVar(&o.clients, "clients", 1000, "WebSocket clients")
	flag.IntVar(&o.events, "events", 400, "events that are measured")
	flag.IntVar(&o.warmUp, "warm-up", 40, "events before that, which are not")
	flag.Float64Var(&o.rate, "rate", 20, "events per second")
	flag.StringVar(&o.dir, "dir", "", "where stream and store are kept while it runs; default: the system's directory for temporary files")
	flag.BoolVar(&o.check, "check", false, "fail when median or 99th percentile are over what is promised")
	flag.StringVar(&o.profile, "cpuprofile", "", "write a profile of the server, on the whole way, to this file")
	flag.StringVar(&o.readFrom, "read-from", "", "be the clients of the server at this URL (used by the program itself)")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	run := measure
	if o.readFrom != "" {
		run = readAll
	}
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "fanout:", err)
		os.Exit(1)
	}
}

var errMissed = errors.New("the promised figures were missed")

func measure(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp(o.dir, "vigil-fanout-")
	if err != nil {
		return fmt.Errorf("make a directory for stream and store: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	disk, err := syncTimes(dir, 200)
	if err != nil {
		return err
	}
	fmt.Printf("%d clients in a process of their own, %d events at %g/s after %d to warm up\n", o.clients, o.events, o.rate, o.warmUp)
	printMachine(disk)

	whole, err := measurePipeline(ctx, o, dir)
	if err != nil {
		return fmt.Errorf("measure the whole way: %w", err)
	}
	bare, err := measureBare(ctx, o, whole.frame)
	if err != nil {
		return fmt.Errorf("measure the bare loop: %w", err)
	}
	printTable(whole, bare)

	read := whole.read()
	ok := read.at(.5) < medianLimit && read.at(.99) < p99Limit
	verdict := "holds"
	if !ok {
		verdict = "DOES NOT HOLD"
	}
	fmt.Printf("\nPromise: median under %v, 99th percentile under %v. It %s.\n", medianLimit, p99Limit, verdict)
	if o.check && !ok {
		return errMissed
	}
	return nil
}
