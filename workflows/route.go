package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"vigil/workflows/event"
)

// route says which model an agent asks from now on, where that changes.
func (w *run) route(ctx workflow.Context, t task, model, from string, why event.RouteReason, detail string) {
	if why == event.RouteConfigured && w.model(t) == model {
		return
	}
	w.emit(ctx, &event.ModelRouted{Agent: t.agent, Purpose: t.purpose, Model: model, From: from, Reason: why, Detail: clip(detail, 500)}, w.provenance())
}

func (w *run) model(t task) string {
	for _, a := range w.view.Agents {
		if a.Agent == t.agent {
			return a.Model
		}
	}
	return ""
}

// next is the model to ask after one failed: the next larger one of the
// ladder where the answer was at fault, the next smaller one where the model
// could not be had, "" where there is none that was not tried. A model that is
// not on the ladder has no neighbours.
func (w *run) next(model string, why event.RouteReason, tried []string) string {
	step := 1
	if why == event.RouteUnavailable {
		step = -1
	}
	ladder := w.settings.ModelLadder
	i := slices.Index(ladder, model)
	if i < 0 {
		return ""
	}
	for i += step; i >= 0 && i < len(ladder); i += step {
		if !slices.Contains(tried, ladder[i]) {
			return ladder[i]
		}
	}
	return ""
}
