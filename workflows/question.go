package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/workflow"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

const (
	maxQuestions = 50   // in one incident
	maxQuestion  = 1000 // bytes
)

func (w *run) checkAsk(_ workflow.Context, a incident.AskArgs) error {
	if err := w.checkOpen(a.Principal, incident.RoleResponder, "asking a question"); err != nil {
		return err
	}
	switch {
	case len(a.Question) > maxQuestion:
		return incident.Errorf(incident.KindInvalid, "the question is longer than %d characters", maxQuestion)
	case len(w.view.Questions) >= maxQuestions:
		return incident.Errorf(incident.KindThrottled, "%d questions were asked of this incident; that is all it takes", maxQuestions)
	case w.continued:
		return incident.Errorf(incident.KindUnavailable, "the incident is just being continued in a new run; ask again")
	}
	return checkText("question", a.Question)
}

// onAsk takes a question and returns at once; the answer comes as an event.
func (w *run) onAsk(ctx workflow.Context, a incident.AskArgs) (incident.AskResult, error) {
	id := fmt.Sprintf("Q%d", len(w.view.Questions)+1)
	seq := w.emit(ctx, &event.QuestionAsked{ID: id, By: a.Principal.Name, Text: a.Question}, w.by(a.Principal))
	return incident.AskResult{QuestionID: id, Seq: seq}, nil
}

// answerQuestions answers one question after another, by the same loop and
// budget as the diagnosis.
func (w *run) answerQuestions(ctx workflow.Context) {
	for {
		// Not before the incident has looked at anything, and not while the
		// agent that answers is busy with the diagnosis.
		ready := func() bool { return w.told != "" && w.unanswered() && !w.busy(incident.AgentDiagnosis) }
		if workflow.Await(ctx, ready) != nil {
			break
		}
		i := slices.IndexFunc(w.view.Questions, waits)
		w.answer(ctx, w.view.Questions[i].ID)
		if ctx.Err() != nil {
			break
		}
	}
	for _, q := range w.view.Questions { // what nobody will answer any more
		if waits(q) && !w.continued {
			w.emit(ctx, &event.QuestionAnswered{ID: q.ID, Error: "the incident ended before it was answered"}, w.provenance())
		}
	}
}

// unanswered reports whether a question still waits.
func (w *run) unanswered() bool { return slices.ContainsFunc(w.view.Questions, waits) }

func waits(q event.Question) bool { return q.Answer == nil && q.Error == "" }

// busy reports whether an agent is in the middle of something.
func (w *run) busy(a incident.Agent) bool {
	switch w.agentBefore(a).State {
	case incident.AgentInitializing, incident.AgentAnalyzing, incident.AgentProcessing, incident.AgentWaiting:
		return true
	}
	return false
}

func (w *run) answer(ctx workflow.Context, id string) {
	i := slices.IndexFunc(w.view.Questions, func(q event.Question) bool { return q.ID == id })
	question := w.view.Questions[i].Text
	t := task{agent: incident.AgentDiagnosis, phase: w.view.Phase, purpose: incident.PurposeAnswer, what: "answer " + id,
		system: answerSystem, schema: questionSchema, tools: w.tools(), spare: w.view.Status == incident.StatusNeedsHuman}
	t.prompt = w.told + w.renderEvidence(w.view.Evidence...)
	if w.view.Diagnosis != nil {
		t.prompt += w.renderTagged("diagnosis", w.view.Diagnosis)
	}
	t.prompt += w.renderTagged("question", question)

	var raw activities.QuestionAnswer
	var a incident.Answer
	t.check = func(ctx workflow.Context) (event.RouteReason, string) {
		a = w.checked(ctx, question, &raw)
		if !slices.ContainsFunc(a.Claims, func(c incident.Claim) bool { return c.Supported }) {
			return event.RouteUnsupported, "no claim of the answer cites evidence that exists"
		}
		return "", ""
	}
	before := w.agentBefore(t.agent)
	err := w.ask(ctx, t, &raw)
	if ctx.Err() != nil {
		return
	}
	if err == nil {
		texts := []*string{&a.Text}
		for i := range a.Claims {
			texts = append(texts, &a.Claims[i].Text)
		}
		err = w.shown(ctx, t.agent, texts...)
	}
	p := w.modelProvenance(t.agent)
	if err != nil {
		w.without(ctx, t, err, "the question is answered from what the statistics found")
		a, p = w.checked(ctx, question, nil), w.provenance()
	}
	w.emit(ctx, &event.QuestionAnswered{ID: id, Answer: &a}, p)
	w.emit(ctx, &before, w.provenance())
}

// checked holds an answer against the evidence; raw is nil where no model
// answered.
func (w *run) checked(ctx workflow.Context, question string, raw *activities.QuestionAnswer) (a incident.Answer) {
	in := activities.AnswerInput{Question: question, Raw: raw, Evidence: w.view.Evidence, Suspects: w.suspects}
	if w.view.Diagnosis != nil {
		in.Diagnosis = *w.view.Diagnosis
	}
	if err := workflow.ExecuteLocalActivity(pureOptions(ctx), activities.AnswerName, in).Get(ctx, &a); err != nil {
		return incident.Answer{Text: "The answer could not be held against the evidence: " + err.Error(), Method: "statistics"}
	}
	return a
}

// agentBefore is what an agent showed, to be shown again after it answered.
func (w *run) agentBefore(a incident.Agent) event.AgentUpdated {
	for _, v := range w.view.Agents {
		if v.Agent == a {
			return v.AgentUpdated
		}
	}
	return event.AgentUpdated{Agent: a, State: incident.AgentIdle}
}
