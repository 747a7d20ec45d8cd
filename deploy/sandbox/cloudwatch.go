package sandbox

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"

	"vigil/deploy/sandbox/world"
	"vigil/workflows/incident"
)

var cloudwatchOperations = []operation{
	{"cloudwatch", "GetMetricData", rpcCBOR, "/service/GraniteServiceVersion20100801/operation/GetMetricData", (*Server).getMetricData},
	{"cloudwatch", "ListMetrics", rpcCBOR, "/service/GraniteServiceVersion20100801/operation/ListMetrics", (*Server).listMetrics},
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

const average, sampleCount, sum, p95 = "Average", "SampleCount", "Sum", "p95"

var levels = []string{average, "Minimum", "Maximum"}

var publishedMetrics = func() []published {
	signals, ecs := [2]string{"Environment", world.Environment}, [2]string{"ClusterName", world.Cluster}
	var none [2]string
	out := []published{
		{"ApplicationSignals", "Latency", signals, "Service", world.KindECS, world.MetricLatency, 1, []string{p95, sampleCount}},
		{"ApplicationSignals", "Fault", signals, "Service", world.KindECS, world.MetricErrors, 1, []string{average}},
		{"AWS/ECS", "CPUUtilization", ecs, "ServiceName", world.KindECS, world.MetricCPU, 1, levels},
		{"AWS/ECS", "MemoryUtilization", ecs, "ServiceName", world.KindECS, world.MetricMemory, 1, levels},
		{"AWS/ElastiCache", "CPUUtilization", none, "CacheClusterId", world.KindCache, world.MetricCPU, 1, levels},
		{"AWS/ElastiCache", "CurrConnections", none, "CacheClusterId", world.KindCache, world.MetricConnections, 1, levels},
		{"AWS/ElastiCache", "CacheHitRate", none, "CacheClusterId", world.KindCache, incident.MetricCacheHitRate, 100, levels},
		{"AWS/ElastiCache", "FreeableMemory", none, "CacheClusterId", world.KindCache, incident.MetricFreeMemory, 1, levels},
		{"AWS/SQS", "ApproximateNumberOfMessagesVisible", none, "QueueName", world.KindQueue, incident.MetricQueueDepth, 1, levels},
		{"AWS/SQS", "ApproximateAgeOfOldestMessage", none, "QueueName", world.KindQueue, incident.MetricQueueAge, 1, levels},
		{"AWS/DynamoDB", "ThrottledRequests", none, "TableName", world.KindTable, incident.MetricThrottles, 1, []string{sum, sampleCount}},
		{"AWS/DynamoDB", "SuccessfulRequestLatency", none, "TableName", world.KindTable, world.MetricLatency, 1, levels},
	}
	for name, m := range map[string]struct {
		metric world.Metric
		scale  float64
	}{
		"CPUUtilization": {world.MetricCPU, 1}, "DatabaseConnections": {world.MetricConnections, 1},
		"FreeStorageSpace": {incident.MetricFreeStorage, 1}, "FreeableMemory": {incident.MetricFreeMemory, 1}, "SwapUsage": {incident.MetricSwap, 1},
		"ReadIOPS": {incident.MetricReadIOPS, 1}, "WriteIOPS": {incident.MetricWriteIOPS, 1},
		"ReadLatency": {incident.MetricReadLatency, 0.001}, "WriteLatency": {incident.MetricWriteLatency, 0.001},
		"DiskQueueDepth": {incident.MetricDiskQueue, 1}, "TransactionLogsGeneration": {incident.MetricTransactionLogs, 1},
		"DBLoad":                    {incident.MetricDatabaseLoad, 1},
		"NetworkReceiveThroughput":  {incident.MetricNetworkIn, 1},
		"NetworkTransmitThroughput": {incident.MetricNetworkOut, 1},
	} {
		out = append(out, published{"AWS/RDS", name, none, "DBInstanceIdentifier", world.KindDatabase, m.metric, m.scale, levels})
	}
	slices.SortStableFunc(out, func(a, b published) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
	})
	return out
}()

const (
	maxMetricQueries = 500
	maxDatapoints    = 100_800 // on one page of GetMetricData
	maxListed        = 500     // metrics on one page of ListMetrics
)

// metricQuery is one entry of MetricDataQueries.
type metricQuery struct {
	id, label, namespace, name, stat string
	dimensions                       map[string]string
	period                           time.Duration
	returned                         bool
}

// getMetricData answers the queries in their order, in pages of MaxDatapoints.
// A result that goes on on the next page is PartialData until it is complete.
//
// A period is published once it is over, so the latest point is never made of
// fewer samples than the ones before it. Periods without a sample have no
// point. SampleCount is requests: the rate times the length of the period.
func (s *Server) getMetricData(x *exchange) (any, error) {
	in, err := cborBody(x)
	if err != nil {
		return nil, err
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
	room := maxDatapoints
	if in["MaxDatapoints"] != nil {
		n, err := cbor.AsInt32(in["MaxDatapoints"])
		if err != nil || n < 1 || n > maxDatapoints {
			return nil, errorf("InvalidParameterValueException", "MaxDatapoints must be from 1 to %d.", maxDatapoints)
		}
		room = int(n)
	}
	// The sample of a tick stands for the tick that it ends, so a period is over
	// when its last tick is there. Further pages are of the time of the first,
	// so that none has a point twice.
	page := metricPage{over: s.world.Latest().Add(s.world.Tick())}
	if token := text(in["NextToken"]); token != "" {
		if page, err = readMetricPage(token); err != nil {
			return nil, errorf("InvalidNextToken", "The token is not one of the sandbox's.")
		}
	}
	ascending := text(in["ScanBy"]) == "TimestampAscending"
	results, next := cbor.List{}, ""
	passed := 0 // points before those of this query, on all pages
	var services []string
	for i, v := range list {
		q, err := parseMetricQuery(v)
		if err != nil {
			return nil, err
		}
		times, values, service, err := s.evaluate(q, from, to, page.over)
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
		skip := min(max(page.given-passed, 0), len(times))
		passed += len(times)
		if i < page.query || next != "" {
			continue // given before, or no room is left
		}
		end := min(len(times), skip+room)
		room -= end - skip
		state := "Complete"
		if end < len(times) {
			state = "PartialData"
		}
		results = append(results, cbor.Map{
			"Id": cbor.String(q.id), "Label": cbor.String(q.label), "StatusCode": cbor.String(state),
			"Timestamps": cbor.List(times[skip:end]), "Values": cbor.List(values[skip:end]),
		})
		switch {
		case end < len(times):
			next = metricPage{query: i, given: passed - len(times) + end, over: page.over}.token()
		case room == 0 && i+1 < len(list):
			next = metricPage{query: i + 1, given: passed, over: page.over}.token()
		}
	}
	x.note("queries", len(list))
	x.note("services", services)
	out := cbor.Map{"MetricDataResults": results, "Messages": cbor.List{}}
	if next != "" {
		out["NextToken"] = cbor.String(next)
	}
	return out, nil
}

// metricPage is where a page of GetMetricData begins.
type metricPage struct {
	query int       // the first query that is not complete
	given int       // points that earlier pages had, of all queries
	over  time.Time // periods that end later are not published yet
}

func (p metricPage) token() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %d %d", p.query, p.given, p.over.UnixMilli()))
}

func readMetricPage(token string) (p metricPage, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return p, err
	}
	var ms int64
	if _, err := fmt.Sscanf(string(raw), "%d %d %d", &p.query, &p.given, &ms); err != nil {
		return p, err
	}
	if p.query < 0 || p.given < 0 {
		return p, fmt.Errorf("a page begins at query %d, point %d", p.query, p.given)
	}
	p.over = time.UnixMilli(ms).UTC()
	return p, nil
}

// listMetrics lists every metric of the world that the filters leave, in
// pages. Dimensions filter by name, and by value where one is given.
func (s *Server) listMetrics(x *exchange) (any, error) {
	in, err := cborBody(x)
	if err != nil {
		return nil, err
	}
	offset, err := pageOffset(text(in["NextToken"]))
	if err != nil {
		return nil, errorf("InvalidNextToken", "The token is not one of the sandbox's.")
	}
	if v := text(in["RecentlyActive"]); v != "" && v != "PT3H" {
		return nil, errorf("InvalidParameterValueException", "RecentlyActive must be PT3H.")
	}
	wanted, _ := in["Dimensions"].(cbor.List)
	var found []cbor.Map
	services := s.world.Services()
	for _, m := range publishedMetrics {
		if n := text(in["Namespace"]); n != "" && n != m.namespace {
			continue
		}
		if n := text(in["MetricName"]); n != "" && n != m.name {
			continue
		}
		for _, service := range services {
			if service.Kind != m.kind {
				continue
			}
			dimensions := map[string]string{m.dimension: service.Name}
			list := cbor.List{cbor.Map{"Name": cbor.String(m.dimension), "Value": cbor.String(service.Name)}}
			if m.fixed[0] != "" {
				dimensions[m.fixed[0]] = m.fixed[1]
				list = append(list, cbor.Map{"Name": cbor.String(m.fixed[0]), "Value": cbor.String(m.fixed[1])})
			}
			if matches(dimensions, wanted) {
				found = append(found, cbor.Map{"Namespace": cbor.String(m.namespace), "MetricName": cbor.String(m.name), "Dimensions": list})
			}
		}
	}
	page, next := paginate(found, offset, maxListed)
	metrics := make(cbor.List, len(page))
	for i, m := range page {
		metrics[i] = m
	}
	x.note("metrics", len(page))
	out := cbor.Map{"Metrics": metrics}
	if next != "" {
		out["NextToken"] = cbor.String(next)
	}
	return out, nil
}

// matches reports whether a metric has all dimensions of a filter.
func matches(dimensions map[string]string, wanted cbor.List) bool {
	for _, v := range wanted {
		d, _ := v.(cbor.Map)
		have, ok := dimensions[text(d["Name"])]
		if value := text(d["Value"]); !ok || (value != "" && value != have) {
			return false
		}
	}
	return true
}

func cborBody(x *exchange) (cbor.Map, error) {
	if len(x.body) == 0 {
		return cbor.Map{}, nil
	}
	body, err := cbor.Decode(x.body)
	if err != nil {
		return nil, errorf("SerializationException", "The body is not CBOR: %v", err)
	}
	in, ok := body.(cbor.Map)
	if !ok {
		return nil, errorf("SerializationException", "The body is a %T, not a map.", body)
	}
	return in, nil
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

// evaluate computes the points of one query, oldest first, of the periods that
// end no later than over. A metric that does not exist has none.
func (s *Server) evaluate(q metricQuery, from, to, over time.Time) (times, values []cbor.Value, service string, err error) {
	m, service := s.find(q)
	if m == nil {
		return nil, nil, service, nil
	}
	if !slices.Contains(m.statistics, q.stat) {
		return nil, nil, service, errorf("InvalidParameterValueException", "Query %s: the sandbox has %v of %s, not %q.", q.id, m.statistics, q.name, q.stat)
	}
	from = from.Truncate(q.period)
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

// find returns the metric that the query is about, and whose. A table's may
// be asked for with the operation that was throttled, of which there is one.
func (s *Server) find(q metricQuery) (*published, string) {
	for i := range publishedMetrics {
		m := &publishedMetrics[i]
		want := 1
		if m.fixed[0] != "" {
			want = 2
		}
		have := len(q.dimensions)
		if _, ok := q.dimensions["Operation"]; ok && m.kind == world.KindTable {
			have--
		}
		service := q.dimensions[m.dimension]
		if q.namespace != m.namespace || q.name != m.name || have != want || (want == 2 && q.dimensions[m.fixed[0]] != m.fixed[1]) {
			continue
		}
		if kind, ok := s.world.KindOf(service); ok && kind == m.kind {
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
	total, least, most := 0.0, samples[0].Value(metric), samples[0].Value(metric)
	for _, s := range samples {
		v := s.Value(metric)
		total, least, most = total+v, min(least, v), max(most, v)
	}
	mean := total / float64(len(samples))
	switch q.stat {
	case sampleCount, sum: // of measures per second
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
