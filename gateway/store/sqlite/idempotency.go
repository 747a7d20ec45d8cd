package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

// Begin implements store.Idempotency.
func (s *Store) Begin(ctx context.Context, principal, key, requestHash string) (*store.Answer, error) {
	var answer *store.Answer
	err := s.write(ctx, "claim idempotency key", func(tx *sql.Tx) error {
		now := s.now()
		if _, err := tx.ExecContext(ctx, `DELETE FROM answers WHERE at < ?`, micros(now.Add(-store.AnswersKept))); err != nil {
			return err
		}
		var hash, body string
		var status int
		var at int64
		err := tx.QueryRowContext(ctx, `SELECT request_hash, status, body, at FROM answers WHERE principal = ? AND key = ?`, principal, key).
			Scan(&hash, &status, &body, &at)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			// free
		case err != nil:
			return err
		case hash != requestHash:
			return incident.Errorf(incident.KindInvalid, "idempotency key %q was used for another request; use a new key", key)
		case status != 0:
			answer = &store.Answer{Status: status, Body: json.RawMessage(body)}
			return nil
		case fromMicros(at).After(now.Add(-store.ClaimHeld)):
			return incident.Errorf(incident.KindConflict, "the request with idempotency key %q is still in progress; ask again in a moment", key)
		}
		_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO answers (principal, key, request_hash, status, body, at)
			VALUES (?, ?, ?, 0, '', ?)`, principal, key, requestHash, micros(now))
		return err
	})
	return answer, err
}

// Finish implements store.Idempotency.
func (s *Store) Finish(ctx context.Context, principal, key string, a *store.Answer) error {
	return s.write(ctx, "keep answer", func(tx *sql.Tx) error {
		if a == nil {
			_, err := tx.ExecContext(ctx, `DELETE FROM answers WHERE principal = ? AND key = ? AND status = 0`, principal, key)
			return err
		}
		if a.Status <= 0 {
			return incident.Errorf(incident.KindInvalid, "an answer needs an HTTP status, not %d", a.Status)
		}
		res, err := tx.ExecContext(ctx, `UPDATE answers SET status = ?, body = ? WHERE principal = ? AND key = ?`,
			a.Status, string(a.Body), principal, key)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n > 0 {
			return err
		}
		return notFound("idempotency key %q was not claimed", key)
	})
}
