package store

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"vigil/workflows/incident"
)

// SilenceKind says why alerts are kept quiet.
type SilenceKind string

const (
	KindSilence     SilenceKind = "silence"     // known, and being dealt with
	KindMaintenance SilenceKind = "maintenance" // planned work
)

// Repeat says how often a maintenance window comes again.
type Repeat string

const (
	RepeatDaily  Repeat = "daily"
	RepeatWeekly Repeat = "weekly"
)

func (r Repeat) period() time.Duration {
	switch r {
	case RepeatDaily:
		return 24 * time.Hour
	case RepeatWeekly:
		return 7 * 24 * time.Hour
	}
	return 0
}

// SilenceState says whether a silence holds.
type SilenceState string

const (
	SilencePending SilenceState = "pending" // has not begun, or waits for its next turn
	SilenceActive  SilenceState = "active"
	SilenceExpired SilenceState = "expired" // its time is over
	SilenceEnded   SilenceState = "ended"   // a person ended it
)

// SilenceStates lists every state.
var SilenceStates = []SilenceState{SilencePending, SilenceActive, SilenceExpired, SilenceEnded}

// Limits of a silence.
const (
	MaxMatchers     = 16
	MaxMatcherValue = 512                 // bytes
	MaxSilence      = 90 * 24 * time.Hour // of one turn; a longer one hides what nobody remembers
)

// State of the silence at a time. One that repeats goes on until it is ended.
// Turns repeat after 24 or 168 hours, whatever clocks do in between.
func (s Silence) State(now time.Time) SilenceState {
	switch {
	case !s.EndedAt.IsZero() && !now.Before(s.EndedAt):
		return SilenceEnded
	case now.Before(s.StartsAt):
		return SilencePending
	case now.Before(s.EndsAt):
		return SilenceActive
	}
	period := s.Repeat.period()
	if period == 0 {
		return SilenceExpired
	}
	if now.Sub(s.StartsAt)%period < s.EndsAt.Sub(s.StartsAt) {
		return SilenceActive
	}
	return SilencePending
}

// Validate says what is wrong with a silence that a person wants.
func (s Silence) Validate(now time.Time) error {
	length := s.EndsAt.Sub(s.StartsAt)
	switch {
	case s.Kind != KindSilence && s.Kind != KindMaintenance:
		return incident.Errorf(incident.KindInvalid, "kind is %q; use %s or %s", s.Kind, KindSilence, KindMaintenance)
	case strings.TrimSpace(s.Reason) == "":
		return incident.Errorf(incident.KindInvalid, "reason is needed: who finds the silence should know what it is for")
	case len(s.Matchers) == 0 || len(s.Matchers) > MaxMatchers:
		return incident.Errorf(incident.KindInvalid, "matchers has %d entries; give 1 to %d, all of which must match", len(s.Matchers), MaxMatchers)
	case length <= 0 || !s.EndsAt.After(now):
		return incident.Errorf(incident.KindInvalid, "it would end before it begins, or is over already; ends_at must be after starts_at and after now")
	case length > MaxSilence:
		return incident.Errorf(incident.KindInvalid, "it would hold for %s; %s is the longest", length.Round(time.Hour), MaxSilence)
	case s.Repeat != "" && s.Repeat.period() == 0:
		return incident.Errorf(incident.KindInvalid, "repeat is %q; use %s or %s, or leave it out", s.Repeat, RepeatDaily, RepeatWeekly)
	case s.Repeat != "" && length >= s.Repeat.period():
		return incident.Errorf(incident.KindInvalid, "it holds for %s and would repeat %s; make it shorter", length, s.Repeat)
	}
	empty := true
	for _, m := range s.Matchers {
		if err := m.validate(); err != nil {
			return err
		}
		empty = empty && m.prepare().matches("")
	}
	if empty {
		return incident.Errorf(incident.KindInvalid, "the matchers would match an alert that says nothing, and so nearly every alert; name something that must be there")
	}
	return nil
}

// Matcher compares one field or label of an alert. Names are service, severity,
// source, title, correlation_key and fingerprint; any other is a label's. A
// label that is not there is empty. Regular expressions match the whole value.
type Matcher struct {
	Name  string `json:"name"`
	Op    string `json:"op" jsonschema:"enum==,enum=!=,enum==~,enum=!~"`
	Value string `json:"value"`
}

func (m Matcher) validate() error {
	switch {
	case m.Name == "" || len(m.Name) > MaxMatcherValue || len(m.Value) > MaxMatcherValue:
		return incident.Errorf(incident.KindInvalid, "a matcher needs a name, and name and value of up to %d bytes", MaxMatcherValue)
	case m.Op != "=" && m.Op != "!=" && m.Op != "=~" && m.Op != "!~":
		return incident.Errorf(incident.KindInvalid, "matcher %s has op %q; use = or !=, or =~ or !~ for a regular expression", m.Name, m.Op)
	}
	if strings.HasSuffix(m.Op, "~") {
		if _, err := m.regexp(); err != nil {
			return incident.Errorf(incident.KindInvalid, "matcher %s: %v", m.Name, err)
		}
	}
	return nil
}

func (m Matcher) regexp() (*regexp.Regexp, error) {
	re, err := regexp.Compile("^(?s:" + m.Value + ")$")
	if err != nil {
		return nil, fmt.Errorf("%q is not a regular expression: %w", m.Value, err)
	}
	return re, nil
}

// test is a matcher that is ready for use.
type test struct {
	Matcher
	re *regexp.Regexp // nil: compared as it is
}

func (m Matcher) prepare() test {
	t := test{Matcher: m}
	if strings.HasSuffix(m.Op, "~") {
		t.re, _ = m.regexp() // it was compiled when the silence was made
	}
	return t
}

func (t test) matches(have string) bool {
	equal := have == t.Value
	if t.re != nil {
		equal = t.re.MatchString(have)
	}
	return equal != strings.HasPrefix(t.Op, "!")
}

// Silencer matches alerts against silences that hold.
type Silencer []struct {
	id    string
	tests []test
}

// NewSilencer prepares those of silences that hold now.
func NewSilencer(silences []Silence, now time.Time) Silencer {
	var out Silencer
	for _, s := range silences {
		if s.State(now) != SilenceActive {
			continue
		}
		var tests []test
		for _, m := range s.Matchers {
			tests = append(tests, m.prepare())
		}
		out = append(out, struct {
			id    string
			tests []test
		}{s.ID, tests})
	}
	return out
}

// Silences returns the id of a silence all of whose matchers match a, or "".
func (s Silencer) Silences(a incident.Alert) string {
next:
	for _, one := range s {
		for _, t := range one.tests {
			if !t.matches(fieldOf(a, t.Name)) {
				continue next
			}
		}
		return one.id
	}
	return ""
}

func fieldOf(a incident.Alert, name string) string {
	switch name {
	case "service":
		return a.Service
	case "severity":
		return string(a.Severity)
	case "source":
		return a.Source
	case "title":
		return a.Title
	case "correlation_key":
		return a.CorrelationKey
	case "fingerprint":
		return a.Fingerprint
	}
	return a.Labels[name]
}
