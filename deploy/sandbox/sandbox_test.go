package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"go.uber.org/goleak"

	"vigil/deploy/sandbox"
	"vigil/deploy/sandbox/world"
)

const tick = 5 * time.Second

var genesis = time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hand is a clock that stands still until it is moved.
type hand struct {
	mu  sync.Mutex
	now time.Time
}

func (h *hand) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *hand) ticks(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(time.Duration(n) * tick)
}

type fixture struct {
	*sandbox.Server
	clock *hand
	tb    testing.TB
}

// mustServe starts a sandbox on a free port with a clock that stands still and
// without any latency.
func mustServe(tb testing.TB, change ...func(*sandbox.Config)) *fixture {
	tb.Helper()
	clock := &hand{now: genesis}
	cfg := sandbox.Config{Tick: tick, Seed: 7, Now: clock.Now, ModelLatency: sandbox.Latency{Max: -1}, QueryTime: -1}
	for _, c := range change {
		c(&cfg)
	}
	s, err := sandbox.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	if err := s.Start(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			tb.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return &fixture{s, clock, tb}
}

// config is what an AWS client needs to speak to the sandbox.
func (f *fixture) config() aws.Config {
	transport := &http.Transport{}
	f.tb.Cleanup(transport.CloseIdleConnections)
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(f.URL()), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		HTTPClient:  &http.Client{Transport: transport},
	}
}

// do uses a control path.
func (f *fixture) do(method, path string, body, into any) int {
	f.tb.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		f.tb.Fatal(err)
	}
	req, err := http.NewRequestWithContext(f.tb.Context(), method, f.URL()+path, bytes.NewReader(raw))
	if err != nil {
		f.tb.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		f.tb.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err = io.ReadAll(resp.Body)
	if err != nil {
		f.tb.Fatal(err)
	}
	if into != nil {
		if err := json.Unmarshal(raw, into); err != nil {
			f.tb.Fatalf("%s %s answered %q: %v", method, path, raw, err)
		}
	}
	if resp.Header.Get("X-Vigil-Simulated") != "true" {
		f.tb.Errorf("%s %s is not marked as simulated", method, path)
	}
	return resp.StatusCode
}

func (f *fixture) mustFault(fault world.Fault) {
	f.tb.Helper()
	if status := f.do("POST", "/_world/fault", map[string]any{"fault": fault}, nil); status != http.StatusAccepted {
		f.tb.Fatalf("starting %s answered %d", fault, status)
	}
}

func (f *fixture) mustChaos(rule sandbox.ChaosRule) {
	f.tb.Helper()
	if status := f.do("POST", "/_world/chaos", rule, nil); status != http.StatusOK {
		f.tb.Fatalf("chaos %+v answered %d", rule, status)
	}
}

func (f *fixture) calls(query string) []sandbox.Call {
	f.tb.Helper()
	var out struct{ Calls []sandbox.Call }
	f.do("GET", "/_calls"+query, nil, &out)
	return out.Calls
}

// code is the error code of err, and the HTTP status.
func code(err error) (string, int) {
	var api smithy.APIError
	var response *smithyhttp.ResponseError
	switch {
	case !errors.As(err, &api):
		return fmt.Sprint(err), 0
	case !errors.As(err, &response):
		return api.ErrorCode(), 0
	}
	return api.ErrorCode(), response.HTTPStatusCode()
}

// simulated reads the raw answer's header from an operation's metadata.
func simulated(tb testing.TB, m middleware.Metadata) {
	tb.Helper()
	raw, ok := awsmiddleware.GetRawResponse(m).(*smithyhttp.Response)
	if !ok || raw.Header.Get("X-Vigil-Simulated") != "true" || raw.Header.Get("X-Amzn-Requestid") == "" {
		tb.Error("the answer is not marked as simulated, or has no request id")
	}
}

// receiver is a gateway that takes notifications.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	statuses []int // of the next answers; 200 when there are no more
	got      []*http.Request
	bodies   []string
	arrived  chan struct{}
}

func newReceiver(tb testing.TB, statuses ...int) *receiver {
	r := &receiver{statuses: statuses, arrived: make(chan struct{}, 100)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		if err == nil {
			r.got, r.bodies = append(r.got, req), append(r.bodies, string(body))
		}
		status := http.StatusOK
		if len(r.statuses) > 0 {
			status, r.statuses = r.statuses[0], r.statuses[1:]
		}
		w.WriteHeader(status)
		r.arrived <- struct{}{}
	}))
	tb.Cleanup(r.Close)
	return r
}

func (r *receiver) wait(tb testing.TB, n int) {
	tb.Helper()
	for range n {
		select {
		case <-r.arrived:
		case <-time.After(10 * time.Second):
			tb.Fatal("no notification within 10 seconds")
		}
	}
}

func withQueryTime(d time.Duration) func(*sandbox.Config) {
	return func(c *sandbox.Config) { c.QueryTime = d }
}
