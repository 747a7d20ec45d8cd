package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/peterbourgon/ff/v3"

	"vigil/worker"
)

// What `worker actions check` exits with.
const (
	exitWell  = 0 // the files are right, and all could be told
	exitWrong = 1 // a file is wrong, or something could not be told
	exitUsage = 2 // the command is
)

const actionsUsage = `Usage: worker actions check [flags]

Reads the files that say what Vigil may do (--actions-file) and who has to agree
(--policy-file), and says all that is wrong with them. Then, for each action and
target, it shows whether the action fits or why not, the exact calls that would be
sent and those that would take them back, and who would have to agree.
It reads targets and sends nothing.

  --offline           look at the files alone
  --target NAME       of a service; may be repeated; without one, all services of the
                      service graph of the last hour

  --actions-file FILE, --policy-file FILE
                      the files; without one, those that come with Vigil
  --enable-actions …, --account …, --telemetry …, --ecs-cluster …, --aws-region …
                      and every other flag of the worker: give those that it runs with.
                      'worker --help' lists them, and VIGIL_… variables count as well.

Exit codes: 0 all is well, also where an action does not fit; 1 a file is wrong, or
a target could not be read; 2 the command is wrong.

  worker actions check --offline --actions-file my-actions.yaml --policy-file my-policy.yaml
  worker actions check --target checkout --target orders-db --ecs-cluster prod
`

// actions runs the subcommands about actions.
func actions(args []string, out, problems io.Writer) int {
	usage := func(format string, a ...any) int {
		fmt.Fprintf(problems, "worker actions: "+format+"\n\n", a...)
		fmt.Fprint(problems, actionsUsage)
		return exitUsage
	}
	if len(args) == 0 {
		return usage("there is only check; write worker actions check")
	}
	if helps := []string{"help", "-h", "-help", "--help"}; slices.Contains(helps, args[0]) {
		fmt.Fprint(out, actionsUsage)
		return exitWell
	}
	if args[0] != "check" {
		return usage("there is no %q; there is only check", args[0])
	}
	var r worker.Rehearsal
	config := worker.DefaultConfig()
	fs := flag.NewFlagSet("worker actions check", flag.ContinueOnError)
	fs.SetOutput(io.Discard) // the usage is ours
	config.Flags(fs)
	fs.BoolVar(&r.Offline, "offline", false, "")
	fs.Func("target", "", func(s string) error {
		for _, name := range strings.Split(s, ",") {
			if name = strings.TrimSpace(name); name != "" {
				r.Targets = append(r.Targets, name)
			}
		}
		return nil
	})
	fs.String("log-level", "", "") // the worker's, which say nothing here
	fs.String("log-format", "", "")
	switch err := ff.Parse(fs, args[1:], ff.WithEnvVarPrefix("VIGIL")); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(out, actionsUsage)
		return exitWell
	case err != nil:
		return usage("%v", err)
	case fs.NArg() > 0:
		return usage("unexpected argument %q; targets are named with --target", fs.Arg(0))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := worker.CheckActions(ctx, config, r, out); err != nil {
		fmt.Fprintf(problems, "\nworker actions check:\n%v\n", err)
		return exitWrong
	}
	return exitWell
}
