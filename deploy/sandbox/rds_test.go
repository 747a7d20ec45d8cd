package sandbox_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"

	"vigil/deploy/sandbox"
	"vigil/deploy/sandbox/world"
)

func TestDescribeDBInstances(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := rds.NewFromConfig(f.config())
	out, err := api.DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{})
	if err != nil {
		t.Fatal(err)
	}
	simulated(t, out.ResultMetadata)
	if len(out.DBInstances) != 1 {
		t.Fatalf("instances %+v", out.DBInstances)
	}
	d := out.DBInstances[0]
	if *d.DBInstanceIdentifier != world.OrdersDB || *d.Engine != "postgres" || !*d.PerformanceInsightsEnabled || !strings.HasPrefix(*d.DbiResourceId, "db-") ||
		*d.MonitoringInterval == 0 || *d.DBInstanceArn != world.DatabaseARN(world.OrdersDB) || d.InstanceCreateTime.After(genesis) {
		t.Errorf("instance %+v", d)
	}
	var missing *rdstypes.DBInstanceNotFoundFault
	if _, err := api.DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{DBInstanceIdentifier: aws.String("checkout")}); !errors.As(err, &missing) {
		t.Errorf("no database: %v", err)
	}
	clustered, err := api.DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{
		Filters: []rdstypes.Filter{{Name: aws.String("db-cluster-id"), Values: []string{"checkout"}}}})
	if err != nil || len(clustered.DBInstances) != 0 {
		t.Errorf("instances of a cluster: %v, %v", clustered, err)
	}
}

func TestDescribeEvents(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	api := rds.NewFromConfig(f.config())
	ask := func(in *rds.DescribeEventsInput) []string {
		t.Helper()
		out, err := api.DescribeEvents(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		simulated(t, out.ResultMetadata)
		var got []string
		for _, e := range out.Events {
			if *e.SourceIdentifier != world.OrdersDB || e.SourceType != rdstypes.SourceTypeDbInstance || len(e.EventCategories) != 1 || *e.SourceArn != world.DatabaseARN(world.OrdersDB) {
				t.Errorf("event %+v", e)
			}
			got = append(got, e.EventCategories[0]+": "+*e.Message)
		}
		return got
	}
	day := &rds.DescribeEventsInput{Duration: aws.Int32(24 * 60)}
	if got := ask(day); !slices.Equal(got, []string{"backup: Backing up DB instance", "backup: Finished DB Instance backup"}) {
		t.Errorf("on a normal day: %q", got)
	}
	f.mustFault(world.FaultStorageFull)
	f.clock.ticks(12)
	recent := &rds.DescribeEventsInput{SourceIdentifier: aws.String(world.OrdersDB), SourceType: rdstypes.SourceTypeDbInstance,
		StartTime: aws.Time(genesis), EndTime: aws.Time(f.clock.Now())}
	got := ask(recent)
	if len(got) != 2 || !strings.HasPrefix(got[0], "low storage: The free storage capacity for DB Instance: orders-db is low") || !strings.Contains(got[1], "exhausted") {
		t.Errorf("with a full disk: %q", got)
	}
	recent.EventCategories = []string{"backup", "failover"}
	if got := ask(recent); len(got) != 0 {
		t.Errorf("of other categories: %q", got)
	}
	for name, tc := range map[string]struct {
		in   rds.DescribeEventsInput
		code string
	}{
		"source without type": {rds.DescribeEventsInput{SourceIdentifier: aws.String(world.OrdersDB)}, "InvalidParameterCombination"},
		"no such source":      {rds.DescribeEventsInput{SourceIdentifier: aws.String("web"), SourceType: rdstypes.SourceTypeDbInstance}, "DBInstanceNotFound"},
		"no such type":        {rds.DescribeEventsInput{SourceType: "toaster"}, "InvalidParameterValue"},
		"page size":           {rds.DescribeEventsInput{MaxRecords: aws.Int32(5)}, "InvalidParameterValue"},
		"marker":              {rds.DescribeEventsInput{Marker: aws.String("?")}, "InvalidParameterValue"},
		"too long ago":        {rds.DescribeEventsInput{StartTime: aws.Time(genesis.Add(-15 * 24 * time.Hour))}, "InvalidParameterValue"},
		"backwards":           {rds.DescribeEventsInput{StartTime: aws.Time(genesis), EndTime: aws.Time(genesis.Add(-time.Hour))}, "InvalidParameterCombination"},
		"start and duration":  {rds.DescribeEventsInput{StartTime: aws.Time(genesis), Duration: aws.Int32(5)}, "InvalidParameterCombination"},
	} {
		_, err := api.DescribeEvents(t.Context(), &tc.in)
		if c, _ := code(err); c != tc.code {
			t.Errorf("%s: %v, want %s", name, err, tc.code)
		}
	}
	f.mustChaos(sandbox.ChaosRule{Operation: "DescribeEvents", Mode: sandbox.ChaosThrottle, Count: 1})
	if _, err := api.DescribeEvents(t.Context(), day); err == nil {
		t.Error("throttled: there was an answer")
	}
}

// TestDescribeEventsPages makes more events than a page holds.
func TestDescribeEventsPages(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	for range 30 { // each leaves one event
		if _, err := f.World().StartAutomation(world.DocumentRestart, map[string][]string{"Service": {world.OrdersDB}}, nil, ""); err != nil {
			t.Fatal(err)
		}
	}
	f.clock.ticks(5)
	pages := rds.NewDescribeEventsPaginator(rds.NewFromConfig(f.config()), &rds.DescribeEventsInput{StartTime: aws.Time(genesis), MaxRecords: aws.Int32(20)})
	var sizes []int
	for pages.HasMorePages() {
		out, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(out.Events))
	}
	if !slices.Equal(sizes, []int{20, 10}) {
		t.Errorf("pages of %v events, want 20 and 10", sizes)
	}
}
