package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"vigil/activities"
	"vigil/workflows"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// answer is what somebody made of a case.
type answer struct {
	by       answerer
	suspects []incident.Suspect // the surest first
	evidence []incident.Evidence
	took     time.Duration // from the first look to the answer

	diagnosis incident.Diagnosis // of models always, of the statistics once concluded
	used      usage
	aside     string // why the model's answer is of no use; the statistics' own stands for it
}

func (a answer) asideText() string {
	if a.aside == "" {
		return ""
	}
	return "; its own answer is set aside: " + a.aside
}

// usage is what models were asked.
type usage struct {
	turns, unpriced int // answers; those without a known price
	tokens, micros  int64
	simulated       bool
}

func (u *usage) add(v usage) {
	u.turns, u.unpriced, u.tokens, u.micros = u.turns+v.turns, u.unpriced+v.unpriced, u.tokens+v.tokens, u.micros+v.micros
	u.simulated = u.simulated || v.simulated
}

// count adds one answer that was paid for.
func (u *usage) count(p incident.Provenance) {
	u.turns++
	u.simulated = u.simulated || p.Origin == incident.OriginSimulated
	if p.Usage == nil || p.Usage.CostMicros == nil {
		u.unpriced++
	}
	if p.Usage != nil {
		u.tokens += p.Usage.InputTokens + p.Usage.OutputTokens
		if p.Usage.CostMicros != nil {
			u.micros += *p.Usage.CostMicros
		}
	}
}

// cost is that of one of n cases.
func (u usage) cost(n float64) string {
	if u.unpriced > 0 {
		return "unknown"
	}
	return fmt.Sprintf("$%.5f", float64(u.micros)/1e6/n)
}

// rows are empty lines of the table, one for each who answers.
func (o options) rows(set string) []*row {
	var out []*row
	for _, by := range o.answering() {
		out = append(out, &row{set: set, answered: by.name})
	}
	return out
}

// ask puts a case to all who answer, in their order. What is gathered first is
// the same for all, and its time counts for each.
func (o options) ask(ctx context.Context, a *activities.Activities, q question) ([]answer, error) {
	began := time.Now()
	suspects, evidence, err := investigate(ctx, a, q)
	if err != nil {
		return nil, err
	}
	gathered := answer{suspects: suspects, evidence: evidence, took: time.Since(began)}
	var out []answer
	for _, by := range o.answering() {
		made := gathered
		made.by = by
		if by.model != nil {
			if made, err = made.consult(ctx, *a, q); err != nil {
				return nil, fmt.Errorf("%s: %w", by.name, err)
			}
		}
		out = append(out, made)
	}
	return out, nil
}

// concluded writes out what the statistics found.
func (a answer) concluded(ctx context.Context, q question) (answer, error) {
	began := time.Now()
	err := a.conclude(ctx, q, nil)
	a.took += time.Since(began)
	return a, err
}

func (a *answer) conclude(ctx context.Context, q question, from *activities.DiagnosisAnswer) (err error) {
	a.diagnosis, err = activities.ConcludeDiagnosis(ctx, activities.ConcludeInput{Answer: from, Suspects: a.suspects, Evidence: a.evidence,
		Service: q.alerting, StartedAt: q.startedAt, BaselineTo: q.baselineTo, Now: q.to})
	return err
}

// consult asks the model for a diagnosis of what was gathered, as an incident
// would, lets it use the tools on the case, and holds its answer against the
// evidence. An answer of no use is counted as the product treats it: the
// statistics' own stands. A model that does not answer is an error.
func (a answer) consult(ctx context.Context, ports activities.Activities, q question) (answer, error) {
	began := time.Now()
	ports.Model = a.by.model
	settings, err := ports.LoadSettings(ctx)
	if err != nil {
		return a, err
	}
	var unanswered error
	given, evidence, err := workflows.Consult(workflows.Consultation{Settings: settings, View: q.view(a.evidence), Suspects: a.suspects,
		Model: func(r activities.ModelRequest) (activities.ModelReply, error) {
			reply, paid, err := a.by.call(ctx, &ports, r)
			a.used.add(paid)
			if err != nil && paid.turns == 0 {
				unanswered = err
			}
			return reply, err
		},
		Look: func(in activities.CollectInput) (activities.Collected, error) {
			in.Window, in.StartedAt, in.BaselineTo = activities.Window{From: q.from, To: q.to}, q.startedAt, q.baselineTo
			return ports.CollectEvidence(ctx, in)
		}}, a.by.id)
	if unanswered != nil {
		return a, unanswered
	}
	if err != nil {
		a.aside, given = err.Error(), nil
	}
	a.evidence = evidence
	if err := a.conclude(ctx, q, given); err != nil {
		return a, err
	}
	if a.diagnosis.Problem != "" {
		a.aside = a.diagnosis.Problem
	}
	a.suspects = named(a.diagnosis)
	a.took += time.Since(began)
	return a, nil
}

// view is the incident as far as a case knows it.
func (q question) view(evidence []incident.Evidence) event.View {
	const severity = incident.SeverityHigh // recordings do not say
	return event.View{Summary: event.Summary{IncidentID: "eval", Title: q.alert, Service: q.alerting, Severity: severity, StartedAt: q.startedAt},
		Description: q.detail, Evidence: evidence,
		Alerts: []incident.Alert{{Title: q.alert, Description: q.detail, Service: q.alerting, Severity: severity}}}
}

// named is whom a diagnosis suspects: what it holds for probable, then its
// hypotheses as it lists them; nobody where all is well.
func named(d incident.Diagnosis) []incident.Suspect {
	var out []incident.Suspect
	add := func(service string, cause incident.Cause, score float64) {
		if service != "" && !slices.ContainsFunc(out, func(s incident.Suspect) bool { return s.Service == service && s.Cause == cause }) {
			out = append(out, incident.Suspect{Service: service, Cause: cause, Score: score})
		}
	}
	if d.Verdict == incident.VerdictHealthy {
		return nil
	}
	if d.Verdict == incident.VerdictProbable {
		add(d.Service, d.Cause, d.Confidence)
	}
	for _, h := range d.Hypotheses {
		add(h.Service, h.Cause, h.Score)
	}
	return out
}
