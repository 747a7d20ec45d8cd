package workflows

import (
	"go.temporal.io/sdk/workflow"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// horizonS is how far a forecast looks ahead, in seconds.
const horizonS = 30 * 60

// predict says what will happen if nobody acts. The line is the statistics';
// the model puts it into words for people.
func (w *run) predict(ctx workflow.Context) {
	w.begin(ctx, incident.PhasePrediction)
	t := task{agent: incident.AgentPrediction, phase: incident.PhasePrediction, purpose: incident.PurposeForecast,
		what: "forecast the measures", system: predictSystem, schema: predictionSchema, tools: w.tools(activities.ToolQueryMetrics)}
	// The fault and who depends on it are known once the diagnosis has gathered
	// its evidence; from then on the two think side by side.
	if workflow.Await(ctx, func() bool { return w.gathered }) != nil {
		return
	}
	_, base := w.window()
	evidence := append([]incident.Evidence(nil), w.view.Evidence...)
	var p incident.Prediction
	err := workflow.ExecuteLocalActivity(pureOptions(ctx), activities.ForecastTrendName, activities.ForecastInput{Evidence: evidence,
		HorizonS: horizonS, Suspects: w.suspects, Service: w.service, StartedAt: w.startedAt, BaselineTo: base}).Get(ctx, &p)
	if ctx.Err() != nil {
		return
	}
	if err != nil || p.Confidence == 0 {
		if err != nil {
			w.without(ctx, t, err, "no forecast")
		}
		w.end(ctx, incident.PhasePrediction, incident.PhaseSkipped, "nothing to forecast from")
		return
	}
	state, prov := incident.PhaseCompleted, w.provenance()
	t.prompt = w.told + w.renderEvidence(evidence...) + w.renderTagged("forecast", p)
	var answer PredictionAnswer
	err = w.ask(ctx, t, &answer)
	if answer.Summary = clip(answer.Summary, 2000); err == nil && answer.Summary != "" {
		if err = w.shown(ctx, t.agent, &answer.Summary); err == nil {
			p.Summary, p.Method, prov = answer.Summary, "model", w.modelProvenance(t.agent)
		}
	}
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		state = w.without(ctx, t, err, "the statistics' forecast stands")
	}
	w.emit(ctx, &event.PredictionConcluded{Prediction: p}, prov)
	w.concluded(ctx, t, p.Confidence, p.Summary, prov)
	w.end(ctx, incident.PhasePrediction, state, p.Summary)
}
