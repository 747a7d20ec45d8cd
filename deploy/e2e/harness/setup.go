package harness

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// EnvBin names the directory of the binaries that tests run.
const EnvBin = "VIGIL_BIN"

var build struct {
	once sync.Once
	err  error
}

// binaries is the directory of the binaries, which are built where nobody
// says that they are.
func binaries(t testing.TB, root string) string {
	t.Helper()
	if dir := os.Getenv(EnvBin); dir != "" {
		return dir
	}
	dir := filepath.Join(root, ".vigil", "bin")
	build.once.Do(func() {
		build.err = errors.Join(
			goBuild(root, dir, "./worker/cmd/worker", "./gateway/cmd/gateway"),
			goBuild(filepath.Join(root, "deploy"), filepath.Join(dir, "vigil-dev"), "./dev"),
		)
	})
	if build.err != nil {
		t.Fatal(build.err)
	}
	return dir
}

func goBuild(dir, to string, packages ...string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if len(packages) > 1 {
		to += string(filepath.Separator) // a directory, so that each keeps its name
	}
	cmd := exec.Command("go", append([]string{"build", "-o", to}, packages...)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %v in %s: %w\n%s", packages, dir, err, out)
	}
	return nil
}

// repository is the root of the repository, above the working directory.
func repository(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "Taskfile.yml")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no Taskfile.yml above the working directory; run the tests inside the repository")
		}
		dir = up
	}
}

// Ports are taken from below the range from which the kernel takes those of
// outgoing connections: a part that is killed must find its port free when it
// comes back.
const firstPort, lastPort = 20000, 32000

var handedOut sync.Map // port numbers, so that parallel tests never share one

// freePorts are addresses on loopback that nobody listens on.
func freePorts(t testing.TB, n int) []string {
	t.Helper()
	var found []string
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if _, taken := handedOut.LoadOrStore(port, true); taken {
			continue
		}
		addr := fmt.Sprintf("127.0.0.1:%d", port)
		l, err := net.Listen("tcp", addr)
		if err != nil {
			continue // taken by another process
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if found = append(found, addr); len(found) == n {
			return found
		}
	}
	t.Fatalf("found only %d of %d free ports between %d and %d", len(found), n, firstPort, lastPort)
	return nil
}
