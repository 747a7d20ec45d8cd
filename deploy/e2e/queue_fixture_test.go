package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"vigil/activities/awsconfig"
	"vigil/activities/sqs"
	"vigil/deploy/sandbox"
	"vigil/deploy/sandbox/world"
	"vigil/worker/pull"
)

// The way of an alert from a queue to a gateway: the puller and its SQS client
// against the sandbox's SQS, whose clock is moved by hand, and an HTTP server.

const inboxToken = "vigil_canary"

// inbox stands for the gateway: it answers as the gateway does.
type inbox struct {
	t       *testing.T
	address string
	server  *http.Server

	mu        sync.Mutex
	answer    func(body string) int // status; nil: 202
	got       []string              // what was answered with 202
	simulated int
}

func newInbox(t *testing.T) *inbox {
	i := &inbox{t: t, address: "127.0.0.1:0"}
	i.up()
	t.Cleanup(i.down)
	return i
}

// up begins to listen, where it listened before.
func (i *inbox) up() {
	i.t.Helper()
	l, err := net.Listen("tcp", i.address)
	if err != nil {
		i.t.Fatal(err)
	}
	i.address = l.Addr().String()
	i.server = &http.Server{Handler: i}
	go func(s *http.Server) { _ = s.Serve(l) }(i.server) // ends with Close
}

// down cuts all connections.
func (i *inbox) down() { _ = i.server.Close() }

func (i *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && r.URL.Path == "/readyz" {
		fmt.Fprint(w, `{"status":"ready"}`)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	i.mu.Lock()
	answer := i.answer
	i.mu.Unlock()
	status := http.StatusAccepted
	switch {
	case r.Method != http.MethodPost || r.URL.Path != "/api/v1/alerts/sqs":
		status = http.StatusNotFound
	case r.Header.Get("Authorization") != "Bearer "+inboxToken:
		status = http.StatusUnauthorized
	case answer != nil:
		status = answer(string(body))
	}
	if status == http.StatusAccepted {
		i.mu.Lock()
		i.got = append(i.got, string(body))
		if r.Header.Get("X-Vigil-Simulated") == "true" {
			i.simulated++
		}
		n := len(i.got)
		i.mu.Unlock()
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"delivery_id":%d}`, n)
		return
	}
	w.WriteHeader(status)
}

func (i *inbox) taken() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.got)
}

// mailroom is a sandbox with a queue and an inbox.
type mailroom struct {
	*smallWorld
	inbox *inbox
	api   *awssqs.Client
	url   string
}

const (
	queueName = sandbox.AlarmQueue
	deadName  = sandbox.AlarmDeadLetterQueue
	lease     = 2 * time.Second
)

func mustPost(t *testing.T, maxReceives int, events bool) *mailroom {
	t.Helper()
	w := &smallWorld{t: t, now: time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)}
	var err error
	if w.sandbox, err = sandbox.New(sandbox.Config{Tick: worldTick, Seed: 7, Now: w.clock, AlarmEvents: events,
		Queues: []sandbox.Queue{{Name: queueName, DeadLetter: deadName, MaxReceives: maxReceives}, {Name: deadName}}}); err != nil {
		t.Fatal(err)
	}
	if err := w.sandbox.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.sandbox.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	w.cfg, err = awsconfig.Load(t.Context(), awsconfig.Options{Region: world.Region, Endpoint: w.sandbox.URL(), AccessKeyID: "sandbox", SecretAccessKey: "sandbox"})
	if err != nil {
		t.Fatal(err)
	}
	return &mailroom{smallWorld: w, inbox: newInbox(t), api: awssqs.NewFromConfig(w.cfg), url: w.sandbox.QueueURL(queueName)}
}

func (p *mailroom) send(n int) []string {
	p.t.Helper()
	var bodies []string
	for i := range n {
		bodies = append(bodies, fmt.Sprintf(`{"detail-type":"CloudWatch Alarm State Change","n":%d,"reason":"ü \"%s\""}`, i, strings.Repeat("x", i)))
		if _, err := p.api.SendMessage(p.t.Context(), &awssqs.SendMessageInput{QueueUrl: &p.url, MessageBody: &bodies[i]}); err != nil {
			p.t.Fatal(err)
		}
	}
	return bodies
}

// pull starts a worker's puller. What it returns kills it: nothing is finished,
// nothing given back.
func (p *mailroom) pull(change ...func(*pull.Config)) (running *pull.Puller, kill func()) {
	p.t.Helper()
	q, err := sqs.New(p.cfg, p.url, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	token := filepath.Join(p.t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(inboxToken+"\n"), 0o600); err != nil {
		p.t.Fatal(err)
	}
	c := pull.Config{Gateway: "http://" + p.inbox.address, TokenFile: token, Lease: lease, Later: -1, Wait: time.Second}
	for _, f := range change {
		f(&c)
	}
	running, err = pull.New(c, []pull.Queue{q}, prometheus.NewRegistry(), zap.NewNop())
	if err != nil {
		p.t.Fatal(err)
	}
	if err := running.Start(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		gone, cancel := context.WithCancel(context.Background())
		cancel()
		if err := running.Stop(gone); err != nil {
			p.t.Error(err)
		}
	})
	p.t.Cleanup(kill)
	return running, kill
}

// ask reads from the sandbox's control paths.
func (p *mailroom) ask(path string, into any) {
	p.t.Helper()
	resp, err := http.Get(p.sandbox.URL() + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		p.t.Fatal(err)
	}
}

func (p *mailroom) calls(operation string) []sandbox.Call {
	p.t.Helper()
	var out struct{ Calls []sandbox.Call }
	p.ask("/_calls?operation="+operation, &out)
	return out.Calls
}

func (p *mailroom) queue(name string) sandbox.QueueView {
	p.t.Helper()
	var out struct{ Queues []sandbox.QueueView }
	p.ask("/_queues", &out)
	for _, q := range out.Queues {
		if q.Name == name {
			return q
		}
	}
	p.t.Fatalf("there is no queue %s", name)
	return sandbox.QueueView{}
}

func (p *mailroom) chaos(rule sandbox.ChaosRule) {
	p.t.Helper()
	raw, err := json.Marshal(rule)
	if err != nil {
		p.t.Fatal(err)
	}
	resp, err := http.Post(p.sandbox.URL()+"/_world/chaos", "application/json", bytes.NewReader(raw))
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		p.t.Fatalf("chaos: %d", resp.StatusCode)
	}
}

// until waits for something to be true.
func (p *mailroom) until(what string, is func() bool) {
	p.t.Helper()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(time.Minute); !is(); <-look.C {
		if time.Now().After(end) {
			p.t.Fatalf("not within a minute: %s; taken %d, %+v", what, len(p.inbox.taken()), p.queue(queueName))
		}
	}
}

// settled waits until the queue is empty and n messages are in the dead-letter
// queue.
func (p *mailroom) settled(n int) {
	p.t.Helper()
	p.until("the queue is empty", func() bool { return len(p.queue(queueName).Messages) == 0 })
	if dead := p.queue(deadName).Messages; len(dead) != n {
		p.t.Errorf("%d messages in the dead-letter queue, want %d: %+v", len(dead), n, dead)
	}
}

// once checks that each body was taken exactly as it was sent, and once.
func (p *mailroom) once(sent []string) {
	p.t.Helper()
	got := p.inbox.taken()
	slices.Sort(got)
	want := slices.Sorted(slices.Values(sent))
	if !slices.Equal(got, want) {
		p.t.Errorf("taken\n%q\nsent\n%q", got, want)
	}
}
