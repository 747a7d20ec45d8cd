package ssm_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"vigil/activities"
	"vigil/activities/internal/awstest"
	"vigil/activities/ssm"
	"vigil/workflows/incident"
)

const token = "6f2c1c1e-8f55-5f4e-9b0a-0c9d2a9f5b11"

var restart = incident.Action{IncidentID: "demo-1", Type: incident.ActionRestartService, Target: "checkout", Document: "Vigil-RestartService", CatalogueVersion: "1",
	Arguments: map[string]string{"Cluster": "prod", "Service": "checkout"}}

func always(body string) func(string, *http.Request, []byte) awstest.Answer {
	return func(string, *http.Request, []byte) awstest.Answer { return awstest.JSON(body) }
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for op, call := range map[string]func(context.Context, *ssm.Executor) error{
		"StartAutomationExecution": func(ctx context.Context, e *ssm.Executor) error {
			_, _, err := e.Start(ctx, restart, token)
			return err
		},
		"DescribeAutomationExecutions": func(ctx context.Context, e *ssm.Executor) error {
			_, err := e.Find(ctx, restart, token)
			return err
		},
		"GetAutomationExecution": func(ctx context.Context, e *ssm.Executor) error {
			_, _, _, err := e.Get(ctx, "x")
			return err
		},
	} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			awstest.Conform(t, awstest.Adapter{
				Service: "ssm", Operation: op, Answers: map[string]awstest.Answer{op: awstest.Snapshot(t, "ssm", op)},
				Call: func(ctx context.Context, cfg aws.Config, rec activities.Recorder) error {
					return call(ctx, ssm.New(cfg, rec))
				},
			})
		})
	}
}

func TestStart(t *testing.T) {
	t.Parallel()
	s := awstest.Serve(t, always(`{"AutomationExecutionId":"x1"}`))
	id, p, err := ssm.New(awstest.Config(s.URL), nil).Start(t.Context(), restart, token)
	if err != nil || id != "x1" || p.Operation != "StartAutomationExecution" {
		t.Fatalf("%q, %+v, %v", id, p, err)
	}
	var got struct {
		DocumentName, ClientToken, Mode string
		Parameters                      map[string][]string
		Tags                            []struct{ Key, Value string }
	}
	if err := json.Unmarshal(s.Requests()[0].Body, &got); err != nil {
		t.Fatal(err)
	}
	if got.DocumentName != "Vigil-RestartService" || got.ClientToken != token || got.Mode != "Auto" ||
		len(got.Parameters) != 2 || got.Parameters["Cluster"][0] != "prod" || got.Parameters["Service"][0] != "checkout" ||
		len(got.Tags) != 2 || got.Tags[0].Key != "vigil-action-"+token || got.Tags[0].Value != restart.Hash() || got.Tags[1].Value != "demo-1" {
		t.Errorf("asked %+v", got)
	}
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	s := awstest.Serve(t, always(`{"AutomationExecutionId":"x1"}`))
	e := ssm.New(awstest.Config(s.URL), nil)
	noDocument, noTarget, another, none := restart, restart, restart, restart
	noDocument.Document, noTarget.Target, another.Arguments, none.Arguments = "", "", map[string]string{"Service": "orders"}, nil
	for name, c := range map[string]struct {
		action incident.Action
		token  string
	}{
		"token":    {restart, "not-a-uuid"},
		"no token": {restart, ""},
		"urn":      {restart, "urn:uuid:" + token},
		"document": {noDocument, token},
		"target":   {noTarget, token},
		"service":  {another, token},
		"nowhere":  {none, token},
	} {
		if _, _, err := e.Start(t.Context(), c.action, c.token); err == nil || incident.KindOf(err) != incident.KindInvalid {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	empty := awstest.Serve(t, always(`{}`))
	if _, _, err := ssm.New(awstest.Config(empty.URL), nil).Start(t.Context(), restart, token); incident.KindOf(err) != incident.KindInternal || err == nil {
		t.Errorf("an execution without an id: %v", err)
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
			got, err := ssm.New(awstest.Config(s.URL), nil).Find(t.Context(), restart, token)
			if got != c.want || (err != nil) != c.fails {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
			if want := `{"Filters":[{"Key":"TagKey","Values":["vigil-action-` + token + `"]}]}`; string(s.Requests()[0].Body) != want {
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
		got, detail, _, err := ssm.New(awstest.Config(s.URL), nil).Get(t.Context(), "x")
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
	_, detail, p, err := ssm.New(awstest.Config(s.URL), nil).Get(t.Context(), "x")
	if want := "Failed at step act: cannot log in, password=[redacted]"; err != nil || detail != want || p.RequestID != awstest.RequestID {
		t.Errorf("%q, %+v, %v; want %q", detail, p, err, want)
	}
	for _, body := range []string{`{}`, `{"AutomationExecution":{}}`} {
		s := awstest.Serve(t, always(body))
		if _, _, _, err := ssm.New(awstest.Config(s.URL), nil).Get(t.Context(), "x"); incident.KindOf(err) != incident.KindInternal || !strings.Contains(err.Error(), "no status") {
			t.Errorf("%s: %v", body, err)
		}
	}
}
