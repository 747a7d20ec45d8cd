package activities

import (
	"regexp"
	"strings"
)

// redacted stands where a secret was. No rule below matches it, or each puts
// it back as it was, so redacting twice changes nothing.
const redacted = "[redacted]"

// Redact masks what must not reach a model, an event or a person: private
// keys, tokens, passwords, AWS credentials, e-mail addresses and card
// numbers. It prefers masking too much: a log line without a harmless value is
// still of use, a leaked secret cannot be called back. What it cannot know is
// a secret that looks like any other word and stands without a name.
func Redact(s string) string {
	lower := strings.ToLower(s)
	for _, r := range secretRules {
		if !r.hinted(lower) {
			continue
		}
		s = r.find.ReplaceAllStringFunc(s, func(m string) string { return r.mask(r.find, m) })
	}
	return s
}

// secretRule finds candidates and says what each becomes. Matching is many
// times dearer than looking for a few letters, and most text holds no secret:
// a rule is tried only where one of its hints is, in lower case. The order
// matters: what holds other secrets (key blocks, URLs, headers) comes before
// them.
type secretRule struct {
	find  *regexp.Regexp
	mask  func(find *regexp.Regexp, match string) string
	hints []string // none: always
}

func (r secretRule) hinted(lower string) bool {
	for _, h := range r.hints {
		if strings.Contains(lower, h) {
			return true
		}
	}
	return len(r.hints) == 0 && longRun(lower)
}

var secretRules = []secretRule{
	// PEM blocks, cut-off ones included.
	{regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\z)`), whole, []string{"-----begin "}},
	// JSON web tokens: two or three base64url parts, the first an encoded "{".
	{regexp.MustCompile(`eyJ[\w-]{6,}\.[\w-]{4,}(?:\.[\w-]*)?`), whole, []string{"eyj"}},
	// Passwords in URLs, up to the last @ of the authority.
	{regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://[^\s/?#"'<>@:]*:)[^\s/"'<>]+@`), expand(`${1}` + redacted + `@`), []string{"://"}},
	// Authorization schemes. "basic authentication" is prose, not a credential.
	{regexp.MustCompile(`(?i)\b(?:bearer|basic|digest|negotiate)\s+[\w.~+/=-]{6,}`), authorization, []string{"bearer", "basic", "digest", "negotiate"}},
	// Tokens that their issuers made recognisable.
	{regexp.MustCompile(`(?:gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|xapp-|sk-|[rs]k_live_|npm_|hvs\.|dop_v1_)[\w-]{8,}|AIza[\w-]{30,}|SG\.[\w-]{16,}\.[\w-]{16,}`), whole,
		[]string{"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "xapp-", "sk-", "k_live_", "npm_", "hvs.", "dop_v1_", "aiza", "sg."}},
	// AWS key ids of every kind that IAM gives out.
	{regexp.MustCompile(`(?:AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AIPA|ANPA|ANVA|APKA|AROA|ASCA)[A-Z0-9]{16,}`), whole,
		[]string{"akia", "asia", "abia", "acca", "agpa", "aida", "aipa", "anpa", "anva", "apka", "aroa", "asca"}},
	// name=value, name: value and "name":"value" for names that mean a secret.
	// "tokens" is left alone: it is a count wherever models are spoken of.
	{regexp.MustCompile(`(?i)([\w.-]*(?:passw(?:or)?d|passphrase|pwd|secret|api[_-]?key|access[_-]?key|private[_-]?key|credential|authorization|cookie|session[_-]?id|signature)[\w.-]*|[\w.-]*token(?:[_-][\w.-]*)?)` +
		`(\\*["']?\s*[:=]\s*)(\[redacted\]|\\+".*?\\+"|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s,;&}\])"']+)`), named,
		[]string{"passw", "passphrase", "pwd", "secret", "key", "credential", "authorization", "cookie", "session", "signature", "token"}},
	// AWS secret keys: 40 characters of base64 with nothing beside them.
	{regexp.MustCompile(`[A-Za-z0-9/+]{40,}`), awsSecret, nil},
	{regexp.MustCompile(`[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}`), whole, []string{"@"}},
	{regexp.MustCompile(`(?:\d\.)?\d(?:[ -]?\d){12,}`), cards, nil},
}

// longRun reports whether s has a run that a rule without hints could match:
// 13 digits with at most one blank or dash between them, or 40 characters
// of base64.
func longRun(s string) bool {
	digits, base64 := 0, 0
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			digits++
			base64++
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '/', c == '+':
			digits = 0
			base64++
		case c == ' ' || c == '-':
			base64 = 0 // digits go on; the expression counts the separators
		default:
			digits, base64 = 0, 0
		}
		if digits >= 13 || base64 >= 40 {
			return true
		}
	}
	return false
}

func whole(*regexp.Regexp, string) string { return redacted }

func expand(template string) func(*regexp.Regexp, string) string {
	return func(find *regexp.Regexp, m string) string { return find.ReplaceAllString(m, template) }
}

func authorization(_ *regexp.Regexp, m string) string {
	cut := strings.IndexAny(m, " \t\n\r\v\f")
	scheme, value := m[:cut], strings.TrimSpace(m[cut:])
	if len(value) < 20 && !strings.ContainsAny(value, "0123456789=+/_") {
		return m
	}
	return scheme + " " + redacted
}

func named(find *regexp.Regexp, m string) string {
	g := find.FindStringSubmatch(m)
	name, sep, value := g[1], g[2], g[3]
	for _, quote := range []string{`"`, `'`} {
		if strings.HasPrefix(value, quote) {
			return name + sep + quote + redacted + quote
		}
	}
	if open := strings.Index(value, `"`); open > 0 && strings.Trim(value[:open], `\`) == "" { // JSON within a JSON string
		return name + sep + value[:open+1] + redacted + value[:open+1]
	}
	return name + sep + redacted
}

// awsSecret masks a 40-character run that mixes cases and digits. Longer runs
// are other things, and hexadecimal ones are commit hashes.
func awsSecret(_ *regexp.Regexp, m string) string {
	if len(m) != 40 || strings.Count(m, "/") > 3 {
		return m
	}
	if strings.ContainsAny(m, "0123456789") && strings.ToLower(m) != m && strings.ToUpper(m) != m {
		return redacted
	}
	return m
}

// cards masks payment card numbers in a run of digits: whole groups of 13 to
// 19 digits that begin as cards do and carry a right check digit. A timestamp
// in milliseconds begins with 1 and is none; nor is what a number has after its
// decimal point, which would no longer be a number.
func cards(_ *regexp.Regexp, m string) string {
	if len(m) > 1 && m[1] == '.' && !strings.ContainsAny(m, " -") {
		return m
	}
	type group struct{ from, to int }
	var groups []group
	for i := 0; i < len(m); i++ {
		if m[i] < '0' || m[i] > '9' {
			continue
		}
		if n := len(groups); n > 0 && groups[n-1].to == i {
			groups[n-1].to = i + 1
		} else {
			groups = append(groups, group{i, i + 1})
		}
	}
	var out strings.Builder
	done := 0
	for i := 0; i < len(groups); i++ {
		digits := ""
		for j := i; j < len(groups) && len(digits) <= 19; j++ {
			digits += m[groups[j].from:groups[j].to]
			if cardNumber(digits) {
				out.WriteString(m[done:groups[i].from])
				out.WriteString(redacted)
				done, i = groups[j].to, j
				break
			}
		}
	}
	out.WriteString(m[done:])
	return out.String()
}

func cardNumber(digits string) bool {
	if len(digits) < 13 || len(digits) > 19 || digits[0] < '2' || digits[0] > '6' {
		return false
	}
	sum := 0 // Luhn
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}
