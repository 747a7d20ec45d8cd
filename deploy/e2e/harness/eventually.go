package harness

import (
	"testing"
	"time"
)

// pollEvery is how often Eventually asks. Short against what it waits for,
// long against what asking costs.
const pollEvery = 50 * time.Millisecond

// Eventually asks until the answer is nil, and fails the test with the last
// answer when that takes longer than within.
func Eventually(t testing.TB, within time.Duration, ask func() error) {
	t.Helper()
	deadline := time.Now().Add(within)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still not after %s: %v", within, err)
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("the test is over: %v", err)
		}
	}
}
