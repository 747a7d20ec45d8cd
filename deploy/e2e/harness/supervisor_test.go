package harness_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"vigil/deploy/e2e/harness"
	"vigil/deploy/processes"
)

// Each of the separate processes can be killed alone and comes back; told to
// stop, all of them are gone within the five seconds that are promised.
func TestSupervisorBringsBackWhatIsKilled(t *testing.T) {
	v := harness.Prepare(t, harness.Options{})
	v.Run(v.Supervisor(100 * time.Millisecond))
	ready(t, v, processes.Gateway)

	first := mustPIDs(t, v)
	for _, name := range []string{processes.Worker, processes.NATS, processes.Temporal, processes.Sandbox, processes.Gateway} {
		pid := first[name]
		if pid == 0 {
			t.Fatalf("%s is not among the processes %v", name, first)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		harness.Eventually(t, time.Minute, func() error {
			if mustPIDs(t, v)[name] == pid {
				return fmt.Errorf("%s has not come back", name)
			}
			return nil
		})
		ready(t, v, name)
	}

	last := mustPIDs(t, v)
	begin := time.Now()
	v.Stop("supervisor")
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("stopping took %s", took)
	}
	for name, pid := range last {
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("%s (%d) still runs", name, pid)
		}
	}
}

func ready(t *testing.T, v *harness.Vigil, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	if err := v.Ready(ctx, name, nil); err != nil {
		t.Fatal(err)
	}
}

// mustPIDs reads the list of processes that is kept for people.
func mustPIDs(t *testing.T, v *harness.Vigil) map[string]int {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(v.StateDir, "pids"))
	if err != nil {
		t.Fatal(err)
	}
	pids := map[string]int{}
	for line := range strings.Lines(string(raw)) {
		var name string
		var pid int
		if _, err := fmt.Sscan(line, &name, &pid); err != nil {
			t.Fatalf("line %q of the list of processes: %v", line, err)
		}
		pids[name] = pid
	}
	return pids
}
