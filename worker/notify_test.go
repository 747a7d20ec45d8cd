package worker

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"vigil/workflows/incident"
)

const told = `
channels:
  ops: {kind: slack, token_file: /etc/vigil/slack-token, channel: C0123456789}
  pager: {kind: pagerduty, routing_key_file: /etc/vigil/key}
  hook: {kind: webhook, url: "https://hooks.example.org/x", secret_file: /etc/vigil/secret}
  topic: {kind: sns, topic_arn: "arn:aws:sns:eu-west-1:111122223333:vigil"}
teams:
  on-call: {channels: [ops, pager]}
  sre: {channels: [ops, hook, topic]}
`

// notifying is a configuration that needs nothing but what it is given.
func notifying(t *testing.T, file string) Config {
	t.Helper()
	c := DefaultConfig()
	c.Sources, c.PrometheusURL, c.Provider, c.DataDir, c.Region = []string{SourcePrometheus}, "http://127.0.0.1:1", ProviderNone, "", "eu-west-1"
	if file != "" {
		c.NotifyFile = filepath.Join(t.TempDir(), "notify.yaml")
		if err := os.WriteFile(c.NotifyFile, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func logged(t *testing.T, c Config) (*Ports, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zapcore.InfoLevel)
	p, err := NewPorts(t.Context(), c, Deps{Log: zap.New(core), AccessKeyID: "x", SecretAccessKey: "x"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p, logs
}

func TestNobodyIsTold(t *testing.T) {
	t.Parallel()
	p, logs := logged(t, notifying(t, ""))
	if p.Notifier != nil || len(p.Settings.Teams) != 0 || logs.FilterMessageSnippet("Nobody is told").Len() != 1 {
		t.Errorf("%v, %v, %v", p.Notifier, p.Settings.Teams, logs.All())
	}
}

func TestTold(t *testing.T) {
	t.Parallel()
	p, logs := logged(t, notifying(t, told))
	if p.Notifier == nil || len(p.Settings.Teams["sre"]) != 3 || len(p.Settings.Escalation[incident.SeverityLow]) != 1 {
		t.Errorf("%v, %v, %v", p.Notifier, p.Settings.Teams, p.Settings.Escalation)
	}
	ladder := logs.FilterMessageSnippet("ladder").All() // on-call is a team, engineering leads are none
	if len(ladder) != 1 || !strings.Contains(ladder[0].ContextMap()["levels"].([]any)[0].(string), "engineering leads") {
		t.Errorf("%v", logs.All())
	}
	if logs.FilterMessageSnippet("left out").Len() != 1 {
		t.Errorf("%v", logs.All())
	}
	d, err := p.Notifier.Notify(t.Context(), incident.Notification{Channel: "ops", Key: "k", Kind: incident.NotifyOpened})
	if err != nil || d.State != incident.DeliveryFailed { // there is no token
		t.Errorf("%+v, %v", d, err)
	}
}

func TestNotifyFileIsChecked(t *testing.T) {
	t.Parallel()
	if _, err := New(notifying(t, "teams: {a: {channels: [b]}}"), Deps{}); err == nil || !strings.Contains(err.Error(), "notify.yaml:1: teams.a.channels") {
		t.Errorf("%v", err)
	}
	c := notifying(t, told)
	c.PublicURL = "vigil"
	if _, err := NewPorts(t.Context(), c, Deps{}, nil); err == nil || !strings.Contains(err.Error(), "--public-url") {
		t.Errorf("%v", err)
	}
}
