package main

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"vigil/activities/rca"
	"vigil/deploy/sandbox/world"
	"vigil/workflows/incident"
)

// TestSandboxIncidents holds that each fault of the sandbox is told from the
// others, and that a healthy world gives no suspect.
func TestSandboxIncidents(t *testing.T) {
	for _, f := range append([]world.Fault{""}, world.Faults...) {
		for _, tick := range []time.Duration{time.Second, 5 * time.Second} {
			for seed := range uint64(2) {
				got, err := sandboxIncident(tick, seed, f)
				if err != nil {
					t.Fatal(err)
				}
				switch {
				case f == "" && len(got) > 0 && got[0].Score >= rca.Notable,
					f != "" && (len(got) == 0 || got[0].Service != truth[f] || got[0].Cause != incident.Cause(f)):
					t.Errorf("%q at %s, seed %d: got %+v", f, tick, seed, got)
				}
			}
		}
	}
}

// TestSandboxRecovery holds that the remedy is seen to help, and that nothing
// else is.
func TestSandboxRecovery(t *testing.T) {
	const tick = 5 * time.Second
	remedy := map[world.Fault]string{world.FaultBadDeployment: world.DocumentRollback,
		world.FaultConnectionsExhausted: world.DocumentScale, world.FaultMemoryLeak: world.DocumentRestart}
	for _, f := range world.Faults {
		for _, right := range []bool{true, false} {
			for seed := range uint64(2) {
				now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
				w, err := world.New(world.Config{Tick: tick, Seed: seed}, now)
				if err != nil {
					t.Fatal(err)
				}
				if err := w.StartFault(f); err != nil {
					t.Fatal(err)
				}
				advance := func(n int) {
					now = now.Add(time.Duration(n) * tick)
					w.AdvanceTo(now)
				}
				advance(30)
				document, service := remedy[f], truth[f]
				if !right {
					document, service = world.DocumentRestart, world.Catalog
				}
				if _, err := w.StartAutomation(document, map[string][]string{"Service": {service}}, nil, ""); err != nil {
					t.Fatal(err)
				}
				acted, began := now, now.Add(-30*tick)
				if s := measure(w, began, acted, now, false).State; s != incident.VerificationUnknown {
					t.Errorf("%s, seed %d: %s before there is a point", f, seed, s)
				}
				took := 0
				for took < 25 && measure(w, began, acted, now, false).State != incident.VerificationHelped {
					advance(1)
					took++
				}
				if v := measure(w, began, acted, now, true); right != (v.State == incident.VerificationHelped) || !right && v.State != incident.VerificationNotHelped {
					t.Errorf("%s, seed %d, right remedy %v: %s after %d points: %s", f, seed, right, v.State, took, v.Detail)
				}
			}
		}
	}
}

func measure(w *world.World, began, acted, now time.Time, final bool) incident.Verification {
	var all []incident.Series
	for _, s := range world.Services() {
		all = append(all, metrics(w, s.Name, began.Add(-15*time.Minute), now)...)
	}
	return rca.Verify(nil, all, rca.Recovery{BaselineTo: began, ActedAt: acted, Needed: 3, Final: final})
}

// TestNoData holds that eval runs, and says what it could not measure, where
// the recorded incidents are not there.
func TestNoData(t *testing.T) {
	t.Setenv("VIGIL_TESTDATA", t.TempDir())
	var out bytes.Buffer
	if err := run(&out, 1, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"petshop: not measured", "opensre: not measured", "nab: not measured", "of 1"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, &out)
		}
	}
}

func TestZScore(t *testing.T) {
	at := func(i int) time.Time { return time.Unix(int64(i), 0) }
	points := func(v ...float64) (out []incident.Point) {
		for i, x := range v {
			out = append(out, incident.Point{At: at(i), Value: x})
		}
		return out
	}
	for _, tc := range []struct {
		name   string
		points []incident.Point
		want   float64
		ok     bool
	}{
		{"two deviations", points(1, -1, 1, -1, 2), 2, true},
		{"constant past", points(1, 1, 1, 1, 2), 0, false},
		{"nothing after", points(1, 2, 3, 4), 0, false},
		{"no past", nil, 0, false},
	} {
		if z, ok := zScore(tc.points, at(3)); ok != tc.ok || math.Abs(z-tc.want) > 1e-9 {
			t.Errorf("%s: got %v, %v; want %v, %v", tc.name, z, ok, tc.want, tc.ok)
		}
	}
}

func TestTable(t *testing.T) {
	s := incident.Series{Service: "b", Metric: incident.MetricLatency}
	for i := range 40 {
		v := 100 + float64(i%5)
		if i >= 30 {
			v = 900
		}
		s.Points = append(s.Points, incident.Point{At: time.Unix(int64(i), 0), Value: v})
	}
	in := rca.Input{Alerting: "a", StartedAt: time.Unix(29, 0), Series: []rca.Series{{Series: s}}}
	var out bytes.Buffer
	table(&out, "t", []scored{{input: in, service: "b", candidates: 4}, {input: in, service: "a", candidates: 4}, {input: rca.Input{}}})
	for method, want := range map[string]string{
		"rank": "2   50.0%   50.0%   0.500             0 of 1", "largest z-score": "2   50.0%   50.0%   0.500             0 of 1",
		"alerting service": "2   50.0%   50.0%   0.500                  -", "random (expected)": "2   25.0%   75.0%   0.521                  -",
	} {
		found := false
		for line := range strings.Lines(out.String()) {
			found = found || strings.HasPrefix(strings.TrimSpace(line), method) && strings.HasSuffix(strings.TrimRight(line, "\n"), want)
		}
		if !found {
			t.Errorf("no %q with %q in:\n%s", method, want, &out)
		}
	}
}
