package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"math"

	"vigil/gateway/store"
)

// addAudit records what a person did, in the transaction that does it.
func addAudit(ctx context.Context, tx *sql.Tx, a store.Audit) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO audit (at, principal, action, subject, reason, detail) VALUES (?, ?, ?, ?, ?, ?)`,
		micros(a.At), a.Principal, a.Action, a.Subject, a.Reason, string(a.Detail))
	return err
}

// Record implements store.Problems.
func (s *Store) Record(ctx context.Context, by store.Audit) error {
	return s.write(ctx, "record what a person did", func(tx *sql.Tx) error { return addAudit(ctx, tx, by) })
}

// Audited implements store.Problems.
func (s *Store) Audited(ctx context.Context, subject string, before int64, limit int) ([]store.Audit, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	out := []store.Audit{}
	err := s.read(ctx, "read the audit", func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT id, at, principal, action, subject, reason, detail FROM audit
			WHERE id < ?1 AND (?2 = '' OR subject = ?2) ORDER BY id DESC LIMIT ?3`, before, subject, limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var a store.Audit
			var at int64
			var detail string
			if err := rows.Scan(&a.ID, &at, &a.Principal, &a.Action, &a.Subject, &a.Reason, &detail); err != nil {
				return err
			}
			if a.At = fromMicros(at); detail != "" {
				a.Detail = json.RawMessage(detail)
			}
			out = append(out, a)
		}
		return rows.Err()
	})
	return out, err
}
