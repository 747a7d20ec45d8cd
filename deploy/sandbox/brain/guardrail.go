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
	Match  string // sensitive information only
	Regex  string // patterns only
}

// FindingPolicy says which of the guardrail's policies found it.
type FindingPolicy string

const (
	PolicyEntity FindingPolicy = "pii_entity" // masked
	PolicyRegex  FindingPolicy = "regex"      // masked
	PolicyTopic  FindingPolicy = "topic"      // blocked
	PolicyAttack FindingPolicy = "attack"     // blocked
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
}

// maskRules are in the order in which they apply: whole credentials before the
// parts of one.
var maskRules = []maskRule{
	{"PrivateKey", regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)`), PolicyRegex, 0},
	{"BearerToken", regexp.MustCompile(`(?i)\bbearer\s+([A-Za-z0-9._~+/=-]{16,})`), PolicyRegex, 1},
	{"IssuedToken", regexp.MustCompile(`\b(?:gh[pousr]_[A-Za-z0-9]{20,}|xox[abps]-[A-Za-z0-9-]{10,}|sk-[A-Za-z0-9]{20,})`), PolicyRegex, 0},
	{"AWS_ACCESS_KEY", regexp.MustCompile(`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`), PolicyEntity, 0},
	{"AWS_SECRET_KEY", regexp.MustCompile(`(?i)secret[_ ]?(?:access[_ ]?)?key["']?\s*[:=]\s*["']?([A-Za-z0-9/+]{40})\b`), PolicyEntity, 1},
	{"PASSWORD", regexp.MustCompile(`(?i)\b(?:password|passwd|pwd)["']?\s*[:=]\s*["']?([^\s"',;]{4,})`), PolicyEntity, 1},
	{"EMAIL", regexp.MustCompile(`\b[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}\b`), PolicyEntity, 0},
	{"PHONE", regexp.MustCompile(`\+\d{1,3}[ .-]?\(?\d{2,4}\)?(?:[ .-]?\d{2,4}){2,3}\b|\(\d{3}\) ?\d{3}-\d{4}\b|\b\d{3}-\d{3}-\d{4}\b`), PolicyEntity, 0},
}

var (
	attacks = regexp.MustCompile(`(?i)\b(ignore|disregard|forget)\b.{0,30}\b(previous|prior|above|all)\b.{0,20}\b(instructions?|rules|prompts?)\b|` +
		`\breveal\b.{0,20}\bsystem prompt\b`)
	destruction = regexp.MustCompile(`(?i)\brm\s+-[a-z]*r[a-z]*f?\s+/|\bdrop\s+(table|database)\b|\bdelete\b.{0,15}\b(all|every)\b.{0,15}\b(backups?|databases?|snapshots?)\b|` +
		`\b(disable|turn off)\b.{0,20}\b(audit|cloudtrail|logging|guardrail)\b`)
)

// Guard checks a text: it masks credentials and personal data, and blocks
// orders to destroy or to disobey.
func Guard(text string, source GuardSource) Guarded {
	n := utf8.RuneCountInString(text)
	g := Guarded{Text: text, Characters: n, Units: (n + 999) / 1000}
	if source == GuardInput && attacks.MatchString(text) {
		g.Findings, g.Blocked = append(g.Findings, Finding{Policy: PolicyAttack, Name: "PROMPT_ATTACK"}), true
	}
	if destruction.MatchString(text) {
		g.Findings, g.Blocked = append(g.Findings, Finding{Policy: PolicyTopic, Name: "DestructiveOrders"}), true
	}
	for _, r := range maskRules {
		g.Text = r.mask(g.Text, &g.Findings)
	}
	g.Intervened = len(g.Findings) > 0
	if g.Blocked {
		g.Text = Refusal
	}
	return g
}

// mask puts {NAME} in place of what is sensitive.
func (r maskRule) mask(text string, found *[]Finding) string {
	spans := r.find.FindAllStringSubmatchIndex(text, -1)
	for _, span := range slices.Backward(spans) {
		from, to := span[2*r.matches], span[2*r.matches+1]
		f := Finding{Policy: r.policy, Name: r.name, Match: text[from:to]}
		if f.Match == fmt.Sprintf("{%s}", r.name) || f.Match == "" {
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
