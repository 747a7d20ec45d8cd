package activities

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"vigil/activities/rca"
	"vigil/workflows/incident"
)

// DiagnosisAnswer is what the model is asked to answer.
type DiagnosisAnswer struct {
	Verdict    incident.Verdict      `json:"verdict" jsonschema:"enum=probable,enum=inconclusive,enum=healthy"`
	Cause      incident.Cause        `json:"cause" jsonschema:"description=a short snake_case name such as bad_deployment\\, connections_exhausted or storage_full\\, or unknown"`
	Service    string                `json:"service" jsonschema:"description=the service at fault\\, which need not be the one that complained"`
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

// Bounds of what is taken over from an answer. A model may say anything of any
// length, and what is concluded enters the history of the incident for good.
// What is beyond them is left out, never an error.
const (
	maxClaims     = 40
	maxHypotheses = 12
	maxCites      = 12
	maxClaimText  = 1000 // bytes
	maxSummary    = 4000 // bytes
	maxName       = 128  // bytes of a service's or a cause's name
)

// ConcludeInput is all that a diagnosis is made from. Answer is nil where no
// model answered.
type ConcludeInput struct {
	Answer     *DiagnosisAnswer    `json:"answer,omitempty"`
	Suspects   []incident.Suspect  `json:"suspects"`
	Evidence   []incident.Evidence `json:"evidence"`
	Service    string              `json:"service,omitempty"` // the one that complained
	StartedAt  time.Time           `json:"started_at,omitzero"`
	BaselineTo time.Time           `json:"baseline_to,omitzero"`
	Now        time.Time           `json:"now,omitzero"`
}

// ConcludeDiagnosis holds the model's answer against the evidence and the
// statistics. A claim that cites nothing which exists is unsupported; an
// answer without a single supported claim is set aside for the statistics'
// own, and Problem says why; confidence comes from the evidence cited, never
// from the model. That all is well a model may say only where the statistics
// find nothing notable. Pure, a local activity like RankSuspects.
func ConcludeDiagnosis(_ context.Context, in ConcludeInput) (incident.Diagnosis, error) {
	d, absent := fromStatistics(in)
	if in.Answer != nil {
		m, problem := fromModel(in, d)
		if problem == "" {
			m.Hypotheses = merge(m.Hypotheses, d.Hypotheses)
			d = m
		} else {
			d.Problem = problem
		}
	}
	for _, e := range in.Evidence {
		if e.Kind == incident.EvidenceRanking {
			continue
		}
		d.LookedFor = append(d.LookedFor, incident.LookedFor{What: e.Title, Source: e.Source, Found: e.Found, EvidenceID: e.ID})
	}
	d.LookedFor = append(d.LookedFor, absent...)
	switch d.Verdict {
	case incident.VerdictInconclusive:
		d.Cause, d.Service, d.Confidence = incident.CauseUnknown, "", 0
	case incident.VerdictHealthy:
		d.Cause, d.Service = incident.CauseUnknown, ""
	}
	bound(&d)
	return d, nil
}

// bound keeps a diagnosis within what a history should hold.
func bound(d *incident.Diagnosis) {
	d.Summary = clipText(d.Summary, maxSummary)
	d.Claims = d.Claims[:min(len(d.Claims), maxClaims)]
	for i := range d.Claims {
		c := &d.Claims[i]
		c.Text, c.Cites = clipText(c.Text, maxClaimText), c.Cites[:min(len(c.Cites), maxCites)]
	}
	d.Hypotheses = d.Hypotheses[:min(len(d.Hypotheses), maxHypotheses)]
}

// probable is the score from which the statistics alone name a cause.
const probable = 0.5

// fromStatistics is the diagnosis that needs no model. Where the suspect is of
// a kind whose measures have a known meaning, such as a database, it is written
// out: what moved when, what drives it, what only follows; absent is what would
// show it and was not measured.
func fromStatistics(in ConcludeInput) (d incident.Diagnosis, absent []incident.LookedFor) {
	d = incident.Diagnosis{Verdict: incident.VerdictInconclusive, Cause: incident.CauseUnknown, Method: "statistics",
		Summary: "No measure, log or change that was looked at explains the alert."}
	for _, s := range in.Suspects {
		d.Hypotheses = append(d.Hypotheses, incident.Hypothesis{Cause: s.Cause, Service: s.Service, Score: s.Score, Supports: s.Cites})
	}
	if well, ok := healthy(in); ok {
		well.Hypotheses = merge(well.Hypotheses, d.Hypotheses)
		return well, nil
	}
	if len(in.Suspects) == 0 {
		if told, known := rca.Tell(in.Evidence, in.Service); known && told.Verdict == incident.VerdictInconclusive {
			d.Summary, d.Claims = told.Summary, told.Claims
		}
		return d, nil
	}
	top := in.Suspects[0]
	told, known := rca.Tell(in.Evidence, top.Service)
	if top.Score < probable || top.Cause == incident.CauseUnknown {
		d.Summary = fmt.Sprintf("%s behaves unusually, but nothing that was looked at says why.", top.Service)
		if known && told.Verdict == incident.VerdictInconclusive {
			d.Summary, d.Claims = told.Summary, told.Claims
		}
		return d, nil
	}
	d.Verdict, d.Cause, d.Service = incident.VerdictProbable, top.Cause, top.Service
	d.Confidence = confidence(in, top.Cites, nil, top.Service, top.Cause)
	if known && told.Verdict == incident.VerdictProbable && told.Cause == top.Cause {
		d.Summary, d.Claims = told.Summary, told.Claims
		d.Hypotheses = merge(d.Hypotheses, told.Hypotheses)
		meant := told.Score * coverage(pick(in.Evidence, citedBy(told.Claims)))
		if rca.Close(in.Suspects) {
			meant /= 2
		}
		d.Confidence = max(d.Confidence, meant)
		for _, what := range told.Absent {
			absent = append(absent, incident.LookedFor{What: what + " of " + top.Service, Source: "metrics"})
		}
		return d, absent
	}
	d.Summary = fmt.Sprintf("Statistics point to %s in %s.", words(top.Cause), top.Service)
	for _, r := range top.Reasons {
		d.Claims = append(d.Claims, incident.Claim{Text: r, Cites: top.Cites, Supported: len(top.Cites) > 0})
	}
	return d, nil
}

// stale is how old the latest point may be for telemetry to say how things are.
const stale = 10 * time.Minute

// healthy is the diagnosis that nothing is wrong now with the service that
// complained: by what its measures mean where that is known, by their distance
// from normal where not. Nobody may be suspected of a known cause.
func healthy(in ConcludeInput) (incident.Diagnosis, bool) {
	for _, s := range in.Suspects {
		if s.Cause != incident.CauseUnknown && s.Score >= rca.Notable {
			return incident.Diagnosis{}, false
		}
	}
	d := incident.Diagnosis{Verdict: incident.VerdictHealthy, Cause: incident.CauseUnknown, Method: "statistics"}
	told, known := rca.Tell(in.Evidence, in.Service)
	switch {
	case known && told.Verdict != incident.VerdictHealthy:
		return d, false
	case known:
		if !in.Now.IsZero() && told.Until.Before(in.Now.Add(-stale)) {
			return d, false
		}
		for _, s := range in.Suspects { // unusual, and not known to be well
			if s.Score >= rca.Notable && s.Service != in.Service {
				return d, false
			}
		}
		d.Summary, d.Claims, d.Hypotheses = told.Summary, told.Claims, told.Hypotheses
	default:
		ok, why := rca.Healthy(rca.FromEvidence(in.Evidence, in.Service, in.StartedAt, in.BaselineTo))
		if !ok {
			return d, false
		}
		var cites []string
		for _, e := range in.Evidence {
			if e.Service == in.Service && e.Kind == incident.EvidenceMetric && e.Found {
				cites = append(cites, e.ID)
			}
		}
		d.Summary = fmt.Sprintf("No active failure: everything that was looked at is within normal bounds. %s.", why)
		d.Claims = []incident.Claim{{Text: why, Cites: cites, Supported: len(cites) > 0}}
	}
	d.Confidence = coverage(pick(in.Evidence, citedBy(d.Claims)))
	return d, true
}

func citedBy(claims []incident.Claim) []string {
	var out []string
	for _, c := range claims {
		out = append(out, c.Cites...)
	}
	return out
}

// coverage is how sure evidence of these kinds may make anybody that is read
// for what it means, rather than for how unusual it is: it grows with the kinds
// that say the same, for what was not looked at may say otherwise.
func coverage(cited []incident.Evidence) float64 {
	weight := map[incident.EvidenceKind]float64{incident.EvidenceMetric: 0.7, incident.EvidenceEvents: 0.5,
		incident.EvidenceDatabaseLoad: 0.5, incident.EvidenceLog: 0.4, incident.EvidenceChange: 0.3}
	rest := 1.0
	for _, e := range cited {
		if e.Found || e.Kind == incident.EvidenceEvents {
			rest *= 1 - weight[e.Kind]
			delete(weight, e.Kind)
		}
	}
	return min(1-rest, 0.95)
}

// fromModel takes over a model's answer as far as the evidence allows, and
// says why not where it does not.
func fromModel(in ConcludeInput, statistics incident.Diagnosis) (d incident.Diagnosis, problem string) {
	a := in.Answer
	d = incident.Diagnosis{Verdict: a.Verdict, Cause: plainCause(a.Cause), Service: clipText(a.Service, maxName), Summary: a.Summary, Method: "model"}
	if a.Confidence >= 0 && a.Confidence <= 1 { // NaN is neither
		d.ModelConfidence = &a.Confidence
	}
	known := map[string]bool{}
	for _, e := range in.Evidence {
		known[e.ID] = e.ID != ""
	}
	var cited []string
	for _, c := range a.Claims[:min(len(a.Claims), maxClaims)] {
		claim := incident.Claim{Text: clipText(c.Text, maxClaimText), Cites: only(known, c.Cites)}
		claim.Supported = len(claim.Cites) > 0
		cited = append(cited, claim.Cites...)
		d.Claims = append(d.Claims, claim)
	}
	for _, h := range a.Hypotheses[:min(len(a.Hypotheses), maxHypotheses)] {
		h.Cause, h.Service = plainCause(h.Cause), clipText(h.Service, maxName)
		h.Supports, h.Contradicts = only(known, h.Supports), only(known, h.Contradicts)
		h.Score = confidence(in, h.Supports, h.Contradicts, h.Service, h.Cause)
		d.Hypotheses = append(d.Hypotheses, h)
	}
	switch {
	case a.Verdict == incident.VerdictInconclusive:
		return d, ""
	case a.Verdict != incident.VerdictProbable && a.Verdict != incident.VerdictHealthy:
		return d, fmt.Sprintf("its verdict is none of those that there are: %q", clipText(string(a.Verdict), 40))
	case len(cited) == 0:
		return d, "unsupported: cites no evidence that exists"
	case a.Verdict == incident.VerdictHealthy:
		if len(in.Suspects) > 0 && in.Suspects[0].Score >= rca.Notable && statistics.Verdict != incident.VerdictHealthy {
			return d, fmt.Sprintf("says that all is well, and the statistics suspect %s", clipText(in.Suspects[0].Service, maxName))
		}
		d.Confidence = coverage(pick(in.Evidence, cited))
		return d, ""
	case d.Cause == "" || d.Cause == incident.CauseUnknown:
		return d, "calls it probable, and names no cause"
	case !observed(in.Evidence, a.Service):
		return d, fmt.Sprintf("names a service nobody observed: %q", d.Service)
	}
	d.Confidence = confidence(in, cited, contradicts(d), d.Service, d.Cause)
	return d, ""
}

// plainCause is a cause as a model gave it, in the form that causes have.
func plainCause(c incident.Cause) incident.Cause {
	plain := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r == ' ', r == '-':
			return '_'
		}
		return -1
	}, clipText(strings.TrimSpace(string(c)), maxName))
	return incident.Cause(plain)
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
			delete(want, e.ID) // the first of an id counts
			out = append(out, e)
		}
	}
	return out
}

// only returns the ids that exist, each once.
func only(known map[string]bool, ids []string) []string {
	var out []string
	for _, id := range ids[:min(len(ids), 10*maxCites)] {
		if known[id] && !slices.Contains(out, id) && len(out) < maxCites {
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
	return strings.ReplaceAll(string(c), "_", " ")
}
