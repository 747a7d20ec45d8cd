package postmortem

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// joiner stands where a renderer would make a link of plain text. It shows
// nothing, keeps words together, and is of no link.
const joiner = "\u2060"

// Escape makes text that Markdown shows as s and that is nothing but text.
func Escape(s string) string {
	var b strings.Builder
	text := clean(s)
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		rest := text[i+size:]
		switch {
		case r == '@' || r == '#': // mentions, addresses, references to issues
			b.WriteString(`\` + string(r) + joiner)
		case r == ':' && (strings.HasPrefix(rest, "/") || endsWithScheme(text[:i])):
			b.WriteString(joiner + `\:` + joiner)
		case r == '.' && endsWithWord(text[:i], "www"):
			b.WriteString(joiner + `\.`)
		case strings.ContainsRune("\\`*_{}[]<>!|&~$^", r), i == 0 && strings.ContainsRune("+-=", r), (r == '.' || r == ')') && digits(text[:i]):
			b.WriteByte('\\')
			fallthrough
		default:
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}

// endsWithScheme reports whether s ends with what makes a link without slashes.
func endsWithScheme(s string) bool { return endsWithWord(s, "mailto") || endsWithWord(s, "xmpp") }

func endsWithWord(s, word string) bool {
	return len(s) >= len(word) && strings.EqualFold(s[len(s)-len(word):], word)
}

// digits reports whether s is nothing but digits, which begins a list.
func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// clean makes one line of s that reads in one direction.
func clean(s string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == utf8.RuneError:
			return r
		case unicode.Is(unicode.Bidi_Control, r), unicode.IsControl(r), r == '\u2060', r == '\ufeff', unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, string(utf8.RuneError)))), " ")
}
