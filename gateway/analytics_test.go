package gateway_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"vigil/gateway"
	"vigil/gateway/store"
	"vigil/gateway/store/sqlite"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// handled has an incident open, and be resolved so many seconds later.
func (r *rig) handled(id string, o incident.Outcome, notes int) {
	r.tb.Helper()
	r.open(id)
	for n := range notes {
		r.publish(id, int64(n+2), &event.IncidentNoted{By: "alice", Text: "x"})
	}
	r.publish(id, int64(notes+2), &event.IncidentClosed{Status: incident.StatusResolved, Outcome: o, Reason: "x"})
	eventually(r.tb, id+" to be closed", func() bool { return r.figures(id).Status.Terminal() })
}

func (r *rig) figures(id string) (f event.IncidentFigures) {
	r.tb.Helper()
	r.expect("figures of "+id, r.do("GET", "/api/v1/analytics/incidents/"+id, nil, as(incident.RoleViewer)), 200, "").into(r.tb, &f)
	return f
}

func (r *rig) summary(query string) (m event.BusinessMetrics) {
	r.tb.Helper()
	r.expect("summary", r.do("GET", "/api/v1/analytics/summary"+query, nil, as(incident.RoleViewer)), 200, "").into(r.tb, &m)
	return m
}

func withRates(content string) func(*setup) {
	return func(s *setup) {
		s.cfg.BusinessFile = filepath.Join(s.cfg.DataDir, "business.yaml")
		if err := os.WriteFile(s.cfg.BusinessFile, []byte(content), 0o600); err != nil {
			panic(err)
		}
	}
}

func TestAnalytics(t *testing.T) {
	t.Parallel()
	r := start(t, withRates(someRates))
	r.handled("inc-1", incident.OutcomeRemediated, 57) // opened at :01, closed at :59; the trouble began at :00
	r.handled("inc-2", incident.OutcomeRecovered, 0)
	r.open("inc-3")
	m := r.summary("")
	if m.Open != 1 || m.Closed != 2 || m.Remediated != 1 || m.MTTR.N != 2 || m.Origin != incident.OriginLive || m.Downtime.N != 2 || m.Savings.N != 1 {
		t.Errorf("summary: %+v", m)
	}
	// A minute costs 100 + 0.02 × 40000 = 900; 59 of its seconds 885.
	f := r.figures("inc-1")
	if *f.DowntimeSeconds != 59 || *f.DowntimeMicros != 885_000_000 || *f.SavedMicros != 47*900_000_000-885_000_000 || f.Tier != "tier_1" || *f.ResolveSeconds != 58 {
		t.Errorf("figures: %+v", f)
	}
	if m := r.summary("?from=2026-03-01T12:00:02Z"); m.Closed != 0 || !m.From.Equal(time.Date(2026, 3, 1, 12, 0, 2, 0, time.UTC)) {
		t.Errorf("after all have opened: %+v", m)
	}
	if m := r.summary("?to=2026-03-01T14:00:02%2B01:00&service=checkout&severity=high"); m.Closed != 2 {
		t.Errorf("with everything asked for: %+v", m)
	}
	for _, query := range []string{"?service=search", "?severity=low", "?origin=simulated"} {
		if m := r.summary(query); m.Open+m.Closed != 0 {
			t.Errorf("%s: %+v", query, m)
		}
	}
	var s event.BusinessSeries
	r.expect("series", r.do("GET", "/api/v1/analytics/series?bucket=month&from=2026-02-01T00:00:00Z&to=2026-05-01T00:00:00Z", nil, as(incident.RoleViewer)), 200, "").into(t, &s)
	if len(s.Points) != 3 || s.Points[1].Opened != 3 || *s.Points[1].DowntimeMicros != m.Downtime.TotalMicros || s.Currency != "EUR" {
		t.Errorf("series: %+v", s)
	}
	var d gateway.DefinitionList
	r.expect("definitions", r.do("GET", "/api/v1/analytics/definitions", nil, as(incident.RoleViewer)), 200, "").into(t, &d)
	if len(d.Definitions) == 0 {
		t.Error("no figure is defined")
	}
}

func TestAnalyticsPages(t *testing.T) {
	t.Parallel()
	r := start(t)
	for i := range 5 {
		r.open(fmt.Sprint("inc-", i))
	}
	var got []string
	for cursor := ""; ; {
		var page gateway.FiguresList
		r.expect("page", r.do("GET", "/api/v1/analytics/incidents?limit=2&cursor="+cursor, nil, as(incident.RoleViewer)), 200, "").into(t, &page)
		for _, f := range page.Incidents {
			got = append(got, f.IncidentID)
		}
		if cursor = page.NextCursor; cursor == "" {
			break
		}
	}
	if want := []string{"inc-4", "inc-3", "inc-2", "inc-1", "inc-0"}; !reflect.DeepEqual(got, want) {
		t.Errorf("pages gave %v", got)
	}
}

func TestAnalyticsCSV(t *testing.T) {
	t.Parallel()
	r := start(t, withRates(someRates))
	title := "=HYPERLINK(\"http://x\"),\r\n\"quoted\""
	r.publish("inc-1", 1, &event.IncidentOpened{Title: title, Service: "@checkout", Severity: incident.SeverityHigh, StartedAt: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)})
	r.handled("inc-2", incident.OutcomeRemediated, 0)
	byQuery := r.expect("csv", r.do("GET", "/api/v1/analytics/incidents?format=csv&limit=1", nil, as(incident.RoleViewer)), 200, "")
	byAccept := r.expect("csv", r.do("GET", "/api/v1/analytics/incidents", nil, as(incident.RoleViewer), header("Accept", "text/csv")), 200, "")
	if string(byQuery.body) != string(byAccept.body) {
		t.Error("asked for in two ways, it differs")
	}
	if kind := byQuery.header.Get("Content-Type"); !strings.HasPrefix(kind, "text/csv") || !strings.Contains(byQuery.header.Get("Content-Disposition"), "incidents.csv") {
		t.Errorf("it is %s, %s", kind, byQuery.header.Get("Content-Disposition"))
	}
	rows, err := csv.NewReader(strings.NewReader(string(byQuery.body))).ReadAll()
	must(t, err)
	if len(rows) != 3 || !strings.Contains(string(byQuery.body), "\r\n") {
		t.Fatalf("%d rows: %s", len(rows), byQuery.body)
	}
	cell := func(row int, name string) string {
		for i, col := range rows[0] {
			if col == name {
				return rows[row][i]
			}
		}
		t.Errorf("there is no column %s in %v", name, rows[0])
		return ""
	}
	one, two := 2, 1 // newest first; of the same moment by id
	if cell(one, "incident_id") != "inc-1" {
		one, two = two, one
	}
	if have := cell(one, "title"); !strings.HasPrefix(have, "'=HYPERLINK") || cell(one, "service") != "'@checkout" || cell(one, "closed_at") != "" || cell(one, "downtime_micros") != "" {
		t.Errorf("the first is %q", rows[one])
	}
	if cell(two, "downtime_seconds") != "2" || cell(two, "currency") != "EUR" || cell(two, "saved_micros") != fmt.Sprint(47*900_000_000-30_000_000) || cell(two, "cause_correct") != "" {
		t.Errorf("the second is %q", rows[two])
	}
	if a := r.do("GET", "/api/v1/analytics/incidents", nil, as(incident.RoleViewer), header("Accept", "application/json, text/csv")); !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") {
		t.Errorf("asked for both, it is %s", a.header.Get("Content-Type"))
	}
}

func TestAnalyticsQueriesThatAreWrong(t *testing.T) {
	t.Parallel()
	r := start(t)
	for path, want := range map[string]string{
		"summary?from=yesterday":                                    "RFC 3339",
		"summary?from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z": "from must be before to",
		"summary?to=0001-01-01T00:00:00Z":                           "RFC 3339",
		"summary?origin=made-up":                                    "use one of",
		"summary?severity=awful":                                    "use one of",
		"summary?since=2026-03-01":                                  "not a parameter here",
		"summary?service=a&service=b":                               "give it once",
		"series?bucket=hour":                                        "use one of day, week, month",
		"series?from=2000-01-01T00:00:00Z&to=2026-03-01T00:00:00Z":  "more than 1000 days",
		"incidents?limit=0":                                         "use a number",
		"incidents?format=xml":                                      "use one of json, csv",
	} {
		r.expect(path, r.do("GET", "/api/v1/analytics/"+path, nil, as(incident.RoleViewer)), http.StatusBadRequest, want)
	}
	r.expect("cursor", r.do("GET", "/api/v1/analytics/incidents?cursor=x", nil, as(incident.RoleViewer)), http.StatusUnprocessableEntity, "page cursor")
	r.expect("none", r.do("GET", "/api/v1/analytics/incidents/none", nil, as(incident.RoleViewer)), http.StatusNotFound, "does not exist")
}

func TestEventByID(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.open("inc-1")
	var e event.Event
	r.expect("event", r.do("GET", "/api/v1/events/run-inc-1%2F1", nil, as(incident.RoleViewer)), 200, "").into(t, &e)
	if e.ID != "run-inc-1/1" || e.Type != event.TypeIncidentOpened || e.Offset == 0 || len(e.Data) == 0 {
		t.Errorf("%+v", e)
	}
	r.expect("none", r.do("GET", "/api/v1/events/run-inc-1%2F2", nil, as(incident.RoleViewer)), http.StatusNotFound, "run-inc-1/2")
}

// counting counts how often figures are read.
type counting struct {
	store.Business
	reads int
}

func (c *counting) Figures(ctx context.Context, f store.FiguresFilter, cursor string, limit int) ([]event.IncidentFigures, string, error) {
	c.reads++
	return c.Business.Figures(ctx, f, cursor, limit)
}

// What nothing has happened to is not computed again.
func TestBusinessIsComputedOnce(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	c := &counting{Business: s}
	b := gateway.NewBusiness(c)
	for _, want := range []int{1, 1} {
		_, err := b.Summary(t.Context())
		must(t, err)
		if c.reads != want {
			t.Errorf("read %d times, want %d", c.reads, want)
		}
	}
	closedLongAgo(t, s, "inc-1")
	m, err := b.Summary(t.Context())
	if must(t, err); c.reads != 2 || m.Closed != 1 {
		t.Errorf("read %d times, %d incidents", c.reads, m.Closed)
	}
	must(t, gateway.NewHousekeeping(s, 24*time.Hour, func() time.Time { return longAgo.Add(25 * time.Hour) })(t.Context()))
	if m, err := b.Summary(t.Context()); err != nil || m.Closed != 0 {
		t.Errorf("after it was forgotten, %d incidents, %v", m.Closed, err)
	}
}

var longAgo = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newStore(t *testing.T) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"))
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func closedLongAgo(t *testing.T, s *sqlite.Store, id string) {
	t.Helper()
	var list []event.Event
	for i, d := range []event.Data{&event.IncidentOpened{Title: "x", Service: "checkout"}, &event.IncidentClosed{Status: incident.StatusResolved, Outcome: incident.OutcomeRecovered}} {
		e, err := event.New(d, id, "run-"+id, int64(i+1), longAgo, incident.Provenance{Origin: incident.OriginLive})
		must(t, err)
		e.Offset = uint64(i + 1)
		list = append(list, e)
	}
	_, _, err := s.Apply(t.Context(), "e", nil, list)
	must(t, err)
}

// By default nothing is forgotten; what is kept for a time goes when it is over.
func TestKeepIncidents(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		keep, age time.Duration
		want      bool
	}{"for ever": {0, 100 * 365 * 24 * time.Hour, true}, "not yet": {48 * time.Hour, 48 * time.Hour, true}, "over": {48 * time.Hour, 48*time.Hour + time.Second, false}} {
		s := newStore(t)
		closedLongAgo(t, s, "inc-1")
		must(t, gateway.NewHousekeeping(s, c.keep, func() time.Time { return longAgo.Add(c.age) })(t.Context()))
		if _, err := s.Incident(t.Context(), "inc-1"); (err == nil) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	cfg := gateway.DefaultConfig()
	cfg.DevPrincipal, cfg.KeepIncidents = true, time.Hour
	if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "--keep-incidents") {
		t.Errorf("an hour: %v", err)
	}
}
