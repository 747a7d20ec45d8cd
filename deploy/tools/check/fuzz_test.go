package main

import (
	"slices"
	"strings"
	"testing"
)

func TestFuzzTargets(t *testing.T) {
	t.Parallel()
	got, err := fuzzTargets(strings.NewReader(`{"Action":"start","Package":"a"}
{"Action":"output","Package":"a","Output":"FuzzOne\n"}
{"Action":"output","Package":"a","Output":"ok  \ta\t0.01s\n"}
{"Action":"output","Package":"b","Output":"?   \tb\t[no test files]\n"}
{"Action":"output","Package":"c","Output":"FuzzTwo\n"}
{"Action":"pass","Package":"c"}`))
	if want := []target{{"a", "FuzzOne"}, {"c", "FuzzTwo"}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v (%v), want %v", got, err, want)
	}
	if _, err := fuzzTargets(strings.NewReader("go: no such package")); err == nil {
		t.Error("what is no list was read as one")
	}
}

func TestUnfinishedFuzzing(t *testing.T) {
	t.Parallel()
	for out, want := range map[string]bool{
		"--- FAIL: FuzzOne (2.01s)\n    context deadline exceeded\nFAIL":                                      true,
		"--- FAIL: FuzzOne (0.5s)\n    context deadline exceeded\n    Failing input written to testdata/fuzz": false,
		"--- FAIL: FuzzOne (0.5s)\n    panic: boom\n    Failing input written to testdata/fuzz":               false,
		"build failed": false,
	} {
		if got := unfinished([]byte(out)); got != want {
			t.Errorf("%q: %v", out, got)
		}
	}
	said := lastProgress([]byte("fuzz: elapsed: 0s, gathering baseline coverage: 0/4 completed\nfuzz: elapsed: 3s, execs: 1000 (300/sec), new interesting: 1 (total: 5)\nPASS\n"))
	if want := "3s, execs: 1000 (300/sec), new interesting: 1 (total: 5)"; said != want {
		t.Errorf("said %q, want %q", said, want)
	}
}
