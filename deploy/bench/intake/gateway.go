package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"vigil/deploy/processes"
)

// Gateway is the load on Vigil as a whole.
type Gateway struct {
	Acks
	Machine    Machine            `json:"machine"`
	LoadAfter  string             `json:"load_after"` // of the machine, when the load had ended
	CPUMS      map[string]float64 `json:"cpu_ms_per_delivery"`
	Backlog    Backlog            `json:"backlog"`
	Memory     *Memory            `json:"memory,omitempty"` // nil: the load was too short, or the system does not tell
	Deliveries Deliveries         `json:"deliveries"`
	Alerts     Found              `json:"alerts"`
	Incidents  Incidents          `json:"incidents"`
	Dispatches map[string]int64   `json:"dispatches"` // by outcome
}

// Backlog is deliveries and dispatches that wait.
type Backlog struct {
	Most         int64   `json:"most"` // seen during the load, once a second
	AtEnd        int64   `json:"at_end"`
	EmptySeconds float64 `json:"empty_seconds"` // from the end of the load
	Left         int64   `json:"left"`          // 0, unless patience ended
}

// Memory is the gateway's resident memory.
type Memory struct {
	EarlyMB float64 `json:"early_mb"` // median of the 20th to 30th second
	LateMB  float64 `json:"late_mb"`  // median of the last ten seconds of the load
	MostMB  float64 `json:"most_mb"`
}

// Deliveries is what became of them.
type Deliveries struct {
	Poisoned    int64 `json:"poisoned"`
	Quarantined int64 `json:"quarantined"`
}

// measureGateway puts the load on Vigil and then looks at what came of it.
func (r *Report) measureGateway(ctx context.Context, o options, l *load, dir string) (err error) {
	s, err := newStack(o, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.start(ctx, processes.Temporal, processes.NATS); err != nil {
		return err
	}
	working := []string{processes.Sandbox, processes.Worker}
	if o.worker {
		if err := s.start(ctx, working...); err != nil {
			return err
		}
	}
	if err := s.start(ctx, processes.Gateway); err != nil {
		return err
	}
	c := client{s.GatewayURL(), s.token}
	g := &r.Gateway
	ended, err := g.underLoad(ctx, o, l, s, c)
	if err != nil {
		return err
	}
	in, err := drained(ctx, c)
	if err != nil {
		return fmt.Errorf("wait until nothing waits: %w", err)
	}
	g.Backlog.EmptySeconds, g.Backlog.Left = time.Since(ended).Seconds(), in.backlog()
	g.Deliveries, g.Dispatches = Deliveries{in.poisoned, in.quarantined}, in.settled
	if !o.worker {
		if err := s.start(ctx, working...); err != nil {
			return err
		}
	}
	t, err := dialTemporal(ctx, s.TemporalAddr)
	if err != nil {
		return err
	}
	defer t.Close()
	if g.Alerts, err = readBack(ctx, c, l, t); err != nil {
		return fmt.Errorf("read the alerts back: %w", err)
	}
	g.Incidents, err = readHistories(ctx, t)
	return err
}

// underLoad posts and looks on, and returns when the load ended.
func (g *Gateway) underLoad(ctx context.Context, o options, l *load, s *stack, c client) (time.Time, error) {
	names := []string{processes.Gateway, processes.Temporal, processes.NATS, processes.Worker}
	before := map[string]cpu{}
	for _, name := range names {
		before[name] = cpuOf(s.pid(name))
	}
	looking, done := context.WithCancel(ctx)
	var samples []sample
	looked := make(chan struct{})
	go func() {
		samples = watch(looking, c, s.pid(processes.Gateway))
		close(looked)
	}()
	a, machine, err := posting(ctx, l, s.GatewayAddr, s.token, s.dir, o.conns)
	done()
	<-looked
	if err != nil {
		return time.Time{}, err
	}
	g.Acks, g.Machine, g.LoadAfter, g.CPUMS = newAcks(a), machine, loadAverage(), map[string]float64{}
	for _, name := range names {
		if v := before[name].per(cpuOf(s.pid(name)), len(l.order)); v != nil {
			g.CPUMS[name] = *v
		}
	}
	for _, one := range samples {
		g.Backlog.Most, g.Backlog.AtEnd = max(g.Backlog.Most, one.backlog), one.backlog
	}
	g.Memory = memoryOf(samples, a.took)
	return a.ended, nil
}

// memoryOf compares the memory at the end of a load with that near its start.
func memoryOf(samples []sample, took time.Duration) *Memory {
	const from, to, last = 20 * time.Second, 30 * time.Second, 10 * time.Second
	var early, late, all []int64
	for _, s := range samples {
		if s.rss == 0 {
			return nil
		}
		all = append(all, s.rss)
		if s.at >= from && s.at <= to {
			early = append(early, s.rss)
		}
		if s.at > took-last {
			late = append(late, s.rss)
		}
	}
	if took < to+last || len(early) == 0 || len(late) == 0 {
		return nil
	}
	return &Memory{EarlyMB: medianMB(early), LateMB: medianMB(late), MostMB: float64(slices.Max(all)) / (1 << 20)}
}

func medianMB(v []int64) float64 {
	slices.Sort(v)
	return float64(v[len(v)/2]) / (1 << 20)
}
