package prometheus

import (
	"slices"
	"time"
)

// RuleMetrics are all metrics that the table of rules reads.
func RuleMetrics() []string {
	var out []string
	for m := range ofRules {
		out = append(out, m)
	}
	slices.Sort(out)
	return out
}

// SetNow sets the clock of a Source.
func (s *Source) SetNow(at time.Time) { s.now = func() time.Time { return at } }
