package world_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"vigil/deploy/sandbox/world"
)

// TestWrongRemediesChangeNothing of what is wrong.
func TestWrongRemediesChangeNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.SampledFrom(world.Faults).Draw(t, "fault")
		varied := rapid.Bool().Draw(t, "varied")
		b := mustBegin(t, rapid.Uint64().Draw(t, "seed"), varied)
		b.mustStart(t, f)
		b.until(t, "alarm", patience(varied), b.alarmed)
		truth, _ := b.Truth()
		for range rapid.IntRange(1, 3).Draw(t, "attempts") {
			wrong := rapid.SampledFrom(everything()).Draw(t, "document")
			service := rapid.SampledFrom(b.Services()).Draw(t, "service")
			if right(truth, wrong, service) {
				continue
			}
			b.mustAct(t, wrong, service.Name)
			b.ticks(20)
			if !b.alarmed() {
				t.Fatalf("%v on %s ended %s", wrong, service.Name, f)
			}
			if s := b.State().Faults; len(s) != 1 || s[0].Phase != "active" {
				t.Fatalf("%v on %s: faults are %+v", wrong, service.Name, s)
			}
		}
	})
}

// everything is each document with each argument that it may have.
func everything() []world.Remedy {
	var out []world.Remedy
	for _, d := range world.Documents {
		name, values := "", []string{""}
		switch d {
		case world.DocumentUpdateConfig, world.DocumentRestoreConfig:
			name, values = "Setting", []string{world.SettingPrevious, world.SettingStatementTimeout}
		case world.DocumentIncrease, world.DocumentRestore:
			name, values = "Resource", []string{world.ResourceStorage, world.ResourceCapacity, world.ResourceCPU, world.ResourceMemory, world.ResourceConnections}
		}
		for _, v := range values {
			p := map[string][]string{"Cluster": {world.Cluster}}
			if name != "" {
				p[name] = []string{v}
			}
			out = append(out, world.Remedy{Document: d, Parameters: p})
		}
	}
	return out
}

// right reports whether r ends a fault, run on a service. The circuit breaker
// of a dependency is at its callers, too.
func right(truth world.Truth, r world.Remedy, service world.Service) bool {
	return slices.ContainsFunc(truth.Actions, func(a world.Remedy) bool {
		same := a.Document == r.Document && slices.Equal(a.Parameters["Setting"], r.Parameters["Setting"]) && slices.Equal(a.Parameters["Resource"], r.Parameters["Resource"])
		return same && (slices.Contains(truth.Services, service.Name) || r.Document == world.DocumentEnableBreaker && slices.Contains(service.Calls, truth.Services[0]))
	})
}
