package sqlite

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"vigil/gateway/store"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// Since implements store.Events.
func (s *Store) Since(ctx context.Context, c event.Cursor, limit int) ([]event.Event, error) {
	var out []event.Event
	err := s.read(ctx, "read events since a cursor", func(tx *sql.Tx) error {
		at, first, err := applied(ctx, tx)
		if err != nil {
			return err
		}
		if c.Epoch != at.Epoch || c.Offset > at.Offset {
			return notFound("cursor %s/%d cannot be served: we are at %s/%d", c.Epoch, c.Offset, at.Epoch, at.Offset)
		}
		// Fills have no offset of their own; they follow the stream event that
		// was applied before them, so positions tell what c has not seen.
		from := first
		if err := tx.QueryRowContext(ctx, `SELECT coalesce((SELECT position FROM events
			WHERE epoch = ? AND stream_offset IS NOT NULL AND stream_offset <= ? ORDER BY stream_offset DESC LIMIT 1), ?)`,
			c.Epoch, int64(c.Offset), first).Scan(&from); err != nil {
			return err
		}
		out, err = selectEvents(ctx, tx, `WHERE position > ? ORDER BY position LIMIT ?`, from, limit+1)
		if err == nil && len(out) > limit {
			return notFound("cursor %s/%d is more than %d events behind", c.Epoch, c.Offset, limit)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Snapshot implements store.Events.
func (s *Store) Snapshot(ctx context.Context, closed int) (event.Cursor, []event.Summary, error) {
	var at event.Cursor
	var list []event.Summary
	err := s.read(ctx, "take a snapshot", func(tx *sql.Tx) error {
		var err error
		if at, _, err = applied(ctx, tx); err != nil {
			return err
		}
		if list, err = summaries(ctx, tx, `WHERE open = 1 ORDER BY opened_at DESC, incident_id DESC`); err != nil {
			return err
		}
		over, err := summaries(ctx, tx, `WHERE open = 0 ORDER BY closed_at DESC, incident_id DESC LIMIT ?`, closed)
		list = append(list, over...)
		return err
	})
	return at, list, err
}

func summaries(ctx context.Context, tx *sql.Tx, query string, args ...any) ([]event.Summary, error) {
	rows, err := tx.QueryContext(ctx, `SELECT summary FROM incidents `+query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []event.Summary{}
	for rows.Next() {
		var raw []byte
		if err := rows.Scan(&raw); err != nil {
			return nil, err
		}
		var sum event.Summary
		if err := json.Unmarshal(raw, &sum); err != nil {
			return nil, fmt.Errorf("stored summary: %w", err)
		}
		out = append(out, sum)
	}
	return out, rows.Err()
}

// Incidents implements store.Reads. A page goes on after the last row's time
// of opening and id, so rows that are added meanwhile do not shift it.
func (s *Store) Incidents(ctx context.Context, f store.Filter, cursor string, limit int) (list []event.Summary, next string, err error) {
	where, args := conditions(f)
	if cursor != "" {
		at, id, err := parsePage(cursor)
		if err != nil {
			return nil, "", err
		}
		where, args = append(where, `(opened_at, incident_id) < (?, ?)`), append(args, at, id)
	}
	query := ""
	if len(where) > 0 {
		query = `WHERE ` + strings.Join(where, ` AND `)
	}
	err = s.read(ctx, "list incidents", func(tx *sql.Tx) error {
		var err error
		list, err = summaries(ctx, tx, query+` ORDER BY opened_at DESC, incident_id DESC LIMIT ?`, append(args, limit+1)...)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	if len(list) > limit {
		list = list[:limit]
		last := list[limit-1]
		next = makePage(micros(last.OpenedAt), last.IncidentID)
	}
	return list, next, nil
}

func conditions(f store.Filter) (where []string, args []any) {
	add := func(cond string, values ...any) { where, args = append(where, cond), append(args, values...) }
	if f.Status != "" {
		add(`status = ?`, string(f.Status))
	}
	if f.Severity != "" {
		add(`severity = ?`, string(f.Severity))
	}
	if f.Service != "" {
		add(`service = ?`, f.Service)
	}
	if f.Open != nil {
		add(`open = ?`, *f.Open)
	}
	if f.NeedsHuman != nil {
		add(`needs_human = ?`, *f.NeedsHuman)
	}
	if f.Text != "" {
		like := `%` + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(f.Text) + `%`
		add(`(title LIKE ? ESCAPE '\' OR incident_id LIKE ? ESCAPE '\' OR service LIKE ? ESCAPE '\')`, like, like, like)
	}
	return where, args
}

func makePage(at int64, id string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(at, 10) + "/" + id))
}

func parsePage(cursor string) (int64, string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	at, id, ok := strings.Cut(string(raw), "/")
	us, numErr := strconv.ParseInt(at, 10, 64)
	if err != nil || !ok || numErr != nil {
		return 0, "", incident.Errorf(incident.KindInvalid, "%q is not a page cursor; take it from the page before, or leave it out", cursor)
	}
	return us, id, nil
}

// Incident implements store.Reads.
func (s *Store) Incident(ctx context.Context, id string) (event.View, error) {
	var v *event.View
	err := s.read(ctx, "read incident", func(tx *sql.Tx) error {
		var err error
		if v, err = loadView(ctx, tx, id); err == nil && v.IncidentID == "" {
			return notFound("incident %q does not exist", id)
		}
		return err
	})
	if err != nil {
		return event.View{}, err
	}
	return *v, nil
}

// IncidentEvents implements store.Reads.
func (s *Store) IncidentEvents(ctx context.Context, id, runID string, afterSeq int64, limit int) (list []event.Event, more bool, err error) {
	err = s.read(ctx, "read events of incident", func(tx *sql.Tx) error {
		var latest sql.NullString
		if err := tx.QueryRowContext(ctx, `SELECT coalesce((SELECT run_id FROM incidents WHERE incident_id = ?1),
			(SELECT run_id FROM events WHERE incident_id = ?1 ORDER BY position DESC LIMIT 1))
			WHERE NOT EXISTS (SELECT 1 FROM forgotten WHERE incident_id = ?1)`, id).Scan(&latest); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if !latest.Valid {
			return notFound("incident %q does not exist", id)
		}
		if runID == "" {
			runID = latest.String
		}
		// Seq rises with position within a run, but for an abort, whose seq is 0.
		var err error
		list, err = selectEvents(ctx, tx, `WHERE incident_id = ?1 AND run_id = ?2 AND position > (
			SELECT coalesce(max(position), 0) FROM events WHERE incident_id = ?1 AND run_id = ?2 AND seq > 0 AND seq <= ?3)
			ORDER BY position LIMIT ?4`, id, runID, afterSeq, limit+1)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	if len(list) > limit {
		list, more = list[:limit], true
	}
	return list, more, nil
}

// IncidentStory implements store.Reads. An incident that continued in a new
// run says in the first event of that run which one it goes on from. Events
// are only ever added at the end, so how many were read is a place in them.
func (s *Store) IncidentStory(ctx context.Context, id string, after, limit int) (list []event.Event, more bool, err error) {
	err = s.read(ctx, "read the story of incident", func(tx *sql.Tx) error {
		var known bool
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM incidents WHERE incident_id = ?)`, id).Scan(&known); err != nil {
			return err
		}
		if !known {
			return notFound("incident %q does not exist", id)
		}
		var err error
		list, err = selectEvents(ctx, tx, `WHERE incident_id = ?1 AND run_id IN (
			WITH RECURSIVE runs (run_id) AS (
				SELECT run_id FROM incidents WHERE incident_id = ?1
				UNION SELECT json_extract(e.event, '$.data.from_run_id') FROM events e JOIN runs r ON e.run_id = r.run_id
				WHERE e.incident_id = ?1 AND e.seq = 1 AND e.type = ?2)
			SELECT run_id FROM runs) ORDER BY position LIMIT ?3 OFFSET ?4`, id, string(event.TypeIncidentContinued), limit+1, after)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	if len(list) > limit {
		list, more = list[:limit], true
	}
	return list, more, nil
}

// Open implements store.Reads.
func (s *Store) Open(ctx context.Context) ([]event.Summary, error) {
	var list []event.Summary
	err := s.read(ctx, "list open incidents", func(tx *sql.Tx) error {
		var err error
		list, err = summaries(ctx, tx, `WHERE open = 1 ORDER BY opened_at, incident_id`)
		return err
	})
	return list, err
}

// Event implements store.Reads. The id of a numbered event is run_id/seq.
func (s *Store) Event(ctx context.Context, id string) (event.Event, error) {
	where, args := `WHERE seq = 0 AND json_extract(event, '$.id') = ?`, []any{id}
	if run, number, ok := strings.Cut(id, "/"); ok {
		if seq, err := strconv.ParseInt(number, 10, 64); err == nil && seq > 0 {
			where, args = `WHERE seq > 0 AND run_id = ? AND seq = ?`, []any{run, seq}
		}
	}
	var list []event.Event
	err := s.read(ctx, "read event", func(tx *sql.Tx) error {
		var err error
		list, err = selectEvents(ctx, tx, where+` AND NOT EXISTS (SELECT 1 FROM forgotten f WHERE f.incident_id = events.incident_id)
			ORDER BY position LIMIT 1`, args...)
		if err == nil && len(list) == 0 {
			return notFound("event %q does not exist", id)
		}
		return err
	})
	if err != nil {
		return event.Event{}, err
	}
	return list[0], nil
}
