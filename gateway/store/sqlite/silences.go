package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

// CreateSilence implements store.Problems.
func (s *Store) CreateSilence(ctx context.Context, sil store.Silence) error {
	raw, err := json.Marshal(sil.Matchers)
	if err != nil {
		return fmt.Errorf("store: create silence: encode matchers: %w", err)
	}
	whole, err := json.Marshal(sil)
	if err != nil {
		return fmt.Errorf("store: create silence: %w", err)
	}
	return s.write(ctx, "create silence", func(tx *sql.Tx) error {
		n, err := changed(tx.ExecContext(ctx, `INSERT OR IGNORE INTO silences (id, kind, matchers, starts_at, ends_at, repeat, reason, created_by, created_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, sil.ID, string(sil.Kind), string(raw), micros(sil.StartsAt), micros(sil.EndsAt), string(sil.Repeat),
			sil.Reason, sil.CreatedBy, micros(sil.CreatedAt)))
		if err != nil || n == 0 {
			return err // made by an earlier try of the same request
		}
		return addAudit(ctx, tx, store.Audit{At: sil.CreatedAt, Principal: sil.CreatedBy, Action: store.AuditSilenceCreated,
			Subject: sil.ID, Reason: sil.Reason, Detail: whole})
	})
}

// EndSilence implements store.Problems.
func (s *Store) EndSilence(ctx context.Context, id string, by store.Audit) (store.SilenceRecord, error) {
	var out store.SilenceRecord
	err := s.write(ctx, "end silence", func(tx *sql.Tx) error {
		list, err := silenceRecords(ctx, tx, by.At, `WHERE id = ?`, id)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return notFound("there is no silence %q", id)
		}
		if st := list[0].State; st == store.SilenceEnded || st == store.SilenceExpired {
			return incident.Errorf(incident.KindConflict, "the silence is over already (%s)", st)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE silences SET ended_by = ?, ended_at = ?, end_reason = ? WHERE id = ?`,
			by.Principal, micros(by.At), by.Reason, id); err != nil {
			return err
		}
		if err := addAudit(ctx, tx, by); err != nil {
			return err
		}
		list, err = silenceRecords(ctx, tx, by.At, `WHERE id = ?`, id)
		if err == nil {
			out = list[0]
		}
		return err
	})
	return out, err
}

// Silence implements store.Problems.
func (s *Store) Silence(ctx context.Context, id string, now time.Time) (store.SilenceRecord, error) {
	var out store.SilenceRecord
	err := s.read(ctx, "read silence", func(tx *sql.Tx) error {
		list, err := silenceRecords(ctx, tx, now, `WHERE id = ?`, id)
		if err == nil && len(list) == 0 {
			err = notFound("there is no silence %q", id)
		}
		if err == nil {
			out = list[0]
		}
		return err
	})
	return out, err
}

// Silences implements store.Problems. There are few, so their states are
// computed rather than kept.
func (s *Store) Silences(ctx context.Context, state store.SilenceState, now time.Time, before string, limit int) ([]store.SilenceRecord, error) {
	out := []store.SilenceRecord{}
	err := s.read(ctx, "list silences", func(tx *sql.Tx) error {
		list, err := silenceRecords(ctx, tx, now, `ORDER BY created_at DESC, id DESC`)
		if err != nil {
			return err
		}
		past := before == ""
		for _, one := range list {
			if past && (state == "" || one.State == state) && len(out) < limit {
				out = append(out, one)
			}
			past = past || one.ID == before
		}
		return nil
	})
	return out, err
}

func silenceRecords(ctx context.Context, tx *sql.Tx, now time.Time, where string, args ...any) ([]store.SilenceRecord, error) {
	list, err := selectSilences(ctx, tx, where, args...)
	if err != nil {
		return nil, err
	}
	var out []store.SilenceRecord
	for _, one := range list {
		r := store.SilenceRecord{Silence: one, State: one.State(now)}
		var last sql.NullInt64
		if err := tx.QueryRowContext(ctx, `SELECT count(*), max(at) FROM silenced_alerts WHERE silence_id = ?`, one.ID).Scan(&r.Alerts, &last); err != nil {
			return nil, err
		}
		if last.Valid {
			r.LastAlertAt = fromMicros(last.Int64)
		}
		out = append(out, r)
	}
	return out, nil
}

func selectSilences(ctx context.Context, tx *sql.Tx, where string, args ...any) ([]store.Silence, error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, kind, matchers, starts_at, ends_at, repeat, reason, created_by, created_at, ended_by, ended_at, end_reason
		FROM silences `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []store.Silence
	for rows.Next() {
		var one store.Silence
		var matchers []byte
		var starts, ends, created, ended int64
		if err := rows.Scan(&one.ID, &one.Kind, &matchers, &starts, &ends, &one.Repeat, &one.Reason, &one.CreatedBy, &created,
			&one.EndedBy, &ended, &one.EndReason); err != nil {
			return nil, err
		}
		one.StartsAt, one.EndsAt, one.CreatedAt = fromMicros(starts), fromMicros(ends), fromMicros(created)
		if ended != 0 {
			one.EndedAt = fromMicros(ended)
		}
		if err := json.Unmarshal(matchers, &one.Matchers); err != nil {
			return nil, fmt.Errorf("matchers of silence %s: %w", one.ID, err)
		}
		out = append(out, one)
	}
	return out, rows.Err()
}

// touch records that a silence held for an alert. held: no incident has it.
func (a *assigner) touch(p pending, al incident.Alert, incidentID string, held bool) error {
	raw, err := json.Marshal(al)
	if err != nil {
		return fmt.Errorf("encode alert: %w", err)
	}
	a.anyHeld, a.anyTouched = a.anyHeld || held, true
	_, err = a.tx.ExecContext(a.ctx, `INSERT INTO silenced_alerts (silence_id, member, correlation_key, delivery_id, incident_id, alert, at, held)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (silence_id, member) DO UPDATE SET delivery_id = excluded.delivery_id, incident_id = excluded.incident_id,
			alert = excluded.alert, at = excluded.at, held = excluded.held`,
		al.SilencedBy, al.Member, al.CorrelationKey, p.DeliveryID, incidentID, string(raw), micros(al.ReceivedAt), held)
	return err
}

// unhold lets go of an alert that was held back and has cleared, or fires
// where no silence holds any more. Silences that touched it show that it cleared.
func (a *assigner) unhold(al incident.Alert) error {
	if al.Status == incident.AlertResolved && a.anyTouched {
		raw, err := json.Marshal(al)
		if err != nil {
			return fmt.Errorf("encode alert: %w", err)
		}
		_, err = a.tx.ExecContext(a.ctx, `UPDATE silenced_alerts SET held = 0, alert = ? WHERE held IN (0, 1) AND member = ?`, string(raw), al.Member)
		return err
	}
	if !a.anyHeld {
		return nil
	}
	_, err := a.tx.ExecContext(a.ctx, `UPDATE silenced_alerts SET held = 0 WHERE held = 1 AND member = ?`, al.Member)
	return err
}

// Unsilence implements store.Problems. An alert that is held back is dispatched
// again in the place of the delivery that brought it last, which is before
// whatever its key has sent since.
func (s *Store) Unsilence(ctx context.Context, now time.Time) (int, error) {
	n := 0
	err := s.write(ctx, "dispatch alerts whose silence is over", func(tx *sql.Tx) error {
		n = 0
		silences, err := selectSilences(ctx, tx, `WHERE id IN (SELECT silence_id FROM silenced_alerts WHERE held = 1)`)
		if err != nil {
			return err
		}
		for _, one := range silences {
			if one.State(now) == store.SilenceActive {
				continue
			}
			freed, err := free(ctx, tx, one.ID)
			if err != nil {
				return err
			}
			n += freed
		}
		return nil
	})
	return n, err
}

// free dispatches what a silence holds back.
func free(ctx context.Context, tx *sql.Tx, silenceID string) (int, error) {
	held, err := selectSilenced(ctx, tx, `WHERE silence_id = ? AND held = 1 ORDER BY id`, silenceID)
	if err != nil {
		return 0, err
	}
	for _, h := range held {
		h.Alert.SilencedBy = ""
		if err := insertFirst(ctx, tx, h.DeliveryID, store.Dispatch{CorrelationKey: h.CorrelationKey, Alerts: []incident.Alert{h.Alert}}); err != nil {
			return 0, err
		}
	}
	_, err = tx.ExecContext(ctx, `UPDATE silenced_alerts SET held = 0 WHERE silence_id = ?`, silenceID)
	return len(held), err
}

// SilencedAlerts implements store.Problems.
func (s *Store) SilencedAlerts(ctx context.Context, id string, before int64, limit int) ([]store.SilencedAlert, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	var out []store.SilencedAlert
	err := s.read(ctx, "list silenced alerts", func(tx *sql.Tx) error {
		var err error
		out, err = selectSilenced(ctx, tx, `WHERE silence_id = ? AND id < ? ORDER BY id DESC LIMIT `+strconv.Itoa(limit), id, before)
		return err
	})
	return out, err
}

func selectSilenced(ctx context.Context, tx *sql.Tx, where string, args ...any) ([]store.SilencedAlert, error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, delivery_id, correlation_key, incident_id, alert, at FROM silenced_alerts `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []store.SilencedAlert{}
	for rows.Next() {
		var a store.SilencedAlert
		var raw []byte
		var at int64
		if err := rows.Scan(&a.ID, &a.DeliveryID, &a.CorrelationKey, &a.IncidentID, &raw, &at); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(raw, &a.Alert); err != nil {
			return nil, fmt.Errorf("silenced alert %d: %w", a.ID, err)
		}
		a.ReceivedAt = fromMicros(at)
		out = append(out, a)
	}
	return out, rows.Err()
}
