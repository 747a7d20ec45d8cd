package workflows

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"

	"go.temporal.io/sdk/workflow"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// plan is an action, the option that it came from, and who has to agree to it.
type plan struct {
	Action   incident.Action `json:"action"`
	Option   incident.Option `json:"option"`
	Score    float64         `json:"score"`
	Reason   string          `json:"reason"`
	Facts    incident.Facts  `json:"facts"`
	Ruling   incident.Ruling `json:"ruling"`
	ChosenBy string          `json:"chosen_by,omitempty"` // a person who put it forward
}

// decide chooses what to do: the agents vote on one shared list of options, or
// a person has put one of them forward. The policy then says who has to agree.
func (w *run) decide(ctx workflow.Context) *handover {
	w.begin(ctx, incident.PhaseDecision)
	var stop *handover
	if w.wanted != nil {
		stop = w.takeWanted(ctx)
	} else {
		stop = w.vote(ctx)
	}
	if stop != nil || ctx.Err() != nil {
		return stop
	}
	return w.judge(ctx)
}

// vote lets the agents choose.
func (w *run) vote(ctx workflow.Context) *handover {
	planned, err := w.planOptions(ctx, w.candidates())
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		w.end(ctx, incident.PhaseDecision, incident.PhaseFailed, activities.Said(err))
		return &handover{incident.HandoverFailed, "the options could not be planned: " + activities.Said(err)}
	}
	votes := w.votes(planned.Options)
	state := incident.PhaseCompleted
	if len(planned.Options) > 0 {
		vote, err := w.resolutionVote(ctx, planned.Options)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			votes = append(votes, vote)
		} else if err != errModelsOff {
			state = incident.PhaseDegraded
		}
	}
	d := incident.Decide(planned.Options, votes)
	d.Excluded = append(planned.Excluded, w.triedAlready()...)
	w.emit(ctx, &event.DecisionMade{Decision: d}, w.provenance())
	w.end(ctx, incident.PhaseDecision, state, d.Rationale)
	for _, o := range planned.Options {
		if o.ID == d.ChosenID {
			w.plan = w.makePlan(o, d.Score, "")
			return nil
		}
	}
	if len(w.tried) > 0 {
		return &handover{w.lastFailure.reason, w.lastFailure.detail + "; nothing else in the catalogue fits"}
	}
	return &handover{incident.HandoverNoAction, "no action of the catalogue fits: " + d.Rationale}
}

// takeWanted plans the option that a person put forward, as its target is now.
func (w *run) takeWanted(ctx workflow.Context) *handover {
	wanted := *w.wanted
	w.wanted = nil
	c := w.candidates()
	c = slices.DeleteFunc(c, func(c activities.Candidate) bool { return optionID(c) != wanted.OptionID })
	planned, err := w.planOptions(ctx, c)
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		w.end(ctx, incident.PhaseDecision, incident.PhaseFailed, activities.Said(err))
		return &handover{incident.HandoverFailed, "what " + wanted.Principal.Name + " put forward could not be planned: " + activities.Said(err)}
	case len(planned.Options) == 0:
		why := "it is no option any more"
		if len(planned.Excluded) > 0 {
			why = planned.Excluded[0].Reason
		}
		w.end(ctx, incident.PhaseDecision, incident.PhaseFailed, why)
		return &handover{incident.HandoverNoAction, fmt.Sprintf("what %s put forward, %s, does not fit: %s", wanted.Principal.Name, wanted.OptionID, why)}
	}
	o := planned.Options[0]
	w.plan = w.makePlan(o, w.view.Decision.Scores[o.ID], wanted.Principal.Name)
	w.end(ctx, incident.PhaseDecision, incident.PhaseCompleted, wanted.Principal.Name+" put "+o.Title+" forward: "+clip(wanted.Reason, 500))
	return nil
}

func (w *run) planOptions(ctx workflow.Context, c []activities.Candidate) (activities.PlanResult, error) {
	planned := activities.PlanResult{Options: []incident.Option{}}
	if len(c) == 0 {
		return planned, nil
	}
	err := workflow.ExecuteActivity(surveyOptions(ctx), activities.PlanOptionsName, c).Get(ctx, &planned)
	return planned, err
}

// candidates lists what could be done about the hypotheses: catalogue entries
// that help against a suspected cause, on the service suspected of it, but for
// those that were tried. A rollback is offered only where something was deployed.
func (w *run) candidates() []activities.Candidate {
	type target struct {
		service string
		cause   incident.Cause
	}
	targets := []target{{w.view.Diagnosis.Service, w.view.Diagnosis.Cause}}
	for _, s := range w.suspects {
		targets = append(targets, target{s.Service, s.Cause})
	}
	var out []activities.Candidate
	seen := map[string]bool{}
	for _, t := range targets {
		for _, e := range w.settings.Catalogue {
			c := activities.Candidate{Entry: e, Target: t.service}
			id := optionID(c)
			if len(out) == maxOptions || seen[id] || w.tried[id] || !fits(e, t.service, t.cause) ||
				e.Type == incident.ActionRollbackDeployment && !deployed(w.view.Evidence, t.service) {
				continue
			}
			seen[id] = true
			out = append(out, c)
		}
	}
	return out
}

// maxOptions bounds one decision.
const maxOptions = 16

func optionID(c activities.Candidate) string { return c.Entry.Name + ":" + c.Target }

func fits(e incident.CatalogueEntry, service string, c incident.Cause) bool {
	if service == "" || !slices.Contains(e.Causes, c) {
		return false
	}
	for _, pattern := range e.Services {
		if ok, err := path.Match(pattern, service); ok && err == nil {
			return true
		}
	}
	return len(e.Services) == 0
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

func (w *run) entry(name string) (incident.CatalogueEntry, bool) {
	for _, e := range w.settings.Catalogue {
		if e.Name == name {
			return e, true
		}
	}
	return incident.CatalogueEntry{}, false
}

// triedAlready lists what was done before, as options that are none any more.
func (w *run) triedAlready() []incident.Exclusion {
	var out []incident.Exclusion
	for _, id := range w.triedOrder {
		out = append(out, incident.Exclusion{OptionID: id, Title: id, Reason: "it was tried before"})
	}
	return out
}

// makePlan makes the exact action of an option. Each is a revision of its own,
// so that a decision on one says nothing of the next.
func (w *run) makePlan(o incident.Option, score float64, chosenBy string) *plan {
	w.revision++
	p := &plan{Option: o, Score: score, Reason: w.view.Diagnosis.Summary, ChosenBy: chosenBy, Action: incident.Action{
		IncidentID: w.id, PlanRevision: w.revision, Name: o.Name, Type: o.Type, Target: o.Target, Steps: o.Steps,
		Precondition: o.Precondition, Planned: o.Planned, Basis: w.basis(), CatalogueVersion: w.settings.CatalogueVersion,
	}}
	d := w.view.Diagnosis
	p.Facts = incident.Facts{
		IncidentID: w.id, Severity: w.view.Severity, Service: o.Target, Labels: w.in.Labels, Action: o.Name, Type: o.Type, Risk: o.Risk,
		BlastRadius: o.BlastRadius, Share: o.Share, Enabled: o.Enabled, Cause: d.Cause, Verdict: d.Verdict, Confidence: d.Confidence,
		Score: score, ValidWeight: w.view.Decision.ValidWeight, DiagnosisVoted: chosenBy == "" && w.view.Decision.Voted(incident.AgentDiagnosis),
		Unsuspected: !activities.Suspected(w.suspects, o.Target), Models: w.models(), Attempt: len(w.tried) + 1, ChosenBy: chosenBy, Origin: w.view.Origin,
	}
	return p
}

func (w *run) models() incident.Models {
	switch {
	case !w.settings.ModelsEnabled:
		return incident.ModelsOff
	case w.view.Degraded || w.noModels:
		return incident.ModelsDegraded
	}
	return incident.ModelsOn
}

// basis is the digest of what a plan rests on: the diagnosis and the evidence
// that it cites. A plan that rests on something else is another action, and so
// is that of a run which follows another: an executor that knows the token of
// the same action in the first one would do nothing for the second.
func (w *run) basis() string {
	d := w.view.Diagnosis
	type cited struct {
		ID, Finding string
		Strength    float64
	}
	on := struct {
		Run      string `json:",omitempty"` // where it is not the first
		Cause    incident.Cause
		Service  string
		Evidence []cited
	}{Run: w.follows, Cause: d.Cause, Service: d.Service}
	cites := claimCites(d.Claims)
	for _, e := range w.view.Evidence {
		if has(cites, e.ID) {
			on.Evidence = append(on.Evidence, cited{e.ID, e.Finding, e.Strength})
		}
	}
	sum := sha256.Sum256(mustJSON(on))
	return hex.EncodeToString(sum[:8])
}

// judge asks the policy who has to agree to the plan.
func (w *run) judge(ctx workflow.Context) *handover {
	p := w.plan
	err := workflow.ExecuteActivity(readOptions(ctx), activities.JudgeActionName, p.Facts).Get(ctx, &p.Ruling)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return &handover{incident.HandoverPolicy, "who has to agree to it cannot be told, so nobody is asked: " + activities.Said(err)}
	}
	w.emit(ctx, &event.PolicyRuled{OptionID: p.Option.ID, ActionHash: p.Action.Hash(), Ruling: p.Ruling}, w.provenance())
	if p.Ruling.Autonomy == incident.AutonomyNever || !p.Ruling.Autonomy.Valid() {
		return &handover{incident.HandoverPolicy, fmt.Sprintf("%s on %s is not for Vigil to do: %s", p.Option.Title, p.Option.Target, because(p.Ruling))}
	}
	return nil
}

// because says what a ruling rests on, in words.
func because(r incident.Ruling) string {
	s := r.Reason
	if r.Rule != "" {
		s = "rule " + r.Rule + ": " + s
	}
	for _, b := range r.Bounds {
		s += "; " + b
	}
	return s
}
