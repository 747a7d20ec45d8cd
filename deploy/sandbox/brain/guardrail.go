package brain

import (
	"fmt"
	"regexp"
	"slices"
	"unicode/utf8"
)

// GuardSource says whether text goes into a model or comes out of one.
type GuardSource string

const (
	GuardInput  GuardSource = "INPUT"
	GuardOutput GuardSource = "OUTPUT"
)

// Finding is one thing that the guardrail acted on.
type Finding struct {
	Policy FindingPolicy
	Name   string // type of the entity, name of the pattern, topic or filter
	Match  string // sensitive information and words
	Regex  string // patterns only
	Noted  bool   // it is told and nothing more: the text may be used
}

// FindingPolicy says which of the guardrail's policies found it.
type FindingPolicy string

const (
	PolicyEntity FindingPolicy = "pii_entity" // masked
	PolicyRegex  FindingPolicy = "regex"      // masked
	PolicyTopic  FindingPolicy = "topic"      // blocked
	PolicyAttack FindingPolicy = "attack"     // blocked
	PolicyWord   FindingPolicy = "word"       // blocked
)

// Guarded is the outcome of a check.
type Guarded struct {
	Text       string // as it may be used; the refusal where Blocked
	Blocked    bool
	Intervened bool
	Findings   []Finding
	Units      int // of 1,000 characters, per policy
	Characters int
}

// Refusal stands in place of a text that is blocked.
const Refusal = "Sorry, this text cannot be used: the guardrail blocked it."

type maskRule struct {
	name    string
	find    *regexp.Regexp
	policy  FindingPolicy
	matches int // group that holds what is sensitive
	valid   func(match string) bool
}

// maskRules are in the order in which they apply: whole credentials before the
// parts of one.
var maskRules = []maskRule{
	{"PrivateKey", regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)`), PolicyRegex, 0, nil},
	{"BearerToken", regexp.MustCompile(`(?i)\bbearer\s+([A-Za-z0-9._~+/=-]{16,})`), PolicyRegex, 1, nil},
	{"IssuedToken", regexp.MustCompile(`\b(?:gh[pousr]_[A-Za-z0-9]{20,}|xox[abps]-[A-Za-z0-9-]{10,}|sk-[A-Za-z0-9]{20,})`), PolicyRegex, 0, nil},
	{"AWS_ACCESS_KEY", regexp.MustCompile(`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`), PolicyEntity, 0, nil},
	{"AWS_SECRET_KEY", regexp.MustCompile(`(?i)secret[_ ]?(?:access[_ ]?)?key["']?\s*[:=]\s*["']?([A-Za-z0-9/+]{40})\b`), PolicyEntity, 1, nil},
	{"PASSWORD", regexp.MustCompile(`(?i)\b(?:password|passwd|pwd)["']?\s*[:=]\s*["']?([^\s"',;]{4,})`), PolicyEntity, 1, nil},
	{"EMAIL", regexp.MustCompile(`\b[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}\b`), PolicyEntity, 0, nil},
	{"CREDIT_DEBIT_CARD_NUMBER", regexp.MustCompile(`\b[3-6]\d{3}(?:[ -]?\d){9,15}\b`), PolicyEntity, 0, luhn},
	{"PHONE", regexp.MustCompile(`\+\d{1,3}[ .-]?\(?\d{2,4}\)?(?:[ .-]?\d{2,4}){2,3}\b|\(\d{3}\) ?\d{3}-\d{4}\b|\b\d{3}-\d{3}-\d{4}\b`), PolicyEntity, 0, nil},
}

var (
	attacks = regexp.MustCompile(`(?i)\b(ignore|disregard|forget)\b.{0,30}\b(previous|prior|above|all)\b.{0,20}\b(instructions?|rules|prompts?)\b|` +
		`\breveal\b.{0,20}\bsystem prompt\b`)
	destruction = regexp.MustCompile(`(?i)\brm\s+-[a-z]*r[a-z]*f?\s+/|\bdrop\s+(table|database)\b|\bdelete\b.{0,15}\b(all|every)\b.{0,15}\b(backups?|databases?|snapshots?)\b|` +
		`\b(disable|turn off)\b.{0,20}\b(audit|cloudtrail|logging|guardrail)\b`)
)

// blockedWords are phrases that nothing which goes out may have.
var blockedWords = regexp.MustCompile(`(?i)\b(?:no approval (?:is )?(?:needed|required)|skip (?:the )?approval|bypass (?:the )?approval)\b`)

// Guard checks a text: it masks credentials and personal data, both ways, and
// blocks orders to destroy on their way out. On the way in, orders and attacks
// are noted and not blocked: an incident whose logs have one still has to be
// looked into.
func Guard(text string, source GuardSource) Guarded {
	n := utf8.RuneCountInString(text)
	g := Guarded{Text: text, Characters: n, Units: (n + 999) / 1000}
	in := source == GuardInput
	if in && attacks.MatchString(text) {
		g.Findings = append(g.Findings, Finding{Policy: PolicyAttack, Name: "PROMPT_ATTACK", Noted: true})
	}
	if destruction.MatchString(text) {
		g.Findings = append(g.Findings, Finding{Policy: PolicyTopic, Name: "DestructiveOrders", Noted: in})
	}
	if word := blockedWords.FindString(text); word != "" {
		g.Findings = append(g.Findings, Finding{Policy: PolicyWord, Match: word, Noted: in})
	}
	g.Blocked = !in && len(g.Findings) > 0
	for _, r := range maskRules {
		g.Text = r.mask(g.Text, &g.Findings)
	}
	g.Intervened = slices.ContainsFunc(g.Findings, func(f Finding) bool { return !f.Noted })
	if g.Blocked {
		g.Text = Refusal
	}
	return g
}

// luhn reports whether the digits of a text are a number as cards have it.
func luhn(text string) bool {
	sum, double := 0, false
	for i := len(text) - 1; i >= 0; i-- {
		if text[i] < '0' || text[i] > '9' {
			continue
		}
		d := int(text[i] - '0')
		if double {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum, double = sum+d, !double
	}
	return sum%10 == 0
}

// mask puts {NAME} in place of what is sensitive.
func (r maskRule) mask(text string, found *[]Finding) string {
	spans := r.find.FindAllStringSubmatchIndex(text, -1)
	for _, span := range slices.Backward(spans) {
		from, to := span[2*r.matches], span[2*r.matches+1]
		f := Finding{Policy: r.policy, Name: r.name, Match: text[from:to]}
		if f.Match == fmt.Sprintf("{%s}", r.name) || f.Match == "" || r.valid != nil && !r.valid(f.Match) {
			continue
		}
		if r.policy == PolicyRegex {
			f.Regex = r.find.String()
		}
		*found = append(*found, f)
		text = text[:from] + "{" + r.name + "}" + text[to:]
	}
	return text
}
