package sandbox

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"vigil/deploy/sandbox/world"
)

var sqsOperations = []operation{
	{"sqs", "ReceiveMessage", awsJSON10, "AmazonSQS.ReceiveMessage", (*Server).receiveMessage},
	{"sqs", "DeleteMessage", awsJSON10, "AmazonSQS.DeleteMessage", (*Server).deleteMessage},
	{"sqs", "DeleteMessageBatch", awsJSON10, "AmazonSQS.DeleteMessageBatch", (*Server).deleteMessageBatch},
	{"sqs", "ChangeMessageVisibility", awsJSON10, "AmazonSQS.ChangeMessageVisibility", (*Server).changeVisibility},
	{"sqs", "ChangeMessageVisibilityBatch", awsJSON10, "AmazonSQS.ChangeMessageVisibilityBatch", (*Server).changeVisibilityBatch},
	{"sqs", "GetQueueAttributes", awsJSON10, "AmazonSQS.GetQueueAttributes", (*Server).queueAttributes},
	{"sqs", "GetQueueUrl", awsJSON10, "AmazonSQS.GetQueueUrl", (*Server).queueURL},
	{"sqs", "SendMessage", awsJSON10, "AmazonSQS.SendMessage", (*Server).sendMessage},
	{"sqs", "SendMessageBatch", awsJSON10, "AmazonSQS.SendMessageBatch", (*Server).sendMessageBatch},
	{"sqs", "PurgeQueue", awsJSON10, "AmazonSQS.PurgeQueue", (*Server).purgeQueue},
}

// longPollLook is how often a long poll looks whether a message has become
// visible by the clock alone, of which nothing tells it.
const longPollLook = 20 * time.Millisecond

// QueueURL is what names a queue to SQS clients of this server.
func (s *Server) QueueURL(name string) string { return s.URL() + "/" + world.Account + "/" + name }

func (s *Server) receiveMessage(x *exchange) (any, error) {
	var in struct {
		QueueURL       string   `json:"QueueUrl"`
		Max            *int     `json:"MaxNumberOfMessages"`
		Visibility     *int     `json:"VisibilityTimeout"`
		Wait           int      `json:"WaitTimeSeconds"`
		Attributes     []string `json:"MessageSystemAttributeNames"`
		OldAttributes  []string `json:"AttributeNames"`
		UserAttributes []string `json:"MessageAttributeNames"` // there are none
		AttemptID      string   `json:"ReceiveRequestAttemptId"`
	}
	if err := x.decode(&in); err != nil {
		return nil, err
	}
	n := 1
	if in.Max != nil {
		n = *in.Max
	}
	switch {
	case n < 1 || n > maxBatch:
		return nil, errorf("InvalidParameterValue", "Value %d for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.", n)
	case in.Wait < 0 || in.Wait > 20:
		return nil, errorf("InvalidParameterValue", "Value %d for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.", in.Wait)
	case in.Visibility != nil && (*in.Visibility < 0 || *in.Visibility > int(maxVisibility.Seconds())):
		return nil, errorf("InvalidParameterValue", "Value %d for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and 43200.", *in.Visibility)
	case in.AttemptID != "":
		return nil, errorf("UnsupportedOperation", "The sandbox does not support ReceiveRequestAttemptId.")
	}
	messages, err := s.poll(x, in.QueueURL, n, in.Visibility, time.Duration(in.Wait)*time.Second)
	if err != nil {
		return nil, err
	}
	x.note("messages", len(messages))
	asked := slices.Concat(in.Attributes, in.OldAttributes)
	out := []map[string]any{}
	for _, m := range messages {
		one := map[string]any{"MessageId": m.id, "ReceiptHandle": m.receipt, "Body": m.body, "MD5OfBody": md5Of(m.body)}
		if a := m.attributes(asked); len(a) > 0 {
			one["Attributes"] = a
		}
		out = append(out, one)
	}
	if len(out) == 0 {
		return map[string]any{}, nil // as SQS leaves it out
	}
	return map[string]any{"Messages": out}, nil
}

// poll waits for messages until there are some or the time is up.
func (s *Server) poll(x *exchange, url string, n int, visibility *int, wait time.Duration) ([]*queueMessage, error) {
	deadline := time.Now().Add(wait)
	for {
		s.queues.mu.Lock()
		q, e := s.queues.find(url)
		if e != nil {
			s.queues.mu.Unlock()
			return nil, e
		}
		hide := q.Visibility
		if visibility != nil {
			hide = time.Duration(*visibility) * time.Second
		}
		got, changed := s.queues.receive(q, n, hide, s.cfg.Now()), s.queues.changed
		s.queues.mu.Unlock()
		left := time.Until(deadline)
		if len(got) > 0 || left <= 0 {
			return got, nil
		}
		look := time.NewTimer(min(left, longPollLook))
		select {
		case <-look.C:
		case <-changed:
		case <-x.ctx.Done():
			look.Stop()
			return nil, x.ctx.Err()
		case <-s.quit:
			look.Stop()
			return nil, errStopping
		}
		look.Stop()
	}
}

// attributes are those of m that were asked for.
func (m *queueMessage) attributes(asked []string) map[string]string {
	ms := func(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }
	all := map[string]string{"SenderId": callerARN, "SentTimestamp": ms(m.sent), "ApproximateReceiveCount": strconv.Itoa(m.receives), "ApproximateFirstReceiveTimestamp": ms(m.first)}
	if m.group != "" {
		all["MessageGroupId"], all["SequenceNumber"] = m.group, fmt.Sprintf("%020d", m.sequence)
	}
	out := map[string]string{}
	for k, v := range all {
		if slices.Contains(asked, "All") || slices.Contains(asked, k) {
			out[k] = v
		}
	}
	return out
}

// entry is one of a batch. Which members it has depends on the operation.
type entry struct {
	ID               string                     `json:"Id"`
	Receipt          string                     `json:"ReceiptHandle"`
	Visibility       *int                       `json:"VisibilityTimeout"`
	Body             string                     `json:"MessageBody"`
	Group            string                     `json:"MessageGroupId"`
	Dedup            string                     `json:"MessageDeduplicationId"`
	Delay            int                        `json:"DelaySeconds"`
	Attributes       map[string]json.RawMessage `json:"MessageAttributes"`
	SystemAttributes map[string]json.RawMessage `json:"MessageSystemAttributes"`
}

// one does an operation to one message, and many to those of a batch. do is
// called with the lock held and returns what is known of the entry.
func (s *Server) one(x *exchange, do func(*queue, entry) (map[string]any, *apiError)) (any, error) {
	var in struct {
		QueueURL string `json:"QueueUrl"`
		entry
	}
	if err := x.decode(&in); err != nil {
		return nil, err
	}
	s.queues.mu.Lock()
	defer s.queues.mu.Unlock()
	q, e := s.queues.find(in.QueueURL)
	if e != nil {
		return nil, e
	}
	out, e := do(q, in.entry)
	switch {
	case e != nil:
		return nil, e
	case out == nil:
		return map[string]any{}, nil
	}
	return out, nil
}

func (s *Server) many(x *exchange, do func(*queue, entry) (map[string]any, *apiError)) (any, error) {
	var in struct {
		QueueURL string  `json:"QueueUrl"`
		Entries  []entry `json:"Entries"`
	}
	if err := x.decode(&in); err != nil {
		return nil, err
	}
	switch {
	case len(in.Entries) == 0:
		return nil, errorf("EmptyBatchRequest", "There should be at least one entry in the request.")
	case len(in.Entries) > maxBatch:
		return nil, errorf("TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10. You have sent %d.", len(in.Entries))
	}
	seen := map[string]bool{}
	for _, e := range in.Entries {
		if seen[e.ID] {
			return nil, errorf("BatchEntryIdsNotDistinct", "Id %s repeated.", e.ID)
		}
		seen[e.ID] = true
	}
	s.queues.mu.Lock()
	defer s.queues.mu.Unlock()
	q, e := s.queues.find(in.QueueURL)
	if e != nil {
		return nil, e
	}
	done, failed := []map[string]any{}, []map[string]any{}
	for i, one := range in.Entries {
		var out map[string]any
		var e *apiError
		if x.strike.mode == ChaosPartial && i%2 == 0 {
			e = errorf("InternalError", "The sandbox was told to fail every other entry.")
		} else {
			out, e = do(q, one)
		}
		if e != nil {
			failed = append(failed, map[string]any{"Id": one.ID, "Code": e.code, "Message": e.message, "SenderFault": e.code != "InternalError"})
			continue
		}
		if out == nil {
			out = map[string]any{}
		}
		out["Id"] = one.ID
		done = append(done, out)
	}
	x.note("done", len(done))
	x.note("failed", len(failed))
	// Both are always there, as the service has it.
	return map[string]any{"Successful": done, "Failed": failed}, nil
}

func (s *Server) deleteEntry(q *queue, e entry) (map[string]any, *apiError) {
	if e.Receipt == "" {
		return nil, errorf("MissingParameter", "The request must contain the parameter ReceiptHandle.")
	}
	return nil, s.queues.remove(q, e.Receipt, s.cfg.Now())
}

func (s *Server) hideEntry(q *queue, e entry) (map[string]any, *apiError) {
	if e.Receipt == "" || e.Visibility == nil {
		return nil, errorf("MissingParameter", "The request must contain the parameters ReceiptHandle and VisibilityTimeout.")
	}
	return nil, s.queues.hide(q, e.Receipt, time.Duration(*e.Visibility)*time.Second, s.cfg.Now())
}

func (s *Server) sendEntry(q *queue, e entry) (map[string]any, *apiError) {
	if len(e.Attributes) > 0 || len(e.SystemAttributes) > 0 {
		return nil, errorf("UnsupportedOperation", "The sandbox does not support attributes of messages.")
	}
	m, err := s.queues.send(q, outgoing{body: e.Body, group: e.Group, dedup: e.Dedup, delay: time.Duration(e.Delay) * time.Second}, s.cfg.Now())
	if err != nil {
		return nil, err
	}
	out := map[string]any{"MessageId": m.id, "MD5OfMessageBody": md5Of(m.body)}
	if q.fifo() {
		out["SequenceNumber"] = fmt.Sprintf("%020d", m.sequence)
	}
	return out, nil
}

func (s *Server) deleteMessage(x *exchange) (any, error)      { return s.one(x, s.deleteEntry) }
func (s *Server) deleteMessageBatch(x *exchange) (any, error) { return s.many(x, s.deleteEntry) }
func (s *Server) changeVisibility(x *exchange) (any, error)   { return s.one(x, s.hideEntry) }
func (s *Server) changeVisibilityBatch(x *exchange) (any, error) {
	return s.many(x, s.hideEntry)
}
func (s *Server) sendMessage(x *exchange) (any, error)      { return s.one(x, s.sendEntry) }
func (s *Server) sendMessageBatch(x *exchange) (any, error) { return s.many(x, s.sendEntry) }

func (s *Server) queueAttributes(x *exchange) (any, error) {
	var in struct {
		QueueURL string   `json:"QueueUrl"`
		Names    []string `json:"AttributeNames"`
	}
	if err := x.decode(&in); err != nil {
		return nil, err
	}
	s.queues.mu.Lock()
	defer s.queues.mu.Unlock()
	q, e := s.queues.find(in.QueueURL)
	if e != nil {
		return nil, e
	}
	visible, inFlight, delayed := q.count(s.cfg.Now())
	seconds := strconv.FormatInt(q.created.Unix(), 10)
	all := map[string]string{
		"QueueArn": q.arn(), "CreatedTimestamp": seconds, "LastModifiedTimestamp": seconds, "DelaySeconds": "0", "ReceiveMessageWaitTimeSeconds": "0",
		"VisibilityTimeout": strconv.Itoa(int(q.Visibility.Seconds())), "MaximumMessageSize": strconv.Itoa(maxMessage), "MessageRetentionPeriod": "345600",
		"ApproximateNumberOfMessages": strconv.Itoa(visible), "ApproximateNumberOfMessagesNotVisible": strconv.Itoa(inFlight), "ApproximateNumberOfMessagesDelayed": strconv.Itoa(delayed),
	}
	if q.DeadLetter != "" {
		all["RedrivePolicy"] = fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":%d}`, s.queues.byName[q.DeadLetter].arn(), q.MaxReceives)
	}
	if q.fifo() {
		all["FifoQueue"], all["ContentBasedDeduplication"] = "true", "true"
	}
	out := map[string]string{}
	for k, v := range all {
		if slices.Contains(in.Names, "All") || slices.Contains(in.Names, k) {
			out[k] = v
		}
	}
	return map[string]any{"Attributes": out}, nil
}

func (s *Server) queueURL(x *exchange) (any, error) {
	var in struct {
		Name  string `json:"QueueName"`
		Owner string `json:"QueueOwnerAWSAccountId"`
	}
	if err := x.decode(&in); err != nil {
		return nil, err
	}
	url := "/" + cmp.Or(in.Owner, world.Account) + "/" + in.Name
	s.queues.mu.Lock()
	defer s.queues.mu.Unlock()
	if _, e := s.queues.find(url); e != nil {
		return nil, e
	}
	return map[string]any{"QueueUrl": s.QueueURL(in.Name)}, nil
}

func (s *Server) purgeQueue(x *exchange) (any, error) {
	var in struct {
		QueueURL string `json:"QueueUrl"`
	}
	if err := x.decode(&in); err != nil {
		return nil, err
	}
	s.queues.mu.Lock()
	defer s.queues.mu.Unlock()
	q, e := s.queues.find(in.QueueURL)
	now := s.cfg.Now()
	switch {
	case e != nil:
		return nil, e
	case !q.purged.IsZero() && now.Sub(q.purged) < purgeEvery:
		return nil, errorf("PurgeQueueInProgress", "Only one PurgeQueue operation on %s is allowed every 60 seconds.", q.Name)
	}
	q.purged, q.messages = now, nil
	return map[string]any{}, nil
}
