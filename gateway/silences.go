package gateway

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

// SilenceRequest asks that alerts be kept quiet. Who asks is who asks.
type SilenceRequest struct {
	Kind     store.SilenceKind `json:"kind" jsonschema:"enum=silence,enum=maintenance"`
	Matchers []store.Matcher   `json:"matchers"`
	StartsAt time.Time         `json:"starts_at,omitzero"` // default: now
	EndsAt   time.Time         `json:"ends_at"`
	Repeat   store.Repeat      `json:"repeat,omitempty" jsonschema:"enum=daily,enum=weekly"`
	Reason   string            `json:"reason"`
}

func (r *SilenceRequest) validate() error { return atMost("reason", r.Reason, maxText) }

// ReasonRequest is the body of commands that need a reason and nothing else.
type ReasonRequest struct {
	Reason string `json:"reason"`
}

func (r *ReasonRequest) validate() error {
	return join(needed("reason", r.Reason), atMost("reason", r.Reason, maxText))
}

// SilenceList is one page of silences, the latest made first.
type SilenceList struct {
	Silences []store.SilenceRecord `json:"silences"`
	Next     string                `json:"next,omitempty"` // give it as before for the next page; absent after the last
}

// SilencedAlertList is one page of what a silence has touched, the latest first.
type SilencedAlertList struct {
	Alerts []store.SilencedAlert `json:"alerts"`
	Next   int64                 `json:"next,omitempty"`
}

func (a *api) listSilences(c echo.Context) error {
	q := newQuery(c.QueryParams(), "state", "before", "limit")
	state, before := oneOf(q, "state", store.SilenceStates), q.text("before")
	limit := int(q.number("limit", pageDefault, 1, pageMax))
	if q.err != nil {
		return q.err
	}
	list, err := a.store.Silences(c.Request().Context(), state, a.now(), before, limit+1)
	if err != nil {
		return err
	}
	out := SilenceList{Silences: list}
	if len(list) > limit {
		out.Silences, out.Next = list[:limit], list[limit-1].ID
	}
	return answer(c, http.StatusOK, out)
}

func (a *api) listSilencedAlerts(c echo.Context) error {
	q := newQuery(c.QueryParams(), "before", "limit")
	before, limit := q.number("before", 0, 0, 1<<53), int(q.number("limit", pageDefault, 1, pageMax))
	if q.err != nil {
		return q.err
	}
	ctx := c.Request().Context()
	if _, err := a.store.Silence(ctx, c.Param("id"), a.now()); err != nil {
		return err
	}
	list, err := a.store.SilencedAlerts(ctx, c.Param("id"), before, limit+1)
	if err != nil {
		return err
	}
	out := SilencedAlertList{Alerts: list}
	if len(list) > limit {
		out.Alerts, out.Next = list[:limit], list[limit-1].ID
	}
	return answer(c, http.StatusOK, out)
}

// createSilence makes a silence. Its id follows from the request's token, so
// that a repetition whose first answer was lost finds the silence that it made.
func (a *api) createSilence(ctx context.Context, c call, r SilenceRequest) (outcome, error) {
	now := a.now().UTC().Truncate(time.Microsecond)
	s := store.Silence{ID: "sil-" + c.token[:12], Kind: r.Kind, Matchers: r.Matchers, StartsAt: r.StartsAt.UTC(), EndsAt: r.EndsAt.UTC(), Repeat: r.Repeat,
		Reason: strings.TrimSpace(r.Reason), CreatedBy: c.who.Name, CreatedAt: now}
	if r.StartsAt.IsZero() {
		s.StartsAt = now
	}
	if err := s.Validate(now); err != nil {
		return outcome{}, err
	}
	if err := a.store.CreateSilence(ctx, s); err != nil {
		return outcome{}, err
	}
	return a.silence(ctx, s.ID)
}

func (a *api) silence(ctx context.Context, id string) (outcome, error) {
	rec, err := a.store.Silence(ctx, id, a.now())
	return outcome{status: http.StatusOK, body: rec}, err
}

func (a *api) endSilence(ctx context.Context, c call, r ReasonRequest) (outcome, error) {
	rec, err := a.store.EndSilence(ctx, c.incidentID, a.audit(c, store.AuditSilenceEnded, c.incidentID, r.Reason))
	if err == nil {
		a.wake()
	}
	return outcome{status: http.StatusOK, body: rec}, err
}

// audit is the record of what a person does now.
func (a *api) audit(c call, action, subject, reason string) store.Audit {
	return store.Audit{At: a.now().UTC(), Principal: c.who.Name, Action: action, Subject: subject, Reason: strings.TrimSpace(reason)}
}

// AuditList is one page of what people did, the latest first.
type AuditList struct {
	Entries []store.Audit `json:"entries"`
	Next    int64         `json:"next,omitempty"`
}

func (a *api) listAudit(c echo.Context) error {
	q := newQuery(c.QueryParams(), "subject", "before", "limit")
	subject, before := q.text("subject"), q.number("before", 0, 0, 1<<53)
	limit := int(q.number("limit", pageDefault, 1, pageMax))
	if q.err != nil {
		return q.err
	}
	list, err := a.store.Audited(c.Request().Context(), subject, before, limit+1)
	if err != nil {
		return err
	}
	out := AuditList{Entries: list}
	if len(list) > limit {
		out.Entries, out.Next = list[:limit], list[limit-1].ID
	}
	return answer(c, http.StatusOK, out)
}

// Sizes of pages of what has no size of its own.
const pageDefault, pageMax = 50, 200

func (a *api) silenceRoutes() []route {
	reads := []int{http.StatusBadRequest, http.StatusNotFound, http.StatusServiceUnavailable}
	limit := param{"limit", "1 to 200; default 50", 0}
	return []route{
		{method: http.MethodGet, path: "/api/v1/silences", need: incident.RoleViewer, handle: a.listSilences, id: "listSilences", tag: "silences",
			summary: "List silences and maintenance windows, the latest made first",
			params:  []param{{"state", "pending, active, expired or ended", store.SilenceState("")}, {"before", "next of the page before", ""}, limit},
			status:  http.StatusOK, result: SilenceList{}, problems: reads},
		{method: http.MethodGet, path: "/api/v1/silences/:id/alerts", need: incident.RoleViewer, handle: a.listSilencedAlerts, id: "listSilencedAlerts", tag: "silences",
			summary: "List the alerts that a silence has touched, the latest first",
			params:  []param{{"before", "next of the page before", int64(0)}, limit}, status: http.StatusOK, result: SilencedAlertList{}, problems: reads},
		asCommand(route{path: "", need: incident.RoleResponder, handle: change(a, a.createSilence), id: "createSilence",
			summary: "Keep alerts from opening incidents for a while", body: SilenceRequest{}, status: http.StatusOK, result: store.SilenceRecord{}}, "/api/v1/silences", "silences"),
		asCommand(route{path: "/:id/end", need: incident.RoleResponder, handle: change(a, a.endSilence), id: "endSilence",
			summary: "End a silence before its time", body: ReasonRequest{}, status: http.StatusOK, result: store.SilenceRecord{}}, "/api/v1/silences", "silences"),
		{method: http.MethodGet, path: "/api/v1/audit", need: incident.RoleViewer, handle: a.listAudit, id: "listAudit", tag: "system",
			summary: "List what people did to alerts, silences and incidents' alerts, the latest first",
			params:  []param{{"subject", "only of this incident, silence or delivery", ""}, {"before", "next of the page before", int64(0)}, limit},
			status:  http.StatusOK, result: AuditList{}, problems: []int{http.StatusBadRequest, http.StatusServiceUnavailable}},
	}
}
