package activities

import "context"

// CheckMessageInput is text on its way to people.
type CheckMessageInput struct {
	Text string `json:"text"`
}

// CheckMessage redacts text and passes it through the guardrail.
func (a *Activities) CheckMessage(ctx context.Context, in CheckMessageInput) (GuardrailResult, error) {
	defer keepAlive(ctx)()
	r, err := a.Guardrail.Check(ctx, Redact(in.Text))
	if err != nil {
		return GuardrailResult{}, failure("check a message with the guardrail", err)
	}
	r.Provenance = attempt(ctx, r.Provenance)
	return r, nil
}
