package workflows

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
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
	purpose activities.Purpose
	what    string // for people
	system  string
	prompt  string
	schema  answerSchema
	tools   []activities.Tool
}

// ask lets an agent think: a durable loop of model calls and the tool calls
// that the model wishes for, each its own activity, so that a crash resumes
// in the middle of it. answer is filled from the model's JSON. An error means
// that the agent has nothing to say; the incident then goes on without it.
func (w *run) ask(ctx workflow.Context, t task, answer any) error {
	if !w.settings.ModelsEnabled {
		return incident.Errorf(incident.KindUnavailable, "models are switched off")
	}
	ctx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	timedOut := false
	workflow.Go(ctx, func(ctx workflow.Context) {
		if workflow.NewTimer(ctx, agentLimits[t.agent].total).Get(ctx, nil) == nil {
			timedOut = true
			cancel()
		}
	})
	err := w.converse(ctx, t, answer)
	if timedOut {
		err = incident.Errorf(incident.KindUnavailable, "the agent took longer than %s", agentLimits[t.agent].total)
		w.agent(ctx, t, incident.AgentTimeout, 0, err.Error())
	} else if err != nil && ctx.Err() == nil {
		w.agent(ctx, t, incident.AgentError, 0, err.Error())
	}
	return err
}

func (w *run) converse(ctx workflow.Context, t task, answer any) error {
	messages := []activities.Message{{Role: "user", Text: t.prompt}}
	repaired := false
	for turn := 1; turn <= w.settings.MaxTurns; turn++ {
		if err := w.withinBudget(); err != nil {
			return err
		}
		w.agent(ctx, t, incident.AgentAnalyzing, turn, "")
		var reply activities.ModelReply
		err := workflow.ExecuteActivity(modelOptions(ctx, t.agent), activities.CallModelName, activities.ModelRequest{
			Agent: t.agent, Purpose: t.purpose, Turn: turn, System: t.system + t.schema.instruction(), Messages: messages, Tools: t.tools,
		}).Get(ctx, &reply)
		if err != nil {
			return err
		}
		w.emit(ctx, &event.ModelCalled{Agent: t.agent, Turn: turn, Text: clip(reply.Text, 8000), Tools: toolNames(reply.Calls),
			StopReason: reply.StopReason}, reply.Provenance)
		messages = append(messages, activities.Message{Role: "assistant", Text: reply.Text, Calls: reply.Calls})
		if len(reply.Calls) > 0 {
			w.agent(ctx, t, incident.AgentProcessing, turn, "")
			messages = append(messages, activities.Message{Role: "user", Results: w.useTools(ctx, t, reply.Calls)})
			continue
		}
		err = parseAnswer(reply.Text, answer)
		if err == nil {
			return nil
		}
		if repaired {
			return incident.Errorf(incident.KindInvalid, "the model's answer cannot be used, nor its second try: %s", err)
		}
		repaired = true
		messages = append(messages, activities.Message{Role: "user",
			Text: "That is not one JSON object of the schema (" + err.Error() + "). Answer again with the JSON object alone."})
	}
	return incident.Errorf(incident.KindThrottled, "no answer within %d turns", w.settings.MaxTurns)
}

// withinBudget stops an agent before a call that the incident may not afford.
func (w *run) withinBudget() error {
	c, s := w.view.Cost, w.settings
	if used := c.InputTokens + c.OutputTokens; used >= s.MaxTokens {
		return incident.Errorf(incident.KindThrottled, "the incident's budget of %d tokens is used up", s.MaxTokens)
	}
	if c.CostMicros >= s.MaxCostMicros {
		return incident.Errorf(incident.KindThrottled, "the incident's budget of $%.2f is used up", float64(s.MaxCostMicros)/1e6)
	}
	return nil
}

// maxToolCalls bounds what one turn may ask for.
const maxToolCalls = 6

// useTools carries out the model's wishes side by side and returns one output
// for each, in order. A wish that cannot be granted is an output that says why.
func (w *run) useTools(ctx workflow.Context, t task, calls []activities.ToolRequest) []activities.ToolOutput {
	outputs := make([]activities.ToolOutput, len(calls))
	futures := make([]workflow.Future, len(calls))
	for i, c := range calls {
		outputs[i].ID = c.ID
		service, err := w.checkTool(t, i, c)
		if err != nil {
			outputs[i].Text, outputs[i].Error = err.Error(), true
			continue
		}
		futures[i] = w.collect(ctx, t.agent, c.Name, service)
	}
	asTheyCome(ctx, futures, func(i int, f workflow.Future) {
		e, err := w.collected(ctx, f)
		if err != nil {
			outputs[i].Text, outputs[i].Error = "the tool failed: "+err.Error(), true
			return
		}
		outputs[i].Text = renderEvidence(e)
	})
	return outputs
}

// asTheyCome takes each future when it is ready, so that what is quick does
// not wait on the screen for what is slow. Futures that are nil are left out.
func asTheyCome(ctx workflow.Context, futures []workflow.Future, take func(i int, f workflow.Future)) {
	s := workflow.NewSelector(ctx)
	waiting := 0
	for i, f := range futures {
		if f != nil {
			s.AddFuture(f, func(f workflow.Future) { take(i, f) })
			waiting++
		}
	}
	for range waiting {
		s.Select(ctx)
	}
}

func (w *run) checkTool(t task, i int, c activities.ToolRequest) (service string, err error) {
	offered := false
	for _, tool := range t.tools {
		offered = offered || tool.Name == c.Name
	}
	var in struct {
		Service string `json:"service"`
	}
	switch {
	case i >= maxToolCalls:
		return "", fmt.Errorf("at most %d tools a turn", maxToolCalls)
	case !offered:
		return "", fmt.Errorf("there is no tool %q", c.Name)
	case json.Unmarshal(c.Input, &in) != nil || len(in.Service) > 200:
		return "", fmt.Errorf("the input does not match the tool's schema")
	case in.Service == "" && c.Name != activities.ToolServiceGraph:
		return "", fmt.Errorf("the input lacks the service")
	}
	return in.Service, nil
}

// collect starts one look with one tool.
func (w *run) collect(ctx workflow.Context, a incident.Agent, tool, service string) workflow.Future {
	from, base := w.window()
	return workflow.ExecuteActivity(readOptions(ctx), activities.CollectEvidenceName, activities.CollectInput{
		Tool: tool, Service: service, Agent: a, StartedAt: w.startedAt, BaselineTo: base,
		Window: activities.Window{From: from, To: workflow.Now(ctx).UTC()},
	})
}

// collected waits for a look, numbers what came of it and shows it.
func (w *run) collected(ctx workflow.Context, f workflow.Future) (incident.Evidence, error) {
	var e incident.Evidence
	if err := f.Get(ctx, &e); err != nil {
		return e, err
	}
	w.addEvidence(ctx, &e)
	return e, nil
}

func (w *run) addEvidence(ctx workflow.Context, e *incident.Evidence) {
	w.evidenceCount++
	e.ID = fmt.Sprintf("E%d", w.evidenceCount)
	w.emit(ctx, &event.EvidenceCollected{Evidence: *e}, e.Provenance)
}

// window is the span that telemetry is read from; its first half, before base,
// counts as normal operation. Trouble begins some time before it is noticed,
// so the second half leaves it that time.
func (w *run) window() (from, base time.Time) {
	lookback := ms(w.settings.LookbackMS)
	return w.startedAt.Add(-lookback), w.startedAt.Add(-lookback / 2)
}

// agent shows what an agent does.
func (w *run) agent(ctx workflow.Context, t task, s incident.AgentState, turn int, finding string) {
	count := 0
	for _, e := range w.view.Evidence {
		if e.CollectedBy == t.agent {
			count++
		}
	}
	w.emit(ctx, &event.AgentUpdated{Agent: t.agent, State: s, Phase: t.phase, Task: t.what, Turn: turn,
		MaxTurns: w.settings.MaxTurns, EvidenceCount: count, KeyFinding: clip(finding, 500)}, w.provenance())
}

// concluded shows what an agent came to. confidence comes from evidence.
func (w *run) concluded(ctx workflow.Context, t task, confidence float64, finding string, p incident.Provenance) {
	count := 0
	for _, e := range w.view.Evidence {
		if e.CollectedBy == t.agent {
			count++
		}
	}
	u := &event.AgentUpdated{Agent: t.agent, State: incident.AgentCompleted, Phase: t.phase, Task: t.what,
		EvidenceCount: count, KeyFinding: clip(finding, 500)}
	if confidence > 0 {
		u.Confidence = &confidence
	}
	w.emit(ctx, u, p)
}

// without says that an agent failed and what happens instead.
func (w *run) without(ctx workflow.Context, t task, err error, recovery string) {
	w.emit(ctx, &event.ErrorRaised{Kind: activities.KindOf(err), Message: clip(err.Error(), 1000), Phase: t.phase, Agent: t.agent,
		Recoverable: true, Recovery: recovery}, w.provenance())
}

// parseAnswer reads one JSON object, bare or in a fenced block, and refuses
// everything else: unknown fields, trailing text, no object at all.
func parseAnswer(text string, into any) error {
	s := strings.TrimSpace(text)
	if strings.HasPrefix(s, "```") && strings.HasSuffix(s, "```") && strings.Contains(s, "\n") {
		s = strings.TrimSuffix(s[strings.Index(s, "\n")+1:], "```")
	}
	d := json.NewDecoder(bytes.NewReader([]byte(s)))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() {
		return fmt.Errorf("text after the object")
	}
	return nil
}

func toolNames(calls []activities.ToolRequest) []string {
	var names []string
	for _, c := range calls {
		names = append(names, c.Name)
	}
	return names
}

// clip shortens text to n bytes without cutting a character in two.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
