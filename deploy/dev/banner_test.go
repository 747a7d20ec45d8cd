package main

import (
	"encoding/json"
	"net"
	"testing"
	"time"
)

func mustListen(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// What the banner tells people to paste must be what it says.
func TestExampleAlertIsAWebhook(t *testing.T) {
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	var hook struct {
		Version, GroupKey string
		Alerts            []struct {
			Status   string
			Labels   map[string]string
			StartsAt time.Time
		}
	}
	if err := json.Unmarshal([]byte(exampleAlert(now)), &hook); err != nil {
		t.Fatal(err)
	}
	if hook.Version != "4" || hook.GroupKey == "" || len(hook.Alerts) != 1 || !hook.Alerts[0].StartsAt.Equal(now) || hook.Alerts[0].Labels["service"] != "checkout" {
		t.Errorf("the webhook is %+v", hook)
	}
}
