package incident_test

import (
	"regexp"
	"testing"

	"vigil/workflows/incident"
)

var action = incident.Action{IncidentID: "inc-1", PlanRevision: 1, Step: 1, Type: incident.ActionRollbackDeployment, Target: "checkout",
	Document: "Vigil-RollbackDeployment", Arguments: map[string]string{"Service": "checkout", "Cluster": "prod<&>"},
	Precondition: "p", CatalogueVersion: "2026-11-1"}

// The hash is stored with decisions and shown to people: it must not change
// with a Go version or a reordered map.
func TestActionHashIsStable(t *testing.T) {
	// printf '%s' '{"incident_id":"inc-1","plan_revision":1,…}' | sha256sum
	const want = "f7391d27184320a432fcb58cab383355969757684d03ed975cd68bdc4c8d2e77"
	if got := action.Hash(); got != want {
		t.Fatalf("hash %s, wanted %s", got, want)
	}
}

func TestEveryFieldOfAnActionIsInItsHash(t *testing.T) {
	base := action.Hash()
	for name, change := range map[string]func(*incident.Action){
		"incident":     func(a *incident.Action) { a.IncidentID = "inc-2" },
		"revision":     func(a *incident.Action) { a.PlanRevision = 2 },
		"step":         func(a *incident.Action) { a.Step = 2 },
		"type":         func(a *incident.Action) { a.Type = incident.ActionRestartService },
		"target":       func(a *incident.Action) { a.Target = "orders" },
		"document":     func(a *incident.Action) { a.Document = "Other" },
		"arguments":    func(a *incident.Action) { a.Arguments = map[string]string{"Service": "orders", "Cluster": "prod<&>"} },
		"precondition": func(a *incident.Action) { a.Precondition = "q" },
		"catalogue":    func(a *incident.Action) { a.CatalogueVersion = "2026-11-2" },
	} {
		a := action
		change(&a)
		if a.Hash() == base {
			t.Errorf("%s is not in the hash", name)
		}
		if a.Token() == action.Token() {
			t.Errorf("%s is not in the client token", name)
		}
	}
}

func TestTokenIsUUID(t *testing.T) {
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(action.Token()) {
		t.Errorf("token %q is no UUID of version 8", action.Token())
	}
}
