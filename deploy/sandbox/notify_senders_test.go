package sandbox_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigil/activities"
	"vigil/activities/notify"
	"vigil/activities/pagerduty"
	"vigil/activities/slack"
	"vigil/activities/sns"
	"vigil/activities/webhooknotify"
	"vigil/deploy/sandbox"
	"vigil/workflows/incident"
)

// failures keeps what went wrong.
type failures struct{ texts []string }

func (f *failures) Record(c activities.Call) { f.texts = append(f.texts, c.Error) }

// TestSendersTellOnce: what Vigil tells by the sandbox's Slack, PagerDuty, SNS
// and webhooks arrives once, whatever happens to requests and answers, and
// signed; no secret is in any error.
func TestSendersTellOnce(t *testing.T) {
	t.Parallel()
	f := mustServe(t, func(c *sandbox.Config) { c.Now = time.Now }) // Slack is asked for what was said lately
	secret := func(name, content string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const signing = "canary of a webhook's secret"
	if status := f.do("PUT", "/_webhooks/ops", map[string]any{"secrets": []string{signing}}, nil); status != 200 {
		t.Fatal(status)
	}
	file, err := notify.Parse("notify.yaml", fmt.Appendf(nil, `
channels:
  chat: {kind: slack, url: "%[1]s/_slack/api", token_file: %[2]s, channel: C0123456789, rate: 1000/s}
  pager: {kind: pagerduty, url: "%[1]s/_pagerduty/v2/enqueue", routing_key_file: %[3]s, rate: 1000/s}
  hook: {kind: webhook, url: "%[1]s/_webhooks/ops", secret_file: %[4]s, rate: 1000/s}
  topic: {kind: sns, topic_arn: "arn:aws:sns:us-east-1:000000000000:vigil.fifo", rate: 1000/s}
teams: {sre: {channels: [chat, pager, hook, topic]}}
`, f.URL(), secret("token", "xoxb-canary"), secret("key", "canary-routing-key"), secret("secret", signing)))
	if err != nil {
		t.Fatal(err)
	}
	seen := &failures{}
	topic, err := sns.New(f.config(), file.Channels["topic"].Target, seen)
	if err != nil {
		t.Fatal(err)
	}
	router, err := notify.New(file, map[string]notify.Speaker{
		"chat":  slack.New(slack.Config{URL: file.Channels["chat"].URL, TokenFile: file.Channels["chat"].SecretFile, Channel: file.Channels["chat"].Target}, seen),
		"pager": pagerduty.New(pagerduty.Config{URL: file.Channels["pager"].URL, RoutingKeyFile: file.Channels["pager"].SecretFile}, seen),
		"hook":  webhooknotify.New(webhooknotify.Config{URL: file.Channels["hook"].URL, SecretFile: file.Channels["hook"].SecretFile}, seen),
		"topic": topic,
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []string{"chat", "pager", "hook", "topic"} {
		service := map[string]string{"chat": "slack", "pager": "pagerduty", "hook": "webhook", "topic": "sns"}[c]
		ref := ""
		for i, kind := range incident.NotificationKinds {
			mode := []sandbox.ChaosMode{sandbox.ChaosDoThenTimeout, sandbox.ChaosStreamCut, sandbox.ChaosUnavailable, sandbox.ChaosMalformed}[i%4]
			operation := map[string]string{"chat": "chat.postMessage", "pager": "enqueue", "hook": "notify", "topic": "Publish"}[c]
			if service == "webhook" && mode == sandbox.ChaosMalformed {
				mode = sandbox.ChaosStreamCut // nothing is read of its answer
			}
			f.do("DELETE", "/_world/chaos", nil, nil)
			if status := f.do("POST", "/_world/chaos", sandbox.ChaosRule{Service: service, Operation: operation, Mode: mode, MS: 1}, nil); status != 200 {
				t.Fatal(status)
			}
			n := incident.Notification{Key: fmt.Sprintf("inc-1/%s/%s", c, kind), Kind: kind, Channel: c, Team: "sre", IncidentID: "inc-1", Title: "Checkout is slow", Service: "checkout", Text: "Look.",
				Severity: incident.SeverityHigh, Status: incident.StatusInvestigating, Outcome: incident.OutcomeRemediated, By: "alice", Origin: incident.OriginSimulated, OpenedAt: time.Now(), At: time.Now(), Ref: ref}
			var d incident.Delivery
			for range 5 {
				if d, err = router.Notify(t.Context(), n); err == nil {
					break
				}
				seen.texts = append(seen.texts, err.Error())
			}
			if err != nil || d.State != incident.DeliverySent && d.State != incident.DeliverySuppressed {
				t.Fatalf("%s to %s: %+v, %v", kind, c, d, err)
			}
			if d.Ref != "" {
				ref = d.Ref
			}
		}
	}
	for _, r := range f.told("").Told {
		if r.Channel == "webhook ops" && r.Signed != "good" && r.Chaos != sandbox.ChaosUnavailable {
			t.Errorf("%+v", r)
		}
		if r.Channel == "slack" && r.Repeated {
			t.Errorf("said twice: %+v", r)
		}
		if r.Problem != "" {
			t.Errorf("%+v", r)
		}
	}
	posts := map[string]int{}
	for _, r := range f.told("slack").Told {
		if r.Operation == "chat.postMessage" && r.Done {
			posts[r.Key]++
		}
	}
	if len(posts) != 7 { // the message, and six that are also said in its thread
		t.Errorf("%v", posts)
	}
	raw, err := json.Marshal(f.told(""))
	if err != nil {
		t.Fatal(err)
	}
	if s := string(raw) + strings.Join(seen.texts, "\n"); strings.Contains(s, "canary") || len(seen.texts) == 0 {
		t.Error("a secret is in an error, or shown by the sandbox")
	}
}
