package workflows

import (
	"fmt"
	"strings"
	"time"

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
	w.end(ctx, incident.PhaseCommunication, state, "drafted, not sent")
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

// review writes down what happened, from the events alone.
func (w *run) review(ctx workflow.Context, end ending) {
	w.begin(ctx, incident.PhaseReview)
	v := w.view
	lines := []string{fmt.Sprintf("%s on %s, %s.", v.Title, v.Service, v.Severity),
		fmt.Sprintf("Open for %s; ended as %s: %s.", workflow.Now(ctx).Sub(v.OpenedAt).Round(time.Second), end.outcome, end.reason)}
	if d := v.Diagnosis; d != nil {
		lines = append(lines, fmt.Sprintf("Diagnosis (%s, confidence %.2f): %s", d.Method, d.Confidence, d.Summary))
	}
	if p := v.Proposal; p != nil {
		lines = append(lines, fmt.Sprintf("Proposed: %s; %s %s", p.Title, p.State, p.DecidedBy))
	}
	if x := v.Execution; x != nil {
		lines = append(lines, fmt.Sprintf("Action: %s. %s", x.State, x.Detail))
	}
	lines = append(lines, fmt.Sprintf("%d pieces of evidence, %d model calls, %d repeated.", len(v.Evidence), v.Cost.ModelCalls, v.Cost.Repeated))
	w.emit(ctx, &event.ReviewWritten{Text: strings.Join(lines, "\n")}, w.provenance())
	w.end(ctx, incident.PhaseReview, incident.PhaseCompleted, "")
}
