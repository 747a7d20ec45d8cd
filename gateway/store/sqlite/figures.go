package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"vigil/gateway/store"
	"vigil/workflows/event"
)

// FiguresRevision implements store.Business. Figures follow from the events,
// which are only ever added, and from what is forgotten, which is too.
func (s *Store) FiguresRevision(ctx context.Context) (string, error) {
	var last, forgotten int64
	err := s.read(ctx, "read the revision of figures", func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT (SELECT coalesce(max(position), 0) FROM events), (SELECT count(*) FROM forgotten)`).Scan(&last, &forgotten)
	})
	return fmt.Sprintf("%d-%d", last, forgotten), err
}

// Figures implements store.Business.
func (s *Store) Figures(ctx context.Context, f store.FiguresFilter, cursor string, limit int) (list []event.IncidentFigures, next string, err error) {
	where, args := figuresConditions(f)
	if cursor != "" {
		at, id, err := parsePage(cursor)
		if err != nil {
			return nil, "", err
		}
		where, args = append(where, `(opened_at, incident_id) < (?, ?)`), append(args, at, id)
	}
	query := ``
	if len(where) > 0 {
		query = `WHERE ` + strings.Join(where, ` AND `)
	}
	query += ` ORDER BY opened_at DESC, incident_id DESC`
	if limit > 0 {
		query, args = query+` LIMIT ?`, append(args, limit+1)
	}
	err = s.read(ctx, "read figures", func(tx *sql.Tx) error {
		var err error
		list, err = selectFigures(ctx, tx, query, args...)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	if limit > 0 && len(list) > limit {
		list = list[:limit]
		last := list[limit-1]
		next = makePage(micros(last.OpenedAt), last.IncidentID)
	}
	return list, next, nil
}

// IncidentFigures implements store.Business.
func (s *Store) IncidentFigures(ctx context.Context, id string) (event.IncidentFigures, error) {
	var list []event.IncidentFigures
	err := s.read(ctx, "read figures of incident", func(tx *sql.Tx) error {
		var err error
		if list, err = selectFigures(ctx, tx, `WHERE incident_id = ?`, id); err == nil && len(list) == 0 {
			return notFound("incident %q does not exist", id)
		}
		return err
	})
	if err != nil {
		return event.IncidentFigures{}, err
	}
	return list[0], nil
}

func figuresConditions(f store.FiguresFilter) (where []string, args []any) {
	add := func(cond string, value any) { where, args = append(where, cond), append(args, value) }
	if !f.From.IsZero() {
		add(`opened_at >= ?`, micros(f.From))
	}
	if !f.To.IsZero() {
		add(`opened_at < ?`, micros(f.To))
	}
	if f.Origin != "" {
		add(`origin = ?`, string(f.Origin))
	}
	if f.Service != "" {
		add(`service = ?`, f.Service)
	}
	if f.Severity != "" {
		add(`severity = ?`, string(f.Severity))
	}
	return where, args
}

func selectFigures(ctx context.Context, tx *sql.Tx, query string, args ...any) ([]event.IncidentFigures, error) {
	rows, err := tx.QueryContext(ctx, `SELECT figures FROM figures `+query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []event.IncidentFigures{}
	for rows.Next() {
		var raw []byte
		if err := rows.Scan(&raw); err != nil {
			return nil, err
		}
		var f event.IncidentFigures
		if err := json.Unmarshal(raw, &f); err != nil {
			return nil, fmt.Errorf("stored figures: %w", err)
		}
		out = append(out, f)
	}
	return out, rows.Err()
}
