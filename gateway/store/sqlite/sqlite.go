// Package sqlite keeps the gateway's store in one SQLite file.
//
// It promises what package store promises. The journal is a write-ahead log
// with synchronous=FULL, so a commit is on disk when it returns and readers
// never wait for the writer. All writes of a Store go through one connection,
// each transaction taking the write lock at its start, so that none fails
// half-way because it read what another has since changed; several Stores,
// in one process or in several, may have the same file open and wait for one
// another for some seconds (internal/sqlitefile). The file must be on a local disk: write-ahead
// logging needs shared memory.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"vigil/gateway/store"
	"vigil/internal/sqlitefile"
	"vigil/workflows/incident"
)

const (
	// readers is how many reads run side by side.
	readers = 4
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is a store.Store in one file.
type Store struct {
	path    string
	w       *sql.DB       // one connection: the writer
	r       *sql.DB       // query-only connections
	turn    chan struct{} // holds one: the write that may ask for the writer, but for Accept's
	accepts chan acceptRequest
	stop    chan struct{}
	stopped sync.WaitGroup
	once    sync.Once
	closing error
	now     func() time.Time
}

var _ store.Store = (*Store)(nil)

// Open opens the store in the file at path, making the file and bringing its
// tables up to date where needed. The directory must exist.
func Open(ctx context.Context, path string) (*Store, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("store: find %q: %w", path, err)
	}
	s := &Store{path: abs, turn: make(chan struct{}, 1), accepts: make(chan acceptRequest, acceptQueue), stop: make(chan struct{}), now: time.Now}
	if s.w, err = sqlitefile.Writer(abs); err != nil {
		return nil, s.failure("open", err)
	}
	if err := s.migrate(ctx); err != nil {
		s.w.Close()
		return nil, err
	}
	if s.r, err = sqlitefile.Reader(abs, readers); err != nil {
		s.w.Close()
		return nil, s.failure("open", err)
	}
	s.r.SetMaxIdleConns(readers)
	if err := s.bringUpToDate(ctx); err != nil {
		return nil, errors.Join(err, s.r.Close(), s.w.Close())
	}
	s.stopped.Go(s.commitAccepts)
	return s, nil
}

// migrate brings the tables up to date.
func (s *Store) migrate(ctx context.Context) error {
	err := sqlitefile.Migrate(ctx, s.w, migrations)
	var newer *sqlitefile.NewerError
	if errors.As(err, &newer) {
		return &incident.Error{Kind: incident.KindInvalid, Op: "store: open " + s.path, Msg: newer.Error()}
	}
	if err != nil {
		return s.failure("open", err)
	}
	return nil
}

// Ping writes one row and so learns whether a delivery could be stored.
func (s *Store) Ping(ctx context.Context) error {
	return s.write(ctx, "ping", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE pings SET at = ?`, s.now().UnixMicro())
		return err
	})
}

// Close stops taking deliveries, commits those already taken, and closes the
// file. It may be called more than once.
func (s *Store) Close() error {
	s.once.Do(func() {
		close(s.stop)
		s.stopped.Wait()
		if err := errors.Join(s.r.Close(), s.w.Close()); err != nil {
			s.closing = s.failure("close", err)
		}
	})
	return s.closing
}

// write runs fn in one transaction on the writer connection. One write asks
// for the connection at a time, so that Accept, which asks beside them, never
// waits for more than the one that is running.
func (s *Store) write(ctx context.Context, op string, fn func(*sql.Tx) error) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return s.failure(op, ctx.Err())
	}
	return s.transact(ctx, s.w, op, fn)
}

// read runs fn in one transaction on a reader connection, so that all its
// queries see the same moment.
func (s *Store) read(ctx context.Context, op string, fn func(*sql.Tx) error) error {
	return s.transact(ctx, s.r, op, fn)
}

func (s *Store) transact(ctx context.Context, db *sql.DB, op string, fn func(*sql.Tx) error) error {
	// A reader must not take the write lock; the driver honours ReadOnly by
	// beginning a deferred transaction.
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: db == s.r})
	if err != nil {
		return s.failure(op, err)
	}
	defer func() { _ = tx.Rollback() }() // where fn panics: whoever recovers must find the connection free; else it is over by then
	if err := fn(tx); err != nil {
		if rb := tx.Rollback(); rb != nil && !errors.Is(rb, sql.ErrTxDone) {
			err = errors.Join(err, rb)
		}
		return s.failure(op, err)
	}
	if err := tx.Commit(); err != nil {
		return s.failure(op, err)
	}
	return nil
}

func micros(t time.Time) int64 { return t.UnixMicro() }

func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }
