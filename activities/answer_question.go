package activities

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"vigil/activities/rca"
	"vigil/workflows/incident"
)

// QuestionAnswer is what the model is asked to answer to a person's question.
type QuestionAnswer struct {
	Text   string        `json:"text" jsonschema:"description=the answer in plain words"`
	Claims []AnswerClaim `json:"claims"`
}

const (
	maxQuestion      = 2000 // bytes of a question that are read
	maxAnswerClaims  = 8
	nothingCollected = "Nothing that was collected says anything about that."
)

// CheckAnswer holds a model's answer to a question against the evidence: a
// claim that cites nothing which exists is unsupported, and confidence comes
// from the evidence cited.
func CheckAnswer(raw QuestionAnswer, evidence []incident.Evidence) incident.Answer {
	a := incident.Answer{Text: clipText(strings.TrimSpace(raw.Text), maxSummary), Method: "model"}
	known := map[string]bool{}
	for _, e := range evidence {
		known[e.ID] = e.ID != ""
	}
	var cited []string
	for _, c := range raw.Claims[:min(len(raw.Claims), maxClaims)] {
		claim := incident.Claim{Text: clipText(c.Text, maxClaimText), Cites: only(known, c.Cites)}
		claim.Supported = len(claim.Cites) > 0
		cited = append(cited, claim.Cites...)
		a.Claims = append(a.Claims, claim)
	}
	a.Confidence = rca.Confidence(pick(evidence, cited), nil, nil)
	return a
}

// asked are words of questions, and what they are about. The first line that
// has one of the question's words counts, and so do all others.
var asked = []struct {
	words []string
	kinds []incident.EvidenceKind
}{
	{[]string{"change", "changed", "changes", "deploy", "deployed", "deployment", "release", "released", "version", "rollback", "rollout"}, []incident.EvidenceKind{incident.EvidenceChange}},
	{[]string{"log", "logs", "logged", "error", "errors", "exception", "message", "messages"}, []incident.EvidenceKind{incident.EvidenceLog}},
	{[]string{"metric", "metrics", "latency", "slow", "cpu", "memory", "connections", "traffic", "requests", "storage", "disk", "lag", "iops"}, []incident.EvidenceKind{incident.EvidenceMetric}},
	{[]string{"event", "events", "failover", "maintenance", "restart", "restarted", "reboot", "backup", "pod", "pods"}, []incident.EvidenceKind{incident.EvidenceEvents}},
	{[]string{"query", "queries", "sql", "statement", "statements", "wait", "waits", "load", "database"}, []incident.EvidenceKind{incident.EvidenceDatabaseLoad}},
	{[]string{"depends", "dependency", "dependencies", "calls", "graph", "upstream", "downstream", "topology"}, []incident.EvidenceKind{incident.EvidenceTopology}},
	{[]string{"before", "past", "similar", "previous", "earlier", "history", "again"}, []incident.EvidenceKind{incident.EvidencePastIncident}},
	{[]string{"runbook", "runbooks", "procedure", "fix", "steps"}, []incident.EvidenceKind{incident.EvidenceRunbook}},
}

// aboutCause are words by which people ask for the diagnosis itself.
var aboutCause = []string{"why", "cause", "reason", "wrong", "happened", "happening", "diagnosis", "culprit", "blame", "root", "fault", "broke", "broken"}

// AnswerFromStatistics answers a question without a model: with the claims of
// the diagnosis where it asks for the cause, and with the findings of the
// evidence that the question's words are about. It makes no sentence of its
// own about the incident, so every claim cites what it is taken from.
func AnswerFromStatistics(question string, d incident.Diagnosis, evidence []incident.Evidence, suspects []incident.Suspect) incident.Answer {
	a := incident.Answer{Method: "statistics", Text: nothingCollected}
	terms := questionTerms(question)
	known := map[string]bool{}
	for _, e := range evidence {
		known[e.ID] = e.ID != ""
	}
	var cited []string
	claim := func(text string, cites []string) {
		cites = only(known, cites)
		text = clipText(text, maxClaimText)
		if len(a.Claims) >= maxAnswerClaims || len(cites) == 0 || text == "" ||
			slices.ContainsFunc(a.Claims, func(c incident.Claim) bool { return c.Text == text }) {
			return
		}
		a.Claims = append(a.Claims, incident.Claim{Text: text, Cites: cites, Supported: true})
		cited = append(cited, cites...)
	}
	why := hasAny(terms, aboutCause)
	for _, c := range d.Claims {
		if c.Supported && (why && len(a.Claims) < maxAnswerClaims/2 || mentioned(c.Text, terms) >= 2) {
			claim(c.Text, c.Cites)
		}
	}
	for _, e := range rankedFor(terms, evidence) {
		text := e.Title + ": " + cmp.Or(e.Finding, "looked at, with no finding")
		if !e.Found {
			text = e.Title + ": looked for, and not there"
		}
		claim(text, []string{e.ID})
	}
	for _, s := range suspects {
		if slices.Contains(terms, strings.ToLower(s.Service)) && len(s.Reasons) > 0 {
			claim(fmt.Sprintf("%s is suspected (score %.2f): %s", s.Service, s.Score, s.Reasons[0]), s.Cites)
		}
	}
	if len(a.Claims) == 0 {
		return a
	}
	a.Text = "From what was collected, by statistics alone:"
	if why && d.Summary != "" {
		a.Text = clipText(d.Summary, maxSummary)
	}
	if !why {
		for _, c := range a.Claims {
			a.Text += " " + strings.TrimRight(c.Text, ".") + "."
		}
		a.Text = clipText(a.Text, maxSummary)
	}
	a.Confidence = rca.Confidence(pick(evidence, cited), nil, suspects)
	return a
}

// rankedFor returns the evidence that the terms are about, best first.
func rankedFor(terms []string, evidence []incident.Evidence) []incident.Evidence {
	var kinds []incident.EvidenceKind
	for _, line := range asked {
		if hasAny(terms, line.words) {
			kinds = append(kinds, line.kinds...)
		}
	}
	one := slices.ContainsFunc(evidence, func(e incident.Evidence) bool { return asksOf(terms, e.Service) })
	type match struct {
		incident.Evidence
		points float64
	}
	var out []match
	for _, e := range evidence {
		if e.Kind == incident.EvidenceRanking {
			continue
		}
		about := slices.Contains(kinds, e.Kind)
		points := float64(mentioned(e.Title+" "+e.Finding+" "+contents(e), terms))
		switch {
		case one && e.Service != "" && !asksOf(terms, e.Service): // it asks about another service
			continue
		case !about && len(kinds) > 0 && points < 2, !about && points == 0:
			continue
		case about:
			points += 3
		}
		if asksOf(terms, e.Service) {
			points += 2
		}
		out = append(out, match{e, points + e.Strength})
	}
	slices.SortStableFunc(out, func(x, y match) int { return cmp.Compare(y.points, x.points) })
	var all []incident.Evidence
	for _, m := range out {
		all = append(all, m.Evidence)
	}
	return all
}

// contents are the words of a piece of evidence that a question may be about.
func contents(e incident.Evidence) string {
	var b strings.Builder
	add := func(s string) {
		if b.Len() < 16<<10 {
			b.WriteString(s)
			b.WriteByte(' ')
		}
	}
	for _, s := range e.Series {
		add(string(s.Metric))
	}
	for _, p := range e.Logs {
		add(p.Template)
	}
	for _, c := range e.Changes {
		add(c.Kind + " " + c.Summary + " " + c.Version)
	}
	for _, v := range e.Events {
		add(v.Category + " " + v.Message)
	}
	if e.Load != nil {
		for _, s := range e.Load.Statements {
			add(s.SQL)
		}
	}
	for _, d := range e.Documents {
		add(d.Title)
	}
	return b.String()
}

// stop are words that say nothing about what is asked.
var stop = []string{"the", "and", "was", "were", "is", "are", "did", "does", "has", "have", "had", "what", "which", "who", "how", "when", "where", "there",
	"this", "that", "these", "with", "from", "for", "any", "can", "could", "you", "tell", "show", "about", "its", "it", "in", "on", "of", "to", "a", "an", "me", "we", "do", "be", "been", "at", "by", "or", "not"}

// questionTerms are the words of a question that say what it is about.
func questionTerms(question string) []string {
	return wordsOf(clipText(question, maxQuestion))
}

// wordsOf are the words of a text, lower case, each once, without those that
// say nothing.
func wordsOf(text string) []string {
	var out []string
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '_' && r != '.'
	}) {
		if w = strings.Trim(w, ".-_"); len(w) > 1 && !slices.Contains(stop, w) && !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}

func hasAny(terms, words []string) bool {
	return slices.ContainsFunc(terms, func(t string) bool { return slices.Contains(words, t) })
}

func asksOf(terms []string, service string) bool {
	return service != "" && slices.Contains(terms, strings.ToLower(service))
}

// mentioned counts the terms that a text has.
func mentioned(text string, terms []string) int {
	words := wordsOf(clipText(text, 16<<10))
	n := 0
	for _, t := range terms {
		if slices.ContainsFunc(words, func(w string) bool { return w == t || len(t) > 3 && strings.Contains(w, t) }) {
			n++
		}
	}
	return n
}
