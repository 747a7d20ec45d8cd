package activities

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"vigil/workflows/incident"
)

const (
	maxLine     = 4096 // bytes of a line that are looked at
	maxTemplate = 300  // characters of a template and of its example
	grown       = 2    // so many times its baseline makes a pattern "more than before"
)

// Templates reduces log lines to templates: what varies between lines of one
// kind (numbers, ids, addresses, times, quoted values) is masked, so that a
// thousand lines become a few patterns, and text that an attacker planted in a
// value does not reach a model. baseline holds the lines of a window of equal
// length before the incident. Only patterns of current are returned, at most
// limit, the most significant first: errors that are new, errors that grew, the
// same for warnings, then the rest, within each by how much more there is.
func Templates(current, baseline []LogLine, limit int) []incident.LogPattern {
	type key struct{ level, template string }
	patterns := map[key]*incident.LogPattern{}
	for _, l := range current {
		text := lineText(l.Message)
		k := key{lineLevel(l), template(text)}
		p := patterns[k]
		if p == nil {
			p = &incident.LogPattern{Level: k.level, Template: k.template, Example: clip(text), FirstAt: l.At, LastAt: l.At}
			patterns[k] = p
		}
		p.Count++
		if l.At.Before(p.FirstAt) {
			p.FirstAt, p.Example = l.At, clip(text)
		}
		if l.At.After(p.LastAt) {
			p.LastAt = l.At
		}
	}
	for _, l := range baseline {
		if p := patterns[key{lineLevel(l), template(lineText(l.Message))}]; p != nil {
			p.Baseline++
		}
	}
	out := make([]incident.LogPattern, 0, len(patterns))
	for _, p := range patterns {
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b incident.LogPattern) int {
		if d := tier(a) - tier(b); d != 0 {
			return d
		}
		if d := (b.Count - b.Baseline) - (a.Count - a.Baseline); d != 0 {
			return d
		}
		if d := strings.Compare(a.Template, b.Template); d != 0 {
			return d
		}
		return strings.Compare(a.Level, b.Level)
	})
	return out[:min(len(out), max(limit, 0))]
}

// tier ranks patterns by what they mean, 0 most significant.
func tier(p incident.LogPattern) int {
	isNew := p.Baseline == 0
	more := p.Count >= grown*p.Baseline
	bad := p.Level == levelError || p.Level == levelFatal
	switch {
	case bad && isNew:
		return 0
	case bad && more:
		return 1
	case p.Level == levelWarn && isNew:
		return 2
	case p.Level == levelWarn && more:
		return 3
	case bad:
		return 4
	case isNew:
		return 5
	default:
		return 6
	}
}

func lineLevel(l LogLine) string {
	if l.Level == "" {
		return LevelOf(l.Message)
	}
	return normalLevel(l.Level)
}

// lineText is what a line says: the message and error of a JSON line, the
// line itself otherwise; on one line, bounded, valid and redacted.
func lineText(message string) string {
	if fields, ok := jsonLine(message); ok {
		var parts []string
		for _, keys := range [][]string{{"message", "msg", "event", "log", "text"}, {"error", "err", "exception"}} {
			for _, k := range keys {
				if s, ok := fields[k].(string); ok && s != "" {
					parts = append(parts, s)
					break
				}
			}
		}
		if len(parts) > 0 {
			message = strings.Join(parts, ": ")
		}
	}
	if said := logfmtText(message); said != "" {
		message = said
	}
	if len(message) > maxLine {
		message = message[:maxLine]
	}
	message = strings.ToValidUTF8(message, "\uFFFD")
	return Redact(strings.Join(strings.Fields(message), " "))
}

// A line of key=value pairs, as slog and many others write them.
var (
	logfmtMessage = regexp.MustCompile(`(?:^|\s)(?:msg|message)=("(?:[^"\\]|\\.)*"|[^\s"]+)`)
	logfmtError   = regexp.MustCompile(`(?:^|\s)(?:err|error|exception)=("(?:[^"\\]|\\.)*"|[^\s"]+)`)
)

// logfmtText is the message and the error of a line of key=value pairs, "" for
// a line of another kind. Left as they are, their quotes would make them values
// that vary, and every message of a service the same template.
func logfmtText(line string) string {
	if !strings.Contains(line, "msg=") && !strings.Contains(line, "message=") {
		return ""
	}
	var parts []string
	for _, find := range []*regexp.Regexp{logfmtMessage, logfmtError} {
		if m := find.FindStringSubmatch(line); m != nil {
			said, err := strconv.Unquote(m[1])
			if err != nil {
				said = strings.Trim(m[1], `"`)
			}
			if said != "" {
				parts = append(parts, said)
			}
		}
	}
	return strings.Join(parts, ": ")
}

// masks replace what varies, in this order: the wholes before their parts. Each
// is tried only where its hint is, for matching is dear.
var masks = []struct {
	find *regexp.Regexp
	with string
	hint string
}{
	{regexp.MustCompile(`\?[\w.%~\[\]-]+=[^\s"']*`), "?<query>", "?"},
	{regexp.MustCompile(`[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}`), "<uuid>", "-"},
	{regexp.MustCompile(`\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:Z|[+-]\d{2}:?\d{2}| UTC)?`), "<time>", "-"},
	{regexp.MustCompile(`\b\d{1,2}:\d{2}:\d{2}(?:[.,]\d+)?\b`), "<time>", ":"},
	{regexp.MustCompile(`"(?:[^"\\]|\\.)*"`), `"<value>"`, `"`},
	{regexp.MustCompile(`(^|[^\w'])'[^']*'`), `${1}'<value>'`, "'"}, // not the apostrophe of "can't"
	{regexp.MustCompile(`\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b`), "<ip>", "."},
	{regexp.MustCompile(`\[?\b(?:[0-9a-fA-F]{1,4}:){3,7}(?::?[0-9a-fA-F]{1,4})+\b\]?(?::\d+)?`), "<ip>", ":"},
	{regexp.MustCompile(`\b0[xX][0-9a-fA-F]+\b`), "<hex>", "0"},
}

var (
	// wordWithDigit is a run of letters and digits that holds a digit.
	wordWithDigit = regexp.MustCompile(`[A-Za-z]*\d[A-Za-z0-9]*`)
	// plainWord is a name with a number at its end, or a number with its unit.
	plainWord = regexp.MustCompile(`^([A-Za-z]*)\d+([A-Za-z]{0,3})$`)
	hexWord   = regexp.MustCompile(`^[0-9a-fA-F]{8,}$`)
	allDigits = regexp.MustCompile(`^\d+$`)
	// numberParts joins what belongs to one number: 1<n>.5, 12<n>,000.
	numberParts = regexp.MustCompile(`<n>(?:[.,]<n>)+`)
)

// template masks what varies in a line. No digit is left in it.
func template(text string) string {
	for _, m := range masks {
		if strings.Contains(text, m.hint) {
			text = m.find.ReplaceAllString(text, m.with)
		}
	}
	text = wordWithDigit.ReplaceAllStringFunc(text, func(w string) string {
		switch {
		case allDigits.MatchString(w):
			return "<n>"
		case hexWord.MatchString(w):
			return "<hex>"
		}
		if g := plainWord.FindStringSubmatch(w); g != nil {
			return g[1] + "<n>" + g[2]
		}
		return "<id>"
	})
	return clip(numberParts.ReplaceAllString(text, "<n>"))
}

// clip cuts s to maxTemplate characters.
func clip(s string) string {
	if utf8.RuneCountInString(s) <= maxTemplate {
		return s
	}
	n := 0
	for i := range s {
		if n == maxTemplate-1 {
			return s[:i] + "…"
		}
		n++
	}
	return s
}
