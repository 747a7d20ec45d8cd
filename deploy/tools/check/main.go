// Command check runs every check of the repository one after the other and
// prints, as its very last line, "N passed, N failed". A check that fails does
// not keep the others from running.
//
// What is counted: every Go test and subtest, every Vitest test, and each
// check that is not a test (vet, lint, build, …) as one. The numbers come from
// the machine-readable output of the tools. A package or file that does not
// build counts as one failure. Tests that skip themselves are named, and
// counted as neither.
//
// Checks run in sequence because each uses every core by itself. With names as
// arguments only those checks run; -list names them.
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
	"syscall"
	"time"
)

func main() {
	root := flag.String("root", ".", "root of the repository")
	list := flag.Bool("list", false, "name the checks and end")
	fuzzFor := flag.Duration("fuzztime", 2*time.Second, "how long the check fuzz gives each target")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *root, *list, *fuzzFor, flag.Args(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root string, list bool, fuzzFor time.Duration, names []string, out io.Writer) error {
	root, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	r := &runner{ctx: ctx, root: root, out: out, fuzzFor: fuzzFor}
	all := checks(r)
	for _, name := range names {
		if !slices.ContainsFunc(all, func(c check) bool { return c.name == name }) {
			return fmt.Errorf("there is no check %q; see -list", name)
		}
	}
	for _, c := range all {
		if list {
			fmt.Fprintf(out, "%-14s %s\n", c.name, c.what)
			continue
		}
		if len(names) > 0 && !slices.Contains(names, c.name) {
			continue
		}
		r.do(c)
	}
	if list {
		return nil
	}
	fmt.Fprintf(out, "\n%d passed, %d failed\n", r.total.passed, r.total.failed)
	if r.total.failed > 0 {
		return errors.New("failed: " + strings.Join(r.broken, ", "))
	}
	return nil
}

// tally counts tests.
type tally struct {
	passed, failed int
	skipped        []string
}

// check is one section of the run.
type check struct {
	name, what string
	run        func() (tally, error)
}

type runner struct {
	ctx  context.Context
	root string
	out  io.Writer
	env  []string // for every command, grows as checks find things

	fuzzFor time.Duration // each target
	total   tally
	broken  []string
}

// do runs one check and adds it up. An error without a failed test is one
// failure, so that nothing fails without being counted.
func (r *runner) do(c check) {
	fmt.Fprintf(r.out, "\n== %s: %s\n", c.name, c.what)
	begin := time.Now()
	var t tally
	err := r.ctx.Err()
	if err == nil {
		t, err = c.run()
	}
	if err != nil {
		fmt.Fprintf(r.out, "%v\n", err)
		t.failed = max(t.failed, 1)
	} else if t.passed+t.failed == 0 {
		t.passed = 1 // no test, but it passed
	}
	if len(t.skipped) > 0 {
		fmt.Fprintf(r.out, "skipped: %s\n", strings.Join(t.skipped, ", "))
	}
	verdict := "ok"
	if t.failed > 0 {
		verdict = "FAILED"
		r.broken = append(r.broken, c.name)
	}
	fmt.Fprintf(r.out, "-- %s: %s, %d passed, %d failed (%s)\n", c.name, verdict, t.passed, t.failed, time.Since(begin).Round(100*time.Millisecond))
	r.total.passed += t.passed
	r.total.failed += t.failed
}

// command prepares a command in dir, below the root.
func (r *runner) command(dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(r.ctx, name, args...)
	cmd.Dir = filepath.Join(r.root, dir)
	cmd.Env = append(os.Environ(), r.env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// sh runs commands in dir, in order, until one fails.
func (r *runner) sh(dir string, commands ...[]string) error {
	for _, c := range commands {
		cmd := r.command(dir, c[0], c[1:]...)
		cmd.Stdout, cmd.Stderr = r.out, r.out
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s: %w", strings.Join(c, " "), err)
		}
	}
	return nil
}
