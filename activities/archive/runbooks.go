package archive

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"

	"vigil/activities"
	"vigil/workflows/incident"
)

const (
	// scanEvery is how old a look at the directory may be when somebody searches.
	scanEvery = 5 * time.Second
	maxFile   = 1 << 20 // bytes of a runbook
	maxFiles  = 10_000
)

// Find implements activities.Runbooks. A document is a section of a file; its
// URI is the file's path relative to the directory.
func (a *Archive) Find(ctx context.Context, q activities.Search) ([]incident.Document, incident.Provenance, error) {
	start := a.now()
	if err := a.refresh(ctx); err != nil {
		return nil, a.provenance("Find", start, ""), err
	}
	var out []incident.Document
	err := a.read(ctx, "find runbooks", func(tx *sql.Tx) error {
		in := index{text: "sections_text", table: "sections", scope: `files.directory = ?`, args: []any{a.runbooks},
			join: `JOIN sections ON sections.id = sections_text.rowid JOIN files ON files.id = sections.file_id`}
		hits, err := rank(ctx, tx, in, ask(q))
		if err != nil {
			return err
		}
		for _, h := range hits[:min(len(hits), limit(q))] {
			d := incident.Document{Source: service, Score: h.score}
			var anchor string
			if err := tx.QueryRowContext(ctx, `SELECT path, anchor, title, body FROM sections JOIN files ON files.id = file_id WHERE sections.id = ?`,
				h.row).Scan(&d.URI, &anchor, &d.Title, &d.Text); err != nil {
				return err
			}
			d.ID = d.URI + "#" + anchor
			out = append(out, d)
		}
		return nil
	})
	return out, a.provenance("Find", start, ""), err
}

// file is a runbook as the directory has it.
type file struct {
	modified int64
	bytes    int64
}

// refresh brings the index up to date with the directory, if the last look is
// not recent. A directory that cannot be read is an error; a file that cannot
// is logged, and the others are found.
func (a *Archive) refresh(ctx context.Context) error {
	if a.runbooks == "" {
		return nil
	}
	a.scan.Lock()
	defer a.scan.Unlock()
	if !a.scanned.IsZero() && a.now().Sub(a.scanned) < scanEvery {
		return nil
	}
	root, err := os.OpenRoot(a.runbooks)
	if err != nil {
		return &incident.Error{Kind: incident.KindUnavailable, Op: "archive: read runbooks",
			Msg: a.runbooks + " cannot be opened; check the path and its mode", Err: err}
	}
	defer root.Close()
	there, err := a.list(root)
	if err != nil {
		return &incident.Error{Kind: incident.KindUnavailable, Op: "archive: read runbooks", Msg: a.runbooks + " cannot be read", Err: err}
	}
	known, err := a.known(ctx)
	if err != nil {
		return err
	}
	if err := a.index(ctx, root, known, there); err != nil {
		return err
	}
	a.scanned = a.now()
	return nil
}

// index brings the tables from what is known to what is there, in one
// transaction: a sync for each of a thousand files would take its time.
func (a *Archive) index(ctx context.Context, root *os.Root, known, there map[string]file) error {
	if maps.Equal(known, there) {
		return nil
	}
	return a.write(ctx, "index runbooks", func(tx *sql.Tx) error {
		for name := range known {
			if _, ok := there[name]; !ok {
				if err := a.remove(ctx, tx, name); err != nil {
					return err
				}
				delete(a.reported, name)
			}
		}
		for name, f := range there {
			if known[name] == f {
				continue
			}
			text, err := read(root, name)
			if err != nil {
				a.report(name, err)
				continue
			}
			if err := a.replace(ctx, tx, name, f, text); err != nil {
				return err
			}
			delete(a.reported, name)
		}
		return nil
	})
}

// list finds the Markdown files under root. Links are followed within the
// directory, as a mounted ConfigMap needs, and never out of it; names that
// begin with a dot are skipped.
func (a *Archive) list(root *os.Root) (map[string]file, error) {
	there := map[string]file{}
	err := fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			if name == "." {
				return err
			}
			a.report(name, err)
			return nil
		}
		if name != "." && strings.HasPrefix(path.Base(name), ".") {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if ext := strings.ToLower(path.Ext(name)); d.IsDir() || ext != ".md" && ext != ".markdown" {
			return nil
		}
		info, err := root.Stat(name)
		switch {
		case err != nil:
			a.report(name, err)
		case !info.Mode().IsRegular():
		case info.Size() > maxFile:
			a.report(name, fmt.Errorf("it has %d bytes; runbooks have at most %d", info.Size(), maxFile))
		case len(there) == maxFiles:
			a.report(a.runbooks, fmt.Errorf("there are more than %d runbooks; the rest is not searched", maxFiles))
			return fs.SkipAll
		default:
			there[name] = file{info.ModTime().UnixMicro(), info.Size()}
		}
		return nil
	})
	return there, err
}

func read(root *os.Root, name string) (string, error) {
	f, err := root.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return "", err
	}
	if len(raw) > maxFile {
		return "", errors.New("it grew while it was read")
	}
	if !utf8.Valid(raw) {
		return "", errors.New("it is not UTF-8 text")
	}
	return string(raw), nil
}

// report logs what is wrong with a file, once until it changes.
func (a *Archive) report(name string, err error) {
	if a.reported[name] != err.Error() {
		a.reported[name] = err.Error()
		a.log.Warn("A runbook cannot be searched.", zap.String("directory", a.runbooks), zap.String("file", name), zap.Error(err))
	}
}

func (a *Archive) known(ctx context.Context) (map[string]file, error) {
	out := map[string]file{}
	err := a.read(ctx, "list runbooks", func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT path, modified_at, bytes FROM files WHERE directory = ?`, a.runbooks)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var name string
			var f file
			if err := rows.Scan(&name, &f.modified, &f.bytes); err != nil {
				return err
			}
			out[name] = f
		}
		return rows.Err()
	})
	return out, err
}

// remove takes a file out.
func (a *Archive) remove(ctx context.Context, tx *sql.Tx, name string) error {
	for _, statement := range []string{
		`DELETE FROM sections_text WHERE rowid IN (SELECT sections.id FROM sections JOIN files ON files.id = file_id WHERE directory = ? AND path = ?)`,
		`DELETE FROM sections WHERE file_id IN (SELECT id FROM files WHERE directory = ? AND path = ?)`,
		`DELETE FROM files WHERE directory = ? AND path = ?`,
	} {
		if _, err := tx.ExecContext(ctx, statement, a.runbooks, name); err != nil {
			return err
		}
	}
	return nil
}

// replace puts the sections of a file in the place of those before.
func (a *Archive) replace(ctx context.Context, tx *sql.Tx, name string, f file, text string) error {
	if err := a.remove(ctx, tx, name); err != nil {
		return err
	}
	var id int64
	if err := tx.QueryRowContext(ctx, `INSERT INTO files (directory, path, modified_at, bytes) VALUES (?, ?, ?, ?) RETURNING id`,
		a.runbooks, name, f.modified, f.bytes).Scan(&id); err != nil {
		return err
	}
	// Redacted as a whole: a secret can reach over the end of a section.
	for _, s := range split(name, activities.Redact(text)) {
		var row int64
		if err := tx.QueryRowContext(ctx, `INSERT INTO sections (file_id, anchor, title, body) VALUES (?, ?, ?, ?) RETURNING id`,
			id, s.anchor, s.title, s.body).Scan(&row); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO sections_text (rowid, title, body) VALUES (?, ?, ?)`, row, s.title, s.body); err != nil {
			return err
		}
	}
	return nil
}
