package sandbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// hooks are receivers to try the signed webhook executor with. They act on
// nothing: they keep what they were asked, and answer as such a receiver does.
//
//	POST /_hooks/{name}          asks it to act: 202 and an id; 409 with the token where that was asked before
//	GET  /_hooks/{name}/status   ?token= or ?id=: what became of it
//	GET  /_hooks/{name}/{token}  the same
//	GET  /_hooks/{name}/state    ?target=: what there is to know of a target
//	GET  /_hooks/{name}          all calls and executions
//	PUT  /_hooks/{name}          a HookSetup: how it behaves from now on
type hooks struct {
	now func() time.Time

	mu  sync.Mutex
	all map[string]*hook
}

// HookSetup says how a hook behaves. The zero value takes everything, and all
// of it succeeds.
type HookSetup struct {
	Secrets []string `json:"secrets,omitempty"` // where there are any, requests have to be signed with one of them

	Status int  `json:"status,omitempty"` // what the next requests to act are answered with; nothing is done
	Cut    bool `json:"cut,omitempty"`    // they are done, and the connection is cut instead of an answer
	Count  int  `json:"count,omitempty"`  // how many requests that holds for; 0: all

	State   string `json:"state,omitempty"` // what becomes of what it does: succeeded (the default), failed, running or unknown
	Detail  string `json:"detail,omitempty"`
	AfterMS int64  `json:"after_ms,omitempty"` // until then it is running

	Targets map[string]map[string]any `json:"targets,omitempty"` // what there is to know of each target
}

// HookCall is one request to a hook.
type HookCall struct {
	N       int                 `json:"n"`
	At      time.Time           `json:"at"`
	Request string              `json:"request"` // method, path and query
	Header  map[string][]string `json:"header"`
	Body    string              `json:"body,omitempty"`
	Signed  bool                `json:"signed"` // by a secret of the hook
	Status  int                 `json:"status"` // of the answer; 0: none
}

// HookExecution is something that a hook was asked to do.
type HookExecution struct {
	ID    string    `json:"id"`
	Token string    `json:"token"`
	At    time.Time `json:"at"`
	Calls int       `json:"calls"` // that asked for it; it was done once
}

const (
	hookCalls  = 1000 // that are kept of each hook, and executions
	hookBody   = 64 << 10
	hookWindow = 5 * time.Minute
)

type hook struct {
	setup      HookSetup
	n          int
	calls      []HookCall
	executions []HookExecution
}

func newHooks(now func() time.Time) *hooks { return &hooks{now: now, all: map[string]*hook{}} }

func (h *hooks) reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = map[string]*hook{}
}

func (h *hooks) routes(mux *http.ServeMux) {
	mux.HandleFunc("POST /_hooks/{name}", h.act)
	mux.HandleFunc("GET /_hooks/{name}/status", h.status)
	mux.HandleFunc("GET /_hooks/{name}/state", h.state)
	mux.HandleFunc("GET /_hooks/{name}/{token}", h.status)
	mux.HandleFunc("GET /_hooks/{name}", h.show)
	mux.HandleFunc("PUT /_hooks/{name}", h.set)
}

// of is the hook that a request is for. The lock is held.
func (h *hooks) of(r *http.Request) *hook {
	name := r.PathValue("name")
	if h.all[name] == nil {
		h.all[name] = &hook{}
	}
	return h.all[name]
}

func (h *hooks) set(w http.ResponseWriter, r *http.Request) {
	var in HookSetup
	if !readJSON(w, r, &in) {
		return
	}
	if in.State != "" && !slices.Contains([]string{"running", "succeeded", "failed", "unknown"}, in.State) ||
		in.Status != 0 && (in.Status < 200 || in.Status > 599) || in.Count < 0 || in.AfterMS < 0 {
		writeProblem(w, http.StatusBadRequest, "state is running, succeeded, failed or unknown, status from 200 to 599, and neither count nor after_ms below 0")
		return
	}
	h.mu.Lock()
	h.of(r).setup = in
	h.mu.Unlock()
	h.show(w, r)
}

func (h *hooks) show(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	k := h.of(r)
	setup := k.setup
	setup.Secrets = nil // they were told, and are not told again
	calls, executions := append([]HookCall{}, k.calls...), append([]HookExecution{}, k.executions...)
	h.mu.Unlock()
	writeJSON(w, http.StatusOK, map[string]any{"setup": setup, "calls": calls, "executions": executions})
}

// receive keeps a request, and says whether it is to be believed. The lock is
// held.
func (h *hooks) receive(k *hook, r *http.Request, body []byte) (*HookCall, bool) {
	signed := k.signed(r, body, h.now())
	k.n++
	k.calls = append(keepLast(k.calls), HookCall{N: k.n, At: h.now().UTC(), Request: r.Method + " " + r.RequestURI, Header: r.Header.Clone(), Body: string(body), Signed: signed})
	return &k.calls[len(k.calls)-1], signed || len(k.setup.Secrets) == 0
}

func keepLast[T any](list []T) []T {
	if len(list) < hookCalls {
		return list
	}
	return slices.Clone(list[1:])
}

// act does what it is asked, once for each token.
func (h *hooks) act(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, hookBody))
	if err != nil {
		writeProblem(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body: %v", err))
		return
	}
	h.mu.Lock()
	status, answer := h.decide(h.of(r), r, body)
	h.mu.Unlock()
	if status == 0 {
		panic(http.ErrAbortHandler) // the connection is cut
	}
	writeJSON(w, status, answer)
}

// decide is what a request to act comes to; status 0 is no answer.
func (h *hooks) decide(k *hook, r *http.Request, body []byte) (status int, answer map[string]string) {
	call, believed := h.receive(k, r, body)
	defer func() { call.Status = status }()
	if !believed {
		return http.StatusUnauthorized, map[string]string{"error": "the request is not signed with a secret of this hook, or too old"}
	}
	struck := k.setup.Status != 0 || k.setup.Cut
	fails, cut := k.setup.Status, k.setup.Cut
	if struck && k.setup.Count > 0 {
		if k.setup.Count--; k.setup.Count == 0 {
			k.setup.Status, k.setup.Cut = 0, false
		}
	}
	if fails != 0 {
		return fails, map[string]string{"error": "the hook was told to answer so"}
	}
	token := r.Header.Get("Idempotency-Key")
	if token == "" {
		var in struct{ Token string }
		_ = json.Unmarshal(body, &in) // what is no JSON has no token
		token = in.Token
	}
	i := slices.IndexFunc(k.executions, func(e HookExecution) bool { return token != "" && e.Token == token })
	if i < 0 {
		i = len(keepLast(k.executions))
		k.executions = append(keepLast(k.executions), HookExecution{ID: uuid.NewString(), Token: token, At: h.now().UTC()})
	}
	e := &k.executions[i]
	e.Calls++
	switch {
	case cut:
		return 0, nil
	case e.Calls > 1:
		return http.StatusConflict, map[string]string{"token": e.Token, "id": e.ID}
	}
	return http.StatusAccepted, map[string]string{"id": e.ID, "state": "running"}
}

// status says what became of an execution.
func (h *hooks) status(w http.ResponseWriter, r *http.Request) {
	token, id := r.PathValue("token"), r.URL.Query().Get("id")
	if token == "" {
		token = r.URL.Query().Get("token")
	}
	h.read(w, r, func(k *hook) (any, bool) {
		for _, e := range k.executions {
			if token != "" && e.Token == token || id != "" && e.ID == id {
				state, detail := k.setup.State, k.setup.Detail
				if state == "" {
					state = "succeeded"
				}
				if h.now().Before(e.At.Add(time.Duration(k.setup.AfterMS) * time.Millisecond)) {
					state, detail = "running", ""
				}
				return map[string]string{"id": e.ID, "token": e.Token, "state": state, "detail": detail}, true
			}
		}
		return nil, false
	})
}

// state says what there is to know of a target.
func (h *hooks) state(w http.ResponseWriter, r *http.Request) {
	h.read(w, r, func(k *hook) (any, bool) {
		t, ok := k.setup.Targets[r.URL.Query().Get("target")]
		return t, ok
	})
}

func (h *hooks) read(w http.ResponseWriter, r *http.Request, find func(*hook) (any, bool)) {
	h.mu.Lock()
	k := h.of(r)
	call, believed := h.receive(k, r, nil)
	var status int
	var answer any
	var ok bool
	switch answer, ok = find(k); {
	case !believed:
		status, answer = http.StatusUnauthorized, map[string]string{"error": "the request is not signed with a secret of this hook, or too old"}
	case !ok:
		status, answer = http.StatusNotFound, map[string]string{"error": "the hook knows nothing of it"}
	default:
		status = http.StatusOK
	}
	call.Status = status
	h.mu.Unlock()
	writeJSON(w, status, answer)
}

// signed reports whether a request bears a signature by a secret of the hook
// that is not too old: in Vigil-Signature one or more v1=HMAC-SHA256, in hex, of
// Vigil-Timestamp, a full stop, and the body, or of a request without one its
// path and query.
func (k *hook) signed(r *http.Request, body []byte, now time.Time) bool {
	stamp := r.Header.Get("Vigil-Timestamp")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > hookWindow {
		return false
	}
	content := body
	if len(content) == 0 {
		content = []byte(r.RequestURI)
	}
	for _, secret := range k.setup.Secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(stamp + "."))
		mac.Write(content)
		for _, given := range strings.Split(r.Header.Get("Vigil-Signature"), ",") {
			digits, ok := strings.CutPrefix(strings.TrimSpace(given), "v1=")
			if sum, err := hex.DecodeString(digits); ok && err == nil && hmac.Equal(sum, mac.Sum(nil)) {
				return true
			}
		}
	}
	return false
}
