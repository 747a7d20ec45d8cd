package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"vigil/gateway/store"
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

// Received implements store.Inbox. Bodies are read one at a time, so that
// those beyond the limit stay on disk.
func (s *Store) Received(ctx context.Context, limit int, maxBytes int64) ([]store.Delivery, error) {
	var out []store.Delivery
	err := s.read(ctx, "list received deliveries", func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT `+deliveryColumns+` FROM deliveries WHERE state = 'received' ORDER BY id LIMIT ?`, limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for size := int64(0); size <= maxBytes && rows.Next(); {
			d, err := scanDelivery(rows)
			if err != nil {
				return err
			}
			size += int64(len(d.Body))
			out = append(out, d.Delivery)
		}
		return rows.Err()
	})
	return out, err
}

// Read implements store.Inbox.
func (s *Store) Read(ctx context.Context, readings []store.Reading) error {
	return s.write(ctx, "record what deliveries are", func(tx *sql.Tx) error {
		for _, r := range readings {
			moved, err := leaveReceived(ctx, tx, r)
			if err != nil {
				return err
			}
			if !moved {
				continue
			}
			for i, d := range r.Dispatches {
				if err := insertDispatch(ctx, tx, r.DeliveryID, i, d); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func insertDispatch(ctx context.Context, tx *sql.Tx, deliveryID int64, position int, d store.Dispatch) error {
	alerts, err := json.Marshal(d.Alerts)
	if err != nil {
		return fmt.Errorf("encode alerts: %w", err)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO dispatches (delivery_id, position, correlation_key, alerts)
		VALUES (?, ?, ?, ?)`, deliveryID, position, d.CorrelationKey, string(alerts))
	return err
}

// insertFirst adds a dispatch of what was heard before anything that its key
// still waits to say: in front of the oldest such, or else in deliveryID.
func insertFirst(ctx context.Context, tx *sql.Tx, deliveryID int64, d store.Dispatch) error {
	var oldest sql.NullInt64
	if err := tx.QueryRowContext(ctx, `SELECT min(delivery_id) FROM dispatches WHERE state IN ('pending', 'poisoned') AND correlation_key = ?`, d.CorrelationKey).Scan(&oldest); err != nil {
		return err
	}
	if oldest.Valid {
		deliveryID = min(deliveryID, oldest.Int64)
	}
	var position int
	if err := tx.QueryRowContext(ctx, `SELECT min(coalesce(min(position), 0), 0) - 1 FROM dispatches WHERE delivery_id = ?`, deliveryID).Scan(&position); err != nil {
		return err
	}
	return insertDispatch(ctx, tx, deliveryID, position, d)
}

// leaveReceived moves a delivery that nobody has read yet; one that was read
// already stays as it is and reports false.
func leaveReceived(ctx context.Context, tx *sql.Tx, r store.Reading) (bool, error) {
	res, err := tx.ExecContext(ctx, `UPDATE deliveries SET state = ?, reason = ? WHERE id = ? AND state = 'received'`, string(r.State), r.Reason, r.DeliveryID)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	if err != nil || n > 0 {
		return n > 0, err
	}
	return false, mustExist(ctx, tx, "delivery", "deliveries", r.DeliveryID)
}

func mustExist(ctx context.Context, tx *sql.Tx, what, table string, id int64) error {
	var exists bool
	if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM `+table+` WHERE id = ?)`, id).Scan(&exists); err != nil {
		return err
	}
	if !exists {
		return notFound("%s %d does not exist", what, id)
	}
	return nil
}

// Deliveries implements store.Inbox.
func (s *Store) Deliveries(ctx context.Context, f store.DeliveryFilter, limit int) ([]store.DeliveryRecord, error) {
	var out []store.DeliveryRecord
	where, args := deliveryWhere(f)
	err := s.read(ctx, "list deliveries", func(tx *sql.Tx) error {
		var err error
		out, err = s.deliveries(ctx, tx, where+` ORDER BY id DESC LIMIT ?`, append(args, limit)...)
		for i := range out {
			if err == nil {
				err = addDispatches(ctx, tx, &out[i])
			}
		}
		return err
	})
	return out, err
}

// deliveryWhere is the condition of a filter, with its arguments.
func deliveryWhere(f store.DeliveryFilter) (where string, args []any) {
	where = `WHERE id < ?`
	args = append(args, int64(math.MaxInt64))
	if f.Before > 0 {
		args[0] = f.Before
	}
	if f.State != "" {
		where, args = where+` AND state = ?`, append(args, string(f.State))
	}
	if f.Source != "" {
		where, args = where+` AND source = ?`, append(args, f.Source)
	}
	if f.Text != "" {
		where += ` AND (instr(lower(source), ?) > 0 OR instr(lower(reason), ?) > 0 OR instr(lower(CAST(body AS TEXT)), ?) > 0)`
		text := strings.ToLower(f.Text)
		args = append(args, text, text, text)
	}
	return where, args
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

// SourceCounts implements store.Inbox.
func (s *Store) SourceCounts(ctx context.Context) ([]store.SourceCount, error) {
	out := []store.SourceCount{}
	err := s.read(ctx, "count deliveries by source", func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT source, count(*), sum(state = 'quarantined'), max(received_at) FROM deliveries GROUP BY source ORDER BY source`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var c store.SourceCount
			var at int64
			if err := rows.Scan(&c.Source, &c.Deliveries, &c.Quarantined, &at); err != nil {
				return err
			}
			c.LastAt = fromMicros(at)
			out = append(out, c)
		}
		return rows.Err()
	})
	return out, err
}

// Prune implements store.Inbox. What a silence holds back, or a dispatch still
// needs, stays.
func (s *Store) Prune(ctx context.Context, before time.Time, limit int) (int, error) {
	var n int64
	err := s.write(ctx, "delete old deliveries", func(tx *sql.Tx) error {
		const old = `SELECT id FROM deliveries v WHERE received_at < ?1 AND state IN ('normalised', 'recorded', 'discarded')
			AND NOT EXISTS (SELECT 1 FROM dispatches d WHERE d.delivery_id = v.id AND d.state IN ('pending', 'poisoned'))
			AND NOT EXISTS (SELECT 1 FROM silenced_alerts a WHERE a.held = 1 AND a.delivery_id = v.id)
			ORDER BY received_at LIMIT ?2`
		if _, err := tx.ExecContext(ctx, `DELETE FROM dispatches WHERE delivery_id IN (`+old+`)`, micros(before), limit); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `DELETE FROM deliveries WHERE id IN (`+old+`)`, micros(before), limit)
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	return int(n), err
}
