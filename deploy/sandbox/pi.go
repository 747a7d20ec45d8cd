package sandbox

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"vigil/deploy/sandbox/world"
)

var piOperations = []operation{
	{"pi", "GetResourceMetrics", awsJSON, "PerformanceInsightsv20180227.GetResourceMetrics", (*Server).getResourceMetrics},
	{"pi", "DescribeDimensionKeys", awsJSON, "PerformanceInsightsv20180227.DescribeDimensionKeys", (*Server).describeDimensionKeys},
}

// The metrics of Performance Insights that the sandbox has.
const (
	loadAverage  = "db.load.avg"
	loadMaximum  = "db.load.max"
	sampledLoad  = "db.sampledload.avg"
	processors   = "os.general.numVCPUs.avg"
	callsAverage = "db.sql_tokenized.stats.calls_per_sec.avg"

	maxInsightsKeys    = 25 // of a dimension, and items on a page
	maxInsightsQueries = 15
	invalidArgument    = "InvalidArgumentException"
)

type dimensionGroup struct {
	Group      string
	Dimensions []string
	Limit      *int
}

func (g *dimensionGroup) limit() int {
	if g.Limit == nil {
		return 10
	}
	return *g.Limit
}

// dimensionGroups say how a load is taken apart: the values of a group, and
// which of them a statement that waits for something belongs to.
var dimensionGroups = map[string]func(st world.Statement, wait string) map[string]string{
	"db.wait_event": func(_ world.Statement, wait string) map[string]string {
		kind, name, ok := strings.Cut(wait, ":")
		if !ok {
			name = kind
		}
		return map[string]string{"db.wait_event.type": kind, "db.wait_event.name": name}
	},
	"db.wait_event_type": func(_ world.Statement, wait string) map[string]string {
		kind, _, _ := strings.Cut(wait, ":")
		return map[string]string{"db.wait_event_type.name": kind}
	},
	"db.sql_tokenized": func(st world.Statement, _ string) map[string]string {
		return map[string]string{"db.sql_tokenized.id": st.ID, "db.sql_tokenized.db_id": "pi-" + st.ID[:12], "db.sql_tokenized.statement": st.SQL}
	},
	"db.user": func(st world.Statement, _ string) map[string]string {
		return map[string]string{"db.user.id": "u-" + st.User, "db.user.name": st.User}
	},
}

// insightsSpan is the time that a question is about, in whole periods.
type insightsSpan struct {
	from, to time.Time
	period   time.Duration
}

// insightsRequest is what both operations take.
type insightsRequest struct {
	ServiceType     string
	Identifier      string
	StartTime       *epoch
	EndTime         *epoch
	PeriodInSeconds *int
	MaxResults      *int
	NextToken       string
	PeriodAlignment string
}

// read checks what both operations take, and finds the database.
func (r insightsRequest) read(s *Server) (database string, span insightsSpan, size, offset int, err error) {
	i := slices.IndexFunc(s.databases(), func(d string) bool { return dbResourceID(d) == r.Identifier })
	switch {
	case r.ServiceType != "RDS":
		return "", span, 0, 0, errorf(invalidArgument, "The service type must be RDS, not %q.", r.ServiceType)
	case i < 0:
		return "", span, 0, 0, errorf(invalidArgument, "Invalid identifier %q: there is no such DbiResourceId.", r.Identifier)
	case r.StartTime == nil || r.EndTime == nil || !time.Time(*r.StartTime).Before(time.Time(*r.EndTime)):
		return "", span, 0, 0, errorf(invalidArgument, "StartTime and EndTime are required, and the start must be before the end.")
	case time.Time(*r.StartTime).Before(s.world.Now().Add(-7 * 24 * time.Hour)):
		return "", span, 0, 0, errorf(invalidArgument, "The start time is further back than the seven days that are kept.")
	}
	seconds := 60
	if r.PeriodInSeconds != nil {
		seconds = *r.PeriodInSeconds
	}
	if !slices.Contains([]int{1, 60, 300, 3600, 86400}, seconds) {
		return "", span, 0, 0, errorf(invalidArgument, "PeriodInSeconds must be 1, 60, 300, 3600 or 86400, not %d.", seconds)
	}
	size = maxInsightsKeys
	if r.MaxResults != nil {
		if size = *r.MaxResults; size < 1 || size > maxInsightsKeys {
			return "", span, 0, 0, errorf(invalidArgument, "MaxResults must be from 1 to %d.", maxInsightsKeys)
		}
	}
	if offset, err = pageOffset(r.NextToken); err != nil {
		return "", span, 0, 0, errorf(invalidArgument, "The token is not one of the sandbox's.")
	}
	span.period = time.Duration(seconds) * time.Second
	span.from = time.Time(*r.StartTime).Truncate(span.period)
	span.to = time.Time(*r.EndTime)
	if whole := span.to.Truncate(span.period); !whole.Equal(span.to) {
		span.to = whole.Add(span.period)
	}
	return s.databases()[i], span, size, offset, nil
}

type dataPoint struct {
	Timestamp epoch
	Value     float64
}

type metricKey struct {
	Metric     string
	Dimensions map[string]string `json:",omitempty"`
}

type metricPoints struct {
	Key        metricKey
	DataPoints []dataPoint
}

// getResourceMetrics gives each metric asked for, and after it its parts by
// the dimension asked for, the largest first.
func (s *Server) getResourceMetrics(x *exchange) (any, error) {
	var in struct {
		insightsRequest
		MetricQueries []struct {
			Metric  string
			GroupBy *dimensionGroup
			Filter  map[string]string
		}
	}
	if err := x.decode(&in); err != nil {
		return nil, err
	}
	database, span, size, offset, err := in.read(s)
	if err != nil {
		return nil, err
	}
	x.note("database", database)
	if n := len(in.MetricQueries); n < 1 || n > maxInsightsQueries {
		return nil, errorf(invalidArgument, "There are %d metric queries; use 1 to %d.", n, maxInsightsQueries)
	}
	load, _ := s.world.Load(database, span.from, span.to)
	all := []metricPoints{}
	for _, q := range in.MetricQueries {
		switch {
		case len(q.Filter) > 0:
			return nil, errorf(invalidArgument, "The sandbox filters nothing; group by the dimension instead.")
		case q.Metric == processors && q.GroupBy == nil:
			all = append(all, metricPoints{metricKey{Metric: q.Metric}, span.points(load, func(world.LoadSample) float64 { return world.DatabaseCPUs }, false)})
			continue
		case q.Metric != loadAverage && q.Metric != loadMaximum && q.Metric != sampledLoad:
			return nil, errorf(invalidArgument, "There is no metric %q; the sandbox has %s, %s, %s, and %s undivided.", q.Metric, loadAverage, loadMaximum, sampledLoad, processors)
		}
		largest := q.Metric == loadMaximum
		all = append(all, metricPoints{metricKey{Metric: q.Metric}, span.points(load, world.LoadSample.Total, largest)})
		if q.GroupBy == nil {
			continue
		}
		parts, err := divide(load, q.GroupBy)
		if err != nil {
			return nil, err
		}
		for _, p := range parts {
			all = append(all, metricPoints{metricKey{q.Metric, p.dimensions}, span.points(load, p.of, largest)})
		}
	}
	page, next := paginate(all, offset, size)
	out := map[string]any{"Identifier": in.Identifier, "AlignedStartTime": epoch(span.from), "AlignedEndTime": epoch(span.to), "MetricList": page}
	if next != "" {
		out["NextToken"] = next
	}
	return out, nil
}

// describeDimensionKeys gives the parts of the load by one dimension, the
// largest first, and each divided by another where one is asked for.
func (s *Server) describeDimensionKeys(x *exchange) (any, error) {
	var in struct {
		insightsRequest
		Metric            string
		GroupBy           *dimensionGroup
		PartitionBy       *dimensionGroup
		AdditionalMetrics []string
		Filter            map[string]string
	}
	if err := x.decode(&in); err != nil {
		return nil, err
	}
	database, span, size, offset, err := in.read(s)
	if err != nil {
		return nil, err
	}
	x.note("database", database)
	switch {
	case in.Metric != loadAverage && in.Metric != sampledLoad:
		return nil, errorf(invalidArgument, "The metric must be %s or %s, not %q.", loadAverage, sampledLoad, in.Metric)
	case in.GroupBy == nil:
		return nil, errorf(invalidArgument, "GroupBy is required.")
	case len(in.Filter) > 0:
		return nil, errorf(invalidArgument, "The sandbox filters nothing; group by the dimension instead.")
	case len(in.AdditionalMetrics) > 0 && in.GroupBy.Group != "db.sql_tokenized":
		return nil, errorf(invalidArgument, "Additional metrics go with the group db.sql_tokenized.")
	}
	for _, m := range in.AdditionalMetrics {
		if m != callsAverage {
			return nil, errorf(invalidArgument, "There is no additional metric %q; the sandbox has %s.", m, callsAverage)
		}
	}
	x.note("group", in.GroupBy.Group)
	load, _ := s.world.Load(database, span.from, span.to)
	parts, err := divide(load, in.GroupBy)
	if err != nil {
		return nil, err
	}
	var shares []part
	if in.PartitionBy != nil {
		if shares, err = divide(load, in.PartitionBy); err != nil {
			return nil, err
		}
	}
	out := map[string]any{"AlignedStartTime": epoch(span.from), "AlignedEndTime": epoch(span.to)}
	partitionKeys := []map[string]any{}
	for _, sh := range shares {
		partitionKeys = append(partitionKeys, map[string]any{"Dimensions": sh.dimensions})
	}
	if len(shares) > 0 {
		out["PartitionKeys"] = partitionKeys
	}
	keys := []map[string]any{}
	page, next := paginate(parts, offset, size)
	for _, p := range page {
		k := map[string]any{"Dimensions": p.dimensions, "Total": p.total}
		if len(shares) > 0 {
			values := []float64{}
			for _, sh := range shares {
				values = append(values, meanOf(load, p.both(sh)))
			}
			k["Partitions"] = values
		}
		if len(in.AdditionalMetrics) > 0 {
			calls := map[string]float64{}
			for i, st := range load.Statements {
				if st.ID == p.dimensions["db.sql_tokenized.id"] {
					calls[callsAverage] = meanOf(load, func(s world.LoadSample) float64 { return s.Calls(i) })
				}
			}
			k["AdditionalMetrics"] = calls
		}
		keys = append(keys, k)
	}
	out["Keys"] = keys
	if next != "" {
		out["NextToken"] = next
	}
	return out, nil
}

// part is a part of a load: some statements, waiting for some things.
type part struct {
	dimensions map[string]string
	cells      map[[2]int]bool
	total      float64 // average over the time that is asked for
}

// of is the part's load in one sample.
func (p part) of(s world.LoadSample) float64 {
	var sum float64
	for c := range p.cells {
		sum += s.Of(c[0], c[1])
	}
	return sum
}

// both is the load that belongs to p and to q.
func (p part) both(q part) func(world.LoadSample) float64 {
	shared := part{cells: map[[2]int]bool{}}
	for c := range p.cells {
		if q.cells[c] {
			shared.cells[c] = true
		}
	}
	return shared.of
}

// divide takes a load apart, the largest parts first; what has no load is no part.
func divide(load world.Load, by *dimensionGroup) ([]part, error) {
	values, ok := dimensionGroups[by.Group]
	if !ok {
		return nil, errorf(invalidArgument, "There is no dimension group %q; the sandbox has %v.", by.Group, slices.Sorted(maps.Keys(dimensionGroups)))
	}
	if n := by.limit(); n < 1 || n > maxInsightsKeys {
		return nil, errorf(invalidArgument, "The limit must be from 1 to %d, not %d.", maxInsightsKeys, n)
	}
	var parts []part
	for i, st := range load.Statements {
		for k, wait := range world.WaitNames {
			d := values(st, wait)
			at := slices.IndexFunc(parts, func(p part) bool { return maps.Equal(p.dimensions, d) })
			if at < 0 {
				at = len(parts)
				parts = append(parts, part{dimensions: d, cells: map[[2]int]bool{}})
			}
			parts[at].cells[[2]int{i, k}] = true
		}
	}
	for i := range parts {
		parts[i].total = meanOf(load, parts[i].of)
		if len(by.Dimensions) > 0 {
			maps.DeleteFunc(parts[i].dimensions, func(name, _ string) bool { return !slices.Contains(by.Dimensions, name) })
		}
	}
	parts = slices.DeleteFunc(parts, func(p part) bool { return p.total == 0 })
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(b.total, a.total) })
	return parts[:min(len(parts), by.limit())], nil
}

// meanOf is the mean over all samples, 0 where there are none.
func meanOf(load world.Load, of func(world.LoadSample) float64) float64 {
	if len(load.Samples) == 0 {
		return 0
	}
	var sum float64
	for _, s := range load.Samples {
		sum += of(s)
	}
	return sum / float64(len(load.Samples))
}

// points makes a point of each period that has samples, of their mean or of
// the largest of them.
func (p insightsSpan) points(load world.Load, of func(world.LoadSample) float64, largest bool) []dataPoint {
	out := []dataPoint{}
	for i := 0; i < len(load.Samples); {
		start := load.Samples[i].At.Truncate(p.period)
		var total, most float64
		j := i
		for ; j < len(load.Samples) && load.Samples[j].At.Before(start.Add(p.period)); j++ {
			v := of(load.Samples[j])
			total, most = total+v, max(most, v)
		}
		v := total / float64(j-i)
		if largest {
			v = most
		}
		out = append(out, dataPoint{epoch(start), v})
		i = j
	}
	return out
}
