package activities

import (
	"context"
	"slices"
	"time"

	"vigil/activities/rca"
	"vigil/workflows/incident"
)

// RankInput is the evidence to rank suspects from.
type RankInput struct {
	Evidence   []incident.Evidence `json:"evidence"`
	Service    string              `json:"service"` // the one that complained
	StartedAt  time.Time           `json:"started_at"`
	BaselineTo time.Time           `json:"baseline_to"`
}

// RankSuspects ranks root causes by statistics. It computes and asks nobody,
// so the workflow runs it as a local activity: the evidence does not enter the
// history a second time, and the recorded ranking stands when the statistics
// of a later version would rank otherwise.
func RankSuspects(_ context.Context, in RankInput) ([]incident.Suspect, error) {
	return rca.Rank(rca.FromEvidence(in.Evidence, in.Service, in.StartedAt, in.BaselineTo)), nil
}

// Suspected reports whether the statistics find that a service is worth a
// person's time.
func Suspected(ranked []incident.Suspect, service string) bool {
	return slices.ContainsFunc(ranked, func(s incident.Suspect) bool { return s.Service == service && s.Score >= rca.Notable })
}

// Scope lists the services whose measures tell what is wrong with service, in
// the order in which they are worth reading: itself, what it depends on, those
// that call it, and those beside it: callers of what it depends on, which may
// be what overloads it, with what they call. It returns no more than most.
func Scope(edges []incident.Edge, service string, most int) []string {
	out := []string{service}
	seen := map[string]bool{service: true}
	next := func(of []string, step func(incident.Edge) (from, to string)) []string {
		at := map[string]bool{}
		for _, s := range of {
			at[s] = true
		}
		var found []string
		for _, e := range edges {
			if from, to := step(e); at[from] && !seen[to] {
				seen[to] = true
				found = append(found, to)
			}
		}
		slices.Sort(found)
		out = append(out, found...)
		return found
	}
	down := func(e incident.Edge) (string, string) { return e.From, e.To }
	up := func(e incident.Edge) (string, string) { return e.To, e.From }
	for frontier := out; len(frontier) > 0; {
		frontier = next(frontier, down)
	}
	below := slices.Clone(out)
	for frontier := []string{service}; len(frontier) > 0; {
		frontier = next(frontier, up)
	}
	next(next(below, up), down)
	return out[:min(len(out), max(most, 1))]
}
