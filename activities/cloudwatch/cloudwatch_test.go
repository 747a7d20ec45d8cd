package cloudwatch_test

import (
	"context"
	"math"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/encoding/cbor"

	"vigil/activities"
	"vigil/activities/cloudwatch"
	"vigil/activities/internal/awstest"
	"vigil/workflows/incident"
)

var (
	noon   = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	window = activities.Window{From: noon.Add(-90 * time.Second), To: noon.Add(70 * time.Second)}
)

// The sources in the order in which they are asked for.
const (
	latency = iota
	faults
	requests
	ecsCPU
	ecsMemory
	sources
)

// result is what CloudWatch says of source i, values a minute apart from noon on.
func result(i int, status string, values ...float64) cbor.Value {
	times, vs := cbor.List{}, cbor.List{}
	for k, v := range values {
		times = append(times, &cbor.Tag{ID: 1, Value: cbor.Float64(float64(noon.Unix()) + 60*float64(k))})
		vs = append(vs, cbor.Float64(v))
	}
	return cbor.Map{"Id": cbor.String("m" + string(rune('0'+i))), "Label": cbor.String("x"), "StatusCode": cbor.String(status), "Timestamps": times, "Values": vs}
}

func page(token string, results ...cbor.Value) awstest.Answer {
	m := cbor.Map{"MetricDataResults": cbor.List(results)}
	if token != "" {
		m["NextToken"] = cbor.String(token)
	}
	return awstest.CBOR(m)
}

// list is a page of metrics, each namespace, name and dimensions as name=value.
func list(token string, metrics ...[]string) awstest.Answer {
	all := cbor.List{}
	for _, m := range metrics {
		dimensions := cbor.List{}
		for _, d := range m[2:] {
			name, value, _ := strings.Cut(d, "=")
			dimensions = append(dimensions, cbor.Map{"Name": cbor.String(name), "Value": cbor.String(value)})
		}
		all = append(all, cbor.Map{"Namespace": cbor.String(m[0]), "MetricName": cbor.String(m[1]), "Dimensions": dimensions})
	}
	out := cbor.Map{"Metrics": all}
	if token != "" {
		out["NextToken"] = cbor.String(token)
	}
	return awstest.CBOR(out)
}

func mustMetrics(t testing.TB, cfg aws.Config, c cloudwatch.Config, rec activities.Recorder) *cloudwatch.Metrics {
	t.Helper()
	m, err := cloudwatch.New(cfg, c, rec)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestConformance(t *testing.T) {
	t.Parallel()
	awstest.Conform(t, awstest.Adapter{
		Service: "cloudwatch", Operation: "GetMetricData",
		Answers: map[string]awstest.Answer{"GetMetricData": page("", result(latency, "Complete", 1))},
		Call: func(ctx context.Context, cfg aws.Config, rec activities.Recorder) error {
			_, _, err := mustMetrics(t, cfg, cloudwatch.Config{}, rec).Query(ctx, "checkout", window)
			return err
		},
	})
}

// TestSnapshot reads the SDK's own sample, which answers for an id that nobody
// asked for: it must be noticed, not filed under some measure.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	s := awstest.Serve(t, func(string, *http.Request, []byte) awstest.Answer {
		return awstest.Snapshot(t, "cloudwatch", "GetMetricData")
	})
	_, p, err := mustMetrics(t, awstest.Config(s.URL), cloudwatch.Config{}, nil).Query(t.Context(), "checkout", window)
	if incident.KindOf(err) != incident.KindInternal || err == nil || p.Origin != incident.OriginLive {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestQuery(t *testing.T) {
	t.Parallel()
	point := func(minute int, v float64) incident.Point {
		return incident.Point{At: noon.Add(time.Duration(minute) * time.Minute), Value: v}
	}
	for _, c := range []struct {
		name  string
		pages []awstest.Answer
		want  []incident.Series
	}{
		{"unknown service", []awstest.Answer{page("", result(latency, "Complete"), result(ecsCPU, "Complete"))}, nil},
		{"a service", []awstest.Answer{page("", result(latency, "Complete", 121, 940), result(faults, "Complete", .001, .12), result(requests, "Complete", 600, 1200),
			result(ecsCPU, "Complete", 31), result(ecsMemory, "Complete", 48))},
			[]incident.Series{
				{Service: "checkout", Metric: incident.MetricLatency, Unit: "ms", Points: []incident.Point{point(0, 121), point(1, 940)}},
				{Service: "checkout", Metric: incident.MetricErrorRate, Unit: "share", Points: []incident.Point{point(0, .001), point(1, .12)}},
				{Service: "checkout", Metric: incident.MetricRequestRate, Unit: "1/s", Points: []incident.Point{point(0, 10), point(1, 20)}},
				{Service: "checkout", Metric: incident.MetricCPU, Unit: "percent", Points: []incident.Point{point(0, 31)}},
				{Service: "checkout", Metric: incident.MetricMemory, Unit: "percent", Points: []incident.Point{point(0, 48)}},
			}},
		{"pages, partial until the last", []awstest.Answer{
			page("2", result(ecsCPU, "PartialData", 1, 2)),
			awstest.CBOR(cbor.Map{"MetricDataResults": cbor.List{cbor.Map{"Id": cbor.String("m3"), "StatusCode": cbor.String("Complete"),
				"Timestamps": cbor.List{&cbor.Tag{ID: 1, Value: cbor.Float64(float64(noon.Unix()) - 60)}}, "Values": cbor.List{cbor.Float64(0)}}}})},
			[]incident.Series{{Service: "checkout", Metric: incident.MetricCPU, Unit: "percent", Points: []incident.Point{point(-1, 0), point(0, 1), point(1, 2)}}}},
		{"values that are none", []awstest.Answer{page("", result(ecsCPU, "Complete", math.NaN(), 5, math.Inf(1)))},
			[]incident.Series{{Service: "checkout", Metric: incident.MetricCPU, Unit: "percent", Points: []incident.Point{point(1, 5)}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			next := make(chan awstest.Answer, len(c.pages))
			for _, p := range c.pages {
				next <- p
			}
			s := awstest.Serve(t, func(op string, _ *http.Request, _ []byte) awstest.Answer {
				if op == "ListMetrics" {
					return list("")
				}
				return <-next
			})
			got, p, err := mustMetrics(t, awstest.Config(s.URL), cloudwatch.Config{}, nil).Query(t.Context(), "checkout", window)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("\n got %+v\nwant %+v", got, c.want)
			}
			if p.Service != "cloudwatch" || p.Origin != incident.OriginLive || len(next) != 0 || c.want != nil && len(s.Requests()) != len(c.pages) {
				t.Errorf("provenance %+v after %d requests", p, len(s.Requests()))
			}
		})
	}
}

func TestIncompleteAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer awstest.Answer
		want   incident.Kind
	}{
		"partial to the end":   {page("", result(ecsCPU, "PartialData", 1)), incident.KindUnavailable},
		"internal error":       {page("", result(ecsCPU, "InternalError")), incident.KindUnavailable},
		"forbidden":            {page("", result(ecsCPU, "Forbidden")), incident.KindDenied},
		"pages without an end": {page("again", result(ecsCPU, "Complete", 1)), incident.KindInternal},
		"more times than values": {awstest.CBOR(cbor.Map{"MetricDataResults": cbor.List{cbor.Map{"Id": cbor.String("m0"),
			"Timestamps": cbor.List{&cbor.Tag{ID: 1, Value: cbor.Float64(1)}}, "Values": cbor.List{}}}}), incident.KindInternal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := awstest.Serve(t, func(string, *http.Request, []byte) awstest.Answer { return c.answer })
			got, _, err := mustMetrics(t, awstest.Config(s.URL), cloudwatch.Config{}, nil).Query(t.Context(), "checkout", window)
			if err == nil || incident.KindOf(err) != c.want || got != nil {
				t.Errorf("%+v, %v; want %s", got, err, c.want)
			}
		})
	}
}

// TestRequest reads what was asked: all sources at once, over whole periods
// that have ended.
func TestRequest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		period   time.Duration
		window   activities.Window
		from, to time.Time
	}{
		{0, window, noon.Add(-2 * time.Minute), noon.Add(time.Minute)},
		{5 * time.Second, activities.Window{From: noon.Add(-12 * time.Second), To: noon.Add(9 * time.Second)}, noon.Add(-15 * time.Second), noon.Add(5 * time.Second)},
		{time.Minute, activities.Window{From: noon.Add(10 * time.Second), To: noon.Add(20 * time.Second)}, noon.Add(-time.Minute), noon},
	} {
		s := awstest.Serve(t, func(op string, _ *http.Request, _ []byte) awstest.Answer {
			if op == "ListMetrics" {
				return list("")
			}
			return page("")
		})
		if _, _, err := mustMetrics(t, awstest.Config(s.URL), cloudwatch.Config{Period: c.period}, nil).Query(t.Context(), "checkout", c.window); err != nil {
			t.Fatal(err)
		}
		v, err := cbor.Decode(s.Requests()[0].Body)
		if err != nil {
			t.Fatal(err)
		}
		in := v.(cbor.Map)
		for name, want := range map[string]time.Time{"StartTime": c.from, "EndTime": c.to} {
			if got := seconds(t, in[name]); got != want.Unix() {
				t.Errorf("period %s: %s is %s, want %s", c.period, name, time.Unix(got, 0).UTC(), want)
			}
		}
		queries := in["MetricDataQueries"].(cbor.List)
		if len(queries) != sources {
			t.Fatalf("%d queries in one call", len(queries))
		}
		first := queries[0].(cbor.Map)["MetricStat"].(cbor.Map)
		metric := first["Metric"].(cbor.Map)
		if first["Stat"] != cbor.String("p95") || metric["Namespace"] != cbor.String("ApplicationSignals") || metric["MetricName"] != cbor.String("Latency") {
			t.Errorf("first query: %v", first)
		}
		want := cbor.List{cbor.Map{"Name": cbor.String("Environment"), "Value": cbor.String("prod")}, cbor.Map{"Name": cbor.String("Service"), "Value": cbor.String("checkout")}}
		if !reflect.DeepEqual(metric["Dimensions"], cbor.Value(want)) {
			t.Errorf("dimensions %v", metric["Dimensions"])
		}
	}
}

func seconds(t *testing.T, v cbor.Value) int64 {
	t.Helper()
	switch v := v.(*cbor.Tag).Value.(type) {
	case cbor.Float64:
		return int64(v)
	case cbor.Uint:
		return int64(v)
	default:
		t.Fatalf("a time of type %T", v)
		return 0
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	for _, period := range []time.Duration{2 * time.Second, 90 * time.Second, -time.Minute, time.Millisecond} {
		if _, err := cloudwatch.New(awstest.Config("http://127.0.0.1:1"), cloudwatch.Config{Period: period}, nil); incident.KindOf(err) != incident.KindInvalid || err == nil {
			t.Errorf("period %s: %v", period, err)
		}
	}
	m := mustMetrics(t, awstest.Config("http://127.0.0.1:1"), cloudwatch.Config{}, nil)
	if _, _, err := m.Query(t.Context(), "", window); incident.KindOf(err) != incident.KindInvalid {
		t.Errorf("no service: %v", err)
	}
	if _, _, err := m.Query(t.Context(), "x", activities.Window{From: noon, To: noon}); incident.KindOf(err) != incident.KindInvalid {
		t.Errorf("empty window: %v", err)
	}
}
