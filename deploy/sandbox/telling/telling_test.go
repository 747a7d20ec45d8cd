package telling_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"go.uber.org/zap"

	"vigil/activities/notify"
	"vigil/deploy/sandbox/telling"
	"vigil/gateway/slackinteraction"
	"vigil/workflows/incident"
)

// TestPrepare: what is written is what worker and gateway read, everybody whom
// Vigil asks or tells by default is there, and each channel is the sandbox's.
func TestPrepare(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "sandbox")
	const url = "http://127.0.0.1:4566"
	webhooks, err := telling.Prepare(dir, url)
	if err != nil {
		t.Fatal(err)
	}
	f, err := notify.Read(telling.WorkerFlags(dir, url)["notify-file"])
	if err != nil {
		t.Fatal(err)
	}
	if nobody := f.Nobody(incident.DefaultSettings().Ladder); len(nobody)+len(f.Skipped) > 0 {
		t.Errorf("nobody is told as %v and %v", nobody, f.Skipped)
	}
	kinds := map[notify.ChannelKind]bool{}
	for name, c := range f.Channels {
		kinds[c.Kind] = true
		if c.Kind != notify.KindSNS && (len(c.URL) <= len(url) || c.URL[:len(url)] != url) {
			t.Errorf("%s tells %s", name, c.URL)
		}
		if raw, err := os.ReadFile(c.SecretFile); c.Kind != notify.KindSNS && (err != nil || len(raw) < 20) {
			t.Errorf("the secret of %s has %d bytes: %v", name, len(raw), err)
		}
	}
	if got := slices.Sorted(maps.Keys(kinds)); len(got) != len(notify.ChannelKinds) {
		t.Errorf("told by %v", got)
	}
	gateway := telling.GatewayFlags(dir, url)
	users, err := slackinteraction.OpenUsers(gateway["slack-users-file"], zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	if name, ok := users.Principal(telling.Member); !ok || name != telling.Person {
		t.Errorf("the member is %q", name)
	}
	if _, err := slackinteraction.ReadSecrets(gateway["slack-signing-secret-file"]); err != nil {
		t.Error(err)
	}
	before := contents(t, dir)

	again, err := telling.Prepare(dir, url)
	if err != nil || fmt.Sprint(again) != fmt.Sprint(webhooks) || !maps.Equal(before, contents(t, dir)) {
		t.Errorf("a second start has other secrets: %v", err)
	}
}

// Sandbox, worker and gateway of separate processes prepare at once.
func TestPrepareAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var all [8]string
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() {
			webhooks, err := telling.Prepare(dir, "http://127.0.0.1:1")
			all[i] = fmt.Sprint(webhooks, err)
		})
	}
	wg.Wait()
	for _, one := range all {
		if one != all[0] {
			t.Errorf("%s and %s", one, all[0])
		}
	}
	if n := len(contents(t, dir)); n != 7 {
		t.Errorf("%d files, some of them left over", n)
	}
}

func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, e := range entries {
		raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = string(raw)
	}
	return out
}
