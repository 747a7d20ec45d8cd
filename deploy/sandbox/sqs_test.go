package sandbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/schemas"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"vigil/deploy/sandbox"
	"vigil/deploy/sandbox/world"
)

// mailbox is one queue and a client of it.
type mailbox struct {
	*fixture
	api *sqs.Client
	url string
}

func (f *fixture) mailbox(queue string) *mailbox {
	return &mailbox{f, sqs.NewFromConfig(f.config()), f.QueueURL(queue)}
}

func (b *mailbox) send(bodies ...string) {
	b.tb.Helper()
	for _, body := range bodies {
		group, text, ok := strings.Cut(body, ":") // of a FIFO queue
		in := &sqs.SendMessageInput{QueueUrl: &b.url, MessageBody: &body}
		if ok {
			in.MessageGroupId, in.MessageBody = &group, &text
		}
		if _, err := b.api.SendMessage(b.tb.Context(), in); err != nil {
			b.tb.Fatal(err)
		}
	}
}

func (b *mailbox) receive(n int32) []types.Message {
	b.tb.Helper()
	out, err := b.api.ReceiveMessage(b.tb.Context(), &sqs.ReceiveMessageInput{QueueUrl: &b.url, MaxNumberOfMessages: n,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll}})
	if err != nil {
		b.tb.Fatal(err)
	}
	simulated(b.tb, out.ResultMetadata)
	return out.Messages
}

func texts(messages []types.Message) string {
	var out []string
	for _, m := range messages {
		out = append(out, *m.Body)
	}
	return strings.Join(out, " ")
}

// received sends n messages, receives them and returns their receipts.
func (f *fixture) received(n int) []string {
	b := f.mailbox(sandbox.AlarmQueue)
	var out []string
	for i := range n {
		b.send(fmt.Sprint("message ", i))
	}
	for _, m := range b.receive(int32(n)) {
		out = append(out, *m.ReceiptHandle)
	}
	return out
}

// entries is a batch of two: one that will do and one that will not.
func (f *fixture) entries(more map[string]any) []any {
	var out []any
	for i, receipt := range []string{f.received(1)[0], "nonsense"} {
		e := map[string]any{"Id": fmt.Sprint(i), "ReceiptHandle": receipt}
		for k, v := range more {
			e[k] = v
		}
		out = append(out, e)
	}
	return out
}

// queues is what GET /_queues shows, by name.
func (f *fixture) queues() map[string]sandbox.QueueView {
	f.tb.Helper()
	var out struct{ Queues []sandbox.QueueView }
	f.do("GET", "/_queues", nil, &out)
	byName := map[string]sandbox.QueueView{}
	for _, q := range out.Queues {
		byName[q.Name] = q
	}
	return byName
}

func TestQueueAnswersFitTheSchema(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	type m = map[string]any
	url := f.QueueURL(sandbox.AlarmQueue + ".fifo") // whose messages have the most attributes
	for _, c := range []struct {
		operation string
		body      any
		schema    *smithy.Schema
	}{
		{"SendMessage", m{"QueueUrl": url, "MessageBody": "a", "MessageGroupId": "g"}, schemas.SendMessageResult},
		{"SendMessageBatch", m{"QueueUrl": url, "Entries": []any{m{"Id": "1", "MessageBody": "b", "MessageGroupId": "g"}, m{"Id": "2", "MessageBody": "c"}}}, schemas.SendMessageBatchResult},
		{"ReceiveMessage", m{"QueueUrl": url, "MaxNumberOfMessages": 10, "MessageSystemAttributeNames": []string{"All"}}, schemas.ReceiveMessageResult},
	} {
		got := f.post("sqs", c.operation, c.body)
		if len(got) == 0 {
			t.Errorf("%s answered nothing", c.operation)
		}
		for _, problem := range unmodelled(c.operation, got, c.schema) {
			t.Error(problem)
		}
	}
}

func TestQueueRoundTrip(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	b := f.mailbox(sandbox.AlarmQueue)
	if out, err := b.api.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String(sandbox.AlarmQueue)}); err != nil || *out.QueueUrl != b.url {
		t.Fatalf("%+v, %v", out, err)
	}
	if got := b.receive(1); len(got) != 0 {
		t.Fatalf("an empty queue gave %v", got)
	}
	// The SDK compares the MD5 sums of what it sends and receives.
	b.send("übel\n\"quoted\"", "two")
	batch, err := b.api.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: &b.url, Entries: []types.SendMessageBatchRequestEntry{
		{Id: aws.String("a"), MessageBody: aws.String("three")}, {Id: aws.String("b"), MessageBody: aws.String("later"), DelaySeconds: 5}}})
	if err != nil || len(batch.Successful) != 2 {
		t.Fatalf("%+v, %v", batch, err)
	}
	got := b.receive(10)
	if texts(got) != "übel\n\"quoted\" two three" {
		t.Fatalf("received %q", texts(got))
	}
	first := got[0].Attributes
	if ms := fmt.Sprint(genesis.UnixMilli()); first["SentTimestamp"] != ms || first["ApproximateFirstReceiveTimestamp"] != ms || first["ApproximateReceiveCount"] != "1" {
		t.Errorf("attributes %v", first)
	}
	attributes, err := b.api.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &b.url, AttributeNames: []types.QueueAttributeName{"All"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "3", "ApproximateNumberOfMessagesDelayed": "1",
		"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:vigil-alerts-dead","maxReceiveCount":5}`} {
		if attributes.Attributes[name] != want {
			t.Errorf("%s is %q, want %q", name, attributes.Attributes[name], want)
		}
	}
	if _, err := b.api.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &b.url, ReceiptHandle: got[0].ReceiptHandle}); err != nil {
		t.Fatal(err)
	}
	deleted, err := b.api.DeleteMessageBatch(t.Context(), &sqs.DeleteMessageBatchInput{QueueUrl: &b.url, Entries: []types.DeleteMessageBatchRequestEntry{
		{Id: aws.String("1"), ReceiptHandle: got[1].ReceiptHandle}, {Id: aws.String("2"), ReceiptHandle: aws.String("nonsense")}}})
	if err != nil || len(deleted.Successful) != 1 || len(deleted.Failed) != 1 || *deleted.Failed[0].Code != "ReceiptHandleIsInvalid" || !deleted.Failed[0].SenderFault {
		t.Fatalf("%+v, %v", deleted, err)
	}
	// Given back at once; then kept for longer than the queue's 30 seconds.
	hide := func(receipt *string, seconds int32) {
		t.Helper()
		if _, err := b.api.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: &b.url, ReceiptHandle: receipt, VisibilityTimeout: seconds}); err != nil {
			t.Fatal(err)
		}
	}
	hide(got[2].ReceiptHandle, 0)
	again := b.receive(10)
	if texts(again) != "three" || again[0].Attributes["ApproximateReceiveCount"] != "2" {
		t.Fatalf("received again %q, %v", texts(again), again)
	}
	// An old receipt deletes nothing, and says nothing.
	if _, err := b.api.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &b.url, ReceiptHandle: got[2].ReceiptHandle}); err != nil || len(f.queues()[sandbox.AlarmQueue].Messages) != 2 {
		t.Errorf("%v, %+v", err, f.queues()[sandbox.AlarmQueue])
	}
	hide(again[0].ReceiptHandle, 60)
	f.clock.ticks(7) // 35 seconds
	if got := b.receive(10); texts(got) != "later" {
		t.Errorf("after 35 seconds %q", texts(got))
	}
	f.clock.ticks(6)
	if got := b.receive(10); texts(got) != "three later" {
		t.Errorf("after 65 seconds %q", texts(got))
	}
	if _, err := b.api.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: &b.url}); err != nil || len(f.queues()[sandbox.AlarmQueue].Messages) != 0 {
		t.Errorf("purged: %v, %+v", err, f.queues()[sandbox.AlarmQueue])
	}
	_, err = b.api.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: &b.url})
	var soon *types.PurgeQueueInProgress
	if !errors.As(err, &soon) {
		t.Errorf("purged again: %v", err)
	}
}

// TestLongPoll: a receiver that waits gets what is sent meanwhile, and one
// that gives up takes nothing with it.
func TestLongPoll(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	b := f.mailbox(sandbox.AlarmQueue)
	ask := func(ctx context.Context) ([]types.Message, error) {
		out, err := b.api.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &b.url, WaitTimeSeconds: 20})
		if err != nil {
			return nil, err
		}
		return out.Messages, nil
	}
	until := func(what string, is func(receives []sandbox.Call) bool) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); !is(f.calls("?operation=ReceiveMessage")); {
			if time.Now().After(deadline) {
				t.Fatalf("not within 10 seconds: %s", what)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() { _, err := ask(ctx); gone <- err }()
	until("somebody waits", func(c []sandbox.Call) bool { return len(c) == 1 })
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	until("the one who gave up is gone", func(c []sandbox.Call) bool { return c[0].Outcome == sandbox.OutcomeGone })
	type answer struct {
		messages []types.Message
		err      error
	}
	got := make(chan answer, 1)
	go func() { m, err := ask(t.Context()); got <- answer{m, err} }()
	until("somebody waits again", func(c []sandbox.Call) bool { return len(c) == 2 })
	b.send("at last")
	if a := <-got; a.err != nil || texts(a.messages) != "at last" || f.queues()[sandbox.AlarmQueue].Messages[0].Receives != 1 {
		t.Errorf("%q, %v", texts(a.messages), a.err)
	}
}

func TestRedrive(t *testing.T) {
	t.Parallel()
	f := mustServe(t, func(c *sandbox.Config) {
		c.Queues = []sandbox.Queue{{Name: "q", DeadLetter: "d", MaxReceives: 2, Visibility: 5 * time.Second}, {Name: "d"}}
	})
	b := f.mailbox("q")
	b.send("poison")
	for n := range 2 {
		if got := b.receive(1); texts(got) != "poison" || got[0].Attributes["ApproximateReceiveCount"] != fmt.Sprint(n+1) {
			t.Fatalf("%d: %v", n, got)
		}
		f.clock.ticks(1)
	}
	if got := b.receive(1); len(got) != 0 {
		t.Fatalf("received a third time: %v", got)
	}
	if dead := f.mailbox("d").receive(1); texts(dead) != "poison" || dead[0].Attributes["ApproximateReceiveCount"] != "3" {
		t.Errorf("in the dead-letter queue: %v", dead)
	}
	for name, queues := range map[string][]sandbox.Queue{
		"nameless": {{}}, "twice": {{Name: "a"}, {Name: "a"}}, "into nothing": {{Name: "a", DeadLetter: "b"}}, "of the other kind": {{Name: "a.fifo", DeadLetter: "b"}, {Name: "b"}},
	} {
		if _, err := sandbox.New(sandbox.Config{Queues: queues}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestFIFO: a group of which somebody has a message gives no other, and what is
// sent twice comes once.
func TestFIFO(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	b := f.mailbox(sandbox.AlarmQueue + ".fifo")
	b.send("a:1", "a:2", "b:3", "a:1", "a:4")
	got := b.receive(1)
	if texts(got) != "1" || got[0].Attributes["MessageGroupId"] != "a" {
		t.Fatalf("%q, %v", texts(got), got[0].Attributes)
	}
	if other := b.receive(10); texts(other) != "3" {
		t.Errorf("while a group is held: %q", texts(other))
	}
	f.clock.ticks(7)
	if rest := b.receive(10); texts(rest) != "1 2 3 4" {
		t.Errorf("after all were let go: %q", texts(rest))
	}
	// The receipt is of a receive that is over.
	_, err := b.api.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &b.url, ReceiptHandle: got[0].ReceiptHandle})
	if c, _ := code(err); c != "InvalidParameterValue" {
		t.Errorf("an expired receipt: %v", err)
	}
}

func TestQueueErrors(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	b := f.mailbox(sandbox.AlarmQueue)
	receipt := &f.received(1)[0]
	two := []types.DeleteMessageBatchRequestEntry{{Id: aws.String("1"), ReceiptHandle: receipt}, {Id: aws.String("1"), ReceiptHandle: receipt}}
	eleven := slices.Repeat(two[:1], 11)
	ctx := t.Context()
	for name, c := range map[string]struct {
		do   func() error
		want string
	}{
		"no queue": {func() error {
			_, err := b.api.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: aws.String(b.url + "x")})
			return err
		}, "AWS.SimpleQueueService.NonExistentQueue"},
		"no queue of another account": {func() error {
			_, err := b.api.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(sandbox.AlarmQueue), QueueOwnerAWSAccountId: aws.String("1")})
			return err
		}, "AWS.SimpleQueueService.NonExistentQueue"},
		"too many": {func() error {
			_, err := b.api.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &b.url, MaxNumberOfMessages: 11})
			return err
		}, "InvalidParameterValue"},
		"too long": {func() error {
			_, err := b.api.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &b.url, WaitTimeSeconds: 21})
			return err
		}, "InvalidParameterValue"},
		"never visible": {func() error {
			_, err := b.api.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: &b.url, ReceiptHandle: receipt, VisibilityTimeout: 43201})
			return err
		}, "InvalidParameterValue"},
		"no receipt": {func() error {
			_, err := b.api.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &b.url, ReceiptHandle: aws.String("nonsense")})
			return err
		}, "ReceiptHandleIsInvalid"},
		"not in flight": {func() error {
			hide := &sqs.ChangeMessageVisibilityInput{QueueUrl: &b.url, ReceiptHandle: receipt}
			if _, err := b.api.ChangeMessageVisibility(ctx, hide); err != nil {
				return err
			}
			_, err := b.api.ChangeMessageVisibility(ctx, hide)
			return err
		}, "AWS.SimpleQueueService.MessageNotInflight"},
		"empty batch": {func() error {
			_, err := b.api.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &b.url, Entries: []types.DeleteMessageBatchRequestEntry{}})
			return err
		}, "AWS.SimpleQueueService.EmptyBatchRequest"},
		"one id twice": {func() error {
			_, err := b.api.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &b.url, Entries: two})
			return err
		}, "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"},
		"too large a batch": {func() error {
			_, err := b.api.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &b.url, Entries: eleven})
			return err
		}, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"},
		"too large a message": {func() error {
			_, err := b.api.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &b.url, MessageBody: aws.String(strings.Repeat("x", 1<<20+1))})
			return err
		}, "InvalidParameterValue"},
		"with attributes": {func() error {
			_, err := b.api.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &b.url, MessageBody: aws.String("x"), MessageAttributes: map[string]types.MessageAttributeValue{
				"a": {DataType: aws.String("String"), StringValue: aws.String("b")}}})
			return err
		}, "AWS.SimpleQueueService.UnsupportedOperation"},
		"without a group": {func() error {
			_, err := b.api.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: aws.String(b.url + ".fifo"), MessageBody: aws.String("x")})
			return err
		}, "MissingParameter"},
	} {
		if got, _ := code(c.do()); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestQueueChaos(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	b := f.mailbox(sandbox.AlarmQueue)
	for mode, want := range map[string]struct {
		code   string
		status int
	}{
		"throttled": {"RequestThrottled", 403}, "unavailable": {"ServiceUnavailable", 503}, "access_denied": {"AccessDenied", 403},
		"not_found": {"AWS.SimpleQueueService.NonExistentQueue", 400}, "quota": {"OverLimit", 403}, "failing": {"InternalFailure", 500},
	} {
		_, err := b.api.DeleteMessageBatch(t.Context(), &sqs.DeleteMessageBatchInput{QueueUrl: &b.url, Entries: []types.DeleteMessageBatchRequestEntry{{Id: aws.String("1"), ReceiptHandle: aws.String("r")}}},
			func(o *sqs.Options) {
				o.APIOptions = append(o.APIOptions, smithyhttp.AddHeaderValue("X-Vigil-Chaos", mode))
			})
		if c, status := code(err); c != want.code || status != want.status {
			t.Errorf("%s: %v, want %s with %d", mode, err, want.code, want.status)
		}
		if mode == "access_denied" && !strings.Contains(err.Error(), "not authorized to perform: sqs:DeleteMessage on") {
			t.Errorf("the error does not name the permission: %v", err)
		}
	}
	var entries []types.DeleteMessageBatchRequestEntry
	for i, r := range f.received(3) {
		entries = append(entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), ReceiptHandle: &r})
	}
	f.mustChaos(sandbox.ChaosRule{Operation: "DeleteMessageBatch", Mode: sandbox.ChaosPartial})
	out, err := b.api.DeleteMessageBatch(t.Context(), &sqs.DeleteMessageBatchInput{QueueUrl: &b.url, Entries: entries})
	if err != nil || len(out.Successful) != 1 || len(out.Failed) != 2 || *out.Failed[0].Id != "0" || out.Failed[0].SenderFault {
		t.Errorf("%+v, %v", out, err)
	}
	if left := f.queues()[sandbox.AlarmQueue]; left.InFlight != 2 {
		t.Errorf("%+v", left)
	}
	if status := f.do("POST", "/_world/chaos", sandbox.ChaosRule{Operation: "ReceiveMessage", Mode: sandbox.ChaosPartial}, nil); status != http.StatusBadRequest {
		t.Errorf("a receive that fails in parts: %d", status)
	}
}

// TestAlarmEvents: what the alarm does comes as an event of EventBridge where
// that is switched on, and only there.
func TestAlarmEvents(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{true, false} {
		f := mustServe(t, func(c *sandbox.Config) { c.AlarmEvents = on })
		f.mustFault(world.FaultBadDeployment)
		f.clock.ticks(60)
		got := f.queues()[sandbox.AlarmQueue].Messages
		if !on {
			if len(got) != 0 {
				t.Errorf("switched off, and %d events came", len(got))
			}
			continue
		}
		if len(got) != 1 {
			t.Fatalf("%d events, want that of the alarm", len(got))
		}
		var e struct {
			DetailType string   `json:"detail-type"`
			Source     string   `json:"source"`
			Resources  []string `json:"resources"`
			Detail     struct {
				AlarmName string `json:"alarmName"`
				State     struct{ Value, Reason, Timestamp string }
				Previous  struct{ Value string } `json:"previousState"`
			} `json:"detail"`
		}
		if err := json.Unmarshal([]byte(got[0].Body), &e); err != nil {
			t.Fatal(err)
		}
		alarm := f.World().State().Alarm
		if e.DetailType != "CloudWatch Alarm State Change" || e.Source != "aws.cloudwatch" || !slices.Equal(e.Resources, []string{alarm.ARN}) ||
			e.Detail.AlarmName != alarm.Name || e.Detail.State.Value != "ALARM" || e.Detail.Previous.Value != "OK" || e.Detail.State.Reason != alarm.Reason {
			t.Errorf("event %+v of alarm %+v", e, alarm)
		}
		f.Reset(nil)
		if len(f.queues()[sandbox.AlarmQueue].Messages) != 0 {
			t.Error("a reset left messages behind")
		}
	}
	if _, err := sandbox.New(sandbox.Config{AlarmEvents: true, Queues: []sandbox.Queue{}}); err == nil {
		t.Error("alarms to a queue that is not there")
	}
}
