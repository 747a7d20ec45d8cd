package gateway_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"vigil/gateway"
	"vigil/workflows/incident"
)

const slackSecret = "slack-canary-5f1d9c2e7a"

// inSlack is the part of Slack that people are answered at.
type inSlack struct {
	*httptest.Server
	mu   sync.Mutex
	said []string
}

func newInSlack(tb testing.TB) *inSlack {
	s := &inSlack{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var in struct {
			Type string `json:"response_type"`
			Text string `json:"text"`
		}
		raw, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(raw, &in) // what cannot be read fails the test by its absence
		s.mu.Lock()
		defer s.mu.Unlock()
		s.said = append(s.said, in.Type+": "+in.Text)
	}))
	tb.Cleanup(s.Close)
	return s
}

// next waits for the n-th answer.
func (s *inSlack) next(tb testing.TB, n int) string {
	tb.Helper()
	text := ""
	eventually(tb, "an answer in Slack", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.said) >= n {
			text = s.said[n-1]
		}
		return text != ""
	})
	return text
}

// withSlack configures users U000000<n>: approver, viewer, and one who is gone.
func withSlack(tb testing.TB, s *inSlack) func(*setup) {
	dir := tb.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		must(tb, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	return func(c *setup) {
		c.cfg.SlackSigningSecretFile = write("secret", "the signing secret before\n"+slackSecret+"\n")
		c.cfg.SlackUsersFile = write("users.yaml", "users: {U0000001: a approver, U0000002: a viewer, U0000003: somebody who left}\n")
		c.cfg.SlackHooksURL = s.URL
	}
}

// click posts a click as Slack does.
func (r *rig) click(user, action, at, responseURL string, change ...func(*http.Request)) answer {
	r.tb.Helper()
	value := `{"incident":"inc-1","proposal":"p-1","hash":"h"}`
	payload := fmt.Sprintf(`{"type":"block_actions","team":{"id":"T1"},"user":{"id":%q},"container":{"channel_id":"C1","message_ts":"1.2"},"response_url":%q,"actions":[{"action_id":%q,"action_ts":%q,"value":%q}]}`,
		user, responseURL, action, at, value)
	return r.postSlack([]byte(url.Values{"payload": {payload}}.Encode()), slackSecret, change...)
}

func (r *rig) postSlack(body []byte, secret string, change ...func(*http.Request)) answer {
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("v0:" + stamp + ":"))
	mac.Write(body)
	return r.do("POST", "/api/v1/slack/interactions", body, append([]func(*http.Request){header("Content-Type", "application/x-www-form-urlencoded"),
		header("X-Slack-Request-Timestamp", stamp), header("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))}, change...)...)
}

func (e *engine) decisions() (out []updateCall) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, u := range e.updates {
		if u.name == incident.UpdateDecide {
			out = append(out, u)
		}
	}
	return out
}

func TestSlackDecides(t *testing.T) {
	t.Parallel()
	s := newInSlack(t)
	r := start(t, withSlack(t, s))
	for i, c := range []struct{ action, decision string }{{"vigil_approve", "approve"}, {"vigil_reject", "reject"}} {
		r.expect("click", r.click("U0000001", c.action, fmt.Sprint(i), s.URL+"/actions/1"), 200, "")
		if text := s.next(t, i+1); text != "ephemeral: Approved, by a approver." {
			t.Errorf("%s: %s", c.action, text)
		}
		d := r.engine.decisions()
		args, ok := d[len(d)-1].args.(incident.DecideArgs)
		want := incident.DecideArgs{Principal: incident.Principal{Name: "a approver", Role: incident.RoleApprover}, Decision: c.decision, ProposalID: "p-1", ActionHash: "h", Comment: "via Slack"}
		if !ok || len(d) != i+1 || d[i].id != "inc-1" || args != want {
			t.Errorf("%+v", d)
		}
	}
	// The same click again decides nothing again, and is answered as the first was.
	r.expect("the same click", r.click("U0000001", "vigil_approve", "0", s.URL+"/actions/1"), 200, "")
	if text := s.next(t, 3); text != "ephemeral: Approved, by a approver." || len(r.engine.decisions()) != 2 {
		t.Errorf("%s, %d decisions", text, len(r.engine.decisions()))
	}
	entries := r.audited("inc-1")
	if len(entries) != 3 || !strings.Contains(entries[0], "a approver slack.decided") || !strings.Contains(entries[0], "via Slack") || !strings.Contains(entries[0], "U0000001") {
		t.Errorf("audit %q", entries)
	}
}

// audited is the audit of a subject, latest first, an entry a line.
func (r *rig) audited(subject string) (out []string) {
	r.tb.Helper()
	var list gateway.AuditList
	r.expect("audit", r.do("GET", "/api/v1/audit?subject="+subject, nil, as(incident.RoleViewer)), 200, "").into(r.tb, &list)
	for _, e := range list.Entries {
		out = append(out, e.Principal+" "+e.Action+" "+e.Reason+" "+string(e.Detail))
	}
	return out
}

func TestSlackRefuses(t *testing.T) {
	t.Parallel()
	for user, want := range map[string]string{"U0000002": "the role viewer", "U0000003": "may not use it any more", "U0000009": "does not know who you are"} {
		s := newInSlack(t)
		r := start(t, withSlack(t, s))
		r.expect("click", r.click(user, "vigil_approve", "1", s.URL+"/actions/1"), 200, "")
		if text := s.next(t, 1); !strings.Contains(text, want) || !strings.HasPrefix(text, "ephemeral: ") {
			t.Errorf("%s: %s", user, text)
		}
		if d := r.engine.decisions(); len(d) != 0 {
			t.Errorf("%s decided: %+v", user, d)
		}
		if log := r.audited("inc-1"); len(log) != 1 || !strings.Contains(log[0], "slack.refused") || !strings.Contains(log[0], user) {
			t.Errorf("audit %q", log)
		}
	}
}

// TestSlackRoleIsOfTheMoment: a role that was taken away is gone, also for
// buttons that were there before.
func TestSlackRoleIsOfTheMoment(t *testing.T) {
	t.Parallel()
	s := newInSlack(t)
	r := start(t, withSlack(t, s))
	r.expect("click", r.click("U0000001", "vigil_approve", "1", s.URL+"/actions/1"), 200, "")
	s.next(t, 1)
	before, after, _ := strings.Cut(tokenFile, "role: approver")
	must(t, os.WriteFile(filepath.Join(r.dir, "tokens.yaml"), []byte(before+"role: viewer"+after), 0o600))
	eventually(t, "the token file", func() bool {
		return r.do("POST", "/api/v1/incidents/inc-1/decisions", gateway.DecisionRequest{Decision: "approve", ProposalID: "p", ActionHash: "h"}, as(incident.RoleApprover)).status == 403
	})
	n := len(r.engine.decisions())
	r.expect("click", r.click("U0000001", "vigil_approve", "2", s.URL+"/actions/1"), 200, "")
	if text := s.next(t, 2); !strings.Contains(text, "the role viewer") || len(r.engine.decisions()) != n {
		t.Errorf("%s, %d decisions more", text, len(r.engine.decisions())-n)
	}
}

func TestSlackTellsTheTruth(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		answer any
		err    error
		want   string
	}{
		{nil, incident.Errorf(incident.KindConflict, "already approved by bob"), "Nothing was decided by this: already approved by bob."},
		{nil, incident.Errorf(incident.KindConflict, "the action has changed since: the hash is another"), "the action has changed"},
		{nil, incident.Errorf(incident.KindNotFound, "no workflow"), "no such incident"},
		{nil, incident.Errorf(incident.KindUnavailable, "temporal-canary is away"), "could not be reached"},
		{nil, fmt.Errorf("panic canary"), "could not be reached"},
		{incident.DecideResult{State: incident.ProposalPending, Have: 1, Need: 2}, nil, "1 of 2"},
		{incident.DecideResult{State: incident.ProposalRejected, DecidedBy: "<!channel>"}, nil, "Rejected, by &lt;!channel&gt;."},
	} {
		s := newInSlack(t)
		r := start(t, withSlack(t, s), func(s *setup) {
			s.deps.Engine.(*engine).onUpdate = func(updateCall) (any, error) { return c.answer, c.err }
		})
		r.expect("click", r.click("U0000001", "vigil_approve", "1", s.URL+"/actions/1"), 200, "")
		if text := s.next(t, 1); !strings.Contains(text, c.want) || strings.Contains(text, "canary") {
			t.Errorf("%v: %s, want %q", c.err, text, c.want)
		}
	}
}

func TestSlackIsVerified(t *testing.T) {
	t.Parallel()
	s := newInSlack(t)
	core, logs := observer.New(zapcore.DebugLevel)
	r := start(t, withSlack(t, s), func(c *setup) { c.deps.Log = zap.New(core) })
	good := []byte("payload=" + url.QueryEscape(`{"type":"block_actions"}`))
	r.expect("not asked for anything", r.postSlack(good, slackSecret), 200, "")
	r.expect("the secret before", r.postSlack(good, "the signing secret before"), 200, "")
	r.expect("another secret", r.postSlack(good, "somebody else's secret"), 401, "not of this app's")
	r.expect("unsigned", r.do("POST", "/api/v1/slack/interactions", good), 401, "not signed")
	r.expect("old", r.postSlack(good, slackSecret, header("X-Slack-Request-Timestamp", "1531420618")), 401, "")
	r.expect("no credentials help", r.do("POST", "/api/v1/slack/interactions", good, as(incident.RoleAdmin)), 401, "not signed")
	r.expect("not a form", r.postSlack([]byte("x"), slackSecret), 400, "payload")
	r.expect("huge", r.postSlack([]byte(strings.Repeat("x", 300<<10)), slackSecret), 413, "")
	// An answer goes to Slack and to nobody else.
	elsewhere := newInSlack(t)
	r.expect("another response_url", r.click("U0000001", "vigil_approve", "1", elsewhere.URL+"/actions"), 200, "")
	eventually(t, "a decision", func() bool { return len(r.engine.decisions()) == 1 })
	eventually(t, "a word in the log", func() bool { return logs.FilterMessageSnippet("could not be told").Len() == 1 })
	if len(elsewhere.said) != 0 {
		t.Errorf("somebody else was told %v", elsewhere.said)
	}
	for _, e := range logs.All() {
		line := e.Message + fmt.Sprint(e.ContextMap())
		if strings.Contains(line, slackSecret) || strings.Contains(line, elsewhere.URL) {
			t.Errorf("the log holds a secret: %s", line)
		}
	}
}

// TestSlackIsOff: without a signing secret there is no such address.
func TestSlackIsOff(t *testing.T) {
	t.Parallel()
	r := start(t)
	if a := r.postSlack([]byte("payload={}"), slackSecret); a.status != 404 && a.status != 405 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestSlackConfig(t *testing.T) {
	t.Parallel()
	s := newInSlack(t)
	for name, c := range map[string]struct {
		change func(*setup)
		want   string
	}{
		"no users":           {func(s *setup) { s.cfg.SlackUsersFile = "" }, "belong together"},
		"no secret":          {func(s *setup) { s.cfg.SlackSigningSecretFile = "" }, "belong together"},
		"no tokens":          {func(s *setup) { s.cfg.TokenFile, s.cfg.DevPrincipal = "", true }, "--token-file"},
		"no such secret":     {func(s *setup) { s.cfg.SlackSigningSecretFile += "x" }, "--slack-signing-secret-file"},
		"no such users":      {func(s *setup) { s.cfg.SlackUsersFile += "x" }, "--slack-users-file"},
		"answers to no host": {func(s *setup) { s.cfg.SlackHooksURL = "hooks" }, "--slack-hooks-url"},
	} {
		set := setup{cfg: gateway.DefaultConfig()}
		set.cfg.Listen, set.cfg.DataDir = "127.0.0.1:0", t.TempDir()
		set.cfg.TokenFile = filepath.Join(set.cfg.DataDir, "tokens.yaml")
		must(t, os.WriteFile(set.cfg.TokenFile, []byte(tokenFile), 0o600))
		withSlack(t, s)(&set)
		c.change(&set)
		stream := newStream()
		g, err := gateway.New(set.cfg, gateway.Deps{Engine: &engine{}, Streams: stream, Publisher: stream, Controls: newBucket(), Principals: newBucket()})
		if err == nil {
			err = g.Start(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestSlackIsDocumented as every other route is.
func TestSlackIsDocumented(t *testing.T) {
	t.Parallel()
	r := start(t, withSlack(t, newInSlack(t)))
	if !strings.Contains(string(r.document()), "/api/v1/slack/interactions") {
		t.Error("the document does not have the route")
	}
}
