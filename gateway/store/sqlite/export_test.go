package sqlite

import (
	"context"
	"fmt"
	"time"
)

// SetNow replaces the clock of s.
func (s *Store) SetNow(now func() time.Time) { s.now = now }

// Cap lets the file grow by few pages only, as a full disk does.
func (s *Store) Cap(ctx context.Context) error {
	var pages int
	if err := s.w.QueryRowContext(ctx, `PRAGMA page_count`).Scan(&pages); err != nil {
		return err
	}
	_, err := s.w.ExecContext(ctx, fmt.Sprintf(`PRAGMA max_page_count = %d`, pages+2))
	return err
}

// Exec runs a statement on the writer connection.
func (s *Store) Exec(ctx context.Context, query string, args ...any) error {
	_, err := s.w.ExecContext(ctx, query, args...)
	return err
}

// Pragma reads a setting of the writer connection.
func (s *Store) Pragma(ctx context.Context, name string) (string, error) {
	var v string
	err := s.w.QueryRowContext(ctx, `PRAGMA `+name).Scan(&v)
	return v, err
}

// HoldWriter occupies the writer connection until release is called.
func (s *Store) HoldWriter(ctx context.Context) (release func() error, err error) {
	tx, err := s.w.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	return tx.Rollback, nil
}

// AcceptQueue is how many callers of Accept may wait.
const AcceptQueue = acceptQueue

// Waiting is how many callers of Accept wait to be taken up.
func (s *Store) Waiting() int { return len(s.accepts) }

// WriterWaits is how often somebody has had to wait for the writer connection.
func (s *Store) WriterWaits() int64 { return s.w.Stats().WaitCount }
