package sandbox

import (
	"sync"
	"time"
)

// Outcome says how a call ended.
type Outcome string

const (
	OutcomeRunning Outcome = "running" // no answer yet
	OutcomeOK      Outcome = "ok"
	OutcomeError   Outcome = "error" // answered with an error
	OutcomeGone    Outcome = "gone"  // the client left, or chaos cut the connection, before an answer
)

// Call is one AWS call as the sandbox saw it.
type Call struct {
	N          int64          `json:"n"` // from 1, in order of arrival
	Service    string         `json:"service"`
	Operation  string         `json:"operation"`
	RequestID  string         `json:"request_id"`
	StartedAt  time.Time      `json:"started_at"`
	FinishedAt *time.Time     `json:"finished_at,omitempty"`
	Outcome    Outcome        `json:"outcome"`
	Status     int            `json:"status,omitempty"`
	Error      string         `json:"error,omitempty"` // error code
	Message    string         `json:"message,omitempty"`
	Chaos      ChaosMode      `json:"chaos,omitempty"`    // what was done to it on purpose
	Model      string         `json:"model,omitempty"`    // that was asked
	Incident   string         `json:"incident,omitempty"` // that the request says it belongs to
	BodySHA256 string         `json:"body_sha256"`
	BodyBytes  int            `json:"body_bytes"`
	Facts      map[string]any `json:"facts,omitempty"` // what matters of this operation: model, client_token, document, …
}

const maxCalls = 100_000 // that are kept at least

// callLog keeps calls in order of arrival.
type callLog struct {
	mu      sync.Mutex
	calls   []*Call // the latest, oldest first
	n       int64
	dropped int64
}

func newCallLog() *callLog { return &callLog{} }

func (l *callLog) begin(c Call) *Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n++
	c.N, c.Outcome, c.Facts = l.n, OutcomeRunning, map[string]any{}
	l.calls = append(l.calls, &c)
	if len(l.calls) > maxCalls+maxCalls/10 { // not one by one: dropping copies all that is kept
		l.dropped += int64(len(l.calls) - maxCalls)
		l.calls = append([]*Call(nil), l.calls[len(l.calls)-maxCalls:]...)
	}
	return &c
}

// update changes a call under the lock that readers take.
func (l *callLog) update(c *Call, change func(*Call)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(c)
}

// list returns copies of the calls for which keep holds.
func (l *callLog) list(keep func(*Call) bool) (calls []Call, dropped int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	calls = []Call{}
	for _, c := range l.calls {
		if !keep(c) {
			continue
		}
		out := *c
		out.Facts = make(map[string]any, len(c.Facts))
		for k, v := range c.Facts {
			out.Facts[k] = v
		}
		calls = append(calls, out)
	}
	return calls, l.dropped
}

func (l *callLog) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls, l.n, l.dropped = nil, 0, 0
}
