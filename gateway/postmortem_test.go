package gateway_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"vigil/gateway"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

var written = []incident.ReviewLine{
	{Section: "Summary", Text: "Checkout was slow.", Cites: []string{"run-inc-over/1"}},
	{Section: "Cause", Text: "Nobody knows.", Cites: []string{"run-inc-over/2"}},
}

// review has an open incident end with a review, of four events.
func (r *rig) review(id string) {
	r.tb.Helper()
	r.publish(id, 2, &event.IncidentNoted{By: "alice", Text: "hm"})
	r.publish(id, 3, &event.ReviewWritten{Text: "x", Lines: written})
	r.publish(id, 4, &event.IncidentClosed{Status: incident.StatusResolved, Outcome: incident.OutcomeRemediated, Reason: "fixed"})
	r.until(id, 4)
}

// editOf is an edit of the first version that changes its last line to text.
func editOf(text string) gateway.ReviewEditRequest {
	return gateway.ReviewEditRequest{Base: 1, Lines: []incident.ReviewLine{written[0], {Section: "Cause", Text: text, Cites: []string{"run-inc-over/3"}, By: "somebody else"}}}
}

func TestEditReview(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.open("inc-over")
	const path = "/api/v1/incidents/inc-over/review"
	r.expect("before there is one", r.do("PUT", path, editOf("x"), as(incident.RoleResponder)), 404, "has no review yet; it is written when the incident ends")
	r.expect("export before there is one", r.do("GET", path+".md", nil, as(incident.RoleViewer)), 404, "has no review yet")
	r.review("inc-over")

	var made gateway.ReviewEditAccepted
	r.expect("edit", r.do("PUT", path, editOf("It was the pool."), as(incident.RoleResponder)), 202, "").into(t, &made)
	in := r.engine.edits["inc-over-postmortem-2"]
	want := incident.PostmortemInput{Principal: incident.Principal{Name: "a responder", Role: incident.RoleResponder}, RunID: "run-inc-over", Base: 1, Lines: []incident.ReviewLine{
		written[0], {Section: "Cause", Text: "It was the pool.", Cites: []string{"run-inc-over/3"}, By: "a responder"}}}
	if made.Version != 2 || !reflect.DeepEqual(in, want) {
		t.Errorf("started version %d with %+v, want %+v", made.Version, in, want)
	}
	r.expect("the same once more", r.do("PUT", path, editOf("It was the pool."), as(incident.RoleResponder)), 202, "")
	r.expect("another, before the event", r.do("PUT", path, editOf("It was not."), as(incident.RoleResponder)), 409, "a responder edited version 1")
	r.expect("by another", r.do("PUT", path, editOf("It was the pool."), as(incident.RoleApprover)), 409, "a responder edited version 1 of the review before you; yours is not saved")
	next := editOf("x")
	next.Base = 2
	r.expect("of a version that is not here", r.do("PUT", path, next, as(incident.RoleApprover)), 409, "version 2 of the review is not here yet")

	e, err := event.New(&event.ReviewEdited{By: "a responder", Version: 2, Lines: in.Lines}, "inc-over", "run-inc-over", 0, time.Date(2026, 3, 1, 13, 0, 0, 0, time.UTC), incident.Provenance{Origin: incident.OriginLive})
	must(t, err)
	e.ID = "inc-over-postmortem-2"
	must(t, r.stream.PublishEvent(t.Context(), e))
	eventually(t, "the edit", func() bool {
		return strings.Contains(string(r.do("GET", path+".md", nil, as(incident.RoleViewer)).body), "version 2")
	})
	r.expect("after the event, the same", r.do("PUT", path, editOf("It was the pool."), as(incident.RoleResponder)), 202, "")
	r.expect("after the event, another", r.do("PUT", path, editOf("It was not."), as(incident.RoleAdmin)), 409, "a responder edited version 1")
	next.Lines = append(next.Lines, in.Lines[1])
	r.expect("the next version", r.do("PUT", path, next, as(incident.RoleAdmin)), 202, "")
	if got := r.engine.edits["inc-over-postmortem-3"].Lines; got[1].By != "a admin" || got[2].By != "a responder" || got[0].By != "" {
		t.Errorf("the next version is by %+v", got)
	}

	var log gateway.AuditList
	r.expect("audit", r.do("GET", "/api/v1/audit?subject=inc-over", nil, as(incident.RoleViewer)), 200, "").into(t, &log)
	if len(log.Entries) != 2 || log.Entries[1].Principal != "a responder" || log.Entries[1].Action != "review.edited" {
		t.Errorf("audit %+v", log.Entries)
	}
}

func TestEditsThatAreNone(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.open("inc-over")
	r.review("inc-over")
	line := func(change func(*incident.ReviewLine)) gateway.ReviewEditRequest {
		e := editOf("x")
		change(&e.Lines[1])
		return e
	}
	for _, c := range []struct {
		name  string
		body  any
		words string
	}{
		{"no base", gateway.ReviewEditRequest{Lines: written}, "base is 0"},
		{"no lines", gateway.ReviewEditRequest{Base: 1}, "has 0 lines"},
		{"too many lines", gateway.ReviewEditRequest{Base: 1, Lines: make([]incident.ReviewLine, 401)}, "401 lines"},
		{"too long", line(func(l *incident.ReviewLine) { l.Text = strings.Repeat("x", 200_001) }), "200000 are the most"},
		{"no text", line(func(l *incident.ReviewLine) { l.Text = " " }), "text of a line is needed"},
		{"no section", line(func(l *incident.ReviewLine) { l.Section = "" }), "section of a line is needed"},
		{"cites too much", line(func(l *incident.ReviewLine) { l.Cites = make([]string, 51) }), "50 are the most"},
		{"cites what is not there", line(func(l *incident.ReviewLine) { l.Cites = []string{"run-inc-over/9"} }), `cites "run-inc-over/9", which is no event`},
	} {
		r.expect(c.name, r.do("PUT", "/api/v1/incidents/inc-over/review", c.body, as(incident.RoleResponder)), 422, c.words)
	}
	if len(r.engine.edits) != 0 {
		t.Errorf("started %v", r.engine.edits)
	}
	r.engine.down = incident.Errorf(incident.KindUnavailable, "no answer in time")
	r.expect("no Temporal", r.do("PUT", "/api/v1/incidents/inc-over/review", editOf("x"), as(incident.RoleResponder)), 503, "no answer in time")
}

func TestExportReview(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.open("inc-over")
	r.review("inc-over")
	a := r.do("GET", "/api/v1/incidents/inc-over/review.md", nil, as(incident.RoleViewer))
	if a.status != 200 || a.header.Get("Content-Type") != "text/markdown; charset=utf-8" || a.header.Get("Content-Disposition") != "attachment; filename=inc-over-review.md" {
		t.Fatalf("%d %v %s", a.status, a.header, a.body)
	}
	for _, line := range []string{"# Review: Checkout is slow\n", "- Checkout was slow.[^1]\n", "[^1]: 2026-03-01 12:00:01 UTC, incident.opened, number 1 of the timeline, event run-inc-over/1\n"} {
		if !strings.Contains(string(a.body), line) {
			t.Errorf("no %q in\n%s", line, a.body)
		}
	}
}
