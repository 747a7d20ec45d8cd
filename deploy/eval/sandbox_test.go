package main

import (
	"testing"
	"time"

	"vigil/activities/rca"
	"vigil/deploy/sandbox/world"
	"vigil/workflows/incident"
)

// TestSandboxIncidents holds that the faults that the shop has had from the
// start are told from one another, and that a healthy world gives no suspect.
// How often the others are right is measured, not tested.
func TestSandboxIncidents(t *testing.T) {
	t.Parallel()
	for _, f := range []world.Fault{"", world.FaultBadDeployment, world.FaultConnectionsExhausted, world.FaultMemoryLeak} {
		for _, tick := range []time.Duration{time.Second, 5 * time.Second} {
			for seed := range uint64(2) {
				c, err := sandboxIncident(sandboxKind{fault: f, tick: tick}, seed)
				if err != nil {
					t.Fatal(err)
				}
				got, _, err := investigate(t.Context(), c.ports, c.question)
				if err != nil {
					t.Fatal(err)
				}
				switch {
				case f == "" && len(got) > 0 && got[0].Score >= rca.Notable,
					f != "" && !right(c.truth, got):
					t.Errorf("%q at %s, seed %d: got %+v", f, tick, seed, got)
				}
			}
		}
	}
}

// TestSandboxRecovery holds that what ends a fault is seen to help, and that
// nothing else is.
func TestSandboxRecovery(t *testing.T) {
	t.Parallel()
	const tick = 5 * time.Second
	for _, f := range world.Faults {
		for cured, seeds := range map[bool]uint64{true: 2, false: 1} { // what does not help is looked at to the end, which takes longest
			for seed := range seeds {
				now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
				w, err := world.New(world.Config{Tick: tick, Seed: seed}, now)
				if err != nil {
					t.Fatal(err)
				}
				if err := w.StartFault(f); err != nil {
					t.Fatal(err)
				}
				advance := func(n int) {
					now = now.Add(time.Duration(n) * tick)
					w.AdvanceTo(now)
				}
				advance(30)
				truth, _ := w.Truth()
				act := world.Remedy{Document: world.DocumentRestart, Parameters: map[string][]string{"Service": {world.Catalog}}}
				if cured {
					act = truth.Actions[0]
				}
				if _, err := w.StartAutomation(act.Document, act.Parameters, nil, ""); err != nil {
					t.Fatal(err)
				}
				acted, began := now, now.Add(-30*tick)
				if s := verify(w, began, acted, now, false).State; s != incident.VerificationUnknown {
					t.Errorf("%s, seed %d: %s before there is a point", f, seed, s)
				}
				took := 0
				for took < 25 && verify(w, began, acted, now, false).State != incident.VerificationHelped {
					advance(1)
					took++
				}
				if v := verify(w, began, acted, now, true); cured != (v.State == incident.VerificationHelped) || !cured && v.State != incident.VerificationNotHelped {
					t.Errorf("%s, seed %d, cured %v: %s after %d points: %s", f, seed, cured, v.State, took, v.Detail)
				}
			}
		}
	}
}

func verify(w *world.World, began, acted, now time.Time, final bool) incident.Verification {
	var all []incident.Series
	for _, s := range w.Services() {
		all = append(all, measures(w, s, began.Add(-15*time.Minute), now)...)
	}
	return rca.Verify(nil, all, rca.Recovery{BaselineTo: began, ActedAt: acted, Needed: 3, Final: final})
}
