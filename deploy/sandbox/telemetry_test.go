package sandbox_test

import (
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	cloudtrailtypes "github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	xraytypes "github.com/aws/aws-sdk-go-v2/service/xray/types"

	"vigil/deploy/sandbox/world"
)

func metricStat(id, namespace, name, stat string, period int32, dimensions ...string) cloudwatchtypes.MetricDataQuery {
	var d []cloudwatchtypes.Dimension
	for i := 0; i+1 < len(dimensions); i += 2 {
		d = append(d, cloudwatchtypes.Dimension{Name: &dimensions[i], Value: &dimensions[i+1]})
	}
	return cloudwatchtypes.MetricDataQuery{Id: &id, MetricStat: &cloudwatchtypes.MetricStat{
		Metric: &cloudwatchtypes.Metric{Namespace: &namespace, MetricName: &name, Dimensions: d}, Period: &period, Stat: &stat}}
}

func TestGetMetricData(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := cloudwatch.NewFromConfig(f.config())
	out, err := api.GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{
		StartTime: aws.Time(genesis.Add(-10 * time.Minute)), EndTime: aws.Time(genesis), ScanBy: cloudwatchtypes.ScanByTimestampAscending,
		MetricDataQueries: []cloudwatchtypes.MetricDataQuery{
			metricStat("p95", "ApplicationSignals", "Latency", "p95", 60, "Environment", "prod", "Service", "checkout"),
			metricStat("count", "ApplicationSignals", "Latency", "SampleCount", 60, "Environment", "prod", "Service", "checkout"),
			metricStat("fault", "ApplicationSignals", "Fault", "Average", 5, "Environment", "prod", "Service", "checkout"),
			metricStat("cpu", "AWS/ECS", "CPUUtilization", "Average", 60, "ClusterName", "prod", "ServiceName", "checkout"),
			metricStat("mem", "AWS/ECS", "MemoryUtilization", "Maximum", 60, "ClusterName", "prod", "ServiceName", "checkout"),
			metricStat("conns", "AWS/RDS", "DatabaseConnections", "Average", 60, "DBInstanceIdentifier", "orders-db"),
			metricStat("read", "AWS/RDS", "ReadLatency", "Average", 60, "DBInstanceIdentifier", "orders-db"),
			metricStat("cache", "AWS/ElastiCache", "CurrConnections", "Average", 60, "CacheClusterId", "catalog-cache"),
			metricStat("nosuch", "AWS/RDS", "DatabaseConnections", "Average", 60, "DBInstanceIdentifier", "checkout"),
			metricStat("other", "AWS/ECS", "CPUUtilization", "Average", 60, "ClusterName", "test", "ServiceName", "checkout"),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	simulated(t, out.ResultMetadata)
	want := map[string]struct {
		points  int
		lo, hi  float64
		spacing time.Duration
	}{
		"p95": {10, 100, 150, time.Minute}, "count": {10, 60 * 30, 60 * 40, time.Minute}, "fault": {120, 0, 0.01, 5 * time.Second},
		"cpu": {10, 25, 42, time.Minute}, "mem": {10, 48, 55, time.Minute}, "conns": {10, 50, 66, time.Minute},
		"read": {10, 0.003, 0.005, time.Minute}, "cache": {10, 40, 56, time.Minute}, "nosuch": {}, "other": {},
	}
	if len(out.MetricDataResults) != len(want) {
		t.Fatalf("%d results, want %d", len(out.MetricDataResults), len(want))
	}
	for _, r := range out.MetricDataResults {
		w := want[*r.Id]
		if r.StatusCode != cloudwatchtypes.StatusCodeComplete || len(r.Values) != w.points || len(r.Timestamps) != w.points {
			t.Errorf("%s: %s with %d values at %d times, want %d", *r.Id, r.StatusCode, len(r.Values), len(r.Timestamps), w.points)
		}
		for i, v := range r.Values {
			if v < w.lo || v > w.hi {
				t.Errorf("%s: %g is not within %g and %g", *r.Id, v, w.lo, w.hi)
			}
			if i > 0 && r.Timestamps[i].Sub(r.Timestamps[i-1]) != w.spacing {
				t.Errorf("%s: points %s apart, want %s", *r.Id, r.Timestamps[i].Sub(r.Timestamps[i-1]), w.spacing)
			}
		}
	}
}

// TestEveryMeasureIsPublished reads each metric that there is and finds points
// of the size that the world has.
func TestEveryMeasureIsPublished(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := cloudwatch.NewFromConfig(f.config())
	f.mustFault(world.FaultThrottled)
	f.clock.ticks(24)
	listed, err := api.ListMetrics(t.Context(), &cloudwatch.ListMetricsInput{})
	if err != nil {
		t.Fatal(err)
	}
	of := map[string]int{}
	for _, m := range listed.Metrics {
		of[*m.Namespace]++
		stat := "Average"
		switch *m.MetricName {
		case "Latency":
			stat = "p95"
		case "ThrottledRequests":
			stat = "Sum"
		}
		period := int32(5)
		out, err := api.GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{
			StartTime: aws.Time(f.clock.Now().Add(-time.Minute)), EndTime: aws.Time(f.clock.Now()),
			MetricDataQueries: []cloudwatchtypes.MetricDataQuery{{Id: aws.String("m"), MetricStat: &cloudwatchtypes.MetricStat{Metric: &m, Period: &period, Stat: &stat}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if r := out.MetricDataResults[0]; len(r.Values) != 12 || r.Values[0] <= 0 {
			t.Errorf("%s %s of %s: %v", *m.Namespace, *m.MetricName, *m.Dimensions[0].Value, r.Values)
		}
	}
	if want := map[string]int{"ApplicationSignals": 12, "AWS/ECS": 12, "AWS/RDS": 14, "AWS/ElastiCache": 4, "AWS/DynamoDB": 2}; !maps.Equal(of, want) {
		t.Errorf("metrics %v, want %v", of, want)
	}
	filtered, err := api.ListMetrics(t.Context(), &cloudwatch.ListMetricsInput{Namespace: aws.String("AWS/RDS"), MetricName: aws.String("FreeStorageSpace"),
		Dimensions: []cloudwatchtypes.DimensionFilter{{Name: aws.String("DBInstanceIdentifier"), Value: aws.String("orders-db")}}})
	if err != nil || len(filtered.Metrics) != 1 {
		t.Errorf("the free storage of orders-db: %v, %v", filtered, err)
	}
	if _, err := api.ListMetrics(t.Context(), &cloudwatch.ListMetricsInput{NextToken: aws.String("?")}); err == nil {
		t.Error("a token of nobody's was taken")
	}
}

// TestGetMetricDataPages reads in pages of a few points and finds what one page
// has, each point once, however the world goes on between them.
func TestGetMetricDataPages(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := cloudwatch.NewFromConfig(f.config())
	in := func() *cloudwatch.GetMetricDataInput {
		return &cloudwatch.GetMetricDataInput{StartTime: aws.Time(genesis.Add(-3 * time.Minute)), EndTime: aws.Time(genesis.Add(time.Minute)),
			MetricDataQueries: []cloudwatchtypes.MetricDataQuery{
				metricStat("cpu", "AWS/RDS", "CPUUtilization", "Average", 5, "DBInstanceIdentifier", "orders-db"),
				metricStat("none", "AWS/RDS", "CPUUtilization", "Average", 5, "DBInstanceIdentifier", "nobody"),
				metricStat("iops", "AWS/RDS", "ReadIOPS", "Average", 5, "DBInstanceIdentifier", "orders-db"),
			}}
	}
	whole, err := api.GetMetricData(t.Context(), in())
	if err != nil || whole.NextToken != nil {
		t.Fatalf("on one page: %v, %v", whole.NextToken, err)
	}
	want := map[string][]float64{}
	for _, r := range whole.MetricDataResults {
		want[*r.Id] = r.Values
	}
	for _, size := range []int32{1, 7, 36, 37, 72} {
		got, states, pages := map[string][]float64{}, map[string]cloudwatchtypes.StatusCode{}, 0
		page := in()
		page.MaxDatapoints = aws.Int32(size)
		for {
			out, err := api.GetMetricData(t.Context(), page)
			if err != nil {
				t.Fatal(err)
			}
			pages++
			points := 0
			for _, r := range out.MetricDataResults {
				got[*r.Id] = append(got[*r.Id], r.Values...)
				states[*r.Id] = r.StatusCode
				points += len(r.Values)
			}
			if points > int(size) {
				t.Fatalf("%d points on a page of %d", points, size)
			}
			if out.NextToken == nil {
				break
			}
			page.NextToken = out.NextToken
			if pages == 1 {
				f.clock.ticks(1)
			}
		}
		for id, values := range want {
			if !slices.Equal(got[id], values) || (len(values) > 0 && states[id] != cloudwatchtypes.StatusCodeComplete) {
				t.Errorf("pages of %d: %s has %d points and is %s, want %d", size, id, len(got[id]), states[id], len(values))
			}
		}
		if least := (len(want["cpu"]) + len(want["iops"])) / int(size); pages < least {
			t.Errorf("pages of %d: %d pages", size, pages)
		}
		// The time that went by is not part of it for the next size.
		whole, err = api.GetMetricData(t.Context(), in())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range whole.MetricDataResults {
			want[*r.Id] = r.Values
		}
	}
}

// TestPeriodsArePublishedWhole guards against a last point made of a part of
// its period, which would look like a drop in traffic.
func TestPeriodsArePublishedWhole(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := cloudwatch.NewFromConfig(f.config())
	for range 15 {
		f.clock.ticks(1)
		now := f.clock.Now()
		out, err := api.GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{
			StartTime: aws.Time(now.Add(-5 * time.Minute)), EndTime: aws.Time(now.Add(time.Minute)),
			MetricDataQueries: []cloudwatchtypes.MetricDataQuery{metricStat("n", "ApplicationSignals", "Latency", "SampleCount", 30, "Environment", "prod", "Service", "web")},
		})
		if err != nil {
			t.Fatal(err)
		}
		r := out.MetricDataResults[0]
		if !slices.IsSortedFunc(r.Timestamps, func(a, b time.Time) int { return b.Compare(a) }) {
			t.Error("not newest first, which is the default")
		}
		for i, v := range r.Values {
			if math.Abs(v-140*30) > 140*30*0.15 {
				t.Errorf("at %s: %g requests in 30 seconds from %s, want about %d", now, v, r.Timestamps[i], 140*30)
			}
		}
		if last := r.Timestamps[0].Add(30 * time.Second); last.After(now.Add(tick)) || now.Sub(last) > 30*time.Second {
			t.Errorf("at %s: the latest period ends at %s", now, last)
		}
	}
}

func TestGetMetricDataErrors(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := cloudwatch.NewFromConfig(f.config())
	good := metricStat("a", "AWS/ECS", "CPUUtilization", "Average", 60, "ClusterName", "prod", "ServiceName", "web")
	for name, tc := range map[string]struct {
		change func(*cloudwatch.GetMetricDataInput)
		target any
	}{
		"end before start": {func(in *cloudwatch.GetMetricDataInput) { in.EndTime = aws.Time(genesis.Add(-time.Hour)) }, new(*cloudwatchtypes.InvalidParameterValueException)},
		"odd period":       {func(in *cloudwatch.GetMetricDataInput) { in.MetricDataQueries[0].MetricStat.Period = aws.Int32(7) }, new(*cloudwatchtypes.InvalidParameterValueException)},
		"statistic":        {func(in *cloudwatch.GetMetricDataInput) { in.MetricDataQueries[0].MetricStat.Stat = aws.String("p50") }, new(*cloudwatchtypes.InvalidParameterValueException)},
		"expression": {func(in *cloudwatch.GetMetricDataInput) {
			in.MetricDataQueries[0] = cloudwatchtypes.MetricDataQuery{Id: aws.String("e"), Expression: aws.String("a*2")}
		}, new(*cloudwatchtypes.InvalidParameterValueException)},
		"token":      {func(in *cloudwatch.GetMetricDataInput) { in.NextToken = aws.String("x") }, new(*cloudwatchtypes.InvalidNextToken)},
		"page size":  {func(in *cloudwatch.GetMetricDataInput) { in.MaxDatapoints = aws.Int32(0) }, new(*cloudwatchtypes.InvalidParameterValueException)},
		"no queries": {func(in *cloudwatch.GetMetricDataInput) { in.MetricDataQueries = []cloudwatchtypes.MetricDataQuery{} }, new(*cloudwatchtypes.MissingRequiredParameterException)},
	} {
		stat := *good.MetricStat
		query := good
		query.MetricStat = &stat
		in := &cloudwatch.GetMetricDataInput{StartTime: aws.Time(genesis.Add(-time.Minute)), EndTime: aws.Time(genesis), MetricDataQueries: []cloudwatchtypes.MetricDataQuery{query}}
		tc.change(in)
		_, err := api.GetMetricData(t.Context(), in)
		if !errors.As(err, tc.target) {
			t.Errorf("%s: got %v, want a %T", name, err, tc.target)
		}
	}
}

func TestLogsInsights(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	f.mustFault(world.FaultConnectionsExhausted)
	f.clock.ticks(12)
	api := cloudwatchlogs.NewFromConfig(f.config())
	now := f.clock.Now()
	start := func(query, group string) (*cloudwatchlogs.StartQueryOutput, error) {
		return api.StartQuery(t.Context(), &cloudwatchlogs.StartQueryInput{LogGroupName: &group, QueryString: &query,
			StartTime: aws.Int64(now.Add(-2 * time.Minute).Unix()), EndTime: aws.Int64(now.Unix())})
	}
	result := func(query, group string) *cloudwatchlogs.GetQueryResultsOutput {
		t.Helper()
		q, err := start(query, group)
		if err != nil {
			t.Fatal(err)
		}
		out, err := api.GetQueryResults(t.Context(), &cloudwatchlogs.GetQueryResultsInput{QueryId: q.QueryId})
		if err != nil {
			t.Fatal(err)
		}
		simulated(t, out.ResultMetadata)
		if out.Status != logstypes.QueryStatusComplete {
			t.Fatalf("status is %s", out.Status)
		}
		return out
	}
	all := result("fields @timestamp, @message | sort @timestamp desc | limit 1000", "/ecs/orders")
	filtered := result(`fields @timestamp, @message, @logStream | filter @message like /slots are (reserved|gone)/ | sort @timestamp asc | limit 3`, "/ecs/orders")
	if len(all.Results) < 20 || len(filtered.Results) != 3 || filtered.Statistics.RecordsMatched < 3 {
		t.Fatalf("%d lines, %d of them filtered, %+v", len(all.Results), len(filtered.Results), filtered.Statistics)
	}
	var times []string
	for _, row := range filtered.Results {
		fields := map[string]string{}
		for _, fd := range row {
			fields[*fd.Field] = *fd.Value
		}
		if !strings.Contains(fields["@message"], "slots are reserved") || fields["@logStream"] == "" || fields["@ptr"] == "" {
			t.Errorf("row %v", fields)
		}
		if _, err := time.Parse("2006-01-02 15:04:05.000", fields["@timestamp"]); err != nil {
			t.Error(err)
		}
		times = append(times, fields["@timestamp"])
	}
	if !slices.IsSorted(times) {
		t.Errorf("not in order of time: %v", times)
	}
	if db := result(`filter @message like "FATAL" | limit 5`, "/aws/rds/instance/orders-db/postgresql"); len(db.Results) == 0 {
		t.Error("the database logged no refusal")
	}

	var notFound *logstypes.ResourceNotFoundException
	if _, err := start("fields @message", "/ecs/nothing"); !errors.As(err, &notFound) {
		t.Errorf("unknown group: %v", err)
	}
	if _, err := api.GetQueryResults(t.Context(), &cloudwatchlogs.GetQueryResultsInput{QueryId: aws.String("nothing")}); !errors.As(err, &notFound) {
		t.Errorf("unknown query: %v", err)
	}
	var malformed *logstypes.MalformedQueryException
	for _, q := range []string{"stats count(*) by bin(5m)", "sort level desc", "limit none", `filter level = "ERROR"`, "filter @message like /(/", "fields strlen(@message)"} {
		if _, err := start(q, "/ecs/orders"); !errors.As(err, &malformed) {
			t.Errorf("query %q: %v", q, err)
		}
	}
}

// TestQueriesTakeTime checks that a query is seen running where it takes time.
func TestQueriesTakeTime(t *testing.T) {
	t.Parallel()
	f := mustServe(t, withQueryTime(time.Hour))
	api := cloudwatchlogs.NewFromConfig(f.config())
	q, err := api.StartQuery(t.Context(), &cloudwatchlogs.StartQueryInput{LogGroupName: aws.String("/ecs/web"), QueryString: aws.String("fields @message"),
		StartTime: aws.Int64(genesis.Add(-time.Minute).Unix()), EndTime: aws.Int64(genesis.Unix())})
	if err != nil {
		t.Fatal(err)
	}
	out, err := api.GetQueryResults(t.Context(), &cloudwatchlogs.GetQueryResultsInput{QueryId: q.QueryId})
	if err != nil || out.Status != logstypes.QueryStatusRunning || len(out.Results) != 0 {
		t.Errorf("%v, %v: want a query that runs", out, err)
	}
}

func TestGetServiceGraph(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := xray.NewFromConfig(f.config())
	out, err := api.GetServiceGraph(t.Context(), &xray.GetServiceGraphInput{StartTime: aws.Time(genesis.Add(-10 * time.Minute)), EndTime: aws.Time(genesis)})
	if err != nil {
		t.Fatal(err)
	}
	simulated(t, out.ResultMetadata)
	names := map[int32]string{}
	for _, s := range out.Services {
		names[*s.ReferenceId] = *s.Name + "/" + *s.Type
	}
	var got []string
	for _, s := range out.Services {
		for _, e := range s.Edges {
			got = append(got, names[*s.ReferenceId]+" > "+names[*e.ReferenceId])
		}
	}
	slices.Sort(got)
	const c = "/AWS::ECS::Container"
	want := []string{
		"api" + c + " > catalog" + c, "api" + c + " > checkout" + c, "catalog" + c + " > catalog-cache/remote", "catalog" + c + " > orders-db/Database::SQL",
		"checkout" + c + " > carts/AWS::DynamoDB::Table", "checkout" + c + " > catalog-cache/remote", "checkout" + c + " > orders" + c, "checkout" + c + " > payments" + c,
		"orders" + c + " > orders-db/Database::SQL", "payments" + c + " > orders-db/Database::SQL", "payments" + c + " > payments-provider/remote", "web" + c + " > api" + c, "web/client > web" + c,
	}
	if !slices.Equal(got, want) {
		t.Errorf("edges\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	var invalid *xraytypes.InvalidRequestException
	if _, err := api.GetServiceGraph(t.Context(), &xray.GetServiceGraphInput{StartTime: aws.Time(genesis.Add(-7 * time.Hour)), EndTime: aws.Time(genesis)}); !errors.As(err, &invalid) {
		t.Errorf("seven hours: %v", err)
	}
	if out, err := api.GetServiceGraph(t.Context(), &xray.GetServiceGraphInput{StartTime: aws.Time(genesis.Add(time.Hour)), EndTime: aws.Time(genesis.Add(2 * time.Hour))}); err != nil || len(out.Services) != 0 {
		t.Errorf("a time without traffic: %v, %v", out, err)
	}
}

func TestLookupEvents(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	f.mustFault(world.FaultBadDeployment)
	f.clock.ticks(1)
	api := cloudtrail.NewFromConfig(f.config())
	by := func(key cloudtrailtypes.LookupAttributeKey, value string) []cloudtrailtypes.LookupAttribute {
		return []cloudtrailtypes.LookupAttribute{{AttributeKey: key, AttributeValue: &value}}
	}
	out, err := api.LookupEvents(t.Context(), &cloudtrail.LookupEventsInput{LookupAttributes: by(cloudtrailtypes.LookupAttributeKeyResourceName, "checkout"), StartTime: aws.Time(genesis.Add(-time.Hour))})
	if err != nil {
		t.Fatal(err)
	}
	simulated(t, out.ResultMetadata)
	if len(out.Events) != 1 {
		t.Fatalf("%d events about checkout in the last hour, want its deployment", len(out.Events))
	}
	e := out.Events[0]
	if *e.EventName != "UpdateService" || *e.ReadOnly != "false" || !e.EventTime.Equal(genesis) || *e.Resources[0].ResourceName != "checkout" ||
		!strings.Contains(*e.CloudTrailEvent, `"taskDefinition":"checkout:`) {
		t.Errorf("event %+v", e)
	}

	// All pages together hold each event once, newest first.
	pages := cloudtrail.NewLookupEventsPaginator(api, &cloudtrail.LookupEventsInput{MaxResults: aws.Int32(4)})
	seen := map[string]bool{}
	last := f.clock.Now()
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			if seen[*e.EventId] || e.EventTime.After(last) {
				t.Errorf("event %s comes twice or out of order", *e.EventId)
			}
			seen[*e.EventId], last = true, *e.EventTime
		}
	}
	if len(seen) < 18 {
		t.Errorf("%d events in all, want those of three old versions of six services at least", len(seen))
	}

	for name, tc := range map[string]struct {
		in   cloudtrail.LookupEventsInput
		want any
	}{
		"key":   {cloudtrail.LookupEventsInput{LookupAttributes: by(cloudtrailtypes.LookupAttributeKeyAccessKeyId, "x")}, new(*cloudtrailtypes.InvalidLookupAttributesException)},
		"range": {cloudtrail.LookupEventsInput{StartTime: aws.Time(genesis), EndTime: aws.Time(genesis.Add(-time.Hour))}, new(*cloudtrailtypes.InvalidTimeRangeException)},
		"token": {cloudtrail.LookupEventsInput{NextToken: aws.String("?")}, new(*cloudtrailtypes.InvalidNextTokenException)},
		"max":   {cloudtrail.LookupEventsInput{MaxResults: aws.Int32(51)}, new(*cloudtrailtypes.InvalidMaxResultsException)},
	} {
		if _, err := api.LookupEvents(t.Context(), &tc.in); !errors.As(err, tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDescribeServices(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := ecs.NewFromConfig(f.config())
	describe := func() *ecs.DescribeServicesOutput {
		t.Helper()
		out, err := api.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: aws.String("prod"), Services: []string{"checkout", "orders-db"}})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Services) != 1 || len(out.Failures) != 1 || *out.Failures[0].Reason != "MISSING" {
			t.Fatalf("services %v, failures %v", out.Services, out.Failures)
		}
		return out
	}
	quiet := describe()
	simulated(t, quiet.ResultMetadata)
	before := quiet.Services[0].Deployments
	if len(before) != 1 || *before[0].Status != "PRIMARY" || before[0].CreatedAt.After(genesis.Add(-time.Hour)) {
		t.Fatalf("deployments before: %+v", before)
	}
	f.mustFault(world.FaultBadDeployment)
	f.clock.ticks(2)
	during := describe().Services[0].Deployments
	if len(during) != 2 || !during[0].CreatedAt.Equal(genesis) || during[0].RolloutState != ecstypes.DeploymentRolloutStateInProgress || *during[1].TaskDefinition != *before[0].TaskDefinition {
		t.Fatalf("deployments while rolling out: %+v", during)
	}
	f.clock.ticks(20)
	after := describe().Services[0].Deployments
	if len(after) != 1 || *after[0].TaskDefinition != *during[0].TaskDefinition || after[0].RolloutState != ecstypes.DeploymentRolloutStateCompleted {
		t.Fatalf("deployments after: %+v", after)
	}
	var cluster *ecstypes.ClusterNotFoundException
	if _, err := api.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: aws.String("test"), Services: []string{"checkout"}}); !errors.As(err, &cluster) {
		t.Errorf("unknown cluster: %v", err)
	}
	var parameter *ecstypes.InvalidParameterException
	if _, err := api.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: aws.String("prod"), Services: []string{}}); !errors.As(err, &parameter) {
		t.Errorf("no services: %v", err)
	}
}
