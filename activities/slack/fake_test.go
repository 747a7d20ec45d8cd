package slack_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"testing"

	"vigil/activities/internal/tell/telltest"
)

// said is a message in a fake channel.
type said struct {
	TS       string          `json:"ts"`
	Thread   string          `json:"thread_ts,omitempty"`
	Text     string          `json:"text"`
	Blocks   json.RawMessage `json:"blocks"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
	Edits    int             `json:"-"`
}

// workspace is a Slack of one channel.
type workspace struct {
	*telltest.Server

	mu       sync.Mutex
	messages []*said
	// strike may answer a call itself; done says whether the call took effect.
	// It returns whether the usual answer is to follow.
	strike func(method string, n int, w http.ResponseWriter, do func()) bool
	calls  map[string]int
}

const channelID = "C0123456789"

func newWorkspace(tb testing.TB) *workspace {
	s := &workspace{calls: map[string]int{}}
	s.Server = telltest.Serve(tb, s.serve)
	return s
}

func (s *workspace) serve(w http.ResponseWriter, r telltest.Request) {
	method := path.Base(r.Path)
	s.mu.Lock()
	s.calls[method]++
	n := s.calls[method]
	s.mu.Unlock()
	answer := map[string]any{"ok": false, "error": "invalid_auth"}
	do := func() {
		if r.Header.Get("Authorization") == "Bearer "+telltest.Secret {
			answer = s.do(method, r)
		}
	}
	if s.strike != nil && !s.strike(method, n, w, do) {
		return
	}
	do()
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	raw, _ := json.Marshal(answer)
	_, _ = w.Write(raw)
}

func bad(code string) map[string]any { return map[string]any{"ok": false, "error": code} }

func (s *workspace) do(method string, r telltest.Request) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch method {
	case "chat.postMessage", "chat.update":
		var in struct {
			said
			Channel string `json:"channel"`
		}
		if json.Unmarshal(r.Body, &in) != nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
			return bad("invalid_json")
		}
		if in.Channel != channelID {
			return bad("channel_not_found")
		}
		if method == "chat.postMessage" {
			in.said.TS = fmt.Sprintf("1770000000.%06d", len(s.messages)+1)
			if in.Thread != "" && s.find(in.Thread) == nil {
				return bad("thread_not_found")
			}
			m := in.said
			s.messages = append(s.messages, &m)
			return map[string]any{"ok": true, "channel": in.Channel, "ts": m.TS}
		}
		m := s.find(in.TS)
		if m == nil {
			return bad("message_not_found")
		}
		m.Text, m.Blocks, m.Edits = in.Text, in.Blocks, m.Edits+1
		return map[string]any{"ok": true, "channel": in.Channel, "ts": m.TS}
	case "conversations.history", "conversations.replies":
		form, err := url.ParseQuery(string(r.Body))
		if err != nil || form.Get("channel") != channelID || form.Get("include_all_metadata") != "true" {
			return bad("invalid_arguments")
		}
		list := []*said{}
		for _, m := range s.messages {
			if m.Thread == form.Get("ts") || method == "conversations.replies" && m.TS == form.Get("ts") {
				list = append(list, m)
			}
		}
		return map[string]any{"ok": true, "messages": list}
	}
	return bad("unknown_method")
}

func (s *workspace) find(ts string) *said {
	for _, m := range s.messages {
		if m.TS == ts {
			return m
		}
	}
	return nil
}

// in lists what a thread holds; "" is the channel itself.
func (s *workspace) in(thread string) (out []said) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.messages {
		if m.Thread == thread {
			out = append(out, *m)
		}
	}
	return out
}

// fail answers a method's n-th call with an error of the API.
func fail(method string, n int, code string) func(string, int, http.ResponseWriter, func()) bool {
	return func(m string, k int, w http.ResponseWriter, _ func()) bool {
		if m != method || k != n {
			return true
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"ok":false,"error":"`+code+`","needed":"channels:history"}`)
		return false
	}
}

// breakOff does what is asked and loses the answer.
func breakOff(method string, n int) func(string, int, http.ResponseWriter, func()) bool {
	return func(m string, k int, _ http.ResponseWriter, do func()) bool {
		if m != method || k != n {
			return true
		}
		do()
		panic(http.ErrAbortHandler)
	}
}
