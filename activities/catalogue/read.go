package catalogue

import (
	_ "embed"
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"vigil/activities/internal/expr"
	"vigil/activities/internal/yamlfile"
	"vigil/workflows/incident"
)

//go:embed default.yaml
var shipped []byte

// EnvNames are the names that expressions find in env.
var EnvNames = []string{"account", "cluster", "environment", "region"}

// Bounds of a catalogue. All of it is in the history of every incident.
const (
	maxEntries = 200
	maxJSON    = 256 << 10
	maxSteps   = 10
	maxText    = 500

	maxTimeout = 24 * time.Hour
)

// What a file may hold, in the order in which messages list it.
var (
	fileFields  = []string{"version", "actions"}
	entryFields = []string{"name", "type", "title", "causes", "services", "executor", "document", "arguments", "undo", "steps", "parameters",
		"precondition", "risk", "blast_radius", "share", "effect", "probe", "enabled", "per_hour", "timeout"}
	stepFields  = []string{"executor", "document", "arguments", "undo"}
	undoFields  = []string{"document", "arguments"}
	probeFields = []string{"metrics", "points", "every", "timeout"}
)

var (
	entryName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)
	word      = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)
)

// Contents is what a file says.
type Contents struct {
	Version string // the file's, and the beginning of its hash
	Entries []incident.CatalogueEntry
}

// Load reads the catalogue in the file at path, or the one that comes with
// Vigil where path is empty.
func Load(path string) (Contents, error) {
	if path == "" {
		return Read("the shipped catalogue", shipped)
	}
	raw, err := yamlfile.Bytes(path)
	if err != nil {
		return Contents{}, err
	}
	return Read(path, raw)
}

// Read reads a catalogue. file names it in problems. The error, of kind
// invalid, says all that is wrong with it.
func Read(file string, raw []byte) (Contents, error) {
	c, err := New(nil)
	if err != nil {
		return Contents{}, err
	}
	var out Contents
	err = yamlfile.Read(file, raw, fileFields, func(f *yamlfile.File, top yamlfile.Map) {
		out.Version = f.Version(top.Required("version", "name what you change it to, such as a date; it is shown with every action"))
		r := reader{file: f, catalogue: c, lines: map[string]int{}}
		nodes := top.List("actions")
		if len(nodes) == 0 && (!top.Has("actions") || top.At("actions").Kind == yaml.SequenceNode) {
			top.Wrong("actions", "is missing: without an action there is nothing to propose")
		}
		if len(nodes) > maxEntries {
			top.Wrong("actions", "there are %d; %d are the most, as all of them are in the history of every incident", len(nodes), maxEntries)
			return
		}
		for _, n := range nodes {
			if e, ok := r.entry(n); ok {
				out.Entries = append(out.Entries, e)
			}
		}
		if all, err := json.Marshal(out.Entries); err == nil && len(all) > maxJSON {
			top.Wrong("actions", "they take %d bytes; %d are the most, as all of them are in the history of every incident", len(all), maxJSON)
		}
	})
	if err != nil {
		return Contents{}, err
	}
	return out, nil
}

// reader reads the entries of one file.
type reader struct {
	file      *yamlfile.File
	catalogue *Catalogue
	lines     map[string]int // of the entries by name
}

func (r *reader) entry(n *yaml.Node) (e incident.CatalogueEntry, ok bool) {
	m, ok := r.file.Map(n, "action", entryFields...)
	if !ok {
		return e, false
	}
	name := m.Text("name")
	if name != "" { // messages say whose field it is
		m = m.Renamed(name)
	}
	e = incident.CatalogueEntry{
		Name:        m.Required("name", "it is how people, policies and --enable-actions refer to it"),
		Type:        yamlfile.Word(m, "type", incident.ActionTypes, "it is what IAM policies and limits are written for; one of "+yamlfile.Join(incident.ActionTypes)),
		Title:       text(m, "title", "it is what people read when they are asked"),
		Risk:        yamlfile.Word(m, "risk", incident.Risks, "the policy decides by it; one of "+yamlfile.Join(incident.Risks)),
		BlastRadius: yamlfile.Word(m, "blast_radius", incident.BlastRadii, "the policy decides by it; one of "+yamlfile.Join(incident.BlastRadii)),
		Share:       m.Number("share", 0, 1),
		Effect:      text(m, "effect", "it says what to expect, to the people who are asked and to the agents that vote"),
		Enabled:     m.Bool("enabled"),
		PerHour:     m.Int("per_hour", 0, 3600),
	}
	switch line, twice := r.lines[e.Name]; {
	case e.Name == "":
	case !entryName.MatchString(e.Name):
		m.Wrong("name", "%q is no name; use up to 63 of a-z, 0-9, _ and -, a letter first", e.Name)
	case twice:
		m.Wrong("name", "is taken by the action in line %d; names are what actions are told apart by", line)
	default:
		r.lines[e.Name] = n.Line
	}
	for _, c := range m.Texts("causes") {
		if !word.MatchString(c) {
			m.Wrong("causes", "%q is no cause; use a-z, 0-9 and _", c)
		}
		e.Causes = append(e.Causes, incident.Cause(c))
	}
	if len(e.Causes) == 0 && !m.Has("causes") {
		m.Wrong("causes", "is missing: an action is proposed when one of its causes is suspected")
	}
	for _, g := range m.Texts("services") {
		if _, err := path.Match(g, ""); err != nil {
			m.Wrong("services", "%q is no pattern; use the names of services, * for any letters and ? for one", g)
		}
		e.Services = append(e.Services, g)
	}
	if m.Required("timeout", "say how long one step may take before its outcome is read back, such as 5m") != "" {
		e.TimeoutMS = m.Duration("timeout", time.Second, maxTimeout).Milliseconds()
	}
	e.Probe = probe(m)
	e.Precondition = r.precondition(m)
	e.Parameters = m.JSON("parameters")
	s, err := newSchema(e.Parameters)
	if err != nil {
		m.Wrong("parameters", "this is no JSON Schema: %v", err)
		s = nil
	}
	e.Steps = r.steps(m, s)
	return e, true
}

func text(m yamlfile.Map, name, why string) string {
	s := strings.Join(strings.Fields(m.Required(name, why)), " ")
	if len(s) > maxText {
		m.Wrong(name, "has %d bytes; %d are the most", len(s), maxText)
	}
	return s
}

func probe(m yamlfile.Map) (p incident.Probe) {
	in, ok := m.Map("probe", probeFields...)
	if !ok {
		return p
	}
	for _, name := range in.Texts("metrics") {
		if !incident.Metric(name).Valid() {
			in.Wrong("metrics", "%q is no measure; there are %s", name, yamlfile.Join(incident.Metrics))
		}
		p.Metrics = append(p.Metrics, incident.Metric(name))
	}
	p.Points = in.Int("points", 2, 100)
	p.EveryMS = in.Duration("every", time.Second, time.Hour).Milliseconds()
	p.TimeoutMS = in.Duration("timeout", time.Second, maxTimeout).Milliseconds()
	if p.TimeoutMS > 0 && int64(max(p.Points, 2))*p.EveryMS > p.TimeoutMS {
		in.Wrong("timeout", "is too short for %d points, one every %s", max(p.Points, 2), time.Duration(p.EveryMS)*time.Millisecond)
	}
	return p
}

func (r *reader) precondition(m yamlfile.Map) string {
	source := m.Text("precondition")
	if source == "" {
		return ""
	}
	e := r.file.Expression(m.At("precondition"), m.Field("precondition"), r.catalogue.holds, source)
	if e == nil {
		return ""
	}
	if !e.Condition() {
		m.Wrong("precondition", "gives a %s; it must say true or false, as in state.desired_count < 10", e.Kind())
	}
	r.environment(m, "precondition", e)
	return source
}

// environment finds what the expression wants of env and will never be there.
func (r *reader) environment(m yamlfile.Map, field string, e *expr.Expression) {
	for _, name := range e.Reads("env") {
		if !slices.Contains(EnvNames, name) {
			m.Wrong(field, "there is no env.%s; there are %s", name, strings.Join(EnvNames, ", "))
		}
	}
}

// steps reads the steps, or the single one that the entry itself describes. s
// is nil where the schema cannot be used.
func (r *reader) steps(m yamlfile.Map, s *schema) []incident.StepSpec {
	single := slices.ContainsFunc(stepFields, m.Has)
	switch {
	case single && m.Has("steps"):
		m.Wrong("steps", "an action has either steps or an executor and document of its own; move those into a step")
		return nil
	case single:
		return []incident.StepSpec{r.step(m, s)}
	case !m.Has("steps"):
		m.Wrong("executor", "is missing: say what carries the action out (%s), and the document to run; or list steps", strings.Join(Executors, ", "))
		return nil
	}
	nodes := m.List("steps")
	if len(nodes) == 0 || len(nodes) > maxSteps {
		m.Wrong("steps", "there are %d; an action has 1 to %d", len(nodes), maxSteps)
		return nil
	}
	var out []incident.StepSpec
	for _, n := range nodes {
		if in, ok := r.file.Map(n, m.Field("steps"), stepFields...); ok {
			out = append(out, r.step(in, s))
		}
	}
	return out
}

func (r *reader) step(m yamlfile.Map, s *schema) incident.StepSpec {
	out := incident.StepSpec{
		Executor:  yamlfile.Word(m, "executor", Executors, "it is what carries the step out: "+strings.Join(Executors, ", ")),
		Document:  m.Required("document", "it is what the executor runs: an SSM document, an operation, the name of a hook"),
		Arguments: r.arguments(m, s),
	}
	if undo, ok := m.Map("undo", undoFields...); ok {
		out.Undo = &incident.UndoSpec{Document: undo.Required("document", "it is what the executor runs to take the step back"), Arguments: r.arguments(undo, s)}
	}
	return out
}

// arguments reads what a document is given. What can be said of it before
// there is a target is said here.
func (r *reader) arguments(m yamlfile.Map, s *schema) map[string]string {
	var out map[string]string
	args, ok := m.Map("arguments")
	if ok {
		out = map[string]string{}
		for _, name := range args.Names() {
			out[name] = r.argument(args, name, s)
		}
	}
	if s == nil {
		return out
	}
	if s.compiled == nil {
		if len(out) > 0 {
			m.Wrong("arguments", "what they may be has to be said: give the action parameters, a JSON Schema with these properties")
		}
		return out
	}
	for _, name := range s.compiled.Required {
		if _, there := out[name]; !there {
			m.Wrong("arguments", "%s is missing, which the parameters require", name)
		}
	}
	return out
}

func (r *reader) argument(m yamlfile.Map, name string, s *schema) string {
	v := m.Text(name)
	if s != nil && s.compiled != nil && s.property(name) == nil {
		m.Wrong(name, "the parameters have no such property; they have %s", strings.Join(s.names(), ", "))
	}
	source, is := expression(v)
	if !is {
		if s != nil {
			if err := s.checkOne(name, v); err != nil {
				m.Wrong(name, "%q breaks the parameters: %v", v, err)
			}
		}
		return v
	}
	e := r.file.Expression(m.At(name), m.Field(name), r.catalogue.arguments, source)
	if e == nil {
		return v
	}
	if !e.Single() {
		m.Wrong(name, "gives a %s; an argument is a text, a number, or true or false", e.Kind())
	}
	r.environment(m, name, e)
	return v
}
