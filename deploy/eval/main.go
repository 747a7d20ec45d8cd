// Command eval measures the statistics of activities/rca: on made incidents, on
// the sandbox's world and on recorded incidents, the last beside simple
// references in the same run: a random suspect (its exact expectation), the
// service with the largest ordinary z-score, and the service that the alert is
// about.
//
// Recorded corpora are read from the folder that VIGIL_TESTDATA names, or
// ../shared/data relative to the repository's root. Where one is not there, eval
// says so and goes on. It exits with 1 only where something that is there cannot
// be read: a measurement is not a test.
//
// # What was learned on which cases
//
// PetShop's issues and healthy controls are split in half by a hash of their
// names. Weights and thresholds were set on one half, with its cases printed
// one by one (-v); of the other, only the table was. Before the split, each
// issue's largest deviations had been listed once, so the other half is held
// out from tuning, not from sight. From the first half:
//
//   - What is unusual need not matter. A database that is a very significant
//     2 ms slower than months before outranked a service that lost 135 ms, until
//     sizes were compared along calls, and with how often a call is made.
//   - The alerts are about averages, and only averages show these faults: they
//     slow few requests a lot. With 95th percentiles most root causes show
//     nothing, and 3 of 13 come first instead of 10.
//   - Error series are nearly all zero, so their spread has to come from what
//     one failed request looks like in them.
//   - Where the fault shows in one point of five, or only in a client's view of
//     the service, nothing here finds it; those are the misses that remain.
//   - The recording of normal operation begins with an hour of failing requests,
//     which is the one false alarm.
//
// opensre was looked at as a whole: it led to the rule that a rise of
// connections alone names no cause. Storage, replication lag and failover are
// outside the metrics that Vigil reads. Nothing was set on NAB. The made incidents
// were written together with the ranking, the sandbox's world was not, so the
// latter is the better test of the two, though the ranking was corrected on it
// as well (young leaks, leaks that have filled the memory).
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

func main() {
	seeds := flag.Int("seeds", 200, "made incidents of each kind")
	verbose := flag.Bool("v", false, "print the recorded cases that may be looked at, one by one")
	flag.Parse()
	if err := run(os.Stdout, *seeds, *verbose); err != nil {
		fmt.Fprintln(os.Stderr, "eval:", err)
		os.Exit(1)
	}
}

func run(w io.Writer, seeds int, verbose bool) error {
	if err := evalSynthetic(w, seeds); err != nil {
		return err
	}
	if err := evalSandbox(w, seeds); err != nil {
		return fmt.Errorf("the sandbox's world: %w", err)
	}
	root, err := dataFolder()
	if err != nil {
		return err
	}
	for _, corpus := range []struct {
		name string
		eval func(w io.Writer, folder string, verbose bool) error
	}{
		{"petshop", evalPetShop}, {"opensre", evalOpenSRE}, {"nab", evalNAB},
	} {
		folder := filepath.Join(root, "telemetry", corpus.name)
		switch _, err := os.Stat(folder); {
		case errors.Is(err, fs.ErrNotExist):
			fmt.Fprintf(w, "\n%s: not measured, there is no %s (set VIGIL_TESTDATA to the folder that holds telemetry/)\n", corpus.name, folder)
			continue
		case err != nil:
			return fmt.Errorf("looking for %s: %w", corpus.name, err)
		}
		if err := corpus.eval(w, folder, verbose); err != nil {
			return fmt.Errorf("%s: %w", corpus.name, err)
		}
	}
	return nil
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
		if _, err := os.Stat(filepath.Join(at, "Taskfile.yml")); err == nil {
			return filepath.Join(at, "..", "shared", "data"), nil
		}
		if _, err := os.Stat(filepath.Join(at, "workflows", "incident")); err == nil {
			return filepath.Join(at, "..", "shared", "data"), nil
		}
		if filepath.Dir(at) == at {
			return "", fmt.Errorf("%s is not inside the repository; run eval there or set VIGIL_TESTDATA", dir)
		}
	}
}
