package ssm_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"vigil/activities"
	"vigil/activities/internal/awstest"
	"vigil/activities/ssm"
	"vigil/workflows/incident"
)

var restart = incident.Effect{IncidentID: "demo-1", ActionHash: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", Step: 1,
	Type: incident.ActionRestartService, Executor: "ssm", Target: "checkout", Document: "Vigil-RestartService",
	Arguments: map[string]string{"Cluster": "prod", "Service": "checkout"}}

func always(body string) func(string, *http.Request, []byte) awstest.Answer {
	return func(string, *http.Request, []byte) awstest.Answer { return awstest.JSON(body) }
}

func mustExecutor(t testing.TB, cfg aws.Config, c ssm.Config, rec activities.Recorder) *ssm.Executor {
	t.Helper()
	e, err := ssm.New(cfg, c, rec)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestConformance(t *testing.T) {
	t.Parallel()
	none := map[string]awstest.Answer{"DescribeServices": awstest.JSON(`{"failures":[{"reason":"MISSING"}]}`), "DescribeDBInstances": awstest.XML("DescribeDBInstances", "")}
	observe := func(ctx context.Context, e *ssm.Executor) error {
		_, _, err := e.Observe(ctx, restart)
		return err
	}
	for _, c := range []struct {
		service, op string
		absent      bool
		answers     map[string]awstest.Answer
		call        func(context.Context, *ssm.Executor) error
	}{
		{"ssm", "StartAutomationExecution", false, nil, func(ctx context.Context, e *ssm.Executor) error {
			_, _, err := e.Start(ctx, restart)
			return err
		}},
		{"ssm", "DescribeAutomationExecutions", false, nil, func(ctx context.Context, e *ssm.Executor) error {
			_, err := e.Find(ctx, restart)
			return err
		}},
		{"ssm", "GetAutomationExecution", false, nil, func(ctx context.Context, e *ssm.Executor) error {
			_, _, _, err := e.Get(ctx, restart, "x")
			return err
		}},
		{"rds", "DescribeDBInstances", true, none, observe},
	} {
		t.Run(c.op, func(t *testing.T) {
			t.Parallel()
			if c.answers == nil {
				c.answers = map[string]awstest.Answer{c.op: awstest.Snapshot(t, c.service, c.op)}
			}
			awstest.Conform(t, awstest.Adapter{Service: c.service, Operation: c.op, Answers: c.answers, AbsenceIsAnswer: c.absent,
				Call: func(ctx context.Context, cfg aws.Config, rec activities.Recorder) error {
					e, err := ssm.New(cfg, ssm.Config{}, rec)
					if err != nil {
						return err
					}
					return c.call(ctx, e)
				},
			})
		})
	}
}

func TestStart(t *testing.T) {
	t.Parallel()
	s := awstest.Serve(t, always(`{"AutomationExecutionId":"x1"}`))
	e := mustExecutor(t, awstest.Config(s.URL), ssm.Config{}, nil)
	call, err := e.Call(restart)
	if err != nil || call.Service != "ssm" || call.Operation != "StartAutomationExecution" || len(s.Requests()) != 0 {
		t.Fatalf("%+v, %v, %d requests", call, err, len(s.Requests()))
	}
	id, p, err := e.Start(t.Context(), restart)
	if err != nil || id != "x1" || p.Operation != "StartAutomationExecution" {
		t.Fatalf("%q, %+v, %v", id, p, err)
	}
	if sent := s.Requests()[0].Body; !reflect.DeepEqual(decoded(t, sent), decoded(t, call.Request)) {
		t.Errorf("rehearsed %s\nsent      %s", call.Request, sent)
	}
	var got struct {
		DocumentName, ClientToken, Mode string
		Parameters                      map[string][]string
		Tags                            []struct{ Key, Value string }
	}
	if err := json.Unmarshal(s.Requests()[0].Body, &got); err != nil {
		t.Fatal(err)
	}
	if got.DocumentName != "Vigil-RestartService" || got.ClientToken != restart.Token() || got.Mode != "Auto" ||
		len(got.Parameters) != 2 || got.Parameters["Cluster"][0] != "prod" || got.Parameters["Service"][0] != "checkout" ||
		len(got.Tags) != 2 || got.Tags[0].Key != "vigil-action-"+restart.Token() || got.Tags[0].Value != restart.ActionHash || got.Tags[1].Value != "demo-1" {
		t.Errorf("asked %+v", got)
	}
}

func decoded(t *testing.T, raw []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return v
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	s := awstest.Serve(t, always(`{"AutomationExecutionId":"x1"}`))
	e := mustExecutor(t, awstest.Config(s.URL), ssm.Config{}, nil)
	for name, change := range map[string]func(*incident.Effect){
		"no document":      func(e *incident.Effect) { e.Document = "" },
		"several":          func(e *incident.Effect) { e.Document = "Vigil-*" },
		"no target":        func(e *incident.Effect) { e.Target = "" },
		"another service":  func(e *incident.Effect) { e.Arguments = map[string]string{"Service": "orders"} },
		"nowhere":          func(e *incident.Effect) { e.Arguments = nil },
		"of no action":     func(e *incident.Effect) { e.ActionHash = "" },
		"of no incident":   func(e *incident.Effect) { e.IncidentID = "" },
		"of no step":       func(e *incident.Effect) { e.Step = 0 },
		"another's target": func(e *incident.Effect) { e.Target = "orders" },
	} {
		effect := restart
		change(&effect)
		_, _, err := e.Start(t.Context(), effect)
		_, found := e.Find(t.Context(), effect)
		_, rendered := e.Call(effect)
		for _, err := range []error{err, found, rendered} {
			if err == nil || incident.KindOf(err) != incident.KindInvalid {
				t.Errorf("%s: %v, want invalid", name, err)
			}
		}
	}
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	if _, _, err := mustExecutor(t, awstest.Config("http://127.0.0.1:1"), ssm.Config{}, nil).Start(t.Context(), restart); incident.KindOf(err) != incident.KindConflict || !strings.Contains(err.Error(), "nothing was sent") {
		t.Errorf("without a connection: %v, want a refusal", err)
	}
	empty := awstest.Serve(t, always(`{}`))
	if _, _, err := mustExecutor(t, awstest.Config(empty.URL), ssm.Config{}, nil).Start(t.Context(), restart); incident.KindOf(err) != incident.KindInternal || err == nil {
		t.Errorf("an execution without an id: %v", err)
	}
}

// TestRole: with a role for its class, an effect is begun with the role's
// credentials, narrowed to its document.
func TestRole(t *testing.T) {
	t.Parallel()
	s := awstest.Serve(t, func(op string, _ *http.Request, _ []byte) awstest.Answer {
		if op == "AssumeRole" {
			return awstest.XML("AssumeRole", `<Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>of-the-role</SessionToken><Expiration>2026-11-23T12:15:00Z</Expiration></Credentials>`)
		}
		return awstest.JSON(`{"AutomationExecutionId":"x1"}`)
	})
	e := mustExecutor(t, awstest.Config(s.URL), ssm.Config{Roles: map[incident.ActionType]string{incident.ActionRestartService: "arn:aws:iam::111122223333:role/vigil-act-restart"}}, nil)
	if _, _, err := e.Start(t.Context(), restart); err != nil {
		t.Fatal(err)
	}
	asked := s.Requests()
	if len(asked) != 2 || asked[0].Operation != "AssumeRole" || asked[1].Header.Get("X-Amz-Security-Token") != "of-the-role" {
		t.Fatalf("asked %+v", asked)
	}
	form, err := url.ParseQuery(string(asked[0].Body))
	if err != nil {
		t.Fatal(err)
	}
	policy := form.Get("Policy")
	if form.Get("SourceIdentity") != "demo-1" || !strings.Contains(policy, `:automation-definition/Vigil-RestartService:*"`) || strings.Contains(policy, `"Resource":["*"]`) {
		t.Errorf("assumed with %v", form)
	}
	other := restart
	other.Type = incident.ActionScaleService
	if _, _, err := e.Start(t.Context(), other); incident.KindOf(err) != incident.KindDenied || len(s.Requests()) != 2 {
		t.Errorf("a class without a role: %v", err)
	}
	if _, err := ssm.New(awstest.Config(s.URL), ssm.Config{Roles: map[incident.ActionType]string{incident.ActionRestartService: "restart"}}, nil); incident.KindOf(err) != incident.KindInvalid {
		t.Errorf("a role that is none: %v", err)
	}
}

func TestObserve(t *testing.T) {
	t.Parallel()
	const noService = `{"services":[],"failures":[{"reason":"MISSING"}]}`
	for _, c := range []struct {
		name, target string
		ecs          awstest.Answer
		rds          awstest.Answer
		want         incident.TargetState
		kind         incident.Kind
	}{
		{"a service", "checkout", awstest.JSON(`{"services":[{"status":"ACTIVE","desiredCount":4,"runningCount":3,"pendingCount":1,"taskDefinition":"arn:aws:ecs:us-east-1:1:task-definition/checkout:1","deployments":[{"id":"d1","status":"PRIMARY","rolloutState":"IN_PROGRESS"}]}]}`),
			awstest.Answer{Status: 500}, incident.TargetState{"kind": "ecs", "desired_count": 4.0, "running_count": 3.0, "pending_count": 1.0,
				"task_definition": "checkout:1", "deployments": 1.0, "deployment": "d1"}, ""},
		{"a database", "orders-db", awstest.JSON(noService), awstest.XML("DescribeDBInstances",
			`<DBInstances><DBInstance><DBInstanceIdentifier>orders-db</DBInstanceIdentifier><DBInstanceStatus>available</DBInstanceStatus><DBInstanceClass>db.m6g.xlarge</DBInstanceClass><AllocatedStorage>100</AllocatedStorage></DBInstance></DBInstances>`),
			incident.TargetState{"kind": "database", "status": "available", "class": "db.m6g.xlarge", "allocated_storage_gib": 100.0}, ""},
		{"neither", "edge", awstest.JSON(noService), awstest.XML("DescribeDBInstances", ""), incident.TargetState{"kind": "other"}, ""},
		{"a name that neither takes", "arn:aws:sqs:eu-west-1:1:queue", awstest.Answer{Status: 500}, awstest.Answer{Status: 500}, incident.TargetState{"kind": "other"}, ""},
		{"ECS is away", "checkout", awstest.Answer{Status: 500}, awstest.XML("DescribeDBInstances", ""), nil, incident.KindUnavailable},
		{"RDS is forbidden", "checkout", awstest.JSON(noService), awstest.Answer{Status: 403}, nil, incident.KindDenied},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := awstest.Serve(t, func(op string, _ *http.Request, _ []byte) awstest.Answer {
				if op == "DescribeServices" {
					return c.ecs
				}
				return c.rds
			})
			got, _, err := mustExecutor(t, awstest.Config(s.URL), ssm.Config{}, nil).Observe(t.Context(), incident.Effect{Target: c.target})
			if !reflect.DeepEqual(got, c.want) || (c.kind == "") != (err == nil) || (err != nil && incident.KindOf(err) != c.kind) {
				t.Errorf("%v, %v; want %v", got, err, c.want)
			}
		})
	}
	s := awstest.Serve(t, func(op string, r *http.Request, _ []byte) awstest.Answer {
		if op == "DescribeServices" {
			return awstest.Exception(r, 400, "ClusterNotFoundException", "Cluster not found.")
		}
		return awstest.Exception(r, 404, "DBInstanceNotFound", "gone")
	})
	got, _, err := mustExecutor(t, awstest.Config(s.URL), ssm.Config{Cluster: "stage"}, nil).Observe(t.Context(), restart)
	if err != nil || got["kind"] != "other" || !strings.Contains(string(s.Requests()[0].Body), `"cluster":"prod"`) {
		t.Errorf("%v, %v; the cluster of the document comes first: %s", got, err, s.Requests()[0].Body)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		pages []string
		want  string
		fails bool
	}{
		{"none", []string{`{"AutomationExecutionMetadataList":[]}`}, "", false},
		{"one", []string{`{"AutomationExecutionMetadataList":[{"AutomationExecutionId":"x1"}]}`}, "x1", false},
		{"behind an empty page", []string{`{"NextToken":"2","AutomationExecutionMetadataList":[]}`, `{"AutomationExecutionMetadataList":[{"AutomationExecutionId":"x2"}]}`}, "x2", false},
		{"pages without an end", []string{`{"NextToken":"2"}`}, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			page := 0
			s := awstest.Serve(t, func(string, *http.Request, []byte) awstest.Answer {
				a := awstest.JSON(c.pages[min(page, len(c.pages)-1)])
				page++
				return a
			})
			got, err := mustExecutor(t, awstest.Config(s.URL), ssm.Config{}, nil).Find(t.Context(), restart)
			if got != c.want || (err != nil) != c.fails {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
			if want := `{"Filters":[{"Key":"TagKey","Values":["vigil-action-` + restart.Token() + `"]}]}`; string(s.Requests()[0].Body) != want {
				t.Errorf("asked %s\nwant %s", s.Requests()[0].Body, want)
			}
		})
	}
}

// TestEveryStatus: a status that SSM adds is a person's to read, not ours to guess.
func TestEveryStatus(t *testing.T) {
	t.Parallel()
	want := map[types.AutomationExecutionStatus]incident.ExecutionState{
		"Success": "succeeded", "CompletedWithSuccess": "succeeded",
		"Failed": "failed", "TimedOut": "failed", "Cancelled": "failed", "Rejected": "failed", "ChangeCalendarOverrideRejected": "failed", "CompletedWithFailure": "failed",
		"Exited": "unknown", "SomethingNew": "unknown",
	}
	for _, status := range append(types.AutomationExecutionStatus("").Values(), "SomethingNew") {
		s := awstest.Serve(t, always(`{"AutomationExecution":{"AutomationExecutionStatus":"`+string(status)+`"}}`))
		got, detail, _, err := mustExecutor(t, awstest.Config(s.URL), ssm.Config{}, nil).Get(t.Context(), restart, "x")
		expected, ended := want[status]
		if !ended {
			expected = incident.ExecutionRunning
		}
		if err != nil || got != expected || detail != string(status) {
			t.Errorf("%s is %s (%q), %v; want %s", status, got, detail, err, expected)
		}
	}
}

func TestGetDetail(t *testing.T) {
	t.Parallel()
	s := awstest.Serve(t, always(`{"AutomationExecution":{"AutomationExecutionStatus":"Failed","CurrentStepName":"act","FailureMessage":"cannot log in, password=hunter2 "}}`))
	_, detail, p, err := mustExecutor(t, awstest.Config(s.URL), ssm.Config{}, nil).Get(t.Context(), restart, "x")
	if want := "Failed at step act: cannot log in, password=[redacted]"; err != nil || detail != want || p.RequestID != awstest.RequestID {
		t.Errorf("%q, %+v, %v; want %q", detail, p, err, want)
	}
	for _, body := range []string{`{}`, `{"AutomationExecution":{}}`} {
		s := awstest.Serve(t, always(body))
		if _, _, _, err := mustExecutor(t, awstest.Config(s.URL), ssm.Config{}, nil).Get(t.Context(), restart, "x"); incident.KindOf(err) != incident.KindInternal || !strings.Contains(err.Error(), "no status") {
			t.Errorf("%s: %v", body, err)
		}
	}
}
