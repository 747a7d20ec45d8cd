package sandbox_test

import (
	"strings"
	"testing"
	"time"

	"vigil/deploy/sandbox"
)

func TestPublishToTopic(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	form := func(arn, more string) (int, string) {
		status, _, _ := f.say("/", "Action=Publish&Version=2010-03-31&TopicArn="+arn+"&Message=hello"+more, map[string]string{"Content-Type": "application/x-www-form-urlencoded"})
		all := f.told("sns").Told
		if len(all) == 0 {
			return status, ""
		}
		return status, strings.ReplaceAll(string(all[len(all)-1].Body), " ", "")
	}
	const arn = "arn:aws:sns:us-east-1:000000000000:vigil"
	status, body := form(arn, "&Subject=s&MessageAttributes.entry.1.Name=severity&MessageAttributes.entry.1.Value.DataType=String&MessageAttributes.entry.1.Value.StringValue=high")
	if status != 200 || !strings.Contains(body, `"severity":"high"`) {
		t.Errorf("%d %s", status, body)
	}
	for _, bad := range []struct{ arn, more string }{{"vigil", ""}, {arn, "&Subject=" + strings.Repeat("x", 100)}, {arn + ".fifo", ""}, {arn, "&MessageDeduplicationId=d"},
		{arn, "&MessageAttributes.entry.1.Name=a&MessageAttributes.entry.1.Value.DataType=String&MessageAttributes.entry.1.Value.StringValue="}} {
		if status, _ := form(bad.arn, bad.more); status != 400 {
			t.Errorf("%v: %d", bad, status)
		}
	}
	// What came within five minutes before is dropped, whatever the clock shows.
	for i, c := range []struct {
		after    time.Duration
		repeated bool
	}{{0, false}, {0, true}, {4 * time.Minute, true}, {2 * time.Minute, false}, {4 * time.Minute, true}} {
		f.clock.ticks(int(c.after / tick))
		repeated := c.repeated
		if status, _ := form(arn+".fifo", "&MessageGroupId=g&MessageDeduplicationId=d"); status != 200 {
			t.Errorf("%d", status)
		}
		all := f.told("sns").Told
		if last := all[len(all)-1]; last.Repeated != repeated || last.Done == repeated {
			t.Errorf("%d: %+v", i, last)
		}
	}
	if status := f.do("POST", "/_world/chaos", sandbox.ChaosRule{Service: "sns", Operation: "Publish", Mode: sandbox.ChaosThrottle}, nil); status != 200 {
		t.Fatal(status)
	}
	if status, _ := form(arn, ""); status != 429 {
		t.Errorf("%d", status)
	}
}
