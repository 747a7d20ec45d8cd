// Command worker runs Vigil's workflows and activities. Any number of workers
// may run; each can be killed at any moment.
//
// `worker doctor`, with the same flags, checks instead that AWS is as they need
// it, and prints what works and what is missing. `worker actions check` shows
// what the files of actions and of the policy would do, and does none of it.
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

	"github.com/peterbourgon/ff/v3"

	"vigil/internal/logging"
	"vigil/worker"
)

const startTimeout = 30 * time.Second

func main() {
	if len(os.Args) > 1 && os.Args[1] == "actions" {
		os.Exit(actions(os.Args[2:], os.Stdout, os.Stderr))
	}
	if err := run(os.Args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return
		}
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	diagnose := len(args) > 0 && args[0] == "doctor"
	if diagnose {
		args = args[1:]
	}
	fs := flag.NewFlagSet("worker", flag.ContinueOnError)
	config := worker.DefaultConfig()
	config.Flags(fs)
	level := fs.String("log-level", "info", "debug, info, warn or error")
	format := fs.String("log-format", logging.FormatConsole, "console or json")
	if err := ff.Parse(fs, args, ff.WithEnvVarPrefix("VIGIL")); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q; besides flags there are only doctor and actions check, and they come first", fs.Arg(0))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if diagnose {
		return worker.Doctor(ctx, config, os.Stdout)
	}
	log, err := logging.New(*level, *format)
	if err != nil {
		return err
	}
	w, err := worker.New(config, worker.Deps{Log: log})
	if err != nil {
		return err
	}
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := w.Start(starting); err != nil {
		return err
	}
	log.Info("The worker is running.")
	var fatal error
	select {
	case <-ctx.Done():
	case fatal = <-w.Fatal():
	}
	stopping, cancel := context.WithTimeout(context.Background(), worker.StopTimeout+2*time.Second)
	defer cancel()
	return errors.Join(fatal, w.Stop(stopping))
}
