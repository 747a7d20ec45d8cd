package cloudwatch

import (
	"context"
	"slices"
	"strings"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"golang.org/x/sync/errgroup"

	"vigil/activities/internal/awscall"
	"vigil/workflows/incident"
)

const (
	concurrent    = 3  // requests at once; CloudWatch allows 25 ListMetrics a second for a whole account
	maxListPages  = 5  // of 500 metrics
	maxMetrics    = 60 // of a resource
	maxDimensions = 10 // series of a metric by a further dimension
	maxNameLength = 60
)

// discover finds the metrics of the resources that have a service's name.
func (m *Metrics) discover(ctx context.Context, service string) ([]source, incident.Provenance, error) {
	found := make([][]types.Metric, len(families))
	from := make([]incident.Provenance, len(families))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(concurrent)
	for i, f := range families {
		g.Go(func() (err error) {
			found[i], from[i], err = m.list(ctx, f, service)
			return err
		})
	}
	err := g.Wait()
	var all incident.Provenance
	for _, p := range from {
		if p.Origin != "" {
			all = awscall.Merge(all, p)
		}
	}
	if err != nil {
		return nil, all, err
	}
	var out []source
	for i, f := range families {
		out = append(out, m.meant(f, found[i])...)
	}
	return out, all, nil
}

// list asks for the metrics of a resource of one family.
func (m *Metrics) list(ctx context.Context, f family, service string) ([]types.Metric, incident.Provenance, error) {
	filter := types.DimensionFilter{Name: aws.String(f.dimension)}
	if f.parts == 0 || strings.HasPrefix(service, f.prefix) {
		filter.Value = aws.String(service)
	}
	in := &cloudwatch.ListMetricsInput{Namespace: aws.String(f.namespace), Dimensions: []types.DimensionFilter{filter}}
	var (
		out []types.Metric
		all incident.Provenance
	)
	for range maxListPages {
		page, p, err := awscall.Do(ctx, m.call, "ListMetrics", m.api.ListMetrics, in)
		all = awscall.Merge(all, p)
		if err != nil {
			return nil, all, err
		}
		for _, metric := range page.Metrics {
			if aws.ToString(metric.Namespace) == f.namespace && f.names(metric, service) {
				out = append(out, metric)
			}
		}
		if aws.ToString(page.NextToken) == "" {
			break
		}
		in.NextToken = page.NextToken
	}
	return out, all, nil
}

// names reports whether a metric is of the resource called service.
func (f family) names(m types.Metric, service string) bool {
	return slices.ContainsFunc(m.Dimensions, func(d types.Dimension) bool {
		v := aws.ToString(d.Value)
		if aws.ToString(d.Name) != f.dimension {
			return false
		}
		if f.parts > 0 && v != service {
			parts := strings.Split(v, "/")
			return strings.HasPrefix(v, f.prefix) && len(parts) == f.parts && parts[1] == service
		}
		return v == service
	})
}

// meant picks the metrics that are read, those with a measure first.
func (m *Metrics) meant(f family, found []types.Metric) []source {
	byName := map[string][]types.Metric{}
	var names []string
	for _, metric := range found {
		n := aws.ToString(metric.MetricName)
		if byName[n] == nil {
			names = append(names, n)
		}
		byName[n] = append(byName[n], metric)
	}
	known := meanings[f.namespace]
	slices.SortFunc(names, func(a, b string) int {
		_, knowsA := known[a]
		_, knowsB := known[b]
		switch {
		case knowsA == knowsB:
			return strings.Compare(a, b)
		case knowsA:
			return -1
		}
		return 1
	})
	var out []source
	for _, n := range names[:min(len(names), maxMetrics)] {
		means, ok := known[n]
		if !ok {
			means = level("", "", 1)
		}
		if means.measure == "" {
			means.measure = snake(n)
		}
		scale := means.scale
		if means.rate {
			scale /= m.period.Seconds()
		}
		for _, metric := range narrowest(byName[n]) {
			out = append(out, source{means.measure, means.unit, f.namespace, n, means.stat, metric.Dimensions, scale})
		}
	}
	return out
}

// narrowest are the series with the fewest dimensions: that of the whole
// resource where there is one, else those of its parts.
func narrowest(all []types.Metric) []types.Metric {
	slices.SortStableFunc(all, func(a, b types.Metric) int { return len(a.Dimensions) - len(b.Dimensions) })
	n := 1
	for n < len(all) && n < maxDimensions && len(all[n].Dimensions) == len(all[0].Dimensions) && len(all[0].Dimensions) > 1 {
		n++
	}
	return all[:n]
}

// snake is a metric's name as a measure's: FreeStorageSpace is
// free_storage_space, DBLoadCPU db_load_cpu.
func snake(name string) incident.Metric {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		switch {
		case r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r):
			r = '_'
		case unicode.IsUpper(r):
			begins := i > 0 && (unicode.IsLower(runes[i-1]) || unicode.IsDigit(runes[i-1]) ||
				unicode.IsUpper(runes[i-1]) && i+1 < len(runes) && unicode.IsLower(runes[i+1]))
			if begins {
				b.WriteByte('_')
			}
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	words := strings.FieldsFunc(b.String(), func(r rune) bool { return r == '_' })
	out := strings.Join(words, "_")
	return incident.Metric(out[:min(len(out), maxNameLength)])
}

// shares turns the count of failed requests into the share of requests that
// failed. Where there were requests and nothing counted as failed, none did.
func shares(all []incident.Series) []incident.Series {
	requests := slices.IndexFunc(all, func(s incident.Series) bool { return s.Metric == incident.MetricRequestRate })
	failed := slices.IndexFunc(all, func(s incident.Series) bool { return s.Metric == failures })
	if failed < 0 || requests < 0 {
		return all
	}
	at := map[int64]float64{}
	for _, p := range all[failed].Points {
		at[p.At.UnixNano()] = p.Value
	}
	rate := incident.Series{Service: all[failed].Service, Metric: incident.MetricErrorRate, Unit: unitShare}
	for _, p := range all[requests].Points {
		if p.Value > 0 {
			rate.Points = append(rate.Points, incident.Point{At: p.At, Value: min(1, at[p.At.UnixNano()]/p.Value)})
		}
	}
	all = slices.Delete(all, failed, failed+1)
	if len(rate.Points) > 0 {
		all = append(all, rate)
	}
	slices.SortStableFunc(all, func(a, b incident.Series) int { return place(a.Metric) - place(b.Metric) })
	return all
}
