package correlate

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"gopkg.in/yaml.v3"
)

//go:embed rules.yaml
var shipped []byte

const (
	maxFile  = 1 << 20
	maxRules = 100
	maxName  = 64 // bytes

	// maxWindow bounds how old an incident's latest alert may be.
	maxWindow = 7 * 24 * time.Hour
)

// Rule brings an alert to an incident that is open.
type Rule struct {
	Name   string
	About  string
	Window time.Duration // since the latest alert of an incident
	When   string

	program cel.Program
}

// Storm is when alerts that match no rule join the latest incident all the same.
type Storm struct {
	Incidents int // 0: never
	Window    time.Duration
}

// Rules is a file of rules, ready for use.
type Rules struct {
	file   string
	rules  []Rule
	storm  Storm
	static map[string][]string
	failed func(rule string, err error)

	mu    sync.Mutex // held during Join: hops looks at graph
	graph *graph
}

// Load reads the rules in the file at path, or those that come with Vigil where
// path is empty. failed is told of rules that fail while they are asked; nil is nobody.
func Load(path string, failed func(rule string, err error)) (*Rules, error) {
	raw := shipped
	if path != "" {
		var err error
		if raw, err = readFile(path); err != nil {
			return nil, fmt.Errorf("correlation rules: %w", err)
		}
	}
	r, err := parse(raw)
	if err != nil {
		if path == "" {
			path = "the shipped rules"
		}
		return nil, fmt.Errorf("correlation rules: %s: %w", path, err)
	}
	r.file, r.failed = path, failed
	if failed == nil {
		r.failed = func(string, error) {}
	}
	return r, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(raw) > maxFile {
		err = fmt.Errorf("%s is over %d bytes", path, maxFile)
	}
	return raw, err
}

// duration is a time.Duration as people write it.
type duration time.Duration

func (d *duration) UnmarshalYAML(node *yaml.Node) error {
	v, err := time.ParseDuration(node.Value)
	if err != nil {
		return fmt.Errorf("line %d: %q is no duration; write it as 10m or 1h30m", node.Line, node.Value)
	}
	*d = duration(v)
	return nil
}

func parse(raw []byte) (*Rules, error) {
	var file struct {
		Graph map[string][]string `yaml:"graph"`
		Rules []yaml.Node         `yaml:"rules"`
		Storm struct {
			Incidents int      `yaml:"incidents"`
			Window    duration `yaml:"window"`
		} `yaml:"storm"`
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(&file); err != nil && !errors.Is(err, io.EOF) { // an empty file is no rules
		return nil, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if len(file.Rules) > maxRules {
		return nil, fmt.Errorf("it has %d rules; %d are the most", len(file.Rules), maxRules)
	}
	r := &Rules{static: file.Graph, storm: Storm{Incidents: file.Storm.Incidents, Window: time.Duration(file.Storm.Window)}, graph: &graph{}}
	if r.storm.Incidents < 0 || r.storm.Incidents > 0 && (r.storm.Window <= 0 || r.storm.Window > openedWindow) {
		return nil, fmt.Errorf("storm needs incidents of 0 (never) or more and a window of up to %s", openedWindow)
	}
	env, err := r.environment()
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, node := range file.Rules {
		rule, err := parseRule(env, node)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", node.Line, err)
		}
		if names[rule.Name] {
			return nil, fmt.Errorf("line %d: there is a rule %q already; names are shown with what rules did and must differ", node.Line, rule.Name)
		}
		names[rule.Name] = true
		r.rules = append(r.rules, rule)
	}
	return r, nil
}

func parseRule(env *cel.Env, node yaml.Node) (Rule, error) {
	var in struct {
		Name   string   `yaml:"name"`
		About  string   `yaml:"about"`
		Window duration `yaml:"window"`
		When   string   `yaml:"when"`
	}
	raw, err := yaml.Marshal(&node)
	if err != nil {
		return Rule{}, err
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw)) // Node.Decode would let unknown fields pass
	dec.KnownFields(true)
	if err := dec.Decode(&in); err != nil {
		return Rule{}, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	r := Rule{Name: strings.TrimSpace(in.Name), About: in.About, Window: time.Duration(in.Window), When: in.When}
	switch {
	case r.Name == "" || len(r.Name) > maxName:
		return Rule{}, fmt.Errorf("a rule needs a name of up to %d bytes", maxName)
	case r.Window <= 0 || r.Window > maxWindow:
		return Rule{}, fmt.Errorf("rule %q needs a window of up to %s: how long after an incident's latest alert it asks about it", r.Name, maxWindow)
	}
	ast, issues := env.Compile(r.When)
	if issues.Err() != nil {
		return Rule{}, fmt.Errorf("rule %q: %w", r.Name, issues.Err())
	}
	if ast.OutputType() != cel.BoolType {
		return Rule{}, fmt.Errorf("rule %q gives a %s; it must say true or false", r.Name, ast.OutputType())
	}
	if r.program, err = env.Program(ast, cel.CostLimit(costLimit), cel.EvalOptions(cel.OptOptimize)); err != nil {
		return Rule{}, fmt.Errorf("rule %q: %w", r.Name, err)
	}
	return r, nil
}
