package sqlite_test

import (
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// A file of the first version keeps its events, and their order, and goes on
// numbering them where it was.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	old, err := goose.NewProvider(goose.DialectSQLite3, db, os.DirFS("migrations"), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := old.UpTo(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	made := func(d event.Data, seq int64) event.Event {
		e, err := event.New(d, "inc-1", "run-1", seq, time.UnixMilli(1_700_000_000_000+seq), incident.Provenance{Origin: incident.OriginLive})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	events := []event.Event{made(&event.IncidentOpened{Title: "x", Service: "s", Severity: incident.SeverityLow}, 1), made(&event.IncidentNoted{By: "ana", Text: "hm"}, 2),
		made(&event.IncidentAborted{Reason: "terminated"}, 0)}
	for i, e := range events {
		raw, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(t.Context(), `INSERT INTO events (position, incident_id, run_id, seq, type, epoch, stream_offset, cursor_offset, event) VALUES (?, ?, ?, ?, ?, 'e', ?, ?, ?)`,
			10+i, e.IncidentID, e.RunID, e.Seq, string(e.Type), i+1, i+1, string(raw)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.ExecContext(t.Context(), `UPDATE applied SET epoch = 'e', offset = 3`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	s := open(t, path)
	if err := s.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	review := made(&event.CauseReviewed{By: "ana", Correct: true}, 0)
	review.ID, review.Offset = "inc-1-review-a", 4
	fresh, gap, err := s.Apply(t.Context(), "e", nil, []event.Event{review, review})
	if err != nil || gap != nil || len(fresh) != 1 {
		t.Fatalf("applied %d events, gap %v, %v", len(fresh), gap, err)
	}
	list, _, err := s.IncidentEvents(t.Context(), "inc-1", "", 0, 10)
	var got []string
	for _, e := range list {
		got = append(got, e.ID)
	}
	if want := []string{"run-1/1", "run-1/2", "run-1/0", "inc-1-review-a"}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("events %v, %v; want %v", got, err, want)
	}
	if v, err := s.Incident(t.Context(), "inc-1"); err != nil || v.Status != incident.StatusAborted || v.CauseCorrect == nil {
		t.Errorf("view is %s, correct %v, %v", v.Status, v.CauseCorrect, err)
	}
	if since, err := s.Since(t.Context(), event.Cursor{Epoch: "e", Offset: 1}, 10); err != nil || len(since) != 3 {
		t.Errorf("%d events since the first, %v", len(since), err)
	}
}
