package sqs_test

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"vigil/activities"
	"vigil/activities/internal/awstest"
	"vigil/activities/sqs"
	"vigil/workflows/incident"
)

const queueURL = "https://sqs.eu-west-1.amazonaws.com/111122223333/vigil-alerts"

const (
	received = `{"Messages":[{"MessageId":"m1","ReceiptHandle":"r1","Body":"{\"a\":1}","MD5OfBody":"bb6cb5c68df4652941caf652a366f2d8",
		"Attributes":{"SentTimestamp":"1795442400123","ApproximateFirstReceiveTimestamp":"1795442401000","ApproximateReceiveCount":"2","MessageGroupId":"g"}}]}`
	done = `{"Successful":[{"Id":"0"}],"Failed":[]}`
)

var two = []sqs.Message{{ID: "m0", Receipt: "receipt-canary-0"}, {ID: "m1", Receipt: "receipt-canary-1"}}

func mustNew(t *testing.T, cfg aws.Config, rec activities.Recorder) *sqs.Queue {
	t.Helper()
	q, err := sqs.New(cfg, queueURL, rec)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, a := range []struct {
		service, operation, answer string
		call                       func(context.Context, *sqs.Queue) error
	}{
		{"sqs_long_poll", "ReceiveMessage", received, func(ctx context.Context, q *sqs.Queue) error {
			_, err := q.Receive(ctx, 10, 20*time.Second, time.Minute)
			return err
		}},
		{"sqs", "DeleteMessageBatch", done, func(ctx context.Context, q *sqs.Queue) error {
			_, err := q.Delete(ctx, two[:1])
			return err
		}},
		{"sqs", "ChangeMessageVisibilityBatch", done, func(ctx context.Context, q *sqs.Queue) error {
			_, err := q.Hide(ctx, two[:1], time.Minute)
			return err
		}},
	} {
		t.Run(a.operation, func(t *testing.T) {
			t.Parallel()
			awstest.Conform(t, awstest.Adapter{Service: a.service, Operation: a.operation, Answers: map[string]awstest.Answer{a.operation: awstest.JSON(a.answer)},
				Call: func(ctx context.Context, cfg aws.Config, rec activities.Recorder) error {
					q, err := sqs.New(cfg, queueURL, rec)
					if err != nil {
						return err
					}
					return a.call(ctx, q)
				}})
		})
	}
}

func TestReceive(t *testing.T) {
	t.Parallel()
	answer := awstest.JSON(received)
	answer.Header.Set("X-Vigil-Simulated", "true")
	s := awstest.Serve(t, func(string, *http.Request, []byte) awstest.Answer { return answer })
	got, err := mustNew(t, awstest.Config(s.URL), nil).Receive(t.Context(), 30, time.Hour, 1500*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	want := []sqs.Message{{ID: "m1", Receipt: "r1", Body: `{"a":1}`, Group: "g", SentAt: time.UnixMilli(1795442400123).UTC(),
		FirstReceivedAt: time.UnixMilli(1795442401000).UTC(), Receives: 2, Origin: incident.OriginSimulated}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	var in struct {
		QueueUrl                                                string
		MaxNumberOfMessages, WaitTimeSeconds, VisibilityTimeout int
	}
	if err := json.Unmarshal(s.Requests()[0].Body, &in); err != nil {
		t.Fatal(err)
	}
	if in.QueueUrl != queueURL || in.MaxNumberOfMessages != 10 || in.WaitTimeSeconds != 20 || in.VisibilityTimeout != 2 {
		t.Errorf("asked for %+v", in)
	}
	if auth := s.Requests()[0].Header.Get("Authorization"); !strings.Contains(auth, "/eu-west-1/sqs/") {
		t.Errorf("signed for another region than the queue's: %s", auth)
	}
}

// TestWhatIsNotDone: a message that the answer does not call done is not done,
// whether it says so or not.
func TestWhatIsNotDone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer string
		gone   []bool // of those that are returned
		last   string // in the error of the last
	}{
		"all":            {`{"Successful":[{"Id":"0"},{"Id":"1"}],"Failed":[]}`, nil, ""},
		"one left out":   {`{"Successful":[{"Id":"0"}]}`, []bool{false}, "no word of it"},
		"nothing said":   {`{}`, []bool{false, false}, "no word of it"},
		"failed":         {`{"Successful":[{"Id":"0"}],"Failed":[{"Id":"1","Code":"InternalError","Message":"sorry","SenderFault":false}]}`, []bool{false}, "message m1: InternalError: sorry"},
		"no longer ours": {`{"Failed":[{"Id":"0","Code":"MessageNotInflight","SenderFault":true},{"Id":"1","Code":"InvalidParameterValue","Message":"Reason: The receipt handle has expired.","SenderFault":true}]}`, []bool{true, true}, "expired"},
		"unknown ids":    {`{"Successful":[{"Id":"7"},{"Id":"0"},{"Id":"1"}]}`, nil, ""},
	} {
		s := awstest.Serve(t, func(string, *http.Request, []byte) awstest.Answer { return awstest.JSON(c.answer) })
		q := mustNew(t, awstest.Config(s.URL), nil)
		for what, do := range map[string]func() ([]sqs.Refused, error){
			"delete": func() ([]sqs.Refused, error) { return q.Delete(t.Context(), two) },
			"hide":   func() ([]sqs.Refused, error) { return q.Hide(t.Context(), two, time.Minute) },
		} {
			got, err := do()
			if err != nil || len(got) != len(c.gone) {
				t.Errorf("%s, %s: %+v, %v", name, what, got, err)
				continue
			}
			for i, r := range got {
				if r.Gone != c.gone[i] || strings.Contains(r.Err.Error(), "canary") {
					t.Errorf("%s, %s: %+v", name, what, r)
				}
			}
			if n := len(got); n > 0 && !strings.Contains(got[n-1].Err.Error(), c.last) {
				t.Errorf("%s, %s: %v, want %q in it", name, what, got[n-1].Err, c.last)
			}
		}
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]incident.Kind{
		"AWS.SimpleQueueService.NonExistentQueue": incident.KindNotFound, "QueueDoesNotExist": incident.KindNotFound,
		"RequestThrottled": incident.KindThrottled, "OverLimit": incident.KindThrottled, "KmsThrottled": incident.KindThrottled,
		"AccessDenied": incident.KindDenied, "KmsAccessDenied": incident.KindDenied, "InvalidSecurity": incident.KindDenied,
		"AWS.SimpleQueueService.UnsupportedOperation": incident.KindInvalid,
	} {
		s := awstest.Serve(t, func(_ string, r *http.Request, _ []byte) awstest.Answer {
			a := awstest.Exception(r, 400, code, "as it is said")
			a.Header.Set("X-Amzn-Query-Error", code+";Sender")
			return a
		})
		if _, err := mustNew(t, awstest.Config(s.URL), nil).Receive(t.Context(), 1, 0, time.Minute); incident.KindOf(err) != want {
			t.Errorf("%s: %v, want %s", code, err, want)
		}
	}
}

func TestURLs(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]struct{ name, region string }{
		queueURL: {"111122223333/vigil-alerts", "eu-west-1"},
		"https://sqs.us-gov-west-1.amazonaws.com/1/q.fifo":         {"1/q.fifo", "us-gov-west-1"},
		"https://sqs.cn-north-1.amazonaws.com.cn/1/q":              {"1/q", "cn-north-1"},
		"https://vpce-0a1-b2.sqs.us-east-1.vpce.amazonaws.com/1/q": {"1/q", "us-east-1"},
		"https://sqs-fips.us-east-2.amazonaws.com/1/q":             {"1/q", "us-east-2"},
		"http://127.0.0.1:4566/000000000000/vigil-alerts":          {"000000000000/vigil-alerts", ""},
		"vigil-alerts": {}, "https://sqs.eu-west-1.amazonaws.com/": {}, "https://sqs.eu-west-1.amazonaws.com/1/2/3": {}, "arn:aws:sqs:eu-west-1:1:q": {}, "ftp://h/1/q": {}, "": {}, "http://%": {},
	} {
		name, err := sqs.Name(raw)
		if name != want.name || (err == nil) != (want.name != "") {
			t.Errorf("%q: name %q, %v", raw, name, err)
		}
		if err != nil && (incident.KindOf(err) != incident.KindInvalid || !strings.Contains(err.Error(), "get-queue-url")) {
			t.Errorf("%q: %v", raw, err)
		}
		if err == nil && sqs.Region(raw) != want.region {
			t.Errorf("%q: region %q", raw, sqs.Region(raw))
		}
	}
}

// FuzzURLs: whatever is given as a queue's URL, a name has an account and a
// queue, and a region is one that a host can hold.
func FuzzURLs(f *testing.F) {
	for _, s := range []string{queueURL, "http://127.0.0.1:4566/0/q.fifo", "https://vpce-0a1-b2.sqs.us-east-1.vpce.amazonaws.com/1/q", "q", "http://%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		name, err := sqs.Name(raw)
		account, queue, ok := strings.Cut(name, "/")
		if err == nil && (!ok || account == "" || queue == "" || strings.Contains(queue, "/")) {
			t.Errorf("%q: %q", raw, name)
		}
		if r := sqs.Region(raw); strings.ContainsAny(r, "./ ") || r != "" && !strings.Contains(strings.ToLower(raw), r) {
			t.Errorf("%q: region %q", raw, r)
		}
	})
}
