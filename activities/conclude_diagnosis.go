package activities

import (
	"context"
	"fmt"

	"vigil/activities/rca"
	"vigil/workflows/incident"
)

// DiagnosisAnswer is what the model is asked to answer.
type DiagnosisAnswer struct {
	Verdict    incident.Verdict      `json:"verdict" jsonschema:"enum=probable,enum=inconclusive"`
	Cause      incident.Cause        `json:"cause" jsonschema:"description=bad_deployment, connections_exhausted, memory_leak, another short snake_case name, or unknown"`
	Service    string                `json:"service" jsonschema:"description=the service at fault, which need not be the one that complained"`
	Summary    string                `json:"summary"`
	Confidence float64               `json:"confidence" jsonschema:"minimum=0,maximum=1"`
	Claims     []AnswerClaim         `json:"claims"`
	Hypotheses []incident.Hypothesis `json:"hypotheses,omitempty"`
}

// AnswerClaim is one sentence with the evidence that it rests on.
type AnswerClaim struct {
	Text  string   `json:"text"`
	Cites []string `json:"cites" jsonschema:"description=evidence ids such as E3"`
}

// ConcludeInput is all that a diagnosis is made from. Answer is nil where no
// model answered.
type ConcludeInput struct {
	Answer   *DiagnosisAnswer    `json:"answer,omitempty"`
	Suspects []incident.Suspect  `json:"suspects"`
	Evidence []incident.Evidence `json:"evidence"`
}

// ConcludeDiagnosis holds the model's answer against the evidence and the
// statistics. A claim that cites nothing which exists is unsupported; an
// answer without a single supported claim is set aside for the statistics'
// own; confidence comes from the evidence cited, never from the model. Pure,
// a local activity like RankSuspects.
func ConcludeDiagnosis(_ context.Context, in ConcludeInput) (incident.Diagnosis, error) {
	d := fromStatistics(in)
	if in.Answer != nil {
		if m, ok := fromModel(in); ok {
			m.Hypotheses = merge(m.Hypotheses, d.Hypotheses)
			d = m
		} else {
			d.Summary = "The model's answer cited no evidence and was set aside. " + d.Summary
		}
	}
	for _, e := range in.Evidence {
		if e.Kind == incident.EvidenceRanking {
			continue
		}
		d.LookedFor = append(d.LookedFor, incident.LookedFor{What: e.Title, Source: e.Source, Found: e.Found, EvidenceID: e.ID})
	}
	if d.Verdict == incident.VerdictInconclusive {
		d.Cause, d.Service, d.Confidence = incident.CauseUnknown, "", 0
	}
	return d, nil
}

// probable is the score from which the statistics alone name a cause.
const probable = 0.5

func fromStatistics(in ConcludeInput) incident.Diagnosis {
	d := incident.Diagnosis{Verdict: incident.VerdictInconclusive, Cause: incident.CauseUnknown, Method: "statistics",
		Summary: "No measure, log or change that was looked at explains the alert."}
	for _, s := range in.Suspects {
		d.Hypotheses = append(d.Hypotheses, incident.Hypothesis{Cause: s.Cause, Service: s.Service, Score: s.Score, Supports: s.Cites})
	}
	if len(in.Suspects) == 0 {
		return d
	}
	top := in.Suspects[0]
	if top.Score < probable || top.Cause == incident.CauseUnknown {
		d.Summary = fmt.Sprintf("%s behaves unusually, but nothing that was looked at says why.", top.Service)
		return d
	}
	d.Verdict, d.Cause, d.Service = incident.VerdictProbable, top.Cause, top.Service
	d.Confidence = confidence(in, top.Cites, nil, top.Service, top.Cause)
	d.Summary = fmt.Sprintf("Statistics point to %s in %s.", words(top.Cause), top.Service)
	for _, r := range top.Reasons {
		d.Claims = append(d.Claims, incident.Claim{Text: r, Cites: top.Cites, Supported: len(top.Cites) > 0})
	}
	return d
}

func fromModel(in ConcludeInput) (incident.Diagnosis, bool) {
	a := in.Answer
	d := incident.Diagnosis{Verdict: a.Verdict, Cause: a.Cause, Service: a.Service, Summary: a.Summary, Method: "model"}
	if a.Confidence >= 0 && a.Confidence <= 1 {
		d.ModelConfidence = &a.Confidence
	}
	known := map[string]bool{}
	for _, e := range in.Evidence {
		known[e.ID] = true
	}
	var cited []string
	for _, c := range a.Claims {
		claim := incident.Claim{Text: c.Text}
		for _, id := range c.Cites {
			if known[id] {
				claim.Cites, claim.Supported = append(claim.Cites, id), true
				cited = append(cited, id)
			}
		}
		d.Claims = append(d.Claims, claim)
	}
	for _, h := range a.Hypotheses {
		h.Supports, h.Contradicts = only(known, h.Supports), only(known, h.Contradicts)
		h.Score = confidence(in, h.Supports, h.Contradicts, h.Service, h.Cause)
		d.Hypotheses = append(d.Hypotheses, h)
	}
	if a.Verdict == incident.VerdictInconclusive {
		return d, true
	}
	if a.Verdict != incident.VerdictProbable || !observed(in.Evidence, a.Service) {
		return d, false
	}
	d.Confidence = confidence(in, cited, contradicts(d), a.Service, a.Cause)
	return d, len(cited) > 0 && a.Cause != "" && a.Cause != incident.CauseUnknown
}

// confidence is computed from the evidence cited for a cause and against it,
// and halved where the statistics name another.
func confidence(in ConcludeInput, cites, against []string, service string, cause incident.Cause) float64 {
	c := rca.Confidence(pick(in.Evidence, cites), pick(in.Evidence, against), in.Suspects)
	if len(in.Suspects) > 0 && (in.Suspects[0].Service != service || in.Suspects[0].Cause != cause) {
		c /= 2
	}
	return c
}

// contradicts returns what the model itself holds against its diagnosis.
func contradicts(d incident.Diagnosis) []string {
	for _, h := range d.Hypotheses {
		if h.Cause == d.Cause && h.Service == d.Service {
			return h.Contradicts
		}
	}
	return nil
}

// observed reports whether anything was seen of a service: a model may choose
// among services, not invent one.
func observed(all []incident.Evidence, service string) bool {
	for _, e := range all {
		if e.Found && e.Service == service && service != "" {
			return true
		}
		for _, d := range e.Edges {
			if d.From == service || d.To == service {
				return true
			}
		}
	}
	return false
}

// pick returns the evidence with the given ids, each once.
func pick(all []incident.Evidence, ids []string) []incident.Evidence {
	want := map[string]bool{}
	for _, id := range ids {
		want[id] = true
	}
	var out []incident.Evidence
	for _, e := range all {
		if want[e.ID] {
			out = append(out, e)
		}
	}
	return out
}

func only(known map[string]bool, ids []string) []string {
	var out []string
	for _, id := range ids {
		if known[id] {
			out = append(out, id)
		}
	}
	return out
}

// merge adds the statistics' hypotheses that the model did not name.
func merge(model, stats []incident.Hypothesis) []incident.Hypothesis {
	for _, s := range stats {
		named := false
		for _, m := range model {
			named = named || m.Cause == s.Cause && m.Service == s.Service
		}
		if !named {
			model = append(model, s)
		}
	}
	return model
}

func words(c incident.Cause) string {
	switch c {
	case incident.CauseBadDeployment:
		return "a bad deployment"
	case incident.CauseConnectionsExhausted:
		return "exhausted database connections"
	case incident.CauseMemoryLeak:
		return "a memory leak"
	}
	return string(c)
}
