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
	t := task{agent: incident.AgentPrediction, phase: incident.PhasePrediction, purpose: activities.PurposeForecast,
		what: "forecast the measures", system: predictSystem, schema: predictionSchema, tools: metricTools}
	evidence := append([]incident.Evidence(nil), w.view.Evidence...)
	var p incident.Prediction
	err := workflow.ExecuteLocalActivity(pureOptions(ctx), activities.ForecastTrendName,
		activities.ForecastInput{Evidence: evidence, HorizonS: horizonS}).Get(ctx, &p)
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
	t.prompt = renderIncident(w.view) + renderEvidence(evidence...) + renderTagged("forecast", p)
	var answer PredictionAnswer
	if err := w.ask(ctx, t, &answer); err != nil {
		if ctx.Err() != nil {
			return
		}
		state = incident.PhaseDegraded
		w.without(ctx, t, err, "the statistics' forecast stands")
	} else if answer.Summary != "" {
		p.Summary, p.Method, prov = answer.Summary, "model", w.modelProvenance(t.agent)
	}
	w.emit(ctx, &event.PredictionConcluded{Prediction: p}, prov)
	w.concluded(ctx, t, p.Confidence, p.Summary, prov)
	w.end(ctx, incident.PhasePrediction, state, p.Summary)
}
