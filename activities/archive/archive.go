package archive

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"go.uber.org/zap"
	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"vigil/activities"
	"vigil/internal/sqlitefile"
	"vigil/workflows/incident"
)

const (
	service = "archive"
	// readers is how many searches run side by side.
	readers = 4
)

//go:embed migrations/*.sql
var migrations embed.FS

// Config says where an Archive is.
type Config struct {
	Path     string // the SQLite file; its directory must exist
	Runbooks string // directory of Markdown files; empty: no runbooks

	Log *zap.Logger      // told of runbooks that cannot be read; nil: nobody is
	Now func() time.Time // nil: time.Now
}

// Archive is activities.Memory and activities.Runbooks in one file.
type Archive struct {
	path string
	w    *sql.DB // one connection: the writer
	r    *sql.DB // query-only connections
	log  *zap.Logger
	now  func() time.Time

	scan     sync.Mutex // one look at the directory at a time
	runbooks string
	scanned  time.Time
	reported map[string]string // path → what was last said of it
}

var (
	_ activities.Memory   = (*Archive)(nil)
	_ activities.Runbooks = (*Archive)(nil)
)

// Open opens the archive, making its file and bringing its tables up to date
// where needed, and reads the runbooks. Close it.
func Open(ctx context.Context, c Config) (*Archive, error) {
	abs, err := filepath.Abs(c.Path)
	if err != nil || c.Path == "" {
		return nil, &incident.Error{Kind: incident.KindInvalid, Op: "archive: open", Msg: fmt.Sprintf("%q names no file", c.Path), Err: err}
	}
	a := &Archive{path: abs, log: c.Log, now: c.Now, reported: map[string]string{}}
	if a.log == nil {
		a.log = zap.NewNop()
	}
	if a.now == nil {
		a.now = time.Now
	}
	if c.Runbooks != "" {
		if a.runbooks, err = filepath.Abs(c.Runbooks); err != nil {
			return nil, &incident.Error{Kind: incident.KindInvalid, Op: "archive: open", Msg: "the directory of runbooks cannot be found", Err: err}
		}
	}
	if a.w, err = sqlitefile.Writer(abs); err != nil {
		return nil, a.failure("open", err)
	}
	if err := a.migrate(ctx); err != nil {
		return nil, errors.Join(err, a.w.Close())
	}
	if a.r, err = sqlitefile.Reader(abs, readers); err != nil {
		return nil, errors.Join(a.failure("open", err), a.w.Close())
	}
	a.r.SetMaxIdleConns(readers)
	if err := a.refresh(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// Close closes the file.
func (a *Archive) Close() error {
	if err := errors.Join(a.r.Close(), a.w.Close()); err != nil {
		return a.failure("close", err)
	}
	return nil
}

// migrate brings the tables up to date.
func (a *Archive) migrate(ctx context.Context) error {
	err := sqlitefile.Migrate(ctx, a.w, migrations)
	var newer *sqlitefile.NewerError
	if errors.As(err, &newer) {
		return &incident.Error{Kind: incident.KindInvalid, Op: "archive: open " + a.path, Msg: newer.Error()}
	}
	if err != nil {
		return a.failure("open", err)
	}
	return nil
}

// write runs fn in one transaction on the writer, read on a reader, where all
// its queries see the same moment.
func (a *Archive) write(ctx context.Context, op string, fn func(*sql.Tx) error) error {
	return a.transact(ctx, a.w, op, fn)
}

func (a *Archive) read(ctx context.Context, op string, fn func(*sql.Tx) error) error {
	return a.transact(ctx, a.r, op, fn)
}

func (a *Archive) transact(ctx context.Context, db *sql.DB, op string, fn func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: db == a.r}) // read only: the driver takes no write lock
	if err != nil {
		return a.failure(op, err)
	}
	if err := fn(tx); err != nil {
		if rb := tx.Rollback(); rb != nil && !errors.Is(rb, sql.ErrTxDone) {
			err = errors.Join(err, rb)
		}
		return a.failure(op, err)
	}
	if err := tx.Commit(); err != nil {
		return a.failure(op, err)
	}
	return nil
}

// advice says what a person can do about a result code of SQLite that is the
// disk's or the file's doing.
var advice = map[int]string{
	lib.SQLITE_BUSY:     "another process holds the file's write lock for too long",
	lib.SQLITE_READONLY: "the file or its directory cannot be written; check its owner, its mode and the mount",
	lib.SQLITE_IOERR:    "the disk failed to read or write; check the system's log",
	lib.SQLITE_CORRUPT:  "the file is damaged; keep a copy, and restore a backup or remove it: only what was learned is lost",
	lib.SQLITE_NOTADB:   "the file is not an SQLite database; check the path",
	lib.SQLITE_FULL:     "the disk is full; free some space",
	lib.SQLITE_CANTOPEN: "the file cannot be opened; check that its directory exists and may be written",
	lib.SQLITE_PROTOCOL: "the file's locks do not work; it must be on a local disk",
}

// failure gives err the kind and the words that callers need. An error that
// has a kind keeps it.
func (a *Archive) failure(op string, err error) error {
	var known *incident.Error
	if errors.As(err, &known) {
		return err
	}
	out := &incident.Error{Kind: incident.KindInternal, Op: "archive: " + op, Msg: "unexpected failure of " + a.path, Err: err}
	var se *sqlite.Error
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		out.Kind, out.Msg = incident.KindUnavailable, "gave up waiting for "+a.path
	case errors.As(err, &se):
		if words, ok := advice[se.Code()&0xff]; ok {
			out.Kind, out.Msg = incident.KindUnavailable, a.path+": "+words
		} else if se.Code() == lib.SQLITE_INTERRUPT {
			out.Kind, out.Msg = incident.KindUnavailable, "gave up waiting for "+a.path
		}
	}
	return out
}

// provenance is that of an answer from the archive.
func (a *Archive) provenance(operation string, start time.Time, origin incident.Origin) incident.Provenance {
	if origin == "" {
		origin = incident.OriginLive
	}
	return incident.Provenance{Origin: origin, Service: service, Operation: operation,
		LatencyMS: int64((a.now().Sub(start) + time.Millisecond - 1) / time.Millisecond)}
}
