package rds

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/pi"
	pitypes "github.com/aws/aws-sdk-go-v2/service/pi/types"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"vigil/activities"
	"vigil/activities/internal/awscall"
	"vigil/workflows/incident"
)

const (
	keepsLoad = 7 * 24 * time.Hour
	maxWaits  = 10
	maxSQL    = 10
)

// The words of Performance Insights.
const (
	loadMetric = "db.load.avg"
	cpuMetric  = "os.general.numVCPUs.avg"
	waitGroup  = "db.wait_event"
	sqlGroup   = "db.sql_tokenized"
	userGroup  = "db.user"
)

// callRates are the metrics that say how often a statement ran, by the word
// that the name of an engine holds.
var callRates = []struct{ engine, metric string }{
	{"postgres", "db.sql_tokenized.stats.calls_per_sec.avg"},
	{"mysql", "db.sql_tokenized.stats.count_star_per_sec.avg"},
	{"mariadb", "db.sql_tokenized.stats.count_star_per_sec.avg"},
}

// Load returns what a database spent its time on; nil where the service is no
// database or Performance Insights is off.
func (d *Database) Load(ctx context.Context, service string, w activities.Window) (*incident.DatabaseLoad, incident.Provenance, error) {
	w, err := checked(service, w, keepsLoad)
	if err != nil {
		return nil, incident.Provenance{}, err
	}
	db, all, err := d.find(ctx, service)
	if err != nil || db == nil {
		return nil, all, err
	}
	var busiest *incident.DatabaseLoad
	for _, i := range db.instances {
		if !aws.ToBool(i.PerformanceInsightsEnabled) || aws.ToString(i.DbiResourceId) == "" || strings.Contains(aws.ToString(i.Engine), "docdb") {
			continue
		}
		load, p, err := d.instanceLoad(ctx, i, w)
		all = awscall.Merge(all, p)
		if err != nil {
			return nil, all, err
		}
		if load != nil && (busiest == nil || load.Average > busiest.Average) {
			busiest = load
		}
	}
	return busiest, all, nil
}

// period is a length of time that Performance Insights has points of, such
// that a window has enough of them and not too many.
func period(w activities.Window) time.Duration {
	switch span := w.To.Sub(w.From); {
	case span <= 5*time.Minute:
		return time.Second
	case span <= 5*time.Hour:
		return time.Minute
	case span <= 24*time.Hour:
		return 5 * time.Minute
	}
	return time.Hour
}

func (d *Database) instanceLoad(ctx context.Context, i types.DBInstance, w activities.Window) (*incident.DatabaseLoad, incident.Provenance, error) {
	step := period(w)
	from, to := w.From.Truncate(step), w.To.Truncate(step).Add(step) // the end is exclusive
	look := dimensions{id: i.DbiResourceId, from: from, to: to, step: aws.Int32(int32(step / time.Second))}
	load, all, err := d.average(ctx, i, look)
	if err != nil || load == nil {
		return nil, all, err
	}
	keys, _, p, err := d.keys(ctx, look, waitGroup, "", nil)
	all = awscall.Merge(all, p)
	if err != nil {
		return nil, all, err
	}
	for _, k := range keys {
		load.Waits = append(load.Waits, incident.WaitLoad{Name: waitName(k.Dimensions), Load: aws.ToFloat64(k.Total)})
	}
	load.Waits = largest(load.Waits)
	if load.Statements, p, err = d.statements(ctx, i, look); err != nil {
		return nil, p, err
	}
	return load, awscall.Merge(all, p), nil
}

// average reads the load and the number of CPUs; nil where there are no points.
func (d *Database) average(ctx context.Context, i types.DBInstance, look dimensions) (*incident.DatabaseLoad, incident.Provenance, error) {
	in := &pi.GetResourceMetricsInput{ServiceType: pitypes.ServiceTypeRds, Identifier: look.id, StartTime: &look.from, EndTime: &look.to,
		PeriodInSeconds: look.step, MetricQueries: []pitypes.MetricQuery{{Metric: aws.String(loadMetric)}}}
	if aws.ToInt32(i.MonitoringInterval) > 0 { // only then does the operating system's part exist
		in.MetricQueries = append(in.MetricQueries, pitypes.MetricQuery{Metric: aws.String(cpuMetric)})
	}
	var (
		load incident.DatabaseLoad
		sum  float64
		n    int
		all  incident.Provenance
	)
	for range maxPages {
		out, p, err := awscall.Do(ctx, d.load, "GetResourceMetrics", d.pi.GetResourceMetrics, in)
		all = awscall.Merge(all, p)
		if err != nil {
			return nil, all, err
		}
		for _, m := range out.MetricList {
			for _, point := range m.DataPoints {
				switch v := point.Value; {
				case v == nil || m.Key == nil:
				case aws.ToString(m.Key.Metric) == loadMetric:
					sum, n, load.Peak = sum+*v, n+1, max(load.Peak, *v)
				case aws.ToString(m.Key.Metric) == cpuMetric:
					load.CPUs = max(load.CPUs, *v)
				}
			}
		}
		if aws.ToString(out.NextToken) == "" {
			break
		}
		in.NextToken = out.NextToken
	}
	if n == 0 {
		return nil, all, nil
	}
	load.Average = sum / float64(n)
	if load.CPUs == 0 {
		load.CPUs = processors(i.ProcessorFeatures)
	}
	return &load, all, nil
}

// processors is what an instance with a configured processor has; 0 where
// that is not said.
func processors(features []types.ProcessorFeature) float64 {
	product := map[string]float64{}
	for _, f := range features {
		if n, err := strconv.ParseFloat(aws.ToString(f.Value), 64); err == nil { // not a number: not known
			product[aws.ToString(f.Name)] = n
		}
	}
	return product["coreCount"] * product["threadsPerCore"]
}

// statements are the digests with the largest loads, what they waited for and
// who ran them most.
func (d *Database) statements(ctx context.Context, i types.DBInstance, look dimensions) ([]incident.Statement, incident.Provenance, error) {
	engine, rate := aws.ToString(i.Engine), ""
	for _, c := range callRates {
		if strings.Contains(engine, c.engine) {
			rate = c.metric
			break
		}
	}
	var more []string
	if rate != "" {
		more = []string{rate}
	}
	keys, parts, all, err := d.keys(ctx, look, sqlGroup, waitGroup, more)
	if err != nil || len(keys) == 0 {
		return nil, all, err
	}
	byUser, users, p, err := d.keys(ctx, look, sqlGroup, userGroup, nil)
	all = awscall.Merge(all, p)
	if err != nil {
		return nil, all, err
	}
	var out []incident.Statement
	for _, k := range keys {
		s := incident.Statement{SQL: activities.Redact(mask(statement(k.Dimensions), strings.Contains(engine, "mysql") || strings.Contains(engine, "mariadb"))),
			Load: aws.ToFloat64(k.Total), CallsPerSecond: k.AdditionalMetrics[rate]}
		for n, v := range k.Partitions {
			if n < len(parts) && v > 0 {
				s.Waits = append(s.Waits, incident.WaitLoad{Name: waitName(parts[n].Dimensions), Load: v})
			}
		}
		s.Waits, s.User = largest(s.Waits), mostUser(k, byUser, users)
		if s.SQL != "" {
			out = append(out, s)
		}
	}
	slices.SortStableFunc(out, func(a, b incident.Statement) int { return cmp.Compare(b.Load, a.Load) })
	return out[:min(len(out), maxSQL)], all, nil
}

// mostUser is the user with the largest part of a statement's load.
func mostUser(k pitypes.DimensionKeyDescription, byUser []pitypes.DimensionKeyDescription, users []pitypes.ResponsePartitionKey) string {
	name, most := "", 0.0
	for _, other := range byUser {
		if other.Dimensions["db.sql_tokenized.id"] != k.Dimensions["db.sql_tokenized.id"] || statement(other.Dimensions) != statement(k.Dimensions) {
			continue
		}
		for n, v := range other.Partitions {
			if n < len(users) && v > most {
				name, most = users[n].Dimensions["db.user.name"], v
			}
		}
	}
	return name
}

// dimensions is whose load is taken apart, and when.
type dimensions struct {
	id       *string
	from, to time.Time
	step     *int32
}

// keys takes the load apart by one dimension, and each part by another.
func (d *Database) keys(ctx context.Context, look dimensions, by, partition string, more []string) ([]pitypes.DimensionKeyDescription, []pitypes.ResponsePartitionKey, incident.Provenance, error) {
	in := &pi.DescribeDimensionKeysInput{ServiceType: pitypes.ServiceTypeRds, Identifier: look.id, StartTime: &look.from, EndTime: &look.to, PeriodInSeconds: look.step,
		Metric: aws.String(loadMetric), GroupBy: &pitypes.DimensionGroup{Group: aws.String(by), Limit: aws.Int32(maxSQL)}, AdditionalMetrics: more}
	if partition != "" {
		in.PartitionBy = &pitypes.DimensionGroup{Group: aws.String(partition), Limit: aws.Int32(maxWaits)}
	}
	out, p, err := awscall.Do(ctx, d.load, "DescribeDimensionKeys", d.pi.DescribeDimensionKeys, in)
	if err != nil {
		return nil, nil, p, err
	}
	return out.Keys, out.PartitionKeys, p, nil
}

func statement(dimensions map[string]string) string { return dimensions["db.sql_tokenized.statement"] }

// waitName is type:name, as PostgreSQL's waits are written; engines whose
// names hold their type already keep them.
func waitName(dimensions map[string]string) string {
	kind, name := dimensions["db.wait_event.type"], dimensions["db.wait_event.name"]
	if name == "" || kind == "" || name == kind || strings.ContainsAny(name, ":/") {
		return cmp.Or(name, kind, "unknown")
	}
	return kind + ":" + name
}

func largest(waits []incident.WaitLoad) []incident.WaitLoad {
	slices.SortStableFunc(waits, func(a, b incident.WaitLoad) int { return cmp.Compare(b.Load, a.Load) })
	return waits[:min(len(waits), maxWaits)]
}
