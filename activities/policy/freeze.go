package policy

import (
	"cmp"
	"slices"
	"time"

	"vigil/workflows/incident"
)

// maxSpan bounds how far FreezeSpans looks ahead.
const maxSpan = 60 * 24 * time.Hour

// freeze is a time in which changes are not welcome: once, or every week.
type freeze struct {
	name     string
	stop     bool
	from, to time.Time // once

	days       []time.Weekday // every week, on these days
	begin, end int            // minutes after midnight; an end that is not after begin is on the next day
	zone       *time.Location
}

// spans are the stretches of the freeze that overlap from–to, oldest first.
func (f freeze) spans(from, to time.Time) []incident.Span {
	var out []incident.Span
	add := func(a, b time.Time) {
		if a.Before(to) && from.Before(b) {
			out = append(out, incident.Span{Name: f.name, From: a, To: b})
		}
	}
	if len(f.days) == 0 {
		add(f.from, f.to)
		return out
	}
	first := from.In(f.zone)
	// It may have begun on the day before.
	for n := -1; ; n++ {
		day := time.Date(first.Year(), first.Month(), first.Day()+n, 12, 0, 0, 0, f.zone)
		begin := time.Date(day.Year(), day.Month(), day.Day(), 0, f.begin, 0, 0, f.zone)
		if !begin.Before(to) {
			return out
		}
		if !slices.Contains(f.days, day.Weekday()) {
			continue
		}
		later := 0
		if f.end <= f.begin {
			later = 1
		}
		add(begin, time.Date(day.Year(), day.Month(), day.Day()+later, 0, f.end, 0, 0, f.zone))
	}
}

// freezeAt is the freeze that is on, and when it ends: one that stops
// everything before one that does not, then the first of the file.
func (p *Policy) freezeAt(at time.Time) (on freeze, until time.Time) {
	for _, f := range p.freezes {
		spans := f.spans(at, at.Add(1))
		if len(spans) > 0 && (on.name == "" || f.stop && !on.stop) {
			on, until = f, spans[len(spans)-1].To
		}
	}
	return on, until
}

// FreezeSpans are the times between from and to in which nothing may begin,
// whoever agreed: freezes with stop: true. It looks 60 days ahead at most.
func (p *Policy) FreezeSpans(from, to time.Time) []incident.Span {
	if to.Sub(from) > maxSpan {
		to = from.Add(maxSpan)
	}
	var out []incident.Span
	for _, f := range p.freezes {
		if f.stop {
			out = append(out, f.spans(from, to)...)
		}
	}
	slices.SortStableFunc(out, func(a, b incident.Span) int { return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To)) })
	return out
}
