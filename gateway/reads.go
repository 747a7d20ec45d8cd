package gateway

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"vigil/gateway/store"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// Sizes of pages.
const (
	incidentsDefault, incidentsMax = 50, 200
	eventsDefault, eventsMax       = 500, 1000
	deliveriesDefault              = 20
	deliveriesMax                  = 50
)

// allRuns in the place of a run's id asks for the latest run and those that it
// goes on from. Temporal's run ids are UUIDs.
const allRuns = "all"

// IncidentList is one page of incidents, newest first.
type IncidentList struct {
	Incidents  []event.Summary `json:"incidents"`
	NextCursor string          `json:"next_cursor,omitempty"` // absent after the last page
}

// EventList is a stretch of an incident's events, oldest first.
type EventList struct {
	Events []event.Event `json:"events"`
	More   bool          `json:"more"` // ask again with after = the last seq; of all runs: the number of events so far
}

func (a *api) listIncidents(c echo.Context) error {
	q, err := parseIncidentQuery(c.QueryParams())
	if err != nil {
		return err
	}
	list, next, err := a.store.Incidents(c.Request().Context(), q.filter, q.cursor, q.limit)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, IncidentList{Incidents: nonNil(list), NextCursor: next})
}

func (a *api) getIncident(c echo.Context) error {
	view, err := a.store.Incident(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, view)
}

func (a *api) listEvents(c echo.Context) error {
	q := newQuery(c.QueryParams(), "after", "run_id", "limit")
	after := q.number("after", 0, 0, 1<<53)
	limit := q.number("limit", eventsDefault, 1, eventsMax)
	if q.err != nil {
		return q.err
	}
	ctx, id := c.Request().Context(), c.Param("id")
	var list []event.Event
	var more bool
	var err error
	if run := q.text("run_id"); run == allRuns {
		list, more, err = a.store.IncidentStory(ctx, id, int(after), int(limit))
	} else {
		list, more, err = a.store.IncidentEvents(ctx, id, run, after, int(limit))
	}
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, EventList{Events: nonNil(list), More: more})
}

// incidentQuery is the query of a list of incidents.
type incidentQuery struct {
	filter store.Filter
	cursor string
	limit  int
}

func parseIncidentQuery(values url.Values) (incidentQuery, error) {
	q := newQuery(values, "status", "severity", "service", "open", "needs_human", "q", "cursor", "limit")
	out := incidentQuery{
		filter: store.Filter{
			Status:     oneOf(q, "status", incident.Statuses),
			Severity:   oneOf(q, "severity", incident.Severities),
			Service:    q.text("service"),
			Open:       q.flag("open"),
			NeedsHuman: q.flag("needs_human"),
			Text:       q.text("q"),
		},
		cursor: q.text("cursor"),
		limit:  int(q.number("limit", incidentsDefault, 1, incidentsMax)),
	}
	return out, q.err
}

// query reads a query string and keeps the first thing that is wrong with it.
// A parameter that is not known is wrong: ignoring a misspelt filter would
// answer another question than the one that was asked.
type query struct {
	values url.Values
	err    error
}

func newQuery(values url.Values, known ...string) *query {
	q := &query{values: values}
	for name, v := range values {
		switch {
		case !slices.Contains(known, name):
			q.fail("%q is not a parameter here; use %s", name, strings.Join(known, ", "))
		case len(v) > 1:
			q.fail("%s is given %d times; give it once", name, len(v))
		}
	}
	return q
}

func (q *query) fail(format string, args ...any) {
	if q.err == nil {
		q.err = malformed(format, args...)
	}
}

func (q *query) text(name string) string { return q.values.Get(name) }

func (q *query) number(name string, byDefault, least, most int64) int64 {
	s := q.values.Get(name)
	if s == "" {
		return byDefault
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < least || n > most {
		q.fail("%s is %q; use a number from %d to %d", name, s, least, most)
		return byDefault
	}
	return n
}

// moment reads a time; zero where there is none.
func (q *query) moment(name string) time.Time {
	s := q.values.Get(name)
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.Year() < 1970 || t.Year() > 9998 {
		q.fail("%s is %q; use a time such as 2026-11-23T14:02:00Z (RFC 3339)", name, s)
		return time.Time{}
	}
	return t.UTC()
}

func (q *query) flag(name string) *bool {
	switch s := q.values.Get(name); s {
	case "":
	case "true", "false":
		b := s == "true"
		return &b
	default:
		q.fail("%s is %q; use true or false", name, s)
	}
	return nil
}

// oneOf reads a parameter that must be one of a closed set.
func oneOf[T ~string](q *query, name string, set []T) T {
	v := T(q.values.Get(name))
	if v != "" && !slices.Contains(set, v) {
		words := make([]string, len(set))
		for i, s := range set {
			words[i] = string(s)
		}
		q.fail("%s is %q; use one of %s", name, v, strings.Join(words, ", "))
		return ""
	}
	return v
}

// answer sends JSON that no cache may keep.
func answer(c echo.Context, status int, body any) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(status, body)
}

// nonNil makes an empty list of nil, which JSON would show as null.
func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
