package intake

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/parser"
)

// Bounds of an expression; mapping_cost.go has those of what it may do.
const (
	maxExpression = 4_096 // characters
	maxRegexp     = 2_000 // instructions of a compiled regular expression
)

// What expressions are rewritten to by nullSafe; nobody can write these names.
const (
	fnGet  = "@get"
	fnAdd  = "@add"
	fnSome = "@some"
)

// celEnv is CEL as mappings have it: its standard functions, the helpers that
// mappings/README.md explains, and a has that means "there, and not null".
var celEnv = sync.OnceValues(func() (*cel.Env, error) {
	dyn, str := cel.DynType, cel.StringType
	return cel.NewEnv(
		cel.Variable("body", dyn), cel.Variable("text", str),
		cel.Variable("headers", cel.MapType(str, str)), cel.Variable("received_at", cel.TimestampType),

		cel.ParserExpressionSizeLimit(maxExpression), cel.ExpressionNodeLimit(4*maxExpression), cel.RegexProgramSizeLimit(maxRegexp),
		cel.DefaultUTCTimeZone(true), cel.EnableHiddenAccumulatorName(true),
		cel.Macros(hasMacro, variadic("first"), variadic("hash"), variadic("merge")),

		ofTwo(fnGet, dyn, get), ofTwo(fnAdd, dyn, add), ofOne(fnSome, dyn, some),
		ofOne("@first", dyn, first), ofOne("@hash", str, hashOf), ofOne("@merge", cel.MapType(dyn, dyn), merge),
		ofTwo("pick", dyn, pick), ofOne("list", cel.ListType(dyn), list), ofOne("tags", cel.MapType(dyn, dyn), tags),
		ofOne("json", dyn, jsonOf), ofOne("time", dyn, timestamp),
		ofOne("text", str, func(x ref.Val) ref.Val { return types.String(text(x)) }),
		ofOne("severity", str, func(x ref.Val) ref.Val { return types.String(severityText(x)) }),

		ofText("lower", str, 0, func(x ...ref.Val) ref.Val { return types.String(strings.ToLower(text(x[0]))) }),
		ofText("upper", str, 0, func(x ...ref.Val) ref.Val { return types.String(strings.ToUpper(text(x[0]))) }),
		ofText("trim", str, 0, func(x ...ref.Val) ref.Val { return types.String(strings.TrimSpace(text(x[0]))) }),
		ofText("replace", str, 2, func(x ...ref.Val) ref.Val { return replace(text(x[0]), text(x[1]), text(x[2])) }),
		ofText("split", cel.ListType(str), 1, func(x ...ref.Val) ref.Val { return split(text(x[0]), text(x[1])) }),
		ofText("join", str, 1, func(x ...ref.Val) ref.Val { return join(x[0], text(x[1])) }),
		ofText("find", str, 1, func(x ...ref.Val) ref.Val { return find(x[0], x[1]) }),
	)
})

func ofOne(name string, result *cel.Type, f func(ref.Val) ref.Val) cel.EnvOption {
	return cel.Function(name, cel.Overload("vigil_"+name, []*cel.Type{cel.DynType}, result, cel.UnaryBinding(f)))
}

func ofTwo(name string, result *cel.Type, f func(x, y ref.Val) ref.Val) cel.EnvOption {
	return cel.Function(name, cel.Overload("vigil_"+name, []*cel.Type{cel.DynType, cel.DynType}, result, cel.BinaryBinding(f)))
}

// ofText is a function x.name(…) of anything, read as text, and more texts.
func ofText(name string, result *cel.Type, more int, f func(...ref.Val) ref.Val) cel.EnvOption {
	args := []*cel.Type{cel.DynType}
	for range more {
		args = append(args, cel.StringType)
	}
	bind := cel.FunctionBinding(f)
	switch more {
	case 0:
		bind = cel.UnaryBinding(func(x ref.Val) ref.Val { return f(x) })
	case 1:
		bind = cel.BinaryBinding(func(x, y ref.Val) ref.Val { return f(x, y) })
	}
	return cel.Function(name, cel.MemberOverload("vigil_"+name, args, result, bind))
}

var hasMacro = cel.GlobalMacro("has", 1, func(eh cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
	return eh.NewCall(operators.NotEquals, args[0], eh.NewLiteral(types.NullValue)), nil
})

// variadic lets name(a, b, …) call the function of one list, and name(x) be
// about the elements of x where that is a list.
func variadic(name string) cel.Macro {
	return cel.GlobalVarArgMacro(name, func(eh cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
		if len(args) == 0 {
			return nil, eh.NewError(0, name+" needs values to choose from, such as "+name+"(body.a, body.b)")
		}
		if len(args) == 1 {
			return eh.NewCall("@"+name, eh.NewCall("list", args[0])), nil
		}
		return eh.NewCall("@"+name, eh.NewList(args...)), nil
	})
}

// problem is what is wrong with an expression, at a line from 1 and a column from 0.
type problem struct {
	line, column int
	text         string
}

// compile makes a program of source; kind is the type of what it gives.
func compile(env *cel.Env, source string) (program cel.Program, kind *cel.Type, problems []problem) {
	parsed, issues := env.Parse(source)
	if issues.Err() != nil {
		return nil, nil, problemsOf(env, source, issues)
	}
	problems = nullSafe(parsed.NativeRep())
	checked, issues := env.Check(parsed)
	if issues.Err() != nil {
		problems = append(problems, problemsOf(env, source, issues)...)
	}
	if len(problems) > 0 {
		return nil, nil, problems
	}
	program, err := env.Program(checked, cel.EvalOptions(cel.OptOptimize), cel.CostTracking(callCosts{}), cel.CostLimit(maxExpressionCost))
	if err != nil {
		return nil, nil, []problem{{1, 0, err.Error()}}
	}
	return program, checked.OutputType(), nil
}

// nullSafe rewrites an expression so that what is not there is null, and null
// harms nothing: x.f and x[i] become get, x + y add; what is searched, walked
// or counted is empty where it is null, and what is compared as text is text.
// It also finds regular expressions that are none.
func nullSafe(a *ast.AST) (problems []problem) {
	fac, info := ast.NewExprFactoryWithAccumulator(parser.HiddenAccumulatorName), a.SourceInfo()
	last := ast.MaxID(a)
	// fresh returns an id for an expression that stands where of does.
	fresh := func(of int64) int64 {
		last++
		if at, ok := info.GetOffsetRange(of); ok {
			info.SetOffsetRange(last, at)
		}
		return last
	}
	wrap := func(e ast.Expr, name string) {
		inner := fac.CopyExpr(e)
		inner.RenumberIDs(fresh)
		e.SetKindCase(fac.NewCall(e.ID(), name, inner))
	}
	ast.PostOrderVisit(a.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.SelectKind:
			field := fac.NewLiteral(fresh(e.ID()), types.String(e.AsSelect().FieldName()))
			e.SetKindCase(fac.NewCall(e.ID(), fnGet, e.AsSelect().Operand(), field))
		case ast.ComprehensionKind:
			wrap(e.AsComprehension().IterRange(), fnSome)
		case ast.CallKind:
			call := e.AsCall()
			switch call.FunctionName() {
			case operators.Index:
				e.SetKindCase(fac.NewCall(e.ID(), fnGet, call.Args()...))
			case operators.Add:
				if left := call.Args()[0]; left.Kind() == ast.IdentKind && left.AsIdent() == fac.AccuIdentName() {
					break // a list that map or filter collects
				}
				e.SetKindCase(fac.NewCall(e.ID(), fnAdd, call.Args()...))
			case operators.In:
				wrap(call.Args()[1], fnSome)
			case "size":
				for _, arg := range call.Args() {
					wrap(arg, fnSome)
				}
				if call.IsMemberFunction() {
					wrap(call.Target(), fnSome)
				}
			case "contains", "startsWith", "endsWith", "matches":
				if call.IsMemberFunction() {
					wrap(call.Target(), "text")
				}
			}
			if name := call.FunctionName(); (name == "find" || name == "matches") && len(call.Args()) > 0 {
				if arg := call.Args()[len(call.Args())-1]; arg.Kind() == ast.LiteralKind {
					if _, err := regexp.Compile(fmt.Sprint(arg.AsLiteral().Value())); err != nil {
						at := info.GetStartLocation(arg.ID())
						problems = append(problems, problem{at.Line(), at.Column(), err.Error()})
					}
				}
			}
		}
	}))
	return problems
}

// problemsOf says in our words what CEL found.
func problemsOf(env *cel.Env, source string, issues *cel.Issues) []problem {
	var out []problem
	for _, e := range issues.Errors() {
		said := strings.ReplaceAll(e.Message, " (in container '')", "")
		said = strings.TrimPrefix(said, "Syntax error: ")
		if rest, ok := strings.CutPrefix(said, "undeclared reference to '"); ok {
			name, near, _ := strings.Cut(rest, "'")
			said = undeclared(env, source, name, near)
		}
		said, _, _ = strings.Cut(said, " expecting {") // all that the grammar knows
		switch {
		case strings.Contains(said, "unsupported syntax"):
			said += "; write body.a.b: what is not there is null, and so is all in it"
		case strings.Contains(said, "'<EOF>'"):
			said = "the expression ends where more belongs"
		case strings.Contains(said, "no viable alternative"), strings.HasSuffix(said, "expecting IDENTIFIER"):
			said += `; a field called in, true, false or null is written body["in"]`
		}
		said = strings.NewReplacer(fnGet, "x.field", fnAdd, "+", "'@", "'").Replace(said)
		out = append(out, problem{max(e.Location.Line(), 1), max(e.Location.Column(), 0), said})
	}
	return out
}

func undeclared(env *cel.Env, source, name, near string) string {
	if strings.TrimSpace(source) == name && !env.HasFunction(name) {
		return fmt.Sprintf(`there is no %q: for the text itself write '"%s"', for a field of the delivery body.%s`, name, name, name)
	}
	if env.HasFunction(name) {
		return fmt.Sprintf("%q is a function, and has to be called", name)
	}
	return fmt.Sprintf("there is no %q%s; there are %s, and the functions that mappings/README.md lists", name, near, strings.Join(variables(env), ", "))
}

func variables(env *cel.Env) []string {
	var names []string
	for _, v := range env.Variables() {
		names = append(names, v.Name())
	}
	return names
}
