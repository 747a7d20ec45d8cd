package sqlite

import (
	"context"
	"database/sql"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

// Retry implements store.Inbox.
func (s *Store) Retry(ctx context.Context, deliveryID int64, by store.Audit) error {
	return s.write(ctx, "retry delivery", func(tx *sql.Tx) error {
		read, err := changed(tx.ExecContext(ctx, `UPDATE deliveries SET state = 'received', reason = '' WHERE id = ? AND state = 'quarantined'`, deliveryID))
		if err != nil {
			return err
		}
		freed, err := changed(tx.ExecContext(ctx, `UPDATE dispatches SET state = 'pending', attempts = 0, next_attempt = 0, reason = ''
			WHERE delivery_id = ? AND state = 'poisoned'`, deliveryID))
		if err != nil {
			return err
		}
		if read+freed == 0 {
			if err := mustExist(ctx, tx, "delivery", "deliveries", deliveryID); err != nil {
				return err
			}
			return incident.Errorf(incident.KindConflict, "delivery %d is not in quarantine, and none of its alerts is held up", deliveryID)
		}
		return addAudit(ctx, tx, by)
	})
}

// RetryAll implements store.Inbox.
func (s *Store) RetryAll(ctx context.Context, f store.DeliveryFilter, by store.Audit) (int, error) {
	f.State = store.DeliveryQuarantined
	where, args := deliveryWhere(f)
	var n int64
	err := s.write(ctx, "retry deliveries", func(tx *sql.Tx) error {
		var err error
		if n, err = changed(tx.ExecContext(ctx, `UPDATE deliveries SET state = 'received', reason = '' `+where, args...)); err != nil || n == 0 {
			return err
		}
		return addAudit(ctx, tx, by)
	})
	return int(n), err
}

// Discard implements store.Inbox.
func (s *Store) Discard(ctx context.Context, deliveryID int64, by store.Audit) error {
	return s.write(ctx, "discard delivery", func(tx *sql.Tx) error {
		n, err := changed(tx.ExecContext(ctx, `UPDATE deliveries SET state = 'discarded' WHERE id = ? AND state = 'quarantined'`, deliveryID))
		if err != nil {
			return err
		}
		if n == 0 {
			if err := mustExist(ctx, tx, "delivery", "deliveries", deliveryID); err != nil {
				return err
			}
			return incident.Errorf(incident.KindConflict, "delivery %d is not in quarantine", deliveryID)
		}
		return addAudit(ctx, tx, by)
	})
}

// changed is the number of rows that a statement changed.
func changed(res sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}
