package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// errBlocked is why a text that the guardrail looked at must not be used.
var errBlocked = errors.New("blocked by the guardrail")

// guard passes texts through the guardrail and shows what came of it. An error
// says that they must not be used as they are: the guardrail blocked them
// (errBlocked), or could not be asked. What that means is the caller's to say:
// an action does not go on, a sentence for people may.
func (w *run) guard(ctx workflow.Context, a incident.Agent, subject string, d activities.GuardDirection, texts ...string) ([]string, error) {
	var r activities.GuardTextsResult
	err := workflow.ExecuteActivity(guardOptions(ctx), activities.GuardTextsName, activities.GuardTextsInput{Direction: d, Texts: texts}).Get(ctx, &r)
	if ctx.Err() != nil {
		return texts, ctx.Err()
	}
	w.guardrailChecked(ctx, a, subject, r.Report, err)
	switch {
	case err != nil:
		return texts, err
	case r.Report.Blocked && d == activities.GuardOutput:
		return texts, &incident.Error{Kind: incident.KindDenied, Msg: fmt.Sprintf("the %s was not let through (%s)", subject, clip(r.Report.Reason, 300)), Err: errBlocked}
	case len(r.Texts) != len(texts):
		return texts, incident.Errorf(incident.KindInternal, "the guardrail returned %d texts for %d", len(r.Texts), len(texts))
	}
	return r.Texts, nil
}

// guardrailChecked shows what the guardrail made of a text. Where none is
// configured there is nothing to show.
func (w *run) guardrailChecked(ctx workflow.Context, a incident.Agent, subject string, r activities.GuardReport, err error) {
	e := &event.GuardrailChecked{Agent: a, Subject: subject, Policies: r.Policies, Outcome: event.GuardrailPassed}
	switch {
	case err != nil:
		e.Outcome, e.Detail = event.GuardrailFailed, clip(err.Error(), 300)
	case r.Failed != "":
		e.Outcome, e.Detail = event.GuardrailFailed, clip(r.Failed, 300)
	case r.Off:
		return
	case r.Blocked:
		e.Outcome, e.Detail = event.GuardrailBlocked, clip(r.Reason, 300)
	case r.Changed:
		e.Outcome = event.GuardrailAnonymized
	}
	p := r.Provenance
	if p.Service == "" {
		p = w.provenance()
	}
	w.emit(ctx, e, p)
}

// shown is guard for text that people only read: where the guardrail cannot be
// asked it is shown, and that nobody looked at it is on the page. What the
// guardrail blocks stays blocked.
func (w *run) shown(ctx workflow.Context, a incident.Agent, texts ...*string) error {
	plain := make([]string, len(texts))
	for i, t := range texts {
		plain[i] = *t
	}
	safe, err := w.guard(ctx, a, "answer", activities.GuardOutput, plain...)
	if errors.Is(err, errBlocked) {
		return err
	}
	if err == nil {
		for i, t := range texts {
			*t = safe[i]
		}
	}
	return nil
}
