package cloudwatch

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"vigil/activities"
	"vigil/activities/internal/awscall"
	"vigil/workflows/incident"
)

// maxQueries is what CloudWatch takes in one GetMetricData.
const maxQueries = 500

// read reads sources over whole periods that have ended.
func (m *Metrics) read(ctx context.Context, service string, sources []source, w activities.Window) ([]incident.Series, incident.Provenance, error) {
	from, to := w.From.Truncate(m.period), w.To.Truncate(m.period)
	if !to.After(from) {
		from = to.Add(-m.period) // the window lies within one period: the last that is over
	}
	answers := make([]answer, len(sources))
	var all incident.Provenance
	for first := 0; first < len(sources); first += maxQueries {
		last := min(first+maxQueries, len(sources))
		p, err := m.data(ctx, sources, first, last, from, to, answers)
		all = awscall.Merge(all, p)
		if err != nil {
			return nil, all, err
		}
	}
	series, err := combine(service, sources, answers, all)
	return series, all, err
}

// data reads the sources from first to last, all pages of them.
func (m *Metrics) data(ctx context.Context, sources []source, first, last int, from, to time.Time, answers []answer) (incident.Provenance, error) {
	in := &cloudwatch.GetMetricDataInput{StartTime: &from, EndTime: &to, ScanBy: types.ScanByTimestampAscending}
	for i, s := range sources[first:last] {
		in.MetricDataQueries = append(in.MetricDataQueries, types.MetricDataQuery{Id: aws.String(queryID(first + i)), ReturnData: aws.Bool(true),
			MetricStat: &types.MetricStat{
				Metric: &types.Metric{Namespace: aws.String(s.namespace), MetricName: aws.String(s.metric), Dimensions: s.dimensions},
				Period: aws.Int32(int32(m.period / time.Second)), Stat: aws.String(s.stat),
			}})
	}
	var all incident.Provenance
	for page := 0; ; page++ {
		out, p, err := awscall.Do(ctx, m.call, "GetMetricData", m.api.GetMetricData, in)
		all = awscall.Merge(all, p)
		if err != nil {
			return all, err
		}
		if err := collect(answers, out.MetricDataResults, all); err != nil {
			return all, err
		}
		if aws.ToString(out.NextToken) == "" {
			return all, nil
		}
		if page == maxPages {
			return all, awscall.Malformed(all, "the pages do not end; ask for a shorter window or a longer period")
		}
		in.NextToken = out.NextToken
	}
}

// queryID makes an id of a source's place; ids must begin with a letter.
func queryID(i int) string { return "m" + strconv.Itoa(i) }

// answer is what came back for one source, over all pages.
type answer struct {
	points []incident.Point
	status types.StatusCode
}

func collect(answers []answer, results []types.MetricDataResult, p incident.Provenance) error {
	for _, r := range results {
		i, err := strconv.Atoi(strings.TrimPrefix(aws.ToString(r.Id), "m"))
		if err != nil || i < 0 || i >= len(answers) {
			return awscall.Malformed(p, "a result has the id %q, which was not asked for", aws.ToString(r.Id))
		}
		if len(r.Timestamps) != len(r.Values) {
			return awscall.Malformed(p, "%d times and %d values", len(r.Timestamps), len(r.Values))
		}
		for k, at := range r.Timestamps {
			if v := r.Values[k]; !math.IsNaN(v) && !math.IsInf(v, 0) {
				answers[i].points = append(answers[i].points, incident.Point{At: at.UTC(), Value: v})
			}
		}
		answers[i].status = r.StatusCode
	}
	return nil
}

// combine turns answers into measures. A result that stayed incomplete is an
// error: half of a series can show a recovery that is none. Where one metric
// has series for several values of a further dimension the largest counts at
// each moment, or their sum where they count something.
func combine(service string, sources []source, answers []answer, p incident.Provenance) ([]incident.Series, error) {
	var out []incident.Series
	var from []int // the source of each
	for i, s := range sources {
		a := answers[i]
		switch a.status {
		case types.StatusCodeComplete, "":
		case types.StatusCodeForbidden:
			return nil, incident.Errorf(incident.KindDenied, "cloudwatch GetMetricData: %s %s is forbidden; the worker's role needs cloudwatch:GetMetricData", s.namespace, s.metric)
		default:
			return nil, incident.Errorf(incident.KindUnavailable, "cloudwatch GetMetricData: %s %s came back as %s (request %s); it may succeed later", s.namespace, s.metric, a.status, p.RequestID)
		}
		if len(a.points) == 0 {
			continue
		}
		for k := range a.points {
			a.points[k].Value *= s.scale
		}
		slices.SortStableFunc(a.points, func(x, y incident.Point) int { return x.At.Compare(y.At) })
		known := slices.IndexFunc(out, func(o incident.Series) bool { return o.Metric == s.measure })
		switch {
		case known < 0:
			out, from = append(out, incident.Series{Service: service, Metric: s.measure, Unit: s.unit, Points: a.points}), append(from, i)
		case sources[from[known]].metric == s.metric && sources[from[known]].stat == s.stat:
			out[known].Points = together(out[known].Points, a.points, s.stat == sum)
		}
	}
	slices.SortStableFunc(out, func(a, b incident.Series) int { return place(a.Metric) - place(b.Metric) })
	return out, nil
}

// together merges two series in order of time.
func together(a, b []incident.Point, add bool) []incident.Point {
	all := append(slices.Clone(a), b...)
	slices.SortStableFunc(all, func(x, y incident.Point) int { return x.At.Compare(y.At) })
	var out []incident.Point
	for _, p := range all {
		switch last := len(out) - 1; {
		case last < 0 || !out[last].At.Equal(p.At):
			out = append(out, p)
		case add:
			out[last].Value += p.Value
		default:
			out[last].Value = max(out[last].Value, p.Value)
		}
	}
	return out
}

func place(m incident.Metric) int {
	if i := slices.Index(incident.Metrics, m); i >= 0 {
		return i
	}
	return len(incident.Metrics)
}
