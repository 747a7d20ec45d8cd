package catalogue_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vigil/activities/catalogue"
	"vigil/workflows/incident"
)

var env = map[string]string{"cluster": "prod", "region": "us-east-1", "account": "000000000000", "environment": "prod"}

func mustNew(t testing.TB) *catalogue.Catalogue {
	t.Helper()
	c, err := catalogue.New(env)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustLoad(t testing.TB) catalogue.Contents {
	t.Helper()
	c, err := catalogue.Load("")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustEntry(t testing.TB, name string) incident.CatalogueEntry {
	t.Helper()
	for _, e := range mustLoad(t).Entries {
		if e.Name == name {
			return e
		}
	}
	t.Fatalf("there is no entry %q", name)
	return incident.CatalogueEntry{}
}

// What targets look like to the executors.
var (
	service  = incident.TargetState{"desired_count": 4.0, "running_count": 4.0, "pending_count": 0.0, "deployments": 1.0, "task_definition": "checkout:42", "previous_task_definition": "checkout:41"}
	database = incident.TargetState{"kind": "database", "status": "available", "allocated_storage_gib": 100.0, "class": "db.r6g.large"}
	other    = incident.TargetState{"kind": "other"}
)

func seen(e incident.CatalogueEntry, kind string) incident.TargetState {
	switch {
	case kind == "database":
		return database
	case kind == "other":
		return other
	case e.Steps[0].Executor == "ssm":
		s := maps.Clone(service)
		s["kind"] = "ecs"
		return s
	}
	return service
}

// For each thing that goes wrong in the sandbox there is an action that fits
// what it goes wrong with, and another for when the first does not help, in
// an order in which what is safer and more to the point comes first.
func TestEveryCauseHasTwoWays(t *testing.T) {
	c, all := mustNew(t), mustLoad(t).Entries
	for cause, want := range map[incident.Cause]struct {
		kind  string
		first string
		next  string
	}{
		incident.CauseBadDeployment:        {"ecs", "roll_back", "restart_service"},
		incident.CauseBadConfiguration:     {"ecs", "restore_previous_config", "roll_back"},
		incident.CauseConnectionsExhausted: {"database", "scale_datastore", "restart_datastore"},
		incident.CauseMemoryLeak:           {"ecs", "restart_service", "scale_out"},
		incident.CauseCPUSaturation:        {"ecs", "restart_service", "scale_out"},
		incident.CauseTrafficSurge:         {"ecs", "scale_out", "increase_cpu"},
		incident.CauseStorageFull:          {"database", "increase_storage", "limit_statements"},
		incident.CauseExpensiveQuery:       {"database", "limit_statements", "scale_datastore"},
		incident.CauseCacheFailure:         {"other", "clear_cache", "restart_datastore"},
		incident.CauseThrottled:            {"other", "increase_capacity", "enable_circuit_breaker"},
		incident.CauseDependencyFailure:    {"other", "enable_circuit_breaker", "drain_traffic"},
		incident.CauseNetworkFailure:       {"ecs", "drain_traffic", "restart_service"},
	} {
		var fit []string
		for _, e := range all {
			if !slices.Contains(e.Causes, cause) {
				continue
			}
			s := seen(e, want.kind)
			holds, err := c.Holds(e.Precondition, "x", s, s)
			if err != nil || !holds {
				continue
			}
			if _, err := c.Plan(e, "x", s); err != nil {
				t.Errorf("%s against %s: %v", e.Name, cause, err)
			}
			fit = append(fit, e.Name)
		}
		if len(fit) < 2 || fit[0] != want.first || fit[1] != want.next {
			t.Errorf("against %s on a target of kind %s there are %v; want %s, then %s", cause, want.kind, fit, want.first, want.next)
		}
	}
}

func TestShippedCatalogueIsCareful(t *testing.T) {
	contents := mustLoad(t)
	types := map[incident.ActionType]bool{}
	limits := map[incident.ActionType]time.Duration{incident.ActionScaleService: 5 * time.Minute, incident.ActionRestartService: 3 * time.Minute,
		incident.ActionUpdateConfig: time.Minute, incident.ActionRollbackDeployment: 10 * time.Minute, incident.ActionEnableCircuitBreaker: 30 * time.Second,
		incident.ActionClearCache: 2 * time.Minute, incident.ActionIncreaseResources: 5 * time.Minute, incident.ActionDrainTraffic: 3 * time.Minute}
	for _, e := range contents.Entries {
		types[e.Type] = true
		if e.Enabled {
			t.Errorf("%s is enabled", e.Name)
		}
		if got := time.Duration(e.TimeoutMS) * time.Millisecond; got != limits[e.Type] {
			t.Errorf("%s takes up to %s, want %s", e.Name, got, limits[e.Type])
		}
		if e.Share > 0.5 || e.PerHour < 1 || e.PerHour > 3 {
			t.Errorf("%s: share %v, %d an hour", e.Name, e.Share, e.PerHour)
		}
		for _, s := range e.Steps {
			if s.Executor == "ssm" && (s.Arguments["Service"] != "=target" || s.Arguments["Cluster"] != "=env.cluster") {
				t.Errorf("%s is given %v", e.Name, s.Arguments)
			}
		}
	}
	for _, a := range incident.ActionTypes {
		if !types[a] {
			t.Errorf("there is no action of type %s", a)
		}
	}
	if !regexp.MustCompile(`^2026-12-1\+[0-9a-f]{8}$`).MatchString(contents.Version) {
		t.Errorf("version %q", contents.Version)
	}
	s := incident.DefaultSettings()
	s.Catalogue, s.CatalogueVersion = contents.Entries, contents.Version
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
}

// The examples that are commented out are a catalogue as well.
func TestExamplesAreRight(t *testing.T) {
	raw, err := os.ReadFile("default.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, examples, _ := strings.Cut(string(raw), "Take out the first")
	_, examples, _ = strings.Cut(examples, "\n")
	contents, err := catalogue.Read("examples", []byte("version: '1'\nactions:\n"+strings.ReplaceAll(examples, "  # ", "  ")))
	if err != nil {
		t.Fatal(err)
	}
	executors := map[string]bool{}
	for _, e := range contents.Entries {
		executors[e.Steps[0].Executor] = true
	}
	if !executors["kubernetes"] || !executors["webhook"] || len(contents.Entries) != 4 {
		t.Errorf("%d examples of %v", len(contents.Entries), executors)
	}
	c := mustNew(t)
	for name, s := range map[string]incident.TargetState{
		"restart_deployment": {"paused": false, "running_count": 2.0}, "scale_deployment": {"desired_count": 3.0},
		"roll_back_revision": {"revision": 7.0, "previous_revision": 6.0}, "switch_off_recommendations": {"recommendations": true},
	} {
		e := contents.Entries[slices.IndexFunc(contents.Entries, func(e incident.CatalogueEntry) bool { return e.Name == name })]
		if holds, err := c.Holds(e.Precondition, "web", s, s); !holds || err != nil {
			t.Errorf("%s: %v, %v", name, holds, err)
		}
		if steps, err := c.Plan(e, "web", s); err != nil || len(steps) != 1 {
			t.Errorf("%s: %v, %v", name, steps, err)
		}
	}
}

func TestPlanMakesExactSteps(t *testing.T) {
	c := mustNew(t)
	steps, err := c.Plan(mustEntry(t, "scale_out"), "checkout", service)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"DesiredCount": "6"}
	if len(steps) != 1 || !maps.Equal(steps[0].Arguments, want) || steps[0].Executor != "ecs" || steps[0].Document != "set_desired_count" {
		t.Errorf("%+v", steps)
	}
	if u := steps[0].Undo; u == nil || u.Document != "set_desired_count" || u.Arguments["DesiredCount"] != "4" {
		t.Errorf("undone by %+v", u)
	}
	steps, err = c.Plan(mustEntry(t, "roll_back"), "checkout", service)
	if err != nil || steps[0].Arguments["TaskDefinition"] != "checkout:41" || steps[0].Undo.Arguments["TaskDefinition"] != "checkout:42" {
		t.Errorf("%+v, %v", steps, err)
	}
	if steps, err = c.Plan(mustEntry(t, "restart_service"), "checkout", service); err != nil || steps[0].Undo != nil {
		t.Errorf("%+v, %v", steps, err)
	}
}

// However many tasks run, what is planned is more than that, no more than
// twice as many, and no more than ten; and undoing it is going back.
func TestScalingStaysWithinLimits(t *testing.T) {
	c, e := mustNew(t), mustEntry(t, "scale_out")
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(-5, 50).Draw(t, "tasks")
		s := incident.TargetState{"desired_count": float64(n)}
		holds, err := c.Holds(e.Precondition, "x", s, s)
		if err != nil {
			t.Fatal(err)
		}
		if holds != (n >= 1 && n < 10) {
			t.Fatalf("with %d tasks the precondition is %v", n, holds)
		}
		steps, err := c.Plan(e, "x", s)
		if !holds {
			return // whatever is planned is not done
		}
		if err != nil {
			t.Fatal(err)
		}
		after := steps[0].Arguments["DesiredCount"]
		if !slices.Contains([]string{"2", "3", "4", "6", "7", "9", "10"}, after) || steps[0].Undo.Arguments["DesiredCount"] != strconv.Itoa(n) {
			t.Fatalf("%d tasks become %s, undone to %s", n, after, steps[0].Undo.Arguments["DesiredCount"])
		}
	})
}

func TestRollbackIsOnlyOfWhatWasLookedAt(t *testing.T) {
	c, e := mustNew(t), mustEntry(t, "roll_back")
	change := func(changes map[string]any) incident.TargetState {
		s := maps.Clone(service)
		for k, v := range changes {
			if v == nil {
				delete(s, k)
			} else {
				s[k] = v
			}
		}
		return s
	}
	for name, tc := range map[string]struct {
		now  incident.TargetState
		want bool
	}{
		"as it was":                 {service, true},
		"deployed by somebody else": {change(map[string]any{"task_definition": "checkout:43"}), false},
		"rolled back already":       {change(map[string]any{"task_definition": "checkout:41"}), false},
		"nothing before":            {change(map[string]any{"previous_task_definition": nil}), false},
	} {
		if got, err := c.Holds(e.Precondition, "checkout", service, tc.now); err != nil || got != tc.want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestPlanAndHoldsRefuse(t *testing.T) {
	c := mustNew(t)
	grow := mustEntry(t, "scale_out")
	grow.Steps[0].Arguments = map[string]string{"DesiredCount": "=state.desired_count + 7"}
	text := mustEntry(t, "scale_out")
	text.Steps[0].Arguments = map[string]string{"DesiredCount": "= target"}
	back := mustEntry(t, "scale_out")
	for name, tc := range map[string]struct {
		entry incident.CatalogueEntry
		state incident.TargetState
		want  string
	}{
		"too many":     {grow, service, "step 1 of scale_out breaks its parameters: DesiredCount: maximum: got 11, want 10"},
		"no number":    {text, service, "DesiredCount: got string, want integer"},
		"not known":    {back, database, "needs state.desired_count, which is not known here; there are allocated_storage_gib, class, kind, status"},
		"half of one":  {back, incident.TargetState{"desired_count": 2.5}, "does not fit"},
		"undo too far": {back, incident.TargetState{"desired_count": 40.0}, "what undoes step 1 of scale_out breaks its parameters"},
	} {
		_, err := c.Plan(tc.entry, "checkout", tc.state)
		if err == nil || !strings.Contains(err.Error(), tc.want) || incident.KindOf(err) != incident.KindInvalid {
			t.Errorf("%s: %v; want %q", name, err, tc.want)
		}
	}
	for source, want := range map[string]string{
		"state.replicas > 1": "needs state.replicas, which is not known here",
		"state.class":        "it must say true or false",
		"stat.class":         `there is no "stat"`,
	} {
		if holds, err := c.Holds(source, "orders-db", database, database); holds || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v; want %q", source, holds, err, want)
		}
	}
	if holds, err := c.Holds("", "x", nil, nil); !holds || err != nil {
		t.Errorf("no precondition: %v, %v", holds, err)
	}
}
