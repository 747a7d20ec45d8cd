package pull_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"vigil/activities/sqs"
	"vigil/worker/pull"
)

// The tests of this package run on a clock that moves only when everybody
// waits, with a queue and a gateway in memory. Those in deploy/e2e run on SQS's
// wire protocol.

// stored is a message in the queue.
type stored struct {
	sqs.Message
	visible time.Time
	dead    bool
}

// queue is an SQS queue in memory.
type queue struct {
	mu          sync.Mutex
	name        string
	messages    []*stored
	maxReceives int
	hides       int
	fail        func(operation string, m sqs.Message) error // of one message; nil: nothing fails
	refuse      func(operation string) error                // of a whole call
}

func newQueue(name string, bodies ...string) *queue {
	q := &queue{name: name, maxReceives: 1_000_000}
	for i, b := range bodies {
		group, _, _ := strings.Cut(b, ":")
		q.messages = append(q.messages, &stored{Message: sqs.Message{ID: fmt.Sprint("m", i), Body: b, Group: group, SentAt: time.Now()}})
	}
	return q
}

func (q *queue) Name() string { return q.name }

func (q *queue) whole(operation string) error {
	if q.refuse == nil {
		return nil
	}
	return q.refuse(operation)
}

func (q *queue) Receive(ctx context.Context, n int, wait, hide time.Duration) ([]sqs.Message, error) {
	for end := time.Now().Add(wait); ; {
		q.mu.Lock()
		err := q.whole("receive")
		var out []sqs.Message
		locked := map[string]bool{}
		for _, m := range q.messages {
			fifo := strings.HasSuffix(q.name, ".fifo")
			if m.dead || len(out) == n || time.Now().Before(m.visible) || err != nil || fifo && locked[m.Group] {
				locked[m.Group] = locked[m.Group] || !m.dead
				continue
			}
			if m.Receives >= q.maxReceives {
				m.dead = true
				continue
			}
			m.Receives++
			m.Receipt = fmt.Sprint(m.ID, "/", m.Receives)
			m.visible = time.Now().Add(hide)
			out = append(out, m.Message)
		}
		q.mu.Unlock()
		if err != nil || len(out) > 0 || !time.Now().Before(end) {
			return out, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

func (q *queue) each(operation string, ms []sqs.Message, do func(*stored)) ([]sqs.Refused, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.whole(operation); err != nil {
		return nil, err
	}
	var out []sqs.Refused
	for _, m := range ms {
		err := errors.New("it is not there")
		for i, s := range q.messages {
			if s.Receipt != m.Receipt || s.dead || !time.Now().Before(s.visible) {
				continue
			}
			if err = nil; q.fail != nil {
				err = q.fail(operation, m)
			}
			if err == nil {
				do(q.messages[i])
			} else {
				out = append(out, sqs.Refused{Message: m, Err: err})
			}
			break
		}
		if err != nil && (len(out) == 0 || out[len(out)-1].Message != m) {
			out = append(out, sqs.Refused{Message: m, Gone: true, Err: err})
		}
	}
	return out, nil
}

func (q *queue) Delete(_ context.Context, ms []sqs.Message) ([]sqs.Refused, error) {
	return q.each("delete", ms, func(s *stored) { s.dead, s.Receipt = true, "deleted" })
}

func (q *queue) Hide(_ context.Context, ms []sqs.Message, d time.Duration) ([]sqs.Refused, error) {
	return q.each("hide", ms, func(s *stored) { q.hides++; s.visible = time.Now().Add(d) })
}

// left is how many messages are neither deleted nor dead, and in the
// dead-letter queue.
func (q *queue) left() (live, dead int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, m := range q.messages {
		switch {
		case !m.dead:
			live++
		case m.Receipt != "deleted":
			dead++
		}
	}
	return live, dead
}

// receives is how often a message was received.
func (q *queue) receives(i int) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.messages[i].Receives
}

// server is a gateway in memory.
type server struct {
	mu    sync.Mutex
	ready func() (int, error)
	post  func(body string, r *http.Request) (int, string, error)
	posts []string
	took  []string
}

const accepted = `{"delivery_id":7}`

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	status, answer := http.StatusOK, `{"status":"ready"}`
	var err error
	if r.Method == http.MethodGet {
		if s.ready != nil {
			status, err = s.ready()
		}
	} else {
		raw, _ := io.ReadAll(r.Body)
		s.posts = append(s.posts, string(raw))
		status, answer = http.StatusAccepted, accepted
		if s.post != nil {
			status, answer, err = s.post(string(raw), r)
		}
		if err == nil && status/100 == 2 && answer == accepted {
			s.took = append(s.took, string(raw))
		}
	}
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(answer))}, nil
}

func (s *server) taken() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.took, " ")
}

func (s *server) posted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.posts)
}

// bubble runs a Puller over q and s on a clock of its own.
func bubble(t *testing.T, c pull.Config, make func() (*queue, *server), then func(q *queue, s *server, reg *prometheus.Registry, stop func())) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		q, s := make()
		c.Gateway, c.Transport = "http://gateway.example", s
		reg := prometheus.NewRegistry()
		p, err := pull.New(c, []pull.Queue{q}, reg, zap.NewNop())
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		stop := sync.OnceFunc(func() {
			if err := p.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		})
		defer stop()
		then(q, s, reg, stop)
	})
}

// later lets time pass, which costs none.
func later(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// value is a metric, by name and the value of a label; histograms give their count.
func value(t *testing.T, reg *prometheus.Registry, name, label string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			found := label == ""
			for _, l := range m.GetLabel() {
				found = found || l.GetValue() == label
			}
			if found {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum
}
