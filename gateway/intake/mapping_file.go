package intake

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"gopkg.in/yaml.v3"

	"vigil/workflows/incident"
)

// MaxMappingBytes is how large the file of a mapping may be.
const MaxMappingBytes = 64 << 10

// What a file may hold, in the order in which messages list it.
var (
	mappingFields = []string{"name", "about", "each", "let", "when", "alert", "note", "reason"}
	alertFields   = []string{"key", "fingerprint", "status", "severity", "title", "description", "service", "starts_at", "ends_at", "labels"}
	valueFields   = []string{"from", "values", "else"}
	// worded are the fields whose words values may translate.
	worded = []string{"status", "severity", "service"}
)

var sourceName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// NewMapping reads a mapping from a file, of which it says all that is wrong:
// each line of the error names file, line and field and says what would be
// right. The error is of kind invalid.
func NewMapping(file string, raw []byte) (m *Mapping, err error) {
	l := &mappingLoader{file: filepath.Base(file)}
	defer func() {
		if p := recover(); p != nil { // of the YAML or CEL library: still a file that cannot be read
			m, err = nil, invalid("%s cannot be read: %v", l.file, p)
		}
	}()
	if len(raw) > MaxMappingBytes {
		return nil, invalid("%s: a mapping has at most %d bytes", l.file, MaxMappingBytes)
	}
	root, err := l.document(raw)
	if err != nil {
		return nil, err
	}
	base, err := celEnv()
	if err != nil {
		return nil, fmt.Errorf("set up the language of mappings: %w", err)
	}
	m = l.mapping(root, base)
	if len(l.problems) > 0 {
		return nil, invalid("%s", strings.Join(l.problems, "\n"))
	}
	return m, nil
}

// mappingLoader collects what is wrong with a file.
type mappingLoader struct {
	file     string
	problems []string
}

// wrong notes a problem of a field.
func (l *mappingLoader) wrong(at *yaml.Node, field, format string, args ...any) {
	l.problems = append(l.problems, fmt.Sprintf("%s:%d: %s: %s", l.file, at.Line, field, fmt.Sprintf(format, args...)))
}

// document reads exactly one YAML document.
func (l *mappingLoader) document(raw []byte) (*yaml.Node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, invalid("%s is empty; a mapping has %s", l.file, strings.Join(mappingFields, ", "))
	} else if err != nil {
		said := strings.TrimPrefix(err.Error(), "yaml: ")
		if line, rest, ok := strings.Cut(said, ": "); ok && strings.HasPrefix(line, "line ") {
			said = strings.TrimPrefix(line, "line ") + ": " + rest
		}
		return nil, invalid(`%s:%s (an expression that begins with a quote or a bracket, or holds ": " or " #" or " : ", stands in single quotes or in the lines below >-)`, l.file, said)
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, invalid("%s: one file holds one mapping, and this one goes on after ---", l.file)
	}
	return doc.Content[0], nil
}

// members returns what a YAML mapping holds, all of it under one of known.
func (l *mappingLoader) members(n *yaml.Node, field string, known []string) map[string]*yaml.Node {
	out := map[string]*yaml.Node{}
	for _, p := range l.pairs(n, field) {
		name, path := p[0].Value, p[0].Value
		if field != "" {
			path = field + "." + name
		}
		if !slices.Contains(known, name) {
			l.wrong(p[0], path, "there is no such field; there are %s", strings.Join(known, ", "))
		}
		out[name] = p[1]
	}
	return out
}

// pairs returns the names and values of a YAML mapping, each name once.
func (l *mappingLoader) pairs(n *yaml.Node, field string) [][2]*yaml.Node {
	if field == "" {
		field = "the file"
	}
	if n.Kind != yaml.MappingNode {
		l.wrong(n, field, "here belong names with values, as in\n    name: value")
		return nil
	}
	var out [][2]*yaml.Node
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i]
		if name.Kind != yaml.ScalarNode || seen[name.Value] || name.Value == "<<" {
			l.wrong(name, field, "%q is no name, or a second time the same", clean(name.Value, MaxLabelName))
			continue
		}
		seen[name.Value] = true
		out = append(out, [2]*yaml.Node{name, n.Content[i+1]})
	}
	return out
}

func (l *mappingLoader) mapping(root *yaml.Node, env *cel.Env) *Mapping {
	top := l.members(root, "", mappingFields)
	m := &Mapping{name: l.plain(root, top["name"], "name"), about: l.plain(root, top["about"], "about"), alert: map[string]*expression{}}
	if m.name != "" && !sourceName.MatchString(m.name) {
		l.wrong(top["name"], "name", "%q cannot be part of an address; use up to 63 of a-z, 0-9, dot, dash and underscore", clean(m.name, MaxLabelName))
	}
	m.each = l.optional(env, top["each"], "each", listKind)
	whole := env // what note and reason see: nothing of a single element
	if m.each != nil {
		env = l.extend(env, top["each"], "item")
	}
	if top["let"] != nil {
		for _, p := range l.pairs(top["let"], "let") {
			field := "let." + p[0].Value
			if !variableName.MatchString(p[0].Value) || env.HasFunction(p[0].Value) || slices.Contains(variables(env), p[0].Value) {
				l.wrong(p[0], field, "a variable is named with a-z, 0-9 and _, and not like a function or what is there already")
				continue
			}
			if e := l.expression(env, p[1], field, anyKind); e != nil {
				e.name = p[0].Value
				m.let = append(m.let, e)
			}
			env = l.extend(env, p[0], p[0].Value) // also where it is wrong: what uses it is not
		}
	}
	if m.each == nil {
		whole = env
	}
	m.when = l.optional(env, top["when"], "when", conditionKind)
	m.note = l.optional(whole, top["note"], "note", anyKind)
	m.reason = l.optional(whole, top["reason"], "reason", anyKind)
	if top["alert"] == nil {
		l.wrong(root, "alert", "is missing: it says what each alert is made of; key, status and title at least")
		return m
	}
	fields := l.members(top["alert"], "alert", alertFields)
	for _, name := range alertFields {
		switch n, field := fields[name], "alert."+name; {
		case n == nil && slices.Contains([]string{"key", "status", "title"}, name):
			l.wrong(top["alert"], field, "is missing: every alert has one")
		case n == nil:
		case name == "labels":
			l.labels(env, m, n)
		case name == "starts_at" || name == "ends_at":
			m.alert[name] = l.expression(env, n, field, timeKind)
		case slices.Contains(worded, name) && n.Kind == yaml.MappingNode:
			m.alert[name] = l.translated(env, n, name)
		default:
			m.alert[name] = l.expression(env, n, field, anyKind)
		}
	}
	return m
}

var variableName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

func (l *mappingLoader) extend(env *cel.Env, at *yaml.Node, variable string) *cel.Env {
	more, err := env.Extend(cel.Variable(variable, cel.DynType))
	if err != nil {
		l.wrong(at, variable, "%v", err)
		return env
	}
	return more
}

// plain is a field that is no expression.
func (l *mappingLoader) plain(root, n *yaml.Node, field string) string {
	if n == nil || n.Kind != yaml.ScalarNode || strings.TrimSpace(n.Value) == "" {
		l.wrong(firstNode(n, root), field, "is missing: every mapping has a name, which is the source that posts to it, and a line about what it takes")
		return ""
	}
	return strings.TrimSpace(n.Value)
}

func firstNode(n, root *yaml.Node) *yaml.Node {
	if n != nil {
		return n
	}
	return root
}

// translated reads from, values and else.
func (l *mappingLoader) translated(env *cel.Env, n *yaml.Node, name string) *expression {
	field := "alert." + name
	parts := l.members(n, field, valueFields)
	if parts["from"] == nil {
		l.wrong(n, field+".from", "is missing: it gives the words that values translate")
		return nil
	}
	e := l.expression(env, parts["from"], field+".from", anyKind)
	if e == nil {
		return nil
	}
	e.values = map[string]string{}
	if parts["values"] != nil {
		for _, p := range l.pairs(parts["values"], field+".values") {
			word := strings.ToLower(strings.TrimSpace(p[0].Value))
			if _, twice := e.values[word]; twice {
				l.wrong(p[0], field+".values", "%q is there twice, in whatever case", word)
			}
			e.values[word] = l.word(p[1], name, field+".values."+p[0].Value)
		}
	}
	if parts["else"] != nil {
		e.otherwise = l.word(parts["else"], name, field+".else")
		if name == "service" {
			l.wrong(parts["else"], field+".else", "a service that values do not name keeps its name; leave else out")
		}
	}
	return e
}

// word is what a source's own word stands for.
func (l *mappingLoader) word(n *yaml.Node, name, field string) string {
	w := strings.TrimSpace(n.Value)
	switch {
	case n.Kind != yaml.ScalarNode || w == "":
		l.wrong(n, field, "a single word belongs here")
	case name == "status" && !incident.AlertStatus(w).Valid():
		l.wrong(n, field, "%q is no status; use firing or resolved", clean(w, MaxLabelName))
	case name == "severity" && !incident.Severity(w).Valid():
		l.wrong(n, field, "%q is no severity; use critical, high, medium or low", clean(w, MaxLabelName))
	}
	return w
}

// labels reads one expression for all labels, or one for each.
func (l *mappingLoader) labels(env *cel.Env, m *Mapping, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		m.allLabels = l.expression(env, n, "alert.labels", mapKind)
		return
	}
	for _, p := range l.pairs(n, "alert.labels") {
		if e := l.expression(env, p[1], "alert.labels."+p[0].Value, anyKind); e != nil {
			e.name = p[0].Value
			m.labels = append(m.labels, e)
		}
	}
}

// kind is what a field may be given; what is only known when a delivery comes
// passes here.
type kind struct {
	types []types.Kind
	want  string
}

var (
	anyKind       = kind{}
	listKind      = kind{[]types.Kind{types.ListKind}, "a list, such as body.alerts or list(body)"}
	mapKind       = kind{[]types.Kind{types.MapKind}, "a map, such as body.labels or tags(body.tags)"}
	conditionKind = kind{[]types.Kind{types.BoolKind}, `a condition, such as body.state == "open"`}
	timeKind      = kind{[]types.Kind{types.TimestampKind, types.StringKind, types.IntKind, types.UintKind, types.DoubleKind},
		"a time, such as body.started_at or received_at"}
)

func (l *mappingLoader) optional(env *cel.Env, n *yaml.Node, field string, k kind) *expression {
	if n == nil {
		return nil
	}
	return l.expression(env, n, field, k)
}

// expression compiles the text of n; nil where it has problems.
func (l *mappingLoader) expression(env *cel.Env, n *yaml.Node, field string, k kind) *expression {
	if n.Kind != yaml.ScalarNode || strings.TrimSpace(n.Value) == "" {
		l.wrong(n, field, "an expression belongs here, such as body.%s", field[strings.LastIndexByte(field, '.')+1:])
		return nil
	}
	program, got, problems := compile(env, n.Value)
	for _, p := range problems {
		l.wrong(lineOf(n, p), field, "%s, in\n    %s", p.text, pointer(n.Value, p))
	}
	if program == nil {
		return nil
	}
	if len(k.types) > 0 && got.Kind() != types.DynKind && got.Kind() != types.NullTypeKind && !slices.Contains(k.types, got.Kind()) {
		l.wrong(n, field, "gives %s; it has to give %s", got, k.want)
		return nil
	}
	return &expression{place: fmt.Sprintf("%s (%s:%d)", field, l.file, n.Line), source: clean(n.Value, MaxLabelName), program: program}
}

// lineOf is where in the file a problem is: in a literal block every line of
// the expression has its own.
func lineOf(n *yaml.Node, p problem) *yaml.Node {
	at := *n
	if n.Style&yaml.LiteralStyle != 0 {
		at.Line += p.line
	}
	return &at
}

// pointer shows the line of an expression and the place in it.
func pointer(source string, p problem) string {
	lines := strings.Split(source, "\n")
	if p.line > len(lines) {
		return source
	}
	line := []rune(lines[p.line-1])
	const around = 60
	from, to := max(0, p.column-around), min(len(line), p.column+around)
	if from > len(line) {
		from = 0
	}
	return string(line[from:max(from, to)]) + "\n    " + strings.Repeat(" ", max(0, p.column-from)) + "^"
}
