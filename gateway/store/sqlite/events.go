package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"vigil/gateway/store"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// Applied implements store.Events.
func (s *Store) Applied(ctx context.Context) (event.Cursor, error) {
	var c event.Cursor
	err := s.read(ctx, "read the applied position", func(tx *sql.Tx) error {
		var err error
		c, _, err = applied(ctx, tx)
		return err
	})
	return c, err
}

// applied returns the cursor and the last position before its epoch began.
func applied(ctx context.Context, tx *sql.Tx) (c event.Cursor, first int64, err error) {
	var offset int64
	err = tx.QueryRowContext(ctx, `SELECT epoch, offset, first_position FROM applied`).Scan(&c.Epoch, &offset, &first)
	c.Offset = uint64(offset)
	return c, first, err
}

// Apply implements store.Events.
func (s *Store) Apply(ctx context.Context, epoch string, fill, events []event.Event) (fresh []event.Event, gap *store.Gap, err error) {
	err = s.write(ctx, "apply events", func(tx *sql.Tx) error {
		at, first, err := applied(ctx, tx)
		if err != nil {
			return err
		}
		if at.Epoch != epoch {
			at = event.Cursor{Epoch: epoch}
			if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(position), 0) FROM events`).Scan(&first); err != nil {
				return err
			}
		}
		a := &applier{ctx: ctx, tx: tx, at: at, runs: map[runKey]*runState{}, projections: map[string]*projection{}, forgotten: map[string]bool{}}
		if err := a.all(fill, events); err != nil {
			return err
		}
		if err := a.save(); err != nil {
			return err
		}
		fresh, gap = a.fresh, a.gap
		_, err = tx.ExecContext(ctx, `UPDATE applied SET epoch = ?, offset = ?, first_position = ?`, a.at.Epoch, int64(a.at.Offset), first)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return fresh, gap, nil
}

// applier is one call of Apply.
type applier struct {
	ctx         context.Context
	tx          *sql.Tx
	at          event.Cursor
	runs        map[runKey]*runState
	projections map[string]*projection // those touched, by incident
	forgotten   map[string]bool        // incidents that were asked about
	fresh       []event.Event
	gap         *store.Gap
}

type runKey struct{ incidentID, runID string }

// runState is what the event table holds of a run.
type runState struct {
	last            int64 // seq
	aborted, closed bool
}

func (a *applier) all(fill, events []event.Event) error {
	for _, e := range events {
		if e.Offset == 0 {
			return incident.Errorf(incident.KindInvalid, "event %s came without its offset in the stream", e.ID)
		}
	}
	for _, e := range fill {
		if comes, err := a.comes(e, events); err != nil {
			return err
		} else if comes {
			continue
		}
		e.Offset = 0
		if done, err := a.one(e); done || err != nil {
			return err
		}
	}
	for _, e := range events {
		if e.Offset <= a.at.Offset {
			continue
		}
		if done, err := a.one(e); done || err != nil {
			return err
		}
		a.at.Offset = e.Offset
	}
	return nil
}

// comes reports whether the fill f is not needed, because the stream brings
// it, or has got further in its run: the workflow's query tells all that it
// knows, and only the hole is wanted, so that everything else has its offset.
func (a *applier) comes(f event.Event, events []event.Event) (bool, error) {
	if f.Seq == 0 {
		return false, nil
	}
	for _, e := range events {
		if e.Offset <= a.at.Offset || e.RunID != f.RunID || e.IncidentID != f.IncidentID {
			continue
		}
		run, err := a.run(e)
		if err != nil {
			return false, err
		}
		if e.Seq > run.last && f.Seq >= e.Seq {
			return true, nil
		}
	}
	return false, nil
}

// run returns what is known of e's run, which the caller keeps up to date.
func (a *applier) run(e event.Event) (*runState, error) {
	key := runKey{e.IncidentID, e.RunID}
	if r, ok := a.runs[key]; ok {
		return r, nil
	}
	r := &runState{}
	err := a.tx.QueryRowContext(a.ctx, `SELECT coalesce(max(seq), 0), coalesce(max(type = ?), 0), coalesce(max(type = ?), 0)
		FROM events WHERE incident_id = ? AND run_id = ?`, string(event.TypeIncidentAborted), string(event.TypeIncidentClosed), e.IncidentID, e.RunID).
		Scan(&r.last, &r.aborted, &r.closed)
	if err != nil {
		return nil, err
	}
	a.runs[key] = r
	return r, nil
}

// one applies e, unless it is known or its run is over. done says that e
// would leave a hole and nothing after it may be applied.
func (a *applier) one(e event.Event) (done bool, err error) {
	if e.IncidentID == "" || e.RunID == "" || e.Seq < 0 {
		return false, nil
	}
	if gone, err := a.isForgotten(e.IncidentID); gone || err != nil {
		return false, err
	}
	if e.Seq == 0 && e.Type != event.TypeIncidentAborted {
		return false, a.beside(e)
	}
	run, err := a.run(e)
	if err != nil {
		return false, err
	}
	switch {
	case run.aborted, e.Seq == 0 && run.closed, e.Seq != 0 && e.Seq <= run.last:
		return false, nil
	case e.Seq > run.last+1:
		a.gap = &store.Gap{IncidentID: e.IncidentID, RunID: e.RunID, HaveSeq: run.last, NextSeq: e.Seq}
		return true, nil
	}
	if err := a.insert(&e); err != nil {
		return false, err
	}
	run.last = max(run.last, e.Seq)
	run.aborted = e.Seq == 0
	run.closed = run.closed || e.Type == event.TypeIncidentClosed
	a.fresh = append(a.fresh, e)
	return false, a.project(e)
}

// beside applies an event that is no part of a run's story and carries no
// number, such as what a person says of it afterwards: whether the run is over
// or not, once.
func (a *applier) beside(e event.Event) error {
	var known bool
	if err := a.tx.QueryRowContext(a.ctx, `SELECT EXISTS (SELECT 1 FROM events
		WHERE incident_id = ? AND run_id = ? AND seq = 0 AND json_extract(event, '$.id') = ?)`, e.IncidentID, e.RunID, e.ID).Scan(&known); err != nil || known {
		return err
	}
	if err := a.insert(&e); err != nil {
		return err
	}
	a.fresh = append(a.fresh, e)
	return a.project(e)
}

// insert adds e to the event table and sets its position in the stream.
func (a *applier) insert(e *event.Event) error {
	var offset sql.NullInt64
	if e.Offset != 0 {
		offset = sql.NullInt64{Int64: int64(e.Offset), Valid: true}
	} else {
		e.Offset = a.at.Offset
	}
	e.Epoch = a.at.Epoch
	stored := *e
	stored.Epoch, stored.Offset = "", 0 // they are columns
	raw, err := json.Marshal(stored)
	if err != nil {
		return fmt.Errorf("encode event %s: %w", e.ID, err)
	}
	_, err = a.tx.ExecContext(a.ctx, `INSERT INTO events
		(incident_id, run_id, seq, type, epoch, stream_offset, cursor_offset, event) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		e.IncidentID, e.RunID, e.Seq, string(e.Type), e.Epoch, offset, int64(e.Offset), string(raw))
	return err
}

// isForgotten reports whether an incident is kept no longer.
func (a *applier) isForgotten(incidentID string) (bool, error) {
	gone, asked := a.forgotten[incidentID]
	if asked {
		return gone, nil
	}
	err := a.tx.QueryRowContext(a.ctx, `SELECT EXISTS (SELECT 1 FROM forgotten WHERE incident_id = ?)`, incidentID).Scan(&gone)
	a.forgotten[incidentID] = gone
	return gone, err
}

// project brings the read model and the bindings up to e.
func (a *applier) project(e event.Event) error {
	p, ok := a.projections[e.IncidentID]
	if !ok {
		var err error
		if p, err = loadProjection(a.ctx, a.tx, e.IncidentID); err != nil {
			return err
		}
		a.projections[e.IncidentID] = p
	}
	v := &p.view
	before := v.RunID
	if !p.apply(e) {
		return nil // of an older run, or of a type that this build does not know; it is kept all the same
	}
	switch {
	case e.Type == event.TypeEvidenceCollected:
		return a.learnEdges(e)
	case before != "" && (e.Type == event.TypeIncidentOpened || e.Type == event.TypeIncidentContinued):
		return a.rebind(e.IncidentID)
	case v.Status.Terminal():
		return a.unbind(e.IncidentID)
	}
	return nil
}

// unbind ends the bindings of an incident that closed.
func (a *applier) unbind(incidentID string) error { return release(a.ctx, a.tx, incidentID) }

// rebind restores the bindings of an incident that goes on in a new run (a
// reset, or one that continued), but for keys that have another open incident
// by now, or were moved.
func (a *applier) rebind(incidentID string) error {
	if _, err := a.tx.ExecContext(a.ctx, `UPDATE bindings SET open = 1 WHERE incident_id = ?1 AND open = 0 AND moved_to = '' AND NOT EXISTS (
		SELECT 1 FROM bindings o WHERE o.open = 1 AND o.correlation_key = bindings.correlation_key)`, incidentID); err != nil {
		return err
	}
	_, err := a.tx.ExecContext(a.ctx, `UPDATE problems SET open = 1 WHERE incident_id = ?1
		AND EXISTS (SELECT 1 FROM bindings b WHERE b.incident_id = ?1 AND b.open = 1)`, incidentID)
	return err
}

// learnEdges remembers who calls whom, for correlation.
func (a *applier) learnEdges(e event.Event) error {
	data, err := e.Decode()
	if err != nil {
		return nil // of a version that this build does not know; it is kept all the same
	}
	found, ok := data.(*event.EvidenceCollected)
	if !ok {
		return nil
	}
	for _, edge := range found.Evidence.Edges {
		if _, err := a.tx.ExecContext(a.ctx, `INSERT INTO service_edges (caller, callee, seen_at) VALUES (?1, ?2, ?3)
			ON CONFLICT (caller, callee) DO UPDATE SET seen_at = max(seen_at, ?3)`, edge.From, edge.To, micros(e.At)); err != nil {
			return err
		}
	}
	return nil
}

func (a *applier) save() error {
	for _, p := range a.projections {
		if err := p.save(a.ctx, a.tx); err != nil {
			return err
		}
	}
	return nil
}

func loadView(ctx context.Context, tx *sql.Tx, id string) (*event.View, error) {
	var raw []byte
	v := &event.View{}
	err := tx.QueryRowContext(ctx, `SELECT view FROM incidents WHERE incident_id = ?`, id).Scan(&raw)
	if errors.Is(err, sql.ErrNoRows) {
		return v, nil
	} else if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return nil, fmt.Errorf("view of incident %s: %w", id, err)
	}
	return v, nil
}

func saveView(ctx context.Context, tx *sql.Tx, v *event.View) error {
	view, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode view of incident %s: %w", v.IncidentID, err)
	}
	summary, err := json.Marshal(v.Summary)
	if err != nil {
		return fmt.Errorf("encode summary of incident %s: %w", v.IncidentID, err)
	}
	_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO incidents (incident_id, run_id, view, summary, title, service,
		severity, status, open, needs_human, opened_at, closed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		v.IncidentID, v.RunID, string(view), string(summary), v.Title, v.Service, string(v.Severity), string(v.Status),
		!v.Status.Terminal(), v.NeedsHuman, micros(v.OpenedAt), micros(v.ClosedAt))
	return err
}

// Rebuild implements store.Events. It goes incident by incident, in one
// transaction, so that its memory does not grow with the table and readers
// see the old model until the new one is whole.
func (s *Store) Rebuild(ctx context.Context) error {
	return s.write(ctx, "rebuild the read model", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM incidents`); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM figures`); err != nil {
			return err
		}
		ids, err := texts(ctx, tx, `SELECT DISTINCT incident_id FROM events
			WHERE incident_id NOT IN (SELECT incident_id FROM forgotten)`)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := derive(ctx, tx, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// texts reads one column.
func texts(ctx context.Context, tx *sql.Tx, query string, args ...any) ([]string, error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

func selectEvents(ctx context.Context, tx *sql.Tx, query string, args ...any) ([]event.Event, error) {
	rows, err := tx.QueryContext(ctx, `SELECT event, epoch, cursor_offset FROM events `+query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []event.Event{}
	for rows.Next() {
		var raw []byte
		var epoch string
		var offset int64
		if err := rows.Scan(&raw, &epoch, &offset); err != nil {
			return nil, err
		}
		var e event.Event
		if err := json.Unmarshal(raw, &e); err != nil {
			return nil, fmt.Errorf("stored event: %w", err)
		}
		e.Epoch, e.Offset = epoch, uint64(offset)
		out = append(out, e)
	}
	return out, rows.Err()
}
