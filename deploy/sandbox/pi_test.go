package sandbox_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/pi"
	pitypes "github.com/aws/aws-sdk-go-v2/service/pi/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"

	"vigil/deploy/sandbox/world"
)

// resourceID is how Performance Insights knows orders-db.
func (f *fixture) resourceID() *string {
	f.tb.Helper()
	out, err := rds.NewFromConfig(f.config()).DescribeDBInstances(f.tb.Context(), &rds.DescribeDBInstancesInput{DBInstanceIdentifier: aws.String(world.OrdersDB)})
	if err != nil {
		f.tb.Fatal(err)
	}
	return out.DBInstances[0].DbiResourceId
}

func TestGetResourceMetrics(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := pi.NewFromConfig(f.config())
	in := &pi.GetResourceMetricsInput{ServiceType: pitypes.ServiceTypeRds, Identifier: f.resourceID(), PeriodInSeconds: aws.Int32(60),
		StartTime: aws.Time(genesis.Add(-10 * time.Minute)), EndTime: aws.Time(genesis),
		MetricQueries: []pitypes.MetricQuery{{Metric: aws.String("db.load.avg"), GroupBy: &pitypes.DimensionGroup{Group: aws.String("db.wait_event")}},
			{Metric: aws.String("os.general.numVCPUs.avg")}}}
	out, err := api.GetResourceMetrics(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	simulated(t, out.ResultMetadata)
	if !out.AlignedStartTime.Equal(*in.StartTime) || !out.AlignedEndTime.Equal(genesis) || *out.Identifier != *in.Identifier {
		t.Errorf("aligned from %s to %s", out.AlignedStartTime, out.AlignedEndTime)
	}
	if len(out.MetricList) < 4 {
		t.Fatalf("metrics %+v", out.MetricList)
	}
	// The parts add up to the whole, and the processors are counted.
	whole := out.MetricList[0]
	if len(whole.DataPoints) != 10 || len(whole.Key.Dimensions) != 0 {
		t.Fatalf("%d points of %v", len(whole.DataPoints), whole.Key)
	}
	for i, p := range whole.DataPoints {
		var sum float64
		for _, m := range out.MetricList[1:] {
			if *m.Key.Metric == "db.load.avg" {
				sum += *m.DataPoints[i].Value
			}
		}
		if *p.Value < 0.5 || *p.Value > 2 || math.Abs(sum-*p.Value) > 1e-6 {
			t.Errorf("at %s: %g, and the parts are %g", p.Timestamp, *p.Value, sum)
		}
	}
	if last := out.MetricList[len(out.MetricList)-1]; *last.Key.Metric != "os.general.numVCPUs.avg" || *last.DataPoints[0].Value != world.DatabaseCPUs {
		t.Errorf("processors: %+v", last)
	}
	// In pages of two, the same metrics come in the same order.
	in.MaxResults = aws.Int32(2)
	pages := pi.NewGetResourceMetricsPaginator(api, in)
	n := 0
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.MetricList {
			if want := out.MetricList[n]; *m.Key.Metric != *want.Key.Metric || len(m.DataPoints) != len(want.DataPoints) {
				t.Errorf("metric %d of the pages is %v, want %v", n, m.Key, want.Key)
			}
			n++
		}
	}
	if n != len(out.MetricList) {
		t.Errorf("%d metrics in pages, %d on one", n, len(out.MetricList))
	}
}

func TestDescribeDimensionKeys(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := pi.NewFromConfig(f.config())
	in := &pi.DescribeDimensionKeysInput{ServiceType: pitypes.ServiceTypeRds, Identifier: f.resourceID(), PeriodInSeconds: aws.Int32(1),
		Metric: aws.String("db.load.avg"), GroupBy: &pitypes.DimensionGroup{Group: aws.String("db.sql_tokenized"), Limit: aws.Int32(5)},
		PartitionBy: &pitypes.DimensionGroup{Group: aws.String("db.wait_event")}, AdditionalMetrics: []string{"db.sql_tokenized.stats.calls_per_sec.avg"}}
	ask := func() *pi.DescribeDimensionKeysOutput {
		t.Helper()
		in.StartTime, in.EndTime = aws.Time(f.clock.Now().Add(-time.Minute)), aws.Time(f.clock.Now())
		out, err := api.DescribeDimensionKeys(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		simulated(t, out.ResultMetadata)
		for i, k := range out.Keys {
			var sum float64
			for _, p := range k.Partitions {
				sum += p
			}
			if len(k.Partitions) != len(out.PartitionKeys) || math.Abs(sum-*k.Total) > 1e-6 || k.AdditionalMetrics[in.AdditionalMetrics[0]] <= 0 {
				t.Errorf("key %d: %g in parts %v, %v calls", i, *k.Total, k.Partitions, k.AdditionalMetrics)
			}
			if i > 0 && *k.Total > *out.Keys[i-1].Total {
				t.Error("not the largest first")
			}
		}
		return out
	}
	if normal := ask(); len(normal.Keys) != 5 || *normal.Keys[0].Total > 1 {
		t.Errorf("normally: %d statements, the first %+v", len(normal.Keys), normal.Keys[0])
	}
	f.mustFault(world.FaultExpensiveQuery)
	f.clock.ticks(24)
	worst := ask().Keys[0]
	if *worst.Total < 4 || !strings.Contains(worst.Dimensions["db.sql_tokenized.statement"], "LIKE") {
		t.Errorf("the expensive statement: %g of %v", *worst.Total, worst.Dimensions)
	}
	in.AdditionalMetrics, in.PartitionBy = nil, nil
	in.GroupBy = &pitypes.DimensionGroup{Group: aws.String("db.wait_event"), Dimensions: []string{"db.wait_event.name"}}
	waits, err := api.DescribeDimensionKeys(t.Context(), in)
	if err != nil || waits.Keys[0].Dimensions["db.wait_event.name"] != "CPU" || len(waits.Keys[0].Dimensions) != 1 || waits.Keys[0].Partitions != nil {
		t.Errorf("waits: %+v, %v", waits, err)
	}
}

func TestInsightsErrors(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := pi.NewFromConfig(f.config())
	id := f.resourceID()
	for name, change := range map[string]func(*pi.DescribeDimensionKeysInput){
		"identifier": func(in *pi.DescribeDimensionKeysInput) { in.Identifier = aws.String(world.OrdersDB) },
		"service":    func(in *pi.DescribeDimensionKeysInput) { in.ServiceType = pitypes.ServiceTypeDocdb },
		"period":     func(in *pi.DescribeDimensionKeysInput) { in.PeriodInSeconds = aws.Int32(7) },
		"group":      func(in *pi.DescribeDimensionKeysInput) { in.GroupBy.Group = aws.String("db.weather") },
		"limit":      func(in *pi.DescribeDimensionKeysInput) { in.GroupBy.Limit = aws.Int32(26) },
		"metric":     func(in *pi.DescribeDimensionKeysInput) { in.Metric = aws.String("db.load.max") },
		"filter":     func(in *pi.DescribeDimensionKeysInput) { in.Filter = map[string]string{"db.user.name": "x"} },
		"additional": func(in *pi.DescribeDimensionKeysInput) { in.AdditionalMetrics = []string{"db.sql.stats.rows.avg"} },
		"backwards":  func(in *pi.DescribeDimensionKeysInput) { in.EndTime = aws.Time(genesis.Add(-time.Hour)) },
		"too old":    func(in *pi.DescribeDimensionKeysInput) { in.StartTime = aws.Time(genesis.Add(-8 * 24 * time.Hour)) },
		"token":      func(in *pi.DescribeDimensionKeysInput) { in.NextToken = aws.String("nobodys") },
		"page size":  func(in *pi.DescribeDimensionKeysInput) { in.MaxResults = aws.Int32(26) },
	} {
		in := &pi.DescribeDimensionKeysInput{ServiceType: pitypes.ServiceTypeRds, Identifier: id, StartTime: aws.Time(genesis.Add(-time.Minute)), EndTime: aws.Time(genesis),
			Metric: aws.String("db.load.avg"), GroupBy: &pitypes.DimensionGroup{Group: aws.String("db.sql_tokenized")}}
		change(in)
		var invalid *pitypes.InvalidArgumentException
		if _, err := api.DescribeDimensionKeys(t.Context(), in); !errors.As(err, &invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
