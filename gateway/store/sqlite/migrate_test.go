package sqlite_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"vigil/gateway/store"
	"vigil/gateway/store/sqlite"
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

// A file of the version before figures were kept gets them when it is opened,
// as does one whose figures another version derived.
func TestUpgradeDerivesFigures(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, path)
	var want []event.IncidentFigures
	for i := range 120 { // more than one transaction takes
		id := fmt.Sprint("inc-", i)
		var list []event.Event
		for n, d := range []event.Data{&event.IncidentOpened{Title: id, Service: "s", Severity: incident.SeverityLow}, &event.IncidentAcknowledged{By: "ana"}} {
			e, err := event.New(d, id, "run-"+id, int64(n+1), time.UnixMilli(1_700_000_000_000+int64(2*i+n)), incident.Provenance{Origin: incident.OriginLive})
			if err != nil {
				t.Fatal(err)
			}
			e.Offset = uint64(2*i + n + 1)
			list = append(list, e)
		}
		if _, _, err := s.Apply(t.Context(), "e", nil, list); err != nil {
			t.Fatal(err)
		}
	}
	figures := func(s *sqlite.Store) []event.IncidentFigures {
		list, _, err := s.Figures(t.Context(), store.FiguresFilter{}, "", 0)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	if want = figures(s); len(want) != 120 || want[0].AcknowledgeSeconds == nil {
		t.Fatalf("%d figures, the first %+v", len(want), want[0])
	}
	for _, before := range []string{`DELETE FROM figures`, `UPDATE figures SET version = 0, figures = '{}', tally = '{}' WHERE incident_id <> 'inc-7'`} {
		if err := s.Exec(t.Context(), before); err != nil {
			t.Fatal(err)
		}
		again := open(t, path)
		if have := figures(again); !reflect.DeepEqual(have, want) {
			t.Errorf("after %s: %d figures, the first %+v", before, len(have), have[0])
		}
	}
}
