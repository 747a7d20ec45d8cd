// Command simulate measures how often the intervals of package analytics hold
// the true mean of log-normal data, prints it, and writes it to a file.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"sync"

	"vigil/gateway/analytics"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	out := flag.String("out", "", "`file` to write; empty only prints")
	trials := flag.Int("trials", 10_000, "samples of each size")
	flag.Parse()
	c := analytics.MeasuredCoverage()
	c.Made = "go generate ./gateway/analytics: samples of log-normal values, and the share of their intervals that hold the true mean"
	c.Trials, c.Sigma = *trials, analytics.CoverageSigma
	c.Resamples, c.Level = analytics.Resamples, analytics.Level
	c.Measured = make([]analytics.CoverageSize, len(analytics.CoverageSizes))
	var wg sync.WaitGroup
	for i, n := range analytics.CoverageSizes {
		wg.Go(func() {
			share := analytics.MeasureCoverage(n, *trials, c.Sigma, 1)
			c.Measured[i] = analytics.CoverageSize{N: n, Share: math.Round(1000*share) / 1000}
		})
	}
	wg.Wait()
	for _, m := range c.Measured {
		fmt.Printf("n = %3d: %.3f\n", m.N, m.Share)
	}
	if *out == "" {
		return nil
	}
	raw, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("simulate: encode: %w", err)
	}
	if err := os.WriteFile(*out, append(raw, '\n'), 0o644); err != nil {
		return fmt.Errorf("simulate: write what was measured: %w", err)
	}
	return nil
}
