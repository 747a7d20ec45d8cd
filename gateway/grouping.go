package gateway

import (
	"context"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"vigil/gateway/correlate"
	"vigil/gateway/dispatch"
	"vigil/gateway/store"
	"vigil/workflows/incident"
)

// MergeRequest says that an incident is part of another.
type MergeRequest struct {
	Into   string `json:"into"` // incident
	Reason string `json:"reason"`
}

func (r *MergeRequest) validate() error {
	return join(needed("into", r.Into), atMost("into", r.Into, maxID), needed("reason", r.Reason), atMost("reason", r.Reason, maxMoveReason))
}

// SplitRequest says that some alerts of an incident are a problem of their own.
type SplitRequest struct {
	CorrelationKeys []string `json:"correlation_keys"`
	Reason          string   `json:"reason"`
}

// maxSplitKeys is how many keys one request may split off.
const maxSplitKeys = 1000

// maxMoveReason is what a workflow takes as a reason, in characters.
const maxMoveReason = 1000

func (r *SplitRequest) validate() error {
	if len(r.CorrelationKeys) == 0 || len(r.CorrelationKeys) > maxSplitKeys {
		return incident.Errorf(incident.KindInvalid, "correlation_keys has %d entries; name 1 to %d of the incident's keys", len(r.CorrelationKeys), maxSplitKeys)
	}
	return join(needed("reason", r.Reason), atMost("reason", r.Reason, maxMoveReason))
}

// Moved is the answer to a merge or a split: it is decided, and the incidents
// are told of it within moments.
type Moved struct {
	Move incident.Move `json:"move"`
}

func (a *api) merge(ctx context.Context, c call, r MergeRequest) (outcome, error) {
	return a.moved(a.store.Merge(ctx, a.moveRequest(c, strings.TrimSpace(r.Into), r.Reason)))
}

func (a *api) split(ctx context.Context, c call, r SplitRequest) (outcome, error) {
	req := a.moveRequest(c, dispatch.NewID(), r.Reason)
	req.Keys = r.CorrelationKeys
	return a.moved(a.store.Split(ctx, req))
}

// moveRequest has an id that follows from the request's token, so that a
// repetition whose first answer was lost finds what was done.
func (a *api) moveRequest(c call, to, reason string) store.MoveRequest {
	return store.MoveRequest{ID: "mov-" + c.token[:16], From: c.incidentID, To: to, By: c.who.Principal, At: a.now().UTC(), Reason: strings.TrimSpace(reason)}
}

func (a *api) moved(m incident.Move, err error) (outcome, error) {
	if err != nil {
		return outcome{}, err
	}
	a.wake()
	m.Members = nil // up to thousands, which the incident's alerts name better
	return outcome{status: http.StatusAccepted, body: Moved{m}}, nil
}

// IncidentAlertList is a page of an incident's alerts, in the order of their
// arrival, with the keys that all of its alerts belong to. Those that were moved
// away are listed, and say where they are, but not counted.
type IncidentAlertList struct {
	Keys   []store.IncidentKey   `json:"keys"`
	Total  int64                 `json:"total"`
	Firing int64                 `json:"firing"`
	Alerts []store.IncidentAlert `json:"alerts"`
	Next   int64                 `json:"next,omitempty"` // give it as after for the next page; absent after the last
}

func (a *api) listIncidentAlerts(c echo.Context) error {
	q := newQuery(c.QueryParams(), "after", "limit", "q")
	after, limit, text := q.number("after", 0, 0, 1<<53), int(q.number("limit", pageDefault, 1, alertsMax)), q.text("q")
	if q.err != nil {
		return q.err
	}
	ctx, id := c.Request().Context(), c.Param("id")
	if _, err := a.store.Incident(ctx, id); err != nil {
		return err
	}
	out := IncidentAlertList{}
	var err error
	if out.Keys, err = a.store.IncidentKeys(ctx, id); err != nil {
		return err
	}
	for _, k := range out.Keys {
		if k.MovedTo == "" {
			out.Total, out.Firing = out.Total+k.Alerts, out.Firing+k.Firing
		}
	}
	list, err := a.store.IncidentAlerts(ctx, id, text, after, limit+1)
	if err != nil {
		return err
	}
	if out.Alerts = list; len(list) > limit {
		out.Alerts, out.Next = list[:limit], list[limit-1].ID
	}
	return answer(c, http.StatusOK, out)
}

// alertsMax is the largest page of an incident's alerts.
const alertsMax = 500

// correlation shows the rules by which alerts are grouped.
func (a *api) correlation(c echo.Context) error {
	return answer(c, http.StatusOK, a.rules.Describe())
}

func (a *api) groupingRoutes() []route {
	reads := []int{http.StatusBadRequest, http.StatusNotFound, http.StatusServiceUnavailable}
	return []route{
		{method: http.MethodGet, path: "/api/v1/incidents/:id/alerts", need: incident.RoleViewer, handle: a.listIncidentAlerts, id: "listIncidentAlerts", tag: "incidents",
			summary: "List all alerts of an incident, those included that its view only counts",
			params:  []param{{"after", "next of the page before", int64(0)}, {"limit", "1 to 500; default 50", 0}, {"q", "only those with this text", ""}},
			status:  http.StatusOK, result: IncidentAlertList{}, problems: reads},
		asCommand(route{path: "/:id/merge", need: incident.RoleResponder, handle: change(a, a.merge), id: "merge",
			summary: "Say that the incident is part of another; it ends, and its alerts go there", body: MergeRequest{}, status: http.StatusAccepted, result: Moved{}}, "/api/v1/incidents", "incidents"),
		asCommand(route{path: "/:id/split", need: incident.RoleResponder, handle: change(a, a.split), id: "split",
			summary: "Make some of the incident's alerts an incident of their own", body: SplitRequest{}, status: http.StatusAccepted, result: Moved{}}, "/api/v1/incidents", "incidents"),
		{method: http.MethodGet, path: "/api/v1/correlation", need: incident.RoleViewer, handle: a.correlation, id: "correlation", tag: "alerts",
			summary: "Read the rules by which alerts are grouped into incidents", status: http.StatusOK, result: correlate.Description{}},
	}
}
