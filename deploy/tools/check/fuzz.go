package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// fuzzed are the packages that read what strangers send; targets elsewhere run
// with their seeds, as tests.
const fuzzed = "./gateway/..."

// target is one fuzz target. `go test` fuzzes one at a time.
type target struct{ pkg, name string }

// fuzz gives each target some time to find an input that it cannot bear. What
// one finds is written to the package's testdata/fuzz, where it is a test from then on.
func (r *runner) fuzz(each time.Duration) (tally, error) {
	var t tally
	list := r.command("", "go", "test", "-json", "-list", "^Fuzz", fuzzed)
	out, err := list.Output()
	if err != nil {
		return t, fmt.Errorf("list the fuzz targets of %s: %w", fuzzed, err)
	}
	targets, err := fuzzTargets(bytes.NewReader(out))
	if err == nil && len(targets) == 0 {
		err = fmt.Errorf("%s has no fuzz targets", fuzzed)
	}
	if err != nil {
		return t, err
	}
	var failed []string
	for _, one := range targets {
		out, err := r.fuzzOne(one, each)
		if err != nil && unfinished(out) {
			out, err = r.fuzzOne(one, each)
		}
		if err != nil {
			fmt.Fprintf(r.out, "%s\n", out)
			failed = append(failed, one.name)
			t.failed++
			continue
		}
		fmt.Fprintf(r.out, "ok  \t%s\t%s\n", one.name, lastProgress(out))
		t.passed++
	}
	if len(failed) > 0 {
		return t, errors.New("fuzzing found something: " + strings.Join(failed, ", "))
	}
	return t, nil
}

func (r *runner) fuzzOne(one target, each time.Duration) ([]byte, error) {
	return r.command("", "go", "test", "-run", "^$", "-fuzz", "^"+one.name+"$", "-fuzztime", each.String(), one.pkg).CombinedOutput()
}

// fuzzTargets reads the names that `go test -json -list` prints.
func fuzzTargets(events io.Reader) (list []target, err error) {
	lines := bufio.NewScanner(events)
	for lines.Scan() {
		var e testEvent
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("the list of fuzz targets has %q: %w", lines.Text(), err)
		}
		if name := strings.TrimSpace(e.Output); e.Action == "output" && strings.HasPrefix(name, "Fuzz") {
			list = append(list, target{e.Package, name})
		}
	}
	return list, lines.Err()
}

// unfinished reports whether fuzzing failed only because its time was up while
// an input was tried: on a busy machine the tool chain takes that for a failure.
func unfinished(out []byte) bool {
	return bytes.Contains(out, []byte("context deadline exceeded")) && !bytes.Contains(out, []byte("Failing input written to"))
}

// lastProgress is what the fuzzer said last of how far it came.
func lastProgress(out []byte) string {
	said := ""
	for _, line := range strings.Split(string(out), "\n") {
		if text, ok := strings.CutPrefix(line, "fuzz: elapsed: "); ok && strings.Contains(text, "execs") {
			said = text
		}
	}
	return said
}
