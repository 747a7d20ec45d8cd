package sandbox

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"vigil/deploy/sandbox/world"
)

// Queue is a queue that the sandbox has. One whose name ends in .fifo keeps
// the order within a message group, as SQS has it.
type Queue struct {
	Name        string
	DeadLetter  string        // name of the queue that takes what was received MaxReceives times; "" for none
	MaxReceives int           // default 5 where there is a DeadLetter
	Visibility  time.Duration // how long a message that was received stays hidden unless the receiver says otherwise; default 30 s
}

// The queues that a sandbox has unless it is told otherwise.
const (
	AlarmQueue           = "vigil-alerts" // that alarms are published to where Config.AlarmEvents is set
	AlarmDeadLetterQueue = "vigil-alerts-dead"
)

func shippedQueues() []Queue {
	return []Queue{
		{Name: AlarmQueue, DeadLetter: AlarmDeadLetterQueue}, {Name: AlarmDeadLetterQueue},
		{Name: AlarmQueue + fifo, DeadLetter: AlarmDeadLetterQueue + fifo}, {Name: AlarmDeadLetterQueue + fifo},
	}
}

// Limits of SQS.
const (
	fifo           = ".fifo"
	maxVisibility  = 12 * time.Hour
	maxMessage     = 1 << 20
	maxBatch       = 10
	dedupWindow    = 5 * time.Minute
	purgeEvery     = time.Minute
	maxQueueLength = 10_000 // the sandbox's own
)

// queueMessage is one message of a queue.
type queueMessage struct {
	id, body, group string
	sequence        int64
	sent, first     time.Time // first: when it was first received
	visible         time.Time // from when on it may be received
	received        time.Time // latest
	receives        int
	receipt         string // of the latest receive
}

// hidden reports whether a receiver has it. A message that is only delayed is
// with nobody.
func (m *queueMessage) hidden(now time.Time) bool { return m.receives > 0 && m.visible.After(now) }

// queue is a Queue and what is in it.
type queue struct {
	Queue
	created  time.Time
	purged   time.Time
	messages []*queueMessage
	sent     map[string]*queueMessage // by deduplication id; FIFO queues only
}

func (q *queue) fifo() bool { return strings.HasSuffix(q.Name, fifo) }

func (q *queue) arn() string {
	return "arn:aws:sqs:" + world.Region + ":" + world.Account + ":" + q.Name
}

// queues is all queues. changed is closed, and made anew, whenever something
// may have become visible, so that long polls look again.
type queues struct {
	mu      sync.Mutex
	cfg     []Queue
	byName  map[string]*queue
	next    int64 // sequence numbers
	changed chan struct{}
}

func newQueues(cfg []Queue, now time.Time) (*queues, error) {
	qs := &queues{cfg: cfg, changed: make(chan struct{})}
	names := map[string]bool{}
	for _, q := range cfg {
		if q.Name == "" || names[q.Name] {
			return nil, fmt.Errorf("sandbox: the queue %q has no name, or another has it", q.Name)
		}
		names[q.Name] = true
	}
	for _, q := range cfg {
		if q.DeadLetter != "" && (!names[q.DeadLetter] || strings.HasSuffix(q.Name, fifo) != strings.HasSuffix(q.DeadLetter, fifo)) {
			return nil, fmt.Errorf("sandbox: the dead-letter queue of %s is %s, which does not exist or is of the other kind", q.Name, q.DeadLetter)
		}
	}
	qs.reset(now)
	return qs, nil
}

func (qs *queues) reset(now time.Time) {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	qs.byName = map[string]*queue{}
	for _, q := range qs.cfg {
		if q.Visibility == 0 {
			q.Visibility = 30 * time.Second
		}
		if q.DeadLetter != "" && q.MaxReceives == 0 {
			q.MaxReceives = 5
		}
		qs.byName[q.Name] = &queue{Queue: q, created: now, sent: map[string]*queueMessage{}}
	}
	qs.wake()
}

// wake has long polls look again. The caller holds the lock.
func (qs *queues) wake() {
	close(qs.changed)
	qs.changed = make(chan struct{})
}

// find is the queue that a URL names, whatever the host in it.
func (qs *queues) find(url string) (*queue, *apiError) {
	parts := strings.Split(url, "/")
	if len(parts) >= 2 && parts[len(parts)-2] == world.Account {
		if q := qs.byName[parts[len(parts)-1]]; q != nil {
			return q, nil
		}
	}
	return nil, errorf("QueueDoesNotExist", "The specified queue does not exist.")
}

// outgoing is a message to be sent.
type outgoing struct {
	body, group, dedup string
	delay              time.Duration
}

func (qs *queues) send(q *queue, o outgoing, now time.Time) (*queueMessage, *apiError) {
	switch {
	case o.body == "":
		return nil, errorf("MissingParameter", "The request must contain the parameter MessageBody.")
	case len(o.body) > maxMessage:
		return nil, errorf("InvalidParameterValue", "One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", maxMessage)
	case o.delay < 0 || o.delay > 15*time.Minute:
		return nil, errorf("InvalidParameterValue", "Value for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.")
	case len(q.messages) >= maxQueueLength:
		return nil, errorf("OverLimit", "The sandbox keeps %d messages of a queue.", maxQueueLength)
	}
	if q.fifo() {
		if o.group == "" {
			return nil, errorf("MissingParameter", "The request must contain the parameter MessageGroupId.")
		}
		if o.dedup == "" {
			sum := sha256.Sum256([]byte(o.body)) // content-based deduplication is on
			o.dedup = hex.EncodeToString(sum[:])
		}
		if m := q.sent[o.dedup]; m != nil && now.Sub(m.sent) < dedupWindow {
			return m, nil
		}
	}
	qs.next++
	m := &queueMessage{id: uuid.NewString(), body: o.body, group: o.group, sequence: qs.next, sent: now, visible: now.Add(o.delay)}
	q.messages = append(q.messages, m)
	if q.fifo() {
		q.sent[o.dedup] = m
	}
	qs.wake()
	return m, nil
}

// receive takes up to n messages that are visible, oldest first, and hides
// them. What was received often enough goes to the dead-letter queue instead.
func (qs *queues) receive(q *queue, n int, hide time.Duration, now time.Time) []*queueMessage {
	var out []*queueMessage
	kept := q.messages[:0:0]
	locked := map[string]bool{} // groups of which a receiver has a message
	for _, m := range q.messages {
		if q.fifo() && m.hidden(now) {
			locked[m.group] = true
		}
	}
	for _, m := range q.messages {
		if len(out) == n || m.visible.After(now) || q.fifo() && locked[m.group] {
			if q.fifo() {
				locked[m.group] = true // the order is kept within a group
			}
			kept = append(kept, m)
			continue
		}
		if dead := qs.byName[q.DeadLetter]; dead != nil && m.receives >= q.MaxReceives {
			m.receipt, m.visible = "", now
			dead.messages = append(dead.messages, m)
			qs.wake()
			continue
		}
		m.receives++
		if m.first.IsZero() {
			m.first = now
		}
		m.received, m.visible = now, now.Add(hide)
		m.receipt = base64.StdEncoding.EncodeToString([]byte(m.id + "/" + uuid.NewString()))
		kept = append(kept, m)
		// A message is copied out: others change it once the lock is gone.
		got := *m
		out = append(out, &got)
	}
	q.messages = kept
	return out
}

// byReceipt finds the message that a receipt is of; latest says whether it was
// not received again since.
func (q *queue) byReceipt(receipt string) (m *queueMessage, latest bool, e *apiError) {
	raw, err := base64.StdEncoding.DecodeString(receipt)
	id, _, ok := strings.Cut(string(raw), "/")
	if err != nil || !ok {
		return nil, false, errorf("ReceiptHandleIsInvalid", "The input receipt handle %q is not a valid receipt handle.", receipt)
	}
	for _, m := range q.messages {
		if m.id == id {
			return m, m.receipt == receipt, nil
		}
	}
	return nil, false, nil
}

// remove deletes a message. A receipt that is no longer the latest deletes
// nothing, and a standard queue says nothing of it: SQS promises no more.
func (qs *queues) remove(q *queue, receipt string, now time.Time) *apiError {
	m, latest, e := q.byReceipt(receipt)
	switch {
	case e != nil:
		return e
	case m == nil:
		return nil
	case q.fifo() && (!latest || !m.hidden(now)):
		return errorf("InvalidParameterValue", "Value %s for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.", receipt)
	case !latest:
		return nil
	}
	kept := q.messages[:0:0]
	for _, other := range q.messages {
		if other != m {
			kept = append(kept, other)
		}
	}
	q.messages = kept
	qs.wake()
	return nil
}

// hide changes until when a message that was received stays hidden.
func (qs *queues) hide(q *queue, receipt string, d time.Duration, now time.Time) *apiError {
	if d < 0 || d > maxVisibility {
		return errorf("InvalidParameterValue", "Value %d for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and 43200.", int(d.Seconds()))
	}
	m, latest, e := q.byReceipt(receipt)
	switch {
	case e != nil:
		return e
	case m == nil || !latest || !m.hidden(now):
		return errorf("MessageNotInflight", "The message referred to is not in flight.")
	case now.Add(d).Sub(m.received) > maxVisibility:
		return errorf("InvalidParameterValue", "Value %d for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds].", int(d.Seconds()))
	}
	m.visible = now.Add(d)
	qs.wake()
	return nil
}

func md5Of(body string) string {
	sum := md5.Sum([]byte(body))
	return hex.EncodeToString(sum[:])
}

// QueueView is what GET /_queues shows of a queue.
type QueueView struct {
	Name     string          `json:"name"`
	Visible  int             `json:"visible"`
	InFlight int             `json:"in_flight"`
	Delayed  int             `json:"delayed"`
	Messages []QueuedMessage `json:"messages"`
}

// QueuedMessage is a message that is in a queue.
type QueuedMessage struct {
	ID       string    `json:"id"`
	Group    string    `json:"group,omitempty"`
	Body     string    `json:"body"`
	SentAt   time.Time `json:"sent_at"`
	Receives int       `json:"receives"`
}

// count is how the messages of q stand.
func (q *queue) count(now time.Time) (visible, inFlight, delayed int) {
	for _, m := range q.messages {
		switch {
		case m.hidden(now):
			inFlight++
		case m.visible.After(now):
			delayed++
		default:
			visible++
		}
	}
	return visible, inFlight, delayed
}

func (qs *queues) view(now time.Time) []QueueView {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	out := []QueueView{}
	for _, c := range qs.cfg {
		q := qs.byName[c.Name]
		v := QueueView{Name: q.Name, Messages: []QueuedMessage{}}
		v.Visible, v.InFlight, v.Delayed = q.count(now)
		for _, m := range q.messages {
			v.Messages = append(v.Messages, QueuedMessage{m.id, m.group, m.body, m.sent, m.receives})
		}
		out = append(out, v)
	}
	return out
}
