package incident_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"testing"

	"vigil/workflows/incident"
)

// action returns one with every field filled, anew each time: tests change it.
func action() incident.Action {
	return incident.Action{IncidentID: "inc-1", PlanRevision: 1, Name: "roll_back", Type: incident.ActionRollbackDeployment, Target: "checkout",
		Steps: []incident.Step{
			{Executor: "ecs", Document: "set_task_definition", Arguments: map[string]string{"TaskDefinition": "checkout:41", "Cluster": "prod<&>"},
				Undo: &incident.Undo{Document: "set_task_definition", Arguments: map[string]string{"TaskDefinition": "checkout:42"}}},
			{Executor: "ssm", Document: "Vigil-RestartService", Arguments: map[string]string{"Service": "checkout"}},
		},
		Precondition: "state.task_definition == planned.task_definition", Planned: incident.TargetState{"task_definition": "checkout:42", "desired_count": 3.0},
		Basis: "b1", CatalogueVersion: "2026-12-1+0a1b2c3d"}
}

// The hash is stored with decisions and shown to people: it must not change
// with a Go version, a reordered map or a field that is added.
func TestActionHashIsStable(t *testing.T) {
	const canonical = `{"incident_id":"inc-1","plan_revision":1,"name":"roll_back","type":"rollback_deployment","target":"checkout","steps":[` +
		`{"executor":"ecs","document":"set_task_definition","arguments":{"Cluster":"prod<&>","TaskDefinition":"checkout:41"},` +
		`"undo":{"document":"set_task_definition","arguments":{"TaskDefinition":"checkout:42"}}},` +
		`{"executor":"ssm","document":"Vigil-RestartService","arguments":{"Service":"checkout"}}],` +
		`"precondition":"state.task_definition == planned.task_definition","planned":{"desired_count":3,"task_definition":"checkout:42"},` +
		`"basis":"b1","catalogue_version":"2026-12-1+0a1b2c3d"}`
	// printf '%s' "$canonical" | sha256sum
	const want = "0d9920b807f2158fe498e9086479358d72013074676dd9da28708d8cf20ff9e0"
	if got := action().Hash(); got != want {
		t.Errorf("hash %s, wanted %s", got, want)
	}
	if got := sum(canonical); got != want {
		t.Errorf("the canonical JSON that is written above has the hash %s", got)
	}
}

// What was decided is read from a history: it must still be the same action.
func TestActionHashSurvivesJSON(t *testing.T) {
	raw, err := json.Marshal(action())
	if err != nil {
		t.Fatal(err)
	}
	var back incident.Action
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	if back.Hash() != action().Hash() {
		t.Errorf("the hash is another after a journey through JSON")
	}
}

func TestEveryFieldOfAnActionIsInItsHash(t *testing.T) {
	base := action()
	for name, change := range map[string]func(*incident.Action){
		"incident":         func(a *incident.Action) { a.IncidentID = "inc-2" },
		"revision":         func(a *incident.Action) { a.PlanRevision = 2 },
		"name":             func(a *incident.Action) { a.Name = "restart_service" },
		"type":             func(a *incident.Action) { a.Type = incident.ActionRestartService },
		"target":           func(a *incident.Action) { a.Target = "orders" },
		"executor":         func(a *incident.Action) { a.Steps[1].Executor = "webhook" },
		"document":         func(a *incident.Action) { a.Steps[1].Document = "Other" },
		"arguments":        func(a *incident.Action) { a.Steps[0].Arguments["TaskDefinition"] = "checkout:40" },
		"one argument":     func(a *incident.Action) { a.Steps[0].Arguments["More"] = "" },
		"undo":             func(a *incident.Action) { a.Steps[0].Undo.Document = "Other" },
		"undo's arguments": func(a *incident.Action) { a.Steps[0].Undo.Arguments["TaskDefinition"] = "checkout:40" },
		"no undo":          func(a *incident.Action) { a.Steps[0].Undo = nil },
		"order of steps":   func(a *incident.Action) { slices.Reverse(a.Steps) },
		"number of steps":  func(a *incident.Action) { a.Steps = a.Steps[:1] },
		"precondition":     func(a *incident.Action) { a.Precondition = "true" },
		"planned":          func(a *incident.Action) { a.Planned["desired_count"] = 4.0 },
		"basis":            func(a *incident.Action) { a.Basis = "b2" },
		"catalogue":        func(a *incident.Action) { a.CatalogueVersion = "2026-12-2+0a1b2c3d" },
	} {
		a := action()
		change(&a)
		if a.Hash() == base.Hash() {
			t.Errorf("%s is not in the hash", name)
		}
		if a.Effect(1).Token() == base.Effect(1).Token() {
			t.Errorf("%s is not in the client token", name)
		}
	}
}

func TestEffects(t *testing.T) {
	a := action()
	first, second := a.Effect(1), a.Effect(2)
	if first.Step != 1 || first.Executor != "ecs" || first.Document != "set_task_definition" || first.Target != "checkout" || first.Undo ||
		first.IncidentID != "inc-1" || first.ActionHash != a.Hash() || first.Arguments["TaskDefinition"] != "checkout:41" {
		t.Errorf("%+v", first)
	}
	if second.Step != 2 || second.Document != "Vigil-RestartService" {
		t.Errorf("%+v", second)
	}
	back, ok := a.Undo(1)
	if !ok || !back.Undo || back.Step != 1 || back.Executor != "ecs" || back.Target != "checkout" || !maps.Equal(back.Arguments, map[string]string{"TaskDefinition": "checkout:42"}) {
		t.Errorf("%+v, %v", back, ok)
	}
	if e, ok := a.Undo(2); ok {
		t.Errorf("nothing undoes a restart, and %+v does", e)
	}
	if first.String() != "step 1, ecs set_task_definition on checkout" || back.String() != "undoing step 1, ecs set_task_definition on checkout" {
		t.Errorf("%q, %q", first, back)
	}
}

// The same effect always carries the same token, and no other does.
func TestTokens(t *testing.T) {
	a := action()
	back, _ := a.Undo(1)
	other := action()
	other.PlanRevision++
	seen := map[string]string{}
	for name, e := range map[string]incident.Effect{"step 1": a.Effect(1), "step 2": a.Effect(2), "undo of 1": back, "of another plan": other.Effect(1)} {
		token := e.Token()
		if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(token) {
			t.Errorf("%s: token %q is no UUID of version 8", name, token)
		}
		if seen[token] != "" {
			t.Errorf("%s has the token of %s", name, seen[token])
		}
		seen[token] = name
	}
	if again := action().Effect(1).Token(); seen[again] != "step 1" {
		t.Errorf("the same effect has another token: %s", again)
	}
}

func sum(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}
