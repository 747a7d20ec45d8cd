package sandbox

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"vigil/deploy/sandbox/world"
)

const (
	maxInsightsRows     = 10_000
	defaultInsightsRows = 1_000
)

// insights is a query of the part of the Logs Insights language that the
// sandbox has: fields and display, filter … like, sort by time, limit. It
// refuses the rest rather than answer another question than was asked.
type insights struct {
	fields     []string
	filters    []func(world.LogLine) bool
	descending bool
	limit      int
}

var (
	filterLike = regexp.MustCompile(`^(@[A-Za-z]+)\s+(not\s+)?(?:like|=~)\s+(.+)$`)
	sortBy     = regexp.MustCompile(`^@timestamp(?:\s+(asc|desc))?$`)
)

// parseInsights reads a query: commands with a | between them.
func parseInsights(q string) (insights, error) {
	p := insights{fields: []string{"@timestamp", "@message"}, descending: true, limit: defaultInsightsRows}
	if strings.TrimSpace(q) == "" {
		return p, fmt.Errorf("the query is empty")
	}
	for _, command := range splitPipes(q) {
		command = strings.TrimSpace(command)
		word, rest, _ := strings.Cut(command, " ")
		rest = strings.TrimSpace(rest)
		var err error
		switch strings.ToLower(word) {
		case "fields", "display":
			err = p.setFields(rest)
		case "filter":
			err = p.addFilter(rest)
		case "sort":
			m := sortBy.FindStringSubmatch(rest)
			if m == nil {
				return p, fmt.Errorf("sort %q: the sandbox sorts by @timestamp asc or desc", rest)
			}
			p.descending = m[1] == "desc"
		case "limit":
			p.limit, err = strconv.Atoi(rest)
			if err != nil || p.limit < 1 || p.limit > maxInsightsRows {
				return p, fmt.Errorf("limit %q: use 1 to %d", rest, maxInsightsRows)
			}
		default:
			return p, fmt.Errorf("the sandbox has no command %q; it has fields, display, filter, sort and limit", word)
		}
		if err != nil {
			return p, err
		}
	}
	return p, nil
}

// splitPipes splits at each | outside of quotes and patterns.
func splitPipes(q string) []string {
	var out []string
	var quote byte
	begin := 0
	for i := 0; i < len(q); i++ {
		switch c := q[i]; {
		case quote != 0 && c == '\\':
			i++
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\'' || c == '/'):
			quote = c
		case quote == 0 && c == '|':
			out = append(out, q[begin:i])
			begin = i + 1
		}
	}
	return append(out, q[begin:])
}

func (p *insights) setFields(rest string) error {
	p.fields = nil
	for _, f := range strings.Split(rest, ",") {
		f = strings.TrimSpace(f)
		if f == "" || strings.ContainsAny(f, "()\" ") {
			return fmt.Errorf("field %q: the sandbox shows fields as they are", f)
		}
		p.fields = append(p.fields, f)
	}
	return nil
}

func (p *insights) addFilter(rest string) error {
	m := filterLike.FindStringSubmatch(rest)
	if m == nil {
		return fmt.Errorf("filter %q: the sandbox has <field> [not] like /pattern/ or \"text\"", rest)
	}
	field, not, arg := m[1], m[2] != "", m[3]
	if len(arg) < 2 || arg[0] != arg[len(arg)-1] || !strings.ContainsRune(`/"'`, rune(arg[0])) {
		return fmt.Errorf("filter %q: what to look for belongs in / / or quotes", rest)
	}
	pattern := arg[1 : len(arg)-1]
	if arg[0] == '/' {
		pattern = strings.ReplaceAll(pattern, `\/`, "/")
	} else {
		pattern = regexp.QuoteMeta(pattern)
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return fmt.Errorf("filter %q: %w", rest, err)
	}
	p.filters = append(p.filters, func(l world.LogLine) bool {
		v, ok := fieldOf(l, field)
		return (ok && re.MatchString(v)) != not
	})
	return nil
}

// run returns the rows of the answer and how many lines matched before the
// limit.
func (p insights) run(lines []world.LogLine) (rows [][]resultField, matched int) {
	found := []world.LogLine{}
	for _, l := range lines {
		keep := true
		for _, f := range p.filters {
			keep = keep && f(l)
		}
		if keep {
			found = append(found, l)
		}
	}
	slices.SortStableFunc(found, func(a, b world.LogLine) int {
		if p.descending {
			a, b = b, a
		}
		return a.At.Compare(b.At)
	})
	matched = len(found)
	rows = [][]resultField{}
	for i, l := range found[:min(matched, p.limit)] {
		row := []resultField{}
		for _, f := range p.fields {
			if v, ok := fieldOf(l, f); ok {
				row = append(row, resultField{f, v})
			}
		}
		pointer := base64.RawStdEncoding.EncodeToString(fmt.Appendf(nil, "%s/%d/%d", l.Stream, l.At.UnixMilli(), i))
		rows = append(rows, append(row, resultField{"@ptr", pointer}))
	}
	return rows, matched
}
