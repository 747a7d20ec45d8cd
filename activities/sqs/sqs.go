// Package sqs receives messages from an Amazon SQS queue, keeps them hidden
// from other receivers, and deletes them.
//
// It knows nothing of what is in a message and decides nothing: whether one is
// deleted, kept or given back is said by package worker/pull. A message whose
// receiver dies comes back when its visibility timeout is over, so whoever uses
// a Queue must be ready to see a message again; a FIFO queue gives no further
// message of a group while one is hidden.
//
// A Queue is immutable and safe for concurrent use.
package sqs

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"vigil/activities"
	"vigil/activities/internal/awscall"
	"vigil/workflows/incident"
)

const (
	service = "sqs"
	// pollService is what a long poll is recorded as: most of its time is spent
	// waiting for a message, which says nothing of how fast SQS is.
	pollService = "sqs_long_poll"
	readTimeout = 30 * time.Second // more than a long poll lasts
)

// Limits of SQS.
const (
	MaxBatch = 10               // messages of one call
	MaxWait  = 20 * time.Second // of a long poll
	MaxHide  = 12 * time.Hour   // since a message was received
)

// Message is one message as it was received.
type Message struct {
	ID              string
	Receipt         string // of this receive; what deletes and hides the message
	Body            string
	Group           string // of a FIFO queue
	SentAt          time.Time
	FirstReceivedAt time.Time
	Receives        int // this one included
	Origin          incident.Origin
}

// Queue is one queue.
type Queue struct {
	api        *sqs.Client
	call, poll awscall.Caller
	url, name  string
}

// New makes a Queue of the one that rawURL names, as AWS shows it. It is asked
// in the region that the URL is of. recorder may be nil.
func New(cfg aws.Config, rawURL string, recorder activities.Recorder) (*Queue, error) {
	name, err := Name(rawURL)
	if err != nil {
		return nil, err
	}
	cfg = cfg.Copy()
	if r := Region(rawURL); r != "" {
		cfg.Region = r
	}
	return &Queue{api: sqs.NewFromConfig(awscall.Prepare(cfg, readTimeout)), url: rawURL, name: name,
		call: awscall.New(service, recorder), poll: awscall.New(pollService, recorder)}, nil
}

// Name is account/queue of a queue's URL, or says why that is none.
func Name(rawURL string) (string, error) {
	u, err := url.Parse(rawURL)
	if err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
		if parts := strings.Split(strings.Trim(u.Path, "/"), "/"); len(parts) == 2 && parts[0] != "" && parts[1] != "" {
			return parts[0] + "/" + parts[1], nil
		}
	}
	return "", incident.Errorf(incident.KindInvalid, "%q is no URL of a queue; it looks like https://sqs.eu-west-1.amazonaws.com/111122223333/vigil-alerts, as aws sqs get-queue-url prints it", rawURL)
}

var awsHost = regexp.MustCompile(`^(?:[a-z0-9-]+\.)?sqs(?:-fips)?\.([a-z]{2}[a-z0-9-]*-\d+)\.`)

// Region is the region in a queue's URL; "" where it names none.
func Region(rawURL string) string {
	if u, err := url.Parse(rawURL); err == nil {
		if m := awsHost.FindStringSubmatch(u.Host); m != nil {
			return m[1]
		}
	}
	return ""
}

// Name is account/queue.
func (q *Queue) Name() string { return q.name }

// Receive returns up to n messages and hides them for the time given. It waits
// for the first; no message is no error.
func (q *Queue) Receive(ctx context.Context, n int, wait, hide time.Duration) ([]Message, error) {
	out, p, err := awscall.Do(ctx, q.poll, "ReceiveMessage", q.api.ReceiveMessage, &sqs.ReceiveMessageInput{
		QueueUrl: &q.url, MaxNumberOfMessages: int32(min(n, MaxBatch)), WaitTimeSeconds: seconds(min(wait, MaxWait)), VisibilityTimeout: seconds(hide),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameSentTimestamp, types.MessageSystemAttributeNameApproximateFirstReceiveTimestamp,
			types.MessageSystemAttributeNameApproximateReceiveCount, types.MessageSystemAttributeNameMessageGroupId}})
	if err != nil {
		return nil, err
	}
	messages := make([]Message, 0, len(out.Messages))
	for _, m := range out.Messages {
		receives, err := strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
		if err != nil {
			receives = 1 // it was received now, if nothing else is known
		}
		messages = append(messages, Message{ID: aws.ToString(m.MessageId), Receipt: aws.ToString(m.ReceiptHandle), Body: aws.ToString(m.Body),
			Group: m.Attributes["MessageGroupId"], SentAt: millis(m.Attributes["SentTimestamp"]), FirstReceivedAt: millis(m.Attributes["ApproximateFirstReceiveTimestamp"]),
			Receives: receives, Origin: p.Origin})
	}
	return messages, nil
}

// Refused is a message of a batch that the call was not done to.
type Refused struct {
	Message Message
	Gone    bool // it is no longer this receiver's: its time was up, or it is deleted
	Err     error
}

// Delete deletes up to MaxBatch messages. It returns those that are still
// there; err is set where nothing is known of any.
func (q *Queue) Delete(ctx context.Context, messages []Message) ([]Refused, error) {
	in := &sqs.DeleteMessageBatchInput{QueueUrl: &q.url}
	for i := range messages {
		in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: id(i), ReceiptHandle: &messages[i].Receipt})
	}
	out, _, err := awscall.Do(ctx, q.call, "DeleteMessageBatch", q.api.DeleteMessageBatch, in)
	if err != nil {
		return nil, err
	}
	done := map[string]bool{}
	for _, d := range out.Successful {
		done[aws.ToString(d.Id)] = true
	}
	return refused(messages, done, out.Failed, "delete"), nil
}

// Hide keeps up to MaxBatch messages from other receivers for d from now on;
// 0 gives them back. It returns those of which that is not so.
func (q *Queue) Hide(ctx context.Context, messages []Message, d time.Duration) ([]Refused, error) {
	in := &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &q.url}
	for i := range messages {
		in.Entries = append(in.Entries, types.ChangeMessageVisibilityBatchRequestEntry{Id: id(i), ReceiptHandle: &messages[i].Receipt, VisibilityTimeout: seconds(d)})
	}
	out, _, err := awscall.Do(ctx, q.call, "ChangeMessageVisibilityBatch", q.api.ChangeMessageVisibilityBatch, in)
	if err != nil {
		return nil, err
	}
	done := map[string]bool{}
	for _, d := range out.Successful {
		done[aws.ToString(d.Id)] = true
	}
	return refused(messages, done, out.Failed, "hide"), nil
}

// gone are the codes of messages that a receiver has no longer. That of a FIFO
// queue, InvalidParameterValue, says so in its message.
var gone = map[string]bool{"MessageNotInflight": true, "AWS.SimpleQueueService.MessageNotInflight": true, "ReceiptHandleIsInvalid": true}

// refused are the messages that are not done, with the reason where the answer
// gives one. An answer that leaves a message out has not done it.
func refused(messages []Message, done map[string]bool, failed []types.BatchResultErrorEntry, what string) []Refused {
	why := map[string]types.BatchResultErrorEntry{}
	for _, f := range failed {
		why[aws.ToString(f.Id)] = f
	}
	var out []Refused
	for i, m := range messages {
		if done[*id(i)] {
			continue
		}
		code, said := "no word of it", ""
		if f, ok := why[*id(i)]; ok {
			code, said = aws.ToString(f.Code), aws.ToString(f.Message)
		}
		out = append(out, Refused{Message: m, Gone: gone[code] || strings.Contains(said, "receipt handle has expired"),
			Err: fmt.Errorf("sqs: %s message %s: %s", what, m.ID, strings.TrimSuffix(code+": "+activities.Redact(said), ": "))})
	}
	return out
}

func id(i int) *string { return aws.String(strconv.Itoa(i)) }

// seconds rounds up: a message is never shown earlier than was asked.
func seconds(d time.Duration) int32 { return int32((max(d, 0) + time.Second - 1) / time.Second) }

// millis reads a time as SQS writes it; the zero time where there is none.
func millis(s string) time.Time {
	ms, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
