package notify

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
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

// Defaults of the services' addresses.
const (
	slackURL     = "https://slack.com/api"
	pagerDutyURL = "https://events.pagerduty.com/v2/enqueue"
)

// defaultRates are per channel. Slack takes one message a second and channel;
// a PagerDuty that rings more than twice a minute is no longer heard.
var defaultRates = map[ChannelKind]Rate{
	KindSlack:     {1, time.Second},
	KindPagerDuty: {2, time.Minute},
	KindSNS:       {10, time.Second},
	KindWebhook:   {5, time.Second},
}

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

// own are the settings of each kind of channel; those that are needed come first.
var own = map[ChannelKind]struct{ needed, optional []string }{
	KindSlack:     {[]string{"token_file", "channel"}, []string{"url"}},
	KindPagerDuty: {[]string{"routing_key_file"}, []string{"url"}},
	KindSNS:       {[]string{"topic_arn"}, nil},
	KindWebhook:   {[]string{"url", "secret_file"}, nil},
}

func (p *parser) channel(name string, n *yaml.Node) {
	what := "channel " + name
	if n.Kind != yaml.MappingNode {
		p.bad(n, "%s must have fields, kind among them", what)
		return
	}
	kind := ChannelKind("")
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "kind" {
			kind = ChannelKind(n.Content[i+1].Value)
		}
	}
	settings, known := own[kind]
	if !known {
		p.bad(n, "kind of %s is %q; use slack, pagerduty, sns or webhook", what, tell.Clip(string(kind), 40))
		return
	}
	fields := p.fields(n, what, slices.Concat([]string{"kind", "kinds", "min_severity", "rate"}, settings.needed, settings.optional)...)
	for _, needed := range settings.needed {
		if fields[needed] == nil || fields[needed].Value == "" {
			p.bad(n, "%s, which is of kind %s, needs %s", what, kind, needed)
		}
	}
	c := Channel{Name: name, Kind: kind, URL: p.text(fields["url"], "url"), MinSeverity: incident.Severity(p.text(fields["min_severity"], "min_severity")), Rate: defaultRates[kind]}
	for _, f := range []string{"token_file", "routing_key_file", "secret_file"} {
		c.SecretFile += p.text(fields[f], f)
	}
	p.target(&c, fields)
	if u := fields["url"]; u != nil && c.URL != "" {
		if why := badURL(c.URL); why != "" {
			p.bad(u, "url of %s %s", what, why)
		}
	}
	if m := fields["min_severity"]; m != nil && !c.MinSeverity.Valid() {
		p.bad(m, "min_severity of %s is %q; use critical, high, medium or low", what, m.Value)
	}
	for _, k := range p.list(fields["kinds"], "kinds") {
		if kind := incident.NotificationKind(k.Value); !kind.Valid() {
			p.bad(k, "%s wants %q; there are %s", what, k.Value, join(incident.NotificationKinds))
		} else if !slices.Contains(c.Kinds, kind) {
			c.Kinds = append(c.Kinds, kind)
		}
	}
	if k := fields["kinds"]; k != nil && len(k.Content) == 0 {
		p.bad(k, "kinds of %s is empty; leave it out for all of them", what)
	}
	if r := fields["rate"]; r != nil {
		var err error
		if c.Rate, err = ParseRate(r.Value); err != nil {
			p.bad(r, "rate of %s: %v", what, err)
		}
	}
	p.file.Channels[name] = c
}

var (
	slackChannel = regexp.MustCompile(`^[CGD][A-Z0-9]{8,20}$`)
	topicARN     = regexp.MustCompile(`^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}(?:\.fifo)?$`)
)

// target reads where in the service the channel is.
func (p *parser) target(c *Channel, fields map[string]*yaml.Node) {
	switch c.Kind {
	case KindSlack:
		if c.URL == "" {
			c.URL = slackURL
		}
		if n := fields["channel"]; n != nil && n.Value != "" {
			if c.Target = p.text(n, "channel"); !slackChannel.MatchString(c.Target) {
				p.bad(n, "channel of %s is %q; give the id, such as C0123456789 (in Slack: the channel's details, at the bottom), because names change", c.Name, tell.Clip(c.Target, 40))
			}
		}
	case KindPagerDuty:
		if c.URL == "" {
			c.URL = pagerDutyURL
		}
	case KindSNS:
		if n := fields["topic_arn"]; n != nil && n.Value != "" {
			if c.Target = p.text(n, "topic_arn"); !topicARN.MatchString(c.Target) {
				p.bad(n, "topic_arn of %s is %q; it looks like arn:aws:sns:eu-west-1:111122223333:vigil", c.Name, tell.Clip(c.Target, 80))
			}
		}
	}
}

// badURL says what is wrong with an address; "" for nothing. It may hold a
// secret, so it is not repeated.
func badURL(s string) string {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return "is no address; it looks like https://hooks.example.org/vigil"
	case u.User != nil:
		return "holds credentials; requests are signed instead"
	case u.Fragment != "":
		return "has a fragment, which is never sent; leave it out"
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return "is http, which anybody on the way can read and change; use https"
	}
	return ""
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func join[T ~string](list []T) string {
	var b strings.Builder
	for i, v := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(v))
	}
	return b.String()
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
