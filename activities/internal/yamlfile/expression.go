package yamlfile

import (
	"strings"

	"gopkg.in/yaml.v3"

	"vigil/activities/internal/expr"
)

// Expression compiles source, which is what n holds or the end of it, and
// notes every mistake in it with the place in the file; nil where there is one.
func (f *File) Expression(n *yaml.Node, field string, l *expr.Language, source string) *expr.Expression {
	e, problems := l.Compile(source)
	for _, p := range problems {
		line := n.Line
		if n.Style&yaml.LiteralStyle != 0 { // every line of the expression has its own
			line += p.Line
		}
		f.WrongAt(line, field, "%s, in\n    %s", p.Text, pointer(source, p))
	}
	return e
}

// pointer shows the line of an expression and the place in it.
func pointer(source string, p expr.Problem) string {
	lines := strings.Split(source, "\n")
	if p.Line > len(lines) {
		return source
	}
	const around = 60
	line := []rune(lines[p.Line-1])
	from := min(max(0, p.Column-around), len(line))
	to := min(len(line), max(from, p.Column+around))
	return string(line[from:to]) + "\n    " + strings.Repeat(" ", max(0, p.Column-from)) + "^"
}
