package main

import (
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"slices"
	"time"

	"vigil/activities/rca"
	"vigil/workflows/incident"
)

// scored is one case: what was asked and what the truth is.
type scored struct {
	name       string
	input      rca.Input
	service    string         // the service at fault; empty: all is well
	cause      incident.Cause // empty: not among those that the signatures know
	candidates int            // services with telemetry
}

// held says whether a case was kept aside. It goes by a hash of its name with
// a fixed seed, so that the halves never change.
func (c scored) held() bool {
	h := fnv.New32a()
	fmt.Fprintf(h, "vigil-1/%s", c.name)
	return h.Sum32()%2 == 1
}

// row is what one method scored on one set of cases.
type row struct {
	method            string
	cases             int
	top1, top3, rr    float64
	controls, falsely int
}

func (r *row) count(place int) {
	r.cases++
	if place == 0 {
		return
	}
	r.rr += 1 / float64(place)
	if place == 1 {
		r.top1++
	}
	if place <= 3 {
		r.top3++
	}
}

// table runs every method over the cases and prints a line for each.
func table(w io.Writer, title string, cases []scored) {
	vigil, largest, alerting, random := row{method: "rank"}, row{method: "largest z-score"},
		row{method: "alerting service"}, row{method: "random (expected)"}
	for _, c := range cases {
		ranked := rca.Rank(c.input)
		z := byZ(c.input)
		if c.service == "" {
			vigil.controls++
			if len(ranked) > 0 && ranked[0].Score >= rca.Notable {
				vigil.falsely++
			}
			largest.controls++
			if len(z) > 0 && z[0].z > 3 {
				largest.falsely++
			}
			continue
		}
		vigil.count(1 + slices.IndexFunc(ranked, func(s incident.Suspect) bool { return s.Service == c.service }))
		largest.count(1 + slices.IndexFunc(z, func(s serviceZ) bool { return s.service == c.service }))
		place := 0
		if c.input.Alerting == c.service {
			place = 1
		}
		alerting.count(place)
		random.cases++
		n := float64(c.candidates)
		random.top1 += 1 / n
		random.top3 += math.Min(1, 3/n)
		for k := 1.0; k <= n; k++ {
			random.rr += 1 / (k * n)
		}
	}
	fmt.Fprintf(w, "\n%s\n  %-18s %6s %7s %7s %7s %18s\n", title, "method", "cases", "top-1", "top-3", "MRR", "false on healthy")
	for _, r := range []row{vigil, largest, alerting, random} {
		healthy := "-"
		if r.controls > 0 {
			healthy = fmt.Sprintf("%d of %d", r.falsely, r.controls)
		}
		if r.cases == 0 {
			fmt.Fprintf(w, "  %-18s %6d %7s %7s %7s %18s\n", r.method, 0, "-", "-", "-", healthy)
			continue
		}
		n := float64(r.cases)
		fmt.Fprintf(w, "  %-18s %6d %6.1f%% %6.1f%% %7.3f %18s\n", r.method, r.cases, 100*r.top1/n, 100*r.top3/n, r.rr/n, healthy)
	}
}

// halves splits cases into those that were looked at and those held out.
func halves(cases []scored) (seen, held []scored) {
	for _, c := range cases {
		if c.held() {
			held = append(held, c)
		} else {
			seen = append(seen, c)
		}
	}
	return seen, held
}

// serviceZ is a service and its largest ordinary z-score.
type serviceZ struct {
	service string
	z       float64
}

// byZ is the reference that needs no thought: for each series the mean after
// BaselineTo against mean and standard deviation before, the service with the
// largest one first.
func byZ(in rca.Input) []serviceZ {
	to := in.BaselineTo
	if to.IsZero() {
		to = in.StartedAt
	}
	best := map[string]float64{}
	for _, s := range in.Series {
		if z, ok := zScore(s.Points, to); ok {
			best[s.Service] = math.Max(best[s.Service], z)
		}
	}
	var out []serviceZ
	for service, z := range best {
		out = append(out, serviceZ{service, z})
	}
	slices.SortFunc(out, func(a, b serviceZ) int {
		switch {
		case a.z > b.z:
			return -1
		case a.z < b.z:
			return 1
		case a.service < b.service:
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
