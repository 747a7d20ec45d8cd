package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
	"go.uber.org/zap"

	"vigil/gateway/store"
	"vigil/workflows/incident"
)

// maxDryRuns is how many services, or incidents, can be in dry run by name.
const maxDryRuns = 200

// ControlsRequest sets what holds for all incidents at once. Revision is that
// of the controls which whoever asks has seen. The kill switch is not among
// them: it stays as it is.
type ControlsRequest struct {
	Mode            incident.Mode `json:"mode" jsonschema:"enum=read_only,enum=advisory,enum=execute"`
	DryRun          bool          `json:"dry_run"`
	DryRunServices  []string      `json:"dry_run_services,omitempty"`
	DryRunIncidents []string      `json:"dry_run_incidents,omitempty"`
	Reason          string        `json:"reason"`
	Revision        uint64        `json:"revision"`
}

func (r *ControlsRequest) validate() error {
	if !r.Mode.Valid() {
		return incident.Errorf(incident.KindInvalid, "mode is %q; use read_only, advisory or execute", r.Mode)
	}
	return join(needed("reason", r.Reason), atMost("reason", r.Reason, maxText),
		dryRuns("dry_run_services", r.DryRunServices), dryRuns("dry_run_incidents", r.DryRunIncidents))
}

func dryRuns(field string, names []string) error {
	if len(names) > maxDryRuns {
		return incident.Errorf(incident.KindInvalid, "%s has %d names; %d are the most; dry_run is for all at once", field, len(names), maxDryRuns)
	}
	for _, n := range names {
		if err := join(needed("a name in "+field, n), atMost("a name in "+field, n, maxWord)); err != nil {
			return err
		}
	}
	return nil
}

// KillRequest stops every new effect. It is not refused for want of a reason.
type KillRequest struct {
	Reason string `json:"reason,omitempty"`
}

func (r *KillRequest) validate() error { return atMost("reason", r.Reason, maxText) }

// StartAgainRequest lets effects begin again. Where it names the revision that
// whoever asks has seen, a kill that came after that stays.
type StartAgainRequest struct {
	Reason   string `json:"reason"`
	Revision uint64 `json:"revision,omitempty"`
}

func (r *StartAgainRequest) validate() error {
	return join(needed("reason", r.Reason), atMost("reason", r.Reason, maxText))
}

func (a *api) getControls(c echo.Context) error {
	now, err := a.controls.read(c.Request().Context())
	var broken *unreadable
	if errors.As(err, &broken) {
		return incident.Errorf(incident.KindUnavailable, "%s. Workers begin nothing new; set the controls anew (PUT, with that revision), which leaves the kill switch on", broken)
	}
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, now)
}

func (a *api) setControls(ctx context.Context, c call, r ControlsRequest) (outcome, error) {
	now, err := a.controls.change(ctx, r.Revision, func(next incident.Controls) incident.Controls {
		next.Mode, next.DryRun = r.Mode, r.DryRun
		next.DryRunServices, next.DryRunIncidents = names(r.DryRunServices), names(r.DryRunIncidents)
		next.By, next.Reason, next.At = c.who.Name, strings.TrimSpace(r.Reason), a.now().UTC()
		return next
	})
	return a.controlsChanged(ctx, c, changeSet, store.AuditControlsSet, now, err)
}

// names is a list without repetitions, in order, so that the same set is the
// same value.
func names(list []string) []string {
	var out []string
	for _, n := range list {
		out = append(out, strings.TrimSpace(n))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// kill is a handler of its own and not a change: killing twice is killing
// once, so it needs no answer remembered, and works while the store does not.
func (a *api) kill(c echo.Context) error {
	raw, err := readCommand(c)
	if err != nil {
		return err
	}
	var r KillRequest
	if err := decodeStrict(raw, &r); err != nil {
		return err
	}
	if err := r.validate(); err != nil {
		return err
	}
	key, _, err := idempotencyKey(c.Request())
	if err != nil {
		return err
	}
	c.Response().Header().Set(headerKey, key)
	reason := strings.TrimSpace(r.Reason)
	if reason == "" {
		reason = "no reason was given"
	}
	ctx := c.Request().Context()
	now, err := a.controls.kill(ctx, who(ctx).Name, reason)
	out, err := a.controlsChanged(ctx, call{who: who(ctx)}, changeKill, store.AuditControlsKilled, now, err)
	if err != nil {
		return err
	}
	return send(c, out.status, out.body)
}

func (a *api) startAgain(ctx context.Context, c call, r StartAgainRequest) (outcome, error) {
	now, err := a.controls.start(ctx, c.who.Name, strings.TrimSpace(r.Reason), r.Revision)
	return a.controlsChanged(ctx, c, changeStart, store.AuditControlsStarted, now, err)
}

// controlsChanged records a change and answers with it. A change that cannot be
// recorded was made all the same: who made it and why is in the bucket too.
func (a *api) controlsChanged(ctx context.Context, c call, change, action string, now incident.Controls, err error) (outcome, error) {
	if err != nil {
		return outcome{}, err
	}
	a.controls.changes.WithLabelValues(change).Inc()
	a.log.Warn("the controls were changed", zap.String("change", change), zap.String("by", c.who.Name), zap.String("reason", now.Reason),
		zap.Bool("killed", now.Killed), zap.String("mode", string(now.Mode)), zap.Uint64("revision", now.Revision))
	a.record(ctx, c, action, "controls", now.Reason, now)
	return outcome{status: http.StatusOK, body: now}, nil
}

// record notes what a person did where something else than the store did it.
func (a *api) record(ctx context.Context, c call, action, subject, reason string, detail any) {
	by := a.audit(c, action, subject, reason)
	var err error
	if by.Detail, err = json.Marshal(detail); err == nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishWait)
		defer cancel()
		err = a.store.Record(ctx, by)
	}
	if err != nil {
		a.log.Error("what a person did is not in the audit", zap.String("principal", by.Principal), zap.String("action", action),
			zap.String("subject", subject), zap.String("reason", by.Reason), zap.Error(err))
	}
}

func (a *api) controlsRoutes() []route {
	const path = "/api/v1/controls"
	kill := asCommand(route{path: "/kill", need: incident.RoleResponder, handle: a.kill, id: "kill",
		summary: "Stop every new effect, for all incidents at once", body: KillRequest{}, status: http.StatusOK, result: incident.Controls{}}, path, "controls")
	kill.problems = []int{http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity, http.StatusServiceUnavailable}
	set := asCommand(route{need: incident.RoleAdmin, handle: change(a, a.setControls), id: "setControls",
		summary: "Set mode and dry run, for all incidents at once", body: ControlsRequest{}, status: http.StatusOK, result: incident.Controls{}}, path, "controls")
	set.method = http.MethodPut
	start := asCommand(route{path: "/kill", need: incident.RoleAdmin, handle: change(a, a.startAgain), id: "startAgain",
		summary: "Let effects begin again", body: StartAgainRequest{}, status: http.StatusOK, result: incident.Controls{}}, path, "controls")
	start.method = http.MethodDelete
	return []route{
		{method: http.MethodGet, path: path, need: incident.RoleViewer, handle: a.getControls, id: "getControls", tag: "controls",
			summary: "Read what holds for all incidents at once: mode, dry run and kill switch", status: http.StatusOK, result: incident.Controls{},
			problems: []int{http.StatusServiceUnavailable}},
		set, kill, start,
	}
}
