package ecs_test

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"vigil/activities"
	"vigil/activities/ecs"
	"vigil/activities/internal/awstest"
	"vigil/workflows/incident"
)

var (
	noon   = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	window = activities.Window{From: noon.Add(-time.Hour), To: noon}
)

func TestConformance(t *testing.T) {
	t.Parallel()
	awstest.Conform(t, awstest.Adapter{
		Service: "ecs", Operation: "DescribeServices",
		Answers: map[string]awstest.Answer{"DescribeServices": awstest.JSON(`{"services":[],"failures":[{"reason":"MISSING"}]}`)},
		Call: func(ctx context.Context, cfg aws.Config, rec activities.Recorder) error {
			_, _, err := ecs.New(cfg, ecs.Config{}, rec).Recent(ctx, "checkout", window)
			return err
		},
	})
}

func deployed(minutes int, revision int, status, rollout string) string {
	return fmt.Sprintf(`{"id":"ecs-svc/%d","status":%q,"rolloutState":%q,"createdAt":%d,"taskDefinition":"arn:aws:ecs:us-east-1:000000000000:task-definition/checkout:%d"}`,
		revision, status, rollout, noon.Add(-time.Duration(minutes)*time.Minute).Unix(), revision)
}

func TestRecent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, answer string
		want         []incident.Change
	}{
		{"no ECS service", `{"services":[],"failures":[{"arn":"a","reason":"MISSING"}]}`, nil},
		{"replacing", `{"services":[{"deployments":[` + deployed(5, 42, "PRIMARY", "IN_PROGRESS") + `,` + deployed(500, 41, "ACTIVE", "COMPLETED") + `]}]}`,
			[]incident.Change{{Service: "checkout", Kind: "deployment", Summary: "deployment of checkout:42 after checkout:41, rollout in progress",
				Version: "checkout:42", Before: "checkout:41", At: noon.Add(-5 * time.Minute)}}},
		{"nothing left of what came before", `{"services":[{"deployments":[` + deployed(5, 42, "PRIMARY", "") + `]}]}`,
			[]incident.Change{{Service: "checkout", Kind: "deployment", Summary: "deployment of checkout:42", Version: "checkout:42", At: noon.Add(-5 * time.Minute)}}},
		{"two in the window, oldest first", `{"services":[{"deployments":[` + deployed(1, 41, "PRIMARY", "COMPLETED") + `,` + deployed(9, 42, "ACTIVE", "FAILED") + `]}]}`,
			[]incident.Change{
				{Service: "checkout", Kind: "deployment", Summary: "deployment of checkout:42, rollout failed", Version: "checkout:42", At: noon.Add(-9 * time.Minute)},
				{Service: "checkout", Kind: "deployment", Summary: "deployment of checkout:41 after checkout:42, rollout completed", Version: "checkout:41", Before: "checkout:42", At: noon.Add(-time.Minute)},
			}},
		{"long ago", `{"services":[{"deployments":[` + deployed(5000, 42, "PRIMARY", "COMPLETED") + `]}]}`, nil},
		{"without a time", `{"services":[{"deployments":[{"status":"PRIMARY"}]}]}`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := awstest.Serve(t, func(string, *http.Request, []byte) awstest.Answer { return awstest.JSON(c.answer) })
			got, p, err := ecs.New(awstest.Config(s.URL), ecs.Config{}, nil).Recent(t.Context(), "checkout", window)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("\n got %+v\nwant %+v", got, c.want)
			}
			if p.Service != "ecs" || string(s.Requests()[0].Body) != `{"cluster":"prod","services":["checkout"]}` {
				t.Errorf("provenance %+v, asked %s", p, s.Requests()[0].Body)
			}
		})
	}
}

// TestSnapshot reads every member that ECS can send.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	answer := awstest.Snapshot(t, "ecs", "DescribeServices")
	answer.Body = []byte(strings.ReplaceAll(string(answer.Body), `"reason":"__Reason__"`, `"reason":"MISSING"`))
	s := awstest.Serve(t, func(string, *http.Request, []byte) awstest.Answer { return answer })
	wide := activities.Window{From: time.Unix(0, 0), To: noon}
	got, _, err := ecs.New(awstest.Config(s.URL), ecs.Config{}, nil).Recent(t.Context(), "checkout", wide)
	if err != nil || len(got) == 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestOtherFailures(t *testing.T) {
	t.Parallel()
	s := awstest.Serve(t, func(string, *http.Request, []byte) awstest.Answer {
		return awstest.JSON(`{"services":[],"failures":[{"reason":"TIRED","detail":"later"}]}`)
	})
	_, _, err := ecs.New(awstest.Config(s.URL), ecs.Config{}, nil).Recent(t.Context(), "checkout", window)
	if incident.KindOf(err) != incident.KindUnavailable || err == nil || !strings.Contains(err.Error(), "TIRED") {
		t.Errorf("%v", err)
	}
}
