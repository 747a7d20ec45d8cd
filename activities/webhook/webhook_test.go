package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"vigil/activities"
	"vigil/activities/internal/awstest"
	"vigil/activities/webhook"
	"vigil/workflows/incident"
)

// Canaries: what no error, record or detail may hold.
const (
	secretCanary = "secret-canary-3f9d1c77"
	headerCanary = "header-canary-77c1d9f3"
	pathCanary   = "path-canary-91ab"
)

var drain = incident.Effect{IncidentID: "demo-1", ActionHash: "9f86d081", Step: 1, Type: incident.ActionDrainTraffic, Executor: "webhook", Document: "drain", Target: "checkout",
	Arguments: map[string]string{"Percent": "50"}}

// receiver is a hook that checks signatures before it answers.
type receiver struct {
	answer func(w http.ResponseWriter, r *http.Request, body []byte)

	mu       sync.Mutex
	requests []seen
	forged   []error
}

type seen struct {
	method, uri string
	header      http.Header
	body        []byte
}

func (s *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	err = webhook.Verify(r, body, time.Now(), []byte(secretCanary))
	s.mu.Lock()
	s.requests = append(s.requests, seen{r.Method, r.RequestURI, r.Header.Clone(), body})
	if err != nil {
		s.forged = append(s.forged, err)
	}
	s.mu.Unlock()
	s.answer(w, r, body)
}

func (s *receiver) all() []seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]seen(nil), s.requests...)
}

func says(status int, body string) func(http.ResponseWriter, *http.Request, []byte) {
	return func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

type fixture struct {
	*receiver
	x    *webhook.Executor
	rec  *awstest.Recorder
	hook webhook.Hook
}

// serve starts a hook; askable ones have a status_url and a state_url.
func serve(t *testing.T, askable bool, answer func(http.ResponseWriter, *http.Request, []byte)) *fixture {
	t.Helper()
	f := &fixture{receiver: &receiver{answer: answer}, rec: &awstest.Recorder{}}
	srv := httptest.NewServer(f.receiver)
	t.Cleanup(srv.Close)
	f.hook = hookAt(t, srv.URL, askable)
	f.x = mustExecutor(t, f.hook, f.rec)
	t.Cleanup(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if len(f.forged) > 0 {
			t.Errorf("signatures that do not verify: %v", f.forged)
		}
	})
	return f
}

func hookAt(t *testing.T, url string, askable bool) webhook.Hook {
	t.Helper()
	dir := t.TempDir()
	h := webhook.Hook{Name: "drain", URL: url + "/" + pathCanary, SecretFile: filepath.Join(dir, "secret"), Timeout: 5 * time.Second,
		HeaderFiles: map[string]string{"Authorization": filepath.Join(dir, "header")}}
	if askable {
		h.StatusURL, h.StateURL = url+"/status?team=shop", url+"/state"
	}
	write(t, h.SecretFile, secretCanary+"\n")
	write(t, h.HeaderFiles["Authorization"], "Bearer "+headerCanary+"\n")
	return h
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func mustExecutor(t *testing.T, h webhook.Hook, rec activities.Recorder) *webhook.Executor {
	t.Helper()
	x, err := webhook.New([]webhook.Hook{h}, rec)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestStart(t *testing.T) {
	t.Parallel()
	f := serve(t, true, says(202, `{"id":"job-7"}`))
	call, err := f.x.Call(drain)
	if err != nil || call.Service != "webhook" || !strings.HasPrefix(call.Operation, "POST drain at 127.0.0.1") || strings.Contains(call.Operation, pathCanary) || len(f.all()) != 0 {
		t.Fatalf("%+v, %v", call, err)
	}
	id, p, err := f.x.Start(t.Context(), drain)
	if err != nil || id != "job-7" || p.Service != "webhook" || p.Operation != "drain" || p.Origin != incident.OriginLive || p.LatencyMS < 1 {
		t.Fatalf("%q, %+v, %v", id, p, err)
	}
	got := f.all()[0]
	want := `{"incident_id":"demo-1","action_hash":"9f86d081","step":1,"undo":false,"document":"drain","target":"checkout","arguments":{"Percent":"50"},"token":"` + drain.Token() + `"}`
	if got.method != "POST" || string(got.body) != want || string(call.Request) != want {
		t.Errorf("sent %s %s\nrehearsed %s\nwant %s", got.method, got.body, call.Request, want)
	}
	if h := got.header; h.Get("Idempotency-Key") != drain.Token() || h.Get("Authorization") != "Bearer "+headerCanary || h.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", h)
	}
}

// TestAnswers: what each answer means.
func TestAnswers(t *testing.T) {
	t.Parallel()
	known := fmt.Sprintf(`{"token":%q,"id":"job-7"}`, drain.Token())
	for _, c := range []struct {
		name    string
		askable bool
		answer  func(http.ResponseWriter, *http.Request, []byte)
		id      string
		kind    incident.Kind
	}{
		{"done", false, says(200, ``), "succeeded", ""},
		{"done, with words", false, says(200, `{"id":"7","detail":"half of it"}`), "succeeded: half of it", ""},
		{"it failed", false, says(200, `{"state":"failed","detail":"queue is busy"}`), "failed: queue is busy", ""},
		{"taken", false, says(202, ``), "running", ""},
		{"taken, and can be asked", true, says(202, ``), drain.Token(), ""},
		{"a state nobody knows", false, says(200, `{"state":"pondering"}`), "unknown", ""},
		{"not JSON", true, says(201, `OK`), drain.Token(), ""},
		{"too long, and done", true, says(200, `{"id":"`+strings.Repeat("x", 70<<10)+`"}`), drain.Token(), ""},
		{"known", true, says(409, known), "job-7", ""},
		{"known, and cannot be asked", false, says(409, known), "running", ""},
		{"known by another token", true, says(409, `{"token":"another"}`), "", incident.KindConflict},
		{"conflict", true, says(409, ``), "", incident.KindConflict},
		{"bad request", true, says(400, `no`), "", incident.KindInvalid},
		{"unauthorised", true, says(401, `no`), "", incident.KindDenied},
		{"forbidden", true, says(403, `no`), "", incident.KindDenied},
		{"not there", true, says(404, `no`), "", incident.KindNotFound},
		{"gone", true, says(410, `no`), "", incident.KindNotFound},
		{"unprocessable", true, says(422, `no`), "", incident.KindInvalid},
		{"too slow", true, says(408, ``), "", incident.KindUnavailable},
		{"too early", true, says(425, ``), "", incident.KindUnavailable},
		{"throttled", true, says(429, ``), "", incident.KindThrottled},
		{"broken", true, says(500, `<html>`), "", incident.KindUnavailable},
		{"away", true, says(503, ``), "", incident.KindUnavailable},
		{"cut", true, func(http.ResponseWriter, *http.Request, []byte) { panic(http.ErrAbortHandler) }, "", incident.KindUnavailable},
		{"a redirect", true, func(w http.ResponseWriter, r *http.Request, _ []byte) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, "", incident.KindInternal},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, c.askable, c.answer)
			id, _, err := f.x.Start(t.Context(), drain)
			if id != c.id || (err == nil) != (c.kind == "") || (err != nil && incident.KindOf(err) != c.kind) {
				t.Errorf("%q, %v; want %q %s", id, err, c.id, c.kind)
			}
			if n := len(f.all()); n != 1 {
				t.Errorf("%d requests; each is sent once", n)
			}
			if calls := f.rec.Calls(); len(calls) != 1 || calls[0].Failed != c.kind {
				t.Errorf("recorded %+v", calls)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{"30": 30 * time.Second, time.Now().Add(time.Minute).UTC().Format(http.TimeFormat): time.Minute, "99999999": 10 * time.Minute} {
		f := serve(t, true, func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			w.Header().Set("Retry-After", header)
			w.WriteHeader(429)
		})
		_, _, err := f.x.Start(t.Context(), drain)
		var later *activities.NotBeforeError
		if !errors.As(err, &later) || incident.KindOf(err) != incident.KindThrottled || (time.Until(later.At)-want).Abs() > 5*time.Second {
			t.Errorf("%s: %v, %+v", header, err, later)
		}
	}
	f := serve(t, true, func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("Retry-After", "soon")
		w.WriteHeader(429)
	})
	var later *activities.NotBeforeError
	if _, _, err := f.x.Start(t.Context(), drain); errors.As(err, &later) || incident.KindOf(err) != incident.KindThrottled {
		t.Errorf("%v", err)
	}
}

// TestNothingSent: without a connection nothing has happened; that is no doubt.
func TestNothingSent(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	x := mustExecutor(t, hookAt(t, "http://"+address, false), nil)
	if _, _, err := x.Start(t.Context(), drain); incident.KindOf(err) != incident.KindConflict || !strings.Contains(err.Error(), "nothing was sent") || strings.Contains(err.Error(), pathCanary) {
		t.Errorf("%v", err)
	}
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	if _, _, err := mustExecutor(t, hookAt(t, secure.URL, false), nil).Start(t.Context(), drain); incident.KindOf(err) != incident.KindConflict {
		t.Errorf("a certificate that nobody trusts: %v, want a refusal", err)
	}
}

// TestOneConnectionEach: a request is not sent again when a connection that
// served one before turns out to be broken.
func TestOneConnectionEach(t *testing.T) {
	t.Parallel()
	var connections sync.Map
	f := serve(t, true, func(w http.ResponseWriter, r *http.Request, _ []byte) {
		if _, again := connections.LoadOrStore(r.RemoteAddr, true); again {
			t.Error("a connection was used again")
		}
		w.WriteHeader(200)
	})
	for range 3 {
		if _, _, err := f.x.Start(t.Context(), drain); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCancelledAndSlow(t *testing.T) {
	t.Parallel()
	asked, release := make(chan struct{}, 2), make(chan struct{})
	f := serve(t, true, func(http.ResponseWriter, *http.Request, []byte) { asked <- struct{}{}; <-release })
	t.Cleanup(func() { close(release) })
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if _, _, err := f.x.Start(ctx, drain); !errors.Is(err, context.Canceled) || incident.KindOf(err) != incident.KindUnavailable {
		t.Errorf("%v, want in doubt", err)
	}
	if calls := f.rec.Calls(); len(calls) != 1 || !calls[0].Cancelled {
		t.Errorf("recorded %+v", calls)
	}
	slow := f.hook
	slow.Timeout = 50 * time.Millisecond
	if _, _, err := mustExecutor(t, slow, nil).Start(t.Context(), drain); incident.KindOf(err) != incident.KindUnavailable || !strings.Contains(err.Error(), "within 50ms") {
		t.Errorf("%v", err)
	}
}

func TestFindAndGet(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		answer func(http.ResponseWriter, *http.Request, []byte)
		find   string
		kind   incident.Kind // of Find
		state  incident.ExecutionState
		detail string
	}{
		{"running", says(200, `{"id":"job-7","state":"running"}`), "job-7", "", "running", ""},
		{"done", says(200, `{"state":"succeeded","detail":"half of it"}`), drain.Token(), "", "succeeded", "half of it"},
		{"failed", says(200, `{"id":"job-7","state":"failed","detail":"no"}`), "job-7", "", "failed", "no"},
		{"unknown to it", says(404, ``), "", "", "unknown", "no longer knows"},
		{"a state nobody knows", says(200, `{"id":"job-7","state":"pondering"}`), "job-7", "", "unknown", ""},
		{"silence is no success", says(200, ``), "", incident.KindInternal, "", ""},
		{"away", says(503, ``), "", incident.KindUnavailable, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, true, c.answer)
			id, err := f.x.Find(t.Context(), drain)
			if id != c.find || (err == nil) != (c.kind == "") || (err != nil && incident.KindOf(err) != c.kind) {
				t.Errorf("found %q, %v; want %q %s", id, err, c.find, c.kind)
			}
			state, detail, _, err := f.x.Get(t.Context(), drain, "job-7")
			if state != c.state || !strings.Contains(detail, c.detail) || (err == nil) != (c.kind == "") {
				t.Errorf("%s %q, %v; want %s", state, detail, err, c.state)
			}
			want := []string{"/status?document=drain&team=shop&token=" + drain.Token(), "/status?document=drain&id=job-7&team=shop&token=" + drain.Token()}
			for i, r := range f.all() {
				if r.method != "GET" || r.uri != want[i] || len(r.body) != 0 || r.header.Get("Idempotency-Key") != "" {
					t.Errorf("asked %s %s, want %s", r.method, r.uri, want[i])
				}
			}
		})
	}
}

// TestWithoutStatus: what cannot be asked is told from the answer, or not at all.
func TestWithoutStatus(t *testing.T) {
	t.Parallel()
	f := serve(t, false, says(500, ``))
	if id, err := f.x.Find(t.Context(), drain); id != "" || err == nil || !strings.Contains(err.Error(), "cannot be read back") {
		t.Errorf("%q, %v", id, err)
	}
	for id, want := range map[string]incident.ExecutionState{"succeeded": "succeeded", "succeeded: half": "succeeded", "failed: no": "failed", "running": "unknown", "unknown": "unknown", "": "unknown"} {
		if state, _, _, err := f.x.Get(t.Context(), drain, id); state != want || err != nil {
			t.Errorf("%q is %s, %v; want %s", id, state, err, want)
		}
	}
	if len(f.all()) != 0 {
		t.Error("something was asked")
	}
}

func TestObserve(t *testing.T) {
	t.Parallel()
	for body, c := range map[string]struct {
		want incident.TargetState
		kind incident.Kind
	}{
		`{"kind":"lb","share":0.5,"draining":false}`: {incident.TargetState{"kind": "lb", "share": 0.5, "draining": false}, ""},
		`{"nested":{}}`:                    {nil, incident.KindInternal},
		`{"none":null}`:                    {nil, incident.KindInternal},
		`null`:                             {nil, incident.KindInternal},
		`[]`:                               {nil, incident.KindInternal},
		strings.Repeat(" ", 70<<10) + `{}`: {nil, incident.KindInternal},
	} {
		f := serve(t, true, says(200, body))
		got, _, err := f.x.Observe(t.Context(), drain)
		if !reflect.DeepEqual(got, c.want) || (err == nil) != (c.kind == "") || (err != nil && incident.KindOf(err) != c.kind) {
			t.Errorf("%.40s: %v, %v", body, got, err)
		}
		if r := f.all()[0]; r.uri != "/state?document=drain&target=checkout" || r.method != "GET" {
			t.Errorf("asked %s %s", r.method, r.uri)
		}
	}
	gone := serve(t, true, says(404, ``))
	if _, _, err := gone.x.Observe(t.Context(), drain); incident.KindOf(err) != incident.KindNotFound {
		t.Errorf("%v", err)
	}
	blind := serve(t, false, says(500, ``))
	if got, _, err := blind.x.Observe(t.Context(), drain); err != nil || !reflect.DeepEqual(got, incident.TargetState{"kind": "other"}) {
		t.Errorf("%v, %v", got, err)
	}
}

// TestSecrets has the receiver repeat everything that it was sent, wherever an
// answer can.
func TestSecrets(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 202, 302, 400, 403, 409, 429, 500} {
		f := serve(t, true, func(w http.ResponseWriter, r *http.Request, _ []byte) {
			echo := secretCanary + " " + r.Header.Get("Authorization") + " at " + r.URL.Path + " \u0073ecret"
			w.Header().Set("X-Request-Id", echo)
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(map[string]string{"id": secretCanary, "state": "failed", "detail": echo, "token": "t", "note": headerCanary})
		})
		var said []string
		id, p, err := f.x.Start(t.Context(), drain)
		said = append(said, id, fmt.Sprintf("%+v %v %+v", p, err, errors.Unwrap(err)))
		found, err := f.x.Find(t.Context(), drain)
		said = append(said, found, fmt.Sprint(err))
		_, detail, p, err := f.x.Get(t.Context(), drain, "x")
		said = append(said, detail, fmt.Sprintf("%+v %v", p, err))
		state, p, err := f.x.Observe(t.Context(), drain)
		said = append(said, fmt.Sprintf("%v %+v %v", state, p, err))
		for _, c := range f.rec.Calls() {
			said = append(said, fmt.Sprintf("%+v", c))
		}
		for _, s := range said {
			for _, canary := range []string{secretCanary, headerCanary} {
				if strings.Contains(s, canary) {
					t.Errorf("%d: %q holds %s", status, s, canary)
				}
			}
		}
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	f := serve(t, false, says(200, ``))
	write(t, f.hook.SecretFile, "another-secret-0123456789\n"+secretCanary+"\n")
	if _, _, err := f.x.Start(t.Context(), drain); err != nil {
		t.Error(err)
	}
	if err := os.Remove(f.hook.SecretFile); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.x.Start(t.Context(), drain); incident.KindOf(err) != incident.KindInvalid || len(f.all()) != 1 {
		t.Errorf("without its secret: %v", err)
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	f := serve(t, true, says(200, ``))
	for name, change := range map[string]func(*incident.Effect){
		"no such hook": func(e *incident.Effect) { e.Document = "explode" },
		"no action":    func(e *incident.Effect) { e.ActionHash = "" },
		"no step":      func(e *incident.Effect) { e.Step = 0 },
	} {
		e := drain
		change(&e)
		_, _, started := f.x.Start(t.Context(), e)
		_, found := f.x.Find(t.Context(), e)
		_, called := f.x.Call(e)
		_, _, _, got := f.x.Get(t.Context(), e, "x")
		for _, err := range []error{started, found, called, got} {
			if err == nil || incident.KindOf(err) != incident.KindInvalid {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if len(f.all()) != 0 {
		t.Error("something was sent")
	}
}
