package gateway

import (
	"context"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"vigil/gateway/postmortem"
	"vigil/gateway/store"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// Limits of a review; those of the workflow that keeps an edit.
const (
	maxReviewLines = 400
	maxReviewText  = 200_000 // bytes, all lines together
	maxCites       = 50      // of one line

	mediaMarkdown = "text/markdown; charset=utf-8"
)

// ReviewEditRequest replaces the lines of an incident's review. Base is the
// version that was edited. Who wrote a line is found out: by is ignored.
type ReviewEditRequest struct {
	Base  int                   `json:"base"`
	Lines []incident.ReviewLine `json:"lines"`
}

func (r *ReviewEditRequest) validate() error {
	if r.Base < 1 {
		return incident.Errorf(incident.KindInvalid, "base is %d; give the version of the review that you edited, from 1", r.Base)
	}
	if len(r.Lines) == 0 || len(r.Lines) > maxReviewLines {
		return incident.Errorf(incident.KindInvalid, "the review has %d lines; 1 to %d are possible", len(r.Lines), maxReviewLines)
	}
	size := 0
	for _, l := range r.Lines {
		size += len(l.Text) + len(l.Section)
		if err := join(needed("the section of a line", l.Section), atMost("the section of a line", l.Section, maxWord), needed("the text of a line", l.Text)); err != nil {
			return err
		}
		if len(l.Cites) > maxCites {
			return incident.Errorf(incident.KindInvalid, "a line cites %d events; %d are the most", len(l.Cites), maxCites)
		}
	}
	if size > maxReviewText {
		return incident.Errorf(incident.KindInvalid, "the review has %d bytes; %d are the most", size, maxReviewText)
	}
	return nil
}

// ReviewEditAccepted names the version that the edit makes. It comes as an event.
type ReviewEditAccepted struct {
	Version int `json:"version"`
}

// reviewed is the incident with its review, which must have been written.
func (a *api) reviewed(ctx context.Context, id string) (event.View, error) {
	v, err := a.store.Incident(ctx, id)
	if err == nil && v.ReviewVer == 0 {
		err = incident.Errorf(incident.KindNotFound, "incident %s has no review yet; it is written when the incident ends", id)
	}
	return v, err
}

// editReview starts a workflow of its own, because people write reviews when
// the incident's is over. Its id is the version that was edited, so that of two
// who edit the same one only one is taken.
func (a *api) editReview(ctx context.Context, c call, r ReviewEditRequest) (outcome, error) {
	v, err := a.reviewed(ctx, c.incidentID)
	if err != nil {
		return outcome{}, err
	}
	if r.Base > v.ReviewVer {
		return outcome{}, incident.Errorf(incident.KindConflict, "version %d of the review is not here yet; the latest is %d", r.Base, v.ReviewVer)
	}
	accepted := outcome{status: http.StatusAccepted, body: ReviewEditAccepted{Version: r.Base + 1}}
	if r.Base < v.ReviewVer {
		by, lines, err := a.editOf(ctx, v, r.Base)
		switch {
		case err != nil:
			return outcome{}, err
		case by == c.who.Name && sameLines(lines, r.Lines):
			return accepted, nil // the answer to it was lost
		}
		return outcome{}, overtaken(r.Base, by)
	}
	in := incident.PostmortemInput{Principal: c.who.Principal, RunID: v.RunID, Base: r.Base, Lines: signed(v.ReviewLines, r.Lines, c.who.Name)}
	if err := a.citable(ctx, v, in.Lines); err != nil {
		return outcome{}, err
	}
	before, err := a.engine.Postmortem(ctx, incident.PostmortemID(c.incidentID, r.Base), in)
	switch {
	case err != nil:
		return outcome{}, err
	case before == nil:
		a.record(ctx, c, store.AuditReviewEdited, c.incidentID, "", map[string]int{"base": r.Base, "lines": len(in.Lines)})
	case before.Principal.Name != c.who.Name || !sameLines(before.Lines, r.Lines):
		return outcome{}, overtaken(r.Base, before.Principal.Name)
	}
	return accepted, nil
}

func overtaken(base int, by string) error {
	return incident.Errorf(incident.KindConflict, "%s edited version %d of the review before you; yours is not saved. Look at version %d, and edit that", orSomebody(by), base, base+1)
}

// sameLines compares but for who wrote them.
func sameLines(a, b []incident.ReviewLine) bool {
	return slices.EqualFunc(a, b, func(a, b incident.ReviewLine) bool {
		return a.Section == b.Section && a.Text == b.Text && slices.Equal(a.Cites, b.Cites)
	})
}

// signed is the lines with who wrote them: a line that was there stays whose it
// was, every other one is the editor's.
func signed(before, lines []incident.ReviewLine, editor string) []incident.ReviewLine {
	out := slices.Clone(lines)
	for i := range out {
		out[i].By = editor
		for _, old := range before {
			if sameLines([]incident.ReviewLine{old}, out[i:i+1]) {
				out[i].By = old.By
				break
			}
		}
	}
	return out
}

// citable refuses lines that cite what is no event of the incident.
func (a *api) citable(ctx context.Context, v event.View, lines []incident.ReviewLine) error {
	known := cited(v.ReviewLines)
	asked := cited(lines)
	for id := range known {
		delete(asked, id)
	}
	found, err := a.events(ctx, v.IncidentID, asked)
	if err != nil {
		return err
	}
	for id := range asked {
		if _, ok := found[id]; !ok {
			return incident.Errorf(incident.KindInvalid, "a line cites %q, which is no event of incident %s", clip(id, maxWord), v.IncidentID)
		}
	}
	return nil
}

func cited(lines []incident.ReviewLine) map[string]bool {
	ids := map[string]bool{}
	for _, l := range lines {
		for _, id := range l.Cites {
			ids[id] = true
		}
	}
	return ids
}

// events finds events of an incident by their ids.
func (a *api) events(ctx context.Context, id string, ids map[string]bool) (map[string]event.Event, error) {
	found := map[string]event.Event{}
	for after := 0; len(found) < len(ids); {
		page, more, err := a.store.IncidentStory(ctx, id, after, eventsMax)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			if ids[e.ID] {
				found[e.ID] = e
			}
		}
		if after += len(page); !more || len(page) == 0 {
			break
		}
	}
	return found, nil
}

// editOf is who edited a version of the review, and to what; by is "" where
// that is not known any more.
func (a *api) editOf(ctx context.Context, v event.View, base int) (by string, lines []incident.ReviewLine, err error) {
	id := incident.PostmortemID(v.IncidentID, base) // which is the event's id too
	found, err := a.events(ctx, v.IncidentID, map[string]bool{id: true})
	if err != nil {
		return "", nil, err
	}
	if e, ok := found[id]; ok {
		if data, err := e.Decode(); err == nil {
			if edit, ok := data.(*event.ReviewEdited); ok {
				return edit.By, edit.Lines, nil
			}
		}
	}
	return "", nil, nil
}

// exportReview writes the review as a file.
func (a *api) exportReview(c echo.Context) error {
	ctx := c.Request().Context()
	v, err := a.reviewed(ctx, pathID(c))
	if err != nil {
		return err
	}
	events, err := a.events(ctx, v.IncidentID, cited(v.ReviewLines))
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set("Cache-Control", "no-store")
	name := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, v.IncidentID)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name + "-review.md"}))
	return c.Blob(http.StatusOK, mediaMarkdown, postmortem.Markdown(v, events))
}

func (a *api) postmortemRoutes() []route {
	edit := asCommand(route{path: "/:id/review", need: incident.RoleResponder, handle: change(a, a.editReview), id: "editReview",
		summary: "Edit the post-incident review", body: ReviewEditRequest{}, status: http.StatusAccepted, result: ReviewEditAccepted{}}, "/api/v1/incidents", "incidents")
	edit.method = http.MethodPut
	return []route{edit,
		{method: http.MethodGet, path: "/api/v1/incidents/:id/review.md", need: incident.RoleViewer, handle: a.exportReview, id: "exportReview", tag: "incidents",
			summary: "Read the post-incident review as Markdown", status: http.StatusOK, media: "text/markdown",
			problems: []int{http.StatusNotFound, http.StatusServiceUnavailable}},
	}
}
