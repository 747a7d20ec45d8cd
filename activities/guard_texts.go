package activities

import (
	"context"
	"strings"

	"vigil/workflows/incident"
)

// GuardTextsInput is text of one origin on its way somewhere.
type GuardTextsInput struct {
	Direction GuardDirection `json:"direction"`
	Texts     []string       `json:"texts"`
}

// GuardTextsResult has the texts as they may be used, in the same order.
type GuardTextsResult struct {
	Texts  []string    `json:"texts"`
	Report GuardReport `json:"report"`
}

// GuardReport says what the guardrail did, without the text.
type GuardReport struct {
	Blocked    bool                `json:"blocked,omitempty"`
	Changed    bool                `json:"changed,omitempty"`
	Off        bool                `json:"off,omitempty"`
	Failed     string              `json:"failed,omitempty"` // why it could not be asked
	Policies   []string            `json:"policies,omitempty"`
	Reason     string              `json:"reason,omitempty"` // in the guardrail's words, where it blocked
	Provenance incident.Provenance `json:"provenance"`
}

// GuardTexts redacts texts and passes them through the guardrail. A guardrail
// that cannot be asked is an error: the workflow decides what that means for
// the text, because an action must not go on and a sentence may.
func (a *Activities) GuardTexts(ctx context.Context, in GuardTextsInput) (GuardTextsResult, error) {
	defer keepAlive(ctx)()
	texts, report, err := a.guard(ctx, in.Direction, in.Texts)
	if err != nil {
		return GuardTextsResult{}, failureOf(ctx, "check "+string(in.Direction)+" with the guardrail", err)
	}
	report.Provenance = attempt(ctx, report.Provenance)
	return GuardTextsResult{Texts: texts, Report: report}, nil
}

// between separates texts that are checked together. The guardrail masks
// words within a text and leaves this alone.
const between = "\n\u241e\n"

// guard checks texts as one, because a guardrail is paid by the thousand
// characters begun.
func (a *Activities) guard(ctx context.Context, d GuardDirection, texts []string) ([]string, GuardReport, error) {
	safe := make([]string, len(texts))
	for i, t := range texts {
		safe[i] = strings.ReplaceAll(Redact(t), "\u241e", " ")
	}
	joined := strings.Join(safe, between)
	if a.Guardrail == nil || strings.TrimSpace(strings.ReplaceAll(joined, "\u241e", "")) == "" {
		return safe, GuardReport{Off: true}, nil
	}
	r, err := a.Guardrail.Check(ctx, d, joined)
	if err != nil {
		return nil, GuardReport{}, err
	}
	report := GuardReport{Blocked: r.Blocked, Changed: r.Changed, Off: r.Off, Policies: r.Policies, Provenance: r.Provenance}
	if r.Blocked {
		report.Reason = r.Text
		return safe, report, nil
	}
	if parts := strings.Split(r.Text, between); len(parts) == len(safe) {
		return parts, report, nil
	}
	// What came back cannot be told apart again. Nothing of it is used, rather
	// than the text that the guardrail wanted changed.
	report.Blocked, report.Reason = true, "the guardrail's answer does not match the texts that it was asked about"
	return safe, report, nil
}

// guardEvidence anonymises what strangers wrote in e. A guardrail that cannot
// be asked, or that refuses outright, leaves the text redacted as it is: an
// incident is not blocked because its logs mention a password.
func (a *Activities) guardEvidence(ctx context.Context, e *incident.Evidence) *GuardReport {
	spots := freeText(e)
	if len(spots) == 0 {
		return nil
	}
	texts := make([]string, len(spots))
	for i, s := range spots {
		texts[i] = *s
	}
	safe, report, err := a.guard(ctx, GuardInput, texts)
	if err != nil {
		report.Failed = err.Error()
		for i := range texts {
			texts[i] = Redact(texts[i])
		}
		safe = texts
	}
	for i, s := range spots {
		*s = safe[i]
	}
	if report.Off {
		return nil
	}
	return &report
}

// freeText points at every piece of e that somebody outside may have written.
// The slices of e are copied first, because their source may hold them too.
func freeText(e *incident.Evidence) []*string {
	var out []*string
	e.Logs = append([]incident.LogPattern(nil), e.Logs...)
	for i := range e.Logs {
		out = append(out, &e.Logs[i].Template, &e.Logs[i].Example)
	}
	e.Changes = append([]incident.Change(nil), e.Changes...)
	for i := range e.Changes {
		out = append(out, &e.Changes[i].Summary, &e.Changes[i].Actor)
	}
	e.Events = append([]incident.SystemEvent(nil), e.Events...)
	for i := range e.Events {
		out = append(out, &e.Events[i].Message)
	}
	e.Documents = append([]incident.Document(nil), e.Documents...)
	for i := range e.Documents {
		out = append(out, &e.Documents[i].Title, &e.Documents[i].Text)
	}
	if e.Load != nil {
		load := *e.Load
		load.Statements = append([]incident.Statement(nil), load.Statements...)
		for i := range load.Statements {
			out = append(out, &load.Statements[i].SQL)
		}
		e.Load = &load
	}
	if len(out) > 0 {
		out = append(out, &e.Finding) // quotes them
	}
	return out
}
