package sns_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"vigil/activities"
	"vigil/activities/internal/awstest"
	"vigil/activities/internal/tell"
	"vigil/activities/internal/tell/telltest"
	"vigil/activities/sns"
	"vigil/workflows/incident"
)

const (
	topic     = "arn:aws:sns:eu-west-1:111122223333:vigil"
	published = "<MessageId>m-1</MessageId>"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	m := telltest.Message(incident.NotifyOpened)
	m.Text = "a text with text-canary-91 in it"
	awstest.Conform(t, awstest.Adapter{Service: "sns", Operation: "Publish", Answers: map[string]awstest.Answer{"Publish": awstest.XML("Publish", published)},
		Call: func(ctx context.Context, cfg aws.Config, rec activities.Recorder) error {
			c, err := sns.New(cfg, topic, rec)
			if err != nil {
				return err
			}
			_, err = c.Send(ctx, m)
			return err
		}})
}

// publish returns the form that m becomes.
func publish(t *testing.T, arn string, m tell.Message) (form url.Values, got tell.Receipt, auth string) {
	t.Helper()
	s := awstest.Serve(t, func(string, *http.Request, []byte) awstest.Answer { return awstest.XML("Publish", published) })
	c, err := sns.New(awstest.Config(s.URL), arn, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err = c.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if form, err = url.ParseQuery(string(s.Requests()[0].Body)); err != nil {
		t.Fatal(err)
	}
	return form, got, s.Requests()[0].Header.Get("Authorization")
}

func attributes(form url.Values) map[string]string {
	out := map[string]string{}
	for k, v := range form {
		if n, ok := strings.CutSuffix(k, ".Name"); ok && strings.HasPrefix(k, "MessageAttributes.entry.") {
			out[v[0]] = form.Get(n + ".Value.StringValue")
		}
	}
	return out
}

func TestPublish(t *testing.T) {
	t.Parallel()
	m := telltest.Message(incident.NotifyHandover)
	form, got, auth := publish(t, topic, m)
	if form.Get("TopicArn") != topic || form.Get("Subject") != m.Title || form.Get("Message") != m.Text || form.Get("MessageGroupId") != "" || got.Detail != "message m-1" {
		t.Errorf("%v, %+v", form, got)
	}
	a := attributes(form)
	if a["severity"] != "high" || a["kind"] != "handover" || a["incident"] != "inc-1" || a["key"] != m.Key || a["team"] != "sre" {
		t.Errorf("attributes %v", a)
	}
	if !strings.Contains(auth, "/eu-west-1/sns/") {
		t.Errorf("signed for another region than the topic's: %s", auth)
	}
}

func TestFIFO(t *testing.T) {
	t.Parallel()
	m := telltest.Message(incident.NotifyOpened)
	one, _, _ := publish(t, topic+".fifo", m)
	two, _, _ := publish(t, topic+".fifo", m)
	m.Key = "another"
	three, _, _ := publish(t, topic+".fifo", m)
	dedup := func(f url.Values) string { return f.Get("MessageDeduplicationId") }
	if dedup(one) == "" || dedup(one) != dedup(two) || dedup(one) == dedup(three) || one.Get("MessageGroupId") == "" || one.Get("MessageGroupId") != three.Get("MessageGroupId") || len(dedup(one)) > 128 {
		t.Errorf("%v\n%v\n%v", one, two, three)
	}
}

func TestSubjectAndSize(t *testing.T) {
	t.Parallel()
	m := telltest.Message(incident.NotifyOpened)
	m.Title, m.Text, m.Team, m.Service = strings.Repeat("ü\n", 200), strings.Repeat("日", 200_000), "", ""
	form, _, _ := publish(t, topic, m)
	s := form.Get("Subject")
	if len(s) >= 100 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		t.Errorf("subject %q", s)
	}
	if n := len(form.Get("Message")); n > 256<<10 || n < 100<<10 {
		t.Errorf("%d bytes", n)
	}
	for name, value := range attributes(form) {
		if value == "" {
			t.Errorf("the attribute %s is empty", name)
		}
	}
	m.Title, m.Text = "", ""
	m.Title = "only a title"
	if form, _, _ := publish(t, topic, m); form.Get("Message") != "only a title" {
		t.Errorf("%v", form)
	}
}

func TestNoTopic(t *testing.T) {
	t.Parallel()
	if _, err := sns.New(aws.Config{}, "vigil", nil); incident.KindOf(err) != incident.KindInvalid {
		t.Errorf("%v", err)
	}
}

// TestKinds: the errors that SNS has of its own.
func TestKinds(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]incident.Kind{"Throttled": incident.KindThrottled, "KMSThrottling": incident.KindThrottled, "AuthorizationError": incident.KindDenied,
		"KMSAccessDenied": incident.KindDenied, "NotFound": incident.KindNotFound, "InternalError": incident.KindUnavailable, "InvalidParameter": incident.KindInvalid,
		"ParameterValueInvalid": incident.KindInvalid} {
		s := awstest.Serve(t, func(_ string, r *http.Request, _ []byte) awstest.Answer {
			return awstest.Exception(r, 400, code, "as it is said")
		})
		c, err := sns.New(awstest.Config(s.URL), topic, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Send(t.Context(), telltest.Message(incident.NotifyOpened)); incident.KindOf(err) != want {
			t.Errorf("%s: %v, want %s", code, err, want)
		}
	}
}
