package workflows

import (
	"fmt"
	"maps"
	"slices"

	"go.temporal.io/sdk/workflow"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// plan is an action and the option that it came from.
type plan struct {
	Action incident.Action `json:"action"`
	Option incident.Option `json:"option"`
	Score  float64         `json:"score"`
	Reason string          `json:"reason"`
}

// decide lets the agents vote on one shared list of options.
func (w *run) decide(ctx workflow.Context) *handover {
	w.begin(ctx, incident.PhaseDecision)
	options := options(w.settings.Catalogue, *w.view.Diagnosis, w.suspects, w.view.Evidence)
	votes := w.votes(options)
	state := incident.PhaseCompleted
	if len(options) > 0 {
		vote, err := w.resolutionVote(ctx, options)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			votes = append(votes, vote)
		} else if err != errModelsOff {
			state = incident.PhaseDegraded
		}
	}
	d := incident.Decide(options, votes)
	w.emit(ctx, &event.DecisionMade{Decision: d}, w.provenance())
	w.end(ctx, incident.PhaseDecision, state, d.Rationale)
	for _, o := range options {
		if o.ID == d.ChosenID {
			w.plan = w.makePlan(o, d)
			return nil
		}
	}
	return &handover{incident.HandoverNoAction, "no action of the catalogue fits: " + d.Rationale}
}

// options lists what could be done about the hypotheses: catalogue entries
// that help against a suspected cause, on the service suspected of it. A
// rollback is offered only where something was deployed.
func options(catalogue []incident.CatalogueEntry, d incident.Diagnosis, suspects []incident.Suspect, evidence []incident.Evidence) []incident.Option {
	type target struct {
		service string
		cause   incident.Cause
	}
	targets := []target{{d.Service, d.Cause}}
	for _, s := range suspects {
		targets = append(targets, target{s.Service, s.Cause})
	}
	var out []incident.Option
	seen := map[string]bool{}
	for _, t := range targets {
		for _, e := range catalogue {
			id := string(e.Type) + ":" + t.service
			if seen[id] || !helps(e, t.cause) || e.Type == incident.ActionRollbackDeployment && !deployed(evidence, t.service) {
				continue
			}
			seen[id] = true
			out = append(out, incident.Option{ID: id, Type: e.Type, Target: t.service, Title: e.Title,
				Arguments: arguments(e, t.service), Risk: e.Risk, BlastRadius: e.BlastRadius, Effect: e.Effect, Enabled: e.Enabled})
		}
	}
	return out
}

// arguments are the document's: what the catalogue says, and the target.
func arguments(e incident.CatalogueEntry, service string) map[string]string {
	out := maps.Clone(e.Parameters)
	if out == nil {
		out = map[string]string{}
	}
	out["Service"] = service
	return out
}

func helps(e incident.CatalogueEntry, c incident.Cause) bool {
	for _, known := range e.Causes {
		if known == c {
			return true
		}
	}
	return false
}

func deployed(evidence []incident.Evidence, service string) bool {
	for _, e := range evidence {
		for _, c := range e.Changes {
			if c.Service == service && c.Kind == "deployment" {
				return true
			}
		}
	}
	return false
}

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
	for _, e := range w.settings.Catalogue {
		if e.Type == o.Type {
			return helps(e, c)
		}
	}
	return false
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

func (w *run) makePlan(o incident.Option, d incident.Decision) *plan {
	document := ""
	for _, e := range w.settings.Catalogue {
		if e.Type == o.Type {
			document = e.Document
		}
	}
	w.revision++
	return &plan{Option: o, Score: d.Score, Reason: w.view.Diagnosis.Summary, Action: incident.Action{
		IncidentID: w.id, PlanRevision: w.revision, Step: 1, Type: o.Type, Target: o.Target, Document: document, Arguments: o.Arguments,
		CatalogueVersion: w.settings.CatalogueVersion,
	}}
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
