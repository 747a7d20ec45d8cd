package webhook_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigil/activities/webhook"
	"vigil/workflows/incident"
)

const full = `hooks:
  - name: drain
    url: https://ops.example/drain
    state_url: https://ops.example/state
    status_url: http://127.0.0.1:8080/status?team=shop
    secret_file: drain.secret
    timeout: 5s
    header_files:
      authorization: /etc/vigil/authorization
  - name: flush_cache
    url: http://localhost/flush
    secret_file: flush.secret
`

func TestLoad(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "hooks.yaml")
	if err := os.WriteFile(path, []byte(full), 0o600); err != nil {
		t.Fatal(err)
	}
	hooks, err := webhook.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(hooks) != 2 || hooks[0].Timeout != 5*time.Second || hooks[1].Timeout != 10*time.Second || hooks[0].SecretFile != filepath.Join(filepath.Dir(path), "drain.secret") ||
		hooks[0].HeaderFiles["Authorization"] != "/etc/vigil/authorization" {
		t.Errorf("%+v", hooks)
	}
	if _, err := webhook.New(hooks, nil); incident.KindOf(err) != incident.KindInvalid || !strings.Contains(err.Error(), "drain.secret") {
		t.Errorf("a secret that is not there: %v", err)
	}
	if _, err := webhook.Load(filepath.Join(t.TempDir(), "none")); incident.KindOf(err) != incident.KindInvalid {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	hook := func(lines string) string {
		return "hooks:\n  - name: drain\n    url: https://ops.example/drain\n    secret_file: s\n" + lines
	}
	for name, text := range map[string]string{
		"nothing":             "",
		"no hooks":            "hooks: []",
		"an unknown field":    hook("    secret: hunter2\n"),
		"twice":               full + "  - {name: drain, url: https://a.example/, secret_file: s}\n",
		"a bad name":          "hooks: [{name: Drain It, url: https://a.example/, secret_file: s}]",
		"no secret":           "hooks: [{name: drain, url: https://a.example/}]",
		"no url":              "hooks: [{name: drain, secret_file: s}]",
		"plain http":          "hooks: [{name: drain, url: http://ops.example/, secret_file: s}]",
		"plain http to a lan": "hooks: [{name: drain, url: http://10.0.0.1/, secret_file: s}]",
		"like loopback":       "hooks: [{name: drain, url: http://127.0.0.1.example/, secret_file: s}]",
		"a password":          "hooks: [{name: drain, url: https://user:hunter2@ops.example/, secret_file: s}]",
		"a file":              "hooks: [{name: drain, url: file:///etc/passwd, secret_file: s}]",
		"a fragment":          "hooks: [{name: drain, url: 'https://ops.example/#x', secret_file: s}]",
		"a bad status_url":    hook("    status_url: ftp://ops.example/\n"),
		"too patient":         hook("    timeout: 5m\n"),
		"no patience":         hook("    timeout: -1s\n"),
		"Vigil's own header":  hook("    header_files: {vigil-signature: f}\n"),
		"a header twice":      hook("    header_files: {x-key: f, X-Key: g}\n"),
		"no header":           hook("    header_files: {'x key': f}\n"),
		"a header of nothing": hook("    header_files: {x-key: ''}\n"),
	} {
		hooks, err := webhook.Read("hooks.yaml", []byte(text))
		if err == nil || incident.KindOf(err) != incident.KindInvalid || strings.Contains(err.Error(), "hunter2@") {
			t.Errorf("%s: %+v, %v", name, hooks, err)
		}
	}
	var many strings.Builder
	many.WriteString("hooks:\n")
	for i := range 201 {
		fmt.Fprintf(&many, "  - {name: h%d, url: https://a.example/, secret_file: s}\n", i)
	}
	if _, err := webhook.Read("hooks.yaml", []byte(many.String())); err == nil {
		t.Error("201 hooks are taken")
	}
}

// FuzzRead: whatever the file holds, hooks that are taken are named, signed,
// patient within bounds, and lead to https or to the machine itself.
func FuzzRead(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte("hooks: [{name: drain, url: 'https://[::1]:80/%2f?x', secret_file: s, timeout: 1s}]"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		hooks, err := webhook.Read("hooks.yaml", raw)
		if err != nil {
			return
		}
		for _, h := range hooks {
			https := strings.HasPrefix(strings.ToLower(h.URL), "https://")
			if h.Name == "" || h.SecretFile == "" || h.Timeout <= 0 || h.Timeout > 30*time.Second || (!https && !strings.HasPrefix(strings.ToLower(h.URL), "http://")) {
				t.Errorf("taken: %+v", h)
			}
		}
	})
}

// TestReadSaysAll: every mistake is told at once, with its line.
func TestReadSaysAll(t *testing.T) {
	t.Parallel()
	_, err := webhook.Read("hooks.yaml", []byte("hooks:\n  - name: Drain\n    url: http://ops.example/secret-path\n    timeout: 1h\n    secret: s\n"))
	if err == nil || strings.Contains(err.Error(), "secret-path") {
		t.Fatal(err)
	}
	for _, want := range []string{"hooks.yaml:2: hooks[0].name: \"Drain\" is no name", "hooks.yaml:3: hooks[0].url: it is not https", "hooks.yaml:4: hooks[0].timeout: 1h0m0s is out of bounds",
		"hooks.yaml:5: hooks[0].secret: there is no such field", "hooks[0].secret_file: is missing"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %q:\n%v", want, err)
		}
	}
}
