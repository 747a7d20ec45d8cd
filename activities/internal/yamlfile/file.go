package yamlfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"vigil/workflows/incident"
)

// MaxBytes is how large a file may be: a few hundred entries with comments.
const MaxBytes = 1 << 20

// maxProblems are told at once; whoever has more reads them in parts.
const maxProblems = 50

// File collects what is wrong with a file.
type File struct {
	name     string
	hash     string
	problems []problem
}

type problem struct {
	line int
	text string
}

// Bytes reads the file at path, up to MaxBytes.
func Bytes(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, incident.Errorf(incident.KindInvalid, "%v", err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return nil, incident.Errorf(incident.KindInvalid, "read %s: %v", path, err)
	}
	return raw, nil
}

// Read reads raw, the content of the file called name, and hands what is in it
// to read, which notes its problems by the file and the maps that it is given. known are
// the names that the document may hold. The error, of kind invalid, holds all
// problems.
func Read(name string, raw []byte, known []string, read func(*File, Map)) (err error) {
	f := &File{name: name, hash: hashOf(raw)}
	defer func() {
		if p := recover(); p != nil { // of a library: still a file that cannot be read
			err = incident.Errorf(incident.KindInvalid, "%s cannot be read: %v", name, p)
		}
	}()
	if len(raw) > MaxBytes {
		return incident.Errorf(incident.KindInvalid, "%s is over %d bytes; take apart what is in it", name, MaxBytes)
	}
	root, err := f.document(raw)
	if err != nil {
		return err
	}
	if m, ok := f.Map(root, "the file", known...); ok {
		read(f, m)
	}
	return f.err()
}

// Version is the file's own version and, because people forget to change
// that, the beginning of the hash of its bytes.
func (f *File) Version(own string) string { return own + "+" + f.hash }

func hashOf(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:4])
}

// Wrong notes a problem of a field. at may be nil, for the file as a whole.
func (f *File) Wrong(at *yaml.Node, field, format string, args ...any) {
	line := 1
	if at != nil {
		line = max(at.Line, 1)
	}
	f.WrongAt(line, field, format, args...)
}

// WrongAt notes a problem of a field at a line.
func (f *File) WrongAt(line int, field, format string, args ...any) {
	f.problems = append(f.problems, problem{line, fmt.Sprintf("%s:%d: %s: %s", f.name, line, field, fmt.Sprintf(format, args...))})
}

func (f *File) err() error {
	if len(f.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(f.problems, func(a, b problem) int { return a.line - b.line })
	var lines []string
	for i, p := range f.problems {
		if i == maxProblems {
			lines = append(lines, fmt.Sprintf("and %d more", len(f.problems)-maxProblems))
			break
		}
		lines = append(lines, p.text)
	}
	return incident.Errorf(incident.KindInvalid, "%s", strings.Join(lines, "\n"))
}

// document reads exactly one YAML document.
func (f *File) document(raw []byte) (*yaml.Node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0 {
		return nil, incident.Errorf(incident.KindInvalid, "%s is empty", f.name)
	} else if err != nil {
		said := strings.TrimPrefix(err.Error(), "yaml: ")
		if line, rest, ok := strings.Cut(said, ": "); ok && strings.HasPrefix(line, "line ") {
			said = strings.TrimPrefix(line, "line ") + ": " + rest
		}
		return nil, incident.Errorf(incident.KindInvalid,
			`%s:%s (an expression that begins with a quote or holds ": " or " #" stands in single quotes, or in the lines below >-)`, f.name, said)
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, incident.Errorf(incident.KindInvalid, "%s goes on after ---; a file is one document", f.name)
	}
	return doc.Content[0], nil
}

// Like returns the one of known that name was probably meant to be, "" where
// none is near.
func Like(name string, known []string) string {
	best, least := "", len(name)/3+1
	for _, k := range known {
		if d := distance(strings.ToLower(name), k); d <= least {
			best, least = k, d-1
		}
	}
	return best
}

// distance counts the letters that must change to make b of a.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := before
			if a[i-1] != b[j-1] {
				change++
			}
			before, row[j] = row[j], min(change, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
