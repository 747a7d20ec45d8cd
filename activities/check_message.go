package activities

import "context"

// CheckMessageInput is text on its way to people.
type CheckMessageInput struct {
	Text string `json:"text"`
}

// CheckMessage passes text through the guardrail. Without a guardrail the
// text is returned as it is, and the result's provenance is empty.
func (a *Activities) CheckMessage(ctx context.Context, in CheckMessageInput) (GuardrailResult, error) {
	if a.Guardrail == nil {
		return GuardrailResult{Text: Redact(in.Text)}, nil
	}
	defer keepAlive(ctx)()
	r, err := a.Guardrail.Check(ctx, Redact(in.Text))
	if err != nil {
		return GuardrailResult{}, failure("check a message with the guardrail", err)
	}
	r.Provenance = attempt(ctx, r.Provenance)
	return r, nil
}
