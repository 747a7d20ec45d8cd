package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// testEvent is a line of `go test -json`.
type testEvent struct {
	Action      string
	Package     string
	Test        string
	Output      string
	ImportPath  string // of build-output and build-fail
	FailedBuild string
}

// goTest runs `go test` in dir and counts. Output of tests that passed is not
// shown.
func (r *runner) goTest(dir string, args ...string) (tally, error) {
	cmd := r.command(dir, "go", append([]string{"test", "-json"}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return tally{}, err
	}
	cmd.Stderr = r.out
	if err := cmd.Start(); err != nil {
		return tally{}, err
	}
	t, err := countGoTest(out, r.out)
	if err != nil {
		return t, errors.Join(err, cmd.Wait())
	}
	if err := cmd.Wait(); err != nil {
		return t, fmt.Errorf("go test: %w", err)
	}
	return t, nil
}

// countGoTest reads the events of a run, shows what a person has to see, and
// counts tests and subtests. A package that fails without a failed test (it
// does not build, it crashed, TestMain failed) is one failure.
func countGoTest(events io.Reader, show io.Writer) (tally, error) {
	var t tally
	output := map[[2]string][]string{} // of each package and test
	failedIn := map[string]int{}
	lines := bufio.NewReader(events)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if err != nil {
			return t, fmt.Errorf("read the output of go test: %w", err)
		}
		var e testEvent
		if json.Unmarshal(line, &e) != nil {
			fmt.Fprintf(show, "%s", line) // not an event: printed by the tool chain
			continue
		}
		key := [2]string{e.Package, e.Test}
		switch e.Action {
		case "output":
			output[key] = append(output[key], e.Output)
			if e.Test == "" && worthShowing(e.Output) {
				fmt.Fprint(show, e.Output)
			}
		case "build-output":
			fmt.Fprint(show, e.Output)
		case "pass", "skip":
			if e.Test != "" && e.Action == "pass" {
				t.passed++
			} else if e.Test != "" {
				t.skipped = append(t.skipped, e.Package+"."+e.Test)
			}
			delete(output, key)
		case "fail":
			if e.Test != "" {
				t.failed++
				failedIn[e.Package]++
				fmt.Fprint(show, strings.Join(output[key], ""))
				delete(output, key)
				continue
			}
			if failedIn[e.Package] == 0 {
				t.failed++
				showUnfinished(show, output, e.Package)
			}
		}
	}
}

// showUnfinished prints what the tests of a package said that never ended.
func showUnfinished(show io.Writer, output map[[2]string][]string, pkg string) {
	var keys [][2]string
	for key := range output {
		if key[0] == pkg {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b [2]string) int { return strings.Compare(a[1], b[1]) })
	for _, key := range keys {
		fmt.Fprint(show, strings.Join(output[key], ""))
	}
}

// worthShowing are the summary lines of packages that have tests.
func worthShowing(line string) bool {
	return strings.HasPrefix(line, "ok ") || strings.HasPrefix(line, "FAIL\t") || strings.HasPrefix(line, "panic:")
}
