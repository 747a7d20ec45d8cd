package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/workflow"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// votes of the agents that have spoken: detection supports what is done to
// the service that it named, diagnosis what helps against its cause,
// prediction what is done to the service whose measures it saw fail. An agent
// without evidence does not vote.
func (w *run) votes(options []incident.Option) []incident.Vote {
	var out []incident.Vote
	cast := func(a incident.Agent, confidence float64, cites []string, reason string, supports func(incident.Option) bool) {
		if confidence <= 0 || len(cites) == 0 {
			return
		}
		v := incident.Vote{Agent: a, Confidence: confidence, Cites: cites, Reason: reason, Evidence: meanStrength(w.view.Evidence, cites)}
		for _, o := range options {
			if supports(o) {
				v.OptionID = o.ID
				break
			}
		}
		out = append(out, v)
	}
	cast(incident.AgentDetection, meanStrength(w.view.Evidence, w.detection.Cites), w.detection.Cites, w.detection.Summary,
		func(o incident.Option) bool { return o.Target == w.detection.Service })
	d := w.view.Diagnosis
	cites := claimCites(d.Claims)
	cast(incident.AgentDiagnosis, min(d.Confidence, meanStrength(w.view.Evidence, cites)+0.3), cites, d.Summary,
		func(o incident.Option) bool { return o.Target == d.Service && w.helpsAgainst(o, d.Cause) })
	if p := w.view.Prediction; p != nil {
		cast(incident.AgentPrediction, p.Confidence, p.Cites, p.Summary,
			func(o incident.Option) bool { return o.Target == p.Service })
	}
	return out
}

func (w *run) helpsAgainst(o incident.Option, c incident.Cause) bool {
	e, ok := w.entry(o.Name)
	return ok && slices.Contains(e.Causes, c)
}

// resolutionVote asks the resolution agent. It can only choose from the list.
func (w *run) resolutionVote(ctx workflow.Context, options []incident.Option) (incident.Vote, error) {
	t := task{agent: incident.AgentResolution, phase: incident.PhaseDecision, purpose: incident.PurposePlan,
		what: "choose an action", system: resolveSystem, schema: resolutionSchema,
		prompt: w.told + w.renderEvidence(w.view.Evidence...) + w.renderTagged("diagnosis", w.view.Diagnosis) + w.renderTagged("options", options)}
	var a ResolutionAnswer
	t.check = func(workflow.Context) (event.RouteReason, string) {
		switch {
		case a.OptionID != "" && !slices.ContainsFunc(options, func(o incident.Option) bool { return o.ID == a.OptionID }):
			return event.RouteMalformed, fmt.Sprintf("there is no option %q", clip(a.OptionID, 100))
		case a.OptionID != "" && meanStrength(w.view.Evidence, a.Cites) == 0:
			return event.RouteUnsupported, "the choice cites no evidence"
		}
		return "", ""
	}
	err := w.ask(ctx, t, &a)
	if err == nil {
		if reason, problem := t.check(ctx); reason == event.RouteMalformed {
			err = incident.Errorf(incident.KindInvalid, "the model chose what is not on the list: %s", problem)
		}
	}
	if a.Reason = clip(a.Reason, 2000); err == nil {
		err = w.shown(ctx, t.agent, &a.Reason)
	}
	if err != nil {
		if ctx.Err() == nil {
			w.without(ctx, t, err, "the other agents' votes decide")
		}
		return incident.Vote{}, err
	}
	strength := meanStrength(w.view.Evidence, a.Cites)
	w.concluded(ctx, t, strength, a.Reason, w.modelProvenance(t.agent))
	return incident.Vote{Agent: t.agent, OptionID: a.OptionID, Confidence: strength, Cites: a.Cites, Evidence: strength, Reason: a.Reason}, nil
}

func claimCites(claims []incident.Claim) []string {
	var out []string
	for _, c := range claims {
		for _, id := range c.Cites {
			if !has(out, id) {
				out = append(out, id)
			}
		}
	}
	return out
}
