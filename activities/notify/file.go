package notify

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"vigil/activities/internal/tell"
	"vigil/activities/internal/yamlfile"
	"vigil/workflows/incident"
)

// ChannelKind is a technology by which people are told.
type ChannelKind string

const (
	KindSlack     ChannelKind = "slack"
	KindPagerDuty ChannelKind = "pagerduty"
	KindSNS       ChannelKind = "sns"
	KindWebhook   ChannelKind = "webhook"
)

// ChannelKinds lists all of them.
var ChannelKinds = []ChannelKind{KindSlack, KindPagerDuty, KindSNS, KindWebhook}

// Channel is where people are told, as the file has it.
type Channel struct {
	Name        string
	Kind        ChannelKind
	URL         string                      // of the service; a webhook's own
	SecretFile  string                      // token_file, routing_key_file or secret_file
	Target      string                      // Slack: the channel's id; SNS: the topic's ARN
	Kinds       []incident.NotificationKind // those that it is told of; empty: all
	MinSeverity incident.Severity           // "": any
	Rate        Rate
}

// Wants reports whether the channel is told of n, and why not.
func (c Channel) Wants(n incident.Notification) (bool, string) {
	switch {
	case len(c.Kinds) > 0 && !slices.Contains(c.Kinds, n.Kind):
		return false, fmt.Sprintf("%s is not told of %s", c.Name, n.Kind)
	case c.MinSeverity != "" && n.Severity.Rank() < c.MinSeverity.Rank():
		return false, fmt.Sprintf("%s is told of %s and worse", c.Name, c.MinSeverity)
	}
	return true, ""
}

// Team is who is told together.
type Team struct {
	Channels []string
	Schedule string // "": nobody in particular
}

// File is a notification file.
type File struct {
	Channels   map[string]Channel
	Teams      map[string]Team
	Schedules  map[string]Schedule
	People     map[string]tell.Person
	Escalation map[incident.Severity][]incident.EscalationStep
	Templates  map[ChannelKind]string // files that replace templates

	// Skipped are levels of the default escalation whose teams the file does not have.
	Skipped []string
}

// TeamChannels is what workflows know of teams.
func (f *File) TeamChannels() map[string][]string {
	out := make(map[string][]string, len(f.Teams))
	for name, t := range f.Teams {
		out[name] = t.Channels
	}
	return out
}

// Nobody returns those of the names that are no team.
func (f *File) Nobody(names []string) []string {
	var out []string
	for _, n := range names {
		if _, ok := f.Teams[n]; !ok {
			out = append(out, n)
		}
	}
	return out
}

// DefaultEscalation is who is told of an incident that nobody acknowledges,
// where the file does not say.
var DefaultEscalation = map[incident.Severity][]incident.EscalationStep{
	incident.SeverityCritical: {
		step(0, "sre", "engineering leads"),
		step(5*time.Minute, "executives"),
		step(15*time.Minute, "customer success"),
	},
	incident.SeverityHigh:   {step(0, "sre"), step(10*time.Minute, "engineering leads"), step(30*time.Minute, "customer success")},
	incident.SeverityMedium: {step(0, "sre"), step(30*time.Minute, "engineering leads")},
	incident.SeverityLow:    {step(0, "sre")},
}

func step(after time.Duration, teams ...string) incident.EscalationStep {
	return incident.EscalationStep{AfterMS: after.Milliseconds(), Teams: teams}
}

// defaults fills in the escalation of severities that the file leaves out,
// with the teams that there are.
func (f *File) defaults() {
	missing := map[string]bool{}
	for _, s := range incident.Severities {
		if _, said := f.Escalation[s]; said {
			continue
		}
		for _, level := range DefaultEscalation[s] {
			var teams []string
			for _, t := range level.Teams {
				if _, ok := f.Teams[t]; ok {
					teams = append(teams, t)
				} else {
					missing[t] = true
				}
			}
			if len(teams) > 0 {
				f.Escalation[s] = append(f.Escalation[s], incident.EscalationStep{AfterMS: level.AfterMS, Teams: teams})
			}
		}
	}
	f.Skipped = slices.Sorted(maps.Keys(missing))
}

// Read reads a notification file.
func Read(path string) (*File, error) {
	raw, err := yamlfile.Bytes(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, raw)
}
