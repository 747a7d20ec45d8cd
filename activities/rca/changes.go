package rca

import (
	"fmt"
	"math"
	"time"

	"vigil/workflows/incident"
)

const (
	// A change is suspected in full for freshChange, then less and less, by half
	// every changeHalfLife, and not at all after oldChange.
	freshChange    = 3 * time.Minute
	changeHalfLife = 6 * time.Minute
	oldChange      = time.Hour
)

// recency says how much a change at t is suspected of something that began at
// onset. Onsets are known no better than slack: a change may seem that much later.
func recency(t, onset time.Time, slack time.Duration) float64 {
	if t.IsZero() || onset.IsZero() {
		return 0
	}
	gap := onset.Sub(t)
	switch {
	case gap < -slack, gap > oldChange:
		return 0
	case gap <= freshChange:
		return 1
	}
	return math.Exp2(-float64(gap-freshChange) / float64(changeHalfLife))
}

// changeWeight is how often a kind of change breaks things, compared with a deployment.
func changeWeight(kind string) float64 {
	switch kind {
	case "deployment":
		return 1
	case "configuration":
		return 0.85
	}
	return 0 // scaling follows load, and "other" says nothing
}

// DescribeChanges says which change of one piece of evidence came shortly
// before startedAt, and how much it is suspected for its time alone: the alert
// comes later than the trouble, so a change up to a minute after counts too.
// Time alone proves little, which is why strength ends at 0.7.
func DescribeChanges(changes []incident.Change, startedAt time.Time) (finding string, strength float64) {
	var best incident.Change
	for _, c := range changes {
		if v := 0.7 * changeWeight(c.Kind) * recency(c.At, startedAt, time.Minute); v > strength {
			best, strength = c, v
		}
	}
	switch {
	case strength > 0:
		return changeWords(best, startedAt, "the alert"), strength
	case len(changes) > 0:
		return "no change shortly before", 0
	}
	return "no changes", 0
}

func changeWords(c incident.Change, at time.Time, what string) string {
	name := c.Kind
	if c.Version != "" {
		name += " " + c.Version
	}
	gap := at.Sub(c.At).Round(time.Second)
	when := fmt.Sprintf("%s before %s", gap, what)
	switch {
	case gap == 0:
		when = "together with " + what
	case gap < 0:
		when = fmt.Sprintf("%s after %s", -gap, what)
	}
	return fmt.Sprintf("%s at %s, %s", name, c.At.UTC().Format(time.TimeOnly), when)
}
