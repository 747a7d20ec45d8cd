package notify

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigil/activities/internal/tell"
	"vigil/activities/internal/yamlfile"
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

func (p *parser) schedule(all yamlfile.Map, key string) {
	// Known to teams whatever is wrong with it.
	s := Schedule{Zone: time.UTC}
	defer func() { p.file.Schedules[key] = s }()
	m, ok := all.Map(key, "zone", "start", "every", "handover", "people", "overrides")
	if !ok {
		return
	}
	if z := m.Required("zone", "a name of the IANA time zones, such as Europe/Berlin or UTC"); z != "" {
		if zone, err := time.LoadLocation(z); err != nil || z == "Local" {
			m.Wrong("zone", "%q is none; use a name of the IANA time zones, such as Europe/Berlin or UTC", tell.Clip(z, 60))
		} else {
			s.Zone = zone
		}
	}
	rotation(m, &s)
	s.People = m.Texts("people")
	for _, who := range s.People {
		p.known(m, "people", who)
	}
	if len(s.People) == 0 {
		m.Wrong("people", "there are none, so nobody would be on call")
	}
	p.overrides(m, &s)
}

func (p *parser) known(m yamlfile.Map, field, who string) {
	if _, ok := p.file.People[who]; !ok && who != "" {
		m.Wrong(field, "%q is not among people", tell.Clip(who, 80))
	}
}

// rotation reads when shifts begin.
func rotation(m yamlfile.Map, s *Schedule) {
	if start := m.Required("start", "the day, or the time, from which people take turns, such as 2026-01-05 or 2026-01-05 09:00"); start != "" {
		var ok bool
		if s.Start, ok = instant(start, s.Zone); !ok {
			m.Wrong("start", "%q is no time; write it as 2026-01-05 or 2026-01-05 09:00", tell.Clip(start, 60))
		}
	}
	if m.Has("every") == m.Has("handover") {
		m.Wrong("every", "the length of a shift is needed: every (such as 168h) or handover (such as monday 09:00), one of them")
		return
	}
	if m.Has("every") {
		s.Every = m.Duration("every", minShift, maxShift)
		return
	}
	handover := m.Text("handover")
	day, hour, minute, ok := weekly(handover)
	if !ok {
		m.Wrong("handover", "%q is none; write it as monday 09:00", tell.Clip(handover, 60))
		return
	}
	// The first handover on or after the day of the start.
	t := s.Start.In(s.Zone)
	ahead := (int(day) - int(t.Weekday()) + 7) % 7
	s.Start = time.Date(t.Year(), t.Month(), t.Day()+ahead, hour, minute, 0, 0, s.Zone)
}

func (p *parser) overrides(m yamlfile.Map, s *Schedule) {
	list := m.List("overrides")
	if len(list) > maxNames {
		m.Wrong("overrides", "there are %d; %d are the most", len(list), maxNames)
		return
	}
	for _, node := range list {
		o, ok := p.yaml.Map(node, m.Field("overrides"), "from", "to", "person")
		if !ok {
			continue
		}
		who := o.Required("person", "who is on call then")
		p.known(o, "person", who)
		from, ok := instant(o.Required("from", "when it begins"), s.Zone)
		to, too := instant(o.Required("to", "when it ends"), s.Zone)
		switch {
		case !o.Has("from") || !o.Has("to"):
			continue
		case !ok:
			o.Wrong("from", "this is no time; write it as 2026-12-24 09:00 or 2026-12-24T09:00:00Z")
			continue
		case !too:
			o.Wrong("to", "this is no time; write it as 2026-12-24 09:00 or 2026-12-24T09:00:00Z")
			continue
		case !from.Before(to):
			o.Wrong("to", "it ends before it begins")
			continue
		}
		for _, other := range s.Overrides {
			if from.Before(other.To) && other.From.Before(to) {
				o.Wrong("from", "it overlaps another, so two people would be on call from %s on", later(from, other.From).In(s.Zone).Format("2006-01-02 15:04"))
			}
		}
		s.Overrides = append(s.Overrides, Override{From: from, To: to, Person: who})
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
