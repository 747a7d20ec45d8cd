// Package telltest holds what the tests of channels share: a server that can
// fail in every way, a message, and Conform, the promises that each channel
// that speaks HTTP keeps.
package telltest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"vigil/activities"
	"vigil/activities/internal/tell"
	"vigil/workflows/incident"
)

// Secret is what the files of tests hold. It is in no error and no record.
const Secret = "canary-secret-5f1d9c2e7a"

// At is when a test's notifications are.
var At = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Message is a notification that has everything.
func Message(kind incident.NotificationKind) tell.Message {
	return tell.Message{
		Notification: incident.Notification{Key: "inc-1/" + string(kind) + "/1", Kind: kind, Channel: "ops", Team: "sre", IncidentID: "inc-1", Title: "Checkout is slow", Service: "checkout",
			Severity: incident.SeverityHigh, Status: incident.StatusInvestigating, Text: "p95 is five times what it was.", Origin: incident.OriginLive, OpenedAt: At.Add(-time.Minute), At: At},
		Title: "Checkout is slow", Text: "p95 is five times what it was.", Link: "https://vigil.example.org/ops/incidents/inc-1",
		To: &tell.Person{Key: "alice", Name: "Alice", SlackID: "U0000001"},
	}
}

// Proposal is one that waits.
func Proposal() *incident.Proposal {
	return &incident.Proposal{ID: "p1", Title: "Roll back checkout", Reason: "The errors began with version 42.", Effect: "version 41 runs again", Risk: incident.RiskMedium,
		ActionHash: "0123456789abcdef0123456789abcdef", Action: incident.Action{Target: "checkout"}, AskedOf: "sre", Need: 1, State: incident.ProposalPending, Deadline: At.Add(15 * time.Minute)}
}

// File writes a file that holds content.
func File(tb testing.TB, content string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

// Request is what a Server was sent.
type Request struct {
	Method, Path string
	Header       http.Header
	Body         []byte
}

// Server records requests and answers them.
type Server struct {
	URL string

	mu       sync.Mutex
	requests []Request
}

// Serve serves until the test ends.
func Serve(tb testing.TB, handle func(w http.ResponseWriter, r Request)) *Server {
	tb.Helper()
	s := &Server{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client has gone
		}
		got := Request{r.Method, r.URL.Path, r.Header.Clone(), body}
		s.mu.Lock()
		s.requests = append(s.requests, got)
		s.mu.Unlock()
		handle(w, got)
	}))
	tb.Cleanup(srv.Close)
	s.URL = srv.URL
	return s
}

// Requests are those that came so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Recorder keeps calls.
type Recorder struct {
	mu    sync.Mutex
	calls []activities.Call
}

// Record implements activities.Recorder.
func (r *Recorder) Record(c activities.Call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, c)
}

// Calls are those that were recorded so far.
func (r *Recorder) Calls() []activities.Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]activities.Call(nil), r.calls...)
}

// Adapter is what Conform needs to know of a channel.
type Adapter struct {
	Service, Operation string
	// New makes a channel of the service at url.
	New func(tb testing.TB, url string, rec activities.Recorder) tell.Channel
	// OK answers as the service does.
	OK      func(w http.ResponseWriter, r Request)
	Message tell.Message
}

// Statuses says what each means, and whether the message may have arrived.
var Statuses = []struct {
	Status int
	Kind   incident.Kind
	Doubt  bool
}{
	{302, incident.KindInvalid, false}, {400, incident.KindInvalid, false}, {401, incident.KindDenied, false}, {403, incident.KindDenied, false},
	{404, incident.KindNotFound, false}, {408, incident.KindUnavailable, true}, {410, incident.KindNotFound, false}, {413, incident.KindInvalid, false},
	{422, incident.KindInvalid, false}, {429, incident.KindThrottled, false}, {500, incident.KindUnavailable, true}, {502, incident.KindUnavailable, true},
	{503, incident.KindUnavailable, true},
}

// Conform runs the promises of package tell against a channel.
func Conform(t *testing.T, a Adapter) {
	t.Run("success", func(t *testing.T) {
		t.Parallel()
		for header, want := range map[string]incident.Origin{"": incident.OriginLive, "true": incident.OriginSimulated} {
			s, rec := Serve(t, func(w http.ResponseWriter, r Request) {
				if header != "" {
					w.Header().Set("X-Vigil-Simulated", header)
				}
				w.Header().Set("X-Request-Id", "r1")
				a.OK(w, r)
			}), &Recorder{}
			got, err := a.New(t, s.URL, rec).Send(t.Context(), a.Message)
			if err != nil || got.State != "" || got.Provenance.Origin != want {
				t.Fatalf("%+v, %v", got, err)
			}
			calls := rec.Calls()
			if len(calls) == 0 {
				t.Fatal("nothing was recorded")
			}
			if p := calls[0].Provenance; calls[0].Failed != "" || p.Service != a.Service || p.Operation != a.Operation || p.Origin != want || p.LatencyMS < 1 || p.RequestID != "r1" {
				t.Errorf("recorded %+v", calls[0])
			}
			a.clean(t, "success", nil, rec)
		}
	})
	t.Run("statuses", func(t *testing.T) {
		t.Parallel()
		for _, c := range Statuses {
			a.fails(t, http.StatusText(c.Status), c.Kind, c.Doubt, func(w http.ResponseWriter, r Request) {
				if c.Status == 302 {
					w.Header().Set("Location", "/elsewhere")
				}
				w.WriteHeader(c.Status)
				// A service that repeats all that it was sent.
				_, _ = io.WriteString(w, Secret+" "+r.Header.Get("Authorization")+" "+string(r.Body))
			})
		}
	})
	t.Run("no answer", func(t *testing.T) {
		t.Parallel()
		a.fails(t, "broken connection", incident.KindUnavailable, true, func(http.ResponseWriter, Request) { panic(http.ErrAbortHandler) })
		a.fails(t, "half an answer", incident.KindUnavailable, true, func(w http.ResponseWriter, _ Request) {
			w.Header().Set("Content-Length", "1000")
			w.WriteHeader(200)
			_, _ = io.WriteString(w, `{"ok":`)
			panic(http.ErrAbortHandler)
		})
		rec := &Recorder{}
		_, err := a.New(t, "http://127.0.0.1:1", rec).Send(t.Context(), a.Message)
		if incident.KindOf(err) != incident.KindUnavailable || err == nil || tell.Doubtful(err) {
			t.Errorf("nobody listens: %v, doubtful %t; want unavailable and certain", err, tell.Doubtful(err))
		}
		a.clean(t, "nobody listens", err, rec)
	})
	t.Run("retry after", func(t *testing.T) {
		t.Parallel()
		for value, want := range map[string]time.Duration{"30": 30 * time.Second, "86400": 10 * time.Minute, "soon": 0, "": 0, time.Now().Add(time.Minute).UTC().Format(http.TimeFormat): time.Minute} {
			s := Serve(t, func(w http.ResponseWriter, _ Request) {
				w.Header().Set("Retry-After", value)
				w.WriteHeader(429)
			})
			_, err := a.New(t, s.URL, nil).Send(t.Context(), a.Message)
			var later *activities.NotBeforeError
			if errors.As(err, &later) != (want > 0) || incident.KindOf(err) != incident.KindThrottled {
				t.Errorf("Retry-After %q: %v", value, err)
			} else if want > 0 && (time.Until(later.At) > want || time.Until(later.At) < want-5*time.Second) {
				t.Errorf("Retry-After %q: not before %s", value, time.Until(later.At))
			}
		}
	})
	t.Run("given up", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		release := make(chan struct{})
		s, rec := Serve(t, func(http.ResponseWriter, Request) { cancel(); <-release }), &Recorder{}
		defer close(release)
		_, err := a.New(t, s.URL, rec).Send(ctx, a.Message)
		if !errors.Is(err, context.Canceled) || incident.KindOf(err) != incident.KindUnavailable || !tell.Doubtful(err) {
			t.Errorf("%v, doubtful %t", err, tell.Doubtful(err))
		}
		if c := rec.Calls(); len(c) != 1 || !c[0].Cancelled {
			t.Errorf("recorded %+v", c)
		}
	})
}

func (a Adapter) fails(t *testing.T, name string, want incident.Kind, doubt bool, answer func(http.ResponseWriter, Request)) {
	t.Helper()
	s, rec := Serve(t, answer), &Recorder{}
	_, err := a.New(t, s.URL, rec).Send(t.Context(), a.Message)
	if err == nil || incident.KindOf(err) != want || tell.Doubtful(err) != doubt {
		t.Errorf("%s: %v, doubtful %t; want %s, doubtful %t", name, err, tell.Doubtful(err), want, doubt)
	}
	if n := len(s.Requests()); n != 1 {
		t.Errorf("%s: %d requests, want exactly 1", name, n)
	}
	if c := rec.Calls(); len(c) != 1 || c[0].Failed != want || c[0].Error == "" {
		t.Errorf("%s: recorded %+v", name, c)
	}
	a.clean(t, name, err, rec)
}

// clean fails the test where a secret or an address is anywhere.
func (a Adapter) clean(t *testing.T, name string, err error, rec *Recorder) {
	t.Helper()
	texts := []string{}
	for e := err; e != nil; e = errors.Unwrap(e) {
		texts = append(texts, e.Error())
	}
	for _, c := range rec.Calls() {
		texts = append(texts, c.Error, c.Provenance.RequestID, c.Provenance.Operation)
	}
	for _, s := range texts {
		if strings.Contains(s, Secret) || strings.Contains(s, "127.0.0.1") && !strings.Contains(s, "dial tcp") || strings.Contains(s, "http://") {
			t.Errorf("%s: a secret or an address is in %q", name, s)
		}
	}
}
