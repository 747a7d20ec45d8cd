package ecs_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"vigil/activities"
	"vigil/activities/ecs"
	"vigil/activities/internal/awstest"
	"vigil/workflows/incident"
)

func effect(document string, arguments ...string) incident.Effect {
	e := incident.Effect{IncidentID: "demo-1", ActionHash: "9f86d081", Step: 1, Type: incident.ActionScaleService, Executor: "ecs", Document: document, Target: "checkout"}
	for i := 0; i+1 < len(arguments); i += 2 {
		if e.Arguments == nil {
			e.Arguments = map[string]string{}
		}
		e.Arguments[arguments[i]] = arguments[i+1]
	}
	return e
}

var (
	scale    = effect("set_desired_count", "DesiredCount", "4")
	rollback = effect("set_task_definition", "TaskDefinition", "checkout:41")
	force    = effect("force_new_deployment", "Deployment", "ecs-svc/42")
	blind    = effect("force_new_deployment")
)

func mustExecutor(t testing.TB, url string, c ecs.ExecutorConfig) *ecs.Executor {
	t.Helper()
	x, err := ecs.NewExecutor(awstest.Config(url), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// served is a service with so many tasks and these deployments.
func served(desired, running, pending int, deployments ...string) string {
	return fmt.Sprintf(`{"status":"ACTIVE","serviceName":"checkout","desiredCount":%d,"runningCount":%d,"pendingCount":%d,"taskDefinition":"arn:aws:ecs:us-east-1:000000000000:task-definition/checkout:42","deployments":[%s]}`,
		desired, running, pending, strings.Join(deployments, ","))
}

// answers describes service, and takes every update.
func answers(service string) func(string, *http.Request, []byte) awstest.Answer {
	return func(op string, _ *http.Request, _ []byte) awstest.Answer {
		if op == "UpdateService" {
			return awstest.JSON(`{"service":` + service + `}`)
		}
		return awstest.JSON(`{"services":[` + service + `]}`)
	}
}

func TestExecutorConformance(t *testing.T) {
	t.Parallel()
	now := served(4, 4, 0, deployed(5, 42, "PRIMARY", "COMPLETED"))
	for op, call := range map[string]func(context.Context, *ecs.Executor) error{
		"UpdateService": func(ctx context.Context, x *ecs.Executor) error {
			_, _, err := x.Start(ctx, scale)
			return err
		},
		"DescribeServices": func(ctx context.Context, x *ecs.Executor) error {
			_, err := x.Find(ctx, scale)
			return err
		},
	} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			awstest.Conform(t, awstest.Adapter{Service: "ecs", Operation: op,
				Answers: map[string]awstest.Answer{"UpdateService": awstest.JSON(`{"service":` + now + `}`), "DescribeServices": awstest.JSON(`{"services":[` + now + `]}`)},
				Call: func(ctx context.Context, cfg aws.Config, rec activities.Recorder) error {
					x, err := ecs.NewExecutor(cfg, ecs.ExecutorConfig{}, rec)
					if err != nil {
						return err
					}
					return call(ctx, x)
				}})
		})
	}
}

func TestStart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		effect incident.Effect
		want   string
	}{
		{scale, `{"cluster":"prod","service":"checkout","desiredCount":4}`},
		{effect("set_desired_count", "DesiredCount", "0"), `{"cluster":"prod","service":"checkout","desiredCount":0}`},
		{rollback, `{"cluster":"prod","service":"checkout","taskDefinition":"checkout:41"}`},
		{force, `{"cluster":"prod","service":"checkout","forceNewDeployment":true}`},
		{blind, `{"cluster":"prod","service":"checkout","forceNewDeployment":true}`},
	} {
		s := awstest.Serve(t, answers(served(4, 4, 0, deployed(5, 42, "PRIMARY", "COMPLETED"))))
		x := mustExecutor(t, s.URL, ecs.ExecutorConfig{})
		call, err := x.Call(c.effect)
		if err != nil || call.Service != "ecs" || call.Operation != "UpdateService" || !same(t, call.Request, c.want) || len(s.Requests()) != 0 {
			t.Errorf("%s: %s, %v; want %s and nothing sent", c.effect, call.Request, err, c.want)
		}
		id, p, err := x.Start(t.Context(), c.effect)
		requests := s.Requests()
		if sent := requests[len(requests)-1].Body; err != nil || id != "ecs-svc/42" || p.Operation != "UpdateService" || !same(t, sent, c.want) {
			t.Errorf("%s: %q, %+v, %v, sent %s", c.effect, id, p, err, sent)
		}
	}
}

func same(t *testing.T, got []byte, want string) bool {
	t.Helper()
	var a, b any
	if err := json.Unmarshal(got, &a); err != nil {
		t.Fatalf("%s: %v", got, err)
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(a, b)
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	s := awstest.Serve(t, answers(served(4, 4, 0, deployed(1, 43, "PRIMARY", "IN_PROGRESS"))))
	x := mustExecutor(t, s.URL, ecs.ExecutorConfig{})
	nowhere := scale
	nowhere.Target = "arn:*"
	for name, c := range map[string]struct {
		effect incident.Effect
		want   incident.Kind
	}{
		"no number":        {effect("set_desired_count", "DesiredCount", "4.0"), incident.KindInvalid},
		"below nothing":    {effect("set_desired_count", "DesiredCount", "-1"), incident.KindInvalid},
		"too many":         {effect("set_desired_count", "DesiredCount", "5001"), incident.KindInvalid},
		"nothing":          {effect("set_desired_count"), incident.KindInvalid},
		"one too much":     {effect("set_desired_count", "DesiredCount", "4", "Cluster", "prod"), incident.KindInvalid},
		"the latest":       {effect("set_task_definition", "TaskDefinition", "checkout"), incident.KindInvalid},
		"no document":      {effect("delete_service"), incident.KindInvalid},
		"no service":       {nowhere, incident.KindInvalid},
		"already replaced": {force, incident.KindConflict},
	} {
		if _, _, err := x.Start(t.Context(), c.effect); err == nil || incident.KindOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	for _, r := range s.Requests() {
		if r.Operation == "UpdateService" {
			t.Errorf("sent %s", r.Body)
		}
	}
	missing := awstest.Serve(t, func(string, *http.Request, []byte) awstest.Answer {
		return awstest.JSON(`{"failures":[{"reason":"MISSING"}]}`)
	})
	if _, _, err := mustExecutor(t, missing.URL, ecs.ExecutorConfig{}).Observe(t.Context(), scale); incident.KindOf(err) != incident.KindNotFound {
		t.Errorf("a service that is not there: %v", err)
	}
	away := awstest.Serve(t, func(string, *http.Request, []byte) awstest.Answer { return awstest.Answer{Status: 500} })
	if _, _, err := mustExecutor(t, away.URL, ecs.ExecutorConfig{}).Start(t.Context(), force); incident.KindOf(err) != incident.KindConflict {
		t.Errorf("a look before the update that fails is %v, want a refusal: nothing was sent", err)
	}
	unnamed := awstest.Serve(t, answers(served(4, 4, 0)))
	if _, _, err := mustExecutor(t, unnamed.URL, ecs.ExecutorConfig{}).Start(t.Context(), rollback); incident.KindOf(err) != incident.KindInternal {
		t.Errorf("an update without a deployment: %v", err)
	}
	if id, _, err := mustExecutor(t, unnamed.URL, ecs.ExecutorConfig{}).Start(t.Context(), scale); id != "service/checkout" || err != nil {
		t.Errorf("scaling a service that ECS does not deploy: %q, %v", id, err)
	}
	if _, _, err := mustExecutor(t, "http://127.0.0.1:1", ecs.ExecutorConfig{}).Start(t.Context(), scale); incident.KindOf(err) != incident.KindConflict || !strings.Contains(err.Error(), "nothing was sent") {
		t.Errorf("without a connection: %v, want a refusal", err)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	now := served(4, 2, 2, deployed(1, 42, "PRIMARY", "IN_PROGRESS"), deployed(500, 41, "ACTIVE", "COMPLETED"))
	for _, c := range []struct {
		effect incident.Effect
		want   string
		kind   incident.Kind
	}{
		{scale, "ecs-svc/42", ""},
		{effect("set_desired_count", "DesiredCount", "5"), "", ""},
		{effect("set_task_definition", "TaskDefinition", "checkout:42"), "ecs-svc/42", ""},
		{effect("set_task_definition", "TaskDefinition", "arn:aws:ecs:us-east-1:000000000000:task-definition/checkout:42"), "ecs-svc/42", ""},
		{rollback, "", ""}, // it is being replaced
		{force, "", ""},
		{effect("force_new_deployment", "Deployment", "ecs-svc/41"), "ecs-svc/42", ""},
		{blind, "", incident.KindInvalid},
	} {
		s := awstest.Serve(t, answers(now))
		got, err := mustExecutor(t, s.URL, ecs.ExecutorConfig{}).Find(t.Context(), c.effect)
		if got != c.want || (err == nil) != (c.kind == "") || (err != nil && incident.KindOf(err) != c.kind) {
			t.Errorf("%s %v: %q, %v; want %q", c.effect, c.effect.Arguments, got, err, c.want)
		}
	}
}

func TestGet(t *testing.T) {
	t.Parallel()
	counted := func(d string, desired, running int) string {
		return strings.TrimSuffix(d, "}") + fmt.Sprintf(`,"desiredCount":%d,"runningCount":%d}`, desired, running)
	}
	for _, c := range []struct {
		name    string
		effect  incident.Effect
		service string
		want    incident.ExecutionState
		says    string
	}{
		{"rolling out", rollback, served(4, 4, 0, deployed(1, 42, "PRIMARY", "IN_PROGRESS")), "running", "checkout:42, in progress"},
		{"rolled out", rollback, served(4, 4, 0, deployed(1, 42, "PRIMARY", "COMPLETED")), "succeeded", "completed"},
		{"failed", rollback, served(4, 4, 0, deployed(1, 42, "PRIMARY", "FAILED")), "failed", "failed"},
		{"failed, and taken back by ECS", rollback, served(4, 4, 0, deployed(1, 41, "PRIMARY", "IN_PROGRESS"), deployed(5, 42, "ACTIVE", "FAILED")), "failed", "failed"},
		{"being replaced", rollback, served(4, 4, 0, deployed(1, 43, "PRIMARY", "IN_PROGRESS"), deployed(5, 42, "ACTIVE", "COMPLETED")), "unknown", "replaced by deployment ecs-svc/43"},
		{"replaced", rollback, served(4, 4, 0, deployed(1, 43, "PRIMARY", "IN_PROGRESS")), "unknown", "was replaced by deployment ecs-svc/43 of checkout:43"},
		{"gone", rollback, served(4, 4, 0), "unknown", "nothing has taken its place"},
		{"not kept, and there", rollback, served(4, 4, 0, counted(deployed(1, 42, "PRIMARY", ""), 4, 4)), "succeeded", ""},
		{"not kept, on its way", rollback, served(4, 3, 1, counted(deployed(1, 42, "PRIMARY", ""), 4, 3)), "running", ""},
		{"scaling", scale, served(4, 3, 1, counted(deployed(500, 42, "PRIMARY", "COMPLETED"), 4, 3)), "running", "3 of 4 tasks run, 1"},
		{"scaled", scale, served(4, 4, 0, counted(deployed(500, 42, "PRIMARY", "COMPLETED"), 4, 4)), "succeeded", "4 of 4"},
		{"scaled, and deployed by something else", scale, served(4, 4, 0), "succeeded", "4 of 4"},
		{"scaled by somebody else", scale, served(6, 4, 2, counted(deployed(500, 42, "PRIMARY", "COMPLETED"), 6, 4)), "unknown", "another number"},
		{"scaled, then deployed", scale, served(4, 4, 0, counted(deployed(1, 43, "PRIMARY", "COMPLETED"), 4, 4)), "succeeded", ""},
		{"scaled while deploying", scale, served(4, 4, 0, counted(deployed(1, 43, "PRIMARY", "IN_PROGRESS"), 4, 2), deployed(500, 42, "ACTIVE", "COMPLETED")), "running", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := awstest.Serve(t, answers(c.service))
			state, detail, p, err := mustExecutor(t, s.URL, ecs.ExecutorConfig{}).Get(t.Context(), c.effect, "ecs-svc/42")
			if err != nil || state != c.want || !strings.Contains(detail, c.says) || p.Operation != "DescribeServices" {
				t.Errorf("%s %q, %+v, %v; want %s %q", state, detail, p, err, c.want, c.says)
			}
		})
	}
}

// TestExecutorRole: the session is narrowed to the one service.
func TestExecutorRole(t *testing.T) {
	t.Parallel()
	s := awstest.Serve(t, func(op string, r *http.Request, body []byte) awstest.Answer {
		if op == "AssumeRole" {
			return awstest.XML("AssumeRole", `<Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>of-the-role</SessionToken><Expiration>2026-11-23T12:15:00Z</Expiration></Credentials>`)
		}
		return answers(served(4, 4, 0, deployed(5, 42, "PRIMARY", "COMPLETED")))(op, r, body)
	})
	x := mustExecutor(t, s.URL, ecs.ExecutorConfig{Cluster: "arn:aws:ecs:us-east-1:111122223333:cluster/shop",
		Roles: map[incident.ActionType]string{incident.ActionScaleService: "arn:aws-cn:iam::111122223333:role/vigil/act-scale"}})
	if _, _, err := x.Start(t.Context(), scale); err != nil {
		t.Fatal(err)
	}
	form, err := url.ParseQuery(string(s.Requests()[0].Body))
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ecs:UpdateService"],"Resource":["arn:aws-cn:ecs:us-east-1:111122223333:service/shop/checkout"]}]}`; form.Get("Policy") != want {
		t.Errorf("session policy %s\nwant           %s", form.Get("Policy"), want)
	}
	if got := s.Requests()[1].Header.Get("X-Amz-Security-Token"); got != "of-the-role" {
		t.Errorf("updated as %q", got)
	}
}
