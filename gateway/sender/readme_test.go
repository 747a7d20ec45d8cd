package sender_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vigil/gateway/sender"
)

// What the README has people paste is read.
func TestReadmeStanza(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(readme), "```yaml\nsources:\n")
	text, _, ended := strings.Cut(rest, "```")
	if !found || !ended {
		t.Fatal("the README has no sources file")
	}
	dir := t.TempDir()
	for _, name := range []string{"pagerduty-new", "pagerduty-old", "grafana", "grafana-eu"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Repeat("s", 40)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i := 0; strings.Contains(text, "…"); i++ { // each its own hash
		text = strings.Replace(text, "…", strings.Repeat(string(rune('a'+i)), 64), 1)
	}
	path := filepath.Join(dir, "sources.yaml")
	if err := os.WriteFile(path, []byte("sources:\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := sender.Open(path, sender.Options{RoutingKey: func([]byte) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pagerduty", "grafana", "sns", "datadog", "pagerduty-events", "grafana-eu"} {
		if _, listed := s.Find(name); !listed {
			t.Errorf("%s is not listed", name)
		}
	}
	if as := s.Formats()["grafana-eu"]; as != "grafana" {
		t.Errorf("grafana-eu is read as %q", as)
	}
}
