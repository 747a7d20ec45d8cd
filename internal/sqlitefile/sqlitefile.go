// Package sqlitefile opens the SQLite files that a process keeps, and brings
// their tables up to date. It knows no table.
//
// Several processes may have the same file open: each waits for another's
// transaction up to busyTimeout, and takes the write lock at the start of its
// own. The file must be on a local disk, because write-ahead logging needs
// shared memory.
package sqlitefile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite" // registers the driver as well
	lib "modernc.org/sqlite/lib"
)

// busyTimeout is how long a write waits for another process's transaction.
const busyTimeout = 5 * time.Second

// Writer opens path for writing: one connection, whose commits are on disk
// when they return.
func Writer(path string) (*sql.DB, error) {
	db := connect(path, "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)")
	db.SetMaxOpenConns(1)
	return db, nil
}

// Reader opens path for n queries side by side, none of which may write.
func Reader(path string, n int) (*sql.DB, error) {
	db := connect(path, "query_only(1)")
	db.SetMaxOpenConns(n)
	return db, nil
}

func connect(path string, pragmas ...string) *sql.DB {
	q := url.Values{"_txlock": {"immediate"}}
	q.Add("_pragma", fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds())) // before those that take locks
	for _, p := range pragmas {
		q.Add("_pragma", p)
	}
	return sql.OpenDB(connector{(&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()})
}

// NewerError says that a newer build has written the file.
type NewerError struct{ Have, Know int64 }

func (e *NewerError) Error() string {
	return fmt.Sprintf("its tables are of version %d and this build knows %d; run the newer build, or use another file", e.Have, e.Know)
}

// Migrate brings the tables up to date with the folder migrations of files. Of
// two processes that do so at once the second fails on what the first has just
// made, looks again, and finds nothing left to do. A file of a newer build is a
// *NewerError.
func Migrate(ctx context.Context, db *sql.DB, files fs.FS) error {
	dir, err := fs.Sub(files, "migrations")
	if err != nil {
		return fmt.Errorf("embedded migrations: %w", err)
	}
	const tries = 5
	for try := 1; ; try++ {
		p, err := goose.NewProvider(goose.DialectSQLite3, db, dir,
			goose.WithDisableGlobalRegistry(true), goose.WithSlog(slog.New(slog.DiscardHandler)))
		if err != nil {
			return fmt.Errorf("read migrations: %w", err)
		}
		if _, err = p.Up(ctx); err == nil {
			return checkVersion(ctx, p)
		}
		if try == tries || ctx.Err() != nil || !isRace(err) {
			return err
		}
	}
}

func checkVersion(ctx context.Context, p *goose.Provider) error {
	have, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("read the version: %w", err)
	}
	sources := p.ListSources()
	if know := sources[len(sources)-1].Version; have > know {
		return &NewerError{Have: have, Know: know}
	}
	return nil
}

// isRace reports whether err may come from another process doing the same
// work at the same time.
func isRace(err error) bool {
	var se *sqlite.Error
	if !errors.As(err, &se) {
		return false
	}
	switch se.Code() & 0xff {
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED, lib.SQLITE_CONSTRAINT, lib.SQLITE_SCHEMA:
		return true
	case lib.SQLITE_ERROR: // "table … already exists"
		return strings.Contains(se.Error(), "already exists")
	}
	return false
}
