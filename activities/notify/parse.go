package notify

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	_ "time/tzdata" // schedules name zones, and images of workers have none

	"gopkg.in/yaml.v3"

	"vigil/activities/internal/tell"
	"vigil/workflows/incident"
)

const (
	maxFile   = 1 << 20
	maxNames  = 500 // of channels, people, teams or schedules, each
	maxLevels = 20  // of one severity's escalation
)

// name keeps names printable on one line wherever they are shown.
var name = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,63}$`)

// Parse reads a notification file. An error is of type Problems, and has all
// that is wrong.
func Parse(raw []byte) (*File, error) {
	f := &File{Channels: map[string]Channel{}, Teams: map[string]Team{}, Schedules: map[string]Schedule{}, People: map[string]tell.Person{},
		Escalation: map[incident.Severity][]incident.EscalationStep{}, Templates: map[ChannelKind]string{}}
	if len(raw) > maxFile {
		return nil, Problems{{1, fmt.Sprintf("the file has %d bytes; %d are the most that is read", len(raw), maxFile)}}
	}
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, Problems{{1, "the file is empty; it needs channels and teams, or leave --notify-file out"}}
	case err != nil:
		return nil, Problems{syntax(err)}
	}
	var more yaml.Node
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, Problems{{max(more.Line, 1), "there is a second document after ---; use one"}}
	}
	p := &parser{file: f}
	p.document(doc.Content[0])
	if len(p.problems) > 0 {
		return nil, p.problems.sorted()
	}
	f.defaults()
	return f, nil
}

var yamlLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): `)

func syntax(err error) Problem {
	text := err.Error()
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		n, _ := strconv.Atoi(m[1]) // digits
		return Problem{n, strings.TrimPrefix(text, m[0])}
	}
	return Problem{1, strings.TrimPrefix(text, "yaml: ")}
}

type parser struct {
	file     *File
	problems Problems
}

func (p *parser) bad(n *yaml.Node, format string, args ...any) {
	p.problems = append(p.problems, Problem{max(n.Line, 1), fmt.Sprintf(format, args...)})
}

func (p *parser) document(n *yaml.Node) {
	top := p.fields(n, "the file", "channels", "people", "schedules", "teams", "escalation", "templates")
	p.named(top["channels"], "channels", p.channel)
	p.named(top["people"], "people", p.person)
	p.named(top["schedules"], "schedules", p.schedule)
	p.named(top["teams"], "teams", p.team)
	p.escalation(top["escalation"])
	p.templates(top["templates"])
	if len(p.file.Teams) == 0 && len(p.problems) == 0 {
		p.bad(n, "there are no teams, so nobody would be told; add teams, or leave --notify-file out")
	}
}

// fields reads a mapping. What is not allowed in it, or stands there twice, is a problem.
func (p *parser) fields(n *yaml.Node, what string, allowed ...string) map[string]*yaml.Node {
	out := map[string]*yaml.Node{}
	if n == nil {
		return out
	}
	if n.Kind != yaml.MappingNode {
		p.bad(n, "%s must have fields: %s", what, strings.Join(allowed, ", "))
		return out
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch _, twice := out[key.Value]; {
		case !slices.Contains(allowed, key.Value):
			p.bad(key, "%s has no field %q; it has %s", what, key.Value, strings.Join(allowed, ", "))
		case twice:
			p.bad(key, "%s has %s twice", what, key.Value)
		default:
			out[key.Value] = value
		}
	}
	return out
}

// named reads a mapping from names to something.
func (p *parser) named(n *yaml.Node, what string, each func(name string, n *yaml.Node)) {
	if n == nil {
		return
	}
	if n.Kind != yaml.MappingNode {
		p.bad(n, "%s must be names with what each is", what)
		return
	}
	if len(n.Content)/2 > maxNames {
		p.bad(n, "%s has %d entries; %d are the most", what, len(n.Content)/2, maxNames)
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode || !name.MatchString(key.Value):
			p.bad(key, "%q in %s will not do as a name; use up to 64 letters, digits, spaces and . _ -, beginning with a letter or digit", tell.Clip(key.Value, 80), what)
		case seen[key.Value]:
			p.bad(key, "%s has %q twice", what, key.Value)
		default:
			seen[key.Value] = true
			each(key.Value, value)
		}
	}
}

// text is a scalar; "" where there is none.
func (p *parser) text(n *yaml.Node, what string) string {
	if n == nil {
		return ""
	}
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		p.bad(n, "%s must be a single value", what)
		return ""
	}
	return n.Value
}

// list is a list of scalars with the node of each.
func (p *parser) list(n *yaml.Node, what string) []*yaml.Node {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		p.bad(n, "%s must be a list", what)
		return nil
	}
	var out []*yaml.Node
	for _, item := range n.Content {
		if item.Kind != yaml.ScalarNode || item.Tag == "!!null" {
			p.bad(item, "%s must be a list of single values", what)
			continue
		}
		out = append(out, item)
	}
	return out
}

var slackUser = regexp.MustCompile(`^[UW][A-Z0-9]{6,20}$`)

func (p *parser) person(key string, n *yaml.Node) {
	fields := p.fields(n, "person "+key, "name", "slack_id")
	person := tell.Person{Key: key, Name: p.text(fields["name"], "name"), SlackID: p.text(fields["slack_id"], "slack_id")}
	if person.Name == "" {
		person.Name = key
	}
	if len([]rune(person.Name)) > 80 || tell.Line(person.Name) != person.Name {
		p.bad(n, "name of %s must be up to 80 characters on one line", key)
	}
	if person.SlackID != "" && !slackUser.MatchString(person.SlackID) {
		p.bad(fields["slack_id"], "slack_id of %s is %q; it looks like U0123456789 (in Slack: the profile, Copy member ID)", key, tell.Clip(person.SlackID, 40))
	}
	p.file.People[key] = person
}

func (p *parser) team(key string, n *yaml.Node) {
	fields := p.fields(n, "team "+key, "channels", "schedule")
	var t Team
	for _, c := range p.list(fields["channels"], "channels of team "+key) {
		switch _, ok := p.file.Channels[c.Value]; {
		case !ok:
			p.bad(c, "team %s is told by %q, which is no channel of this file", key, tell.Clip(c.Value, 80))
		case slices.Contains(t.Channels, c.Value):
			p.bad(c, "team %s names the channel %s twice", key, c.Value)
		default:
			t.Channels = append(t.Channels, c.Value)
		}
	}
	if fields["channels"] == nil || len(fields["channels"].Content) == 0 {
		p.bad(n, "team %s has no channels, so it could not be told", key)
	}
	if s := fields["schedule"]; s != nil {
		if t.Schedule = p.text(s, "schedule"); t.Schedule != "" {
			if _, ok := p.file.Schedules[t.Schedule]; !ok {
				p.bad(s, "team %s has the schedule %q, which this file does not have", key, tell.Clip(t.Schedule, 80))
			}
		}
	}
	p.file.Teams[key] = t
}

func (p *parser) escalation(n *yaml.Node) {
	if n == nil {
		return
	}
	severities := make([]string, len(incident.Severities))
	for i, s := range incident.Severities {
		severities[i] = string(s)
	}
	for severity, levels := range p.fields(n, "escalation", severities...) {
		if levels.Kind != yaml.SequenceNode || len(levels.Content) > maxLevels {
			p.bad(levels, "escalation of %s must be a list of up to %d levels, each with after and teams", severity, maxLevels)
			continue
		}
		steps := []incident.EscalationStep{} // none: nobody is told, and no default either
		for _, level := range levels.Content {
			fields := p.fields(level, "a level of "+severity, "after", "teams")
			after, err := time.ParseDuration(p.text(fields["after"], "after"))
			if err != nil || after < 0 || after > 7*24*time.Hour {
				p.bad(level, "after of a level of %s must be a time such as 0s, 5m or 1h, at most 168h", severity)
			}
			s := incident.EscalationStep{AfterMS: after.Milliseconds()}
			if len(steps) > 0 && s.AfterMS <= steps[len(steps)-1].AfterMS {
				p.bad(level, "the levels of %s must come later and later", severity)
			}
			for _, t := range p.list(fields["teams"], "teams") {
				if _, ok := p.file.Teams[t.Value]; !ok {
					p.bad(t, "%s tells %q, which is no team of this file", severity, tell.Clip(t.Value, 80))
				}
				s.Teams = append(s.Teams, t.Value)
			}
			if len(s.Teams) == 0 {
				p.bad(level, "a level of %s tells no team", severity)
			}
			steps = append(steps, s)
		}
		p.file.Escalation[incident.Severity(severity)] = steps
	}
}

func (p *parser) templates(n *yaml.Node) {
	kinds := make([]string, len(ChannelKinds))
	for i, k := range ChannelKinds {
		kinds[i] = string(k)
	}
	for kind, file := range p.fields(n, "templates", kinds...) {
		path := p.text(file, "the template of "+kind)
		if !filepath.IsAbs(path) {
			p.bad(file, "the template of %s is %q; give its whole path", kind, tell.Clip(path, 80))
		}
		p.file.Templates[ChannelKind(kind)] = path
	}
}
