package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"vigil/deploy/e2e/harness"
	"vigil/deploy/processes"
	"vigil/deploy/sandbox"
	"vigil/internal/bus"
	"vigil/workflows/incident"
)

// What is configured where people are told, and is to be seen nowhere. They are
// put together here, so that no scanner takes this file for a leak.
const (
	slackToken   = "xoxb-" + "canary-of-the-slack-token"
	slackSigning = "canary-of-the-slack-signing-secret"
	pagerKey     = "canary-of-the-pagerduty-key"
	hookSecret   = "canary-of-the-webhook-secret"
)

// buttons of a proposal in Slack.
const buttonApprove, buttonReject = "vigil_approve", "vigil_reject"

// The people of these tests, as Slack knows them.
var slackUsers = map[string]string{"ana": "U00000ANA", "bob": "U00000BOB", "cleo": "U0000CLEO"}

const slackStranger = "U0STRANGER"

// receivers are what people are told by, all of them the sandbox's, and who may
// decide.
type receivers struct {
	api
	v      *harness.Vigil
	tokens string // file
}

// startReceivers starts Vigil with everybody told by every receiver, and with
// clicks in Slack decided by people of the token file.
func startReceivers(t *testing.T, workerArgs []string, people ...somebody) *receivers {
	t.Helper()
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	users := "users:\n"
	for name, id := range slackUsers {
		users += fmt.Sprintf("  %s: %s\n", id, name)
	}
	v := harness.Prepare(t, harness.Options{Tick: time.Second})
	r := &receivers{api: api{t: t, gateway: v.GatewayURL(), sandbox: v.SandboxURL()}, v: v, tokens: filepath.Join(dir, "tokens.yaml")}
	writeTokens(t, r.tokens, people...)
	v.WorkerArgs = append(append([]string{"--public-url", v.GatewayURL(), "--notify-file", write("notify.yaml", fmt.Sprintf(`
channels:
  chat: {kind: slack, url: "%[1]s/_slack/api", token_file: %[2]s, channel: C0123456789, rate: 50/s}
  pager: {kind: pagerduty, url: "%[1]s/_pagerduty/v2/enqueue", routing_key_file: %[3]s, rate: 50/s}
  hook: {kind: webhook, url: "%[1]s/_webhooks/ops", secret_file: %[4]s, rate: 50/s}
  topic: {kind: sns, topic_arn: "arn:aws:sns:us-east-1:000000000000:vigil.fifo", rate: 50/s}
teams:
  on-call: {channels: [chat, pager, hook, topic]}
  sre: {channels: [chat, pager, hook, topic]}
  engineering leads: {channels: [chat]}
`, v.SandboxURL(), write("slack-token", slackToken), write("pager-key", pagerKey), write("hook-secret", hookSecret)))}, quick...), workerArgs...)
	v.GatewayArgs = []string{"--token-file", r.tokens, "--slack-signing-secret-file", write("slack-signing", slackSigning),
		"--slack-users-file", write("slack-users.yaml", users), "--slack-hooks-url", v.SandboxURL()}
	for _, p := range []string{processes.Temporal, processes.NATS, processes.Sandbox, processes.Worker, processes.Gateway} {
		v.StartPart(p)
	}
	r.must(http.MethodPut, r.sandbox+"/_webhooks/ops", map[string]any{"secrets": []string{hookSecret}}, nil)
	return r
}

// heard is what a receiver took or refused, oldest first, and what people who
// clicked were told. channel "" is all of them.
func (r *receivers) heard(channel string) (all []sandbox.Told, said []string) {
	r.t.Helper()
	var out struct {
		Told    []sandbox.Told `json:"told"`
		Dropped int            `json:"dropped"`
		Said    []string       `json:"said"`
	}
	r.must(http.MethodGet, r.sandbox+"/_told?channel="+url.QueryEscape(channel), nil, &out)
	if out.Dropped > 0 {
		r.t.Fatalf("the sandbox has forgotten %d of what was told", out.Dropped)
	}
	return out.Told, out.Said
}

// click clicks a button of the incident's message, once it has one, as Slack
// would deliver it, and returns how the gateway answered each delivery.
func (r *receivers) click(c sandbox.Click) []int {
	r.t.Helper()
	return eventually(r.t, 30*time.Second, "the message has the button", func() ([]int, bool) {
		var out struct{ Statuses []int }
		status, text := r.call(http.MethodPost, r.sandbox+"/_slack/click", c, &out)
		if status != http.StatusOK && status != http.StatusNotFound {
			r.t.Fatalf("click: %d %s", status, text)
		}
		return out.Statuses, status == http.StatusOK
	})
}

// answered waits until somebody who clicked is told something.
func (r *receivers) answered(words string) {
	r.t.Helper()
	eventually(r.t, 20*time.Second, "who clicked is told "+words, func() ([]string, bool) {
		_, said := r.heard("")
		return said, len(said) > 0 && strings.Contains(said[len(said)-1], words)
	})
}

// roles replaces the token file, and waits until the gateway and the workers
// know. Who is not among people is nobody any more.
func (r *receivers) roles(people ...somebody) {
	r.t.Helper()
	writeTokens(r.t, r.tokens, people...)
	want := map[string]string{}
	for name := range slackUsers {
		want[name] = ""
	}
	for _, p := range people {
		want[p.name] = string(p.role)
	}
	nc, err := nats.Connect(r.v.NATSURL())
	if err != nil {
		r.t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		r.t.Fatal(err)
	}
	for name, role := range want {
		eventually(r.t, 20*time.Second, "workers know the role of "+name, func() (string, bool) {
			got, err := roleIn(js, name)
			return fmt.Sprintf("%q, %v", got, err), err == nil && got == role
		})
	}
}

// roleIn is the role that the gateway has written for workers; "" for none.
func roleIn(js jetstream.JetStream, name string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	kv, err := js.KeyValue(ctx, bus.PrincipalsBucket)
	if err != nil {
		return "", err
	}
	entry, err := kv.Get(ctx, bus.Key(name))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var v bus.PrincipalValue
	err = json.Unmarshal(entry.Value(), &v)
	return v.Role, err
}

// bearer signs a request as somebody.
func bearer(p somebody) []string { return []string{"Authorization", "Bearer " + p.token} }

// keepsSecrets holds that nothing that was configured as a secret is in a log of
// a process, in what the API says of the incident, or in what was told.
func (r *receivers) keepsSecrets(id string) {
	r.t.Helper()
	places := map[string]string{}
	for _, p := range []string{processes.Temporal, processes.NATS, processes.Sandbox, processes.Worker, processes.Gateway} {
		places["the log of "+p] = r.v.Log(p)
	}
	for _, path := range []string{"/api/v1/incidents/" + id, "/api/v1/audit?limit=200", "/api/v1/controls", "/api/v1/system/health", "/api/v1/incidents?limit=100", "/metrics"} {
		status, text := r.call(http.MethodGet, r.gateway+path, nil, nil)
		if status != http.StatusOK {
			r.t.Errorf("%s: %d %s", path, status, text)
		}
		places[path] = text
	}
	for name, what := range map[string]any{"the events": r.history(id), "the incident": r.view(id)} {
		raw, err := json.Marshal(what)
		if err != nil {
			r.t.Fatal(err)
		}
		places[name] = string(raw)
	}
	all, said := r.heard("")
	raw, err := json.Marshal([]any{all, said})
	if err != nil {
		r.t.Fatal(err)
	}
	places["what was told"] = string(raw)
	for where, text := range places {
		if text == "" && !strings.HasPrefix(where, "the log") {
			r.t.Errorf("%s is empty, so nothing is shown", where)
		}
		for _, secret := range []string{slackToken, slackSigning, pagerKey, hookSecret} {
			if i := strings.Index(text, secret); i >= 0 {
				r.t.Errorf("%.12s… is in %s: %s", secret, where, text[max(0, i-200):i])
			}
		}
	}
}

// slackPost is a message of Slack's.
type slackPost struct {
	TS     string          `json:"ts"`
	Thread string          `json:"thread_ts"`
	Text   string          `json:"text"`
	Blocks json.RawMessage `json:"blocks"`
}

// checkSlack holds that the incident is one message that was changed in place,
// with replies in its thread, each said once. It returns how many there were.
func (r *receivers) checkSlack() (updates, replies int) {
	r.t.Helper()
	all, _ := r.heard("slack")
	messages := 0
	said := map[string]int{}
	changed := map[string]bool{}
	for _, one := range all {
		var p slackPost
		if !one.Done || one.Operation != "chat.postMessage" && one.Operation != "chat.update" {
			continue
		}
		if err := json.Unmarshal(one.Body, &p); err != nil {
			r.t.Fatal(err)
		}
		if !strings.Contains(string(p.Blocks), "Simulated") && !strings.Contains(p.Text, "imulated") {
			r.t.Errorf("nothing says that this is simulated: %s", one.Body)
		}
		switch {
		case one.Operation == "chat.update":
			updates++
			changed[p.TS] = true
		case p.Thread != "":
			replies++
			changed[p.Thread] = true
		default:
			messages++
		}
		if one.Operation == "chat.postMessage" {
			if said[one.Key]++; one.Repeated {
				r.t.Errorf("said twice: %s", one.Body)
			}
		}
	}
	if messages != 1 || len(changed) != 1 {
		r.t.Errorf("the incident is %d messages, and what was changed or answered are %v", messages, changed)
	}
	return updates, replies
}

// pager are the calls that PagerDuty took, as action and alert.
func (r *receivers) pager() []string {
	r.t.Helper()
	all, _ := r.heard("pagerduty")
	var out []string
	for _, one := range all {
		if one.Done && !one.Repeated {
			out = append(out, one.Operation+" "+one.Key)
		}
	}
	return out
}

// hook are the kinds of notification that the webhook took, each with a good
// signature.
func (r *receivers) hook() map[incident.NotificationKind]int {
	r.t.Helper()
	all, _ := r.heard("webhook ops")
	out := map[incident.NotificationKind]int{}
	for _, one := range all {
		var m struct {
			Kind   incident.NotificationKind `json:"kind"`
			Origin incident.Origin           `json:"origin"`
		}
		if err := json.Unmarshal(one.Body, &m); err != nil {
			r.t.Fatal(err)
		}
		if one.Done && one.Signed != "good" || m.Origin != incident.OriginSimulated {
			r.t.Errorf("the webhook took %s, signature %s, origin %s", m.Kind, one.Signed, m.Origin)
		}
		if one.Done && !one.Repeated {
			out[m.Kind]++
		}
	}
	return out
}
