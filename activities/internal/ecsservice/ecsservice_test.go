package ecsservice_test

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"vigil/activities/internal/awscall"
	"vigil/activities/internal/awstest"
	"vigil/activities/internal/ecsservice"
	"vigil/workflows/incident"
)

func reader(s *awstest.Server) ecsservice.Reader {
	return ecsservice.New(ecs.NewFromConfig(awscall.Prepare(awstest.Config(s.URL), time.Minute)), awscall.New("ecs", nil))
}

func deployed(at int, version, status, rollout string) string {
	return fmt.Sprintf(`{"id":"d-%s","status":%q,"rolloutState":%q,"createdAt":%d,"taskDefinition":"arn:aws:ecs:us-east-1:1:task-definition/%[1]s"}`, version, status, rollout, at)
}

// TestPrevious: the way back is a version that ran before, or the revision
// before that nobody withdrew, and never one that is newer.
func TestPrevious(t *testing.T) {
	t.Parallel()
	now := deployed(100, "checkout:42", "PRIMARY", "COMPLETED")
	for _, c := range []struct {
		name, deployments string
		status            string // of checkout:41; "" where there is none
		want              any
		looksUp           bool
	}{
		{"the one that is draining", now + "," + deployed(50, "checkout:40", "ACTIVE", "COMPLETED"), "ACTIVE", "checkout:40", false},
		{"the newest of those", now + "," + deployed(50, "checkout:40", "ACTIVE", "COMPLETED") + "," + deployed(70, "checkout:41", "ACTIVE", "COMPLETED"), "", "checkout:41", false},
		{"one of another family", now + "," + deployed(50, "checkout-v1:99", "ACTIVE", "COMPLETED"), "", "checkout-v1:99", false},
		{"not one that failed", now + "," + deployed(50, "checkout:40", "ACTIVE", "FAILED"), "ACTIVE", "checkout:41", true},
		{"not the one that was rolled back from", now + "," + deployed(50, "checkout:43", "ACTIVE", "COMPLETED"), "ACTIVE", "checkout:41", true},
		{"not itself, forced anew", now + "," + deployed(50, "checkout:42", "ACTIVE", "COMPLETED"), "ACTIVE", "checkout:41", true},
		{"the revision before", now, "ACTIVE", "checkout:41", true},
		{"not one that was withdrawn", now, "INACTIVE", nil, true},
		{"not one that is not there", now, "", nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			asked := false
			s := awstest.Serve(t, func(op string, r *http.Request, body []byte) awstest.Answer {
				if op == "DescribeServices" {
					return awstest.JSON(`{"services":[{"status":"ACTIVE","taskDefinition":"checkout:42","deployments":[` + c.deployments + `]}]}`)
				}
				asked = true
				if c.status == "" || !strings.Contains(string(body), `"checkout:41"`) {
					return awstest.Exception(r, 400, "ClientException", "Unable to describe task definition.")
				}
				return awstest.JSON(`{"taskDefinition":{"status":"` + c.status + `"}}`)
			})
			got, err := state(t, s)
			if err != nil || got["previous_task_definition"] != c.want || asked != c.looksUp {
				t.Errorf("%v, %v, looked up %t; want %v", got, err, asked, c.want)
			}
		})
	}
}

func state(t *testing.T, s *awstest.Server) (incident.TargetState, error) {
	t.Helper()
	service, _, err := reader(s).Describe(t.Context(), "prod", "checkout")
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := reader(s).State(t.Context(), service)
	return got, err
}

func TestState(t *testing.T) {
	t.Parallel()
	s := awstest.Serve(t, func(string, *http.Request, []byte) awstest.Answer {
		return awstest.JSON(`{"services":[{"status":"ACTIVE","desiredCount":4,"runningCount":3,"pendingCount":1,"taskDefinition":"arn:aws:ecs:us-east-1:1:task-definition/checkout:42","deployments":[` +
			deployed(100, "checkout:42", "PRIMARY", "IN_PROGRESS") + `,` + deployed(50, "checkout:41", "ACTIVE", "COMPLETED") + `]}]}`)
	})
	want := incident.TargetState{"kind": "ecs", "desired_count": 4.0, "running_count": 3.0, "pending_count": 1.0, "task_definition": "checkout:42",
		"previous_task_definition": "checkout:41", "deployments": 1.0, "deployment": "d-checkout:42"}
	if got, err := state(t, s); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	// That a permission is missing must not read as "there is no way back".
	denied := awstest.Serve(t, func(op string, r *http.Request, _ []byte) awstest.Answer {
		if op == "DescribeServices" {
			return awstest.JSON(`{"services":[{"status":"ACTIVE","taskDefinition":"checkout:42"}]}`)
		}
		return awstest.Exception(r, 400, "AccessDeniedException", "no")
	})
	if got, err := state(t, denied); incident.KindOf(err) != incident.KindDenied || got != nil {
		t.Errorf("%v, %v", got, err)
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]incident.Kind{
		`{"failures":[{"reason":"MISSING"}]}`:  "",
		`{"services":[{"status":"INACTIVE"}]}`: "",
		`{"services":[]}`:                      "",
		`{"failures":[{"reason":"TIRED"}]}`:    incident.KindUnavailable,
	} {
		s := awstest.Serve(t, func(string, *http.Request, []byte) awstest.Answer { return awstest.JSON(body) })
		got, _, err := reader(s).Describe(t.Context(), "prod", "checkout")
		if got != nil || (err == nil) != (want == "") || (err != nil && incident.KindOf(err) != want) {
			t.Errorf("%s: %v, %v", body, got, err)
		}
		if got, _, err := reader(s).Describe(t.Context(), "prod", "not a/name"); got != nil || err != nil || len(s.Requests()) != 1 {
			t.Errorf("a name that ECS refuses: %v, %v, %d requests", got, err, len(s.Requests()))
		}
	}
}
