package archive

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"vigil/activities"
	"vigil/workflows/incident"
)

// verification confirms a cause in place of a person.
const verification = "verification"

// Learn implements activities.Memory. A cause that nobody confirmed is not
// kept, and what a person said of an incident is changed by a person only.
func (a *Archive) Learn(ctx context.Context, l incident.Lesson) ([]string, incident.Provenance, error) {
	start := a.now()
	if l.IncidentID == "" || l.RunID == "" {
		return nil, incident.Provenance{}, incident.Errorf(incident.KindInvalid, "archive: a lesson needs an incident and its run, not %q and %q", l.IncidentID, l.RunID)
	}
	l = redact(l)
	if l.ConfirmedBy == "" {
		l.Cause, l.CauseService = "", ""
	}
	err := a.write(ctx, "learn", func(tx *sql.Tx) error {
		verified, verifiedService := "", ""
		if l.ConfirmedBy == verification {
			verified, verifiedService = string(l.Cause), l.CauseService
		}
		before, row, err := stored(ctx, tx, l.IncidentID, l.RunID)
		if err != nil {
			return err
		}
		if row != 0 {
			if before.ConfirmedBy != "" && before.ConfirmedBy != verification && (l.ConfirmedBy == "" || l.ConfirmedBy == verification) {
				l.Cause, l.CauseService, l.ConfirmedBy = before.Cause, before.CauseService, before.ConfirmedBy
			}
			if _, err := tx.ExecContext(ctx, `DELETE FROM lessons_text WHERE rowid = ?`, row); err != nil {
				return err
			}
		}
		err = tx.QueryRowContext(ctx, `INSERT INTO lessons (incident_id, run_id, title, service, symptoms, summary, cause, cause_service,
			confirmed_by, verified_cause, verified_service, action, outcome, origin, opened_at, closed_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (incident_id, run_id) DO UPDATE SET title = excluded.title, service = excluded.service, symptoms = excluded.symptoms,
				summary = excluded.summary, cause = excluded.cause, cause_service = excluded.cause_service, confirmed_by = excluded.confirmed_by,
				verified_cause = CASE excluded.verified_cause WHEN '' THEN verified_cause ELSE excluded.verified_cause END,
				verified_service = CASE excluded.verified_cause WHEN '' THEN verified_service ELSE excluded.verified_service END,
				action = excluded.action, outcome = excluded.outcome, origin = excluded.origin, opened_at = excluded.opened_at, closed_at = excluded.closed_at
			RETURNING id`,
			l.IncidentID, l.RunID, l.Title, l.Service, l.Symptoms, l.Summary, string(l.Cause), l.CauseService,
			l.ConfirmedBy, verified, verifiedService, l.Action, string(l.Outcome), string(l.Origin), l.OpenedAt.UnixMicro(), l.ClosedAt.UnixMicro()).Scan(&row)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO lessons_text (rowid, title, body) VALUES (?, ?, ?)`, row, l.Title, searchable(l))
		return err
	})
	if err != nil {
		return nil, a.provenance("Learn", start, l.Origin), err
	}
	return []string{service}, a.provenance("Learn", start, l.Origin), nil
}

// redact masks what must not be kept in everything that somebody wrote.
func redact(l incident.Lesson) incident.Lesson {
	for _, text := range []*string{&l.Title, &l.Symptoms, &l.Summary, &l.Action} {
		*text = activities.Redact(*text)
	}
	return l
}

// searchable is the text that a search looks into besides the title.
func searchable(l incident.Lesson) string {
	return strings.Join([]string{l.Service, l.Symptoms, l.Summary, strings.ReplaceAll(string(l.Cause), "_", " "), l.CauseService, l.Action}, "\n")
}

// Recall implements activities.Memory. An incident is given once, whatever the
// number of its runs: as a person confirmed it, else as it was closed last.
func (a *Archive) Recall(ctx context.Context, q activities.Search) ([]incident.Document, incident.Provenance, error) {
	start := a.now()
	var out []incident.Document
	origin := incident.OriginLive
	err := a.read(ctx, "recall", func(tx *sql.Tx) error {
		// Of the runs of an incident the one that counts.
		in := index{text: "lessons_text", table: "lessons", join: `JOIN lessons ON lessons.id = lessons_text.rowid`, args: []any{q.Exclude},
			scope: `lessons.incident_id <> ? AND NOT EXISTS (SELECT 1 FROM lessons AS other WHERE other.incident_id = lessons.incident_id
				AND (other.confirmed_by NOT IN ('', 'verification'), other.closed_at, other.id) > (lessons.confirmed_by NOT IN ('', 'verification'), lessons.closed_at, lessons.id))`}
		hits, err := rank(ctx, tx, in, ask(q))
		if err != nil {
			return err
		}
		for _, h := range hits[:min(len(hits), limit(q))] {
			l, err := lesson(tx.QueryRowContext(ctx, selectLesson+` WHERE id = ?`, h.row), new(int64))
			if err != nil {
				return err
			}
			if l.Origin == incident.OriginSimulated {
				origin = l.Origin // what rests on something simulated is never shown as live
			}
			out = append(out, document(l, h.score))
		}
		return nil
	})
	return out, a.provenance("Recall", start, origin), err
}

// document is what is told of a past incident. Where the cause was not
// confirmed, it names neither cause nor service at fault.
func document(l incident.Lesson, score float64) incident.Document {
	lines := []string{"Complained: " + l.Service}
	for _, part := range []struct{ name, text string }{
		{"Symptoms", l.Symptoms}, {"What happened", l.Summary}, {"What was done", l.Action}, {"Outcome", string(l.Outcome)},
	} {
		if part.text != "" {
			lines = append(lines, part.name+": "+part.text)
		}
	}
	if !l.ClosedAt.IsZero() {
		lines = append(lines, "Closed: "+l.ClosedAt.Format(time.RFC3339))
	}
	d := incident.Document{ID: l.IncidentID, Title: l.Title, Text: strings.Join(lines, "\n"), Source: service, Score: score, IncidentID: l.IncidentID}
	if l.Cause != "" {
		d.Cause, d.Service, d.ConfirmedBy = l.Cause, l.CauseService, l.ConfirmedBy
	}
	return d
}

const selectLesson = `SELECT id, incident_id, run_id, title, service, symptoms, summary, cause, cause_service, confirmed_by,
	action, outcome, origin, opened_at, closed_at FROM lessons`

func stored(ctx context.Context, tx *sql.Tx, incidentID, runID string) (l incident.Lesson, row int64, err error) {
	l, err = lesson(tx.QueryRowContext(ctx, selectLesson+` WHERE incident_id = ? AND run_id = ?`, incidentID, runID), &row)
	if errors.Is(err, sql.ErrNoRows) {
		return l, 0, nil
	}
	return l, row, err
}

func lesson(row *sql.Row, id *int64) (l incident.Lesson, err error) {
	var opened, closed int64
	err = row.Scan(id, &l.IncidentID, &l.RunID, &l.Title, &l.Service, &l.Symptoms, &l.Summary, &l.Cause, &l.CauseService,
		&l.ConfirmedBy, &l.Action, &l.Outcome, &l.Origin, &opened, &closed)
	l.OpenedAt, l.ClosedAt = moment(opened), moment(closed)
	return l, err
}

// moment is a time as it was stored; the zero time keeps what it is.
func moment(us int64) time.Time {
	if us == (time.Time{}).UnixMicro() {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// HitRate says how often the telemetry and people agreed: reviewed is the
// number of incidents whose cause verification had confirmed and on which a
// person then spoke, be it to take the cause away, and correct how many of
// these kept cause and service. The
// hit rate of all diagnoses, those that nothing confirmed included, is kept by
// the gateway, which hears every review.
func (a *Archive) HitRate(ctx context.Context) (reviewed, correct int, err error) {
	err = a.read(ctx, "count reviews", func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(cause = verified_cause AND cause_service = verified_service), 0)
			FROM lessons WHERE verified_cause <> '' AND confirmed_by <> 'verification'`).Scan(&reviewed, &correct)
	})
	return reviewed, correct, err
}
