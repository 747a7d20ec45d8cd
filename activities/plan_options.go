package activities

import (
	"context"
	"fmt"
	"slices"
	"time"

	"vigil/workflows/incident"
)

// Candidate is an entry of the catalogue for a target that it may fit.
type Candidate struct {
	Entry  incident.CatalogueEntry `json:"entry"`
	Target string                  `json:"target"`
}

// PlanResult is what can be done, in the order of the candidates, and what
// cannot and why.
type PlanResult struct {
	Options  []incident.Option    `json:"options"`
	Excluded []incident.Exclusion `json:"excluded,omitempty"`
}

// PlanOptions reads each candidate's target and makes the exact steps from what
// it finds. An entry that does not fit, because its target is not the
// executor's, its precondition does not hold or its arguments would break its
// schema, is excluded. It only reads.
func (a *Activities) PlanOptions(ctx context.Context, in []Candidate) (PlanResult, error) {
	defer keepAlive(ctx)()
	out := PlanResult{Options: []incident.Option{}}
	for _, c := range in {
		id := c.Entry.Name + ":" + c.Target
		o, err := a.plan(ctx, id, c)
		switch {
		case err == nil:
			out.Options = append(out.Options, o)
		case ctx.Err() != nil:
			return out, failureOf(ctx, "plan "+id, err)
		default: // one that cannot be planned leaves the others
			out.Excluded = append(out.Excluded, incident.Exclusion{OptionID: id, Title: c.Entry.Title, Reason: err.Error()})
		}
	}
	return out, nil
}

func (a *Activities) plan(ctx context.Context, id string, c Candidate) (incident.Option, error) {
	e := c.Entry
	first := incident.Effect{Step: 1, Executor: e.Steps[0].Executor, Document: e.Steps[0].Document, Target: c.Target}
	x, err := a.executor(first)
	if err != nil {
		return incident.Option{}, err
	}
	now, _, err := x.Observe(ctx, first)
	if err != nil {
		return incident.Option{}, fmt.Errorf("%s cannot be read: %w", c.Target, err)
	}
	holds, err := a.Catalogue.Holds(e.Precondition, c.Target, now, now)
	if err != nil {
		return incident.Option{}, err
	}
	if !holds {
		return incident.Option{}, incident.Errorf(incident.KindConflict, "its precondition %q does not hold: %s is %v", e.Precondition, c.Target, now)
	}
	steps, err := a.Catalogue.Plan(e, c.Target, now)
	if err != nil {
		return incident.Option{}, err
	}
	for _, s := range steps {
		if a.Executors[s.Executor] == nil {
			return incident.Option{}, incident.Errorf(incident.KindInvalid, "this worker has no executor %q", s.Executor)
		}
	}
	return incident.Option{ID: id, Name: e.Name, Type: e.Type, Target: c.Target, Title: e.Title, Steps: steps, Precondition: e.Precondition,
		Planned: now, Risk: e.Risk, BlastRadius: e.BlastRadius, Share: e.Share, Effect: e.Effect, Enabled: e.Enabled}, nil
}

// JudgeAction says who has to agree to an action under the policy and the
// controls of this moment.
func (a *Activities) JudgeAction(ctx context.Context, f incident.Facts) (incident.Ruling, error) {
	defer keepAlive(ctx)()
	v, err := a.Policy.Judge(ctx, f, time.Now())
	if err != nil {
		return incident.Ruling{}, failureOf(ctx, "judge "+f.Action, err)
	}
	c, err := a.Controls.Read(ctx)
	if err != nil {
		return incident.Ruling{}, failureOf(ctx, "judge "+f.Action, err)
	}
	r := incident.Rule(f, v, c)
	r.Bounds = slices.Clip(r.Bounds)
	return r, nil
}
