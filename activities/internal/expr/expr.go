package expr

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"
	"cel.dev/cel-go/interpreter"

	"vigil/workflows/incident"
)

// Bounds of an expression.
const (
	MaxLength = 4_096   // characters
	maxCost   = 100_000 // in CEL's measure: a comparison costs about one
	maxRegexp = 2_000   // instructions of a compiled regular expression
	maxResult = 2_048   // bytes of a text that becomes an argument
)

// Language is a set of variables.
type Language struct {
	env   *cel.Env
	names []string
	words map[string][]string
}

// New makes a language. words names, for variables that hold one word of a
// closed set, the words that there are: comparing one with anything else is
// a mistake, and found when the expression is compiled.
func New(variables map[string]*cel.Type, words map[string][]string) (*Language, error) {
	options := []cel.EnvOption{
		cel.ParserExpressionSizeLimit(MaxLength), cel.ExpressionNodeLimit(4 * MaxLength), cel.RegexProgramSizeLimit(maxRegexp),
		cel.DefaultUTCTimeZone(true), cel.CrossTypeNumericComparisons(true), cel.OptionalTypes(), ext.Math(ext.MathVersion(1)), ext.Strings(ext.StringsVersion(3)),
	}
	names := slices.Sorted(maps.Keys(variables))
	for _, name := range names {
		options = append(options, cel.Variable(name, variables[name]))
	}
	env, err := cel.NewEnv(options...)
	if err != nil {
		return nil, fmt.Errorf("set up the language of expressions: %w", err)
	}
	return &Language{env, names, words}, nil
}

// Problem is a mistake in an expression, at a line from 1 and a column from 0.
type Problem struct {
	Line, Column int
	Text         string
}

// Expression is an expression that was understood.
type Expression struct {
	Source  string
	kind    *cel.Type
	program cel.Program
	reads   []read
}

// read is a field of a map that the expression names.
type read struct{ variable, field string }

// Compile understands source, or says all that is wrong with it.
func (l *Language) Compile(source string) (*Expression, []Problem) {
	checked, issues := l.env.Compile(source)
	if issues.Err() != nil {
		return nil, l.problems(issues)
	}
	e := &Expression{Source: source, kind: checked.OutputType()}
	problems := e.walk(checked.NativeRep(), l.words)
	if len(problems) > 0 {
		return nil, problems
	}
	var err error
	if e.program, err = l.env.Program(checked, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(maxCost)); err != nil {
		return nil, []Problem{{1, 0, err.Error()}}
	}
	return e, nil
}

// problems says in our words what CEL found.
func (l *Language) problems(issues *cel.Issues) []Problem {
	var out []Problem
	for _, e := range issues.Errors() {
		said := strings.TrimPrefix(strings.ReplaceAll(e.Message, " (in container '')", ""), "Syntax error: ")
		said, _, _ = strings.Cut(said, " expecting {") // all that the grammar knows
		if rest, ok := strings.CutPrefix(said, "undeclared reference to '"); ok {
			name, _, _ := strings.Cut(rest, "'")
			said = fmt.Sprintf("there is no %q; there are %s", name, strings.Join(l.names, ", "))
		}
		switch {
		case strings.Contains(said, "'<EOF>'"):
			said = "the expression ends where more belongs"
		case strings.Contains(said, "(double, int)"), strings.Contains(said, "(int, double)"):
			said += "; write a number with decimals, such as 1.0, beside one that may have them"
		}
		out = append(out, Problem{max(e.Location.Line(), 1), max(e.Location.Column(), 0), said})
	}
	return out
}

// walk notes the fields that the expression reads and finds words that there are not.
func (e *Expression) walk(a *ast.AST, words map[string][]string) (problems []Problem) {
	info := a.SourceInfo()
	wrong := func(at ast.Expr, variable string) {
		if at.Kind() != ast.LiteralKind {
			return
		}
		said, ok := at.AsLiteral().Value().(string)
		if ok && !slices.Contains(words[variable], said) {
			where := info.GetStartLocation(at.ID())
			problems = append(problems, Problem{max(where.Line(), 1), max(where.Column(), 0),
				fmt.Sprintf("%s is never %q; it is one of %s", variable, said, quoted(words[variable]))})
		}
	}
	ast.PostOrderVisit(a.Expr(), ast.NewExprVisitor(func(x ast.Expr) {
		switch x.Kind() {
		case ast.SelectKind:
			if s := x.AsSelect(); s.Operand().Kind() == ast.IdentKind {
				e.reads = append(e.reads, read{s.Operand().AsIdent(), s.FieldName()})
			}
		case ast.CallKind:
			args := x.AsCall().Args()
			if len(args) != 2 {
				return
			}
			switch x.AsCall().FunctionName() {
			case operators.Index:
				if key, ok := literal(args[1]); ok && args[0].Kind() == ast.IdentKind {
					e.reads = append(e.reads, read{args[0].AsIdent(), key})
				}
			case operators.Equals, operators.NotEquals:
				for i, side := range args {
					if side.Kind() == ast.IdentKind && words[side.AsIdent()] != nil {
						wrong(args[1-i], side.AsIdent())
					}
				}
			case operators.In:
				if args[0].Kind() == ast.IdentKind && words[args[0].AsIdent()] != nil && args[1].Kind() == ast.ListKind {
					for _, element := range args[1].AsList().Elements() {
						wrong(element, args[0].AsIdent())
					}
				}
			}
		}
	}))
	return problems
}

func literal(x ast.Expr) (string, bool) {
	if x.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := x.AsLiteral().Value().(string)
	return s, ok
}

func quoted(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = strconv.Quote(w)
	}
	return strings.Join(out, ", ")
}

// Reads are the fields of a map that the expression names, sorted.
func (e *Expression) Reads(variable string) []string {
	var out []string
	for _, r := range e.reads {
		if r.variable == variable {
			out = append(out, r.field)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Condition reports whether the expression can be true or false.
func (e *Expression) Condition() bool {
	return e.kind.Kind() == types.BoolKind || e.kind.Kind() == types.DynKind
}

// Single reports whether the expression can be one value: a text, a number or
// a boolean.
func (e *Expression) Single() bool {
	switch e.kind.Kind() {
	case types.StringKind, types.IntKind, types.UintKind, types.DoubleKind, types.BoolKind, types.DynKind:
		return true
	}
	return false
}

// Kind is what the expression gives, in CEL's word.
func (e *Expression) Kind() string { return e.kind.String() }

// Holds evaluates a condition.
func (e *Expression) Holds(vars map[string]any) (bool, error) {
	v, err := e.eval(vars)
	if err != nil {
		return false, err
	}
	b, ok := v.(types.Bool)
	if !ok {
		return false, incident.Errorf(incident.KindInvalid, "%q gives a %s; it must say true or false", e.Source, v.Type().TypeName())
	}
	return bool(b), nil
}

// Text evaluates the expression to one value, as text: numbers without
// decimals where they have none.
func (e *Expression) Text(vars map[string]any) (string, error) {
	v, err := e.eval(vars)
	if err != nil {
		return "", err
	}
	switch v := v.(type) {
	case types.String:
		if len(v) > maxResult {
			return "", incident.Errorf(incident.KindInvalid, "%q gives a text of %d bytes; %d are the most", e.Source, len(v), maxResult)
		}
		return string(v), nil
	case types.Int:
		return strconv.FormatInt(int64(v), 10), nil
	case types.Uint:
		return strconv.FormatUint(uint64(v), 10), nil
	case types.Bool:
		return strconv.FormatBool(bool(v)), nil
	case types.Double:
		if f := float64(v); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return strconv.FormatFloat(f, 'f', -1, 64), nil
		}
	}
	return "", incident.Errorf(incident.KindInvalid, "%q gives %v, a %s; an argument is a text, a number, or true or false", e.Source, v.Value(), v.Type().TypeName())
}

func (e *Expression) eval(vars map[string]any) (v ref.Val, err error) {
	defer func() {
		if p := recover(); p != nil { // of the library: nothing that an expression does may end a worker
			v, err = nil, incident.Errorf(incident.KindInvalid, "%q cannot be evaluated: %v", e.Source, p)
		}
	}()
	v, _, err = e.program.Eval(vars)
	var cancelled interpreter.EvalCancelledError
	switch {
	case err == nil:
		return v, nil
	case errors.As(err, &cancelled):
		return nil, incident.Errorf(incident.KindInvalid, "%q takes too many steps", e.Source)
	}
	if key, ok := strings.CutPrefix(err.Error(), "no such key: "); ok {
		return nil, e.missing(key, vars)
	}
	said := err.Error()
	if strings.HasPrefix(said, "no such overload") {
		said = "it puts together what does not fit, such as a whole number and one with decimals, or a text and a number; int(…), double(…) and string(…) turn one into the other"
	}
	return nil, incident.Errorf(incident.KindInvalid, "%q cannot be evaluated: %s", e.Source, said)
}

// missing says which field is not there, and which are.
func (e *Expression) missing(key string, vars map[string]any) error {
	for _, r := range e.reads {
		if r.field != key {
			continue
		}
		var names []string
		switch m := vars[r.variable].(type) {
		case map[string]any:
			if _, there := m[key]; there {
				continue
			}
			for name := range m {
				names = append(names, name)
			}
		case map[string]string:
			if _, there := m[key]; there {
				continue
			}
			for name := range m {
				names = append(names, name)
			}
		default:
			continue
		}
		sort.Strings(names)
		has := "it is empty"
		if len(names) > 0 {
			has = "there are " + strings.Join(names, ", ")
		}
		return incident.Errorf(incident.KindInvalid, "%q needs %s.%s, which is not known here; %s", e.Source, r.variable, key, has)
	}
	return incident.Errorf(incident.KindInvalid, "%q needs %q, which is not known here", e.Source, key)
}

// wholeBelow is where float64 stops holding every whole number.
const wholeBelow = 1 << 53

// State is a target's state as expressions see it: JSON has every number as
// float64, and here those that are whole are whole numbers.
func State(s incident.TargetState) map[string]any {
	out := make(map[string]any, len(s))
	for name, v := range s {
		if f, ok := v.(float64); ok && f == math.Trunc(f) && math.Abs(f) < wholeBelow {
			v = int64(f)
		}
		out[name] = v
	}
	return out
}
