package gateway

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"vigil/gateway/analytics"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// FiguresList is one page of what incidents add to the business metrics,
// newest first.
type FiguresList struct {
	Incidents  []event.IncidentFigures `json:"incidents"`
	NextCursor string                  `json:"next_cursor,omitempty"` // absent after the last page
}

// DefinitionList says what every figure is.
type DefinitionList struct {
	Definitions []event.Definition `json:"definitions"`
}

const mediaCSV = "text/csv"

func (a *api) analyticsRoutes() []route {
	rangeParams := []param{{"from", "only incidents that opened at this time (RFC 3339) or later", time.Time{}}, {"to", "only incidents that opened before this time", time.Time{}},
		{"origin", "only of this origin; default those that are live or, where there are none, simulated", incident.Origin("")},
		{"service", "only this service's", ""}, {"severity", "only these", incident.Severity("")}}
	with := func(more ...param) []param { return append(slices.Clone(rangeParams), more...) }
	problems := []int{http.StatusBadRequest, http.StatusServiceUnavailable}
	return []route{
		{method: http.MethodGet, path: "/api/v1/events/:id", need: incident.RoleViewer, handle: a.getEvent,
			id: "getEvent", tag: "events", summary: "Read one event by its id, run_id/seq, with the slash percent-encoded",
			status: http.StatusOK, result: event.Event{}, problems: []int{http.StatusNotFound, http.StatusServiceUnavailable}},
		{method: http.MethodGet, path: "/api/v1/analytics/summary", need: incident.RoleViewer, handle: a.businessSummary,
			id: "businessSummary", tag: "analytics", summary: "Compute the business metrics of a range of time",
			params: rangeParams, status: http.StatusOK, result: event.BusinessMetrics{}, problems: problems},
		{method: http.MethodGet, path: "/api/v1/analytics/series", need: incident.RoleViewer, handle: a.businessSeries,
			id: "businessSeries", tag: "analytics", summary: "Compute the business metrics by day, week or month, in UTC",
			params: with(param{"bucket", "day, week or month; default day", ""}), status: http.StatusOK, result: event.BusinessSeries{}, problems: problems},
		{method: http.MethodGet, path: "/api/v1/analytics/incidents", need: incident.RoleViewer, handle: a.listFigures,
			id: "listFigures", tag: "analytics", summary: "List what incidents add to the business metrics, newest first; as CSV, all of them",
			params: with(param{"cursor", "next_cursor of the page before", ""}, param{"limit", "1 to 200; default 50", 0}, param{"format", "json or csv; default what Accept asks for", ""}),
			status: http.StatusOK, result: FiguresList{}, media: mediaCSV, problems: append(problems, http.StatusUnprocessableEntity)},
		{method: http.MethodGet, path: "/api/v1/analytics/incidents/:id", need: incident.RoleViewer, handle: a.getFigures,
			id: "getFigures", tag: "analytics", summary: "Read what one incident adds to the business metrics",
			status: http.StatusOK, result: event.IncidentFigures{}, problems: []int{http.StatusNotFound, http.StatusServiceUnavailable}},
		{method: http.MethodGet, path: "/api/v1/analytics/definitions", need: incident.RoleViewer, handle: a.definitions,
			id: "businessDefinitions", tag: "analytics", summary: "Say what every figure of the business metrics is", status: http.StatusOK, result: DefinitionList{}},
	}
}

// getEvent takes the id as one path segment, in which its slash is encoded.
func (a *api) getEvent(c echo.Context) error {
	id, err := url.PathUnescape(c.Param("id"))
	if err != nil {
		return malformed("%q is no event id; write it as run_id/seq, with the slash as %%2F", c.Param("id"))
	}
	e, err := a.store.Event(c.Request().Context(), id)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, e)
}

func (a *api) businessSummary(c echo.Context) error {
	q := newQuery(c.QueryParams(), "from", "to", "origin", "service", "severity")
	asked := parseQuestion(q)
	if q.err != nil {
		return q.err
	}
	m, err := a.business.summary(c.Request().Context(), asked)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, m)
}

func (a *api) businessSeries(c echo.Context) error {
	q := newQuery(c.QueryParams(), "bucket", "from", "to", "origin", "service", "severity")
	asked, bucket := parseQuestion(q), oneOf(q, "bucket", analytics.Buckets)
	if q.err != nil {
		return q.err
	}
	if bucket == "" {
		bucket = analytics.Day
	}
	s, err := a.business.series(c.Request().Context(), asked, bucket)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, s)
}

func (a *api) listFigures(c echo.Context) error {
	q := newQuery(c.QueryParams(), "from", "to", "origin", "service", "severity", "cursor", "limit", "format")
	asked, cursor := parseQuestion(q), q.text("cursor")
	limit := int(q.number("limit", incidentsDefault, 1, incidentsMax))
	format := oneOf(q, "format", []string{"json", "csv"})
	if q.err != nil {
		return q.err
	}
	table := format == "csv" || format == "" && wantsCSV(c.Request().Header.Get(echo.HeaderAccept))
	if table {
		cursor, limit = "", 0
	}
	filter := asked.filter()
	filter.Origin = asked.origin
	list, next, err := a.store.Figures(c.Request().Context(), filter, cursor, limit)
	if err != nil {
		return err
	}
	rates := a.business.price()
	for i := range list {
		list[i] = rates.Price(list[i])
	}
	if table {
		return answerCSV(c, rates.Currency, list)
	}
	return answer(c, http.StatusOK, FiguresList{Incidents: nonNil(list), NextCursor: next})
}

func (a *api) getFigures(c echo.Context) error {
	f, err := a.store.IncidentFigures(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, a.business.price().Price(f))
}

func (a *api) definitions(c echo.Context) error {
	return answer(c, http.StatusOK, DefinitionList{Definitions: analytics.Definitions()})
}

func parseQuestion(q *query) question {
	asked := question{from: q.moment("from"), to: q.moment("to"), origin: oneOf(q, "origin", incident.Origins),
		service: q.text("service"), severity: oneOf(q, "severity", incident.Severities)}
	if !asked.from.IsZero() && !asked.to.IsZero() && !asked.from.Before(asked.to) {
		q.fail("from is %s and to is %s; from must be before to", q.text("from"), q.text("to"))
	}
	return asked
}

// wantsCSV reports whether CSV is asked for and JSON is not.
func wantsCSV(accept string) bool {
	return strings.Contains(accept, mediaCSV) && !strings.Contains(accept, mediaJSON)
}

// column is one column of the CSV.
type column struct {
	name string
	cell func(event.IncidentFigures) string
}

// columns are the fields of the figures, under the names that they have in JSON.
func columns(currency string) []column {
	list := []column{
		{"incident_id", func(f event.IncidentFigures) string { return plain(f.IncidentID) }},
		{"run_id", func(f event.IncidentFigures) string { return plain(f.RunID) }},
		{"title", func(f event.IncidentFigures) string { return plain(f.Title) }},
		{"service", func(f event.IncidentFigures) string { return plain(f.Service) }},
		{"severity", func(f event.IncidentFigures) string { return string(f.Severity) }},
		{"status", func(f event.IncidentFigures) string { return string(f.Status) }},
		{"outcome", func(f event.IncidentFigures) string { return string(f.Outcome) }},
		{"origin", func(f event.IncidentFigures) string { return string(f.Origin) }},
		{"started_at", func(f event.IncidentFigures) string { return moment(f.StartedAt) }},
		{"opened_at", func(f event.IncidentFigures) string { return moment(f.OpenedAt) }},
		{"acknowledged_at", func(f event.IncidentFigures) string { return moment(f.AcknowledgedAt) }},
		{"closed_at", func(f event.IncidentFigures) string { return moment(f.ClosedAt) }},
		{"detect_seconds", func(f event.IncidentFigures) string { return decimal(f.DetectSeconds) }},
		{"acknowledge_seconds", func(f event.IncidentFigures) string { return decimal(f.AcknowledgeSeconds) }},
		{"resolve_seconds", func(f event.IncidentFigures) string { return decimal(f.ResolveSeconds) }},
	}
	for _, p := range incident.Phases {
		list = append(list, column{"phase_seconds_" + string(p), func(f event.IncidentFigures) string {
			if s, ok := f.PhaseSeconds[string(p)]; ok {
				return decimal(&s)
			}
			return ""
		}})
	}
	return append(list,
		column{"acted", func(f event.IncidentFigures) string { return strconv.FormatBool(f.Acted) }},
		column{"helped", func(f event.IncidentFigures) string { return strconv.FormatBool(f.Helped) }},
		column{"autonomous", func(f event.IncidentFigures) string { return strconv.FormatBool(f.Autonomous) }},
		column{"prevented", func(f event.IncidentFigures) string { return strconv.FormatBool(f.Prevented) }},
		column{"cause_correct", func(f event.IncidentFigures) string {
			if f.CauseCorrect == nil {
				return ""
			}
			return strconv.FormatBool(*f.CauseCorrect)
		}},
		column{"ai_cost_usd_micros", func(f event.IncidentFigures) string { return whole(&f.AICostMicros) }},
		column{"ai_calls_unknown_price", func(f event.IncidentFigures) string { return strconv.Itoa(f.AICallsUnknownPrice) }},
		column{"tier", func(f event.IncidentFigures) string { return plain(f.Tier) }},
		column{"affected_users", func(f event.IncidentFigures) string { return whole(f.AffectedUsers) }},
		column{"currency", func(event.IncidentFigures) string { return currency }},
		column{"downtime_seconds", func(f event.IncidentFigures) string { return decimal(f.DowntimeSeconds) }},
		column{"downtime_micros", func(f event.IncidentFigures) string { return whole(f.DowntimeMicros) }},
		column{"baseline_seconds", func(f event.IncidentFigures) string { return decimal(f.BaselineSeconds) }},
		column{"saved_micros", func(f event.IncidentFigures) string { return whole(f.SavedMicros) }},
	)
}

// answerCSV sends a table as RFC 4180 has it.
func answerCSV(c echo.Context, currency string, list []event.IncidentFigures) error {
	h := c.Response().Header()
	h.Set("Cache-Control", "no-store")
	h.Set(echo.HeaderContentType, mediaCSV+"; charset=utf-8; header=present")
	h.Set(echo.HeaderContentDisposition, `attachment; filename="incidents.csv"`)
	c.Response().WriteHeader(http.StatusOK)
	w := csv.NewWriter(c.Response())
	w.UseCRLF = true
	all := columns(currency)
	row := make([]string, len(all))
	for i, col := range all {
		row[i] = col.name
	}
	if err := w.Write(row); err != nil {
		return err
	}
	for _, f := range list {
		for i, col := range all {
			row[i] = col.cell(f)
		}
		if err := w.Write(row); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// plain keeps a spreadsheet from reading somebody's text as a formula, which
// begins with one of these.
func plain(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n", rune(s[0])) {
		return "'" + s
	}
	return s
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func decimal(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'f', -1, 64)
}

func whole(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}
