package archive

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxWords bounds a question. Text beyond it, as in a long alert, adds
	// little and costs a look for every word.
	maxWords = 32
	// maxWord bounds a word: what is longer is an identifier that no document
	// repeats.
	maxWord = 40
)

// stop are words that say nothing of what a text is about. They are looked for
// in no document.
var stop = set(`a about above after again all also am an and any are as at be because been before being below between both but by can could
	did do does doing down during each few for from further get had has have having he her here hers him his how i if in into is it its itself
	just me more most my no nor not now of off on once only or other our ours out over own please same she should show so some such tell than
	that the their them then there these they this those through to too under until up us very was we were what when where which while who
	whom why will with would you your yours`)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// words returns the meaningful words of texts, each once, in lower case and in
// the order of the texts. They hold letters and digits only, so nothing that
// somebody wrote can be read as an operator of a query.
func words(texts ...string) []string {
	var out []string
	seen := map[string]bool{}
	for _, text := range texts {
		for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) }) {
			if len(out) == maxWords {
				return out
			}
			if !seen[w] && meaningful(w) {
				seen[w] = true
				out = append(out, w)
			}
		}
	}
	return out
}

// meaningful leaves out single characters, what is too long, and numbers but
// those of the length of a status or an error code.
func meaningful(w string) bool {
	n := utf8.RuneCountInString(w)
	if n < 2 || n > maxWord || stop[w] {
		return false
	}
	for _, r := range w {
		if !unicode.IsDigit(r) {
			return true
		}
	}
	return n >= 3 && n <= 5
}

// match is the full-text query for a document that has any of the words. Each
// is quoted, which makes it a string whatever it holds.
func match(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = `"` + strings.ReplaceAll(w, `"`, `""`) + `"`
	}
	return strings.Join(quoted, " OR ")
}
