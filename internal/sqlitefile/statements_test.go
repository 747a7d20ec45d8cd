package sqlitefile_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"vigil/internal/sqlitefile"
)

func open(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sqlitefile.Writer(filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	mustExec(t, db, `CREATE TABLE numbers (n INTEGER PRIMARY KEY)`)
	return db
}

func mustExec(t *testing.T, db interface {
	Exec(query string, args ...any) (sql.Result, error)
}, query string, args ...any) {
	t.Helper()
	if _, err := db.Exec(query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func numbers(t *testing.T, rows *sql.Rows, err error) (list []int) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			t.Fatal(err)
		}
		list = append(list, n)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// A statement whose rows are still being read must not be begun anew by the
// same query.
func TestTheSameQueryInsideItself(t *testing.T) {
	tx, err := open(t).Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	for n := range 3 {
		mustExec(t, tx, `INSERT INTO numbers (n) VALUES (?)`, n)
	}
	const query = `SELECT n FROM numbers WHERE n >= ? ORDER BY n`
	for range 2 { // the second time with statements that were laid aside
		outer, err := tx.Query(query, 0)
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for outer.Next() {
			var n int
			if err := outer.Scan(&n); err != nil {
				t.Fatal(err)
			}
			rows, err := tx.Query(query, n)
			got = append(append(got, n), numbers(t, rows, err)...)
		}
		if err := outer.Err(); err != nil {
			t.Fatal(err)
		}
		if want := "[0 0 1 2 1 1 2 2 2]"; fmt.Sprint(got) != want {
			t.Errorf("got %v, want %s", got, want)
		}
	}
}

func TestStatementsOutliveWhatFailsAndWhatChanges(t *testing.T) {
	db := open(t)
	const insert, list = `INSERT INTO numbers (n) VALUES (?)`, `SELECT * FROM numbers`
	mustExec(t, db, insert, 1)
	if _, err := db.Exec(insert, 1); err == nil {
		t.Error("the same number twice is no error")
	}
	mustExec(t, db, insert, 2)
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	mustExec(t, tx, insert, 3)
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	rows, err := db.Query(list)
	if got := numbers(t, rows, err); fmt.Sprint(got) != "[1 2]" {
		t.Errorf("got %v, want [1 2]", got)
	}
	mustExec(t, db, `ALTER TABLE numbers ADD COLUMN name TEXT NOT NULL DEFAULT 'none'`)
	rows, err = db.Query(list)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if columns, err := rows.Columns(); err != nil || fmt.Sprint(columns) != "[n name]" {
		t.Errorf("after a column was added there are %v (%v), want [n name]", columns, err)
	}
}

// Several statements in one text are for migrations; all of them run, each time.
func TestSeveralStatementsInOneText(t *testing.T) {
	db := open(t)
	for range 2 {
		mustExec(t, db, `DELETE FROM numbers; INSERT INTO numbers (n) VALUES (1); INSERT INTO numbers (n) VALUES (2)`)
		rows, err := db.Query(`SELECT n FROM numbers`)
		if got := numbers(t, rows, err); fmt.Sprint(got) != "[1 2]" {
			t.Errorf("got %v, want [1 2]", got)
		}
	}
}

func TestMoreStatementsThanAreKept(t *testing.T) {
	db := open(t)
	for n := range 1000 {
		rows, err := db.Query(fmt.Sprintf(`SELECT %d`, n))
		if got := numbers(t, rows, err); len(got) != 1 || got[0] != n {
			t.Fatalf("got %v, want %d", got, n)
		}
	}
}
