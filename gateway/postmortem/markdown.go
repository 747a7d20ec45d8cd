// Package postmortem writes the post-incident review of an incident as
// Markdown: what is known of the incident, the review's sections as headings,
// and behind each line the events that it rests on, as footnotes that say when
// they happened.
//
// Markdown is a pure function of a view and its events. Almost all of its text
// was written by others: alerts, models, people. None of it can become anything
// but text: no link, image, HTML, heading, mention or reference, whichever of
// the usual renderers reads it (GitHub's dialect is the reference). A bare
// domain without a scheme is left as it is. Line ends and runs of white space
// become one space, and what turns the direction of writing is dropped.
package postmortem

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

const stamp = "2006-01-02 15:04:05 UTC"

// Markdown writes the review of v, which must have one. events has those that
// the lines cite, by id; one that is missing is named without a time.
func Markdown(v event.View, events map[string]event.Event) []byte {
	w := &writer{events: events, number: map[string]int{}}
	w.line("# Review: %s", Escape(v.Title))
	w.line("")
	w.about(v)
	for _, section := range sections(v.ReviewLines) {
		w.line("")
		w.line("## %s", Escape(section))
		w.line("")
		for _, l := range v.ReviewLines {
			if l.Section == section {
				w.review(l)
			}
		}
	}
	if len(w.cited) > 0 {
		w.line("")
		w.line("## Events")
		w.line("")
		for i, id := range w.cited {
			w.line("[^%d]: %s", i+1, w.event(id))
		}
	}
	return []byte(w.String())
}

// sections lists the sections in the order in which they first come.
func sections(lines []incident.ReviewLine) []string {
	var list []string
	for _, l := range lines {
		if !slices.Contains(list, l.Section) {
			list = append(list, l.Section)
		}
	}
	return list
}

type writer struct {
	strings.Builder
	events map[string]event.Event
	number map[string]int // of a cited event, from 1
	cited  []string
}

func (w *writer) line(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }

func (w *writer) fact(name, value string) {
	if value != "" {
		w.line("- **%s:** %s", name, value)
	}
}

// origins say how far the incident was real. One that was not comes first, and
// cannot be overlooked.
var origins = map[incident.Origin]string{
	incident.OriginLive:      "live",
	incident.OriginRecorded:  "**RECORDED**: what it rests on was played back",
	incident.OriginSimulated: "**SIMULATED**: what it rests on, or part of it, was made up by a sandbox; none of it happened to a real system",
}

func (w *writer) about(v event.View) {
	origin, known := origins[v.Origin]
	if !known {
		origin = "not known"
	}
	if v.Origin != incident.OriginLive {
		w.line("> %s", origin)
		w.line("")
	}
	w.fact("Incident", Escape(v.IncidentID))
	w.fact("Service", Escape(v.Service))
	w.fact("Severity", Escape(string(v.Severity)))
	w.fact("Began", when(v.StartedAt))
	w.fact("Opened", when(v.OpenedAt))
	if v.AcknowledgedBy != "" {
		w.fact("Acknowledged", when(v.AcknowledgedAt)+" by "+Escape(v.AcknowledgedBy))
	}
	if !v.ClosedAt.IsZero() {
		w.fact("Closed", when(v.ClosedAt)+", open for "+v.ClosedAt.Sub(v.OpenedAt).Round(time.Second).String())
	} else {
		w.fact("Status", Escape(words(string(v.Status))))
	}
	outcome := Escape(words(string(v.Outcome)))
	if outcome != "" && v.StatusReason != "" {
		outcome += ": " + Escape(v.StatusReason)
	}
	w.fact("Outcome", outcome)
	if v.Cause != "" {
		cause := Escape(words(string(v.Cause)))
		if v.CauseService != "" {
			cause += " of " + Escape(v.CauseService)
		}
		w.fact("Cause", cause+" ("+Escape(words(string(v.Verdict)))+")")
	}
	w.fact("Origin", origin)
	w.fact("Review", edited(v))
}

// edited says which version this is, and who has a part in it.
func edited(v event.View) string {
	var people []string
	for _, l := range v.ReviewLines {
		if p := Escape(l.By); l.By != "" && !slices.Contains(people, p) {
			people = append(people, p)
		}
	}
	version := fmt.Sprintf("version %d", v.ReviewVer)
	switch {
	case len(people) > 0:
		return version + ", written from the events by Vigil and edited by " + strings.Join(people, ", ")
	case v.ReviewVer > 1:
		return version + ", written from the events by Vigil; people took lines out"
	}
	return version + ", written from the events by Vigil"
}

func when(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(stamp)
}

func words(s string) string { return strings.ReplaceAll(s, "_", " ") }

func (w *writer) review(l incident.ReviewLine) {
	text := Escape(l.Text)
	if l.By != "" {
		text += " — " + Escape(l.By)
	}
	for _, id := range l.Cites {
		if w.number[id] == 0 {
			w.cited = append(w.cited, id)
			w.number[id] = len(w.cited)
		}
		text += fmt.Sprintf("[^%d]", w.number[id])
	}
	w.line("- %s", text)
}

// event says what a footnote refers to.
func (w *writer) event(id string) string {
	e, ok := w.events[id]
	if !ok {
		return "event " + Escape(id) + ", which is not in the timeline any more"
	}
	what := Escape(string(e.Type))
	if e.Seq > 0 {
		what += fmt.Sprintf(", number %d of the timeline", e.Seq)
	}
	if e.Provenance.Origin != incident.OriginLive {
		what += ", " + Escape(string(e.Provenance.Origin))
	}
	return e.At.UTC().Format(stamp) + ", " + what + ", event " + Escape(id)
}
