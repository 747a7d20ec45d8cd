package processes_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"vigil/deploy/processes"
)

// shell starts a shell that runs script, and waits until it has printed a line.
func shell(t *testing.T, script string) *processes.Process {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p, err := processes.Start(processes.Spec{Name: "shell", Path: "/bin/sh", Args: []string{"-c", script}}, w)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(r).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), r.Close()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestKillAndStop(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, script string
		end          func(t *testing.T, p *processes.Process) error
		wantErr      string
	}{
		{"killed", "echo up; exec sleep 60", func(_ *testing.T, p *processes.Process) error { return p.Kill() }, ""},
		{"stopped", "echo up; exec sleep 60", func(t *testing.T, p *processes.Process) error { return p.Stop(t.Context()) }, ""},
		{"killed twice", "echo up; exec sleep 60", func(_ *testing.T, p *processes.Process) error {
			if err := p.Kill(); err != nil {
				return err
			}
			return p.Kill()
		}, ""},
		{"deaf", "trap '' TERM; echo up; exec sleep 60", func(t *testing.T, p *processes.Process) error {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			return p.Stop(ctx)
		}, "was killed"},
		{"gone already", "echo up; exit 3", func(t *testing.T, p *processes.Process) error {
			<-p.Done()
			return p.Stop(t.Context())
		}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p := shell(t, tc.script)
			err := tc.end(t, p)
			if (err == nil) != (tc.wantErr == "") || (err != nil && !strings.Contains(err.Error(), tc.wantErr)) {
				t.Errorf("got %v, want %q", err, tc.wantErr)
			}
			select {
			case <-p.Done():
			default:
				t.Error("the process still runs")
			}
			if err := p.Signal(syscall.SIGCONT); err == nil {
				t.Error("a signal to a process that ended is no error")
			}
		})
	}
}

func TestMissingBinaryIsNamed(t *testing.T) {
	t.Parallel()
	_, err := processes.Start(processes.Spec{Name: "worker", Path: "/nowhere/worker"}, &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), "/nowhere/worker") {
		t.Errorf("got %v", err)
	}
}

func TestPrefixKeepsLinesWhole(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	var mu sync.Mutex
	a, b := processes.Prefix(&out, &mu, "worker"), processes.Prefix(&out, &mu, "nats")
	for _, w := range []struct {
		to   interface{ Write([]byte) (int, error) }
		text string
	}{{a, "one\ntw"}, {b, "three\n"}, {a, "o\n"}} {
		if _, err := w.to.Write([]byte(w.text)); err != nil {
			t.Fatal(err)
		}
	}
	if want := "worker   | one\nnats     | three\nworker   | two\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
