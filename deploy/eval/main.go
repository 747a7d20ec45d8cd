package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// options are what the command line asks for.
type options struct {
	folders  map[string]string // of recorded data sets; those not named are looked for
	only     string            // data sets, comma-separated; empty: all
	seeds    int
	seedFrom uint64
	perturb  bool
	verbose  bool
	models   string     // who answers, comma-separated; empty: the statistics
	who      []answerer // the same, ready to be asked; run fills it in
}

// set is one data set: recorded in a folder, or made here where it needs none.
type set struct {
	name   string
	folder bool
	series bool // series alone, with nothing to ask a model
	eval   func(ctx context.Context, w io.Writer, folder string, o options) ([]*row, error)
}

var sets = []set{
	{"petshop", true, false, evalPetShop},
	{"opensre", true, false, evalOpenSRE},
	{"nab", true, true, evalNAB},
	{"sandbox", false, false, evalSandbox},
	{"made", false, true, evalSynthetic},
}

func main() {
	o := options{folders: map[string]string{}}
	for _, s := range sets {
		if s.folder {
			flag.Func(s.name, "`folder` of "+s.name+" (default telemetry/"+s.name+" in the folder that VIGIL_TESTDATA names)", func(v string) error {
				o.folders[s.name] = v
				return nil
			})
		}
	}
	flag.StringVar(&o.only, "only", "", "data `sets` to measure, comma-separated (default all)")
	flag.IntVar(&o.seeds, "sandbox-seeds", 100, "incidents of each fault of the sandbox and of each made kind")
	flag.Uint64Var(&o.seedFrom, "seed-from", 0, "first `seed`")
	flag.BoolVar(&o.perturb, "perturb", false, "measure recorded service graphs with noise, gaps and other normal periods as well")
	flag.StringVar(&o.models, "models", statistics, "who answers, comma-separated: `statistics`, sandbox, or ids of Bedrock models, which cost money")
	flag.BoolVar(&o.verbose, "v", false, "print the cases one by one")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, "eval:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer, o options) error {
	if o.seeds < 1 {
		return fmt.Errorf("-sandbox-seeds is %d; use 1 or more", o.seeds)
	}
	wanted, err := choose(o.only)
	if err != nil {
		return err
	}
	who, stop, err := answerers(ctx, o.models)
	if err != nil {
		return err
	}
	defer stop()
	o.who = who
	fmt.Fprintf(w, "vigil at commit %s\n", commit())
	for _, s := range wanted {
		if s.series && !o.statistics() {
			fmt.Fprintf(w, "\n%s: not measured, only the statistics read single series (add statistics to -models)\n", s.name)
			continue
		}
		folder := ""
		if s.folder {
			folder, err = find(s.name, o)
			if err != nil {
				return err
			}
			switch _, err := os.Stat(folder); {
			case errors.Is(err, fs.ErrNotExist) && o.folders[s.name] == "":
				fmt.Fprintf(w, "\n%s: not measured, there is no %s (use -%s, or set VIGIL_TESTDATA to the folder that holds telemetry/)\n", s.name, folder, s.name)
				continue
			case err != nil:
				return fmt.Errorf("looking for %s: %w", s.name, err)
			}
		}
		rows, err := s.eval(ctx, w, folder, o)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		if len(rows) > 0 {
			write(w, s.name, rows)
		}
	}
	return nil
}

// choose returns the sets that are asked for.
func choose(only string) ([]set, error) {
	if only == "" {
		return sets, nil
	}
	var out []set
next:
	for name := range strings.SplitSeq(only, ",") {
		for _, s := range sets {
			if s.name == strings.TrimSpace(name) {
				out = append(out, s)
				continue next
			}
		}
		return nil, fmt.Errorf("-only names %q, which is no data set; there are petshop, opensre, nab, sandbox and made", name)
	}
	return out, nil
}

// find says where a data set is: where the command line says, or under VIGIL_TESTDATA.
func find(name string, o options) (string, error) {
	if dir := o.folders[name]; dir != "" {
		return dir, nil
	}
	root, err := dataFolder()
	if err != nil {
		return "", err
	}
	return filepath.Join(root, "telemetry", name), nil
}

// dataFolder is VIGIL_TESTDATA, or ../shared/data beside the repository.
func dataFolder() (string, error) {
	if dir := os.Getenv("VIGIL_TESTDATA"); dir != "" {
		return dir, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the repository: %w", err)
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "workflows", "incident")); err == nil {
			return filepath.Join(at, "..", "shared", "data"), nil
		}
		if filepath.Dir(at) == at {
			return "", fmt.Errorf("%s is not inside the repository; run eval there or set VIGIL_TESTDATA", dir)
		}
	}
}
