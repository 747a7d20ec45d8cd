package world_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"vigil/deploy/sandbox/world"
	"vigil/workflows/incident"
)

// TestMadeWorlds holds what every seed makes to what faults and alarms rely on.
func TestMadeWorlds(t *testing.T) {
	t.Parallel()
	shapes, queues := map[string]bool{}, 0
	for seed := range uint64(60) {
		b := mustBegin(t, seed, true)
		all := b.Services()
		names, kinds := map[string]bool{}, map[world.Kind]int{}
		for i, s := range all {
			names[s.Name] = true
			kinds[s.Kind]++
			for _, c := range s.Calls {
				if at := slices.IndexFunc(all, func(o world.Service) bool { return o.Name == c }); at <= i {
					t.Fatalf("seed %d: %s calls %s, which is not behind it", seed, s.Name, c)
				}
			}
		}
		if len(names) != len(all) || len(all) < 8 || len(all) > 14 || kinds[world.KindECS] < 4 ||
			kinds[world.KindDatabase] < 1 || kinds[world.KindCache] != 1 || kinds[world.KindTable] != 1 || kinds[world.KindExternal] != 1 {
			t.Fatalf("seed %d: %v", seed, all)
		}
		queues += kinds[world.KindQueue]
		shapes[fmt.Sprint(all)] = true
	}
	if len(shapes) < 58 {
		t.Errorf("60 seeds make %d worlds", len(shapes))
	}
	if queues < 15 || queues > 45 {
		t.Errorf("%d of 60 worlds have a queue", queues)
	}
}

// TestRedHerrings: over some seeds each kind of distraction is there, and
// never at the service that is at fault.
func TestRedHerrings(t *testing.T) {
	t.Parallel()
	deployed, scaled, quiet := 0, 0, 0
	for seed := range uint64(60) {
		b := mustBegin(t, seed, true)
		since := b.now
		b.mustStart(t, world.FaultThrottled)
		truth, _ := b.Truth()
		b.ticks(8)
		events := b.Trail(func(e world.TrailEvent) bool { return !e.At.Before(since) })
		if len(events) == 0 {
			quiet++
		}
		for _, e := range events {
			if e.Resources[0].Name == truth.Services[0] {
				t.Errorf("seed %d: %s on %s, which is at fault", seed, e.Name, truth.Services[0])
			}
			switch e.Username {
			case "ci-deployer":
				deployed++
			case "application-autoscaling":
				scaled++
			}
		}
	}
	if deployed < 5 || scaled < 5 || quiet < 10 {
		t.Errorf("in 60 worlds %d deployments, %d changes of size, and %d in which nothing was done", deployed, scaled, quiet)
	}
	noShop := mustWorld(t, 1)
	noShop.mustStart(t, world.FaultThrottled)
	if events := noShop.Trail(func(e world.TrailEvent) bool { return !e.At.Before(genesis) }); len(events) != 0 {
		t.Errorf("in the shop: %+v", events)
	}
}

// TestAQueueFillsBehindASlowDatabase: it is a symptom, and goes with the cause.
func TestAQueueFillsBehindASlowDatabase(t *testing.T) {
	t.Parallel()
	for seed := uint64(0); ; seed++ {
		b := mustBegin(t, seed, true)
		all := b.Services()
		i := slices.IndexFunc(all, func(s world.Service) bool { return s.Kind == world.KindQueue })
		if i < 0 {
			continue
		}
		queue := all[i].Name
		b.mustStart(t, world.FaultExpensiveQuery)
		if truth, _ := b.Truth(); !slices.ContainsFunc(all, func(s world.Service) bool {
			return s.Name == all[i].Calls[0] && slices.Contains(s.Calls, truth.Services[0])
		}) {
			continue // it is the other database
		}
		depth := func() float64 {
			s := b.Samples(queue, time.Time{}, b.now.Add(tick))
			return s[len(s)-1].Value(incident.MetricQueueDepth)
		}
		before := depth()
		b.ticks(25)
		filled := depth()
		b.heal(t)
		b.ticks(15)
		if after := depth(); filled < 2*before || after > 1.3*before {
			t.Fatalf("seed %d: %g messages before, %g behind a slow database, %g after it", seed, before, filled, after)
		}
		return
	}
}
