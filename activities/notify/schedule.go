package notify

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"vigil/activities/internal/tell"
)

// Schedule says who is on call. It repeats without end in both directions:
// before its start it is as if it had always been going.
type Schedule struct {
	Zone      *time.Location
	Start     time.Time     // a handover: the first person's first shift begins
	Every     time.Duration // length of a shift; 0: a week, from the same time of the same weekday to the next
	People    []string      // in order
	Overrides []Override    // do not overlap
}

// Override puts somebody else on call, from From until just before To.
type Override struct {
	From, To time.Time
	Person   string
}

const week = 7 * 24 * time.Hour

// OnCall returns the person who is on call at an instant: exactly one, always.
func OnCall(s Schedule, at time.Time) string {
	for _, o := range s.Overrides {
		if !at.Before(o.From) && at.Before(o.To) {
			return o.Person
		}
	}
	n := int64(len(s.People))
	return s.People[((s.shift(at)%n)+n)%n]
}

// shift numbers the shift that at lies in; 0 begins at Start.
func (s Schedule) shift(at time.Time) int64 {
	if s.Every > 0 {
		return floorDiv(at.Sub(s.Start), s.Every)
	}
	// Weeks are as long as the clocks on the wall make them: an hour more or
	// less when those change. The estimate is at most one week off.
	k := floorDiv(at.Sub(s.Start), week)
	for s.handover(k).After(at) {
		k--
	}
	for !s.handover(k + 1).After(at) {
		k++
	}
	return k
}

// handover is when shift k of a weekly schedule begins. A time that the clocks
// skip is taken as time.Date takes it.
func (s Schedule) handover(k int64) time.Time {
	t := s.Start.In(s.Zone)
	return time.Date(t.Year(), t.Month(), t.Day()+int(7*k), t.Hour(), t.Minute(), 0, 0, s.Zone)
}

func floorDiv(a, b time.Duration) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return int64(q)
}

const (
	minShift = time.Hour
	maxShift = 366 * 24 * time.Hour
)

// Years that a schedule may speak of. time.Duration reaches 292 years.
const firstYear, lastYear = 2000, 2200

func (p *parser) schedule(key string, n *yaml.Node) {
	what := "schedule " + key
	fields := p.fields(n, what, "zone", "start", "every", "handover", "people", "overrides")
	s := Schedule{Zone: time.UTC}
	if z := fields["zone"]; z == nil {
		p.bad(n, "%s needs a zone, such as Europe/Berlin or UTC", what)
	} else if zone, err := time.LoadLocation(z.Value); err != nil || z.Value == "" || z.Value == "Local" {
		p.bad(z, "zone of %s is %q; use a name of the IANA time zones, such as Europe/Berlin or UTC", what, tell.Clip(z.Value, 60))
	} else {
		s.Zone = zone
	}
	p.rotation(what, n, fields, &s)
	for _, who := range p.list(fields["people"], "people of "+what) {
		p.known(who, what)
		s.People = append(s.People, who.Value)
	}
	if len(s.People) == 0 {
		p.bad(n, "%s has no people", what)
	}
	p.overrides(what, fields["overrides"], &s)
	p.file.Schedules[key] = s
}

func (p *parser) known(who *yaml.Node, what string) {
	if _, ok := p.file.People[who.Value]; !ok {
		p.bad(who, "%s names %q, who is not among people", what, tell.Clip(who.Value, 80))
	}
}

// rotation reads when shifts begin.
func (p *parser) rotation(what string, n *yaml.Node, fields map[string]*yaml.Node, s *Schedule) {
	start, ok := time.Time{}, false
	if f := fields["start"]; f == nil {
		p.bad(n, "%s needs a start, such as 2026-01-05 or 2026-01-05 09:00", what)
	} else if start, ok = instant(f.Value, s.Zone); !ok {
		p.bad(f, "start of %s is %q; write it as 2026-01-05 or 2026-01-05 09:00", what, tell.Clip(f.Value, 60))
	}
	s.Start = start
	every, handover := fields["every"], fields["handover"]
	switch {
	case (every == nil) == (handover == nil):
		p.bad(n, "%s needs the length of a shift: every (such as 168h) or handover (such as monday 09:00), one of them", what)
	case every != nil:
		d, err := time.ParseDuration(every.Value)
		if err != nil || d < minShift || d > maxShift {
			p.bad(every, "every of %s is %q; use a time from %s to %s, such as 12h or 168h", what, tell.Clip(every.Value, 60), minShift, maxShift)
			return
		}
		s.Every = d
	default:
		day, hour, minute, ok := weekly(handover.Value)
		if !ok {
			p.bad(handover, "handover of %s is %q; write it as monday 09:00", what, tell.Clip(handover.Value, 60))
			return
		}
		// The first handover on or after the day of the start.
		t := s.Start.In(s.Zone)
		ahead := (int(day) - int(t.Weekday()) + 7) % 7
		s.Start = time.Date(t.Year(), t.Month(), t.Day()+ahead, hour, minute, 0, 0, s.Zone)
	}
}

func (p *parser) overrides(what string, n *yaml.Node, s *Schedule) {
	if n == nil {
		return
	}
	if n.Kind != yaml.SequenceNode || len(n.Content) > maxNames {
		p.bad(n, "overrides of %s must be a list of up to %d, each with from, to and person", what, maxNames)
		return
	}
	for _, item := range n.Content {
		fields := p.fields(item, "an override of "+what, "from", "to", "person")
		if fields["from"] == nil || fields["to"] == nil || fields["person"] == nil {
			p.bad(item, "an override of %s needs from, to and person", what)
			continue
		}
		p.known(fields["person"], what)
		from, ok := instant(fields["from"].Value, s.Zone)
		to, too := instant(fields["to"].Value, s.Zone)
		switch {
		case !ok || !too:
			p.bad(item, "from and to of an override of %s are times such as 2026-12-24 09:00 or 2026-12-24T09:00:00Z", what)
			continue
		case !from.Before(to):
			p.bad(item, "an override of %s ends before it begins", what)
			continue
		}
		for _, o := range s.Overrides {
			if from.Before(o.To) && o.From.Before(to) {
				p.bad(item, "two overrides of %s overlap, so two people would be on call from %s on", what, later(from, o.From).In(s.Zone).Format("2006-01-02 15:04"))
			}
		}
		s.Overrides = append(s.Overrides, Override{From: from, To: to, Person: fields["person"].Value})
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// instant reads a time, in zone where it names none of its own.
func instant(s string, zone *time.Location) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return t, t.Year() >= firstYear && t.Year() <= lastYear
		}
	}
	return time.Time{}, false
}

var weeklyForm = regexp.MustCompile(`^([a-z]+) ([01]\d|2[0-3]):([0-5]\d)$`)

var weekdays = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

func weekly(s string) (day time.Weekday, hour, minute int, ok bool) {
	m := weeklyForm.FindStringSubmatch(strings.ToLower(s))
	if m == nil {
		return 0, 0, 0, false
	}
	i := slices.Index(weekdays, m[1])
	hour, _ = strconv.Atoi(m[2]) // two digits
	minute, _ = strconv.Atoi(m[3])
	return time.Weekday(max(i, 0)), hour, minute, i >= 0
}
