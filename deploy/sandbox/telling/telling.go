// Package telling has people told by the sandbox's own Slack, PagerDuty, SNS and
// webhook: it writes the notification file that a worker reads, and what a
// gateway needs to believe clicks in that Slack.
//
// Everything is kept in one directory. Secrets are random, made once and kept,
// so that a sandbox, a worker and a gateway that are started anew still know
// one another; nobody else's service takes them. Nothing leaves the machine.
// Several processes may prepare the same directory at once.
package telling

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Who there is to be told, and who clicks: the only member of the sandbox's
// Slack that the gateway knows. Sam may approve, and has no token that anybody
// knows, so only clicks are Sam's.
const (
	Person = "sam"
	Member = "U00000SAM"
)

// Webhook is the name of the sandbox's receiver that is told.
const Webhook = "ops"

// Files of the directory.
const (
	notifyFile  = "notify.yaml"
	usersFile   = "slack-users.yaml"
	tokenFile   = "slack-principals.yaml"
	signingFile = "slack-signing"

	slackFile = "slack-token"
	pagerFile = "pagerduty-key"
	hookFile  = "webhook-secret"
)

// WorkerFlags are the worker's flags, name to value, by which it tells people
// at the sandbox. public is where people reach the dashboards.
func WorkerFlags(dir, public string) map[string]string {
	return map[string]string{"notify-file": filepath.Join(dir, notifyFile), "public-url": public}
}

// GatewayFlags are the gateway's flags, name to value, by which it takes clicks
// in the Slack of the sandbox at url. They belong together.
func GatewayFlags(dir, url string) map[string]string {
	return map[string]string{"token-file": filepath.Join(dir, tokenFile), "slack-signing-secret-file": filepath.Join(dir, signingFile),
		"slack-users-file": filepath.Join(dir, usersFile), "slack-hooks-url": url}
}

// Prepare writes into dir what WorkerFlags and GatewayFlags name, for the
// sandbox at url, and returns the secrets of its webhooks, by name.
func Prepare(dir, url string) (webhooks map[string][]string, err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, fmt.Errorf("telling: find %s: %w", dir, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("telling: make the directory of the receivers: %w", err)
	}
	// A hash of what nobody is told: no token is Sam's.
	nobody := sha256.Sum256([]byte(rand.Text()))
	for name, content := range map[string]string{
		slackFile: "xoxb-sandbox-" + rand.Text(), pagerFile: rand.Text(), hookFile: rand.Text(), signingFile: rand.Text(),
		tokenFile: fmt.Sprintf("principals:\n  - name: %s\n    role: approver\n    token_sha256: %s\n", Person, hex.EncodeToString(nobody[:])),
	} {
		if err := once(filepath.Join(dir, name), content); err != nil {
			return nil, err
		}
	}
	for name, content := range map[string]string{notifyFile: notify(dir, url), usersFile: fmt.Sprintf("users:\n  %s: %s\n", Member, Person)} {
		if err := replace(filepath.Join(dir, name), content); err != nil {
			return nil, err
		}
	}
	raw, err := os.ReadFile(filepath.Join(dir, hookFile))
	if err != nil {
		return nil, fmt.Errorf("telling: read the secret of the webhook: %w", err)
	}
	return map[string][]string{Webhook: {string(raw)}}, nil
}

// notify is the notification file. Rates are high, because nobody is woken.
func notify(dir, url string) string {
	file := func(name string) string { return filepath.Join(dir, name) }
	return fmt.Sprintf(`# Written at every start: whom Vigil tells in development, all of them the AWS sandbox's own receivers.
# To have others told, give --notify-file with a file of yours; see deploy/docs/telling-people.md.
channels:
  slack: {kind: slack, url: %[1]q, token_file: %[2]q, channel: C00SANDBOX, rate: 20/s}
  pagerduty: {kind: pagerduty, url: %[3]q, routing_key_file: %[4]q, rate: 20/s}
  webhook: {kind: webhook, url: %[5]q, secret_file: %[6]q, rate: 20/s}
  sns: {kind: sns, topic_arn: "arn:aws:sns:us-east-1:000000000000:vigil-told.fifo", rate: 20/s}
people:
  %[7]s: {name: Sam, slack_id: %[8]s}
schedules:
  always: {zone: UTC, start: 2026-01-05, handover: monday 09:00, people: [%[7]s]}
teams: # those of the escalation ladder and of the escalation policy that come with Vigil
  on-call: {channels: [slack, pagerduty, webhook, sns], schedule: always}
  sre: {channels: [slack, pagerduty, webhook, sns], schedule: always}
  engineering leads: {channels: [slack], schedule: always}
  executives: {channels: [sns]}
  customer success: {channels: [webhook]}
`, url+"/_slack/api", file(slackFile), url+"/_pagerduty/v2/enqueue", file(pagerFile), url+"/_webhooks/"+Webhook, file(hookFile), Person, Member)
}

// once writes content where there is no file yet. Where two do at once, the
// first counts.
func once(path, content string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	fresh, err := beside(path, content)
	if err != nil {
		return err
	}
	err = os.Link(fresh, path)
	if gone := os.Remove(fresh); gone != nil {
		err = errors.Join(err, gone)
	}
	if err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("telling: keep %s: %w", filepath.Base(path), err)
	}
	return nil
}

// replace puts content in path's place, whole.
func replace(path, content string) error {
	fresh, err := beside(path, content)
	if err != nil {
		return err
	}
	if err := os.Rename(fresh, path); err != nil {
		return fmt.Errorf("telling: put %s in place: %w", filepath.Base(path), err)
	}
	return nil
}

// beside writes a file next to path, for this user alone.
func beside(path, content string) (fresh string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return "", fmt.Errorf("telling: write %s: %w", filepath.Base(path), err)
	}
	_, err = f.WriteString(content)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("telling: write %s: %w", filepath.Base(path), err), os.Remove(f.Name()))
	}
	return f.Name(), nil
}
