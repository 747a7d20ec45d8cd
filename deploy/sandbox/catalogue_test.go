package sandbox_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"vigil/activities"
	"vigil/activities/catalogue"
	"vigil/activities/ecs"
	"vigil/activities/ssm"
	"vigil/deploy/sandbox"
	"vigil/deploy/sandbox/world"
	"vigil/workflows/incident"
)

// TestTheShippedCatalogueEndsEveryFault: by the first of its actions that fits,
// wherever the fault may be said to be, and a stubborn one by the second, after
// the first was taken back. What runs them are the product's own executors.
func TestTheShippedCatalogueEndsEveryFault(t *testing.T) {
	t.Parallel()
	shipped, err := catalogue.Load("")
	if err != nil {
		t.Fatal(err)
	}
	expressions, err := catalogue.New(map[string]string{"cluster": world.Cluster, "region": world.Region, "account": world.Account, "environment": world.Environment})
	if err != nil {
		t.Fatal(err)
	}
	for i, fault := range world.Faults {
		for stubborn := range 2 {
			t.Run(fmt.Sprintf("%s %d", fault, stubborn), func(t *testing.T) {
				t.Parallel()
				o := newOperator(t, expressions, i%2 == stubborn) // each fault in the shop, and in a made world
				for place := 0; ; place++ {
					truth := o.breaks(fault, stubborn)
					if place == len(truth.Services) {
						break
					}
					var tried []string
					for _, e := range shipped.Entries {
						if o.quiet() || !slices.Contains(e.Causes, truth.Cause) || !o.does(e, truth.Services[place]) {
							continue
						}
						tried = append(tried, e.Name)
					}
					if !o.quiet() || len(tried) != 1+stubborn {
						t.Errorf("on %s: %v, the alarm is quiet: %v", truth.Services[place], tried, o.quiet())
					}
				}
			})
		}
	}
}

// operator does what the catalogue says to a sandbox.
type operator struct {
	*fixture
	expressions *catalogue.Catalogue
	executors   map[string]activities.Executor
}

func newOperator(t *testing.T, expressions *catalogue.Catalogue, varied bool) operator {
	t.Helper()
	f := mustServe(t, func(c *sandbox.Config) { c.Varied = varied })
	automation, err := ssm.New(f.config(), ssm.Config{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	services, err := ecs.NewExecutor(f.config(), ecs.ExecutorConfig{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return operator{f, expressions, map[string]activities.Executor{"ssm": automation, "ecs": services}}
}

// breaks begins anew with a fault.
func (o operator) breaks(fault world.Fault, stubborn int) world.Truth {
	o.tb.Helper()
	o.do("POST", "/_reset", nil, nil)
	o.do("POST", "/_world/fault", map[string]any{"fault": fault, "stubborn": stubborn}, nil)
	o.clock.ticks(25)
	var truth world.Truth
	o.do("GET", "/_world/truth", nil, &truth)
	return truth
}

func (o operator) quiet() bool {
	return o.World().State().Alarm.State == world.AlarmOK
}

// does carries an action out and takes it back where it did not help; false
// where it does not fit its target.
func (o operator) does(e incident.CatalogueEntry, target string) bool {
	o.tb.Helper()
	x := o.executors[e.Steps[0].Executor]
	now, _, err := x.Observe(o.tb.Context(), incident.Effect{Step: 1, Executor: e.Steps[0].Executor, Document: e.Steps[0].Document, Target: target})
	if incident.KindOf(err) == incident.KindNotFound {
		return false
	}
	if err != nil {
		o.tb.Fatal(err)
	}
	if fits, err := o.expressions.Holds(e.Precondition, target, now, now); err != nil || !fits {
		return false // what it asks of its target is not there
	}
	steps, err := o.expressions.Plan(e, target, now)
	if err != nil {
		o.tb.Fatal(err)
	}
	a := incident.Action{IncidentID: "i-1", Name: e.Name, Type: e.Type, Target: target, Steps: steps}
	o.run(o.tb.Context(), x, a.Effect(1))
	if undo, ok := a.Undo(1); ok && !o.quiet() {
		o.run(o.tb.Context(), x, undo)
	}
	return true
}

// run begins an effect, sees it succeed and gives the world time.
func (o operator) run(ctx context.Context, x activities.Executor, e incident.Effect) {
	o.tb.Helper()
	id, _, err := x.Start(ctx, e)
	if err != nil {
		o.tb.Fatalf("%s: %v", e, err)
	}
	o.clock.ticks(10)
	if state, detail, _, err := x.Get(ctx, e, id); err != nil || state != incident.ExecutionSucceeded {
		o.tb.Errorf("%s is %s: %s, %v", e, state, detail, err)
	}
	o.clock.ticks(8)
	o.do("GET", "/_world", nil, nil) // which brings the world to the present
}
