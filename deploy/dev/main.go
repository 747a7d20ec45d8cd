// Command vigil-dev runs all of Vigil in one process: an embedded Temporal
// server with its web UI, an embedded NATS server, the sandbox that stands in
// for AWS, the worker and the gateway. With --only it runs one of the servers
// alone, for development with separate processes; with --split it starts and
// watches those processes.
//
// State lives in one directory, which one process uses at a time (a file lock
// sees to that). Everything starts in the order of dependence and stops in the
// reverse order, within five seconds; a second signal ends the process at once.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.uber.org/zap"

	"vigil/deploy/statedir"
	"vigil/internal/logging"
)

const (
	startTimeout = 60 * time.Second        // a cold disk and a long list of open workflows
	stopTimeout  = 4500 * time.Millisecond // what is promised is 5 s
)

func main() {
	err := run(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2) // the flag package has printed the usage
	case err != nil:
		fmt.Fprintln(os.Stderr, "vigil-dev:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	cfg, err := parse(args, os.Getenv)
	if err != nil {
		return err
	}
	log, err := logging.New(cfg.logLevel, cfg.logFormat)
	if err != nil {
		return err
	}
	lock, err := statedir.Acquire(cfg.stateDir, cfg.part())
	if err != nil {
		return err
	}
	defer func() {
		if err := lock.Release(); err != nil {
			log.Warn("The lock on the state directory was not released.", zap.Error(err))
		}
	}()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if cfg.split {
		return supervise(ctx, cfg)
	}
	return serve(ctx, cfg, log)
}

// serve runs until ctx ends, or a part cannot be started.
func serve(ctx context.Context, cfg config, log *zap.Logger) error {
	if err := checkAddresses(cfg); err != nil {
		return err
	}
	begin := time.Now()
	a, err := assemble(cfg, log)
	if err != nil {
		return err
	}
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := a.parts.Start(starting); err != nil {
		if ctx.Err() != nil {
			return nil // told to stop while starting: what had started is stopped
		}
		return err
	}
	if cfg.only != "" {
		fmt.Print(a.readyLine(time.Since(begin)))
	} else {
		fmt.Print(a.banner(time.Since(begin)))
	}

	var failure error
	select {
	case <-ctx.Done():
		if cfg.only == "" {
			fmt.Println("\nStopping; once more ends it at once.")
		}
	case failure = <-a.failed:
	}
	forceOnSecondSignal()
	stopping, cancelStop := context.WithTimeout(context.Background(), stopTimeout)
	defer cancelStop()
	return errors.Join(failure, a.parts.Stop(stopping), a.forgetPID())
}

// forceOnSecondSignal ends the process on the next signal. State is safe:
// everything is built to be killed.
func forceOnSecondSignal() {
	again := make(chan os.Signal, 1)
	signal.Notify(again, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-again
		os.Exit(130)
	}()
}
