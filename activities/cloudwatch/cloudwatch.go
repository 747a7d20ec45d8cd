// Package cloudwatch reads the standard measures of a service from Amazon
// CloudWatch: application signals and ECS for services, RDS for databases,
// ElastiCache for caches. It asks for all of them in one GetMetricData and
// drops what comes back empty, so it does not need to know what a service is.
//
// Only periods that are over are read: a period in progress holds fewer
// requests than it will, and would look like a drop in traffic.
//
// Metrics is immutable and safe for concurrent use.
package cloudwatch

import (
	"cmp"
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

const (
	service     = "cloudwatch"
	readTimeout = time.Minute
	// maxPages bounds a query. A page holds 100,800 points; 15 minutes of all
	// measures in steps of a second are under 10,000.
	maxPages = 20
)

// Config configures Metrics. The zero value is the shipped configuration.
type Config struct {
	Environment string        // dimension Environment of application signals; default prod
	Cluster     string        // dimension ClusterName of ECS; default prod
	Period      time.Duration // of a point: 1, 5, 10, 20, 30 seconds or whole minutes; default 1m
}

// Metrics reads time series.
type Metrics struct {
	api     *cloudwatch.Client
	call    awscall.Caller
	period  time.Duration
	sources []source
}

var _ activities.Metrics = (*Metrics)(nil)

// source is one CloudWatch metric that may hold a measure of a service.
type source struct {
	measure    incident.Metric
	unit       string
	namespace  string
	metric     string
	stat       string
	dimensions func(service string) []types.Dimension
	scale      float64
}

// New makes Metrics. recorder may be nil.
func New(cfg aws.Config, c Config, recorder activities.Recorder) (*Metrics, error) {
	c.Environment, c.Cluster, c.Period = cmp.Or(c.Environment, "prod"), cmp.Or(c.Cluster, "prod"), cmp.Or(c.Period, time.Minute)
	allowed := []time.Duration{time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second}
	if !slices.Contains(allowed, c.Period) && (c.Period <= 0 || c.Period%time.Minute != 0) {
		return nil, incident.Errorf(incident.KindInvalid, "cloudwatch: a period of %s; use 1, 5, 10, 20 or 30 seconds, or whole minutes", c.Period)
	}
	return &Metrics{
		api:     cloudwatch.NewFromConfig(awscall.Prepare(cfg, readTimeout)),
		call:    awscall.New(service, recorder),
		period:  c.Period,
		sources: sources(c),
	}, nil
}

// sources lists where each measure may be, in the order of incident.Metrics.
// Where two of them answer for one measure the first is used.
func sources(c Config) []source {
	signals := dimensions("Environment", c.Environment, "Service")
	ecs := dimensions("ClusterName", c.Cluster, "ServiceName")
	database := dimensions("", "", "DBInstanceIdentifier")
	cache := dimensions("", "", "CacheClusterId")
	perSecond := 1 / c.Period.Seconds()
	return []source{
		{incident.MetricLatency, "ms", "ApplicationSignals", "Latency", "p95", signals, 1},
		{incident.MetricLatency, "ms", "AWS/RDS", "ReadLatency", "Average", database, 1000},
		{incident.MetricErrorRate, "share", "ApplicationSignals", "Fault", "Average", signals, 1},
		{incident.MetricRequestRate, "1/s", "ApplicationSignals", "Latency", "SampleCount", signals, perSecond},
		{incident.MetricCPU, "percent", "AWS/ECS", "CPUUtilization", "Average", ecs, 1},
		{incident.MetricCPU, "percent", "AWS/RDS", "CPUUtilization", "Average", database, 1},
		{incident.MetricCPU, "percent", "AWS/ElastiCache", "CPUUtilization", "Average", cache, 1},
		{incident.MetricMemory, "percent", "AWS/ECS", "MemoryUtilization", "Average", ecs, 1},
		{incident.MetricConnections, "count", "AWS/RDS", "DatabaseConnections", "Average", database, 1},
		{incident.MetricConnections, "count", "AWS/ElastiCache", "CurrConnections", "Average", cache, 1},
	}
}

func dimensions(fixed, value, named string) func(string) []types.Dimension {
	return func(service string) []types.Dimension {
		d := []types.Dimension{{Name: aws.String(named), Value: aws.String(service)}}
		if fixed != "" {
			d = append([]types.Dimension{{Name: aws.String(fixed), Value: aws.String(value)}}, d...)
		}
		return d
	}
}

// Query reads all measures of one service.
func (m *Metrics) Query(ctx context.Context, service string, w activities.Window) ([]incident.Series, incident.Provenance, error) {
	if service == "" || !w.To.After(w.From) {
		return nil, incident.Provenance{}, incident.Errorf(incident.KindInvalid, "cloudwatch: a query needs a service and a window, not %q from %s to %s", service, w.From, w.To)
	}
	from, to := w.From.Truncate(m.period), w.To.Truncate(m.period)
	if !to.After(from) {
		from = to.Add(-m.period) // the window lies within one period: the last that is over
	}
	in := &cloudwatch.GetMetricDataInput{StartTime: &from, EndTime: &to, ScanBy: types.ScanByTimestampAscending, MetricDataQueries: m.queries(service)}
	answers := make([]answer, len(m.sources))
	var all incident.Provenance
	for page := 0; ; page++ {
		out, p, err := awscall.Do(ctx, m.call, "GetMetricData", m.api.GetMetricData, in)
		if err != nil {
			return nil, p, err
		}
		all = awscall.Merge(all, p)
		if err := collect(answers, out.MetricDataResults, all); err != nil {
			return nil, all, err
		}
		if aws.ToString(out.NextToken) == "" {
			break
		}
		if page == maxPages {
			return nil, all, awscall.Malformed(all, "the pages do not end; ask for a shorter window or a longer period")
		}
		in.NextToken = out.NextToken
	}
	series, err := m.series(service, answers, all)
	return series, all, err
}

func (m *Metrics) queries(service string) []types.MetricDataQuery {
	out := make([]types.MetricDataQuery, len(m.sources))
	for i, s := range m.sources {
		out[i] = types.MetricDataQuery{Id: aws.String(queryID(i)), ReturnData: aws.Bool(true), MetricStat: &types.MetricStat{
			Metric: &types.Metric{Namespace: aws.String(s.namespace), MetricName: aws.String(s.metric), Dimensions: s.dimensions(service)},
			Period: aws.Int32(int32(m.period / time.Second)), Stat: aws.String(s.stat),
		}}
	}
	return out
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

// series turns the answers into measures. A result that stayed incomplete is
// an error: half of a series can show a recovery that is none.
func (m *Metrics) series(service string, answers []answer, p incident.Provenance) ([]incident.Series, error) {
	var out []incident.Series
	for i, s := range m.sources {
		a := answers[i]
		switch a.status {
		case types.StatusCodeComplete, "":
		case types.StatusCodeForbidden:
			return nil, incident.Errorf(incident.KindDenied, "cloudwatch GetMetricData: %s %s is forbidden; the worker's role needs cloudwatch:GetMetricData", s.namespace, s.metric)
		default:
			return nil, incident.Errorf(incident.KindUnavailable, "cloudwatch GetMetricData: %s %s came back as %s (request %s); it may succeed later", s.namespace, s.metric, a.status, p.RequestID)
		}
		known := slices.ContainsFunc(out, func(o incident.Series) bool { return o.Metric == s.measure })
		if len(a.points) == 0 || known {
			continue
		}
		for k := range a.points {
			a.points[k].Value *= s.scale
		}
		slices.SortStableFunc(a.points, func(x, y incident.Point) int { return x.At.Compare(y.At) })
		out = append(out, incident.Series{Service: service, Metric: s.measure, Unit: s.unit, Points: a.points})
	}
	return out, nil
}
