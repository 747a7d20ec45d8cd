package main

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"vigil/activities"
	"vigil/activities/awsconfig"
	"vigil/activities/cloudtrail"
	"vigil/activities/cloudwatch"
	"vigil/activities/cloudwatchlogs"
	"vigil/activities/rds"
	"vigil/activities/xray"
	"vigil/deploy/sandbox"
	"vigil/deploy/sandbox/world"
	"vigil/workflows/incident"
)

// TestOverTheWire holds the table to what the product sees: the same incidents,
// read by its own adapters over AWS's protocols, have the same first suspect.
func TestOverTheWire(t *testing.T) {
	t.Parallel()
	for i, f := range world.Faults {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			overTheWire(t, f, uint64(3+i))
		})
	}
}

func overTheWire(t *testing.T, f world.Fault, seed uint64) {
	const tick = 5 * time.Second
	var mu sync.Mutex
	now := time.Now().UTC().Truncate(time.Minute) // RDS and its load are asked for by the real clock
	clock := func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}
	s, err := sandbox.New(sandbox.Config{Tick: tick, Seed: seed, Varied: true, Now: clock, QueryTime: -1})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	w := s.World()
	step := func() {
		mu.Lock()
		now = now.Add(tick)
		mu.Unlock()
		w.AdvanceTo(clock())
	}
	if err := w.StartFault(f); err != nil {
		t.Fatal(err)
	}
	truth, _ := w.Truth()
	for w.State().Alarm.State != world.AlarmAlarm {
		step()
	}
	alarm := w.State().Alarm
	for range 8 {
		step()
	}

	cfg, err := awsconfig.Load(t.Context(), awsconfig.Options{Region: world.Region, Endpoint: s.URL(), AccessKeyID: "sandbox", SecretAccessKey: "sandbox"})
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := cloudwatch.New(cfg, cloudwatch.Config{Period: tick}, nil)
	if err != nil {
		t.Fatal(err)
	}
	logs, err := cloudwatchlogs.New(cfg, cloudwatchlogs.Config{PollMin: time.Millisecond}, nil)
	if err != nil {
		t.Fatal(err)
	}
	a := &activities.Activities{Settings: incident.DefaultSettings(), Metrics: metrics, Logs: logs, Changes: cloudtrail.New(cfg, nil),
		Topology: xray.New(cfg, nil), Database: rds.New(cfg, nil)}
	const lookback = 15 * time.Minute
	q := question{alerting: alarm.Service, from: alarm.Since.Add(-lookback), baselineTo: alarm.Since.Add(-lookback / 2), startedAt: alarm.Since, to: clock()}
	var edges []incident.Edge
	for _, svc := range w.Services() {
		for _, c := range svc.Calls {
			edges = append(edges, incident.Edge{From: svc.Name, To: c})
		}
	}
	q.services = activities.Scope(edges, alarm.Service, maxScope)
	got, evidence, err := investigate(t.Context(), a, q)
	if err != nil {
		t.Fatal(err)
	}
	c := lookAt(w, alarm, clock())
	direct, _, err := investigate(t.Context(), c.ports, c.question)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("truth %v; wire %s; direct %s", truth, firstOf(got), firstOf(direct))
	if len(got) == 0 || len(direct) == 0 || got[0].Service != direct[0].Service || got[0].Cause != direct[0].Cause {
		t.Errorf("over the wire %s, directly %s; the truth is %v", firstOf(got), firstOf(direct), truth)
	}
	for _, e := range evidence {
		kind, _ := w.KindOf(e.Service)
		if e.Provenance.Origin != incident.OriginSimulated && e.Provenance.Service != "" {
			t.Errorf("%s is of %+v", e.Title, e.Provenance)
		}
		if e.Kind == incident.EvidenceMetric && e.Found != (kind != world.KindExternal) ||
			e.Kind == incident.EvidenceDatabaseLoad && e.Found != (kind == world.KindDatabase) {
			t.Errorf("%s of the %s: found is %v", e.Title, kind, e.Found)
		}
		if e.Kind == incident.EvidenceMetric && kind == world.KindDatabase && !slices.ContainsFunc(e.Series, func(s incident.Series) bool { return s.Metric == incident.MetricFreeStorage }) {
			t.Errorf("%s: no free storage", e.Title)
		}
	}
}
