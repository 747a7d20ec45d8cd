package cloudtrail_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"vigil/activities"
	"vigil/activities/cloudtrail"
	"vigil/activities/internal/awstest"
	"vigil/workflows/incident"
)

var (
	noon   = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	window = activities.Window{From: noon.Add(-time.Hour), To: noon}
)

// event is one event of LookupEvents, minutes before noon.
func event(minutes int, name, source, readOnly, record string) string {
	quoted, err := json.Marshal(record)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`{"EventId":"e","EventName":%q,"EventSource":%q,"ReadOnly":%q,"Username":"ci-deployer","EventTime":%d,"CloudTrailEvent":%s}`,
		name, source, readOnly, noon.Add(-time.Duration(minutes)*time.Minute).Unix(), quoted)
}

func events(e ...string) awstest.Answer {
	return awstest.JSON(`{"Events":[` + strings.Join(e, ",") + `]}`)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	awstest.Conform(t, awstest.Adapter{
		Service: "cloudtrail", Operation: "LookupEvents",
		Answers: map[string]awstest.Answer{"LookupEvents": events()},
		Call: func(ctx context.Context, cfg aws.Config, rec activities.Recorder) error {
			_, _, err := cloudtrail.New(cfg, rec).Recent(ctx, "checkout", window)
			return err
		},
	})
}

func TestRecent(t *testing.T) {
	t.Parallel()
	const deploy = `{"requestParameters":{"cluster":"prod","service":"checkout","taskDefinition":"checkout:42"},
		"responseElements":{"service":{"taskDefinition":"arn:aws:ecs:us-east-1:0:task-definition/checkout:42","deployments":[
			{"status":"PRIMARY","taskDefinition":"arn:aws:ecs:us-east-1:0:task-definition/checkout:42"},
			{"status":"ACTIVE","taskDefinition":"arn:aws:ecs:us-east-1:0:task-definition/checkout:41"}]}}}`
	at := func(minutes int) time.Time { return noon.Add(-time.Duration(minutes) * time.Minute) }
	for _, c := range []struct {
		name  string
		event string
		want  *incident.Change
	}{
		{"deployment", event(5, "UpdateService", "ecs.amazonaws.com", "false", deploy),
			&incident.Change{Kind: "deployment", Summary: "deployment of checkout:42 after checkout:41 (UpdateService)", Version: "checkout:42", Before: "checkout:41", At: at(5)}},
		{"deployment without a record", event(5, "UpdateService", "ecs.amazonaws.com", "false", ""),
			&incident.Change{Kind: "deployment", Summary: "UpdateService on ecs", At: at(5)}},
		{"scaling", event(6, "UpdateService", "ecs.amazonaws.com", "false", `{"requestParameters":{"desiredCount":6}}`),
			&incident.Change{Kind: "scaling", Summary: "desired count set to 6 (UpdateService)", At: at(6)}},
		{"restart", event(6, "UpdateService", "ecs.amazonaws.com", "false", `{"requestParameters":{"desiredCount":6,"forceNewDeployment":true},"responseElements":{"service":{"taskDefinition":"x/checkout:42"}}}`),
			&incident.Change{Kind: "deployment", Summary: "deployment of checkout:42 (UpdateService)", Version: "checkout:42", At: at(6)}},
		{"database class", event(7, "ModifyDBInstance", "rds.amazonaws.com", "false", `{"requestParameters":{"dBInstanceClass":"db.r6g.large"}}`),
			&incident.Change{Kind: "scaling", Summary: "ModifyDBInstance on rds", At: at(7)}},
		{"parameters", event(8, "ModifyDBParameterGroup", "rds.amazonaws.com", "false", `{}`),
			&incident.Change{Kind: "configuration", Summary: "ModifyDBParameterGroup on rds", At: at(8)}},
		{"anything else", event(9, "RebootDBInstance", "rds.amazonaws.com", "", `null`),
			&incident.Change{Kind: "other", Summary: "RebootDBInstance on rds", At: at(9)}},
		{"reading", event(5, "DescribeServices", "ecs.amazonaws.com", "true", `{}`), nil},
		{"refused", event(5, "UpdateService", "ecs.amazonaws.com", "false", `{"errorCode":"AccessDenied"}`), nil},
		{"before the window", event(61, "UpdateService", "ecs.amazonaws.com", "false", deploy), nil},
		{"without a time", `{"EventName":"UpdateService"}`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := awstest.Serve(t, func(string, *http.Request, []byte) awstest.Answer { return events(c.event) })
			got, p, err := cloudtrail.New(awstest.Config(s.URL), nil).Recent(t.Context(), "checkout", window)
			if err != nil {
				t.Fatal(err)
			}
			var want []incident.Change
			if c.want != nil {
				c.want.Service, c.want.Actor = "checkout", "ci-deployer"
				want = []incident.Change{*c.want}
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("\n got %+v\nwant %+v", got, want)
			}
			if p.Service != "cloudtrail" || p.Origin != incident.OriginLive {
				t.Errorf("provenance %+v", p)
			}
		})
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	pages := 0
	s := awstest.Serve(t, func(_ string, _ *http.Request, body []byte) awstest.Answer {
		pages++
		if want := fmt.Sprintf(`"NextToken":"%d"`, pages); pages > 1 && !strings.Contains(string(body), want) {
			t.Errorf("page %d is asked for by %s", pages, body)
		}
		return awstest.JSON(fmt.Sprintf(`{"NextToken":"%d","Events":[%s]}`, pages+1, event(pages, "RebootDBInstance", "rds.amazonaws.com", "false", "")))
	})
	got, _, err := cloudtrail.New(awstest.Config(s.URL), nil).Recent(t.Context(), "orders-db", window)
	if err != nil || len(got) != 5 || pages != 5 {
		t.Fatalf("%d changes of %d pages, %v; want 5 of 5", len(got), pages, err)
	}
	for i := range got[1:] {
		if got[i].At.After(got[i+1].At) {
			t.Errorf("not oldest first: %+v", got)
		}
	}
	const asked = `{"EndTime":1795435200,"LookupAttributes":[{"AttributeKey":"ResourceName","AttributeValue":"orders-db"}],"StartTime":1795431600}`
	if body := string(s.Requests()[0].Body); body != asked {
		t.Errorf("asked %s\nwant %s", body, asked)
	}
}
