package incident_test

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"testing"

	"vigil/workflows/incident"
)

var action = incident.Action{IncidentID: "inc-1", PlanRevision: 1, Name: "roll_back", Type: incident.ActionRollbackDeployment, Target: "checkout",
	Steps: []incident.Step{{Executor: "ssm", Document: "Vigil-RollbackDeployment", Arguments: map[string]string{"Service": "checkout", "Cluster": "prod<&>"},
		Undo: &incident.Undo{Document: "Vigil-RollbackDeployment", Arguments: map[string]string{"To": "42"}}}},
	Precondition: "p", Planned: incident.TargetState{"revision": 42.0}, Basis: "b", CatalogueVersion: "2026-11-1"}

// TestActionHashes holds the hashes of testdata/actions.json, which the
// dashboards compute from the same file: both have to agree on every character,
// every number and every absent field.
func TestActionHashes(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/actions.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		About  string          `json:"about"`
		Action incident.Action `json:"action"`
		Hash   string          `json:"hash"`
	}
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) == 0 {
		t.Fatal("testdata/actions.json has no vector")
	}
	for _, v := range vectors {
		if have := v.Action.Hash(); have != v.Hash {
			t.Errorf("%s: hash %s, wanted %s", v.About, have, v.Hash)
		}
	}
}

// The hash is stored with decisions and shown to people: it must not change
// with a Go version or a reordered map.
func TestActionHashIsStable(t *testing.T) {
	t.Parallel()
	// printf '%s' '{"incident_id":"inc-1","plan_revision":1,…}' | sha256sum
	const want = "8e5fdadde336665ca1fea477507f2fb7a6c96c4ab1d41d906098e3fffce9ebc9"
	if got := action.Hash(); got != want {
		t.Fatalf("hash %s, wanted %s", got, want)
	}
}

func TestEveryFieldOfAnActionIsInItsHash(t *testing.T) {
	t.Parallel()
	base := action.Hash()
	step := func(change func(*incident.Step)) func(*incident.Action) {
		return func(a *incident.Action) {
			s, undo := a.Steps[0], *a.Steps[0].Undo
			s.Undo, s.Arguments = &undo, maps.Clone(s.Arguments)
			change(&s)
			a.Steps = []incident.Step{s}
		}
	}
	for name, change := range map[string]func(*incident.Action){
		"incident":       func(a *incident.Action) { a.IncidentID = "inc-2" },
		"revision":       func(a *incident.Action) { a.PlanRevision = 2 },
		"name":           func(a *incident.Action) { a.Name = "restart" },
		"type":           func(a *incident.Action) { a.Type = incident.ActionRestartService },
		"target":         func(a *incident.Action) { a.Target = "orders" },
		"no steps":       func(a *incident.Action) { a.Steps = nil },
		"another step":   func(a *incident.Action) { a.Steps = append(a.Steps[:1:1], a.Steps[0]) },
		"executor":       step(func(s *incident.Step) { s.Executor = "ecs" }),
		"document":       step(func(s *incident.Step) { s.Document = "Other" }),
		"arguments":      step(func(s *incident.Step) { s.Arguments["Service"] = "orders" }),
		"no undo":        step(func(s *incident.Step) { s.Undo = nil }),
		"undo document":  step(func(s *incident.Step) { s.Undo.Document = "Other" }),
		"undo arguments": step(func(s *incident.Step) { s.Undo.Arguments = nil }),
		"precondition":   func(a *incident.Action) { a.Precondition = "q" },
		"planned":        func(a *incident.Action) { a.Planned = incident.TargetState{"revision": 43.0} },
		"basis":          func(a *incident.Action) { a.Basis = "c" },
		"catalogue":      func(a *incident.Action) { a.CatalogueVersion = "2026-11-2" },
	} {
		a := action
		change(&a)
		if a.Hash() == base {
			t.Errorf("%s is not in the hash", name)
		}
		if len(a.Steps) > 0 && a.Effect(1).Token() == action.Effect(1).Token() {
			t.Errorf("%s is not in the client token", name)
		}
	}
}

func TestEffectsHaveTokensOfTheirOwn(t *testing.T) {
	t.Parallel()
	a := action
	a.Steps = append(a.Steps[:1:1], incident.Step{Executor: "ecs", Document: "UpdateService"})
	undo, ok := a.Undo(1)
	if !ok || !undo.Undo || undo.Executor != "ssm" || undo.Arguments["To"] != "42" || undo.Target != "checkout" {
		t.Errorf("step 1 is undone by %+v, %v", undo, ok)
	}
	if _, ok := a.Undo(2); ok {
		t.Error("something undoes a step that nothing undoes")
	}
	seen := map[string]bool{}
	for _, e := range []incident.Effect{a.Effect(1), a.Effect(2), undo} {
		token := e.Token()
		if seen[token] {
			t.Errorf("%s has the token of another effect", e)
		}
		seen[token] = true
		if token != e.Token() {
			t.Errorf("the token of %s changes", e)
		}
		if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(token) {
			t.Errorf("token %q is no UUID of version 8", token)
		}
	}
}
