package correlate_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vigil/gateway/correlate"
	"vigil/gateway/store"
	"vigil/workflows/incident"
)

var now = time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)

func load(tb testing.TB, text string) *correlate.Rules {
	tb.Helper()
	r, err := read(tb, text)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func read(tb testing.TB, text string) (*correlate.Rules, error) {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "rules.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	return correlate.Load(path, func(rule string, err error) { tb.Errorf("rule %s: %v", rule, err) })
}

func shipped(tb testing.TB) *correlate.Rules {
	tb.Helper()
	r, err := correlate.Load("", func(rule string, err error) { tb.Errorf("rule %s: %v", rule, err) })
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func problem(id string, ago time.Duration, services ...string) store.Problem {
	return store.Problem{IncidentID: id, Origin: incident.OriginLive, Service: services[0], Services: services, Sources: []string{"alertmanager"},
		Severity: incident.SeverityHigh, OpenedAt: now.Add(-ago), LastAlertAt: now.Add(-ago)}
}

func on(service string) incident.Alert {
	return incident.Alert{Source: "alertmanager", CorrelationKey: "k", Fingerprint: "f", Status: incident.AlertFiring, Service: service, ReceivedAt: now}
}

func TestShippedRules(t *testing.T) {
	edges := []incident.Edge{{From: "web", To: "checkout"}, {From: "checkout", To: "payments"}, {From: "payments", To: "ledger"}}
	problems := []store.Problem{problem("inc-search", time.Minute, "search"), problem("inc-checkout", 9*time.Minute, "checkout"), problem("inc-ledger", 20*time.Minute, "ledger"), problem("inc-old", 45*time.Minute, "old")}
	for name, c := range map[string]struct {
		service, want, rule string
	}{
		"the same service":                          {"checkout", "inc-checkout", "same service"},
		"the same service, some time ago":           {"ledger", "inc-ledger", "same service"},
		"the same service, too long ago":            {"old", "", ""},
		"one that calls it":                         {"web", "inc-checkout", "neighbours"},
		"one that it calls":                         {"payments", "inc-checkout", "neighbours"}, // ledger's is too long ago
		"nothing to do with any":                    {"billing", "", ""},
		"a sender that does not say which":          {"", "", ""},
		"its own before a neighbour heard of later": {"search", "inc-search", "same service"},
	} {
		t.Run(name, func(t *testing.T) {
			id, rule := shipped(t).Join(on(c.service), store.Scene{Now: now, Problems: problems, Edges: edges})
			if id != c.want || rule != c.rule {
				t.Errorf("joins %q by %q, want %q by %q", id, rule, c.want, c.rule)
			}
		})
	}
}

func TestStorm(t *testing.T) {
	scene := store.Scene{Now: now}
	for i := range 9 {
		ago := time.Duration(i) * 20 * time.Second
		scene.Problems = append(scene.Problems, problem(fmt.Sprint("inc-", i), ago, fmt.Sprint("svc-", i)))
		scene.Opened = append(scene.Opened, now.Add(-ago))
	}
	if id, rule := shipped(t).Join(on("other"), scene); id != "" {
		t.Errorf("after nine incidents it joins %s by %s", id, rule)
	}
	scene.Opened = append(scene.Opened, now.Add(-4*time.Minute))
	if id, rule := shipped(t).Join(on("other"), scene); id != "inc-0" || rule != correlate.RuleStorm {
		t.Errorf("in a storm it joins %q by %q, want the latest opened", id, rule)
	}
	scene.Opened[9] = now.Add(-6 * time.Minute)
	if id, _ := shipped(t).Join(on("other"), scene); id != "" {
		t.Errorf("ten incidents in six minutes are no storm, and it joins %s", id)
	}
	scene.Opened[9], scene.Problems = now.Add(-4*time.Minute), nil // all of them are over
	if id, _ := shipped(t).Join(on("other"), scene); id != "" {
		t.Errorf("it joins %s, which is over", id)
	}
}

func TestOwnRules(t *testing.T) {
	r := load(t, `
graph: {api: [users]}
rules:
  - {name: team, window: 1h, when: 'alert.labels[?"team"].orValue("") == incident.labels[?"team"].orValue("-")'}
  - {name: far, window: 1h, when: 'incident.services.exists(s, hops(alert.service, s) == 2)'}
  - {name: all of it, window: 1h, when: 'alert.severity == "critical" && incident.alerts > 5 && now - incident.opened_at < duration("10m") && "sns" in incident.sources && incident.severity != "" && incident.title != "" && alert.source + alert.title + alert.correlation_key + alert.fingerprint != "" && alert.received_at <= now && incident.last_alert_at <= now && incident.service != ""'}
`)
	mine := problem("inc-team", time.Minute, "db")
	mine.Labels = map[string]string{"team": "shop"}
	large := problem("inc-large", time.Minute, "cdn")
	large.Alerts, large.Sources, large.Title = 6, []string{"sns"}, "x"
	far := problem("inc-far", time.Minute, "users-db")
	scene := store.Scene{Now: now, Problems: []store.Problem{large, far, mine}, Edges: []incident.Edge{{From: "users", To: "users-db"}}}
	team := on("x")
	team.Labels = map[string]string{"team": "shop"}
	critical := on("y")
	critical.Severity = incident.SeverityCritical
	for want, a := range map[string]incident.Alert{"inc-team": team, "inc-far": on("api"), "inc-large": critical, "": on("z")} {
		if id, rule := r.Join(a, scene); id != want {
			t.Errorf("%s joins %q by %q, want %q", a.Service, id, rule, want)
		}
	}
	d := r.Describe()
	if len(d.Rules) != 3 || d.Rules[0].WindowS != 3600 || d.Storm.Incidents != 0 || d.File == "" {
		t.Errorf("described as %+v", d)
	}
}

// What is wrong with a file is said with its place, before anything runs.
func TestFilesThatAreRefused(t *testing.T) {
	rule := func(when string) string {
		return "rules:\n  - name: r\n    window: 5m\n    when: " + when + "\n"
	}
	for name, c := range map[string]struct{ text, words string }{
		"not YAML":          {"rules: [", "line 1"},
		"unknown field":     {"rulez: []", "rulez"},
		"no name":           {"rules:\n  - {window: 5m, when: 'true'}", "line 2: a rule needs a name"},
		"no window":         {"rules:\n  - {name: r, when: 'true'}", `rule "r" needs a window`},
		"a bad window":      {"rules:\n  - {name: r, window: soon, when: 'true'}", `"soon" is no duration`},
		"unknown rule key":  {"rules:\n  - {name: r, window: 5m, if: 'true'}", "field if not found"},
		"twice":             {"rules:\n  - {name: r, window: 5m, when: 'true'}\n  - {name: r, window: 5m, when: 'true'}", "line 3: there is a rule"},
		"not an expression": {rule("alert.service =="), "Syntax error"},
		"unknown name":      {rule("alert.servce == ''"), "undeclared reference"},
		"no answer":         {rule("alert.service"), "gives a string; it must say true or false"},
		"wrong types":       {rule("alert.service == 1"), "no matching overload"},
		"an empty when":     {rule("''"), "rule \"r\""},
		"storm":             {"storm: {incidents: 5}", "a window of up to 1h"},
		"storm too long":    {"storm: {incidents: 5, window: 2h}", "a window of up to 1h"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := read(t, c.text); err == nil || !strings.Contains(err.Error(), c.words) {
				t.Errorf("error is %v, want %q in it", err, c.words)
			}
		})
	}
	if _, err := correlate.Load(filepath.Join(t.TempDir(), "none.yaml"), nil); err == nil {
		t.Error("a file that is not there is no error")
	}
	if id, _ := load(t, "").Join(on("x"), store.Scene{Now: now, Problems: []store.Problem{problem("inc", 0, "x")}}); id != "" {
		t.Error("an empty file has rules")
	}
}

// A rule that costs too much is passed over, and the others are asked.
func TestExpensiveRule(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rules.yaml")
	text := `
rules:
  - name: expensive
    window: 1h
    when: incident.services.all(a, incident.services.all(b, incident.services.all(c, incident.services.all(d, a + b + c + d != ""))))
  - {name: cheap, window: 1h, when: 'alert.service in incident.services'}
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	failed := 0
	r, err := correlate.Load(path, func(rule string, err error) {
		if rule == "expensive" && err != nil {
			failed++
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	var services []string
	for i := range store.ProblemServices {
		services = append(services, fmt.Sprint("service-", i))
	}
	if id, rule := r.Join(on("service-9"), store.Scene{Now: now, Problems: []store.Problem{problem("inc", 0, services...)}}); id != "inc" || rule != "cheap" || failed != 1 {
		t.Errorf("joins %q by %q, %d failures", id, rule, failed)
	}
}

// An alert joins only what there is, the same each time, whatever the scene.
func TestJoinIsAFunction(t *testing.T) {
	r := shipped(t)
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.SampledFrom([]string{"", "a", "b", "c", "d", "e"})
		scene := store.Scene{Now: now}
		known := map[string]bool{"": true}
		for i := range rapid.IntRange(0, 15).Draw(rt, "problems") {
			p := problem(fmt.Sprint("inc-", i), time.Duration(rapid.IntRange(-5, 3000).Draw(rt, "ago"))*time.Second, name.Draw(rt, "service"))
			known[p.IncidentID] = true
			scene.Problems = append(scene.Problems, p)
			scene.Opened = append(scene.Opened, p.OpenedAt)
		}
		for range rapid.IntRange(0, 6).Draw(rt, "edges") {
			scene.Edges = append(scene.Edges, incident.Edge{From: name.Draw(rt, "from"), To: name.Draw(rt, "to")})
		}
		a := on(name.Draw(rt, "alert"))
		id, rule := r.Join(a, scene)
		again, rule2 := r.Join(a, scene)
		if !known[id] || (id == "") != (rule == "") || again != id || rule2 != rule {
			rt.Fatalf("%q by %q, then %q by %q", id, rule, again, rule2)
		}
	})
}

func BenchmarkJoin(b *testing.B) {
	r := shipped(b)
	scene := store.Scene{Now: now}
	for i := range 200 {
		scene.Problems = append(scene.Problems, problem(fmt.Sprint("inc-", i), time.Minute, fmt.Sprint("svc-", i)))
		scene.Edges = append(scene.Edges, incident.Edge{From: fmt.Sprint("svc-", i), To: fmt.Sprint("svc-", i/2)})
	}
	a := on("none")
	b.ReportAllocs()
	for b.Loop() {
		r.Join(a, scene)
	}
}
