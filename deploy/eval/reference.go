package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"vigil/workflows/incident"
)

// byZ is the reference that needs no thought: for each series the mean after
// the normal period against mean and standard deviation in it, the service with the
// largest z-score first. Its score is 1 − 1/z², what Chebyshev's inequality
// leaves for chance.
func byZ(t *telemetry, baselineTo time.Time) []incident.Suspect {
	var out []incident.Suspect
	for service, series := range t.series {
		best := 0.0
		for _, s := range series {
			if z, ok := zScore(s.Points, baselineTo); ok {
				best = math.Max(best, z)
			}
		}
		if best > 1 { // below, the inequality says nothing
			out = append(out, incident.Suspect{Service: service, Score: 1 - 1/(best*best)})
		}
	}
	slices.SortFunc(out, func(a, b incident.Suspect) int {
		switch {
		case a.Score > b.Score, a.Score == b.Score && a.Service < b.Service:
			return -1
		}
		return 1
	})
	return out
}

func zScore(points []incident.Point, to time.Time) (float64, bool) {
	var n, sum, squares, m, after float64
	for _, p := range points {
		if p.At.After(to) {
			m++
			after += p.Value
			continue
		}
		n++
		sum += p.Value
		squares += p.Value * p.Value
	}
	if n < 3 || m == 0 {
		return 0, false
	}
	mean := sum / n
	sd := math.Sqrt(math.Max(0, squares/n-mean*mean))
	if sd == 0 {
		return 0, false // nothing to divide by
	}
	return math.Abs(after/m-mean) / sd, true
}

// describe prints what was found for one case.
func describe(w io.Writer, q question, a answer) {
	fmt.Fprintf(w, "\n%s: %s %s; %s says\n", q.name, q.service, q.cause, a.by.name)
	for _, s := range a.suspects[:min(4, len(a.suspects))] {
		mark := " "
		if s.Service == q.service && (q.cause == "" || q.cause == s.Cause) {
			mark = "*"
		}
		fmt.Fprintf(w, "  %s %.3f %s %s %q\n", mark, s.Score, s.Service, s.Cause, s.Reasons)
	}
	if a.aside != "" {
		fmt.Fprintf(w, "    set aside: %s\n", a.aside)
	}
}
