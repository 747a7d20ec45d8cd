package sqlite_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"vigil/gateway/store"
	"vigil/gateway/store/sqlite"
	"vigil/workflows/incident"
)

func TestSettings(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"))
	for name, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000"} {
		if got, err := s.Pragma(t.Context(), name); err != nil || got != want {
			t.Errorf("%s is %q (%v), want %q", name, got, err, want)
		}
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	write := func(content string) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		prepare func(t *testing.T, path string)
		kind    incident.Kind
		words   string
	}{
		"another kind of file": {write(strings.Repeat("not a database. ", 1000)), incident.KindUnavailable, "not an SQLite database"},
		"a damaged file": {func(t *testing.T, path string) {
			open(t, path).Close()
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for i := 100; i < len(raw); i++ {
				raw[i] ^= 0x5a
			}
			write(string(raw))(t, path)
		}, incident.KindUnavailable, "damaged"},
		"no directory": {func(t *testing.T, path string) { os.RemoveAll(filepath.Dir(path)) }, incident.KindUnavailable, "check that its directory exists"},
		"a directory":  {func(t *testing.T, path string) { os.Mkdir(path, 0o700) }, incident.KindUnavailable, "cannot be opened"},
		"a newer build": {func(t *testing.T, path string) {
			s := open(t, path)
			if err := s.Exec(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)`); err != nil {
				t.Fatal(err)
			}
		}, incident.KindInvalid, "run the newer build"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "dir", "store.db")
			if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			c.prepare(t, path)
			_, err := sqlite.Open(t.Context(), path)
			wantError(t, err, c.kind, c.words)
			if err != nil && !strings.Contains(err.Error(), path) {
				t.Errorf("%q does not name the file", err)
			}
		})
	}
}

// Several gateways may start at once on a new file.
func TestOpenTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	errs := make(chan error)
	for range 4 {
		go func() {
			s, err := sqlite.Open(context.Background(), path)
			if err == nil {
				err = errors.Join(s.Ping(context.Background()), s.Close())
			}
			errs <- err
		}()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

func wantError(t *testing.T, err error, kind incident.Kind, words string) {
	t.Helper()
	if err == nil || incident.KindOf(err) != kind || !strings.Contains(err.Error(), words) {
		t.Errorf("got error %v (%s), want one of kind %s with %q", err, incident.KindOf(err), kind, words)
	}
}

func TestFullDisk(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"))
	if err := s.Cap(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := s.Accept(t.Context(), store.Delivery{Body: make([]byte, 1<<20)})
	wantError(t, err, incident.KindUnavailable, "disk is full")
	if err := s.Exec(t.Context(), `PRAGMA max_page_count = 1000000`); err != nil { // somebody made room
		t.Fatal(err)
	}
	if _, err := s.Accept(t.Context(), store.Delivery{Body: make([]byte, 1<<20)}); err != nil {
		t.Errorf("after there is room again: %v", err)
	}
}

func TestReadOnlyFile(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"))
	if err := s.Exec(t.Context(), `PRAGMA query_only = 1`); err != nil { // SQLITE_READONLY, as of a read-only mount
		t.Fatal(err)
	}
	_, err := s.Accept(t.Context(), store.Delivery{})
	wantError(t, err, incident.KindUnavailable, "cannot be written")
	wantError(t, s.Ping(t.Context()), incident.KindUnavailable, "cannot be written")
}

func TestLockedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s, other := open(t, path), open(t, path)
	release, err := other.HoldWriter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Exec(t.Context(), `PRAGMA busy_timeout = 20`); err != nil { // do not wait five seconds for the same answer
		t.Fatal(err)
	}
	_, err = s.Accept(t.Context(), store.Delivery{})
	wantError(t, err, incident.KindUnavailable, "write lock")
	if _, err := s.InboxCounts(t.Context()); err != nil {
		t.Errorf("reading beside a writer: %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Accept(t.Context(), store.Delivery{}); err != nil {
		t.Errorf("after the lock was released: %v", err)
	}
}

// Beyond its queue Accept says at once that it cannot, and a caller who leaves
// does not stop the others.
func TestAcceptIsBounded(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"))
	release, err := s.HoldWriter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan error, 2*sqlite.AcceptQueue)
	launched := 0
	leaving, leave := context.WithCancel(t.Context())
	// Until the queue is full; the committer has taken some of them already.
	for s.Waiting() < sqlite.AcceptQueue {
		ctx := t.Context()
		if launched == 10 {
			ctx = leaving
		}
		launched++
		go func() {
			_, err := s.Accept(ctx, store.Delivery{})
			accepted <- err
		}()
		runtime.Gosched()
	}
	_, err = s.Accept(t.Context(), store.Delivery{})
	wantError(t, err, incident.KindUnavailable, "already wait")
	leave()
	if err := release(); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for range launched {
		if err := <-accepted; err != nil {
			wantError(t, err, incident.KindUnavailable, "")
			failed++
		}
	}
	list, err := s.Received(t.Context(), 2*launched, 1<<30)
	if err != nil || len(list) < launched-failed {
		t.Errorf("%d of %d callers got an id, and %d deliveries are stored (%v)", launched-failed, launched, len(list), err)
	}
}

// However many other writes wait, a delivery is stored after one of them at most.
func TestAcceptGoesBeforeOtherWrites(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"))
	if err := s.Exec(t.Context(), `CREATE TRIGGER before AFTER INSERT ON deliveries BEGIN
		UPDATE deliveries SET reason = (SELECT coalesce(sum(count), 0) FROM lost) WHERE id = new.id; END`); err != nil {
		t.Fatal(err)
	}
	begin := s.WriterWaits()
	release, err := s.HoldWriter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const others = 20
	done := make(chan error, others+1)
	for range others {
		go func() { done <- s.CountLost(context.Background(), "other", 1) }()
	}
	for s.WriterWaits() == begin {
		runtime.Gosched()
	}
	go func() {
		_, err := s.Accept(context.Background(), store.Delivery{})
		done <- err
	}()
	for s.WriterWaits() < begin+2 {
		runtime.Gosched()
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	for range others + 1 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	list, err := s.Deliveries(t.Context(), store.DeliveryFilter{}, 1)
	if err != nil || len(list) != 1 {
		t.Fatalf("%d deliveries, %v", len(list), err)
	}
	if n := list[0].Reason; n != "0" && n != "1" {
		t.Errorf("%s other writes went before the delivery", n)
	}
}

func TestCloseAnswersThoseWhoWait(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"))
	const n = 50
	results := make(chan error, n)
	for range n {
		go func() {
			_, err := s.Accept(context.Background(), store.Delivery{})
			results <- err
		}()
	}
	first := <-results
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for i, err := 1, first; ; i, err = i+1, <-results {
		if err != nil {
			wantError(t, err, incident.KindUnavailable, "closed")
		}
		if i == n {
			return
		}
	}
}

func TestClaimsOfTheDeadAreTakenOver(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "store.db"))
	now := time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)
	s.SetNow(func() time.Time { return now })
	begin := func(hash string) (*store.Answer, error) { return s.Begin(t.Context(), "ana", "k", hash) }
	if _, err := begin("h"); err != nil {
		t.Fatal(err)
	}
	now = now.Add(store.ClaimHeld - time.Second)
	_, err := begin("h")
	wantError(t, err, incident.KindConflict, "still in progress")
	now = now.Add(2 * time.Second)
	if a, err := begin("h"); a != nil || err != nil {
		t.Errorf("after the claim ran out: %v, %v", a, err)
	}
	if err := s.Finish(t.Context(), "ana", "k", &store.Answer{Status: 200, Body: []byte(`1`)}); err != nil {
		t.Fatal(err)
	}
	now = now.Add(store.AnswersKept - time.Second)
	if a, err := begin("h"); a == nil || err != nil {
		t.Errorf("before the answer is forgotten: %v, %v", a, err)
	}
	now = now.Add(2 * time.Second)
	if a, err := begin("another"); a != nil || err != nil {
		t.Errorf("after the answer is forgotten: %v, %v", a, err)
	}
}

// TestKill: what a process was told is stored is there after it was killed
// with no chance to do anything about it.
func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	if child := os.Getenv("VIGIL_STORE_TEST_CHILD"); child != "" {
		acceptForEver(t, child)
	}
	for range 3 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
		cmd.Env = append(os.Environ(), "VIGIL_STORE_TEST_CHILD="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var told []int64
		lines := bufio.NewScanner(out)
		for len(told) < 40 && lines.Scan() {
			id, err := strconv.ParseInt(lines.Text(), 10, 64)
			if err != nil {
				t.Fatalf("the child says %q", lines.Text())
			}
			told = append(told, id)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() { // told before it died
			if id, err := strconv.ParseInt(lines.Text(), 10, 64); err == nil {
				told = append(told, id)
			}
		}
		cmd.Wait() // it was killed: the error says so
		s := open(t, path)
		stored := map[int64]bool{}
		list, err := s.Received(t.Context(), 1_000_000, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range list {
			stored[d.ID] = true
		}
		for _, id := range told {
			if !stored[id] {
				t.Errorf("delivery %d was accepted and is gone", id)
			}
		}
		if len(told) < 40 {
			t.Fatalf("the child accepted %d deliveries only", len(told))
		}
		s.Close()
	}
}

func acceptForEver(t *testing.T, path string) {
	s := open(t, path)
	for range 4 {
		go func() {
			for {
				id, err := s.Accept(context.Background(), store.Delivery{Body: []byte(`{}`)})
				if err != nil {
					fmt.Println(err)
					os.Exit(1)
				}
				fmt.Println(id)
			}
		}()
	}
	select {}
}
