package yamlfile

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// Map is a YAML map whose names are all known. Its methods read one field
// each: what is not there is the zero value, and what is of the wrong kind is
// noted as a problem and is the zero value too.
type Map struct {
	File   *File
	Node   *yaml.Node
	place  string // of the map in the file, for messages
	fields map[string]*yaml.Node
}

// Map reads n as a map that holds nothing but known names; without any, all
// are. ok is false where it is no map.
func (f *File) Map(n *yaml.Node, place string, known ...string) (m Map, ok bool) {
	n = resolve(n)
	m = Map{File: f, Node: n, place: place, fields: map[string]*yaml.Node{}}
	if n.Kind != yaml.MappingNode {
		f.Wrong(n, place, "here belong names with values, as in\n    name: value")
		return m, false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i]
		switch {
		case name.Kind != yaml.ScalarNode:
			f.Wrong(name, place, "a name belongs here")
		case m.fields[name.Value] != nil:
			f.Wrong(name, m.Field(name.Value), "is there a second time")
		case len(known) > 0 && !slices.Contains(known, name.Value):
			hint := "there are " + strings.Join(known, ", ")
			if like := Like(name.Value, known); like != "" {
				hint = "did you mean " + like + "?"
			}
			f.Wrong(name, m.Field(name.Value), "there is no such field; %s", hint)
		default:
			m.fields[name.Value] = resolve(n.Content[i+1])
		}
	}
	return m, true
}

// resolve follows an alias to what it stands for.
func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// Field is the place of one of the map's fields, for messages.
func (m Map) Field(name string) string {
	if m.place == "" || m.place == "the file" {
		return name
	}
	return m.place + "." + name
}

// Names are the names in the map, as they stand in the file.
func (m Map) Names() []string {
	var out []string
	for i := 0; i+1 < len(m.Node.Content); i += 2 {
		if name := m.Node.Content[i].Value; m.fields[name] != nil && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// At is the node of a field, or the map itself where it is not there: where a
// problem of the field is to be shown.
func (m Map) At(name string) *yaml.Node {
	if n := m.fields[name]; n != nil {
		return n
	}
	return m.Node
}

// Has reports whether the field is there.
func (m Map) Has(name string) bool { return m.fields[name] != nil }

// Wrong notes a problem of a field.
func (m Map) Wrong(name, format string, args ...any) {
	m.File.Wrong(m.At(name), m.Field(name), format, args...)
}

// Text is a field of one value, as it is written.
func (m Map) Text(name string) string {
	n := m.fields[name]
	switch {
	case n == nil:
		return ""
	case n.Kind != yaml.ScalarNode || n.Tag == "!!null":
		m.Wrong(name, "a single value belongs here")
		return ""
	}
	return strings.TrimSpace(n.Value)
}

// Required is a Text that must be there; why says what it is for.
func (m Map) Required(name, why string) string {
	s := m.Text(name)
	if n := m.fields[name]; s == "" && (n == nil || n.Kind == yaml.ScalarNode && n.Tag != "!!null") {
		m.Wrong(name, "is missing: %s", why)
	}
	return s
}

// Texts is a field of a list of values; a single one is a list too.
func (m Map) Texts(name string) []string {
	n := m.fields[name]
	if n == nil {
		return nil
	}
	if n.Kind == yaml.ScalarNode {
		if s := m.Text(name); s != "" {
			return []string{s}
		}
		return nil
	}
	var out []string
	for _, e := range m.List(name) {
		if e.Kind != yaml.ScalarNode || strings.TrimSpace(e.Value) == "" {
			m.File.Wrong(e, m.Field(name), "a single value belongs here")
			continue
		}
		out = append(out, strings.TrimSpace(e.Value))
	}
	return out
}

// List is a field of a list of whatever.
func (m Map) List(name string) []*yaml.Node {
	n := m.fields[name]
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		m.Wrong(name, "a list belongs here, as in\n    - first\n    - second")
		return nil
	}
	out := make([]*yaml.Node, len(n.Content))
	for i, e := range n.Content {
		out[i] = resolve(e)
	}
	return out
}

// Map is a field that is a map of known names.
func (m Map) Map(name string, known ...string) (Map, bool) {
	n := m.fields[name]
	if n == nil {
		return Map{}, false
	}
	return m.File.Map(n, m.Field(name), known...)
}

// Number is a field of a number from lo to hi.
func (m Map) Number(name string, lo, hi float64) float64 {
	s := m.Text(name)
	if s == "" {
		return 0
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(v >= lo && v <= hi) {
		m.Wrong(name, "%q is no number from %v to %v", s, lo, hi)
		return 0
	}
	return v
}

// Int is a field of a whole number from lo to hi.
func (m Map) Int(name string, lo, hi int) int {
	s := m.Text(name)
	if s == "" {
		return 0
	}
	v, err := strconv.Atoi(s)
	if err != nil || v < lo || v > hi {
		m.Wrong(name, "%q is no whole number from %d to %d", s, lo, hi)
		return 0
	}
	return v
}

// Bool is a field of true or false.
func (m Map) Bool(name string) bool {
	switch s := m.Text(name); s {
	case "", "false":
	case "true":
		return true
	default:
		m.Wrong(name, "%q is neither true nor false", s)
	}
	return false
}

// Duration is a field such as 90s or 1h30m, of at least lo and at most hi.
func (m Map) Duration(name string, lo, hi time.Duration) time.Duration {
	s := m.Text(name)
	if s == "" {
		return 0
	}
	v, err := time.ParseDuration(s)
	switch {
	case err != nil:
		m.Wrong(name, "%q is no duration; write it as 30s, 10m or 1h30m", s)
		return 0
	case v < lo || v > hi:
		m.Wrong(name, "%s is out of bounds; use %s to %s", v, lo, hi)
		return 0
	}
	return v
}

// JSON is a field of whatever JSON can say, as JSON.
func (m Map) JSON(name string) json.RawMessage {
	n := m.fields[name]
	if n == nil {
		return nil
	}
	var v any
	if err := n.Decode(&v); err != nil {
		m.Wrong(name, "%s", strings.TrimPrefix(err.Error(), "yaml: "))
		return nil
	}
	raw, err := json.Marshal(v)
	if err != nil {
		m.Wrong(name, "cannot be written as JSON: %v", err)
		return nil
	}
	return raw
}

// Word reads a field as one of the words of a closed set; what is not there is
// a problem where why says what it is for.
func Word[T ~string](m Map, name string, words []T, why string) T {
	var s string
	if why != "" {
		s = m.Required(name, why)
	} else {
		s = m.Text(name)
	}
	if s == "" || slices.Contains(words, T(s)) {
		return T(s)
	}
	m.Wrong(name, "%q is none of %s", s, Join(words))
	return ""
}

// Join puts words together for a message.
func Join[T ~string](words []T) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = string(w)
	}
	return strings.Join(out, ", ")
}

// Renamed is m under another name, for messages.
func (m Map) Renamed(place string) Map {
	m.place = place
	return m
}
