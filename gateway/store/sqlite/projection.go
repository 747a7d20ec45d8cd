package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"vigil/gateway/analytics"
	"vigil/workflows/event"
)

// projection is what follows from an incident's events: its view, and what it
// adds to the business metrics.
type projection struct {
	view  event.View
	tally analytics.Tally
}

// apply adds e to both. What the view does not take, such as an event of an
// older run, may still count: the word of a person on the cause.
func (p *projection) apply(e event.Event) bool {
	p.tally.Apply(e)
	return p.view.Apply(e)
}

// derive makes the projection of an incident anew from its events.
func derive(ctx context.Context, tx *sql.Tx, id string) error {
	events, err := selectEvents(ctx, tx, `WHERE incident_id = ? ORDER BY position`, id)
	if err != nil {
		return err
	}
	var p projection
	for _, e := range events {
		p.apply(e) // false where it was false the first time
	}
	return p.save(ctx, tx)
}

func loadProjection(ctx context.Context, tx *sql.Tx, id string) (*projection, error) {
	v, err := loadView(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	p := &projection{view: *v}
	var raw []byte
	err = tx.QueryRowContext(ctx, `SELECT tally FROM figures WHERE incident_id = ?`, id).Scan(&raw)
	if errors.Is(err, sql.ErrNoRows) {
		return p, nil
	} else if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &p.tally); err != nil {
		return nil, fmt.Errorf("tally of incident %s: %w", id, err)
	}
	return p, nil
}

func (p *projection) save(ctx context.Context, tx *sql.Tx) error {
	if p.view.IncidentID == "" {
		return nil // nothing of it could be read yet
	}
	if err := saveView(ctx, tx, &p.view); err != nil {
		return err
	}
	tally, err := json.Marshal(p.tally)
	if err != nil {
		return fmt.Errorf("encode tally of incident %s: %w", p.view.IncidentID, err)
	}
	f := analytics.Figures(p.view, p.tally)
	figures, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("encode figures of incident %s: %w", f.IncidentID, err)
	}
	_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO figures (incident_id, version, opened_at, service, severity, origin, tally, figures)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, f.IncidentID, analytics.Version, micros(f.OpenedAt), f.Service, string(f.Severity), string(f.Origin),
		string(tally), string(figures))
	return err
}

// deriveAtOnce is how many incidents are derived in one transaction when a
// file is opened.
const deriveAtOnce = 50

// bringUpToDate derives what a file of an older version lacks, or has from
// another version of the code.
func (s *Store) bringUpToDate(ctx context.Context) error {
	for after := ""; ; {
		var ids []string
		err := s.write(ctx, "derive figures", func(tx *sql.Tx) error {
			var err error
			ids, err = texts(ctx, tx, `SELECT i.incident_id FROM incidents i LEFT JOIN figures f ON f.incident_id = i.incident_id
				WHERE f.version IS NOT ? AND i.incident_id > ? ORDER BY i.incident_id LIMIT ?`, analytics.Version, after, deriveAtOnce)
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
		if err != nil || len(ids) < deriveAtOnce {
			return err
		}
		after = ids[len(ids)-1] // one that nothing can be derived of is not tried for ever
	}
}
