package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

var alertmanager struct {
	once sync.Once
	out  []byte
	err  error
}

// Alertmanager is the path of a real one, built by deploy/tools/alertmanager
// beside the other binaries. Where it is not there, or is of another version
// than the one that is pinned, it is built, which takes minutes the first time.
func Alertmanager(t testing.TB) string {
	t.Helper()
	root := repository(t)
	dir := os.Getenv(EnvBin)
	if dir == "" {
		dir = filepath.Join(root, ".vigil", "bin")
	}
	path, err := filepath.Abs(filepath.Join(dir, "alertmanager"))
	if err != nil {
		t.Fatal(err)
	}
	alertmanager.once.Do(func() {
		cmd := exec.Command("go", "run", "./tools/alertmanager", "-to", path)
		cmd.Dir = filepath.Join(root, "deploy")
		alertmanager.out, alertmanager.err = cmd.CombinedOutput()
	})
	if alertmanager.err != nil {
		t.Fatalf("build Alertmanager: %v\n%s", alertmanager.err, alertmanager.out)
	}
	return path
}

// FreeAddrs are addresses on loopback that nobody listens on, and that no other
// test is given.
func FreeAddrs(t testing.TB, n int) []string {
	t.Helper()
	return freePorts(t, n)
}
