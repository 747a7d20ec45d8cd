package sandbox

import (
	"slices"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"

	"vigil/deploy/sandbox/world"
)

var cloudwatchOperations = []operation{
	{"cloudwatch", "GetMetricData", rpcCBOR, "/service/GraniteServiceVersion20100801/operation/GetMetricData", (*Server).getMetricData},
}

// published is one metric of the world under the name that CloudWatch has for it.
type published struct {
	namespace, name string
	fixed           [2]string // dimension that is the same for all
	dimension       string    // dimension that names the service
	kind            world.Kind
	metric          world.Metric
	scale           float64
	statistics      []string
}

const average, sampleCount, p95 = "Average", "SampleCount", "p95"

var levels = []string{average, "Minimum", "Maximum"}

var publishedMetrics = func() []published {
	signals, ecs := [2]string{"Environment", world.Environment}, [2]string{"ClusterName", world.Cluster}
	var none [2]string
	return []published{
		{"ApplicationSignals", "Latency", signals, "Service", world.KindECS, world.MetricLatency, 1, []string{p95, sampleCount}},
		{"ApplicationSignals", "Fault", signals, "Service", world.KindECS, world.MetricErrors, 1, []string{average}},
		{"AWS/ECS", "CPUUtilization", ecs, "ServiceName", world.KindECS, world.MetricCPU, 1, levels},
		{"AWS/ECS", "MemoryUtilization", ecs, "ServiceName", world.KindECS, world.MetricMemory, 1, levels},
		{"AWS/RDS", "CPUUtilization", none, "DBInstanceIdentifier", world.KindDatabase, world.MetricCPU, 1, levels},
		{"AWS/RDS", "DatabaseConnections", none, "DBInstanceIdentifier", world.KindDatabase, world.MetricConnections, 1, levels},
		{"AWS/RDS", "ReadLatency", none, "DBInstanceIdentifier", world.KindDatabase, world.MetricLatency, 0.001, levels},
		{"AWS/ElastiCache", "CPUUtilization", none, "CacheClusterId", world.KindCache, world.MetricCPU, 1, levels},
		{"AWS/ElastiCache", "CurrConnections", none, "CacheClusterId", world.KindCache, world.MetricConnections, 1, levels},
	}
}()

const maxMetricQueries = 500

// metricQuery is one entry of MetricDataQueries.
type metricQuery struct {
	id, label, namespace, name, stat string
	dimensions                       map[string]string
	period                           time.Duration
	returned                         bool
}

// getMetricData answers all queries on one page.
//
// A period is published once it is over, so the latest point is never made of
// fewer samples than the ones before it. Periods without a sample have no
// point. SampleCount is requests: the rate times the length of the period.
func (s *Server) getMetricData(x *exchange) (any, error) {
	body, err := cbor.Decode(x.body)
	if err != nil {
		return nil, errorf("SerializationException", "The body is not CBOR: %v", err)
	}
	in, ok := body.(cbor.Map)
	if !ok {
		return nil, errorf("SerializationException", "The body is a %T, not a map.", body)
	}
	if text(in["NextToken"]) != "" {
		return nil, errorf("InvalidNextToken", "The sandbox answers on one page and gives out no tokens.")
	}
	from, err := cborTimestamp(in, "StartTime")
	if err != nil {
		return nil, err
	}
	to, err := cborTimestamp(in, "EndTime")
	if err != nil {
		return nil, err
	}
	if !from.Before(to) {
		return nil, errorf("InvalidParameterValueException", "The parameter StartTime must be less than the parameter EndTime.")
	}
	list, _ := in["MetricDataQueries"].(cbor.List)
	if len(list) == 0 {
		return nil, errorf("MissingRequiredParameterException", "The parameter MetricDataQueries is required.")
	}
	if len(list) > maxMetricQueries {
		return nil, errorf("InvalidParameterValueException", "There are %d queries; %d is the most.", len(list), maxMetricQueries)
	}
	ascending := text(in["ScanBy"]) == "TimestampAscending"
	results := cbor.List{}
	var services []string
	for _, v := range list {
		q, err := parseMetricQuery(v)
		if err != nil {
			return nil, err
		}
		times, values, service, err := s.evaluate(q, from, to)
		if err != nil {
			return nil, err
		}
		if service != "" && !slices.Contains(services, service) {
			services = append(services, service)
		}
		if !q.returned {
			continue
		}
		if !ascending {
			slices.Reverse(times)
			slices.Reverse(values)
		}
		results = append(results, cbor.Map{
			"Id": cbor.String(q.id), "Label": cbor.String(q.label), "StatusCode": cbor.String("Complete"),
			"Timestamps": cbor.List(times), "Values": cbor.List(values),
		})
	}
	x.note("queries", len(list))
	x.note("services", services)
	return cbor.Map{"MetricDataResults": results, "Messages": cbor.List{}}, nil
}

func parseMetricQuery(v cbor.Value) (metricQuery, error) {
	m, _ := v.(cbor.Map)
	q := metricQuery{id: text(m["Id"]), dimensions: map[string]string{}, returned: true}
	if b, ok := m["ReturnData"].(cbor.Bool); ok {
		q.returned = bool(b)
	}
	if q.id == "" {
		return q, errorf("MissingRequiredParameterException", "A query has no Id.")
	}
	stat, ok := m["MetricStat"].(cbor.Map)
	if !ok || m["Expression"] != nil {
		return q, errorf("InvalidParameterValueException", "Query %s: the sandbox answers MetricStat and computes no expressions.", q.id)
	}
	metric, _ := stat["Metric"].(cbor.Map)
	q.namespace, q.name, q.stat = text(metric["Namespace"]), text(metric["MetricName"]), text(stat["Stat"])
	q.label = q.name
	if l := text(m["Label"]); l != "" {
		q.label = l
	}
	dimensions, _ := metric["Dimensions"].(cbor.List)
	for _, d := range dimensions {
		if d, ok := d.(cbor.Map); ok {
			q.dimensions[text(d["Name"])] = text(d["Value"])
		}
	}
	seconds, err := cbor.AsInt32(orZero(stat["Period"]))
	if err != nil || !validPeriod(seconds) {
		return q, errorf("InvalidParameterValueException", "Query %s: Period must be 1, 5, 10, 20, 30 or a multiple of 60.", q.id)
	}
	q.period = time.Duration(seconds) * time.Second
	return q, nil
}

func validPeriod(seconds int32) bool {
	return seconds > 0 && seconds%60 == 0 || slices.Contains([]int32{1, 5, 10, 20, 30}, seconds)
}

// evaluate computes the points of one query, oldest first. A metric that does
// not exist has none.
func (s *Server) evaluate(q metricQuery, from, to time.Time) (times, values []cbor.Value, service string, err error) {
	m, service := q.find()
	if m == nil {
		return nil, nil, service, nil
	}
	if !slices.Contains(m.statistics, q.stat) {
		return nil, nil, service, errorf("InvalidParameterValueException", "Query %s: the sandbox has %v of %s, not %q.", q.id, m.statistics, q.name, q.stat)
	}
	from = from.Truncate(q.period)
	// The sample of a tick stands for the tick that it ends, so a period is over
	// when its last tick is there.
	over := s.world.Latest().Add(s.world.Tick())
	samples := s.world.Samples(service, from, to)
	for i := 0; i < len(samples); {
		start := samples[i].At.Truncate(q.period)
		j := i
		for j < len(samples) && samples[j].At.Before(start.Add(q.period)) {
			j++
		}
		if end := start.Add(q.period); !end.After(over) && start.Before(to) {
			times = append(times, cborTime(start))
			values = append(values, cbor.Float64(q.aggregate(samples[i:j], m)))
		}
		i = j
	}
	return times, values, service, nil
}

// find returns the metric that the query is about, and whose.
func (q metricQuery) find() (*published, string) {
	for i := range publishedMetrics {
		m := &publishedMetrics[i]
		want := 1
		if m.fixed[0] != "" {
			want = 2
		}
		service := q.dimensions[m.dimension]
		if q.namespace != m.namespace || q.name != m.name || len(q.dimensions) != want || (want == 2 && q.dimensions[m.fixed[0]] != m.fixed[1]) {
			continue
		}
		if kind, ok := world.KindOf(service); ok && kind == m.kind {
			return m, service
		}
	}
	return nil, ""
}

func (q metricQuery) aggregate(samples []world.Sample, m *published) float64 {
	metric := m.metric
	if q.stat == sampleCount {
		metric = world.MetricRate
	}
	sum, least, most := 0.0, samples[0].Value(metric), samples[0].Value(metric)
	for _, s := range samples {
		v := s.Value(metric)
		sum, least, most = sum+v, min(least, v), max(most, v)
	}
	mean := sum / float64(len(samples))
	switch q.stat {
	case sampleCount:
		return mean * q.period.Seconds()
	case "Minimum":
		return least * m.scale
	case "Maximum":
		return most * m.scale
	}
	return mean * m.scale
}

func cborTimestamp(in cbor.Map, name string) (time.Time, error) {
	if in[name] == nil {
		return time.Time{}, errorf("MissingRequiredParameterException", "The parameter %s is required.", name)
	}
	t, err := cbor.AsTime(in[name])
	if err != nil {
		return time.Time{}, errorf("InvalidParameterValueException", "The parameter %s is no time: %v", name, err)
	}
	return t.UTC(), nil
}

func text(v cbor.Value) string {
	s, _ := v.(cbor.String)
	return string(s)
}

func orZero(v cbor.Value) cbor.Value {
	if v == nil {
		return cbor.Uint(0)
	}
	return v
}
