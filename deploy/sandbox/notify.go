package sandbox

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// The services by which Vigil tells people, as the sandbox speaks them:
//
//	POST /_slack/api/{method}         Slack's Web API: chat.postMessage, chat.update, conversations.history, conversations.replies, auth.test
//	POST /_slack/click                clicks a button of a message, as a person would; see Click
//	POST /_slack/respond/{n}          the response_url of a click
//	POST /_pagerduty/v2/enqueue       PagerDuty's Events API, version 2
//	POST /_webhooks/{name}            a receiver of signed webhooks; PUT gives it secrets
//	GET  /_told                       everything that any of them was told, newest last, with what was made of it; ?channel= narrows it
//
// SNS is spoken on the wire of AWS, see notify_sns.go. Chaos works on all of
// them, by service (slack, pagerduty, webhook, sns) and operation: throttled
// is a 429 with Retry-After, do_then_time_out and stream_cut take effect and
// lose the answer.

// Told is one thing that one of them was told.
type Told struct {
	N         int             `json:"n"`
	At        time.Time       `json:"at"`
	Channel   string          `json:"channel"` // slack, pagerduty, sns, or webhook and its name
	Operation string          `json:"operation"`
	Status    int             `json:"status"`           // that was answered; 0: no answer
	Done      bool            `json:"done"`             // it took effect
	Repeated  bool            `json:"repeated"`         // it had been told before, by the key that it carries
	Signed    string          `json:"signed,omitempty"` // of a webhook: good, or what is wrong with its signature
	Problem   string          `json:"problem,omitempty"`
	Chaos     ChaosMode       `json:"chaos,omitempty"`
	Key       string          `json:"key,omitempty"`
	Body      json.RawMessage `json:"body,omitempty"`
}

const (
	maxTold     = 5000
	maxToldBody = 1 << 20
	retryAfter  = 1 // seconds that a 429 asks for
)

// told is the state of all of them.
type told struct {
	mu       sync.Mutex
	n        int
	list     []Told
	dropped  int
	messages []*slackMessage
	alerts   map[string]*pagerAlert
	secrets  map[string][]string  // of webhooks
	keys     map[string]bool      // of webhooks and topics, that were heard
	fifo     map[string]time.Time // of FIFO topics: when each was heard that was not dropped
	said     []string             // to people who clicked
}

func newTold(secrets map[string][]string) *told {
	t := &told{secrets: maps.Clone(secrets)}
	t.reset()
	return t
}

func (t *told) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n, t.list, t.dropped, t.messages, t.said = 0, nil, 0, nil, nil
	t.alerts, t.keys, t.fifo = map[string]*pagerAlert{}, map[string]bool{}, map[string]time.Time{}
	if t.secrets == nil {
		t.secrets = map[string][]string{}
	}
}

// note keeps a record. The caller holds the lock.
func (t *told) note(r Told) {
	t.n++
	r.N = t.n
	if t.list = append(t.list, r); len(t.list) > maxTold {
		t.list = t.list[1:]
		t.dropped++
	}
}

// hears reports whether a key was heard before, and remembers it. The caller
// holds the lock.
func (t *told) hears(key string) (before bool) {
	before = t.keys[key]
	t.keys[key] = true
	return before
}

// tellOperations are what chaos knows of those that are not on the wire of AWS.
var tellOperations = []string{"chat.postMessage", "chat.update", "conversations.history", "conversations.replies", "auth.test", "response_url", "enqueue", "notify"}

// tellRoutes adds the paths of everything that people are told by.
func (s *Server) tellRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /_slack/api/{method}", s.slackAPI)
	mux.HandleFunc("POST /_slack/click", s.slackClick)
	mux.HandleFunc("POST /_slack/respond/{n}", s.slackRespond)
	mux.HandleFunc("POST /_pagerduty/v2/enqueue", s.pagerEnqueue)
	mux.HandleFunc("POST /_webhooks/{name}", s.webhookReceive)
	mux.HandleFunc("PUT /_webhooks/{name}", s.webhookSetUp)
	mux.HandleFunc("GET /_told", s.showTold)
}

func (s *Server) showTold(w http.ResponseWriter, r *http.Request) {
	channel := r.URL.Query().Get("channel")
	s.told.mu.Lock()
	out := []Told{}
	for _, one := range s.told.list {
		if channel == "" || one.Channel == channel {
			out = append(out, one)
		}
	}
	answer := map[string]any{"told": out, "dropped": s.told.dropped, "said": append([]string{}, s.told.said...)}
	s.told.mu.Unlock()
	writeJSON(w, http.StatusOK, answer)
}

// reply is what a service answers with.
type reply struct {
	status int
	header http.Header
	body   any
}

// hear runs one call: chaos first, then do, which fills in the record and
// answers. do holds the lock; it is not run where nothing is to be done.
func (s *Server) hear(w http.ResponseWriter, r *http.Request, service, channel, operation string, refuse func(status int, mode ChaosMode) reply, do func(body []byte, record *Told) reply) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxToldBody))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		writeJSON(w, http.StatusRequestEntityTooLarge, map[string]string{"error": "too large"})
		return
	} else if err != nil {
		panic(http.ErrAbortHandler) // the client has gone
	}
	st := s.chaos.take(target{service: service, operation: operation})
	record := Told{At: s.cfg.Now().UTC(), Channel: channel, Operation: operation, Chaos: st.mode}
	switch {
	case service == "pagerduty": // its key is as good as a password, and must not be shown
		record.Body = hidden(body, "routing_key")
	case json.Valid(body):
		record.Body = body
	}
	finish := func(answer reply) {
		record.Status = answer.status
		s.told.mu.Lock()
		s.told.note(record)
		s.told.mu.Unlock()
	}
	statuses := map[ChaosMode]int{ChaosThrottle: 429, ChaosQuota: 429, ChaosUnavailable: 503, ChaosFailing: 500, ChaosError: 500, ChaosAccessDenied: 403, ChaosNotFound: 404}
	if status, refused := statuses[st.mode]; refused {
		answer := refuse(status, st.mode)
		if answer.status == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
		}
		finish(answer)
		writeReply(w, answer)
		return
	}
	switch st.mode {
	case ChaosHang:
		finish(reply{})
		s.hold(r.Context(), st)
		panic(http.ErrAbortHandler)
	case ChaosSlow:
		if s.pause(r.Context(), time.Duration(st.ms)*time.Millisecond) != nil {
			panic(http.ErrAbortHandler)
		}
	}
	s.told.mu.Lock()
	answer := do(body, &record)
	s.told.mu.Unlock()
	switch st.mode {
	case ChaosDoThenTimeout:
		finish(reply{})
		s.hold(r.Context(), st)
		panic(http.ErrAbortHandler)
	case ChaosMalformed, ChaosStreamCut:
		finish(reply{})
		raw, err := json.Marshal(answer.body)
		if err != nil {
			panic(err) // bodies are maps of strings and numbers
		}
		if st.mode == ChaosStreamCut {
			w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(answer.status)
		_, _ = w.Write(raw[:len(raw)/2]) // half of it is what this is about
		if st.mode == ChaosStreamCut {
			panic(http.ErrAbortHandler)
		}
		return
	}
	finish(answer)
	writeReply(w, answer)
}

func writeReply(w http.ResponseWriter, a reply) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	writeJSON(w, a.status, a.body)
}
