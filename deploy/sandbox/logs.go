package sandbox

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"vigil/deploy/sandbox/world"
)

var logsOperations = []operation{
	{"logs", "StartQuery", awsJSON, "Logs_20140328.StartQuery", (*Server).startQuery},
	{"logs", "GetQueryResults", awsJSON, "Logs_20140328.GetQueryResults", (*Server).getQueryResults},
}

type resultField struct {
	Field string `json:"field"`
	Value string `json:"value"`
}

// query is one Insights query with its result, which it has from the start and
// shows when its time is up.
type query struct {
	doneAt  time.Time
	rows    [][]resultField
	scanned int
	bytes   int
	matched int
}

// queryTable keeps the latest queries.
type queryTable struct {
	mu    sync.Mutex
	byID  map[string]*query
	order []string
}

const maxQueries = 256

func newQueryTable() *queryTable { return &queryTable{byID: map[string]*query{}} }

func (t *queryTable) add(q *query) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	id := uuid.NewString()
	t.byID[id] = q
	if t.order = append(t.order, id); len(t.order) > maxQueries {
		delete(t.byID, t.order[0])
		t.order = t.order[1:]
	}
	return id
}

func (t *queryTable) get(id string) *query {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byID[id]
}

func (t *queryTable) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.byID, t.order = map[string]*query{}, nil
}

func (s *Server) startQuery(x *exchange) (any, error) {
	var in struct {
		LogGroupName        string   `json:"logGroupName"`
		LogGroupNames       []string `json:"logGroupNames"`
		LogGroupIdentifiers []string `json:"logGroupIdentifiers"`
		QueryString         string   `json:"queryString"`
		QueryLanguage       string   `json:"queryLanguage"`
		StartTime           *int64   `json:"startTime"`
		EndTime             *int64   `json:"endTime"`
		Limit               *int     `json:"limit"`
	}
	if err := x.decode(&in); err != nil {
		return nil, err
	}
	groups := append(in.LogGroupNames, in.LogGroupIdentifiers...)
	if in.LogGroupName != "" {
		groups = append(groups, in.LogGroupName)
	}
	switch {
	case in.QueryLanguage != "" && in.QueryLanguage != "CWLI":
		return nil, errorf("InvalidParameterException", "The sandbox speaks the language CWLI, not %s.", in.QueryLanguage)
	case in.StartTime == nil || in.EndTime == nil || *in.StartTime > *in.EndTime:
		return nil, errorf("InvalidParameterException", "startTime and endTime are required, and the start must not be after the end.")
	case len(groups) == 0:
		return nil, errorf("InvalidParameterException", "At least one log group must be specified.")
	}
	plan, err := parseInsights(in.QueryString)
	if err != nil {
		return nil, errorf("MalformedQueryException", "%v", err)
	}
	if in.Limit != nil {
		if *in.Limit < 1 || *in.Limit > maxInsightsRows {
			return nil, errorf("InvalidParameterException", "limit must be from 1 to %d.", maxInsightsRows)
		}
		plan.limit = min(plan.limit, *in.Limit)
	}
	var lines []world.LogLine
	for _, g := range groups {
		if i := strings.Index(g, ":log-group:"); i >= 0 { // an ARN
			g = strings.TrimSuffix(g[i+len(":log-group:"):], ":*")
		}
		// The end's whole second is part of the range.
		found, ok := s.world.Logs(g, insightsTime(*in.StartTime), insightsTime(*in.EndTime).Add(time.Second-1))
		if !ok {
			return nil, errorf("ResourceNotFoundException", "Log group '%s' does not exist for account ID '%s'", g, world.Account)
		}
		lines = append(lines, found...)
	}
	q := &query{scanned: len(lines), doneAt: time.Now()}
	if s.cfg.QueryTime > 0 {
		q.doneAt = q.doneAt.Add(s.cfg.QueryTime)
	}
	for _, l := range lines {
		q.bytes += len(l.Message)
	}
	q.rows, q.matched = plan.run(lines)
	id := s.queries.add(q)
	x.note("log_groups", groups)
	x.note("query_id", id)
	return map[string]string{"queryId": id}, nil
}

func (s *Server) getQueryResults(x *exchange) (any, error) {
	var in struct {
		QueryID   string `json:"queryId"`
		NextToken string `json:"nextToken"`
	}
	if err := x.decode(&in); err != nil {
		return nil, err
	}
	q := s.queries.get(in.QueryID)
	if q == nil {
		return nil, errorf("ResourceNotFoundException", "Query %q does not exist.", in.QueryID)
	}
	if in.NextToken != "" {
		return nil, errorf("InvalidParameterException", "The sandbox answers on one page and gives out no tokens.")
	}
	x.note("query_id", in.QueryID)
	out := map[string]any{"queryLanguage": "CWLI", "status": "Running", "results": [][]resultField{}, "statistics": map[string]float64{}}
	if !time.Now().Before(q.doneAt) {
		out["status"], out["results"] = "Complete", q.rows
		out["statistics"] = map[string]float64{"recordsMatched": float64(q.matched), "recordsScanned": float64(q.scanned), "bytesScanned": float64(q.bytes)}
	}
	x.note("status", out["status"])
	return out, nil
}

// insightsTime reads epoch seconds, or milliseconds where it is that large.
func insightsTime(n int64) time.Time {
	if n > 1e11 {
		return time.UnixMilli(n).UTC()
	}
	return time.Unix(n, 0).UTC()
}

const insightsTimestamp = "2006-01-02 15:04:05.000"

// fieldOf returns a field of a line; false where Insights would not find it.
func fieldOf(l world.LogLine, field string) (string, bool) {
	switch field {
	case "@timestamp", "@ingestionTime":
		return l.At.Format(insightsTimestamp), true
	case "@message":
		return l.Message, true
	case "@logStream":
		return l.Stream, true
	case "@log":
		return fmt.Sprintf("%s:%s", world.Account, l.Group), true
	}
	return "", false
}
