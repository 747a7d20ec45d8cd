package awscall_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"vigil/activities"
	"vigil/activities/internal/awscall"
	"vigil/activities/internal/awstest"
	"vigil/workflows/incident"
)

// door is a gate that remembers who left.
type door struct {
	awstest.Recorder
	shut error
	left []activities.Call
}

func (d *door) Enter(context.Context, string, string) (func(activities.Call), error) {
	return func(c activities.Call) { d.left = append(d.left, c) }, d.shut
}

type operation = awscall.Operation[ssm.GetAutomationExecutionInput, ssm.GetAutomationExecutionOutput, ssm.Options]

func through(d *door, op operation) error {
	_, _, err := awscall.Do(context.Background(), awscall.New("ssm", d), "GetAutomationExecution", op, &ssm.GetAutomationExecutionInput{AutomationExecutionId: aws.String("x")})
	return err
}

// TestGate: every call that is let in leaves once, with how it ended; one that
// is not let in is neither made nor recorded.
func TestGate(t *testing.T) {
	t.Parallel()
	s := awstest.Serve(t, func(_ string, r *http.Request, _ []byte) awstest.Answer {
		return awstest.Exception(r, 400, "ThrottlingException", "slow down")
	})
	api := ssm.NewFromConfig(awscall.Prepare(awstest.Config(s.URL), time.Minute))
	d := &door{}
	if err := through(d, api.GetAutomationExecution); incident.KindOf(err) != incident.KindThrottled || len(d.left) != 1 || d.left[0].Failed != incident.KindThrottled {
		t.Errorf("%v, left %+v", err, d.left)
	}
	d = &door{shut: incident.Errorf(incident.KindUnavailable, "not now")}
	err := through(d, api.GetAutomationExecution)
	if incident.KindOf(err) != incident.KindUnavailable || !strings.Contains(err.Error(), "ssm GetAutomationExecution: not now") {
		t.Errorf("%v", err)
	}
	if len(s.Requests()) != 1 || len(d.Calls()) != 0 || len(d.left) != 0 {
		t.Errorf("%d requests, recorded %+v, left %+v", len(s.Requests()), d.Calls(), d.left)
	}
}

// TestGateIsLeftInAPanic: a call that never ends would keep a breaker from
// ever closing.
func TestGateIsLeftInAPanic(t *testing.T) {
	t.Parallel()
	d := &door{}
	func() {
		defer func() { _ = recover() }()
		_ = through(d, func(context.Context, *ssm.GetAutomationExecutionInput, ...func(*ssm.Options)) (*ssm.GetAutomationExecutionOutput, error) {
			panic("within the SDK")
		})
	}()
	if len(d.left) != 1 || !d.left[0].Cancelled {
		t.Errorf("left %+v", d.left)
	}
}
