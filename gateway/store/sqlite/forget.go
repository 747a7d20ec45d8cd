package sqlite

import (
	"context"
	"database/sql"
	"time"
)

// incidentsAtOnce is how many incidents are taken out of sight in one
// transaction. Their events, which may be many, go in those that follow.
const incidentsAtOnce = 5

// Forget implements store.Retention.
func (s *Store) Forget(ctx context.Context, before time.Time, limit int) (forgotten int, more bool, err error) {
	err = s.write(ctx, "forget old incidents", func(tx *sql.Tx) error {
		deleted, err := s.forgetEvents(ctx, tx, limit)
		if err != nil {
			return err
		}
		if more = deleted == limit; more {
			return nil
		}
		ids, err := texts(ctx, tx, `SELECT incident_id FROM incidents WHERE open = 0 AND closed_at > 0 AND closed_at < ?
			ORDER BY closed_at LIMIT ?`, micros(before), incidentsAtOnce)
		for _, id := range ids {
			if err := s.forget(ctx, tx, id); err != nil {
				return err
			}
		}
		forgotten, more = len(ids), len(ids) > 0
		return err
	})
	if err != nil {
		return 0, false, err
	}
	return forgotten, more, nil
}

// forget takes an incident out of all that is read. Its problem keeps its
// place, so that the id is never given out again, and says nothing any more.
func (s *Store) forget(ctx context.Context, tx *sql.Tx, id string) error {
	if _, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO forgotten (incident_id, forgotten_at) VALUES (?, ?)`, id, micros(s.now())); err != nil {
		return err
	}
	for _, statement := range []string{
		`DELETE FROM incidents WHERE incident_id = ?`,
		`DELETE FROM figures WHERE incident_id = ?`,
		`DELETE FROM members WHERE incident_id = ?`,
		`DELETE FROM bindings WHERE incident_id = ?`,
		`UPDATE problems SET title = '', service = '', services = '[]', sources = '[]', labels = '{}', open = 0 WHERE incident_id = ?`,
	} {
		if _, err := tx.ExecContext(ctx, statement, id); err != nil {
			return err
		}
	}
	return nil
}

// forgetEvents deletes up to limit events of what was forgotten.
func (s *Store) forgetEvents(ctx context.Context, tx *sql.Tx, limit int) (int, error) {
	res, err := tx.ExecContext(ctx, `DELETE FROM events WHERE position IN (SELECT e.position FROM events e
		WHERE e.incident_id IN (SELECT incident_id FROM forgotten WHERE gone = 0) LIMIT ?)`, limit)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, err
	}
	_, err = tx.ExecContext(ctx, `UPDATE forgotten SET gone = 1 WHERE gone = 0
		AND NOT EXISTS (SELECT 1 FROM events e WHERE e.incident_id = forgotten.incident_id)`)
	return int(n), err
}
