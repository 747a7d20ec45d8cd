package workflows

import (
	"strings"

	"go.temporal.io/sdk/workflow"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// detect says what is going on: it looks at the measures of the service that
// complains and lets a model classify the alerts. Without a model, the alert's
// own labels stand.
func (w *run) detect(ctx workflow.Context) *handover {
	w.begin(ctx, incident.PhaseDetection)
	w.status(ctx, incident.StatusInvestigating)
	t := task{agent: incident.AgentDetection, phase: incident.PhaseDetection, purpose: incident.PurposeClassify,
		what: "classify the alerts", system: detectionSystem, schema: detectionSchema}
	w.service = w.view.Service

	first, err := w.collected(ctx, w.collect(ctx, t.agent, look{tool: activities.ToolQueryMetrics, service: w.service}))
	if err != nil && ctx.Err() == nil {
		w.without(ctx, t, err, "going on without the measures of "+w.service)
	}
	w.tell(ctx)
	t.prompt = w.told
	if err == nil {
		t.prompt += w.renderEvidence(first)
	}
	t.check = func(workflow.Context) (event.RouteReason, string) {
		if !w.detection.Severity.Valid() {
			return event.RouteMalformed, "severity is " + string(w.detection.Severity)
		}
		return "", ""
	}
	state := incident.PhaseCompleted
	err = w.ask(ctx, t, &w.detection)
	if err == nil {
		w.detection.Summary = clip(w.detection.Summary, 2000)
		err = w.shown(ctx, t.agent, &w.detection.Summary)
	}
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		w.detection = DetectionAnswer{Severity: w.view.Severity, Service: w.service, Summary: w.view.Title}
		state = w.without(ctx, t, err, "the alert's own labels stand")
	}
	if w.service == "unknown" && w.detection.Service != "" && w.namedByAlerts(w.detection.Service) {
		w.service = w.detection.Service // the sender named no service, but its words do
	}
	w.concluded(ctx, t, meanStrength(w.view.Evidence, w.detection.Cites), w.detection.Summary, w.modelProvenance(t.agent))
	w.end(ctx, incident.PhaseDetection, state, w.detection.Summary)
	return nil
}

// tell prepares the incident as models are told it. What strangers wrote is
// anonymised once, and not again for every agent.
func (w *run) tell(ctx workflow.Context) {
	t := told(w.view)
	if w.settings.ModelsEnabled {
		var plain []string
		for _, s := range t.texts() {
			plain = append(plain, *s)
		}
		if safe, err := w.guard(ctx, incident.AgentDetection, "input", activities.GuardInput, plain...); err == nil {
			for i, s := range t.texts() {
				*s = safe[i]
			}
		}
	}
	w.told = w.renderTagged("incident", t)
}

// namedByAlerts reports whether a service that a model named occurs in what
// the senders said: a model may read a name, not invent one.
func (w *run) namedByAlerts(service string) bool {
	in := func(s string) bool { return strings.Contains(strings.ToLower(s), strings.ToLower(service)) }
	if in(w.view.Title) || in(w.view.Description) {
		return true
	}
	for _, a := range w.view.Alerts {
		if in(a.Title) || in(a.Description) {
			return true
		}
		//workflowcheck:ignore: whether any label matches does not depend on their order
		for _, v := range a.Labels {
			if in(v) {
				return true
			}
		}
	}
	return false
}

// modelProvenance is that of the agent's latest model call, or the workflow's
// own where it made none.
func (w *run) modelProvenance(a incident.Agent) incident.Provenance {
	for _, v := range w.view.Agents {
		if v.Agent == a && v.Provenance.Model != "" {
			p := v.Provenance
			p.Usage = nil // counted with the call itself
			return p
		}
	}
	return w.provenance()
}

// meanStrength is the mean strength of the evidence with the given ids, 0 for none.
func meanStrength(all []incident.Evidence, ids []string) float64 {
	var sum float64
	n := 0
	for _, id := range ids {
		for _, e := range all {
			if e.ID == id {
				sum += e.Strength
				n++
			}
		}
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}
