package main

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"vigil/workflows/incident"
)

// perturbation is a way to make a recording worse, drawn anew for each seed. A
// method that only fits one recording loses by them; one that has a reason does not.
type perturbation struct {
	name  string
	seeds int
	with  func(seed uint64) func(*telemetry, question) *telemetry
}

var perturbations = []perturbation{
	{"  each value off by 10 %", 3, each(func(r *rand.Rand, s incident.Series, q question) []incident.Point {
		for i := range s.Points {
			s.Points[i].Value *= math.Exp(0.1 * r.NormFloat64())
		}
		return s.Points
	})},
	{"  a tenth of the series missing", 3, each(func(r *rand.Rand, s incident.Series, q question) []incident.Point {
		if r.IntN(10) == 0 && s.Service != q.service {
			return nil
		}
		return s.Points
	})},
	{"  a fifth of the points missing", 3, each(func(r *rand.Rand, s incident.Series, q question) []incident.Point {
		return slices.DeleteFunc(s.Points, func(incident.Point) bool { return r.IntN(5) == 0 })
	})},
	{"  normal period: first half", 1, part(0, 0.5)},
	{"  normal period: second half", 1, part(0.5, 1)},
	{"  normal period: last tenth", 1, part(0.9, 1)},
	{"  normal period: drawn anew", 3, each(func(r *rand.Rand, s incident.Series, q question) []incident.Point {
		n := 0
		for n < len(s.Points) && !s.Points[n].At.After(q.baselineTo) {
			n++
		}
		past := slices.Clone(s.Points[:n])
		for i := range past {
			s.Points[i].Value = past[r.IntN(n)].Value
		}
		return s.Points
	})},
}

// each changes every series by itself. The points it is given are its own.
func each(change func(*rand.Rand, incident.Series, question) []incident.Point) func(uint64) func(*telemetry, question) *telemetry {
	return func(seed uint64) func(*telemetry, question) *telemetry {
		return func(t *telemetry, q question) *telemetry {
			h := fnv.New64a()
			_, _ = h.Write([]byte(q.name)) // a hash takes everything
			r := rand.New(rand.NewPCG(seed, h.Sum64()))
			out := *t
			out.series = map[string][]incident.Series{}
			for _, service := range q.services {
				for _, s := range t.series[service] {
					s.Points = slices.Clone(s.Points)
					if s.Points = change(r, s, q); len(s.Points) > 0 {
						out.series[service] = append(out.series[service], s)
					}
				}
			}
			return &out
		}
	}
}

// part keeps a part of the normal period.
func part(from, to float64) func(uint64) func(*telemetry, question) *telemetry {
	return each(func(_ *rand.Rand, s incident.Series, q question) []incident.Point {
		all := q.baselineTo.Sub(q.from).Seconds()
		return slices.DeleteFunc(s.Points, func(p incident.Point) bool {
			at := p.At.Sub(q.from).Seconds() / all
			return at <= 1 && (at < from || at > to)
		})
	})
}
