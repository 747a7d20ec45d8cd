package statedir_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"vigil/deploy/statedir"
)

func TestWhoMayShare(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name          string
		first, second string
		shared        bool
	}{
		{"two of everything", "", "", false},
		{"everything, then a part", "", "nats", false},
		{"a part, then everything", "nats", "", false},
		{"two different parts", "nats", "temporal", true},
		{"the same part twice", "nats", "nats", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "state")
			first, err := statedir.Acquire(dir, tc.first)
			if err != nil {
				t.Fatal(err)
			}
			second, err := statedir.Acquire(dir, tc.second)
			if tc.shared {
				if err != nil {
					t.Fatal(err)
				}
				mustRelease(t, second)
				mustRelease(t, first)
				return
			}
			if !errors.Is(err, statedir.ErrInUse) || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
				t.Errorf("second = %v, want in use by this process", err)
			}
			if err := statedir.Remove(dir); !errors.Is(err, statedir.ErrInUse) {
				t.Errorf("Remove = %v, want in use", err)
			}
			mustRelease(t, first)
			again, err := statedir.Acquire(dir, tc.second)
			if err != nil {
				t.Fatalf("after the first let go: %v", err)
			}
			mustRelease(t, again)
		})
	}
}

func TestRemove(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	if err := statedir.Remove(dir); err != nil {
		t.Fatalf("Remove of what is not there = %v", err)
	}
	l, err := statedir.Acquire(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	mustRelease(t, l)
	if err := statedir.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", dir, err)
	}
}

func mustRelease(t *testing.T, l *statedir.Lock) {
	t.Helper()
	if err := l.Release(); err != nil {
		t.Error(err)
	}
}
