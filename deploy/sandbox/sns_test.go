package sandbox_test

import (
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"vigil/deploy/sandbox"
	"vigil/deploy/sandbox/signing"
	"vigil/deploy/sandbox/world"
	"vigil/gateway/sender"
)

// freeAddr is an address on loopback that nobody listens on.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// believes asks the gateway's own verifier, which knows the sandbox from the
// sources file in dir and nothing else.
func believes(t *testing.T, dir, body string) error {
	t.Helper()
	sources, err := sender.Open(signing.Sources(dir), sender.Options{Now: func() time.Time { return genesis.Add(10 * time.Minute) }})
	if err != nil {
		t.Fatal(err)
	}
	sns, ok := sources.Find("sns")
	if !ok {
		t.Fatal("the sources file does not list sns")
	}
	_, err = sns.Auth.Verify(t.Context(), sender.Delivery{Raw: []byte(body), Body: []byte(body)})
	return err
}

// TestAlarmsAreSigned: the gateway believes an alarm of the sandbox, of one that
// was started anew too, and of no other sandbox.
func TestAlarmsAreSigned(t *testing.T) {
	t.Parallel()
	dir, addr := t.TempDir(), freeAddr(t)
	if err := signing.Prepare(dir, addr); err != nil {
		t.Fatal(err)
	}
	alarm := func(change func(*sandbox.Config)) (*fixture, string) {
		r := newReceiver(t, 200)
		f := mustServe(t, func(c *sandbox.Config) { c.Gateway = r.URL; change(c) })
		f.mustFault(world.FaultBadDeployment)
		f.clock.ticks(12)
		r.wait(t, 1)
		r.mu.Lock()
		defer r.mu.Unlock()
		return f, r.bodies[0]
	}
	kept := func(c *sandbox.Config) { c.SNSDir, c.SNSListen = dir, addr }
	first, body := alarm(kept)
	if err := believes(t, dir, body); err != nil {
		t.Errorf("an alarm was not believed: %v\n%s", err, body)
	}
	if err := believes(t, dir, strings.Replace(body, "ALARM", "OK", 1)); err == nil {
		t.Error("an alarm that was changed was believed")
	}
	if err := first.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	var unknown *sender.Error
	if err := believes(t, dir, body); !errors.As(err, &unknown) || unknown.Reason != sender.Unavailable {
		t.Errorf("while no certificate can be had: %v", err)
	}

	_, again := alarm(kept)
	for name, b := range map[string]string{"before": body, "after": again} {
		if err := believes(t, dir, b); err != nil {
			t.Errorf("an alarm from %s the restart was not believed: %v", name, err)
		}
	}
	stranger, forged := alarm(func(*sandbox.Config) {})
	if err := believes(t, dir, forged); err == nil {
		t.Error("an alarm of another sandbox was believed")
	}
	if err := believes(t, dir, strings.ReplaceAll(forged, stranger.SNSAddr(), addr)); err == nil {
		t.Error("an alarm of another sandbox was believed that names the certificate's host")
	}
}

// TestOneIdentity: whoever opens a directory finds the same identity, also when
// it is made at that moment, and a broken one is not replaced unasked.
func TestOneIdentity(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	paths := make(chan string)
	for range 4 {
		go func() {
			i, err := signing.Open(dir)
			if err != nil {
				t.Error(err)
				paths <- ""
				return
			}
			paths <- i.Path() + string(i.Authority())
		}()
	}
	first := <-paths
	for range 3 {
		if other := <-paths; other != first {
			t.Errorf("identities differ: %s and %s", first, other)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Fatalf("%v are left, %v", files, err)
	}
	if err := os.WriteFile(dir+"/"+files[0].Name(), []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := signing.Open(dir); err == nil || !strings.Contains(err.Error(), "remove the file") {
		t.Errorf("a broken identity: %v", err)
	}
}
