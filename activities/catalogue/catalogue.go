package catalogue

import (
	"fmt"
	"maps"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"

	"vigil/activities"
	"vigil/activities/internal/expr"
	"vigil/workflows/incident"
)

// Executors are the executors that entries may name. A worker need not have
// all of them: what it cannot carry out it shows, and never chooses.
var Executors = []string{"ssm", "ecs", "kubernetes", "webhook"}

// maxCached bounds what is kept compiled. A catalogue has a few hundred
// expressions; more come only from the histories of older ones.
const maxCached = 2_000

// Catalogue evaluates the expressions of entries.
type Catalogue struct {
	env       map[string]string
	arguments *expr.Language // of arguments
	holds     *expr.Language // of preconditions, which also see planned

	mu          sync.Mutex // guards the caches
	expressions map[cached]*expr.Expression
	schemas     map[string]*schema
}

type cached struct {
	precondition bool
	source       string
}

var _ activities.Catalogue = (*Catalogue)(nil)

// New makes a Catalogue whose expressions see env.
func New(env map[string]string) (*Catalogue, error) {
	dyn := cel.MapType(cel.StringType, cel.DynType)
	variables := map[string]*cel.Type{"target": cel.StringType, "state": dyn, "env": cel.MapType(cel.StringType, cel.StringType)}
	arguments, err := expr.New(variables, nil)
	if err != nil {
		return nil, err
	}
	variables["planned"] = dyn
	holds, err := expr.New(variables, nil)
	if err != nil {
		return nil, err
	}
	return &Catalogue{env: maps.Clone(env), arguments: arguments, holds: holds,
		expressions: map[cached]*expr.Expression{}, schemas: map[string]*schema{}}, nil
}

// Plan implements activities.Catalogue.
func (c *Catalogue) Plan(e incident.CatalogueEntry, target string, s incident.TargetState) ([]incident.Step, error) {
	schema, err := c.schema(e.Parameters)
	if err != nil {
		return nil, invalid("the parameters of %s: %v", e.Name, err)
	}
	vars := map[string]any{"target": target, "state": expr.State(s), "env": c.env}
	steps := make([]incident.Step, len(e.Steps))
	for i, spec := range e.Steps {
		place := fmt.Sprintf("step %d of %s", i+1, e.Name)
		step := incident.Step{Executor: spec.Executor, Document: spec.Document}
		if step.Arguments, err = c.evaluate(schema, spec.Arguments, vars, place); err != nil {
			return nil, err
		}
		if spec.Undo != nil {
			step.Undo = &incident.Undo{Document: spec.Undo.Document}
			if step.Undo.Arguments, err = c.evaluate(schema, spec.Undo.Arguments, vars, "what undoes "+place); err != nil {
				return nil, err
			}
		}
		steps[i] = step
	}
	return steps, nil
}

// evaluate makes exact arguments, and checks them against the schema.
func (c *Catalogue) evaluate(s *schema, specs map[string]string, vars map[string]any, place string) (map[string]string, error) {
	if len(specs) == 0 {
		return nil, s.check(nil, place)
	}
	out := make(map[string]string, len(specs))
	for name, spec := range specs {
		source, is := expression(spec)
		if !is {
			out[name] = spec
			continue
		}
		e, err := c.compile(c.arguments, source)
		if err != nil {
			return nil, invalid("%s: argument %s: %v", place, name, err)
		}
		if out[name], err = e.Text(vars); err != nil {
			return nil, invalid("%s: argument %s: %v", place, name, err)
		}
	}
	return out, s.check(out, place)
}

// expression is what an argument evaluates, where it does.
func expression(argument string) (source string, is bool) { return strings.CutPrefix(argument, "=") }

// Holds implements activities.Catalogue.
func (c *Catalogue) Holds(precondition, target string, planned, s incident.TargetState) (bool, error) {
	if strings.TrimSpace(precondition) == "" {
		return true, nil
	}
	e, err := c.compile(c.holds, precondition)
	if err != nil {
		return false, invalid("the precondition %v", err)
	}
	holds, err := e.Holds(map[string]any{"target": target, "state": expr.State(s), "planned": expr.State(planned), "env": c.env})
	if err != nil {
		return false, invalid("the precondition %v", err)
	}
	return holds, nil
}

// compile understands source, or remembers that it has.
func (c *Catalogue) compile(l *expr.Language, source string) (*expr.Expression, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := cached{l == c.holds, source}
	if e := c.expressions[key]; e != nil {
		return e, nil
	}
	e, problems := l.Compile(source)
	if problems != nil {
		return nil, fmt.Errorf("%q: %s", source, problems[0].Text)
	}
	if len(c.expressions) >= maxCached {
		clear(c.expressions)
	}
	c.expressions[key] = e
	return e, nil
}

func (c *Catalogue) schema(raw []byte) (*schema, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.schemas[string(raw)]; s != nil {
		return s, nil
	}
	s, err := newSchema(raw)
	if err != nil {
		return nil, err
	}
	if len(c.schemas) >= maxCached {
		clear(c.schemas)
	}
	c.schemas[string(raw)] = s
	return s, nil
}

func invalid(format string, args ...any) error {
	return incident.Errorf(incident.KindInvalid, format, args...)
}
