package sandbox_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"vigil/deploy/sandbox"
)

// say sends a body with headers and returns status, answer and Retry-After; a
// status of 0 is no answer.
func (f *fixture) say(path, body string, head map[string]string) (int, map[string]any, string) {
	f.tb.Helper()
	req, err := http.NewRequestWithContext(f.tb.Context(), http.MethodPost, f.URL()+path, bytes.NewReader([]byte(body)))
	if err != nil {
		f.tb.Fatal(err)
	}
	for k, v := range head {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, ""
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil, ""
	}
	out := map[string]any{}
	_ = json.Unmarshal(raw, &out) // half an answer is no JSON
	return resp.StatusCode, out, resp.Header.Get("Retry-After")
}

type toldView struct {
	Told []sandbox.Told
	Said []string
}

func (f *fixture) told(channel string) toldView {
	f.tb.Helper()
	var v toldView
	f.do("GET", "/_told?channel="+strings.ReplaceAll(channel, " ", "%20"), nil, &v)
	return v
}

var (
	slackJSON = map[string]string{"Authorization": "Bearer xoxb-1", "Content-Type": "application/json; charset=utf-8"}
	slackForm = map[string]string{"Authorization": "Bearer xoxb-1", "Content-Type": "application/x-www-form-urlencoded"}
)

func slackPost(key string) string {
	return `{"channel":"C0123456789","text":"hi","metadata":{"event_type":"vigil_notification","event_payload":{"key":"` + key + `"}},
		"blocks":[{"type":"actions","elements":[{"type":"button","action_id":"vigil_approve","value":"{\"incident\":\"inc-1\",\"proposal\":\"p\",\"hash\":\"h\"}"}]}]}`
}

func TestSlackAPI(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	if _, out, _ := f.say("/_slack/api/chat.postMessage", slackPost("k1"), map[string]string{"Content-Type": "application/json"}); out["error"] != "not_authed" {
		t.Errorf("without a token: %v", out)
	}
	_, out, _ := f.say("/_slack/api/chat.postMessage", slackPost("k1"), slackJSON)
	ts, ok := out["ts"].(string)
	if !ok || out["ok"] != true {
		t.Fatalf("%v", out)
	}
	if _, out, _ := f.say("/_slack/api/chat.update", `{"channel":"C0123456789","ts":"`+ts+`","text":"changed"}`, slackJSON); out["ts"] != ts {
		t.Errorf("update: %v", out)
	}
	if _, out, _ := f.say("/_slack/api/chat.postMessage", `{"channel":"C0123456789","thread_ts":"`+ts+`","text":"reply"}`, slackJSON); out["ok"] != true {
		t.Errorf("reply: %v", out)
	}
	_, out, _ = f.say("/_slack/api/conversations.history", "channel=C0123456789&include_all_metadata=true", slackForm)
	if list, _ := out["messages"].([]any); len(list) != 1 || !strings.Contains(fmt.Sprint(list[0]), "k1") || !strings.Contains(fmt.Sprint(list[0]), "changed") {
		t.Errorf("history: %v", out)
	}
	_, out, _ = f.say("/_slack/api/conversations.replies", "channel=C0123456789&limit=1&ts="+ts, slackForm)
	if list, _ := out["messages"].([]any); len(list) != 1 || out["has_more"] != true {
		t.Errorf("replies: %v", out)
	}
	for body, want := range map[string]string{`{"channel":"#ops","text":"x"}`: "channel_not_found", `{"channel":"C0123456789"}`: "no_text", `x`: "invalid_json",
		`{"channel":"C0123456789","text":"x","thread_ts":"9.9"}`: "thread_not_found", `{"channel":"C0123456789","blocks":[{"type":"header","text":{"text":""}}]}`: "invalid_blocks"} {
		if _, out, _ := f.say("/_slack/api/chat.postMessage", body, slackJSON); out["error"] != want {
			t.Errorf("%s: %v, want %s", body, out, want)
		}
	}
	if _, out, _ := f.say("/_slack/api/chat.postMessage", slackPost("k1"), slackJSON); out["ok"] != true {
		t.Errorf("%v", out)
	}
	all := f.told("slack").Told
	if last := all[len(all)-1]; !last.Repeated || last.Key != "k1" || !last.Done {
		t.Errorf("a second post of the same key: %+v", last)
	}
	if _, out, _ := f.say("/_slack/api/auth.test", "", slackForm); out["ok"] != true {
		t.Errorf("%v", out)
	}
	f.do("POST", "/_reset", nil, nil)
	if v := f.told(""); len(v.Told) != 0 {
		t.Errorf("after a reset: %+v", v)
	}
}

// TestToldChaos: a 429 says when to come back and did nothing; an answer that
// is lost, or half of it, was done.
func TestToldChaos(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	rule := func(mode sandbox.ChaosMode) {
		if status := f.do("POST", "/_world/chaos", sandbox.ChaosRule{Service: "slack", Operation: "chat.*", Mode: mode, MS: 1}, nil); status != 200 {
			t.Fatalf("%s: %d", mode, status)
		}
	}
	for _, c := range []struct {
		mode   sandbox.ChaosMode
		status int
		after  string
		done   bool
	}{{sandbox.ChaosThrottle, 429, "1", false}, {sandbox.ChaosUnavailable, 503, "", false}, {sandbox.ChaosHang, 0, "", false}, {sandbox.ChaosDoThenTimeout, 0, "", true},
		{sandbox.ChaosStreamCut, 0, "", true}, {sandbox.ChaosMalformed, 200, "", true}, {sandbox.ChaosSlow, 200, "", true}} {
		rule(c.mode)
		status, out, after := f.say("/_slack/api/chat.postMessage", slackPost("k"), slackJSON)
		if status != c.status || after != c.after || c.mode == sandbox.ChaosMalformed && len(out) != 0 {
			t.Errorf("%s: %d, %q, %v", c.mode, status, after, out)
		}
		all := f.told("slack").Told
		if last := all[len(all)-1]; last.Chaos != c.mode || last.Done != c.done {
			t.Errorf("%s: %+v", c.mode, last)
		}
	}
	rule(sandbox.ChaosFailing)
	if status, out, _ := f.say("/_slack/api/chat.postMessage", slackPost("k"), slackJSON); status != 200 || out["error"] != "internal_error" {
		t.Errorf("%d %v", status, out)
	}
}

func TestPagerDuty(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	event := func(action, key string) string {
		return fmt.Sprintf(`{"routing_key":"routing-canary","event_action":%q,"dedup_key":%q,"payload":{"summary":"s","source":"x","severity":"error","timestamp":"2026-03-01T12:00:00Z"}}`, action, key)
	}
	for _, c := range []struct {
		body     string
		status   int
		repeated bool
	}{{event("trigger", "a"), 202, false}, {event("trigger", "a"), 202, true}, {event("acknowledge", "a"), 202, false}, {event("trigger", "a"), 202, true}, {event("resolve", "a"), 202, false},
		{event("trigger", "a"), 202, false}, {event("shout", "a"), 400, false}, {event("trigger", strings.Repeat("x", 256)), 400, false}, {`{}`, 400, false}, {`x`, 400, false},
		{`{"routing_key":"k","event_action":"trigger","payload":{"summary":"s","source":"x","severity":"high"}}`, 400, false}} {
		status, out, _ := f.say("/_pagerduty/v2/enqueue", c.body, nil)
		all := f.told("pagerduty").Told
		last := all[len(all)-1]
		if status != c.status || last.Repeated != c.repeated || last.Done != (status == 202) || (status == 202) != (out["status"] == "success") {
			t.Errorf("%.60s: %d %v, %+v", c.body, status, out, last)
		}
	}
	raw, _ := json.Marshal(f.told(""))
	if bytes.Contains(raw, []byte("canary")) {
		t.Error("the routing key is shown")
	}
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	f := mustServe(t)
	if status, _, _ := f.say("/_webhooks/ops", `{"a":1}`, map[string]string{"Idempotency-Key": "k"}); status != 200 {
		t.Errorf("without secrets: %d", status)
	}
	if status := f.do("PUT", "/_webhooks/ops", map[string]any{"secrets": []string{"a secret"}}, nil); status != 200 {
		t.Fatal(status)
	}
	head := map[string]string{"Vigil-Timestamp": fmt.Sprint(time.Now().Unix()), "Vigil-Signature": "v1=00"}
	for _, h := range []map[string]string{nil, head, {"Vigil-Timestamp": "1", "Vigil-Signature": "v1=00"}} {
		if status, _, _ := f.say("/_webhooks/ops", `{"a":1}`, h); status != 401 {
			t.Errorf("%v: %d", h, status)
		}
	}
	all := f.told("webhook ops").Told
	if len(all) != 4 || !all[0].Done || all[1].Signed != "there is none" || all[2].Signed != "it is of another secret, or of another body" || all[3].Signed != "it is too old or too new" {
		t.Errorf("%+v", all)
	}
}

// TestClick: a click goes to the gateway signed, and what the person is told
// comes back.
func TestClick(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var got []string
	gateway := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		got = append(got, r.URL.Path+" "+r.Header.Get("X-Slack-Signature")+" "+string(raw))
	}))
	t.Cleanup(gateway.Close)
	f := mustServe(t, func(c *sandbox.Config) { c.Gateway = gateway.URL })
	if status := f.do("POST", "/_slack/click", sandbox.Click{User: "U0000001", Incident: "inc-1", Action: "vigil_approve"}, nil); status != 404 {
		t.Errorf("no message yet: %d", status)
	}
	f.say("/_slack/api/chat.postMessage", slackPost("k"), slackJSON)
	var out struct{ Statuses []int }
	if status := f.do("POST", "/_slack/click", sandbox.Click{User: "U0000001", Incident: "inc-1", Action: "vigil_approve", Secret: "s", Times: 2}, &out); status != 200 || len(out.Statuses) != 2 {
		t.Fatalf("%d %v", status, out)
	}
	if len(got) != 2 || !strings.HasPrefix(got[0], "/api/v1/slack/interactions v0=") || !strings.Contains(got[0], "U0000001") || got[0] != got[1] && !strings.Contains(got[1], "payload=") {
		t.Errorf("%q", got)
	}
	f.say("/_slack/respond/1", `{"response_type":"ephemeral","text":"done"}`, nil)
	if v := f.told("slack"); len(v.Said) != 1 || v.Said[0] != "ephemeral: done" {
		t.Errorf("%+v", v.Said)
	}
}
