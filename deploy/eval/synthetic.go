package main

import (
	"context"
	"io"
	"time"

	"vigil/activities/rca"
	"vigil/activities/rca/synthetic"
	"vigil/workflows/incident"
)

// evalSynthetic asks for service and cause of made incidents, at the ticks of
// tests and of a development world.
func evalSynthetic(_ context.Context, w io.Writer, _ string, o options) ([]*row, error) {
	var rows []*row
	for _, tick := range []time.Duration{time.Second, 5 * time.Second} {
		for _, cause := range append([]incident.Cause{""}, synthetic.Causes...) {
			name := string(cause)
			if cause == "" {
				name = "healthy"
			}
			line := &row{set: name + ", point every " + tick.String(), answered: statistics}
			for i := range uint64(o.seeds) {
				c := synthetic.New(synthetic.Config{Cause: cause, Tick: tick, Seed: o.seedFrom + i})
				began := time.Now()
				suspects := rca.Rank(c.Input)
				line.add(question{service: c.Service, cause: c.Cause}, answer{suspects: suspects, took: time.Since(began)}, true)
			}
			rows = append(rows, line)
		}
	}
	return rows, nil
}
