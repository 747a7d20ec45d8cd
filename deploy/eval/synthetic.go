package main

import (
	"fmt"
	"io"
	"time"

	"vigil/activities/rca"
	"vigil/activities/rca/synthetic"
	"vigil/workflows/incident"
)

// evalSynthetic measures service and cause on made incidents, at the ticks of
// tests and of a development world.
func evalSynthetic(w io.Writer, seeds int) error {
	if seeds < 1 {
		return fmt.Errorf("seeds is %d; use 1 or more", seeds)
	}
	const services = 8
	var cases []scored
	fmt.Fprintf(w, "Made incidents, seeds 0 to %d: the right service with the right cause, first\n", seeds-1)
	for _, tick := range []time.Duration{time.Second, 5 * time.Second} {
		for _, cause := range append([]incident.Cause{""}, synthetic.Causes...) {
			right := 0
			for seed := range uint64(seeds) {
				c := synthetic.New(synthetic.Config{Cause: cause, Tick: tick, Seed: seed})
				cases = append(cases, scored{input: c.Input, service: c.Service, cause: c.Cause, candidates: services})
				if r := rca.Rank(c.Input); cause != "" && len(r) > 0 && r[0].Service == c.Service && r[0].Cause == c.Cause {
					right++
				}
			}
			if cause != "" {
				fmt.Fprintf(w, "  %-3s %-22s %4d of %d\n", tick, cause, right, seeds)
			}
		}
	}
	table(w, "Made incidents, the service alone", cases)
	return nil
}
