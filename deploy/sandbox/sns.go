package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"

	"vigil/deploy/sandbox/signing"
	"vigil/deploy/sandbox/world"
)

const (
	topicARN       = signing.TopicARN
	deliverTimeout = 15 * time.Second // as of SNS
	maxQueued      = 64
	maxKept        = 200 // deliveries that are shown
)

// DeliveryState says how a notification stands.
type DeliveryState string

const (
	DeliveryQueued    DeliveryState = "queued"
	DeliveryDelivered DeliveryState = "delivered"
	DeliveryFailed    DeliveryState = "failed"  // given up
	DeliveryDropped   DeliveryState = "dropped" // the queue was full, or the sandbox was reset
)

// Delivery is one notification and what became of it.
type Delivery struct {
	MessageID  string           `json:"message_id"`
	Alarm      string           `json:"alarm"`
	NewState   world.AlarmState `json:"new_state"`
	At         time.Time        `json:"at"` // of the alarm's change
	State      DeliveryState    `json:"state"`
	Attempts   int              `json:"attempts"`
	LastStatus int              `json:"last_status,omitempty"`
	LastError  string           `json:"last_error,omitempty"`
	DoneAt     time.Time        `json:"done_at,omitzero"`

	body  []byte
	epoch int // of the notifier, when it was queued
}

// Notifications counts deliveries and shows the latest.
type Notifications struct {
	Target    string     `json:"target"` // empty: nobody is told
	Queued    int        `json:"queued"`
	Delivered int        `json:"delivered"`
	Failed    int        `json:"failed"`
	Dropped   int        `json:"dropped"`
	Attempts  int        `json:"attempts"`
	Latest    []Delivery `json:"latest"`
}

// notifier posts alarm changes to the gateway, one after another in the order
// of the changes.
//
// As in SNS, anything but 2xx from a gateway that can be reached is a failed
// attempt if it is 429 or 5xx, and final if it is another 4xx: the receiver has
// said that it does not want the message.
type notifier struct {
	cfg    Config
	sns    *snsHost // nil with url ""
	log    *zap.Logger
	url    string // without user and password
	user   *url.Userinfo
	client *http.Client

	mu       sync.Mutex
	kept     []*Delivery
	attempts int
	counts   map[DeliveryState]int
	queue    chan *Delivery
	epoch    int // of resets: what was queued before one is dropped
	cancel   context.CancelFunc
	ctx      context.Context
}

func newNotifier(cfg Config, sns *snsHost, log *zap.Logger) *notifier {
	n := &notifier{cfg: cfg, sns: sns, log: log, queue: make(chan *Delivery, maxQueued), counts: map[DeliveryState]int{},
		client: &http.Client{Timeout: deliverTimeout, Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	if u, err := url.Parse(cfg.Gateway); cfg.Gateway != "" && err == nil { // parsed by Config before
		n.user, u.User = u.User, nil
		n.url = strings.TrimRight(u.String(), "/") + snsPath
	}
	return n
}

func (n *notifier) target() string { return n.url }

// enqueue never blocks.
func (n *notifier) enqueue(t world.Transition) {
	d, err := n.newDelivery(t)
	if err != nil {
		n.log.Error("notification cannot be written", zap.Error(err))
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	d.epoch = n.epoch
	n.kept = append(n.kept, d)
	if len(n.kept) > maxKept {
		n.kept = n.kept[1:]
	}
	if n.url == "" {
		n.settle(d, DeliveryDropped, "no gateway is configured")
		return
	}
	n.counts[DeliveryQueued]++
	select {
	case n.queue <- d:
	default:
		n.counts[DeliveryQueued]--
		n.settle(d, DeliveryDropped, fmt.Sprintf("%d notifications are queued already", maxQueued))
	}
}

// settle ends a delivery. The caller holds the lock.
func (n *notifier) settle(d *Delivery, s DeliveryState, why string) {
	d.State, d.DoneAt = s, time.Now().UTC()
	if why != "" {
		d.LastError = why
	}
	n.counts[s]++
}

// run delivers until quit is closed.
func (n *notifier) run(quit <-chan struct{}) {
	go func() {
		<-quit
		n.mu.Lock()
		defer n.mu.Unlock()
		n.cancel()
	}()
	for {
		select {
		case <-quit:
			return
		case d := <-n.queue:
			n.deliver(d, quit)
		}
	}
}

func (n *notifier) deliver(d *Delivery, quit <-chan struct{}) {
	n.mu.Lock()
	ctx, forgotten := n.ctx, d.epoch != n.epoch
	n.mu.Unlock()
	if forgotten {
		return
	}
	end := func(s DeliveryState, why string) {
		n.mu.Lock()
		defer n.mu.Unlock()
		if d.epoch != n.epoch { // reset while it was on its way
			return
		}
		n.counts[DeliveryQueued]--
		n.settle(d, s, why)
	}
	for try := 0; ; try++ {
		status, err := n.post(ctx, d)
		n.mu.Lock()
		if d.epoch == n.epoch {
			n.attempts++
		}
		d.Attempts, d.LastStatus, d.LastError = d.Attempts+1, status, ""
		if err != nil {
			d.LastError = err.Error()
		}
		n.mu.Unlock()
		switch {
		case err == nil && status/100 == 2:
			n.log.Info("alarm delivered", zap.String("state", string(d.NewState)), zap.Int("attempts", try+1))
			end(DeliveryDelivered, "")
			return
		case err == nil && status != http.StatusTooManyRequests && status/100 != 5:
			n.log.Error("the gateway refused the alarm", zap.String("state", string(d.NewState)), zap.Int("status", status))
			end(DeliveryFailed, fmt.Sprintf("the gateway answered %d, which SNS does not try again", status))
			return
		case try >= len(n.cfg.Retry):
			n.log.Error("alarm given up", zap.String("state", string(d.NewState)), zap.Int("attempts", try+1), zap.Int("status", status), zap.Error(err))
			end(DeliveryFailed, fmt.Sprintf("given up after %d attempts", try+1))
			return
		}
		t := time.NewTimer(n.cfg.Retry[try])
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			end(DeliveryDropped, "the sandbox stopped")
			return
		case <-quit:
			t.Stop()
			end(DeliveryDropped, "the sandbox stopped")
			return
		}
	}
}

func (n *notifier) post(ctx context.Context, d *Delivery) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.url, bytes.NewReader(d.body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "text/plain; charset=UTF-8")
	req.Header.Set("X-Amz-Sns-Message-Type", "Notification")
	req.Header.Set("X-Amz-Sns-Message-Id", d.MessageID)
	req.Header.Set("X-Amz-Sns-Topic-Arn", topicARN)
	req.Header.Set("X-Amz-Sns-Subscription-Arn", topicARN+":"+subscription)
	req.Header.Set("User-Agent", "Amazon Simple Notification Service Agent")
	req.Header.Set(simulatedHeader, "true")
	switch {
	case n.cfg.GatewayToken != "":
		req.Header.Set("Authorization", "Bearer "+n.cfg.GatewayToken)
	case n.user != nil:
		password, _ := n.user.Password()
		req.SetBasicAuth(n.user.Username(), password)
	}
	resp, err := n.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // only the status matters
	return resp.StatusCode, nil
}

// reset forgets all deliveries; what was queued is dropped.
func (n *notifier) reset() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cancel()
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.epoch++
	for {
		select {
		case <-n.queue:
			continue
		default:
		}
		break
	}
	n.kept, n.attempts, n.counts = nil, 0, map[DeliveryState]int{}
}

func (n *notifier) report() Notifications {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := Notifications{Target: n.url, Queued: n.counts[DeliveryQueued], Delivered: n.counts[DeliveryDelivered],
		Failed: n.counts[DeliveryFailed], Dropped: n.counts[DeliveryDropped], Attempts: n.attempts, Latest: []Delivery{}}
	for _, d := range n.kept[max(0, len(n.kept)-20):] {
		out.Latest = append(out.Latest, *d)
	}
	return out
}

const subscription = "5d1c9a52-6b0e-4d0f-9f6e-2f3c0a1f7b11"

// newDelivery writes the notification as SNS carries an alarm of CloudWatch. It
// is signed as SNS signs, with the sandbox's own key: only a gateway that was
// told of the sandbox believes it.
func (n *notifier) newDelivery(t world.Transition) (*Delivery, error) {
	trigger := map[string]any{
		"MetricName": "Latency", "Namespace": "ApplicationSignals", "StatisticType": "ExtendedStatistic", "ExtendedStatistic": p95,
		"Unit": nil, "Dimensions": []map[string]string{{"value": t.Service, "name": "Service"}, {"value": world.Environment, "name": "Environment"}},
		"Period": max(1, int(t.Period/time.Second)), "EvaluationPeriods": t.Periods, "DatapointsToAlarm": t.Periods,
		"ComparisonOperator": "GreaterThanThreshold", "Threshold": t.Threshold, "TreatMissingData": "missing", "EvaluateLowSampleCountPercentile": "",
	}
	if t.Metric == world.MetricCPU { // of a database
		delete(trigger, "ExtendedStatistic")
		trigger["MetricName"], trigger["Namespace"], trigger["StatisticType"], trigger["Statistic"] = "CPUUtilization", "AWS/RDS", "Statistic", "AVERAGE"
		trigger["Dimensions"] = []map[string]string{{"value": t.Service, "name": "DBInstanceIdentifier"}}
	}
	message, err := json.Marshal(map[string]any{
		"AlarmName": t.Name, "AlarmDescription": t.Description, "AWSAccountId": world.Account, "AlarmArn": t.ARN,
		"NewStateValue": t.State, "OldStateValue": t.Old, "NewStateReason": t.Reason, "StateChangeTime": t.Since.Format(alarmTime),
		"Region": "US East (N. Virginia)", "OKActions": []string{topicARN}, "AlarmActions": []string{topicARN}, "InsufficientDataActions": []string{},
		"Trigger": trigger,
	})
	if err != nil {
		return nil, err
	}
	d := &Delivery{MessageID: uuid.NewString(), Alarm: t.Name, NewState: t.State, At: t.Since, State: DeliveryQueued}
	notification := map[string]string{
		"Type": "Notification", "MessageId": d.MessageID, "TopicArn": topicARN,
		"Subject": fmt.Sprintf("%s: %q in US East (N. Virginia)", t.State, t.Name), "Message": string(message),
		"Timestamp": n.cfg.Now().UTC().Format("2006-01-02T15:04:05.000Z"), "UnsubscribeURL": "",
	}
	if n.sns != nil {
		if err := n.sns.identity.Sign(notification); err != nil {
			return nil, err
		}
		notification["SigningCertURL"] = n.sns.certificateURL()
	}
	d.body, err = json.MarshalIndent(notification, "", "  ")
	return d, err
}

const alarmTime = "2006-01-02T15:04:05.000-0700"
