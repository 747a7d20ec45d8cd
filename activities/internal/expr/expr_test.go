package expr_test

import (
	"strings"
	"testing"

	"cel.dev/cel-go/cel"

	"vigil/activities/internal/expr"
	"vigil/workflows/incident"
)

func mustLanguage(t testing.TB) *expr.Language {
	t.Helper()
	l, err := expr.New(map[string]*cel.Type{"target": cel.StringType, "state": cel.MapType(cel.StringType, cel.DynType),
		"env": cel.MapType(cel.StringType, cel.StringType), "risk": cel.StringType}, map[string][]string{"risk": {"low", "high"}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func vars(state incident.TargetState) map[string]any {
	return map[string]any{"target": "checkout", "state": expr.State(state), "env": map[string]string{"cluster": "prod"}, "risk": "low"}
}

func TestText(t *testing.T) {
	l := mustLanguage(t)
	state := incident.TargetState{"desired_count": 3.0, "share": 0.25, "paused": true, "image": "v42", "large": 1e300, "steps": 7}
	for source, want := range map[string]string{
		`state.desired_count + 1`:                      "4",
		`math.least(state.desired_count * 2, 5)`:       "5",
		`double(state.desired_count) * 1.5`:            "4.5",
		`math.ceil(double(state.desired_count) * 1.5)`: "5",
		`state.share`:  "0.25",
		`state.paused`: "true",
		`target + "/" + env.cluster + ":" + state.image`: "checkout/prod:v42",
		`state[?"tag"].orValue("none")`:                  "none",
		`state.steps - 1`:                                "6",
		`has(state.nothing) ? "a" : "b"`:                 "b",
	} {
		e, problems := l.Compile(source)
		if problems != nil {
			t.Errorf("%s: %v", source, problems)
			continue
		}
		if got, err := e.Text(vars(state)); err != nil || got != want {
			t.Errorf("%s is %q, %v; want %q", source, got, err, want)
		}
	}
}

func TestFailuresSayWhatIsWrong(t *testing.T) {
	l := mustLanguage(t)
	for source, want := range map[string]string{
		`state.desired_count + 1`: "needs state.desired_count, which is not known here; there are kind, count",
		`state["replicas"]`:       "needs state.replicas",
		`env.region`:              "needs env.region, which is not known here; there are cluster",
		`state.kind + 1`:          "does not fit",
		`state`:                   "a map; an argument is",
		`int(state.kind)`:         "cannot be evaluated",
		`1.0 / 0.0`:               "an argument is a text, a number",
		`[1,2,3,4,5,6,7,8,9,10].map(a, [1,2,3,4,5,6,7,8,9,10].map(b, [1,2,3,4,5,6,7,8,9,10].map(c, [1,2,3,4,5,6,7,8,9,10].map(d, [1,2,3,4,5,6,7,8,9,10].map(e, a*b*c*d*e)))))`: "too many steps",
	} {
		e, problems := l.Compile(source)
		if problems != nil {
			t.Errorf("%s: %v", source, problems)
			continue
		}
		got, err := e.Text(vars(incident.TargetState{"kind": "ecs", "count": 3.0}))
		if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), "count, kind", "kind, count"), want) {
			t.Errorf("%s is %q, %v; want an error with %q", source, got, err, want)
		}
		if incident.KindOf(err) != incident.KindInvalid {
			t.Errorf("%s: kind %s", source, incident.KindOf(err))
		}
	}
}

func TestMistakesAreFoundBeforeTheyRun(t *testing.T) {
	l := mustLanguage(t)
	for source, want := range map[string]string{
		`stat.desired_count`:       `there is no "stat"; there are env, risk, state, target`,
		`risk == "hihg"`:           `risk is never "hihg"; it is one of "low", "high"`,
		`"none" != risk`:           `risk is never "none"`,
		`risk in ["low", "medum"]`: `risk is never "medum"`,
		`target + 1`:               "found no matching overload",
		`1.5 == 1`:                 "write a number with decimals, such as 1.0",
		`target ==`:                "the expression ends where more belongs",
		`target.matches("(")`:      "error parsing regexp",
	} {
		_, problems := l.Compile(source)
		if len(problems) == 0 || !strings.Contains(problems[0].Text, want) {
			t.Errorf("%s: %v; want %q", source, problems, want)
		}
	}
}

// Whatever is written, compiling and evaluating end, and never panic.
func FuzzExpression(f *testing.F) {
	for _, s := range []string{`state.desired_count + 1`, `has(state.a) && state.a == planned.a`, `env[?"x"].orValue("")`, `"a".replace("a", "b", 3)`,
		`[1,2].exists(x, x > 1)`, `"%s".format([state])`, `risk in ["low"]`, `math.greatest([1,2])`, `"a".matches("(a*)*b")`} {
		f.Add(s)
	}
	l := mustLanguage(f)
	f.Fuzz(func(t *testing.T, source string) {
		e, problems := l.Compile(source)
		if (e == nil) == (len(problems) == 0) {
			t.Fatalf("%q: neither understood nor wrong", source)
		}
		if e != nil {
			_, _ = e.Text(vars(incident.TargetState{"desired_count": 3.0, "kind": "ecs"}))
			_, _ = e.Holds(vars(nil))
		}
	})
}
