package sandbox_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/aws/smithy-go/encoding/cbor"
)

// telemetryContracts are those of the databases' telemetry and of the list of
// metrics, held to the golden messages like contracts.
func telemetryContracts() []contract {
	t0, t1 := genesis.Unix()-600, genesis.Unix()
	type m = map[string]any
	return []contract{
		{"cloudwatch", "ListMetrics", func(*fixture) any { return cbor.Map{"Namespace": cbor.String("AWS/RDS")} }, true},
		{"pi", "GetResourceMetrics", func(f *fixture) any {
			return m{"ServiceType": "RDS", "Identifier": *f.resourceID(), "StartTime": t0, "EndTime": t1, "MaxResults": 1,
				"MetricQueries": []any{m{"Metric": "db.load.avg", "GroupBy": m{"Group": "db.sql_tokenized"}}}}
		}, true},
		{"pi", "DescribeDimensionKeys", func(f *fixture) any {
			return m{"ServiceType": "RDS", "Identifier": *f.resourceID(), "StartTime": t0, "EndTime": t1, "MaxResults": 1, "Metric": "db.load.avg",
				"GroupBy": m{"Group": "db.sql_tokenized"}, "PartitionBy": m{"Group": "db.wait_event"}, "AdditionalMetrics": []string{"db.sql_tokenized.stats.calls_per_sec.avg"}}
		}, true},
		{"rds", "DescribeDBInstances", nil, false},
		{"rds", "DescribeEvents", nil, false},
	}
}

func TestGoldenTelemetryRequestsAreUnderstood(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	for _, c := range telemetryContracts() {
		s := mustSnapshot(t, filepath.Join(sdkModule(t, c.service), "request_snapshot", c.operation+".request.snap"))
		status, raw := f.send(s)
		if bytes.Contains(raw, []byte("UnknownOperation")) || bytes.Contains(raw, []byte("SerializationException")) || status >= 500 {
			t.Errorf("%s %s: %d %q", c.service, c.operation, status, raw)
		}
	}
	if got := f.calls(""); len(got) != len(telemetryContracts()) {
		t.Errorf("%d calls were logged, want %d", len(got), len(telemetryContracts()))
	}
}

func TestTelemetryAnswersHoldNothingForeign(t *testing.T) {
	t.Parallel()
	for _, c := range telemetryContracts() {
		if !c.snapshots {
			continue // read by the SDK in the tests of RDS
		}
		t.Run(c.operation, func(t *testing.T) {
			t.Parallel()
			f := mustServe(t)
			got := f.post(c.service, c.operation, c.body(f))
			golden := mustSnapshot(t, filepath.Join(sdkModule(t, c.service), "response_snapshot", c.operation+".response.snap"))
			for _, p := range foreign(c.operation, got, parse(t, golden, golden.body)) {
				t.Error(p)
			}
		})
	}
}
