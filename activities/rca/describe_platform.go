package rca

import (
	"fmt"
	"strings"
	"time"

	"vigil/workflows/incident"
)

// eventLead is how long before the trouble was noticed an event may have been
// its beginning.
const eventLead = 15 * time.Minute

// DescribeEvents says what platform events mean for trouble that was noticed
// at startedAt: warnings near it weigh most, routine ones little, and nothing
// that was over long before.
func DescribeEvents(events []incident.SystemEvent, startedAt time.Time) (finding string, strength float64) {
	var near []incident.SystemEvent
	warnings := 0
	for _, e := range events {
		if e.At.Before(startedAt.Add(-eventLead)) {
			continue
		}
		near = append(near, e)
		if e.Warning {
			warnings++
			strength = max(strength, 0.8)
		} else {
			strength = max(strength, 0.3)
		}
	}
	switch {
	case len(events) == 0:
		return "no events", 0
	case len(near) == 0:
		last := events[len(events)-1]
		return fmt.Sprintf("%d events, all over before the trouble; last: %s", len(events), last.Message), 0.1
	}
	var said []string
	for _, e := range near {
		if e.Warning || warnings == 0 {
			said = append(said, e.Message)
		}
		if len(said) == 3 {
			break
		}
	}
	return fmt.Sprintf("%d events near the trouble, %d of them warnings: %s", len(near), warnings, strings.Join(said, "; ")), strength
}

// DescribeLoad says what a database spends its time on. More active sessions
// than CPUs is more than it can serve at once; without the number of CPUs the
// peak against the average is all that can be judged.
func DescribeLoad(l incident.DatabaseLoad) (finding string, strength float64) {
	finding = fmt.Sprintf("%.1f average active sessions, peak %.1f", l.Average, l.Peak)
	if l.CPUs > 0 {
		finding += fmt.Sprintf(", %.0f CPUs", l.CPUs)
		strength = min(max(l.Peak/l.CPUs-0.5, 0), 1)
	} else if l.Average > 0 {
		strength = min(max((l.Peak/l.Average-1)/2, 0), 0.6)
	}
	if len(l.Waits) > 0 {
		finding += fmt.Sprintf("; most wait for %s (%.1f)", l.Waits[0].Name, l.Waits[0].Load)
	}
	if len(l.Statements) > 0 {
		s := l.Statements[0]
		finding += fmt.Sprintf("; largest: %.120s (%.1f)", s.SQL, s.Load)
	}
	return finding, strength
}
