package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigil/deploy/e2e/harness"
	"vigil/deploy/processes"
	"vigil/internal/sqlitefile"
)

// TestStoreCannotBeWritten is F29: the disk of the gateway's store is full, its
// files are read-only, another process holds its lock, its file system has
// failed. Alerts are answered 503 and never 2xx without being kept; the gateway
// stays up, and when the trouble is over goes on by itself, with what it had
// accepted before and with what senders send again (I1).
func TestStoreCannotBeWritten(t *testing.T) {
	sideBySide(t)
	d := newDisk(t, 48)
	v := harness.Start(t, harness.Options{Split: true, Tick: time.Second, WorkerArgs: quick, GatewayArgs: []string{"--data-dir", d.dir, "--min-free-disk", "0"}}) // no room is kept: the disk shall be full
	s := &sufferer{v: v, d: d, l: newLedger(), pid: v.PID(processes.Gateway)}

	s.run(t, "the disk is full", 5, d.fillFor(s.pid), d.clearFor(s.pid))
	t.Run("the disk is full and Temporal away", s.backlog)
	s.run(t, "another process holds the lock", 2, s.lock, func() { s.release() })
	if d.mounted {
		s.run(t, "the files are read-only", 5, s.immutable("+i"), s.immutable("-i"))
		t.Run("the file system fails", s.failure)
	}
}

// sufferer is a gateway that cannot write, with those who send to it.
type sufferer struct {
	v       *harness.Vigil
	d       *disk
	l       *ledger
	pid     int
	n       int
	release func()
}

func (s *sufferer) api(t *testing.T) api {
	return api{t: t, gateway: s.v.GatewayURL(), sandbox: s.v.SandboxURL()}
}

// alert is the next one that is sent. It is large, so that a disk is full soon.
func (s *sufferer) alert() sentAlert {
	s.n++
	a := fires(fmt.Sprint("disk-", s.n%3), fmt.Sprint("f-", s.n), fmt.Sprint("alert ", s.n), time.Now())
	a.labels = map[string]string{"padding": strings.Repeat("x", 100_000)}
	return a
}

// refused sends new alerts until enough are refused, and returns those.
func (s *sufferer) refused(t *testing.T, enough int) (list []sentAlert) {
	t.Helper()
	eventually(t, 2*time.Minute, "alerts are refused", func() (int, bool) {
		alert := s.alert()
		switch code := s.l.send(s.v.GatewayURL(), alert); code {
		case http.StatusAccepted: // there was room for it
		case http.StatusServiceUnavailable:
			list = append(list, alert)
		default:
			t.Errorf("an alert was answered %d", code)
		}
		return len(list), len(list) >= enough
	})
	return list
}

// again sends alerts until they are accepted, as senders do.
func (s *sufferer) again(t *testing.T, list []sentAlert) {
	t.Helper()
	for _, alert := range list {
		eventually(t, time.Minute, "an alert that was refused is accepted", func() (int, bool) {
			code := s.l.send(s.v.GatewayURL(), alert)
			return code, code == http.StatusAccepted
		})
	}
}

// run is one kind of trouble, from health to health. The gateway stays the
// same process: the harness fails a test in which one ends by itself.
func (s *sufferer) run(t *testing.T, name string, enough int, hurt, heal func()) {
	t.Run(name, func(t *testing.T) {
		s.again(t, []sentAlert{s.alert(), s.alert()}) // accepted before it begins
		hurt()
		refused := s.refused(t, enough)
		heal()
		s.again(t, refused)
		by := s.l.found(s.api(t), 2*time.Minute)
		for id := range by {
			s.api(t).knows(s.v.TemporalAddr, id, time.Minute) // the read model has caught up
		}
	})
}

// backlog: the disk fills while accepted alerts wait for Temporal. They can
// neither be read nor delivered until there is room, and are not lost.
func (s *sufferer) backlog(t *testing.T) {
	s.v.Kill(processes.Temporal)
	for range 40 {
		s.again(t, []sentAlert{s.alert()})
	}
	s.d.fillFor(s.pid)()
	refused := s.refused(t, 5)
	if n := s.api(t).pending(); n == 0 {
		t.Error("nothing waits for Temporal: this shows nothing")
	}
	s.v.StartPart(processes.Temporal)
	refused = append(refused, s.refused(t, 10)...) // meanwhile the dispatcher tries
	s.d.clearFor(s.pid)()
	s.again(t, refused)
	for id := range s.l.found(s.api(t), 2*time.Minute) {
		s.api(t).knows(s.v.TemporalAddr, id, time.Minute)
	}
}

// lock takes the file's write lock from another process, this one.
func (s *sufferer) lock() {
	s.d.t.Helper()
	db, err := sqlitefile.Writer(s.files()[0])
	if err != nil {
		s.d.t.Fatal(err)
	}
	tx, err := db.BeginTx(s.d.t.Context(), nil)
	if err != nil {
		s.d.t.Fatal(err)
	}
	s.release = func() {
		if err := tx.Rollback(); err != nil {
			s.d.t.Error(err)
		}
		if err := db.Close(); err != nil {
			s.d.t.Error(err)
		}
	}
}

// files are the database and, if there is one, its log.
func (s *sufferer) files() (list []string) {
	s.d.t.Helper()
	list, err := filepath.Glob(filepath.Join(s.d.dir, "*.db"))
	if err != nil || len(list) != 1 {
		s.d.t.Fatalf("the store is %v, %v", list, err)
	}
	if log := list[0] + "-wal"; exists(log) {
		list = append(list, log)
	}
	return list
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// immutable lets nobody write to the files, not even those who have them open,
// or lets them again.
func (s *sufferer) immutable(how string) func() {
	return func() { s.d.t.Helper(); s.d.run("chattr", append([]string{how}, s.files()...)...) }
}

// failure: the file system finds an error in itself and is read-only for good.
// Nothing is acknowledged from then on; on the repaired one everything is there.
func (s *sufferer) failure(t *testing.T) {
	s.again(t, []sentAlert{s.alert(), s.alert()})
	s.d.fail()
	var refused []sentAlert
	for range 5 {
		alert := s.alert()
		if code := s.l.send(s.v.GatewayURL(), alert); code/100 == 2 {
			t.Errorf("with its file system gone the gateway answered %d", code)
		}
		refused = append(refused, alert)
	}
	s.v.Kill(processes.Gateway)
	s.d.back()
	s.v.StartPart(processes.Gateway)
	s.again(t, refused)
	for id := range s.l.found(s.api(t), 2*time.Minute) {
		s.api(t).knows(s.v.TemporalAddr, id, time.Minute)
	}
}
