package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// vitestReport is what of Vitest's JSON report is needed.
type vitestReport struct {
	NumPassedTests      int
	NumFailedTests      int
	NumPendingTests     int
	NumFailedTestSuites int
	Success             bool
}

// vitest runs the tests of the dashboards that args choose, and counts by
// Vitest's own report.
func (r *runner) vitest(args ...string) (tally, error) {
	dir, err := os.MkdirTemp("", "vigil-vitest")
	if err != nil {
		return tally{}, err
	}
	report := filepath.Join(dir, "report.json")
	command := append([]string{"npx", "--no-install", "vitest", "run", "--reporter=default", "--reporter=json", "--outputFile.json=" + report}, args...)
	runErr := r.sh("web", command)
	raw, err := os.ReadFile(report)
	if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
		return tally{}, errors.Join(runErr, err)
	}
	t, err := countVitest(raw)
	return t, errors.Join(runErr, err)
}

func countVitest(raw []byte) (tally, error) {
	var rep vitestReport
	if err := json.Unmarshal(raw, &rep); err != nil {
		return tally{}, fmt.Errorf("read Vitest's report: %w", err)
	}
	t := tally{passed: rep.NumPassedTests, failed: rep.NumFailedTests}
	if rep.NumPendingTests > 0 {
		t.skipped = append(t.skipped, fmt.Sprintf("%d of the dashboards", rep.NumPendingTests))
	}
	if t.failed == 0 && !rep.Success {
		t.failed = max(1, rep.NumFailedTestSuites) // files that could not be loaded
	}
	if t.failed == 0 && t.passed == 0 {
		return t, errors.New("no tests were found by Vitest")
	}
	return t, nil
}
