package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// task is what an agent is asked to do.
type task struct {
	agent   incident.Agent
	phase   incident.Phase
	purpose incident.Purpose
	what    string // for people
	system  string
	prompt  string
	schema  answerSchema
	tools   []activities.Tool

	// check looks at a whole answer and says what is wrong with it, "" for
	// nothing. It may be nil.
	check func(ctx workflow.Context) (event.RouteReason, string)
	// spare: the incident does not wait for this, neither for a budget nor for
	// a person to raise one.
	spare bool

	clock *clock // set by ask
}

// clock is the time that a task has taken.
type clock struct {
	out     bool // the limit has passed
	waiting bool // for a person to raise a budget: that time does not count
	waited  time.Duration
}

// errModelsOff is what every agent gets where models are switched off. That is
// a way of working and no failure.
var errModelsOff = incident.Errorf(incident.KindDenied, "models are switched off")

// ask lets an agent think: a durable loop of model calls and the tool calls
// that the model wishes for, each its own activity, so that a crash resumes in
// the middle of it. answer is filled from the model's JSON. A model whose
// answer cannot be used gives way to a larger one, a model that cannot be had
// to a smaller one. An error means that the agent has nothing to say; the
// incident then goes on without it.
func (w *run) ask(ctx workflow.Context, t task, answer any) error {
	if !w.settings.ModelsEnabled {
		return errModelsOff
	}
	t.clock = &clock{}
	ctx, stop := limited(ctx, t.clock, agentLimits[t.agent].total)
	defer stop()
	err := w.climb(ctx, t, answer)
	if t.clock.out {
		err = incident.Errorf(incident.KindUnavailable, "the agent took longer than %s", agentLimits[t.agent].total)
		w.agent(ctx, t, incident.AgentTimeout, 0, err.Error())
	} else if err != nil && ctx.Err() == nil {
		w.agent(ctx, t, incident.AgentError, 0, err.Error())
	}
	return err
}

// limited gives a task its time, and cancels it when that is up.
func limited(ctx workflow.Context, c *clock, total time.Duration) (workflow.Context, func()) {
	ctx, cancel := workflow.WithCancel(ctx)
	workflow.Go(ctx, func(ctx workflow.Context) {
		for left := total; left > 0; {
			if workflow.NewTimer(ctx, left).Get(ctx, nil) != nil ||
				workflow.Await(ctx, func() bool { return !c.waiting }) != nil {
				return
			}
			left, c.waited = c.waited, 0
		}
		c.out = true
		cancel()
	})
	return ctx, cancel
}

// climb asks one model after another until one answers usably. No model is
// asked in the same task twice.
func (w *run) climb(ctx workflow.Context, t task, answer any) error {
	model := w.settings.Models[t.purpose]
	w.route(ctx, t, model, "", event.RouteConfigured, "")
	tried := []string{model}
	c := newTalk(t.prompt)
	for {
		reason, detail, err := w.exchange(ctx, t, model, c, answer)
		if reason == "" || ctx.Err() != nil {
			return err
		}
		next := w.next(model, reason, tried)
		if next == "" {
			if err == nil { // read and whole, if not well founded: what it is worth is decided where it is used
				return nil
			}
			w.route(ctx, t, "", model, event.RouteStatistics, detail)
			return err
		}
		w.route(ctx, t, next, model, reason, detail)
		model, tried = next, append(tried, next)
	}
}

// exchange talks with one model until it answers. reason says why another one
// should be asked, "" that none needs to be.
func (w *run) exchange(ctx workflow.Context, t task, model string, c *talk, answer any) (reason event.RouteReason, detail string, err error) {
	for c.begin(); c.next(); {
		if err := w.afford(ctx, t); err != nil {
			return "", "", err
		}
		r := c.request(w.request(t, model))
		w.agent(ctx, t, incident.AgentAnalyzing, r.Turn, "")
		var reply activities.ModelReply
		if err := workflow.ExecuteActivity(modelOptions(ctx, t.agent), activities.CallModelName, r).Get(ctx, &reply); err != nil {
			return w.refused(ctx, t, r.Turn, err), err.Error(), err
		}
		problem := c.hear(reply, answer)
		w.emit(ctx, &event.ModelCalled{Agent: t.agent, Turn: r.Turn, Text: clip(reply.Text, 8000), Tools: toolNames(reply.Calls),
			StopReason: reply.StopReason, PromptHash: reply.PromptHash, Problem: clip(problem, 500)}, reply.Provenance)
		switch {
		case len(reply.Calls) > 0:
			w.agent(ctx, t, incident.AgentProcessing, r.Turn, "")
			c.bring(w.useTools(ctx, t, reply.Calls))
		case problem != "":
			if err := c.repair(problem); err != nil {
				return event.RouteMalformed, problem, err
			}
		case t.check != nil:
			if reason, detail = t.check(ctx); reason != "" {
				c.takeBack()
			}
			return reason, detail, nil
		default:
			return "", "", nil
		}
	}
	err = c.giveUp()
	return event.RouteMalformed, err.Error(), err
}

// refused says what a model call that failed means for which model to ask
// next, "" that none should be. What was answered was paid for, even where it
// cannot be used, and is on the page.
func (w *run) refused(ctx workflow.Context, t task, turn int, err error) event.RouteReason {
	p, paid := activities.PaidFor(err)
	if paid {
		w.emit(ctx, &event.ModelCalled{Agent: t.agent, Turn: turn, Problem: clip(err.Error(), 500)}, p)
	}
	switch kind := activities.KindOf(err); {
	case kind == incident.KindBudget:
		w.dayExhausted(ctx, t, err)
		return ""
	case kind == incident.KindInvalid, paid && kind != incident.KindUnavailable:
		return event.RouteMalformed
	}
	return event.RouteUnavailable
}

// request is the next turn of an agent, without what was said before.
func (w *run) request(t task, model string) activities.ModelRequest {
	r := t.request(w.settings.Suffix, model)
	r.IncidentID, r.RunID, r.Turn = w.id, w.runID, w.used(t.agent).Turns+1
	return r
}

// request is what is the same in every turn of a task.
func (t task) request(suffix, model string) activities.ModelRequest {
	return activities.ModelRequest{Agent: t.agent, Purpose: t.purpose, Model: model,
		System: ground(suffix) + t.system + t.schema.instruction(), Tools: t.tools}
}

// agent shows what an agent does.
func (w *run) agent(ctx workflow.Context, t task, s incident.AgentState, turn int, finding string) {
	w.emit(ctx, &event.AgentUpdated{Agent: t.agent, State: s, Phase: t.phase, Task: t.what, Turn: turn,
		MaxTurns: w.agentCap(t.agent).Turns, EvidenceCount: w.collectedBy(t.agent), KeyFinding: clip(finding, 500)}, w.provenance())
}

// concluded shows what an agent came to. confidence comes from evidence.
func (w *run) concluded(ctx workflow.Context, t task, confidence float64, finding string, p incident.Provenance) {
	u := &event.AgentUpdated{Agent: t.agent, State: incident.AgentCompleted, Phase: t.phase, Task: t.what,
		EvidenceCount: w.collectedBy(t.agent), KeyFinding: clip(finding, 500)}
	if confidence > 0 {
		u.Confidence = &confidence
	}
	w.emit(ctx, u, p)
}

func (w *run) collectedBy(a incident.Agent) int {
	count := 0
	for _, e := range w.view.Evidence {
		if e.CollectedBy == a {
			count++
		}
	}
	return count
}

// without says that an agent failed and what happens instead, and returns how
// its phase ended. Models that are switched off are no failure.
func (w *run) without(ctx workflow.Context, t task, err error, recovery string) incident.PhaseState {
	if err == errModelsOff {
		return incident.PhaseCompleted
	}
	w.emit(ctx, &event.ErrorRaised{Kind: activities.KindOf(err), Message: clip(err.Error(), 1000), Phase: t.phase, Agent: t.agent,
		Recoverable: true, Recovery: recovery}, w.provenance())
	return incident.PhaseDegraded
}
