package rca_test

import (
	"testing"
	"time"

	"vigil/activities/rca"
	"vigil/workflows/incident"
)

func TestDescribeLogs(t *testing.T) {
	for _, tc := range []struct {
		name    string
		in      []incident.LogPattern
		finding string
		strong  bool
	}{
		{"none", nil, "no log lines", false},
		{"the usual", []incident.LogPattern{{Level: "INFO", Template: "served", Count: 100, Baseline: 90}}, "no new error patterns", false},
		{"a new line that is no error", []incident.LogPattern{{Level: "INFO", Template: "starting", Count: 5}}, "no new error patterns", false},
		{"an error as common as before", []incident.LogPattern{{Level: "ERROR", Template: "declined", Count: 9, Baseline: 8}}, "no new error patterns", false},
		{"a new error", []incident.LogPattern{{Level: "ERROR", Template: "boom", Count: 34}}, `new: "boom" ×34`, true},
		{"more of an error", []incident.LogPattern{{Level: "ERROR", Template: "boom", Count: 80, Baseline: 4}}, `"boom" ×80, before ×4`, true},
		{"two", []incident.LogPattern{{Template: "task failed", Count: 10}, {Level: "ERROR", Template: "boom", Count: 34}},
			`new: "boom" ×34, and 1 more new error patterns`, true},
		{"no level", []incident.LogPattern{{Template: "FATAL: remaining connection slots are reserved", Count: 10}},
			`new: "FATAL: remaining connection slots are reserved" ×10`, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, s := rca.DescribeLogs(tc.in)
			if f != tc.finding || tc.strong != (s > 0.5) || s > 1 {
				t.Errorf("got %q, %v; want %q", f, s, tc.finding)
			}
		})
	}
}

func TestDescribeChanges(t *testing.T) {
	ago := func(d time.Duration, kind string) []incident.Change {
		return []incident.Change{{Service: "checkout", Kind: kind, Version: "v9", At: noon.Add(-d)}}
	}
	for _, tc := range []struct {
		name        string
		in          []incident.Change
		finding     string
		least, most float64
	}{
		{"none", nil, "no changes", 0, 0},
		{"just before", ago(time.Minute, "deployment"), "deployment v9 at 11:59:00, 1m0s before the alert", 0.7, 0.7},
		{"just after", ago(-20*time.Second, "deployment"), "deployment v9 at 12:00:20, 20s after the alert", 0.7, 0.7},
		{"half an hour before", ago(30*time.Minute, "deployment"), "deployment v9 at 11:30:00, 30m0s before the alert", 0.01, 0.1},
		{"yesterday", ago(24*time.Hour, "deployment"), "no change shortly before", 0, 0},
		{"long after", ago(-time.Hour, "deployment"), "no change shortly before", 0, 0},
		{"scaling follows", ago(time.Minute, "scaling"), "no change shortly before", 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if f, s := rca.DescribeChanges(tc.in, noon); f != tc.finding || s < tc.least || s > tc.most {
				t.Errorf("got %q, %v; want %q", f, s, tc.finding)
			}
		})
	}
}
