package activities

import (
	"testing"
	"time"
)

// TestRetryDelay: the wait grows with the attempt up to the cap, and is spread
// over all of its span.
func TestRetryDelay(t *testing.T) {
	t.Parallel()
	for attempt, span := range map[int32]time.Duration{0: time.Second, 1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 5: 16 * time.Second,
		6: 30 * time.Second, 40: 30 * time.Second, 1 << 30: 30 * time.Second} {
		low, high, sum := span, time.Duration(0), time.Duration(0)
		const n = 4000
		for range n {
			d := retryDelay(attempt)
			low, high, sum = min(low, d), max(high, d), sum+d
		}
		mean := sum / n
		if low <= 0 || low > span/20 || high > span+time.Millisecond || high < span*19/20 || mean < span*45/100 || mean > span*55/100 {
			t.Errorf("attempt %d: from %s to %s, %s on average; want all of %s", attempt, low, high, mean, span)
		}
	}
}
