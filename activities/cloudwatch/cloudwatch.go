// Package cloudwatch reads the standard measures of a service from Amazon
// CloudWatch. Application signals and ECS are asked first; of a service that
// neither knows it finds out by ListMetrics what it is: a database, a cache, a
// queue, a table, a function or a load balancer of that name. What AWS calls
// their metrics becomes a measure of Vigil's where there is one, in its unit;
// every other metric is returned under its own name in snake_case.
//
// # Limits
//
//   - Only periods that are over are read: a period in progress holds fewer
//     requests than it will, and would look like a drop in traffic.
//   - Of a resource at most 60 metrics are read, those with a measure first, and
//     of a metric that exists only by a further dimension, such as a table's
//     operation, the largest of at most ten.
//   - A load balancer is found by its name or by all of its dimension, among
//     the first 2,500 metrics of load balancers.
//   - A metric that counts what goes wrong and is not there is zero where what
//     it is a share of is there: load balancers publish no zeros.
//
// Metrics is immutable and safe for concurrent use.
package cloudwatch

import (
	"cmp"
	"context"
	"slices"
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
	api    *cloudwatch.Client
	call   awscall.Caller
	period time.Duration
	config Config
}

var _ activities.Metrics = (*Metrics)(nil)

// source is one CloudWatch metric that holds a measure of a service, or a
// part of one.
type source struct {
	measure    incident.Metric
	unit       string
	namespace  string
	metric     string
	stat       string
	dimensions []types.Dimension
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
		api:    cloudwatch.NewFromConfig(awscall.Prepare(cfg, readTimeout)),
		call:   awscall.New(service, recorder),
		period: c.Period,
		config: c,
	}, nil
}

// signals are the measures of a service that runs on ECS.
func (m *Metrics) signals(service string) []source {
	app := []types.Dimension{dimension("Environment", m.config.Environment), dimension("Service", service)}
	ecs := []types.Dimension{dimension("ClusterName", m.config.Cluster), dimension("ServiceName", service)}
	return []source{
		{incident.MetricLatency, unitMilliseconds, "ApplicationSignals", "Latency", "p95", app, 1},
		{incident.MetricErrorRate, unitShare, "ApplicationSignals", "Fault", average, app, 1},
		{incident.MetricRequestRate, unitPerSecond, "ApplicationSignals", "Latency", "SampleCount", app, 1 / m.period.Seconds()},
		{incident.MetricCPU, unitPercent, "AWS/ECS", "CPUUtilization", average, ecs, 1},
		{incident.MetricMemory, unitPercent, "AWS/ECS", "MemoryUtilization", average, ecs, 1},
	}
}

func dimension(name, value string) types.Dimension {
	return types.Dimension{Name: aws.String(name), Value: aws.String(value)}
}

// Query reads all measures of one service.
func (m *Metrics) Query(ctx context.Context, service string, w activities.Window) ([]incident.Series, incident.Provenance, error) {
	if service == "" || !w.To.After(w.From) {
		return nil, incident.Provenance{}, incident.Errorf(incident.KindInvalid, "cloudwatch: a query needs a service and a window, not %q from %s to %s", service, w.From, w.To)
	}
	series, all, err := m.read(ctx, service, m.signals(service), w)
	if err != nil || len(series) > 0 {
		return series, all, err
	}
	found, p, err := m.discover(ctx, service)
	all = awscall.Merge(all, p)
	if err != nil || len(found) == 0 {
		return nil, all, err
	}
	series, p, err = m.read(ctx, service, found, w)
	return shares(series), awscall.Merge(all, p), err
}
