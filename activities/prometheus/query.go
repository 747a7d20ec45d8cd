package prometheus

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"golang.org/x/sync/errgroup"

	"vigil/activities"
	"vigil/workflows/incident"
)

const (
	maxUnion   = 16 // expressions in one request
	concurrent = 3  // requests at once
)

// Query returns the measures of one service, the standard ones first and in
// their usual order, then what else of it moved.
func (s *Source) Query(ctx context.Context, service string, w activities.Window) ([]incident.Series, incident.Provenance, error) {
	w, err := s.checked(w)
	if err != nil {
		return nil, incident.Provenance{}, err
	}
	in, all, err := s.inventory(ctx, service, w)
	if err != nil || len(in.metrics) == 0 {
		return nil, all, err
	}
	interval, p, err := s.interval(ctx, in, w.To)
	if err != nil {
		return nil, p, err
	}
	all = merge(all, p)
	g := newGrid(w, interval)
	plan, p, err := s.requests(ctx, in, g)
	if err != nil {
		return nil, p, err
	}
	if p.Origin != "" {
		all = merge(all, p)
	}
	plan = append(plan, rules...)
	others := in.others(plan)
	points, p, err := s.evaluate(ctx, in, append(plan, others...), g)
	if err != nil {
		return nil, p, err
	}
	all = merge(all, p)
	return append(standard(service, plan, points), moved(service, others, points[len(plan):])...), all, nil
}

// standard takes for each measure the first rule that gave points.
func standard(service string, plan []rule, points [][]incident.Point) []incident.Series {
	var out []incident.Series
	for i, r := range plan {
		if len(points[i]) == 0 || slices.ContainsFunc(out, func(s incident.Series) bool { return s.Metric == r.measure }) {
			continue
		}
		out = append(out, incident.Series{Service: service, Metric: r.measure, Unit: r.unit, Points: points[i]})
	}
	slices.SortStableFunc(out, func(a, b incident.Series) int { return place(a.Metric) - place(b.Metric) })
	return out
}

func place(m incident.Metric) int {
	if i := slices.Index(incident.Metrics, m); i >= 0 {
		return i
	}
	return len(incident.Metrics)
}

// evaluate computes the rules that the inventory allows, a union of several
// in a request: a service has dozens, and a Prometheus answers one large
// question more gladly than dozens of small ones.
func (s *Source) evaluate(ctx context.Context, in inventory, plan []rule, g grid) ([][]incident.Point, incident.Provenance, error) {
	var parts []string
	for i, r := range plan {
		if expression, ok := r.query.fill(in, duration(g.over)); ok {
			parts = append(parts, tagged(expression, i))
		}
	}
	out := make([][]incident.Point, len(plan))
	chunks := slices.Collect(slices.Chunk(parts, maxUnion))
	answers := make([]model.Matrix, len(chunks))
	from := make([]incident.Provenance, len(chunks))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(concurrent)
	for i, chunk := range chunks {
		group.Go(func() (err error) {
			answers[i], from[i], err = s.rangeQuery(ctx, strings.Join(chunk, " or "), g.window, g.step)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, incident.Provenance{}, err
	}
	var all incident.Provenance
	for i, m := range answers {
		all = merge(all, from[i])
		for _, series := range m {
			if k, ok := part(series.Metric, len(plan)); ok && len(out[k]) == 0 {
				out[k] = numbers(series.Values)
			}
		}
	}
	return out, all, nil
}

// numbers are the points of a series that are numbers: a ratio of nothing to
// nothing is none.
func numbers(values []model.SamplePair) []incident.Point {
	var out []incident.Point
	for _, v := range values {
		if f := float64(v.Value); !math.IsNaN(f) && !math.IsInf(f, 0) {
			out = append(out, incident.Point{At: v.Timestamp.Time().UTC(), Value: f})
		}
	}
	return out
}
