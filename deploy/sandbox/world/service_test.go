package world_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vigil/deploy/sandbox/world"
)

func (b *bed) mustUpdate(tb rapid.TB, service string, u world.ServiceUpdate) bool {
	tb.Helper()
	changed, err := b.UpdateService(service, u)
	if err != nil {
		tb.Fatal(err)
	}
	return changed
}

func tasks(n int) world.ServiceUpdate { return world.ServiceUpdate{Desired: &n} }

func (b *bed) running(service string) int {
	n, _ := b.Tasks(service)
	return n
}

// before is the revision that ran before the current one.
func (b *bed) revisions(service string) (before, now int) {
	all, _ := b.Deployments(service)
	now = all[len(all)-1].Revision
	for _, d := range all {
		if d.Revision < now {
			before = max(before, d.Revision)
		}
	}
	return before, now
}

// TestUpdateServiceCures: a target state does what the document does that
// brings it about, wherever the fault may be said to be, and taking it back
// brings the fault back.
func TestUpdateServiceCures(t *testing.T) {
	t.Parallel()
	for f, update := range map[world.Fault]func(b *bed, service string) (do, undo world.ServiceUpdate, lasts bool){
		world.FaultBadDeployment: func(b *bed, service string) (do, undo world.ServiceUpdate, lasts bool) {
			before, now := b.revisions(service)
			return world.ServiceUpdate{Revision: before}, world.ServiceUpdate{Revision: now}, true
		},
		world.FaultTrafficSurge: func(*bed, string) (do, undo world.ServiceUpdate, lasts bool) {
			return tasks(5), tasks(3), true
		},
		world.FaultCPUSaturation: func(*bed, string) (do, undo world.ServiceUpdate, lasts bool) {
			return tasks(5), tasks(3), true
		},
		world.FaultMemoryLeak: func(*bed, string) (do, undo world.ServiceUpdate, lasts bool) {
			return world.ServiceUpdate{Force: true}, world.ServiceUpdate{}, false
		},
	} {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				varied := rapid.Bool().Draw(t, "varied")
				b := mustBegin(t, rapid.Uint64().Draw(t, "seed"), varied)
				bands := b.bands(b.now)
				b.mustStart(t, f)
				b.until(t, "alarm", patience(varied), b.alarmed)
				truth, _ := b.Truth()
				service := rapid.SampledFrom(truth.Services).Draw(t, "service")
				// A service may run more tasks already, as a red herring.
				do, undo, lasts := update(b, service)
				for range 2 { // the second changes nothing, unless it replaces tasks
					b.mustUpdate(t, service, do)
				}
				b.recovers(t, bands)
				if effects := b.Effects(); len(effects) != 1 && !do.Force {
					t.Fatalf("effects %+v, want one", effects)
				}
				if tally := b.Tallies(); len(tally) != 1 || tally[0].Calls != 2 || tally[0].Key != do.String() || tally[0].Effects != len(b.Effects()) {
					t.Fatalf("tallies %+v", tally)
				}
				if !lasts {
					return
				}
				b.mustUpdate(t, service, undo)
				b.until(t, "the alarm once more", 22, b.alarmed)
			})
		})
	}
}

// TestUpdateServiceAgainstAStubbornFault: the same kind of action by another
// way is the same kind.
func TestUpdateServiceAgainstAStubbornFault(t *testing.T) {
	t.Parallel()
	b := mustWorld(t, 4)
	bands := b.bands(b.now)
	if err := b.StartStubbornFault(world.FaultBadDeployment, 1); err != nil {
		t.Fatal(err)
	}
	b.until(t, "alarm", 15, b.alarmed)
	before, now := b.revisions(world.Checkout)
	b.mustUpdate(t, world.Checkout, world.ServiceUpdate{Revision: before})
	b.ticks(20)
	b.mustUpdate(t, world.Checkout, world.ServiceUpdate{Revision: now}) // taken back
	b.mustRun(t, world.DocumentRollback, world.Checkout)
	b.ticks(20)
	if !b.alarmed() {
		t.Fatal("going back ended it at the second attempt")
	}
	b.mustUpdate(t, world.Checkout, world.ServiceUpdate{Force: true})
	b.recovers(t, bands)
}

func TestUpdateServiceTakesTime(t *testing.T) {
	t.Parallel()
	b := mustWorld(t, 1)
	if b.mustUpdate(t, world.Web, tasks(3)) {
		t.Error("three tasks of three are a change")
	}
	if !b.mustUpdate(t, world.Web, tasks(7)) || b.running(world.Web) != 3 {
		t.Errorf("%d tasks run at once", b.running(world.Web))
	}
	b.ticks(2)
	if n := b.running(world.Web); n != 5 {
		t.Errorf("%d tasks run after two ticks, want 5", n)
	}
	b.ticks(2)
	if n := b.running(world.Web); n != 7 {
		t.Errorf("%d tasks run after four ticks, want 7", n)
	}
	before, _ := b.revisions(world.Web)
	b.mustUpdate(t, world.Web, world.ServiceUpdate{Revision: before})
	state := func() (world.RolloutState, float64) {
		all, _ := b.Deployments(world.Web)
		return all[len(all)-1].Rollout(b.now)
	}
	if s, share := state(); s != world.RolloutInProgress || share != 0 {
		t.Errorf("at once %s, %g", s, share)
	}
	b.ticks(4)
	if s, share := state(); s != world.RolloutInProgress || share != 0.5 {
		t.Errorf("after four ticks %s, %g", s, share)
	}
	b.ticks(4)
	if s, share := state(); s != world.RolloutCompleted || share != 1 {
		t.Errorf("after eight ticks %s, %g", s, share)
	}
	if e := b.Effects(); len(e) != 2 || e[0].TargetState != "desiredCount=7" || e[1].Kind != world.EffectServiceUpdate || e[1].StateCount != 1 || e[1].TargetCount != 2 {
		t.Errorf("effects %+v", e)
	}
	for service, want := range map[string]error{world.OrdersDB: world.ErrUnknownService, "nobody": world.ErrUnknownService} {
		if _, err := b.UpdateService(service, tasks(1)); !errors.Is(err, want) {
			t.Errorf("%s: %v", service, err)
		}
	}
	if _, err := b.UpdateService(world.Web, world.ServiceUpdate{Revision: 999}); !errors.Is(err, world.ErrUnknownTaskDefinition) {
		t.Errorf("a revision that there is none of: %v", err)
	}
}

// TestTasksOfAnotherSizeAreAnotherRevision of the same code: going back from it
// goes back to code that is older.
func TestTasksOfAnotherSizeAreAnotherRevision(t *testing.T) {
	t.Parallel()
	b := mustWorld(t, 1)
	bands := b.bands(b.now)
	b.mustStart(t, world.FaultBadDeployment)
	b.until(t, "alarm", 15, b.alarmed)
	good, bad := b.revisions(world.Checkout)
	b.mustAct(t, act(world.DocumentIncrease, "Resource", world.ResourceCPU), world.Checkout)
	b.ticks(10)
	all := b.TaskDefinitions(world.Checkout)
	last := all[len(all)-1]
	if last.Revision != bad+1 || last.Code != bad || last.CPU != 1024 || all[len(all)-2].CPU != 512 || !b.alarmed() {
		t.Fatalf("task definitions %+v", all)
	}
	b.mustRun(t, world.DocumentRollback, world.Checkout)
	b.recovers(t, bands)
	if p, _ := b.Provision(world.Checkout); p.CPU != 512 {
		t.Errorf("%+v after going back", p)
	}
	if _, now := b.revisions(world.Checkout); now != good {
		t.Errorf("revision %d runs, want %d", now, good)
	}
}

// TestLessCPUBringsAFaultBack, whichever way it is taken.
func TestLessCPUBringsAFaultBack(t *testing.T) {
	t.Parallel()
	b := mustWorld(t, 1)
	bands := b.bands(b.now)
	b.mustStart(t, world.FaultCPUSaturation)
	b.until(t, "alarm", 15, b.alarmed)
	_, small := b.revisions(world.Orders)
	b.mustAct(t, act(world.DocumentIncrease, "Resource", world.ResourceCPU), world.Orders)
	b.recovers(t, bands)
	b.mustUpdate(t, world.Orders, world.ServiceUpdate{Revision: small})
	b.until(t, "the alarm once more", 22, b.alarmed)
	if p, _ := b.Provision(world.Orders); p.CPU != 512 {
		t.Errorf("%+v", p)
	}
}

// TestFates: what is made to fail or to hang does so at its step, with or
// without an effect.
func TestFates(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		fate  world.Fate
		ends  world.ExecutionStatus
		after int // ticks
		acts  bool
		rolls world.RolloutState
	}{
		{"fails at once", world.Fate{Kind: world.FateFails, Step: world.StepAct}, world.ExecutionFailed, 2, false, world.RolloutFailed},
		{"fails late", world.Fate{Kind: world.FateFails, Step: world.StepAct, After: 60 * time.Second}, world.ExecutionFailed, 6, false, world.RolloutFailed},
		{"fails half-way", world.Fate{Kind: world.FateFails, Step: world.StepSettle, After: 60 * time.Second}, world.ExecutionFailed, 6, true, world.RolloutFailed},
		{"hangs", world.Fate{Kind: world.FateHangs, Step: world.StepAct}, world.ExecutionInProgress, 40, false, world.RolloutInProgress},
		{"hangs half-way", world.Fate{Kind: world.FateHangs, Step: world.StepSettle}, world.ExecutionInProgress, 40, true, world.RolloutInProgress},
		{"is given up", world.Fate{Kind: world.FateHangs, Step: world.StepSettle, After: 100 * time.Second}, world.ExecutionTimedOut, 10, true, world.RolloutFailed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := mustWorld(t, 1)
			b.mustStart(t, world.FaultMemoryLeak)
			b.until(t, "alarm", 15, b.alarmed)
			e, err := b.StartFated(world.DocumentRestart, map[string][]string{"Service": {world.Payments}}, nil, "", tc.fate)
			if err != nil {
				t.Fatal(err)
			}
			b.ticks(tc.after - 1)
			if got := b.execution(t, e.ID).Status; got != world.ExecutionInProgress {
				t.Errorf("%s after %d ticks", got, tc.after-1)
			}
			b.ticks(1)
			got := b.execution(t, e.ID)
			if got.Status != tc.ends || got.Step != tc.fate.Step || (got.Failure == "") != (tc.ends == world.ExecutionInProgress) {
				t.Errorf("after %d ticks: %+v", tc.after, got)
			}
			b.ticks(20)
			if n := len(b.Effects()); n != map[bool]int{true: 1}[tc.acts] || b.alarmed() == tc.acts {
				t.Errorf("%d effects, alarmed %v", n, b.alarmed())
			}

			b = mustWorld(t, 1)
			b.mustStart(t, world.FaultMemoryLeak)
			b.until(t, "alarm", 15, b.alarmed)
			b.mustUpdate(t, world.Payments, world.ServiceUpdate{Force: true, Fate: tc.fate})
			six := tasks(6)
			six.Fate = tc.fate
			b.mustUpdate(t, world.Orders, six)
			b.ticks(tc.after + 20)
			all, _ := b.Deployments(world.Payments)
			if s, _ := all[len(all)-1].Rollout(b.now); s != tc.rolls || b.alarmed() == tc.acts || len(b.Effects()) != 2 {
				t.Errorf("the deployment is %s, alarmed %v, effects %+v", s, b.alarmed(), b.Effects())
			}
			if n, s := b.Tasks(world.Orders); n != map[bool]int{true: 6, false: 3}[tc.acts] || s != tc.rolls {
				t.Errorf("%d tasks run, %s", n, s)
			}
		})
	}
}
