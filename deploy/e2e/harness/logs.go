package harness

import (
	"os"
	"strings"
)

// tailLines is how much of each log a failed test shows.
const tailLines = 120

// report shows the end of a part's log where the test failed, and fails it
// where the race detector spoke.
func (v *Vigil) report(name string) {
	raw, err := os.ReadFile(v.logFile(name))
	if err != nil {
		v.t.Error(err)
		return
	}
	log := strings.TrimRight(string(raw), "\n")
	if at := strings.Index(log, "WARNING: DATA RACE"); at >= 0 {
		v.t.Errorf("%s has a data race:\n%s", name, firstLines(log[at:], tailLines))
	}
	if v.t.Failed() {
		v.t.Logf("the last lines of %s:\n%s", name, lastLines(log, tailLines))
	}
}

func firstLines(s string, n int) string {
	lines := strings.SplitN(s, "\n", n+1)
	return strings.Join(lines[:min(n, len(lines))], "\n")
}

func lastLines(s string, n int) string {
	lines := strings.Split(s, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
