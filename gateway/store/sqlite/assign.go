package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

// Assign implements store.Inbox. Order within a key is the order of the
// deliveries, so a dispatch waits while an older delivery is still unread:
// what that one holds is not known yet. Reading is quick and cannot fail for
// long (what cannot be parsed is quarantined).
func (s *Store) Assign(ctx context.Context, c store.Claim) (store.Assigned, error) {
	var out store.Assigned
	err := s.write(ctx, "assign dispatches", func(tx *sql.Tx) error {
		due, err := duePending(ctx, tx, c)
		if err != nil || len(due) == 0 {
			return err
		}
		a := &assigner{ctx: ctx, tx: tx, claim: c, keys: map[string]binding{}, problems: map[string]*problem{}, unsure: map[string]bool{}, heard: map[memberKey]member{},
			out: store.Assigned{Settled: map[store.DispatchState]int{}}}
		silences, err := selectSilences(ctx, tx, `WHERE ended_at = 0`)
		if err != nil {
			return err
		}
		a.silencer = store.NewSilencer(silences, c.Now)
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM silenced_alerts), EXISTS (SELECT 1 FROM silenced_alerts WHERE held = 1)`).
			Scan(&a.anyTouched, &a.anyHeld); err != nil {
			return err
		}
		for _, d := range due {
			if err := a.one(d); err != nil {
				return err
			}
		}
		out = a.out
		return a.save()
	})
	if err != nil {
		return store.Assigned{}, err
	}
	return out, nil
}

// pending is a row of dispatches that is due.
type pending struct {
	store.Dispatch
	incidentID string // to which it was assigned in an earlier attempt
}

// duePending selects the dispatches that a claim may have. It looks at those
// that are pending once, in order, and at the alerts only of those it takes:
// it runs often while many wait.
func duePending(ctx context.Context, tx *sql.Tx, c store.Claim) ([]pending, error) {
	due, err := selectDue(ctx, tx, c)
	if err != nil {
		return nil, err
	}
	size := int64(0)
	for i := range due {
		if size >= c.Bytes {
			return due[:i], nil
		}
		var alerts []byte
		if err := tx.QueryRowContext(ctx, `SELECT alerts FROM dispatches WHERE id = ?`, due[i].ID).Scan(&alerts); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(alerts, &due[i].Alerts); err != nil {
			return nil, fmt.Errorf("alerts of dispatch %d: %w", due[i].ID, err)
		}
		size += int64(len(alerts))
	}
	return due, nil
}

// selectDue selects them without their alerts.
func selectDue(ctx context.Context, tx *sql.Tx, c store.Claim) ([]pending, error) {
	held, err := poisonedKeys(ctx, tx)
	if err != nil {
		return nil, err
	}
	rows, err := tx.QueryContext(ctx, `SELECT id, delivery_id, correlation_key, attempts, incident_id, next_attempt > ? FROM dispatches
		WHERE state = 'pending' AND delivery_id < coalesce((SELECT min(id) FROM deliveries WHERE state = 'received'), 9223372036854775807)
		ORDER BY delivery_id, position`, micros(c.Now))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []pending
	for len(out) < c.Limit && rows.Next() {
		var p pending
		var later bool
		if err := rows.Scan(&p.ID, &p.DeliveryID, &p.CorrelationKey, &p.Attempts, &p.incidentID, &later); err != nil {
			return nil, err
		}
		// What holds up one dispatch of a key holds up those after it, also
		// when it ends while we look.
		if later || !held[p.CorrelationKey] && c.Skip != nil && c.Skip(p.CorrelationKey) {
			held[p.CorrelationKey] = true
		}
		if !held[p.CorrelationKey] {
			out = append(out, p)
		}
	}
	return out, rows.Err()
}

// poisonedKeys are those of which a dispatch waits for a person.
func poisonedKeys(ctx context.Context, tx *sql.Tx) (map[string]bool, error) {
	rows, err := tx.QueryContext(ctx, `SELECT DISTINCT correlation_key FROM dispatches WHERE state = 'poisoned'`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	keys := map[string]bool{}
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			return nil, err
		}
		keys[key] = true
	}
	return keys, rows.Err()
}

// assigner is one call of Assign.
type assigner struct {
	ctx        context.Context
	tx         *sql.Tx
	claim      store.Claim
	silencer   store.Silencer
	anyHeld    bool         // some alert is held back by a silence
	anyTouched bool         // some alert was silenced once
	scene      *store.Scene // loaded when the first new key needs it

	keys     map[string]binding // open bindings that were looked up or made
	problems map[string]*problem
	unsure   map[string]bool      // keys of dispatches whose incident may not have heard them
	heard    map[memberKey]member // what this call hands out, and nobody has confirmed yet
	out      store.Assigned
}

// binding is the open incident of a key; "" where there is none.
type binding struct{ incidentID, joinedBy string }

type memberKey struct{ incidentID, member string }

// one decides what becomes of a dispatch.
func (a *assigner) one(p pending) error {
	if a.unsure[p.CorrelationKey] && p.incidentID == "" {
		return nil // it follows what may have to go to another incident yet
	}
	b, err := a.bound(p.CorrelationKey)
	if err != nil {
		return err
	}
	for i := range p.Alerts {
		p.Alerts[i].Member = incident.MemberID(p.Alerts[i].CorrelationKey, p.Alerts[i].Fingerprint)
	}
	if over, err := a.overtaken(p, b); over || err != nil {
		return err
	}
	for i := range p.Alerts {
		al := &p.Alerts[i]
		if al.Status == incident.AlertFiring {
			al.SilencedBy = a.silencer.Silences(*al)
		} else {
			al.SilencedBy = ""
		}
	}
	if b.incidentID == "" {
		opener := a.opener(p.Alerts)
		if opener == nil {
			return a.opensNothing(p)
		}
		if b, err = a.bind(*opener); err != nil {
			return err
		}
	}
	return a.hand(p, b)
}

// overtaken hands out a dispatch whose incident has ended since it was
// assigned: whether that one has heard it has to be found out.
func (a *assigner) overtaken(p pending, b binding) (bool, error) {
	if p.incidentID == "" || p.incidentID == b.incidentID {
		return false, nil
	}
	var moved bool
	err := a.tx.QueryRowContext(a.ctx, `SELECT moved_to <> '' FROM bindings WHERE incident_id = ? AND correlation_key = ?`, p.incidentID, p.CorrelationKey).Scan(&moved)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, err
	}
	if moved {
		return false, nil // a person has decided: it goes where its key is now
	}
	a.unsure[p.CorrelationKey] = true
	a.out.List = append(a.out.List, store.Assignment{Dispatch: p.Dispatch, IncidentID: p.incidentID, Over: true})
	return true, nil
}

// opener is the first alert that may open an incident.
func (a *assigner) opener(alerts []incident.Alert) *incident.Alert {
	for i := range alerts {
		if alerts[i].State() == incident.MemberFiring {
			return &alerts[i]
		}
	}
	return nil
}

// opensNothing settles a dispatch that finds no open incident and opens none.
func (a *assigner) opensNothing(p pending) error {
	state := store.DispatchNoOpenProblem
	for _, al := range p.Alerts {
		if al.SilencedBy != "" {
			state = store.DispatchSilenced
			if err := a.touch(p, al, "", true); err != nil {
				return err
			}
		} else if err := a.unhold(al); err != nil { // it has cleared while it was silenced
			return err
		}
	}
	return a.settle(p, state, "")
}

// settle ends a dispatch that nobody has to deliver.
func (a *assigner) settle(p pending, state store.DispatchState, incidentID string) error {
	a.out.Settled[state]++
	_, err := a.tx.ExecContext(a.ctx, `UPDATE dispatches SET state = ?, incident_id = ? WHERE id = ?`, string(state), incidentID, p.ID)
	return err
}

// hand gives a dispatch out for delivery to its incident, without the alerts
// that say again what the incident was last told; firing ones first, so that an
// incident never begins with nothing wrong.
func (a *assigner) hand(p pending, b binding) error {
	pr, err := a.problem(b.incidentID)
	if err != nil {
		return err
	}
	out := store.Assignment{Dispatch: p.Dispatch, IncidentID: b.incidentID, Signals: pr.signals}
	out.Alerts = nil
	waits := false // on something that is handed out and not confirmed
	for _, firing := range []bool{true, false} {
		for _, al := range p.Alerts {
			if (al.Status == incident.AlertFiring) != firing {
				continue
			}
			al.JoinedBy = b.joinedBy
			if al.SilencedBy != "" {
				if err := a.touch(p, al, b.incidentID, false); err != nil {
					return err
				}
			} else if err := a.unhold(al); err != nil {
				return err
			}
			key := memberKey{b.incidentID, al.Member}
			m, err := a.member(key)
			if err != nil {
				return err
			}
			if m.word == wordOf(al) || outdated(m, al) {
				waits = waits || m.unsure
				out.Repeats = append(out.Repeats, al)
				continue
			}
			if !m.known {
				m.detailed = pr.takes(al)
			}
			a.heard[key] = member{known: true, unsure: true, word: wordOf(al), detailed: m.detailed, firing: firing, startsAt: al.StartsAt, row: al.InboxID}
			out.Alerts, out.Mention = append(out.Alerts, al), append(out.Mention, !m.detailed)
			pr.saw(al)
		}
	}
	if len(out.Alerts) == 0 && !waits {
		if err := countRepeats(a.ctx, a.tx, b.incidentID, out.Repeats); err != nil {
			return err
		}
		return a.settle(p, store.DispatchRepeated, b.incidentID)
	}
	a.out.List = append(a.out.List, out)
	_, err = a.tx.ExecContext(a.ctx, `UPDATE dispatches SET incident_id = ? WHERE id = ?`, b.incidentID, p.ID)
	return err
}

// outdated reports whether al is no news: it was received before what was heard
// last, and read late, out of quarantine; or it tells of the end of an earlier
// time than the one that fires now, as a peer of a sender in a cluster may do late.
func outdated(last member, al incident.Alert) bool {
	return al.InboxID < last.row || last.firing && al.Status == incident.AlertResolved && !al.EndsAt.IsZero() && !al.EndsAt.After(last.startsAt)
}

// wordOf is what an alert says, as a hash: its content, how bad it is, and
// whether people want to hear of it. The workflow compares the same.
func wordOf(al incident.Alert) string {
	return al.ContentKey() + string(al.Severity) + al.SilencedBy
}
