package notify

import (
	"path/filepath"
	"regexp"
	"time"

	_ "time/tzdata" // schedules name zones, and images of workers have none

	"vigil/activities/internal/tell"
	"vigil/activities/internal/yamlfile"
	"vigil/workflows/incident"
)

const (
	maxNames  = 500 // of channels, people, teams, schedules or overrides, each
	maxLevels = 20  // of one severity's escalation
	maxAfter  = 7 * 24 * time.Hour
)

// name keeps names printable on one line wherever they are shown.
var name = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,63}$`)

// Parse reads a notification file called file. The error, of kind invalid, has
// all that is wrong with it, each with its line.
func Parse(file string, raw []byte) (*File, error) {
	f := &File{Channels: map[string]Channel{}, Teams: map[string]Team{}, Schedules: map[string]Schedule{}, People: map[string]tell.Person{},
		Escalation: map[incident.Severity][]incident.EscalationStep{}, Templates: map[ChannelKind]string{}}
	known := []string{"channels", "people", "schedules", "teams", "escalation", "templates"}
	if err := yamlfile.Read(file, raw, known, func(y *yamlfile.File, top yamlfile.Map) {
		p := &parser{yaml: y, file: f}
		p.named(top, "channels", p.channel)
		p.named(top, "people", p.person)
		p.named(top, "schedules", p.schedule)
		p.named(top, "teams", p.team)
		p.escalation(top)
		p.templates(top)
		if len(f.Teams) == 0 {
			top.Wrong("teams", "there are none, so nobody would be told; add teams, or leave --notify-file out")
		}
	}); err != nil {
		return nil, err
	}
	f.defaults()
	return f, nil
}

// parser reads one file. What is wrong in a part does not keep the others from
// being read, so names are known to later parts however they were written.
type parser struct {
	yaml *yamlfile.File
	file *File
}

// named reads a map from names of the file's own to what each is.
func (p *parser) named(top yamlfile.Map, field string, each func(all yamlfile.Map, key string)) {
	all, ok := top.Map(field)
	if !ok {
		return
	}
	names := all.Names()
	if len(names) > maxNames {
		top.Wrong(field, "there are %d; %d are the most", len(names), maxNames)
		return
	}
	for _, key := range names {
		if !name.MatchString(key) {
			all.Wrong(tell.Clip(tell.Line(key), 80), "this will not do as a name; use up to 64 letters, digits, spaces and . _ -, beginning with a letter or digit")
			continue
		}
		each(all, key)
	}
}

var slackUser = regexp.MustCompile(`^[UW][A-Z0-9]{6,20}$`)

func (p *parser) person(all yamlfile.Map, key string) {
	m, _ := all.Map(key, "name", "slack_id")
	who := tell.Person{Key: key, Name: m.Text("name"), SlackID: m.Text("slack_id")}
	if who.Name == "" {
		who.Name = key
	}
	if len([]rune(who.Name)) > 80 || tell.Line(who.Name) != who.Name {
		m.Wrong("name", "up to 80 characters on one line belong here")
	}
	if who.SlackID != "" && !slackUser.MatchString(who.SlackID) {
		m.Wrong("slack_id", "%q is none; it looks like U0123456789 (in Slack: the profile, Copy member ID)", tell.Clip(who.SlackID, 40))
	}
	p.file.People[key] = who
}

func (p *parser) team(all yamlfile.Map, key string) {
	m, ok := all.Map(key, "channels", "schedule")
	if !ok {
		return
	}
	t := Team{Schedule: m.Text("schedule")}
	seen := map[string]bool{}
	for _, c := range m.Texts("channels") {
		switch _, known := p.file.Channels[c]; {
		case !known:
			m.Wrong("channels", "%q is no channel of this file", tell.Clip(c, 80))
		case seen[c]:
			m.Wrong("channels", "%s is there twice", c)
		default:
			t.Channels = append(t.Channels, c)
		}
		seen[c] = true
	}
	if len(seen) == 0 {
		m.Wrong("channels", "there are none, so this team could not be told")
	}
	if _, known := p.file.Schedules[t.Schedule]; !known && t.Schedule != "" {
		m.Wrong("schedule", "%q is no schedule of this file", tell.Clip(t.Schedule, 80))
	}
	p.file.Teams[key] = t
}

func (p *parser) escalation(top yamlfile.Map) {
	known := make([]string, len(incident.Severities))
	for i, s := range incident.Severities {
		known[i] = string(s)
	}
	m, _ := top.Map("escalation", known...)
	for _, severity := range known {
		if !m.Has(severity) {
			continue
		}
		levels := m.List(severity)
		if len(levels) > maxLevels {
			m.Wrong(severity, "there are %d levels; %d are the most", len(levels), maxLevels)
			continue
		}
		steps := []incident.EscalationStep{} // none: nobody is told, and no default either
		for _, node := range levels {
			level, ok := p.yaml.Map(node, m.Field(severity), "after", "teams")
			if !ok {
				continue
			}
			if !level.Has("after") {
				level.Wrong("after", "is missing: how long after the incident opened these teams are told, such as 0s or 5m")
			}
			s := incident.EscalationStep{AfterMS: level.Duration("after", 0, maxAfter).Milliseconds(), Teams: level.Texts("teams")}
			if len(steps) > 0 && s.AfterMS <= steps[len(steps)-1].AfterMS {
				level.Wrong("after", "each level must come later than the one before")
			}
			for _, t := range p.file.Nobody(s.Teams) {
				level.Wrong("teams", "%q is no team of this file", tell.Clip(t, 80))
			}
			if len(s.Teams) == 0 {
				level.Wrong("teams", "there are none, so this level tells nobody")
			}
			steps = append(steps, s)
		}
		p.file.Escalation[incident.Severity(severity)] = steps
	}
}

func (p *parser) templates(top yamlfile.Map) {
	known := make([]string, len(ChannelKinds))
	for i, k := range ChannelKinds {
		known[i] = string(k)
	}
	m, _ := top.Map("templates", known...)
	for _, kind := range known {
		if path := m.Text(kind); path != "" {
			if !filepath.IsAbs(path) {
				m.Wrong(kind, "%q is no whole path", tell.Clip(path, 80))
			}
			p.file.Templates[ChannelKind(kind)] = path
		}
	}
}
