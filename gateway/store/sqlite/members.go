package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

// member is what an incident was told last of an alert.
type member struct {
	known    bool
	unsure   bool // it is on its way
	word     string
	detailed bool
	firing   bool
	startsAt time.Time
	row      int64 // of the inbox
}

// member looks up an alert. One that a person has moved away, and whose key has
// come back, has to be told of again, whatever it says.
func (a *assigner) member(key memberKey) (member, error) {
	if m, ok := a.heard[key]; ok {
		return m, nil
	}
	m := member{known: true}
	var status incident.AlertStatus
	var startsAt int64
	err := a.tx.QueryRowContext(a.ctx, `SELECT iif(moved_to = '', word, ''), detailed, status, starts_at,
		iif(moved_to = '', coalesce(json_extract(alert, '$.inbox_id'), 0), 0) FROM members WHERE incident_id = ? AND member = ?`,
		key.incidentID, key.member).Scan(&m.word, &m.detailed, &status, &startsAt, &m.row)
	if errors.Is(err, sql.ErrNoRows) {
		return member{}, nil
	} else if err != nil {
		return m, err
	}
	m.firing, m.startsAt = status == incident.AlertFiring, fromMicros(startsAt)
	return m, nil
}

// countRepeats counts alerts that say nothing new, once their dispatch ends:
// what they repeat may not be known until then.
func countRepeats(ctx context.Context, tx *sql.Tx, incidentID string, list []incident.Alert) error {
	for _, al := range list {
		_, err := tx.ExecContext(ctx, `UPDATE members SET deliveries = deliveries + 1, last_at = max(last_at, ?) WHERE incident_id = ? AND member = ?`,
			micros(al.ReceivedAt), incidentID, al.Member)
		if err != nil {
			return err
		}
	}
	return nil
}

// Settle implements store.Inbox.
func (s *Store) Settle(ctx context.Context, list []store.Settlement) error {
	return s.write(ctx, "settle dispatches", func(tx *sql.Tx) error {
		signalled := map[string]bool{}
		for _, one := range list {
			if err := settle(ctx, tx, one); err != nil {
				return err
			}
			if len(one.Alerts) > 0 {
				signalled[one.IncidentID] = true
			}
		}
		for id := range signalled {
			if _, err := tx.ExecContext(ctx, `UPDATE problems SET signals = signals + 1,
				members = (SELECT count(*) FROM members WHERE incident_id = ?1) WHERE incident_id = ?1`, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// settle records one outcome. An alert that a person has moved to another
// incident meanwhile has yet to go there: its dispatch stays pending.
func settle(ctx context.Context, tx *sql.Tx, one store.Settlement) error {
	var key, moved string
	var state store.DispatchState
	err := tx.QueryRowContext(ctx, `SELECT d.correlation_key, d.state, coalesce(b.moved_to, '') FROM dispatches d
		LEFT JOIN bindings b ON b.incident_id = ? AND b.correlation_key = d.correlation_key WHERE d.id = ?`, one.IncidentID, one.DispatchID).Scan(&key, &state, &moved)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return notFound("dispatch %d does not exist", one.DispatchID)
	case err != nil:
		return err
	case state != store.DispatchPending && state != store.DispatchPoisoned:
		return nil // by another gateway
	case moved != "":
		_, err := tx.ExecContext(ctx, `UPDATE dispatches SET incident_id = '' WHERE id = ?`, one.DispatchID)
		return err
	}
	for i, al := range one.Alerts {
		if err := saveMember(ctx, tx, one.IncidentID, al, len(one.Mention) <= i || !one.Mention[i]); err != nil {
			return err
		}
	}
	if one.State == store.DispatchPending {
		return keepPending(ctx, tx, one)
	}
	if err := countRepeats(ctx, tx, one.IncidentID, one.Repeats); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE dispatches SET state = ?, incident_id = ?, next_attempt = 0 WHERE id = ?`, string(one.State), one.IncidentID, one.DispatchID)
	return err
}

// keepPending leaves what an incident that is over has not heard for the next.
func keepPending(ctx context.Context, tx *sql.Tx, one store.Settlement) error {
	if one.Rest == nil {
		return nil
	}
	rest, err := json.Marshal(one.Rest)
	if err != nil {
		return fmt.Errorf("encode alerts: %w", err)
	}
	_, err = tx.ExecContext(ctx, `UPDATE dispatches SET alerts = ?, incident_id = '' WHERE id = ?`, string(rest), one.DispatchID)
	return err
}

// saveMember keeps what an incident was told last of an alert.
func saveMember(ctx context.Context, tx *sql.Tx, incidentID string, al incident.Alert, detailed bool) error {
	raw, err := json.Marshal(al)
	if err != nil {
		return fmt.Errorf("encode alert: %w", err)
	}
	var heard int
	err = tx.QueryRowContext(ctx, `INSERT INTO members (incident_id, member, correlation_key, word, status, starts_at, detailed, alert, first_at, last_at)
		VALUES (?1, ?2, ?3, ?4, ?5, ?9, ?6, ?7, ?8, ?8)
		ON CONFLICT (incident_id, member) DO UPDATE SET word = excluded.word, alert = excluded.alert, starts_at = excluded.starts_at,
			deliveries = deliveries + 1, changes = changes + (status <> excluded.status),
			status = excluded.status, last_at = max(last_at, excluded.last_at), moved_to = ''
		RETURNING deliveries`,
		incidentID, al.Member, al.CorrelationKey, wordOf(al), string(al.Status), detailed, string(raw), micros(al.ReceivedAt), micros(al.StartsAt)).Scan(&heard)
	if err != nil || heard > 1 || !detailed {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE problems SET detailed = detailed + 1, detail_bytes = detail_bytes + ? WHERE incident_id = ?`, len(raw), incidentID)
	return err
}

// Postpone implements store.Inbox.
func (s *Store) Postpone(ctx context.Context, ids []int64, reason string, next time.Time) error {
	return s.write(ctx, "postpone dispatches", func(tx *sql.Tx) error {
		for _, id := range ids {
			n, err := changed(tx.ExecContext(ctx, `UPDATE dispatches SET attempts = attempts + 1, reason = ?, next_attempt = ?
				WHERE id = ? AND state = 'pending'`, reason, micros(next), id))
			if err != nil {
				return err
			}
			if n == 0 {
				if err := mustExist(ctx, tx, "dispatch", "dispatches", id); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// Release implements store.Inbox.
func (s *Store) Release(ctx context.Context, incidentID string) error {
	return s.write(ctx, "release bindings", func(tx *sql.Tx) error { return release(ctx, tx, incidentID) })
}

func release(ctx context.Context, tx *sql.Tx, incidentID string) error {
	if _, err := tx.ExecContext(ctx, `UPDATE bindings SET open = 0 WHERE incident_id = ?`, incidentID); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE problems SET open = 0 WHERE incident_id = ?`, incidentID)
	return err
}

// IncidentKeys implements store.Problems.
func (s *Store) IncidentKeys(ctx context.Context, id string) ([]store.IncidentKey, error) {
	out := []store.IncidentKey{}
	err := s.read(ctx, "list keys of incident", func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT b.correlation_key, b.joined_by, b.bound_at, b.open, b.moved_to, count(m.id),
			coalesce(sum(m.status = 'firing'), 0)
			FROM bindings b LEFT JOIN members m ON m.incident_id = b.incident_id AND m.correlation_key = b.correlation_key
			WHERE b.incident_id = ? GROUP BY b.correlation_key ORDER BY b.bound_at, b.correlation_key`, id)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var k store.IncidentKey
			var at int64
			if err := rows.Scan(&k.CorrelationKey, &k.JoinedBy, &at, &k.Open, &k.MovedTo, &k.Alerts, &k.Firing); err != nil {
				return err
			}
			k.BoundAt = fromMicros(at)
			out = append(out, k)
		}
		return rows.Err()
	})
	return out, err
}

// IncidentAlerts implements store.Problems.
func (s *Store) IncidentAlerts(ctx context.Context, id, text string, after int64, limit int) ([]store.IncidentAlert, error) {
	var out []store.IncidentAlert
	err := s.read(ctx, "list alerts of incident", func(tx *sql.Tx) error {
		var err error
		out, err = selectMembers(ctx, tx, `WHERE incident_id = ?1 AND id > ?2 AND (?3 = '' OR instr(lower(alert), ?3) > 0) ORDER BY id LIMIT ?4`,
			id, after, strings.ToLower(text), limit)
		return err
	})
	return out, err
}

func selectMembers(ctx context.Context, tx *sql.Tx, where string, args ...any) ([]store.IncidentAlert, error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, alert, first_at, last_at, deliveries, changes, moved_to FROM members `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []store.IncidentAlert{}
	for rows.Next() {
		var m store.IncidentAlert
		var raw []byte
		var first, last int64
		if err := rows.Scan(&m.ID, &raw, &first, &last, &m.Deliveries, &m.Changes, &m.MovedTo); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(raw, &m.Alert); err != nil {
			return nil, fmt.Errorf("alert %d: %w", m.ID, err)
		}
		m.FirstAt, m.LastAt = fromMicros(first), fromMicros(last)
		out = append(out, m)
	}
	return out, rows.Err()
}
