// Package statedir keeps a state directory to those who may use it at the same
// time, by file locks that the kernel drops when their process ends, however
// it ends. A process that runs everything has the directory alone; processes
// that run one part each share it, one of each kind.
//
// It needs flock, so Linux, macOS or another Unix, and a local disk.
package statedir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// ErrInUse says that another process has the directory, or the part.
var ErrInUse = errors.New("in use")

const lockFile = "lock"

// Lock is a hold on a directory. It ends with the process or by Release.
type Lock struct{ files []*os.File }

// Acquire makes dir where it does not exist and takes it: alone where part is
// empty, otherwise together with other parts, but with no second one of part.
func Acquire(dir, part string) (*Lock, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the state directory (--state-dir): %w", err)
	}
	l := &Lock{}
	mode := syscall.LOCK_EX
	if part != "" {
		mode = syscall.LOCK_SH
	}
	if err := l.take(filepath.Join(dir, lockFile), mode); err != nil {
		return nil, errors.Join(err, l.Release())
	}
	if part != "" {
		if err := l.take(filepath.Join(dir, part+"."+lockFile), syscall.LOCK_EX); err != nil {
			return nil, errors.Join(err, l.Release())
		}
	}
	return l, nil
}

// Remove deletes dir with everything in it, where nobody uses it.
func Remove(dir string) error {
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	l, err := Acquire(dir, "")
	if err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		err = fmt.Errorf("remove the state: %w", err)
		return errors.Join(err, l.Release())
	}
	return l.Release()
}

// Release gives the directory back.
func (l *Lock) Release() error {
	var err error
	for _, f := range l.files {
		err = errors.Join(err, f.Close())
	}
	l.files = nil
	return err
}

func (l *Lock) take(path string, mode int) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("open lock: %w", err)
	}
	l.files = append(l.files, f)
	err = syscall.Flock(int(f.Fd()), mode|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return fmt.Errorf("%s is %w by %s; stop that first, or use another directory with --state-dir", filepath.Dir(path), ErrInUse, holder(path))
	case err != nil:
		return fmt.Errorf("lock %s: %w", path, err)
	case mode == syscall.LOCK_EX:
		return sign(f)
	}
	return nil
}

// sign writes down who holds a lock, for the message of whoever finds it taken.
func sign(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return fmt.Errorf("write lock: %w", err)
	}
	if _, err := fmt.Fprintf(f, "%d\n", os.Getpid()); err != nil {
		return fmt.Errorf("write lock: %w", err)
	}
	return nil
}

// holder names who may hold a lock; the files are hints, the lock is the truth.
func holder(path string) string {
	dir := filepath.Dir(path)
	var who []string
	locks, _ := filepath.Glob(filepath.Join(dir, "*"+lockFile)) // the pattern is right, so there is no error
	for _, file := range locks {
		pid, err := os.ReadFile(file)
		if err != nil || len(pid) == 0 || !alive(strings.TrimSpace(string(pid))) {
			continue
		}
		who = append(who, strings.TrimSpace(string(pid)))
	}
	if len(who) == 0 {
		return "another process"
	}
	return "process " + strings.Join(who, ", ")
}

func alive(pid string) bool {
	var n int
	if _, err := fmt.Sscan(pid, &n); err != nil || n <= 0 {
		return false
	}
	return !errors.Is(syscall.Kill(n, 0), syscall.ESRCH)
}
