package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestCountGoTest(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, events   string
		passed, failed int
		skipped        int
		shows, hides   string
	}{
		{name: "passes", passed: 2, hides: "noise", shows: "ok  \ta", events: `
{"Action":"run","Package":"a","Test":"T"}
{"Action":"output","Package":"a","Test":"T","Output":"noise\n"}
{"Action":"pass","Package":"a","Test":"T/sub"}
{"Action":"pass","Package":"a","Test":"T"}
{"Action":"output","Package":"a","Output":"ok  \ta\t0.1s\n"}
{"Action":"pass","Package":"a"}`},
		{name: "fails", passed: 1, failed: 1, shows: "wrong answer", events: `
{"Action":"output","Package":"a","Test":"T","Output":"wrong answer\n"}
{"Action":"fail","Package":"a","Test":"T"}
{"Action":"pass","Package":"a","Test":"U"}
{"Action":"fail","Package":"a"}`},
		{name: "does not build", failed: 1, shows: "undefined: x", events: `
{"ImportPath":"a","Action":"build-output","Output":"undefined: x\n"}
{"ImportPath":"a","Action":"build-fail"}
{"Action":"fail","Package":"a","FailedBuild":"a"}`},
		{name: "crashes", failed: 1, shows: "last words", events: `
{"Action":"output","Package":"a","Test":"T","Output":"last words\n"}
{"Action":"fail","Package":"a"}`},
		{name: "skips", skipped: 1, events: `
{"Action":"skip","Package":"a","Test":"T"}
{"Action":"skip","Package":"b"}`},
		{name: "is not JSON", passed: 1, shows: "go: downloading", events: "go: downloading x\n" +
			`{"Action":"pass","Package":"a","Test":"T"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var show bytes.Buffer
			got, err := countGoTest(strings.NewReader(strings.TrimSpace(tc.events)+"\n"), &show)
			if err != nil {
				t.Fatal(err)
			}
			if got.passed != tc.passed || got.failed != tc.failed || len(got.skipped) != tc.skipped {
				t.Errorf("counted %+v, want %d passed, %d failed, %d skipped", got, tc.passed, tc.failed, tc.skipped)
			}
			if !strings.Contains(show.String(), tc.shows) || (tc.hides != "" && strings.Contains(show.String(), tc.hides)) {
				t.Errorf("showed %q, want %q and not %q", show.String(), tc.shows, tc.hides)
			}
		})
	}
}

func TestCountVitest(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, report   string
		passed, failed int
		wantErr        bool
	}{
		{"passes", `{"numPassedTests":7,"success":true}`, 7, 0, false},
		{"fails", `{"numPassedTests":6,"numFailedTests":1}`, 6, 1, false},
		{"does not load", `{"numPassedTests":6,"numFailedTestSuites":2,"success":false}`, 6, 2, false},
		{"finds none", `{"success":true}`, 0, 0, true},
		{"is no report", `<html>`, 0, 0, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := countVitest([]byte(tc.report))
			if (err != nil) != tc.wantErr || got.passed != tc.passed || got.failed != tc.failed {
				t.Errorf("counted %+v, %v", got, err)
			}
		})
	}
}

func TestEveryFailureIsCounted(t *testing.T) {
	t.Parallel()
	r := &runner{ctx: t.Context(), out: io.Discard}
	r.do(check{name: "fine", run: func() (tally, error) { return tally{}, nil }})
	r.do(check{name: "tests", run: func() (tally, error) { return tally{passed: 3}, nil }})
	r.do(check{name: "broken", run: func() (tally, error) { return tally{}, errors.New("no") }})
	r.do(check{name: "both", run: func() (tally, error) { return tally{passed: 1, failed: 2}, errors.New("exit status 1") }})
	if r.total.passed != 5 || r.total.failed != 3 || strings.Join(r.broken, " ") != "broken both" {
		t.Errorf("total is %+v, broken %v", r.total, r.broken)
	}
}

func TestInterruptedChecksFail(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := &runner{ctx: ctx, out: io.Discard}
	r.do(check{name: "late", run: func() (tally, error) { t.Error("it ran"); return tally{}, nil }})
	if r.total.failed != 1 {
		t.Errorf("total is %+v", r.total)
	}
}
