package worker

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"vigil/activities"
	"vigil/workflows/incident"
)

// ask puts one question to several sources side by side and returns what they
// know, in the order of the sources, with where it all came from. One that
// fails fails the whole: half an answer would read as if the rest were fine.
func ask[S, T any](ctx context.Context, sources []S, question func(context.Context, S) ([]T, incident.Provenance, error)) ([][]T, incident.Provenance, error) {
	answers := make([][]T, len(sources))
	from := make([]incident.Provenance, len(sources))
	g, ctx := errgroup.WithContext(ctx)
	for i, s := range sources {
		g.Go(func() (err error) {
			answers[i], from[i], err = question(ctx, s)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, incident.Provenance{}, err
	}
	return answers, together(answers, from), nil
}

// together is where the answers came from: from those who knew something, or
// from all of them where nobody did.
func together[T any](answers [][]T, from []incident.Provenance) incident.Provenance {
	var knew []incident.Provenance
	for i, a := range answers {
		if len(a) > 0 {
			knew = append(knew, from[i])
		}
	}
	if len(knew) == 0 {
		knew = from
	}
	if len(knew) == 0 {
		return incident.Provenance{}
	}
	p := knew[0]
	for _, next := range knew[1:] {
		p.Service, p.Operation = p.Service+" + "+next.Service, p.Operation+" + "+next.Operation
		p.LatencyMS = max(p.LatencyMS, next.LatencyMS)
		if next.Origin == incident.OriginSimulated {
			p.Origin = next.Origin
		}
	}
	return p
}

// metrics puts together what several sources measure of a service. A measure
// that two of them know is taken from the first.
type metrics []activities.Metrics

func (all metrics) Query(ctx context.Context, service string, w activities.Window) ([]incident.Series, incident.Provenance, error) {
	answers, p, err := ask(ctx, all, func(ctx context.Context, m activities.Metrics) ([]incident.Series, incident.Provenance, error) {
		return m.Query(ctx, service, w)
	})
	var out []incident.Series
	for _, series := range slices.Concat(answers...) {
		if !slices.ContainsFunc(out, func(have incident.Series) bool { return have.Service == series.Service && have.Metric == series.Metric }) {
			out = append(out, series)
		}
	}
	return out, p, err
}

// lister is a source that can say which services there are.
type lister interface {
	Services(ctx context.Context, w activities.Window) ([]string, error)
	Near(ctx context.Context, service string, w activities.Window) ([]string, error)
}

// Near lists the services that some source knows, those most like service
// first; all are alike to "".
func (all metrics) Near(ctx context.Context, service string, w activities.Window) ([]string, error) {
	var out []string
	for _, m := range all {
		l, ok := m.(lister)
		if !ok {
			continue
		}
		var services []string
		var err error
		if service != "" {
			services, err = l.Near(ctx, service, w)
		}
		if len(services) == 0 && err == nil {
			services, err = l.Services(ctx, w)
		}
		if err != nil {
			return nil, err
		}
		for _, s := range services {
			if !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	return out, nil
}

// logs puts together the lines of several sources in order of time.
type logs []activities.Logs

func (all logs) Search(ctx context.Context, service string, w activities.Window, limit int) ([]activities.LogLine, incident.Provenance, error) {
	answers, p, err := ask(ctx, all, func(ctx context.Context, l activities.Logs) ([]activities.LogLine, incident.Provenance, error) {
		return l.Search(ctx, service, w, limit)
	})
	out := slices.Concat(answers...)
	slices.SortStableFunc(out, func(a, b activities.LogLine) int { return a.At.Compare(b.At) })
	return out[:min(len(out), limit)], p, err
}

// topology puts together the edges that several sources know.
type topology []activities.Topology

func (all topology) Graph(ctx context.Context, w activities.Window) ([]incident.Edge, incident.Provenance, error) {
	answers, p, err := ask(ctx, all, func(ctx context.Context, t activities.Topology) ([]incident.Edge, incident.Provenance, error) {
		return t.Graph(ctx, w)
	})
	out := slices.Concat(answers...)
	slices.SortFunc(out, func(a, b incident.Edge) int {
		return cmp.Or(strings.Compare(a.From, b.From), strings.Compare(a.To, b.To))
	})
	return slices.Compact(out), p, err
}

// changes puts the changes that several sources know in order of time.
type changes []activities.Changes

func (all changes) Recent(ctx context.Context, service string, w activities.Window) ([]incident.Change, incident.Provenance, error) {
	answers, p, err := ask(ctx, all, func(ctx context.Context, c activities.Changes) ([]incident.Change, incident.Provenance, error) {
		return c.Recent(ctx, service, w)
	})
	out := slices.Concat(answers...)
	slices.SortStableFunc(out, func(a, b incident.Change) int { return a.At.Compare(b.At) })
	return once(out), p, err
}

// sameChange is how far apart two sources may date one change.
const sameChange = 10 * time.Second

// once drops what a second source says of a change that is there already: the
// same kind of change of the same service, at about the same time, to the same
// version or to one that only one of them knows.
func once(sorted []incident.Change) []incident.Change {
	var out []incident.Change
	for _, c := range sorted {
		i := slices.IndexFunc(out, func(have incident.Change) bool {
			return have.Service == c.Service && have.Kind == c.Kind && c.At.Sub(have.At) <= sameChange &&
				(have.Version == c.Version || have.Version == "" || c.Version == "")
		})
		if i < 0 {
			out = append(out, c)
			continue
		}
		have := &out[i]
		have.Version, have.Before, have.Actor = cmp.Or(have.Version, c.Version), cmp.Or(have.Before, c.Before), cmp.Or(have.Actor, c.Actor)
	}
	return out
}

// runbooks puts the matches of several sources together, best first. Scores
// of different sources are not alike, so they take turns.
type runbooks []activities.Runbooks

func (all runbooks) Find(ctx context.Context, q activities.Search) ([]incident.Document, incident.Provenance, error) {
	answers, p, err := ask(ctx, all, func(ctx context.Context, r activities.Runbooks) ([]incident.Document, incident.Provenance, error) {
		return r.Find(ctx, q)
	})
	return taking(answers, q.Limit), p, err
}

// memories recalls from several places and keeps lessons in all of them.
type memories []activities.Memory

func (all memories) Recall(ctx context.Context, q activities.Search) ([]incident.Document, incident.Provenance, error) {
	answers, p, err := ask(ctx, all, func(ctx context.Context, m activities.Memory) ([]incident.Document, incident.Provenance, error) {
		return m.Recall(ctx, q)
	})
	return taking(answers, q.Limit), p, err
}

func (all memories) Learn(ctx context.Context, l incident.Lesson) ([]string, incident.Provenance, error) {
	answers, p, err := ask(ctx, all, func(ctx context.Context, m activities.Memory) ([]string, incident.Provenance, error) {
		return m.Learn(ctx, l)
	})
	return slices.Concat(answers...), p, err
}

// taking takes the first of each, then the second of each, and leaves out an
// incident that two places remember.
func taking(answers [][]incident.Document, limit int) []incident.Document {
	if limit <= 0 {
		limit = 5
	}
	var out []incident.Document
	for i := 0; ; i++ {
		more := false
		for _, a := range answers {
			if i >= len(a) {
				continue
			}
			more = true
			same := func(have incident.Document) bool { return have.IncidentID != "" && have.IncidentID == a[i].IncidentID }
			if len(out) < limit && !slices.ContainsFunc(out, same) {
				out = append(out, a[i])
			}
		}
		if !more {
			return out
		}
	}
}
