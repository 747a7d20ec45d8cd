package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"vigil/gateway/store"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// moveSource is the source of the delivery that stands for a move.
const moveSource = "vigil"

// Merge implements store.Problems.
func (s *Store) Merge(ctx context.Context, m store.MoveRequest) (incident.Move, error) {
	return s.move(ctx, "merge incidents", m, func(v *mover) error {
		to, err := v.openIncident(m.To)
		if err != nil {
			return err
		}
		if to.Origin != v.from.Origin {
			return incident.Errorf(incident.KindInvalid, "%s is %s and %s is %s; what is simulated and what is live cannot be one incident", m.From, v.from.Origin, m.To, to.Origin)
		}
		if err := v.settled(m.To); err != nil {
			return err
		}
		v.keys, err = v.openKeys()
		v.out.All = true
		if err != nil {
			return err
		}
		return v.ensureProblem(to)
	})
}

// Split implements store.Problems.
func (s *Store) Split(ctx context.Context, m store.MoveRequest) (incident.Move, error) {
	return s.move(ctx, "split incident", m, func(v *mover) error {
		open, err := v.openKeys()
		if err != nil {
			return err
		}
		for _, k := range m.Keys {
			if !slices.Contains(open, k) {
				return incident.Errorf(incident.KindConflict, "key %q does not belong to incident %s, or not any more; look again", k, m.From)
			}
		}
		if v.keys = slices.Compact(slices.Sorted(slices.Values(m.Keys))); len(v.keys) == len(open) {
			return incident.Errorf(incident.KindInvalid, "those are all of the incident's keys; leave at least one, or there is nothing to split")
		}
		v.newProblem = true
		return nil
	})
}

// move runs one person's move: check says what goes, and everything that
// follows from it happens in the same transaction. The same id moves once.
func (s *Store) move(ctx context.Context, op string, m store.MoveRequest, check func(*mover) error) (incident.Move, error) {
	var out incident.Move
	err := s.write(ctx, op, func(tx *sql.Tx) error {
		v := &mover{ctx: ctx, tx: tx, req: m, out: incident.Move{ID: m.ID, From: m.From, To: m.To, By: m.By.Name, Reason: m.Reason}}
		known, err := v.known()
		if err != nil || known {
			out = v.out
			return err
		}
		if v.from, err = v.openIncident(m.From); err != nil {
			return err
		}
		if m.From == m.To {
			return incident.Errorf(incident.KindInvalid, "an incident cannot be merged into itself")
		}
		if err := check(v); err != nil {
			return err
		}
		if err := v.carryOut(); err != nil {
			return err
		}
		out = v.out
		return nil
	})
	return out, err
}

// mover is one call of Merge or Split.
type mover struct {
	ctx        context.Context
	tx         *sql.Tx
	req        store.MoveRequest
	from       *event.View
	keys       []string
	newProblem bool
	out        incident.Move
}

// known reports whether the move was carried out before, by another try of the
// same request.
func (v *mover) known() (bool, error) {
	var raw []byte
	err := v.tx.QueryRowContext(v.ctx, `SELECT move FROM moves WHERE id = ?`, v.req.ID).Scan(&raw)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	return true, json.Unmarshal(raw, &v.out)
}

func (v *mover) openIncident(id string) (*event.View, error) {
	view, err := loadView(v.ctx, v.tx, id)
	switch {
	case err != nil:
		return nil, err
	case view.IncidentID == "":
		return nil, notFound("there is no incident %q", id)
	case view.Status.Terminal():
		return nil, incident.Errorf(incident.KindConflict, "incident %s is over", id)
	}
	return view, nil
}

// settled refuses alerts for an incident that has yet to hear which of its own
// have left: told of that afterwards, it would let go of those that came back.
func (v *mover) settled(id string) error {
	var telling bool
	err := v.tx.QueryRowContext(v.ctx, `SELECT EXISTS (SELECT 1 FROM moves WHERE tell_from = 1 AND json_extract(move, '$.from') = ?)`, id).Scan(&telling)
	if err == nil && telling {
		return incident.Errorf(incident.KindConflict, "incident %s is being told of alerts that were moved out of it just now; try again in a moment", id)
	}
	return err
}

func (v *mover) openKeys() ([]string, error) {
	rows, err := v.tx.QueryContext(v.ctx, `SELECT correlation_key FROM bindings WHERE incident_id = ? AND open = 1 ORDER BY correlation_key`, v.req.From)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var keys []string
	for rows.Next() {
		var k string
		if err := rows.Scan(&k); err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, rows.Err()
}

// ensureProblem makes an incident that a person started one that alerts can
// belong to.
func (v *mover) ensureProblem(to *event.View) error {
	_, err := v.tx.ExecContext(v.ctx, `INSERT OR IGNORE INTO problems (incident_id, origin, title, service, services, sources, severity, labels, opened_at, last_alert_at)
		VALUES (?, ?, ?, ?, '[]', '[]', ?, '{}', ?, ?)`, to.IncidentID, string(to.Origin), to.Title, to.Service, string(to.Severity), micros(to.OpenedAt), micros(v.req.At))
	return err
}

// carryOut binds the keys to their new incident, and puts their alerts into
// the inbox once more, as a delivery of the person who moves them: the
// dispatcher brings them there like any others.
func (v *mover) carryOut() error {
	by := "merged by " + v.req.By.Name
	if v.newProblem {
		by = "split by " + v.req.By.Name
	}
	delivery, err := v.delivery()
	if err != nil {
		return err
	}
	firing := false
	for i, key := range v.keys {
		members, err := selectMembers(v.ctx, v.tx, `WHERE incident_id = ? AND correlation_key = ? AND moved_to = '' ORDER BY id`, v.req.From, key)
		if err != nil {
			return err
		}
		var alerts []incident.Alert
		for _, m := range members {
			m.Alert.JoinedBy = by
			firing = firing || m.Alert.State() == incident.MemberFiring
			alerts = append(alerts, m.Alert)
			v.out.Members = append(v.out.Members, m.Alert.Member)
		}
		if v.newProblem && i == 0 {
			if err := v.open(members); err != nil {
				return err
			}
		}
		if err := v.rebind(key, by); err != nil {
			return err
		}
		if len(alerts) > 0 {
			if err := insertFirst(v.ctx, v.tx, delivery, store.Dispatch{CorrelationKey: key, Alerts: alerts}); err != nil {
				return err
			}
		}
	}
	if v.newProblem && !firing {
		return incident.Errorf(incident.KindInvalid, "none of those alerts fires any more, so there is no problem of their own")
	}
	v.out.Count = len(v.out.Members)
	if v.out.All {
		v.out.Members = nil
		if err := release(v.ctx, v.tx, v.req.From); err != nil {
			return err
		}
	}
	return v.record()
}

// delivery stands for the move in the inbox.
func (v *mover) delivery() (int64, error) {
	raw, err := json.Marshal(v.out)
	if err != nil {
		return 0, err
	}
	res, err := v.tx.ExecContext(v.ctx, `INSERT INTO deliveries (source, received_at, content_type, headers, body, principal, origin, state, reason)
		VALUES (?, ?, 'application/json', '{}', ?, ?, ?, 'normalised', ?)`,
		moveSource, micros(v.req.At), raw, v.req.By.Name, string(v.from.Origin), v.req.Reason)
	if err != nil {
		return 0, err
	}
	return res.LastInsertId()
}

// open makes the problem that is split off.
func (v *mover) open(members []store.IncidentAlert) error {
	title, service := v.from.Title, v.from.Service
	if len(members) > 0 {
		title, service = members[0].Alert.Title, members[0].Alert.Service
	}
	_, err := v.tx.ExecContext(v.ctx, `INSERT INTO problems (incident_id, origin, title, service, services, sources, severity, labels, opened_at, last_alert_at)
		VALUES (?, ?, ?, ?, '[]', '[]', '', '{}', ?, ?)`, v.req.To, string(v.from.Origin), title, service, micros(v.req.At), micros(v.req.At))
	return err
}

func (v *mover) rebind(key, by string) error {
	if _, err := v.tx.ExecContext(v.ctx, `UPDATE bindings SET open = 0, moved_to = ? WHERE incident_id = ? AND correlation_key = ?`, v.req.To, v.req.From, key); err != nil {
		return err
	}
	if _, err := v.tx.ExecContext(v.ctx, `UPDATE members SET moved_to = ? WHERE incident_id = ? AND correlation_key = ?`, v.req.To, v.req.From, key); err != nil {
		return err
	}
	if _, err := v.tx.ExecContext(v.ctx, `UPDATE dispatches SET incident_id = '' WHERE correlation_key = ? AND state = 'pending'`, key); err != nil {
		return err
	}
	_, err := v.tx.ExecContext(v.ctx, `INSERT INTO bindings (incident_id, correlation_key, joined_by, bound_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (incident_id, correlation_key) DO UPDATE SET open = 1, joined_by = excluded.joined_by, bound_at = excluded.bound_at, moved_to = ''`,
		v.req.To, key, by, micros(v.req.At))
	return err
}

// record keeps the move for the incidents, which are told of it, and the audit.
func (v *mover) record() error {
	raw, err := json.Marshal(v.out)
	if err != nil {
		return err
	}
	if _, err := v.tx.ExecContext(v.ctx, `INSERT INTO moves (id, move, role, at) VALUES (?, ?, ?, ?)`, v.out.ID, string(raw), string(v.req.By.Role), micros(v.req.At)); err != nil {
		return err
	}
	action := store.AuditIncidentSplit
	if v.out.All {
		action = store.AuditIncidentMerged
	}
	said := v.out
	said.Members = nil
	detail, err := json.Marshal(struct {
		incident.Move
		Keys []string `json:"keys"`
	}{said, v.keys})
	if err != nil {
		return err
	}
	return addAudit(v.ctx, v.tx, store.Audit{At: v.req.At, Principal: v.req.By.Name, Action: action, Subject: v.req.From, Reason: v.req.Reason, Detail: detail})
}

// PendingMoves implements store.Problems.
func (s *Store) PendingMoves(ctx context.Context, limit int) ([]store.PendingMove, error) {
	var out []store.PendingMove
	err := s.read(ctx, "list moves to tell of", func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT move, role, at, tell_from, tell_to, attempts FROM moves WHERE tell_from = 1 OR tell_to = 1 ORDER BY at LIMIT ?`, limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var m store.PendingMove
			var raw []byte
			var at int64
			if err := rows.Scan(&raw, &m.Role, &at, &m.TellFrom, &m.TellTo, &m.Attempts); err != nil {
				return err
			}
			if err := json.Unmarshal(raw, &m.Move); err != nil {
				return fmt.Errorf("move: %w", err)
			}
			m.At = fromMicros(at)
			out = append(out, m)
		}
		return rows.Err()
	})
	return out, err
}

// MoveTold implements store.Problems.
func (s *Store) MoveTold(ctx context.Context, id string, from, to bool) error {
	var set []string
	if from {
		set = append(set, "tell_from = 0")
	}
	if to {
		set = append(set, "tell_to = 0")
	}
	if len(set) == 0 {
		return nil
	}
	return s.write(ctx, "record that a move was told", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE moves SET `+strings.Join(set, ", ")+` WHERE id = ?`, id)
		return err
	})
}

// MoveFailed implements store.Problems.
func (s *Store) MoveFailed(ctx context.Context, id string) error {
	return s.write(ctx, "record that a move could not be told", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE moves SET attempts = attempts + 1 WHERE id = ?`, id)
		return err
	})
}
