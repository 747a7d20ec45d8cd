package policy

import (
	_ "embed"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zones are part of what a file says, whatever the machine knows of them

	"gopkg.in/yaml.v3"

	"vigil/activities/internal/expr"
	"vigil/activities/internal/yamlfile"
	"vigil/workflows/incident"
)

//go:embed default.yaml
var shipped []byte

// Bounds of a file.
const (
	maxRules   = 200
	maxFreezes = 100
	maxName    = 64 // bytes
	maxReason  = 300
)

// What a file may hold, in the order in which messages list it.
var (
	fileFields   = []string{"version", "zone", "tiers", "freezes", "rules"}
	freezeFields = []string{"name", "from", "to", "days", "zone", "stop"}
	ruleFields   = []string{"name", "when", "then", "role", "reason"}

	weekdays   = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"} // as time counts them
	approverOf = []incident.Role{incident.RoleApprover, incident.RoleAdmin}
	clock      = regexp.MustCompile(`^([01]\d|2[0-4]):([0-5]\d)$`)
)

// Load reads the policy in the file at path, or the one that comes with Vigil
// where path is empty.
func Load(path string) (*Policy, error) {
	if path == "" {
		return Read("the shipped policy", shipped)
	}
	raw, err := yamlfile.Bytes(path)
	if err != nil {
		return nil, err
	}
	return Read(path, raw)
}

// Read reads a policy. file names it in problems. The error, of kind invalid,
// says all that is wrong with it.
func Read(file string, raw []byte) (*Policy, error) {
	p := &Policy{zone: time.UTC}
	var setup error
	err := yamlfile.Read(file, raw, fileFields, func(f *yamlfile.File, top yamlfile.Map) {
		p.version = f.Version(top.Required("version", "name what you change it to, such as a date; it is shown with every decision"))
		p.zone = zone(top, time.UTC)
		p.readTiers(top)
		p.readFreezes(f, top)
		language, err := expr.New(factTypes, p.words())
		if err != nil {
			setup = err
			return
		}
		p.readRules(f, top, language)
	})
	switch {
	case err != nil:
		return nil, err
	case setup != nil:
		return nil, setup
	}
	return p, nil
}

// words are those that facts of closed sets can be.
func (p *Policy) words() map[string][]string {
	tiers, freezes := []string{""}, []string{""}
	for _, t := range p.tiers {
		tiers = append(tiers, t.name)
	}
	for _, f := range p.freezes {
		freezes = append(freezes, f.name)
	}
	return map[string][]string{"severity": words(incident.Severities), "risk": words(incident.Risks), "blast_radius": words(incident.BlastRadii),
		"type": words(incident.ActionTypes), "verdict": words(incident.Verdicts), "origin": words(incident.Origins),
		"models":  words([]incident.Models{incident.ModelsOn, incident.ModelsOff, incident.ModelsDegraded}),
		"weekday": weekdays, "tier": tiers, "freeze": freezes}
}

func words[T ~string](set []T) []string {
	out := make([]string, len(set))
	for i, w := range set {
		out[i] = string(w)
	}
	return out
}

func zone(m yamlfile.Map, otherwise *time.Location) *time.Location {
	name := m.Text("zone")
	if name == "" {
		return otherwise
	}
	z, err := time.LoadLocation(name)
	if err != nil || name == "Local" { // which would differ from worker to worker
		m.Wrong("zone", "%q is no time zone; use a name of the IANA database, such as Europe/Berlin or UTC", name)
		return otherwise
	}
	return z
}

func (p *Policy) readTiers(top yamlfile.Map) {
	tiers, ok := top.Map("tiers")
	if !ok {
		return
	}
	for _, name := range tiers.Names() {
		t := tier{name: name, services: tiers.Texts(name)}
		for _, pattern := range t.services {
			if _, err := path.Match(pattern, ""); err != nil {
				tiers.Wrong(name, "%q is no pattern; use the names of services, * for any letters and ? for one", pattern)
			}
		}
		p.tiers = append(p.tiers, t)
	}
}

func (p *Policy) readFreezes(f *yamlfile.File, top yamlfile.Map) {
	nodes := top.List("freezes")
	if len(nodes) > maxFreezes {
		top.Wrong("freezes", "there are %d; %d are the most", len(nodes), maxFreezes)
		return
	}
	for _, n := range nodes {
		m, ok := f.Map(n, "freeze", freezeFields...)
		if !ok {
			continue
		}
		z := freeze{name: name(m, "it is shown with what it holds up"), stop: m.Bool("stop"), zone: zone(m, p.zone)}
		if slices.ContainsFunc(p.freezes, func(o freeze) bool { return o.name == z.name }) {
			m.Wrong("name", "there is a freeze %q already", z.name)
		}
		from := m.Required("from", "say when it begins: 2026-12-18 18:00, or with days a time of the day such as 18:00")
		to := m.Required("to", "say when it ends")
		if m.Has("days") {
			z.days = days(m)
			z.begin, z.end = minutes(m, "from", from), minutes(m, "to", to)
			if z.begin == 24*60 {
				m.Wrong("from", "a day begins at 00:00")
			}
		} else {
			z.from, z.to = moment(m, "from", from, z.zone), moment(m, "to", to, z.zone)
			if !z.from.IsZero() && !z.to.IsZero() && !z.to.After(z.from) {
				m.Wrong("to", "is not after from")
			}
		}
		p.freezes = append(p.freezes, z)
	}
}

func name(m yamlfile.Map, why string) string {
	s := strings.Join(strings.Fields(m.Required("name", why)), " ")
	if len(s) > maxName {
		m.Wrong("name", "has %d bytes; %d are the most", len(s), maxName)
	}
	return s
}

func days(m yamlfile.Map) (out []time.Weekday) {
	for _, d := range m.Texts("days") {
		i := slices.Index(weekdays, strings.ToLower(d))
		if i < 0 {
			m.Wrong("days", "%q is no day; there are %s", d, strings.Join(weekdays, ", "))
			continue
		}
		out = append(out, time.Weekday(i))
	}
	if len(out) == 0 && len(m.Texts("days")) == 0 {
		m.Wrong("days", "names none; leave it out for a freeze that comes once")
	}
	return out
}

// minutes after midnight.
func minutes(m yamlfile.Map, field, s string) int {
	if s == "" {
		return 0
	}
	found := clock.FindStringSubmatch(s)
	if found == nil || s > "24:00" {
		m.Wrong(field, `%q is no time of the day; with days write 00:00 to 24:00, in quotes`, s)
		return 0
	}
	hours, _ := strconv.Atoi(found[1]) // the pattern has said that they are numbers
	past, _ := strconv.Atoi(found[2])
	return hours*60 + past
}

// moment is a time that comes once.
func moment(m yamlfile.Map, field, s string, z *time.Location) time.Time {
	if s == "" {
		return time.Time{}
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t
	}
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, z); err == nil {
			return t
		}
	}
	m.Wrong(field, "%q is no time; write 2026-12-18 18:00, or 2026-12-18T18:00:00+01:00; a time of the day alone needs days", s)
	return time.Time{}
}

func (p *Policy) readRules(f *yamlfile.File, top yamlfile.Map, l *expr.Language) {
	nodes := top.List("rules")
	if len(nodes) == 0 && (!top.Has("rules") || top.At("rules").Kind == yaml.SequenceNode) {
		top.Wrong("rules", "is missing: without a rule everything takes two people")
	}
	if len(nodes) > maxRules {
		top.Wrong("rules", "there are %d; %d are the most", len(nodes), maxRules)
		return
	}
	lines := map[string]int{}
	for i, n := range nodes {
		m, ok := f.Map(n, "rule", ruleFields...)
		if !ok {
			continue
		}
		r := rule{name: name(m, "it is shown with what it decided")}
		if r.name != "" {
			m = m.Renamed(r.name)
			if line, twice := lines[r.name]; twice {
				m.Wrong("name", "is taken by the rule in line %d", line)
			}
			lines[r.name] = n.Line
			if r.name == noRule {
				m.Wrong("name", "%q is what a decision is called that no rule has made", r.name)
			}
		}
		if source := m.Required("when", `say what the rule is about, such as risk == "low"; "true" is about everything`); source != "" {
			if r.when = f.Expression(m.At("when"), m.Field("when"), l, source); r.when != nil && !r.when.Condition() {
				m.Wrong("when", "gives a %s; it must say true or false", r.when.Kind())
			}
			if source == "true" && i < len(nodes)-1 {
				m.Wrong("when", "is true for everything, so that the rules below are never asked; move it to the end")
			}
		}
		r.then = yamlfile.Word(m, "then", incident.Autonomies, "say who has to agree: "+yamlfile.Join(incident.Autonomies))
		r.role = yamlfile.Word(m, "role", approverOf, "")
		if r.role != "" && r.then != "" && r.then.Approvers() == 0 {
			m.Wrong("role", "nobody is asked with then: %s; leave it out", r.then)
		}
		if r.reason = strings.Join(strings.Fields(m.Required("reason", "people are told it with the decision")), " "); len(r.reason) > maxReason {
			m.Wrong("reason", "has %d bytes; %d are the most", len(r.reason), maxReason)
		}
		p.rules = append(p.rules, r)
	}
}
