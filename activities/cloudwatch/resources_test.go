package cloudwatch_test

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/smithy-go/encoding/cbor"

	"vigil/activities/cloudwatch"
	"vigil/activities/internal/awstest"
	"vigil/workflows/incident"
)

// account has resources and no service. values are of a metric and a
// statistic, a minute apart; what is not there is 1 all the time.
type account struct {
	metrics [][]string
	values  map[string][]float64
	perPage int

	mu    sync.Mutex
	lists int
	data  []int // queries in each GetMetricData
}

func (a *account) answer(op string, _ *http.Request, body []byte) awstest.Answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	v, err := cbor.Decode(body)
	if err != nil {
		panic(err)
	}
	in := v.(cbor.Map)
	if op == "ListMetrics" {
		a.lists++
		return a.list(in)
	}
	queries := in["MetricDataQueries"].(cbor.List)
	a.data = append(a.data, len(queries))
	results := cbor.List{}
	for _, q := range queries {
		stat := q.(cbor.Map)["MetricStat"].(cbor.Map)
		metric := stat["Metric"].(cbor.Map)
		times, values := cbor.List{}, cbor.List{}
		if a.has(metric) {
			key := fmt.Sprintf("%s %s", metric["MetricName"], stat["Stat"])
			for _, d := range metric["Dimensions"].(cbor.List)[1:] {
				key += fmt.Sprintf(" %s", d.(cbor.Map)["Value"])
			}
			numbers, ok := a.values[key]
			if !ok {
				numbers = []float64{1, 1}
			}
			for i, n := range numbers {
				if n < 0 {
					continue // no sample
				}
				times, values = append(times, &cbor.Tag{ID: 1, Value: cbor.Float64(float64(noon.Unix()) + 60*float64(i))}), append(values, cbor.Float64(n))
			}
		}
		results = append(results, cbor.Map{"Id": q.(cbor.Map)["Id"], "StatusCode": cbor.String("Complete"), "Timestamps": times, "Values": values})
	}
	return awstest.CBOR(cbor.Map{"MetricDataResults": results})
}

func (a *account) has(metric cbor.Map) bool {
	return slices.ContainsFunc(a.metrics, func(m []string) bool {
		return metric["Namespace"] == cbor.String(m[0]) && metric["MetricName"] == cbor.String(m[1])
	})
}

func (a *account) list(in cbor.Map) awstest.Answer {
	filter := in["Dimensions"].(cbor.List)[0].(cbor.Map)
	var found [][]string
	for _, m := range a.metrics {
		if cbor.String(m[0]) == in["Namespace"] && slices.ContainsFunc(m[2:], func(d string) bool {
			name, value, _ := strings.Cut(d, "=")
			return filter["Name"] == cbor.String(name) && (filter["Value"] == nil || filter["Value"] == cbor.String(value))
		}) {
			found = append(found, m)
		}
	}
	first, next := 0, ""
	if token, ok := in["NextToken"].(cbor.String); ok {
		if _, err := fmt.Sscan(string(token), &first); err != nil {
			panic(err)
		}
	}
	last := len(found)
	if a.perPage > 0 && first+a.perPage < last {
		last = first + a.perPage
		next = fmt.Sprint(last)
	}
	return list(next, found[first:last]...)
}

func TestResources(t *testing.T) {
	t.Parallel()
	db, alb := "DBInstanceIdentifier=orders", "LoadBalancer=app/orders/50dc6c495c0c9188"
	for name, c := range map[string]struct {
		account *account
		want    []string // measure unit values
	}{
		"a database": {&account{perPage: 2, metrics: [][]string{{"AWS/RDS", "FreeStorageSpace", db}, {"AWS/RDS", "ReadLatency", db}, {"AWS/RDS", "ReplicaLag", db},
			{"AWS/RDS", "CPUUtilization", db}, {"AWS/RDS", "BurstBalance", db}, {"AWS/RDS", "DBLoadNonCPU", db}, {"AWS/RDS", "EBSIOBalance%", db}, {"AWS/EC2", "CPUUtilization", db}},
			values: map[string][]float64{"ReadLatency Average": {.0045, .05}, "FreeStorageSpace Average": {5e9, 4e9}, "ReplicaLag Maximum": {0, 120}}},
			[]string{"cpu_percent percent [1 1]", "free_storage_bytes bytes [5e+09 4e+09]", "replica_lag_s s [0 120]", "read_latency_ms ms [4.5 50]",
				"burst_balance percent [1 1]", "ebsio_balance percent [1 1]", "db_load_non_cpu  [1 1]"}},
		"a cluster's lag": {&account{metrics: [][]string{{"AWS/RDS", "AuroraReplicaLag", "DBClusterIdentifier=orders", "Role=READER"}}, values: map[string][]float64{"AuroraReplicaLag Maximum READER": {2500}}},
			[]string{"replica_lag_s s [2.5]"}},
		"a cache": {&account{metrics: [][]string{{"AWS/ElastiCache", "CacheHitRate", "CacheClusterId=orders"}, {"AWS/ElastiCache", "CacheHitRate", "CacheClusterId=orders", "CacheNodeId=0001"},
			{"AWS/ElastiCache", "Evictions", "CacheClusterId=orders"}}, values: map[string][]float64{"CacheHitRate Average": {92}, "CacheHitRate Average 0001": {7}, "Evictions Sum": {120}}},
			[]string{"cache_hit_rate share [0.92]", "evictions 1/s [2]"}},
		"a queue": {&account{metrics: [][]string{{"AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName=orders"}, {"AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName=orders"}}},
			[]string{"queue_depth count [1 1]", "queue_age_s s [1 1]"}},
		"a table": {&account{metrics: [][]string{{"AWS/DynamoDB", "SuccessfulRequestLatency", "TableName=orders", "Operation=GetItem"}, {"AWS/DynamoDB", "SuccessfulRequestLatency", "TableName=orders", "Operation=Query"},
			{"AWS/DynamoDB", "ThrottledRequests", "TableName=orders", "Operation=GetItem"}, {"AWS/DynamoDB", "ThrottledRequests", "TableName=orders", "Operation=Query"}},
			values: map[string][]float64{"SuccessfulRequestLatency Average GetItem": {3, 4}, "SuccessfulRequestLatency Average Query": {30, -1},
				"ThrottledRequests Sum GetItem": {60, 0}, "ThrottledRequests Sum Query": {60, 6}}},
			[]string{"latency_ms ms [30 4]", "throttled_requests 1/s [2 0.1]"}},
		"a function": {&account{metrics: [][]string{{"AWS/Lambda", "Errors", "FunctionName=orders"}, {"AWS/Lambda", "Invocations", "FunctionName=orders"}, {"AWS/Lambda", "Duration", "FunctionName=orders"}},
			values: map[string][]float64{"Errors Sum": {0, 30}, "Invocations Sum": {60, 120}, "Duration p95": {80, 90}}},
			[]string{"latency_ms ms [80 90]", "error_rate share [0 0.25]", "request_rate 1/s [1 2]"}},
		"a load balancer": {&account{metrics: [][]string{{"AWS/ApplicationELB", "RequestCount", alb}, {"AWS/ApplicationELB", "RequestCount", "LoadBalancer=app/other/1"}, {"AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", alb},
			{"AWS/ApplicationELB", "TargetResponseTime", alb}, {"AWS/ApplicationELB", "UnHealthyHostCount", alb, "TargetGroup=targetgroup/x/1"}},
			values: map[string][]float64{"RequestCount Sum": {600, 600}, "HTTPCode_Target_5XX_Count Sum": {-1, 60}, "TargetResponseTime p95": {.25}}},
			[]string{"latency_ms ms [250]", "error_rate share [0 0.1]", "request_rate 1/s [10 10]", "un_healthy_host_count count [1 1]"}},
		"nothing": {&account{metrics: [][]string{{"AWS/RDS", "CPUUtilization", "DBInstanceIdentifier=other"}}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := awstest.Serve(t, c.account.answer)
			series, p, err := mustMetrics(t, awstest.Config(s.URL), cloudwatch.Config{}, nil).Query(t.Context(), "orders", window)
			if err != nil || p.Origin != incident.OriginLive {
				t.Fatal(p, err)
			}
			var got []string
			for _, s := range series {
				var values []float64
				for _, point := range s.Points {
					values = append(values, point.Value)
				}
				got = append(got, fmt.Sprintf("%s %s %v", s.Metric, s.Unit, values))
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("\n got %q\nwant %q", got, c.want)
			}
		})
	}
}

// TestManyMetrics: no more than 60 metrics of a resource are read, and no more
// than ten parts of each, at most 500 in a call.
func TestManyMetrics(t *testing.T) {
	t.Parallel()
	a := &account{perPage: 500}
	for i := range 80 {
		for part := range 12 {
			a.metrics = append(a.metrics, []string{"AWS/DynamoDB", fmt.Sprintf("Metric%02d", i), "TableName=orders", fmt.Sprintf("Operation=%d", part)})
		}
	}
	s := awstest.Serve(t, a.answer)
	series, _, err := mustMetrics(t, awstest.Config(s.URL), cloudwatch.Config{}, nil).Query(t.Context(), "orders", window)
	if err != nil || len(series) != 60 || !reflect.DeepEqual(a.data, []int{5, 500, 100}) {
		t.Errorf("%d series, queries %v, %v", len(series), a.data, err)
	}
}

func TestListingDenied(t *testing.T) {
	t.Parallel()
	s := awstest.Serve(t, func(op string, r *http.Request, _ []byte) awstest.Answer {
		if op == "ListMetrics" {
			return awstest.Exception(r, 403, "AccessDenied", "not authorized to perform: cloudwatch:ListMetrics")
		}
		return page("")
	})
	if _, _, err := mustMetrics(t, awstest.Config(s.URL), cloudwatch.Config{}, nil).Query(t.Context(), "orders", window); incident.KindOf(err) != incident.KindDenied {
		t.Errorf("%v", err)
	}
}
