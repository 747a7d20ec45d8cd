package awscall_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"vigil/activities/internal/awscall"
	"vigil/activities/internal/awstest"
	"vigil/workflows/incident"
)

func get(ctx context.Context, cfg aws.Config, rec *awstest.Recorder, id string) (incident.Provenance, error) {
	api := ssm.NewFromConfig(awscall.Prepare(cfg, time.Minute))
	_, p, err := awscall.Do(ctx, awscall.New("ssm", rec), "GetAutomationExecution", api.GetAutomationExecution,
		&ssm.GetAutomationExecutionInput{AutomationExecutionId: aws.String(id)})
	return p, err
}

// TestModelError: its HTTP status is always 424; whose fault it was is in the
// status that the model itself gave.
func TestModelError(t *testing.T) {
	t.Parallel()
	for original, want := range map[string]incident.Kind{
		``: incident.KindUnavailable, `,"originalStatusCode":500`: incident.KindUnavailable,
		`,"originalStatusCode":400`: incident.KindInvalid, `,"originalStatusCode":429`: incident.KindThrottled,
	} {
		s := awstest.Serve(t, func(string, *http.Request, []byte) awstest.Answer {
			a := awstest.JSON(`{"message":"m"` + original + `}`)
			a.Status = 424
			a.Header.Set("X-Amzn-Errortype", "ModelErrorException")
			return a
		})
		api := bedrockruntime.NewFromConfig(awscall.Prepare(awstest.Config(s.URL), time.Minute))
		_, _, err := awscall.Do(t.Context(), awscall.New("bedrock", nil), "Converse", api.Converse, &bedrockruntime.ConverseInput{ModelId: aws.String("m")})
		if got := incident.KindOf(err); got != want || err == nil {
			t.Errorf("original status %q: %v, want %s", original, err, want)
		}
	}
}

// TestUnsent: what never left is the configuration's fault, or the caller's.
func TestUnsent(t *testing.T) {
	t.Parallel()
	broken := awstest.Config("http://127.0.0.1:1")
	broken.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("no role is attached")
	})
	for _, c := range []struct {
		name string
		cfg  aws.Config
		id   string
		want incident.Kind
		says string
	}{
		{"no credentials", broken, "x", incident.KindDenied, "no role is attached"},
		{"nobody listens", awstest.Config("http://127.0.0.1:1"), "x", incident.KindUnavailable, "refused"},
	} {
		rec := &awstest.Recorder{}
		_, err := get(t.Context(), c.cfg, rec, c.id)
		if err == nil || incident.KindOf(err) != c.want || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %s and %q", c.name, err, c.want, c.says)
		}
		if calls := rec.Calls(); len(calls) != 1 || calls[0].Failed != c.want {
			t.Errorf("%s: recorded %+v", c.name, calls)
		}
	}

	rec := &awstest.Recorder{}
	api := ssm.NewFromConfig(awscall.Prepare(awstest.Config("http://127.0.0.1:1"), time.Minute))
	_, _, err := awscall.Do(t.Context(), awscall.New("ssm", rec), "GetAutomationExecution", api.GetAutomationExecution, &ssm.GetAutomationExecutionInput{})
	if incident.KindOf(err) != incident.KindInvalid {
		t.Errorf("a request without its id: %v, want invalid", err)
	}
}

// TestRetriesAreOff whatever the configuration asks for.
func TestRetriesAreOff(t *testing.T) {
	t.Parallel()
	for _, mode := range []aws.RetryMode{"", aws.RetryModeStandard, aws.RetryModeAdaptive} {
		s := awstest.Serve(t, func(_ string, r *http.Request, _ []byte) awstest.Answer {
			return awstest.Exception(r, 503, "ServiceUnavailableException", "no")
		})
		cfg := awstest.Config(s.URL)
		cfg.RetryMode, cfg.RetryMaxAttempts = mode, 7
		if _, err := get(t.Context(), cfg, &awstest.Recorder{}, "x"); err == nil {
			t.Error("no error")
		}
		if n := len(s.Requests()); n != 1 {
			t.Errorf("mode %q: %d requests, want 1", mode, n)
		}
	}
}

func TestLongMessagesAreCut(t *testing.T) {
	t.Parallel()
	s := awstest.Serve(t, func(_ string, r *http.Request, _ []byte) awstest.Answer {
		return awstest.Exception(r, 400, "ValidationException", strings.Repeat("long ", 10_000))
	})
	_, err := get(t.Context(), awstest.Config(s.URL), &awstest.Recorder{}, "x")
	if n := len(err.Error()); n > 600 {
		t.Errorf("the error has %d bytes", n)
	}
	if !strings.Contains(err.Error(), awstest.RequestID) {
		t.Errorf("the error does not name the request: %v", err)
	}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	live := incident.Provenance{Origin: incident.OriginLive, RequestID: "a", LatencyMS: 2}
	simulated := incident.Provenance{Origin: incident.OriginSimulated, RequestID: "b", LatencyMS: 3}
	for _, c := range []struct{ all, next, want incident.Provenance }{
		{incident.Provenance{}, live, live},
		{live, simulated, incident.Provenance{Origin: incident.OriginSimulated, RequestID: "b", LatencyMS: 5}},
		{simulated, live, incident.Provenance{Origin: incident.OriginSimulated, RequestID: "a", LatencyMS: 5}},
	} {
		if got := awscall.Merge(c.all, c.next); got != c.want {
			t.Errorf("Merge(%+v, %+v) = %+v, want %+v", c.all, c.next, got, c.want)
		}
	}
}

// TestSilence: a service that takes the request and never answers is given up
// after the read timeout, not after the activity's.
func TestSilence(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := awstest.Serve(t, func(string, *http.Request, []byte) awstest.Answer {
		<-release
		return awstest.JSON(`{}`)
	})
	defer close(release)
	api := ssm.NewFromConfig(awscall.Prepare(awstest.Config(s.URL), 50*time.Millisecond))
	_, p, err := awscall.Do(t.Context(), awscall.New("ssm", nil), "GetAutomationExecution", api.GetAutomationExecution,
		&ssm.GetAutomationExecutionInput{AutomationExecutionId: aws.String("x")})
	if err == nil || incident.KindOf(err) != incident.KindUnavailable || p.Origin != "" {
		t.Errorf("%v, %+v; want unavailable without an origin", err, p)
	}
	if n := len(s.Requests()); n > 1 { // 0 where the server was slower still
		t.Errorf("%d requests, want 1", n)
	}
}
