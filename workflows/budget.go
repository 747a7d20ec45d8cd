package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// used is what an agent's model calls have used so far.
func (w *run) used(a incident.Agent) incident.Budget {
	for _, v := range w.view.Agents {
		if v.Agent == a {
			return v.Used
		}
	}
	return incident.Budget{}
}

// spent is what all model calls of the incident have used so far.
func (w *run) spent() incident.Budget {
	c := w.view.Cost
	return incident.Budget{Turns: c.ModelCalls, Tokens: c.InputTokens + c.OutputTokens, CostMicros: c.CostMicros}
}

// agentCap and incidentCap are the caps in force: the settings', or what a
// person raised them to.
func (w *run) agentCap(a incident.Agent) incident.Budget {
	if raised, ok := w.view.AgentBudgets[a]; ok {
		return raised
	}
	return w.settings.AgentBudgets[a]
}

func (w *run) incidentCap() incident.Budget {
	if w.view.Budget != (incident.Budget{}) {
		return w.view.Budget
	}
	return w.settings.Budget
}

// exhausted says which budget keeps an agent from its next call, nil for none.
func (w *run) exhausted(a incident.Agent) *event.BudgetExhausted {
	if limit, used := w.agentCap(a), w.used(a); limit.Exceeded(used) != "" {
		return &event.BudgetExhausted{Scope: event.BudgetOfAgent, Agent: a, Which: limit.Exceeded(used), Cap: limit, Used: used}
	}
	if limit, used := w.incidentCap(), w.spent(); limit.Exceeded(used) != "" {
		return &event.BudgetExhausted{Scope: event.BudgetOfIncident, Agent: a, Which: limit.Exceeded(used), Cap: limit, Used: used}
	}
	return nil
}

// afford returns when the agent may make its next call. At a cap it shows what
// is used up and waits for a person to raise it; where nobody does in time, or
// a person says so, the incident goes on without models.
func (w *run) afford(ctx workflow.Context, t task) error {
	for {
		e := w.exhausted(t.agent)
		if e == nil {
			return nil
		}
		refused := incident.Errorf(incident.KindBudget, "the budget of %s is used up: %s", e.Scope, words(*e))
		if t.spare || w.noModels {
			return refused
		}
		wait := ms(w.settings.BudgetWaitMS)
		e.Deadline = workflow.Now(ctx).Add(wait).UTC()
		if p := w.view.Paused; p == nil || p.Scope != e.Scope || p.Scope == event.BudgetOfAgent && p.Agent != e.Agent {
			w.emit(ctx, e, w.provenance())
		}
		before := w.view.Summary
		w.needHuman(ctx, before.Status, true, refused.Msg)
		w.agent(ctx, t, incident.AgentWaiting, 0, "")
		t.clock.waiting = true
		began := workflow.Now(ctx)
		raised, err := workflow.AwaitWithTimeout(ctx, wait, func() bool {
			return w.noModels || w.view.Paused == nil || w.exhausted(t.agent) == nil // raised for another agent: said again
		})
		t.clock.waiting = false
		t.clock.waited += workflow.Now(ctx).Sub(began)
		if err != nil {
			return err
		}
		if !raised {
			w.noModels = true
			w.emit(ctx, &event.BudgetRaised{Scope: e.Scope, Agent: e.Agent, Cap: e.Cap, Declined: true,
				Comment: "nobody raised it in time"}, w.provenance())
		}
		if w.view.Paused == nil && !w.view.Status.Terminal() {
			w.needHuman(ctx, w.view.Status, before.NeedsHuman, before.StatusReason)
		}
	}
}

func words(e event.BudgetExhausted) string {
	switch e.Which {
	case "turns":
		return fmt.Sprintf("%d of %d model calls", e.Used.Turns, e.Cap.Turns)
	case "tokens":
		return fmt.Sprintf("%d of %d tokens", e.Used.Tokens, e.Cap.Tokens)
	}
	return fmt.Sprintf("$%.4f of $%.4f", float64(e.Used.CostMicros)/1e6, float64(e.Cap.CostMicros)/1e6)
}

// needHuman says that the incident does, or no longer does, wait for a person
// where it stands.
func (w *run) needHuman(ctx workflow.Context, s incident.Status, needs bool, reason string) {
	if w.view.NeedsHuman == needs {
		return
	}
	w.emit(ctx, &event.IncidentStatusChanged{Status: s, NeedsHuman: needs, Handover: w.view.Handover, Reason: reason}, w.provenance())
	w.upsert(ctx)
}

// dayExhausted says that all incidents together have reached their cap. It
// cannot be raised here, so nobody is waited for.
func (w *run) dayExhausted(ctx workflow.Context, t task, err error) {
	which := "tokens"
	if strings.Contains(err.Error(), "$") {
		which = "cost"
	}
	w.emit(ctx, &event.BudgetExhausted{Scope: event.BudgetOfDay, Agent: t.agent, Which: which}, w.provenance())
}

func (w *run) checkRaiseBudget(_ workflow.Context, a incident.RaiseBudgetArgs) error {
	if err := w.checkOpen(a.Principal, incident.RoleApprover, "raising a budget"); err != nil {
		return err
	}
	switch {
	case a.Agent != "" && !a.Agent.Valid():
		return incident.Errorf(incident.KindInvalid, "there is no agent %q; leave it out for the incident", a.Agent)
	case a.Add.Turns < 0, a.Add.Tokens < 0, a.Add.CostMicros < 0, a.Add.Turns > 1000, a.Add.Tokens > 100_000_000, a.Add.CostMicros > 1_000_000_000:
		return incident.Errorf(incident.KindInvalid, "a budget is raised by up to 1000 turns, 100 million tokens and $1000 at once, and never lowered")
	case a.Add == incident.Budget{} && w.view.Paused == nil:
		return incident.Errorf(incident.KindConflict, "the incident waits for no budget; say by how much to raise it")
	case len(a.Comment) > maxNote:
		return incident.Errorf(incident.KindInvalid, "the comment is longer than %d characters", maxNote)
	}
	return nil
}

// onRaiseBudget adds to a budget. What was overshot is forgiven, so that what
// was added is there to be used.
func (w *run) onRaiseBudget(ctx workflow.Context, a incident.RaiseBudgetArgs) (incident.VerbResult, error) {
	scope, limit, used := event.BudgetOfIncident, w.incidentCap(), w.spent()
	if a.Agent != "" {
		scope, limit, used = event.BudgetOfAgent, w.agentCap(a.Agent), w.used(a.Agent)
	}
	declined := a.Add == incident.Budget{}
	if declined {
		w.noModels = true
	} else {
		w.noModels = false
		limit = raise(limit, used, a.Add)
	}
	return incident.VerbResult{Seq: w.emit(ctx, &event.BudgetRaised{Scope: scope, Agent: a.Agent, By: a.Principal.Name, Cap: limit,
		Declined: declined, Comment: a.Comment}, w.by(a.Principal))}, nil
}

func raise(limit, used, add incident.Budget) incident.Budget {
	if add.Turns > 0 && limit.Turns > 0 {
		limit.Turns = max(limit.Turns, used.Turns) + add.Turns
	}
	if add.Tokens > 0 && limit.Tokens > 0 {
		limit.Tokens = max(limit.Tokens, used.Tokens) + add.Tokens
	}
	if add.CostMicros > 0 && limit.CostMicros > 0 {
		limit.CostMicros = max(limit.CostMicros, used.CostMicros) + add.CostMicros
	}
	return limit
}
