package gateway

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// Gateways that start at once on one directory have to sign with the same key.
// One of them could read the file between its making and its writing, and did
// not start; and after a power cut it was empty for good.
func TestSessionKeyIsWholeFromTheStart(t *testing.T) {
	for range 20 {
		path := filepath.Join(t.TempDir(), "session.key")
		const gateways = 8
		secrets := make(chan []byte, gateways)
		for range gateways {
			go func() {
				s, err := openSessions(path, false)
				if err != nil {
					t.Error(err)
					secrets <- nil
					return
				}
				secrets <- s.secret
			}()
		}
		first := <-secrets
		for range gateways - 1 {
			if other := <-secrets; !bytes.Equal(first, other) {
				t.Fatal("two gateways sign with different keys")
			}
		}
		if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
			t.Fatalf("left beside the key: %v, %v", left, err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 || info.Size() != sessionSecret {
			t.Fatalf("%v, %v", info, err)
		}
	}
}
