package sqlite

import (
	"context"
	"errors"
	"strings"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"vigil/workflows/incident"
)

// advice says, for each primary result code of SQLite that is the disk's or
// the file's doing, what happened and what a person can do about it.
var advice = map[int]string{
	lib.SQLITE_BUSY:     "another process holds the file's write lock for too long; look for a stuck process or a backup tool that has it open",
	lib.SQLITE_LOCKED:   "another connection holds a lock on the table",
	lib.SQLITE_NOMEM:    "out of memory",
	lib.SQLITE_READONLY: "the file or its directory cannot be written; check its owner, its mode and the mount",
	lib.SQLITE_IOERR:    "the disk failed to read or write; check the system's log",
	lib.SQLITE_CORRUPT:  "the file is damaged; stop the gateway, keep a copy, and restore a backup (or recover it with sqlite3's .recover)",
	lib.SQLITE_NOTADB:   "the file is not an SQLite database; check the path",
	lib.SQLITE_FULL:     "the disk is full; free some space",
	lib.SQLITE_CANTOPEN: "the file cannot be opened; check that its directory exists and may be written",
	lib.SQLITE_PERM:     "access to the file is denied; check its owner and mode",
	lib.SQLITE_AUTH:     "access to the file is denied; check its owner and mode",
	lib.SQLITE_PROTOCOL: "the file's locks do not work; it must be on a local disk",
}

// failure gives err the kind and the words that callers need. An error that
// has a kind keeps it.
func (s *Store) failure(op string, err error) error {
	var known *incident.Error
	if errors.As(err, &known) {
		return err
	}
	out := &incident.Error{Kind: incident.KindInternal, Op: "store: " + op, Msg: "unexpected failure of " + s.path, Err: err}
	var se *sqlite.Error
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		out.Kind, out.Msg = incident.KindUnavailable, "gave up waiting for "+s.path
	case errors.As(err, &se):
		if words, ok := advice[se.Code()&0xff]; ok {
			out.Kind, out.Msg = incident.KindUnavailable, s.path+": "+words
		} else if se.Code() == lib.SQLITE_INTERRUPT {
			out.Kind, out.Msg = incident.KindUnavailable, "gave up waiting for "+s.path
		}
	case strings.Contains(err.Error(), "database is closed"): // database/sql has no value for it
		out.Kind, out.Msg = incident.KindUnavailable, "the store is closed"
	}
	return out
}

// isUnique reports whether err is the violation of a unique index.
func isUnique(err error) bool {
	var se *sqlite.Error
	return errors.As(err, &se) &&
		(se.Code() == lib.SQLITE_CONSTRAINT_UNIQUE || se.Code() == lib.SQLITE_CONSTRAINT_PRIMARYKEY)
}

func notFound(format string, args ...any) error {
	return incident.Errorf(incident.KindNotFound, format, args...)
}
