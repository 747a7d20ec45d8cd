package slackinteraction_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"vigil/gateway/slackinteraction"
)

// Slack's own example, from "Verifying requests from Slack".
const (
	exampleSecret    = "8f742231b10e8888abcd99yyyzzz85a5"
	exampleTime      = "1531420618"
	exampleBody      = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
	exampleSignature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
)

func keys(s ...string) (out [][]byte) {
	for _, one := range s {
		out = append(out, []byte(one))
	}
	return out
}

func TestVerify(t *testing.T) {
	t.Parallel()
	now := time.Unix(1531420618, 0)
	head := func(stamp, signature string) http.Header {
		h := http.Header{}
		h.Set(slackinteraction.HeaderTimestamp, stamp)
		h.Set(slackinteraction.HeaderSignature, signature)
		return h
	}
	good := head(exampleTime, exampleSignature)
	twice := good.Clone()
	twice.Add(slackinteraction.HeaderTimestamp, exampleTime)
	for name, c := range map[string]struct {
		h       http.Header
		body    string
		secrets [][]byte
		now     time.Time
		want    error
	}{
		"as Slack documents it": {good, exampleBody, keys(exampleSecret), now, nil},
		"while it is replaced":  {good, exampleBody, keys("another signing secret", exampleSecret), now, nil},
		"at the edge":           {good, exampleBody, keys(exampleSecret), now.Add(slackinteraction.Window), nil},
		"too old":               {good, exampleBody, keys(exampleSecret), now.Add(slackinteraction.Window + time.Second), slackinteraction.ErrStale},
		"from the future":       {good, exampleBody, keys(exampleSecret), now.Add(-slackinteraction.Window - time.Second), slackinteraction.ErrStale},
		"another body":          {good, exampleBody + "&x=1", keys(exampleSecret), now, slackinteraction.ErrMismatch},
		"another secret":        {good, exampleBody, keys("another signing secret"), now, slackinteraction.ErrMismatch},
		"no secret":             {good, exampleBody, nil, now, slackinteraction.ErrMismatch},
		"another time":          {head("1531420619", exampleSignature), exampleBody, keys(exampleSecret), now, slackinteraction.ErrMismatch},
		"unsigned":              {http.Header{}, exampleBody, keys(exampleSecret), now, slackinteraction.ErrUnsigned},
		"no version":            {head(exampleTime, exampleSignature[3:]), exampleBody, keys(exampleSecret), now, slackinteraction.ErrFormat},
		"no time":               {head("soon", exampleSignature), exampleBody, keys(exampleSecret), now, slackinteraction.ErrFormat},
		"two times":             {twice, exampleBody, keys(exampleSecret), now, slackinteraction.ErrFormat},
		"cut short":             {head(exampleTime, exampleSignature[:20]), exampleBody, keys(exampleSecret), now, slackinteraction.ErrFormat},
	} {
		if err := slackinteraction.Verify(c.h, []byte(c.body), c.secrets, c.now); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// body is what Slack posts for a click.
func body(actionID, value string) []byte {
	payload := fmt.Sprintf(`{"type":"block_actions","team":{"id":"T1"},"user":{"id":"U0000001","name":"whoever"},"container":{"channel_id":"C1","message_ts":"1.2"},
		"response_url":"https://hooks.slack.com/actions/T1/2/x","trigger_id":"t","actions":[{"action_id":%q,"action_ts":"3.4","type":"button","value":%q}]}`, actionID, value)
	return []byte(url.Values{"payload": {payload}}.Encode())
}

// value is what a button of activities/slack carries.
const value = `{"incident":"inc-1","proposal":"p1","hash":"0123"}`

func TestParse(t *testing.T) {
	t.Parallel()
	got, err := slackinteraction.Parse(body("vigil_approve", value))
	want := slackinteraction.Click{Team: "T1", User: "U0000001", Approve: true, Incident: "inc-1", Proposal: "p1", Hash: "0123", Channel: "C1", TS: "1.2", At: "3.4", ResponseURL: "https://hooks.slack.com/actions/T1/2/x"}
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := slackinteraction.Parse(body("vigil_reject", value)); err != nil || got.Approve {
		t.Errorf("%+v, %v", got, err)
	}
	for name, c := range map[string]struct {
		body []byte
		bad  bool // and not just nothing to do
	}{
		"opens a page":   {body("vigil_open", ""), false},
		"another app's":  {body("other", value), false},
		"a view":         {[]byte(url.Values{"payload": {`{"type":"view_submission"}`}}.Encode()), false},
		"no form":        {[]byte("%zz"), true},
		"no payload":     {[]byte("a=b"), true},
		"two payloads":   {[]byte("payload={}&payload={}"), true},
		"no JSON":        {[]byte("payload=x"), true},
		"no value":       {body("vigil_approve", ""), true},
		"another value":  {body("vigil_approve", `{"incident":"inc-1","proposal":"p1","hash":"0","principal":"admin"}`), true},
		"no hash":        {body("vigil_approve", `{"incident":"inc-1","proposal":"p1"}`), true},
		"a huge element": {body("vigil_approve", `{"incident":"`+strings.Repeat("x", 600)+`","proposal":"p1","hash":"0"}`), true},
	} {
		if _, err := slackinteraction.Parse(c.body); err == nil || errors.Is(err, slackinteraction.ErrNotOurs) == c.bad {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestButtonsAreUnderstood: what the worker puts on a button, by the golden
// file of its own tests, is what is read here.
func TestButtonsAreUnderstood(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../activities/slack/testdata/waiting.json")
	if err != nil {
		t.Fatal(err)
	}
	var message struct {
		Blocks []struct {
			Elements []struct {
				ActionID string `json:"action_id"`
				Value    string `json:"value"`
			}
		}
	}
	if err := json.Unmarshal(raw, &message); err != nil {
		t.Fatal(err)
	}
	decided := map[bool]bool{}
	for _, b := range message.Blocks {
		for _, e := range b.Elements {
			c, err := slackinteraction.Parse(body(e.ActionID, e.Value))
			if errors.Is(err, slackinteraction.ErrNotOurs) {
				continue // opens the dashboard
			}
			if err != nil || c.Incident != "inc-1" || c.Proposal != "p1" || c.Hash != "0123456789abcdef0123456789abcdef" {
				t.Errorf("%s: %+v, %v", e.ActionID, c, err)
			}
			decided[c.Approve] = true
		}
	}
	if !decided[true] || !decided[false] {
		t.Errorf("buttons to approve and reject: %v", decided)
	}
}

// TestDocumentedUsers: the users file that is documented is taken.
func TestDocumentedUsers(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../deploy/docs/telling-people.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(raw), "# slack-users.yaml\n")
	file, _, ended := strings.Cut(after, "```")
	if users, err := slackinteraction.ParseUsers([]byte(file)); !found || !ended || err != nil || users["U0123456789"] != "alice" {
		t.Errorf("%v, %v", users, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(body("vigil_approve", value))
	f.Add([]byte("payload=%7B%22type%22%3A%22block_actions%22%7D"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := slackinteraction.Parse(raw)
		if err == nil && (c.User == "" || c.Incident == "" || c.Proposal == "" || c.Hash == "" || c.At == "" || len(c.Incident) > 512) {
			t.Errorf("%+v", c)
		}
	})
}

func FuzzVerify(f *testing.F) {
	f.Add(exampleTime, exampleSignature, "x")
	f.Fuzz(func(t *testing.T, stamp, signature, body string) {
		h := http.Header{slackinteraction.HeaderTimestamp: {stamp}, slackinteraction.HeaderSignature: {signature}}
		mac := hmac.New(sha256.New, []byte("another signing secret"))
		mac.Write([]byte("v0:" + stamp + ":" + body))
		right := "v0=" + hex.EncodeToString(mac.Sum(nil))
		if slackinteraction.Verify(h, []byte(body), keys("another signing secret"), time.Unix(1531420618, 0)) == nil && !strings.EqualFold(signature, right) {
			t.Error("a signature was guessed")
		}
	})
}

func TestRespond(t *testing.T) {
	t.Parallel()
	var got []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		got = append(got, r.URL.Path+" "+string(raw))
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		case "/fails":
			w.WriteHeader(500)
		}
	}))
	t.Cleanup(srv.Close)
	r, err := slackinteraction.NewResponder(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Respond(t.Context(), srv.URL+"/actions/1", "<!channel> & so on"+strings.Repeat("ü", 3000)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(got[0], `"ephemeral"`) || strings.Contains(got[0], "<!") || len([]rune(got[0])) > 2300 {
		t.Errorf("%s", got[0])
	}
	host := strings.TrimPrefix(srv.URL, "http://")
	for _, to := range []string{"", "x", "https://" + host + "/a", "http://" + host + ".evil.example/a", "http://evil.example/" + host, "http://u:p@" + host + "/a", "file:///etc/passwd", "http://127.0.0.1/"} {
		if err := r.Respond(t.Context(), to, "x"); err == nil {
			t.Errorf("%s was called", to)
		}
	}
	for _, path := range []string{"/redirect", "/fails"} {
		if err := r.Respond(t.Context(), srv.URL+path, "x"); err == nil || strings.Contains(err.Error(), srv.URL) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if len(got) != 3 {
		t.Errorf("called %v", got)
	}
	slack, err := slackinteraction.NewResponder(slackinteraction.HooksURL)
	if err != nil {
		t.Fatal(err)
	}
	if err := slack.Respond(t.Context(), "https://hooks.slack.com.evil.example/x", "x"); err == nil {
		t.Error("another host was called")
	}
	for _, base := range []string{"", "hooks.slack.com", "https://hooks.slack.com/path", "https://u@hooks.slack.com"} {
		if _, err := slackinteraction.NewResponder(base); err == nil {
			t.Errorf("%q was taken", base)
		}
	}
}

func TestUsers(t *testing.T) {
	t.Parallel()
	got, err := slackinteraction.ParseUsers([]byte("users: {U0123456789: alice, W0123456789: bob}"))
	if err != nil || len(got) != 2 || got["U0123456789"] != "alice" {
		t.Errorf("%v, %v", got, err)
	}
	for raw, want := range map[string]string{"": "empty", "users: [a]": "line 1", "people: {}": "people", "users:\n  alice: U0123456789": "line 2", "users:\n  U0123456789: [a]": "line 2",
		"users:\n  U0123456789: a\n  U0123456789: b": "line 3", "users: {U0123456789: ''}": "line 1", strings.Repeat("#", 2<<20): "bytes"} {
		if _, err := slackinteraction.ParseUsers([]byte(raw)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", raw, err, want)
		}
	}
	file := filepath.Join(t.TempDir(), "users")
	if _, err := slackinteraction.OpenUsers(file, zap.NewNop()); err == nil {
		t.Error("a file that is not there was read")
	}
}

func FuzzParseUsers(f *testing.F) {
	f.Add("users: {U0123456789: alice}")
	f.Fuzz(func(t *testing.T, raw string) {
		users, err := slackinteraction.ParseUsers([]byte(raw))
		for id, name := range users {
			if err != nil || id == "" || name == "" {
				t.Errorf("%q: %q, %v", id, name, err)
			}
		}
	})
}

func TestReadSecrets(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secrets")
	for content, n := range map[string]int{exampleSecret: 1, exampleSecret + "\n\nanother signing secret\n": 2, "": 0, "canary": 0} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := slackinteraction.ReadSecrets(file)
		if len(got) != n || (err == nil) != (n > 0) || err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %d secrets, %v", content, len(got), err)
		}
	}
}
