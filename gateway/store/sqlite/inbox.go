package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

// CountLost implements store.Inbox.
func (s *Store) CountLost(ctx context.Context, source string, bytes int64) error {
	return s.write(ctx, "count lost delivery", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO lost (source, count, bytes) VALUES (?, 1, ?)
			ON CONFLICT (source) DO UPDATE SET count = count + 1, bytes = bytes + excluded.bytes`, source, bytes)
		return err
	})
}

const deliveryColumns = `id, source, received_at, content_type, headers, body, principal, origin, state, reason`

func scanDelivery(rows *sql.Rows) (store.DeliveryRecord, error) {
	var d store.DeliveryRecord
	var at int64
	var headers string
	if err := rows.Scan(&d.ID, &d.Source, &at, &d.ContentType, &headers, &d.Body, &d.Principal, &d.Origin, &d.State, &d.Reason); err != nil {
		return d, err
	}
	d.ReceivedAt, d.Body = fromMicros(at), nonNilBytes(d.Body)
	if err := json.Unmarshal([]byte(headers), &d.Headers); err != nil {
		return d, fmt.Errorf("headers of delivery %d: %w", d.ID, err)
	}
	return d, nil
}

func (s *Store) deliveries(ctx context.Context, tx *sql.Tx, query string, args ...any) ([]store.DeliveryRecord, error) {
	rows, err := tx.QueryContext(ctx, `SELECT `+deliveryColumns+` FROM deliveries `+query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []store.DeliveryRecord
	for rows.Next() {
		d, err := scanDelivery(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, rows.Err()
}

// Received implements store.Inbox.
func (s *Store) Received(ctx context.Context, limit int) ([]store.Delivery, error) {
	var out []store.Delivery
	err := s.read(ctx, "list received deliveries", func(tx *sql.Tx) error {
		list, err := s.deliveries(ctx, tx, `WHERE state = 'received' ORDER BY id LIMIT ?`, limit)
		for _, d := range list {
			out = append(out, d.Delivery)
		}
		return err
	})
	return out, err
}

// Normalise implements store.Inbox.
func (s *Store) Normalise(ctx context.Context, deliveryID int64, dispatches []store.Dispatch) error {
	return s.write(ctx, "normalise delivery", func(tx *sql.Tx) error {
		moved, err := leaveReceived(ctx, tx, deliveryID, store.DeliveryNormalised, "")
		if err != nil || !moved {
			return err
		}
		for i, d := range dispatches {
			alerts, err := json.Marshal(d.Alerts)
			if err != nil {
				return fmt.Errorf("encode alerts: %w", err)
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO dispatches (delivery_id, position, correlation_key, alerts)
				VALUES (?, ?, ?, ?)`, deliveryID, i, d.CorrelationKey, string(alerts)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Quarantine implements store.Inbox.
func (s *Store) Quarantine(ctx context.Context, deliveryID int64, reason string) error {
	return s.setAside(ctx, "quarantine delivery", deliveryID, store.DeliveryQuarantined, reason)
}

// Record implements store.Inbox.
func (s *Store) Record(ctx context.Context, deliveryID int64, note string) error {
	return s.setAside(ctx, "record delivery", deliveryID, store.DeliveryRecorded, note)
}

func (s *Store) setAside(ctx context.Context, op string, id int64, to store.DeliveryState, reason string) error {
	return s.write(ctx, op, func(tx *sql.Tx) error {
		_, err := leaveReceived(ctx, tx, id, to, reason)
		return err
	})
}

// leaveReceived moves a delivery that nobody has read yet; one that was read
// already stays as it is and reports false.
func leaveReceived(ctx context.Context, tx *sql.Tx, id int64, to store.DeliveryState, reason string) (bool, error) {
	res, err := tx.ExecContext(ctx, `UPDATE deliveries SET state = ?, reason = ? WHERE id = ? AND state = 'received'`, string(to), reason, id)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	if err != nil || n > 0 {
		return n > 0, err
	}
	var exists bool
	if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM deliveries WHERE id = ?)`, id).Scan(&exists); err != nil {
		return false, err
	}
	if !exists {
		return false, notFound("delivery %d does not exist", id)
	}
	return false, nil
}

// Deliveries implements store.Inbox.
func (s *Store) Deliveries(ctx context.Context, state store.DeliveryState, before int64, limit int) ([]store.DeliveryRecord, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	var out []store.DeliveryRecord
	err := s.read(ctx, "list deliveries", func(tx *sql.Tx) error {
		var err error
		if state == "" {
			out, err = s.deliveries(ctx, tx, `WHERE id < ? ORDER BY id DESC LIMIT ?`, before, limit)
		} else {
			out, err = s.deliveries(ctx, tx, `WHERE state = ? AND id < ? ORDER BY id DESC LIMIT ?`, string(state), before, limit)
		}
		for i := range out {
			if err == nil {
				err = addDispatches(ctx, tx, &out[i])
			}
		}
		return err
	})
	return out, err
}

func addDispatches(ctx context.Context, tx *sql.Tx, d *store.DeliveryRecord) error {
	rows, err := tx.QueryContext(ctx, `SELECT state, incident_id, reason FROM dispatches WHERE delivery_id = ? ORDER BY position`, d.ID)
	if err != nil {
		return err
	}
	defer rows.Close()
	seen := map[string]bool{"": true}
	for rows.Next() {
		var state store.DispatchState
		var id, reason string
		if err := rows.Scan(&state, &id, &reason); err != nil {
			return err
		}
		d.Dispatches = append(d.Dispatches, state)
		if !seen[id] {
			seen[id] = true
			d.IncidentIDs = append(d.IncidentIDs, id)
		}
		if d.Reason == "" && (state == store.DispatchPending || state == store.DispatchPoisoned) {
			d.Reason = reason // why it is still there
		}
	}
	return rows.Err()
}

// InboxCounts implements store.Inbox.
func (s *Store) InboxCounts(ctx context.Context) (store.InboxCounts, error) {
	var c store.InboxCounts
	var oldest sql.NullInt64
	err := s.read(ctx, "count the inbox", func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT
			(SELECT count(*) FROM deliveries WHERE state = 'received'),
			(SELECT count(*) FROM deliveries WHERE state = 'quarantined'),
			(SELECT count(*) FROM deliveries WHERE state = 'recorded'),
			(SELECT count(*) FROM dispatches WHERE state = 'pending'),
			(SELECT count(*) FROM dispatches WHERE state = 'poisoned'),
			(SELECT coalesce(sum(count), 0) FROM lost),
			(SELECT received_at FROM deliveries WHERE id = min(
				coalesce((SELECT min(id) FROM deliveries WHERE state = 'received'), 9223372036854775807),
				coalesce((SELECT min(delivery_id) FROM dispatches WHERE state = 'pending'), 9223372036854775807)))`).
			Scan(&c.Received, &c.Quarantined, &c.Recorded, &c.Pending, &c.Poisoned, &c.Lost, &oldest)
	})
	if oldest.Valid {
		c.OldestPending = fromMicros(oldest.Int64)
	}
	return c, err
}

// Pending implements store.Inbox. Order within a key is the order of the
// deliveries, so a dispatch waits while an older delivery is still unread:
// what that one holds is not known yet. Reading is quick and cannot fail for
// long (what cannot be parsed is quarantined).
func (s *Store) Pending(ctx context.Context, limit int, now time.Time) ([]store.Dispatch, error) {
	var out []store.Dispatch
	err := s.read(ctx, "list pending dispatches", func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT d.id, d.delivery_id, d.correlation_key, d.alerts, d.attempts
			FROM dispatches d
			WHERE d.state = 'pending' AND d.next_attempt <= ?
			  AND d.delivery_id < coalesce((SELECT min(id) FROM deliveries WHERE state = 'received'), 9223372036854775807)
			  AND NOT EXISTS (SELECT 1 FROM dispatches o WHERE o.state = 'pending'
			      AND o.correlation_key = d.correlation_key AND (o.delivery_id, o.position) < (d.delivery_id, d.position))
			  AND NOT EXISTS (SELECT 1 FROM dispatches o WHERE o.state = 'poisoned' AND o.correlation_key = d.correlation_key)
			ORDER BY d.delivery_id, d.position LIMIT ?`, micros(now), limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var d store.Dispatch
			var alerts []byte
			if err := rows.Scan(&d.ID, &d.DeliveryID, &d.CorrelationKey, &alerts, &d.Attempts); err != nil {
				return err
			}
			if err := json.Unmarshal(alerts, &d.Alerts); err != nil {
				return fmt.Errorf("alerts of dispatch %d: %w", d.ID, err)
			}
			out = append(out, d)
		}
		return rows.Err()
	})
	return out, err
}

// Bind implements store.Inbox.
func (s *Store) Bind(ctx context.Context, dispatchID int64, newID string) (incidentID string, opened bool, err error) {
	err = s.write(ctx, "bind dispatch", func(tx *sql.Tx) error {
		var key string
		var state store.DispatchState
		err := tx.QueryRowContext(ctx, `SELECT correlation_key, state FROM dispatches WHERE id = ?`, dispatchID).Scan(&key, &state)
		if errors.Is(err, sql.ErrNoRows) {
			return notFound("dispatch %d does not exist", dispatchID)
		} else if err != nil {
			return err
		}
		if state != store.DispatchPending {
			return incident.Errorf(incident.KindConflict, "dispatch %d is %s already", dispatchID, state)
		}
		var by int64
		err = tx.QueryRowContext(ctx, `SELECT incident_id, opened_by FROM bindings WHERE correlation_key = ? AND open = 1`, key).Scan(&incidentID, &by)
		if err == nil {
			opened = by == dispatchID
			return nil
		} else if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO bindings (incident_id, correlation_key, opened_by) VALUES (?, ?, ?)`, newID, key, dispatchID)
		if isUnique(err) {
			return incident.Errorf(incident.KindConflict, "incident id %q was given out before", newID)
		}
		incidentID, opened = newID, true
		return err
	})
	if err != nil {
		return "", false, err
	}
	return incidentID, opened, nil
}

// Bound implements store.Inbox.
func (s *Store) Bound(ctx context.Context, key string) (string, error) {
	var id string
	err := s.read(ctx, "look up binding", func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `SELECT incident_id FROM bindings WHERE correlation_key = ? AND open = 1`, key).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	return id, err
}

// Release implements store.Inbox.
func (s *Store) Release(ctx context.Context, key, incidentID string) error {
	return s.write(ctx, "release binding", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE bindings SET open = 0 WHERE incident_id = ? AND correlation_key = ?`, incidentID, key)
		return err
	})
}

// Settle implements store.Inbox.
func (s *Store) Settle(ctx context.Context, dispatchID int64, to store.DispatchState, incidentID string) error {
	return s.changeDispatch(ctx, "settle dispatch", dispatchID, `UPDATE dispatches
		SET state = ?, incident_id = ?, next_attempt = 0 WHERE id = ? AND state IN ('pending', 'poisoned')`, string(to), incidentID, dispatchID)
}

// Postpone implements store.Inbox.
func (s *Store) Postpone(ctx context.Context, dispatchID int64, reason string, next time.Time) error {
	return s.changeDispatch(ctx, "postpone dispatch", dispatchID, `UPDATE dispatches
		SET attempts = attempts + 1, reason = ?, next_attempt = ? WHERE id = ? AND state = 'pending'`, reason, micros(next), dispatchID)
}

// changeDispatch runs an update; a dispatch that is past it stays as it is.
func (s *Store) changeDispatch(ctx context.Context, op string, id int64, update string, args ...any) error {
	return s.write(ctx, op, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, update, args...); err != nil {
			return err
		}
		var exists bool
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM dispatches WHERE id = ?)`, id).Scan(&exists); err != nil {
			return err
		}
		if !exists {
			return notFound("dispatch %d does not exist", id)
		}
		return nil
	})
}
