package rds

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxStatement bounds a statement. Performance Insights cuts at 500 bytes.
const maxStatement = 500

// mask returns a statement on one line with a question mark in place of every
// literal and without comments, which may hold anything. What is open at the
// end, because the statement was cut, is masked to the end. backslashes says
// that a backslash escapes in every string and that double quotes are strings,
// as in MySQL.
func mask(sql string, backslashes bool) string {
	var b strings.Builder
	literal := func() { b.WriteByte('?') }
	for i := 0; i < len(sql); {
		rest := sql[i:]
		r, size := utf8.DecodeRuneInString(rest)
		word := i > 0 && inWord(sql[i-1])
		switch {
		case strings.HasPrefix(rest, "--"), r == '#' && backslashes:
			i += until(rest, "\n")
			b.WriteByte(' ')
		case strings.HasPrefix(rest, "/*"):
			i += 2 + until(rest[2:], "*/")
			b.WriteByte(' ')
		case r == '\'', r == '"' && backslashes:
			escaped := backslashes || word && (sql[i-1] == 'E' || sql[i-1] == 'e') && (i < 2 || !inWord(sql[i-2]))
			literal()
			i += quoted(rest, rest[0], escaped)
		case r == '"', r == '`': // an identifier
			n := quoted(rest, rest[0], false)
			b.WriteString(rest[:n])
			i += n
		case r == '$' && !word && !backslashes && tag(rest) != "": // PostgreSQL's $tag$…$tag$
			t := tag(rest)
			literal()
			i += len(t) + until(rest[len(t):], t)
		case r >= '0' && r <= '9' && !word, r == '.' && !word && len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9':
			n := number(rest)
			if i > 0 && sql[i-1] == '$' { // a parameter's place, such as $1
				b.WriteString(rest[:n])
			} else {
				literal()
			}
			i += n
		case unicode.IsSpace(r), unicode.IsControl(r):
			b.WriteByte(' ')
			i += size
		default:
			b.WriteString(rest[:size])
			i += size
		}
	}
	out := strings.Join(strings.Fields(b.String()), " ")
	if runes := []rune(out); len(runes) > maxStatement {
		out = string(runes[:maxStatement]) + "…"
	}
	return out
}

func inWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf
}

// until is how far the text goes up to and with end.
func until(s, end string) int {
	if i := strings.Index(s, end); i >= 0 {
		return i + len(end)
	}
	return len(s)
}

// quoted is the length of a quoted piece, whose quote is doubled, or escaped
// by a backslash where escaped, to stand for itself.
func quoted(s string, quote byte, escaped bool) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && escaped:
			i++
		case s[i] == quote && i+1 < len(s) && s[i+1] == quote:
			i++
		case s[i] == quote:
			return i + 1
		}
	}
	return len(s)
}

// tag is the opening of a dollar-quoted string; "" where it is none.
func tag(s string) string {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '$':
			return s[:i+1]
		case !inWord(s[i]) || i == 1 && s[i] >= '0' && s[i] <= '9':
			return ""
		}
	}
	return ""
}

// number is the length of a number: digits, a fraction, an exponent, or
// hexadecimal digits.
func number(s string) int {
	i := 0
	for i < len(s) && (inWord(s[i]) || s[i] == '.' || (s[i] == '+' || s[i] == '-') && i > 0 && (s[i-1] == 'e' || s[i-1] == 'E') && s[0] != '0') {
		i++
	}
	return i
}
