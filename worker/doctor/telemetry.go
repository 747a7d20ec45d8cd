package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/pi"
	pitypes "github.com/aws/aws-sdk-go-v2/service/pi/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/smithy-go"
)

// nobody is the name of a service that is not there: asking for it shows that
// asking is allowed.
const nobody = "vigil-doctor"

func telemetryChecks(cfg aws.Config, cluster string) []check {
	now := time.Now()
	from := now.Add(-5 * time.Minute)
	logs, databases := cloudwatchlogs.NewFromConfig(cfg), rds.NewFromConfig(cfg)
	return []check{
		{name: "metrics", action: "cloudwatch:GetMetricData", ask: func(ctx context.Context) (string, error) {
			_, err := cloudwatch.NewFromConfig(cfg).GetMetricData(ctx, &cloudwatch.GetMetricDataInput{StartTime: &from, EndTime: &now,
				MetricDataQueries: []cwtypes.MetricDataQuery{{Id: aws.String("m1"), MetricStat: &cwtypes.MetricStat{Period: aws.Int32(60), Stat: aws.String("Average"),
					Metric: &cwtypes.Metric{Namespace: aws.String("AWS/ECS"), MetricName: aws.String("CPUUtilization"),
						Dimensions: []cwtypes.Dimension{{Name: aws.String("ClusterName"), Value: &cluster}}}}}}})
			return "CloudWatch answers", err
		}},
		{name: "names of metrics", action: "cloudwatch:ListMetrics", ask: func(ctx context.Context) (string, error) {
			_, err := cloudwatch.NewFromConfig(cfg).ListMetrics(ctx, &cloudwatch.ListMetricsInput{Namespace: aws.String("AWS/ECS"), RecentlyActive: cwtypes.RecentlyActivePt3h})
			return "CloudWatch answers", err
		}},
		{name: "logs: ask", action: "logs:StartQuery", ask: func(ctx context.Context) (string, error) {
			_, err := logs.StartQuery(ctx, &cloudwatchlogs.StartQueryInput{LogGroupName: aws.String("/" + nobody), QueryString: aws.String("fields @message | limit 1"),
				StartTime: aws.Int64(from.Unix()), EndTime: aws.Int64(now.Unix())})
			return allowed("CloudWatch Logs answers", err, "ResourceNotFoundException")
		}},
		{name: "logs: read", action: "logs:GetQueryResults", ask: func(ctx context.Context) (string, error) {
			_, err := logs.GetQueryResults(ctx, &cloudwatchlogs.GetQueryResultsInput{QueryId: aws.String("00000000-0000-0000-0000-000000000000")})
			return allowed("CloudWatch Logs answers", err, "ResourceNotFoundException", "InvalidParameterException")
		}},
		{name: "service graph", action: "xray:GetServiceGraph", optional: "without it a cause is not traced to the service that it began in", ask: func(ctx context.Context) (string, error) {
			out, err := xray.NewFromConfig(cfg).GetServiceGraph(ctx, &xray.GetServiceGraphInput{StartTime: &from, EndTime: &now})
			if err != nil {
				return "", err
			}
			return fmt.Sprintf("X-Ray answers; %d services in the last 5 minutes", len(out.Services)), nil
		}},
		{name: "changes: CloudTrail", action: "cloudtrail:LookupEvents", optional: "without it who changed what is not known", ask: func(ctx context.Context) (string, error) {
			_, err := cloudtrail.NewFromConfig(cfg).LookupEvents(ctx, &cloudtrail.LookupEventsInput{StartTime: &from, EndTime: &now, MaxResults: aws.Int32(1)})
			return "CloudTrail answers", err
		}},
		{name: "changes: ECS", action: "ecs:DescribeServices", setting: "--ecs-cluster", ask: func(ctx context.Context) (string, error) {
			_, err := ecs.NewFromConfig(cfg).DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &cluster, Services: []string{nobody}})
			return "ECS answers; the cluster " + cluster + " is there", err
		}},
		{name: "versions: ECS", action: "ecs:DescribeTaskDefinition", optional: "without it nothing is done to an ECS service whose earlier version is to be looked up", ask: func(ctx context.Context) (string, error) {
			_, err := ecs.NewFromConfig(cfg).DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String(nobody + ":1")})
			return allowed("ECS answers", err, "ClientException")
		}},
		{name: "databases", action: "rds:DescribeDBInstances", optional: "without it databases are judged by their metrics alone", ask: func(ctx context.Context) (string, error) {
			out, err := databases.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{MaxRecords: aws.Int32(20)})
			if err != nil {
				return "", err
			}
			return fmt.Sprintf("RDS answers; %d databases on the first page", len(out.DBInstances)), nil
		}},
		{name: "database events", action: "rds:DescribeEvents", optional: "without it failovers and the like are not seen", ask: func(ctx context.Context) (string, error) {
			_, err := databases.DescribeEvents(ctx, &rds.DescribeEventsInput{StartTime: &from, EndTime: &now, MaxRecords: aws.Int32(20)})
			return "RDS answers", err
		}},
		{name: "database load", action: "pi:GetResourceMetrics and pi:DescribeDimensionKeys", optional: "without it what a database waits for is not known", ask: func(ctx context.Context) (string, error) {
			return databaseLoad(ctx, databases, pi.NewFromConfig(cfg), from, now)
		}},
	}
}

// databaseLoad asks for the load of a database that is measured. Performance
// Insights answers for one that is not as for one that is forbidden.
func databaseLoad(ctx context.Context, databases *rds.Client, api *pi.Client, from, to time.Time) (string, error) {
	out, err := databases.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{MaxRecords: aws.Int32(100)})
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(out.DBInstances, func(d rdstypes.DBInstance) bool { return aws.ToBool(d.PerformanceInsightsEnabled) })
	if i < 0 {
		return "no database on the first page is measured by Performance Insights; nothing to read", nil
	}
	id := out.DBInstances[i].DbiResourceId
	if _, err := api.GetResourceMetrics(ctx, &pi.GetResourceMetricsInput{ServiceType: pitypes.ServiceTypeRds, Identifier: id, StartTime: &from, EndTime: &to,
		PeriodInSeconds: aws.Int32(60), MetricQueries: []pitypes.MetricQuery{{Metric: aws.String("db.load.avg")}}}); err != nil {
		return "", err
	}
	_, err = api.DescribeDimensionKeys(ctx, &pi.DescribeDimensionKeysInput{ServiceType: pitypes.ServiceTypeRds, Identifier: id, StartTime: &from, EndTime: &to,
		Metric: aws.String("db.load.avg"), GroupBy: &pitypes.DimensionGroup{Group: aws.String("db.wait_event"), Limit: aws.Int32(1)}})
	return "Performance Insights answers for " + aws.ToString(out.DBInstances[i].DBInstanceIdentifier), err
}

// allowed takes an answer that only one who may ask gets for success.
func allowed(detail string, err error, codes ...string) (string, error) {
	var api smithy.APIError
	if errors.As(err, &api) && slices.ContainsFunc(codes, func(c string) bool { return strings.EqualFold(api.ErrorCode(), c) }) {
		return detail, nil
	}
	return detail, err
}
