package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// communicate drafts a status update for people. A model writes it, the
// guardrail checks it; without either, plain facts stand.
func (w *run) communicate(ctx workflow.Context) {
	w.begin(ctx, incident.PhaseCommunication)
	t := task{agent: incident.AgentCommunication, phase: incident.PhaseCommunication, purpose: incident.PurposeCommunicate, spare: true,
		what: "draft a status update", system: communicate, schema: communicationSchema, prompt: w.told + w.facts()}
	state, prov := incident.PhaseCompleted, w.provenance()
	a := CommunicationAnswer{Audience: "stakeholders", Text: w.plainText()}
	var written CommunicationAnswer
	err := w.ask(ctx, t, &written)
	if err == nil {
		prov = w.modelProvenance(t.agent)
		written, err = w.guarded(ctx, written)
	}
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		prov = w.provenance()
		state = w.without(ctx, t, err, "the plain facts stand")
	default:
		a = written
	}
	w.emit(ctx, &event.MessageDrafted{Audience: a.Audience, Text: a.Text}, prov)
	w.concluded(ctx, t, 0, a.Text, prov)
	w.notify(ctx, incident.NotifyUpdate, w.ladder(w.view.Level), a.Text)
	w.end(ctx, incident.PhaseCommunication, state, w.whoHears())
}

// guarded passes a model's words through the guardrail, which fails closed:
// they are meant for people who do not see that nobody looked at them.
func (w *run) guarded(ctx workflow.Context, a CommunicationAnswer) (CommunicationAnswer, error) {
	safe, err := w.guard(ctx, incident.AgentCommunication, "message", activities.GuardOutput, clip(a.Text, 4000))
	if err != nil {
		return a, err
	}
	a.Text, a.Audience = safe[0], clip(a.Audience, 100)
	return a, nil
}

func (w *run) facts() string {
	out := ""
	if w.view.Diagnosis != nil {
		out += w.renderTagged("diagnosis", w.view.Diagnosis)
	}
	if w.view.Prediction != nil {
		out += w.renderTagged("forecast", w.view.Prediction)
	}
	return out + w.renderTagged("state", map[string]any{"status": w.view.Status, "reason": w.view.StatusReason,
		"execution": w.view.Execution, "verification": w.view.Verification})
}

func (w *run) plainText() string {
	s := fmt.Sprintf("%s (%s, %s).", w.view.Title, w.view.Severity, w.view.Service)
	if d := w.view.Diagnosis; d != nil {
		s += " " + d.Summary
	}
	if w.view.NeedsHuman {
		s += " A person is on call for it."
	}
	if !w.settings.ModelsEnabled {
		s += " This was worked out by statistics alone."
	}
	return s
}

// whoHears says whether there is anybody to send a status update to.
func (w *run) whoHears() string {
	if len(w.settings.Teams) == 0 {
		return "drafted; no channel is configured to send it to"
	}
	return "drafted, and on its way to " + w.ladder(w.view.Level)[0]
}
