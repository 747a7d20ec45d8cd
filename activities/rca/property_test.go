package rca_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"vigil/activities/rca"
	"vigil/activities/rca/synthetic"
	"vigil/workflows/incident"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

// TestUnits holds that traffic counts by its relations alone: a minute of it for
// a second gives the same answer.
func TestUnits(t *testing.T) {
	for seed := range uint64(4) {
		c := synthetic.New(synthetic.Config{Cause: synthetic.Causes[seed%3], Tick: 5 * time.Second, Seed: 300 + seed})
		want := rca.Rank(c.Input)
		in := c.Input
		in.Series = slices.Clone(in.Series)
		for i, s := range in.Series {
			if s.Metric != incident.MetricRequestRate {
				continue
			}
			s.Points = slices.Clone(s.Points)
			for k := range s.Points {
				s.Points[k].Value *= 60 // a minute
			}
			in.Series[i] = s
		}
		got := rca.Rank(in)
		if len(got) == 0 || got[0].Service != want[0].Service || got[0].Cause != want[0].Cause {
			t.Errorf("seed %d: got %+v, want %+v", seed, got, want)
		}
	}
}

// TestSilence holds that a service of which nothing is measured or logged is no
// suspect for that, and that healthy telemetry never makes one notable,
// whatever is missing of it.
func TestSilence(t *testing.T) {
	for seed := range uint64(4) {
		healthy := synthetic.New(synthetic.Config{Tick: 5 * time.Second, Seed: 500 + seed}).Input
		sick := synthetic.New(synthetic.Config{Cause: synthetic.Causes[seed%3], Tick: 5 * time.Second, Seed: 500 + seed}).Input
		for _, e := range synthetic.Edges {
			without := func(in rca.Input) rca.Input {
				in.Series = slices.DeleteFunc(slices.Clone(in.Series), func(s rca.Series) bool { return s.Service == e.To })
				in.Changes = slices.DeleteFunc(slices.Clone(in.Changes), func(c rca.Change) bool { return c.Service == e.To })
				in.Logs = nil
				return in
			}
			if got := rca.Rank(without(healthy)); len(got) > 0 && got[0].Score >= rca.Notable {
				t.Errorf("seed %d without %s: %+v", seed, e.To, got[0])
			}
			for _, s := range rca.Rank(without(sick)) {
				if s.Service == e.To {
					t.Errorf("seed %d: %s is suspected for its silence: %+v", seed, e.To, s)
				}
			}
		}
	}
}

// FuzzRank holds for whatever evidence can be written as JSON: no panic, scores
// within bounds, and no suspect that is named without a reason.
func FuzzRank(f *testing.F) {
	c := synthetic.New(synthetic.Config{Cause: incident.CauseMemoryLeak, Tick: 5 * time.Second, Seed: 1})
	var evidence []incident.Evidence
	for _, s := range c.Input.Series[:6] {
		s.Points = s.Points[:40]
		evidence = append(evidence, incident.Evidence{ID: "E1", Kind: incident.EvidenceMetric, Found: true, Series: []incident.Series{s.Series}})
	}
	evidence = append(evidence, incident.Evidence{ID: "E2", Kind: incident.EvidenceEvents, Service: "orders", Found: true,
		Events: []incident.SystemEvent{{At: at(3), Resource: "orders-1", Category: "BackOff", Message: "Back-off restarting failed container"}}},
		incident.Evidence{ID: "E3", Kind: incident.EvidenceDatabaseLoad, Service: "orders-db", Found: true,
			Load: &incident.DatabaseLoad{Average: 4, Peak: 9, CPUs: 2, Statements: []incident.Statement{{SQL: "select *", Load: 3}}}},
		incident.Evidence{ID: "E4", Kind: incident.EvidenceTopology, Found: true, Edges: synthetic.Edges})
	seed, err := json.Marshal(evidence)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed, "checkout", int64(300))
	f.Add([]byte(`[{"id":"E1","kind":"metric","series":[{"service":"a","metric":"free_storage_bytes","points":[[1,1],[2,-1],[3,1e300]]}]}]`), "a", int64(-1))
	f.Add([]byte(`[]`), "", int64(0))
	f.Fuzz(func(t *testing.T, raw []byte, alerting string, startedS int64) {
		var evidence []incident.Evidence
		if json.Unmarshal(raw, &evidence) != nil {
			return
		}
		started := noon.Add(time.Duration(startedS%(1<<20)) * time.Second)
		in := rca.FromEvidence(evidence, alerting, started, started.Add(-time.Minute))
		for _, s := range rca.Rank(in) {
			if !(s.Score > 0 && s.Score <= 1) || len(s.Reasons) == 0 {
				t.Fatalf("suspect %+v", s)
			}
		}
		if ok, why := rca.Healthy(in); why == "" {
			t.Fatalf("healthy %v, and no reason", ok)
		}
		rca.Spread(in, alerting)
	})
}
