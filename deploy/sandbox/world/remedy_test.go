package world_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vigil/deploy/sandbox/world"
	"vigil/workflows/incident"
)

// undoes says what takes each document back.
var undoes = map[string]string{
	world.DocumentUpdateConfig: world.DocumentRestoreConfig, world.DocumentEnableBreaker: world.DocumentDisableBreaker,
	world.DocumentIncrease: world.DocumentRestore, world.DocumentDrain: world.DocumentRestoreTraffic,
}

// undone is what takes a remedy back; false where nothing does.
func undone(r world.Remedy) (world.Remedy, bool) {
	d, ok := undoes[r.Document]
	return world.Remedy{Document: d, Parameters: r.Parameters}, ok
}

// TestUndoBringsAFaultBack that is still there, and only then. Of the others
// nothing stays that a document takes back; see TestUpdateServiceCures.
func TestUndoBringsAFaultBack(t *testing.T) {
	t.Parallel()
	for _, f := range []world.Fault{world.FaultConnectionsExhausted, world.FaultCPUSaturation, world.FaultStorageFull, world.FaultExpensiveQuery,
		world.FaultDependencyFailure, world.FaultThrottled, world.FaultBadConfiguration, world.FaultNetworkFailure} {
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
				r := truth.Actions[slices.IndexFunc(truth.Actions, func(r world.Remedy) bool { _, ok := undone(r); return ok })]
				undo, _ := undone(r)

				b.mustAct(t, r, service)
				b.recovers(t, bands)
				if s := b.State(); len(s.Held) != 1 || s.Held[0].Fault != f || s.Held[0].Phase != "held" || !slices.Equal(s.Held[0].HeldBy, []string{r.Document}) {
					t.Fatalf("held are %+v", s.Held)
				}
				b.mustAct(t, undo, service)
				b.until(t, "the alarm once more", 22, b.alarmed)
				b.mustAct(t, r, service)
				b.recovers(t, bands)

				// Its owners have ended it: nothing is there to come back.
				if !b.ClearFault() || b.ClearFault() {
					t.Fatal("what is held back can be ended once")
				}
				b.ticks(3)
				b.mustAct(t, undo, service)
				b.ticks(20)
				if b.alarmed() || len(b.outside(bands)) > 0 || len(b.State().Held) > 0 {
					t.Fatalf("it came back though it was over: %v, held %+v", b.outside(bands), b.State().Held)
				}
			})
		})
	}
}

// second is what the shipped catalogue tries second, of each cause.
var second = map[world.Fault][]world.Remedy{
	world.FaultBadDeployment:        {act(world.DocumentRestart)},
	world.FaultConnectionsExhausted: {act(world.DocumentRestart)},
	world.FaultMemoryLeak:           {act(world.DocumentScale)},
	world.FaultCPUSaturation:        {act(world.DocumentScale)},
	world.FaultTrafficSurge:         {act(world.DocumentIncrease, "Resource", world.ResourceCPU), act(world.DocumentDrain, "Percent", "30")},
	world.FaultStorageFull:          {act(world.DocumentUpdateConfig, "Setting", world.SettingPrevious), act(world.DocumentUpdateConfig, "Setting", world.SettingStatementTimeout)},
	world.FaultExpensiveQuery:       {act(world.DocumentScale), act(world.DocumentRestart)},
	world.FaultCacheFailure:         {act(world.DocumentRestart)},
	world.FaultDependencyFailure:    {act(world.DocumentDrain), act(world.DocumentDrain, "Percent", "30")},
	world.FaultThrottled:            {act(world.DocumentEnableBreaker), act(world.DocumentDrain)},
	world.FaultBadConfiguration:     {act(world.DocumentRollback)},
	world.FaultNetworkFailure:       {act(world.DocumentRestart)},
}

func act(document string, parameter ...string) world.Remedy {
	p := map[string][]string{"Cluster": {world.Cluster}}
	if len(parameter) > 0 {
		p[parameter[0]] = parameter[1:]
	}
	return world.Remedy{Document: document, Parameters: p}
}

// TestStubbornFaults: the first right remedy succeeds and does nothing, however
// often it is run and whether or not it is taken back; the next of another kind
// ends it.
func TestStubbornFaults(t *testing.T) {
	t.Parallel()
	for _, f := range world.Faults {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				varied := rapid.Bool().Draw(t, "varied")
				b := mustBegin(t, rapid.Uint64().Draw(t, "seed"), varied)
				bands := b.bands(b.now)
				if err := b.StartStubbornFault(f, 1); err != nil {
					t.Fatal(err)
				}
				b.until(t, "alarm", patience(varied), b.alarmed)
				truth, _ := b.Truth()
				service := rapid.SampledFrom(truth.Services).Draw(t, "service")
				next := rapid.SampledFrom(second[f]).Draw(t, "second")
				r := truth.Actions[0]
				for range rapid.IntRange(1, 2).Draw(t, "times") {
					b.mustAct(t, r, service)
					b.ticks(20)
					if s := b.State().Faults; !b.alarmed() || len(s) != 1 || s[0].Phase != "active" || !slices.Equal(s[0].Tried, []string{r.Document}) {
						t.Fatalf("%s did something: %+v", r.Document, s)
					}
				}
				if undo, ok := undone(r); ok && rapid.Bool().Draw(t, "taken back") {
					b.mustAct(t, undo, service)
					b.ticks(20)
					if !b.alarmed() {
						t.Fatal("taking it back ended the fault")
					}
				}
				if truth, _ := b.Truth(); truth.Stubborn != 0 || !slices.Contains(slices.Concat(truth.Remedies, truth.Alternatives), next.Document) {
					t.Fatalf("truth is %+v", truth)
				}
				b.mustAct(t, next, service)
				b.until(t, "recovery", 20, func() bool { return !b.alarmed() && len(b.State().Faults) == 0 })
				b.ticks(15)
				if out := b.outside(bands); len(out) > 0 || b.alarmed() {
					t.Fatalf("relapsed: %v", out)
				}
			})
		})
	}
}

// TestStubbornVariants are the numbers that make sense, and a fault that no
// action ends.
func TestStubbornVariants(t *testing.T) {
	t.Parallel()
	b := mustWorld(t, 1)
	for f, n := range map[world.Fault]int{world.FaultMemoryLeak: -1, world.FalseAlarmSpike: 1} {
		if err := b.StartStubbornFault(f, n); err == nil || !strings.Contains(err.Error(), "cannot be stubborn") {
			t.Errorf("%s, stubborn %d: %v", f, n, err)
		}
	}
	if err := b.StartStubbornFault(world.FaultMemoryLeak, 100); err != nil {
		t.Fatal(err)
	}
	b.until(t, "alarm", 15, b.alarmed)
	for _, r := range everything() {
		b.mustAct(t, r, world.Payments)
		b.ticks(5)
	}
	b.ticks(15)
	if s := b.State().Faults; !b.alarmed() || len(s) != 1 || len(s[0].Tried) < 4 {
		t.Errorf("faults %+v, want one that withstood everything", s)
	}
	b.ClearFault()
	b.until(t, "recovery", 15, func() bool { return !b.alarmed() })
}

// TestUndoOfNothing: what takes something back succeeds where nothing was done,
// and changes nothing.
func TestUndoOfNothing(t *testing.T) {
	t.Parallel()
	b := mustWorld(t, 3)
	bands := b.bands(b.now)
	for _, s := range []string{world.Orders, world.OrdersDB, world.CatalogCache, world.Carts, world.PaymentsProvider} {
		kind, _ := b.KindOf(s)
		before, _ := b.Provision(s)
		for _, d := range undoes {
			config := d == world.DocumentRestoreConfig || d == world.DocumentRestore
			if kind == world.KindExternal && config || kind == world.KindTable && d == world.DocumentRestoreConfig {
				continue
			}
			e := b.mustRun(t, d, s)
			b.ticks(4)
			if got := b.execution(t, e.ID); got.Status != world.ExecutionSuccess || len(got.Outputs) != 1 {
				t.Errorf("%s on %s: %+v", d, s, got)
			}
		}
		if after, _ := b.Provision(s); before != after {
			t.Errorf("%s had %+v and has %+v", s, before, after)
		}
	}
	if out := b.outside(bands); len(out) > 0 {
		t.Errorf("outside of normal: %v", out)
	}
}

func (b *bed) execution(tb rapid.TB, id string) world.Execution {
	tb.Helper()
	found := b.Executions(func(e world.Execution) bool { return e.ID == id })
	if len(found) != 1 {
		tb.Fatalf("%d executions %s", len(found), id)
	}
	return found[0]
}

func TestWhatDocumentsRefuse(t *testing.T) {
	t.Parallel()
	b := mustWorld(t, 1)
	for _, tc := range []struct {
		document, service string
		parameter         []string
		atOnce            bool
		says              string
	}{
		{world.DocumentRestart, world.Web, []string{"Percent", "5"}, true, `takes Cluster, Service, not "Percent"`},
		{world.DocumentUpdateConfig, world.Web, nil, true, "needs a Setting"},
		{world.DocumentUpdateConfig, world.Web, []string{"Setting", "x", "y"}, true, "exactly one Setting"},
		{world.DocumentUpdateConfig, world.Web, []string{"Setting", world.SettingStatementTimeout}, false, `has no setting "statement_timeout"`},
		{world.DocumentUpdateConfig, world.OrdersDB, []string{"Setting", "colour"}, false, `has no setting "colour"; there is "previous"`},
		{world.DocumentRestoreConfig, world.Web, []string{"Setting", "colour"}, false, `has no setting "colour"`},
		{world.DocumentIncrease, world.Web, []string{"Resource", world.ResourceStorage}, false, `has no "storage"; services have cpu`},
		{world.DocumentRestore, world.OrdersDB, []string{"Resource", world.ResourceCapacity}, false, `has no "capacity"`},
		{world.DocumentIncrease, world.PaymentsProvider, []string{"Resource", world.ResourceCPU}, false, "runs on none of these"},
		{world.DocumentDrain, world.Web, []string{"Percent", "101"}, false, `Percent is "101"; it must be a number from 1 to 100`},
		{world.DocumentRestoreTraffic, world.Web, []string{"Percent", "most"}, false, `Percent is "most"`},
		{world.DocumentClearCache, world.OrdersDB, nil, false, "orders-db is a database"},
		{world.DocumentRollback, world.OrdersDB, nil, false, "orders-db is a database"},
		{world.DocumentRestart, "nobody", nil, false, `no service "nobody"`},
		{world.DocumentScale, world.OrdersDB, []string{"DesiredCount", "4"}, false, "databases MaxConnections"},
		{world.DocumentScale, world.Web, []string{"DesiredCount", "many"}, false, `DesiredCount is "many"`},
		{world.DocumentScale, world.OrdersDB, []string{"MaxConnections", "0"}, false, `MaxConnections is "0"`},
	} {
		r := act(tc.document, tc.parameter...)
		r.Parameters["Service"] = []string{tc.service}
		e, err := b.StartAutomation(r.Document, r.Parameters, nil, "")
		if (err != nil) != tc.atOnce {
			t.Errorf("%s %v on %s: %v", tc.document, tc.parameter, tc.service, err)
			continue
		}
		said := ""
		if err != nil {
			said = err.Error()
		} else {
			b.ticks(4)
			got := b.execution(t, e.ID)
			if said = got.Failure; got.Status != world.ExecutionFailed || got.Step != world.StepAct {
				t.Errorf("%s %v on %s: %+v", tc.document, tc.parameter, tc.service, got)
			}
		}
		if !strings.Contains(said, tc.says) {
			t.Errorf("%s %v on %s says %q, want %q", tc.document, tc.parameter, tc.service, said, tc.says)
		}
	}
	if e := b.Effects(); len(e) > 0 {
		t.Errorf("effects %+v of what was refused", e)
	}
}

// TestWhatDocumentsChange can be seen in what describes the services, on the
// audit trail, and is taken back.
func TestWhatDocumentsChange(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		r         world.Remedy
		service   string
		see       func(world.Provision) bool
		operation string
	}{
		{act(world.DocumentUpdateConfig, "Setting", world.SettingStatementTimeout), world.OrdersDB, func(p world.Provision) bool { return p.StatementTimeout == 5000 }, "ModifyDBParameterGroup"},
		{act(world.DocumentEnableBreaker), world.PaymentsProvider, func(p world.Provision) bool { return p.Breaker }, "StartDeployment"},
		{act(world.DocumentEnableBreaker), world.Payments, func(p world.Provision) bool { return p.Breaker }, "StartDeployment"},
		{act(world.DocumentDrain, "Percent", "40"), world.Checkout, func(p world.Provision) bool { return p.Drained == 40 }, "ModifyRule"},
		{act(world.DocumentIncrease, "Resource", world.ResourceStorage), world.OrdersDB, func(p world.Provision) bool { return p.Storage == 162 && p.Status == "modifying" }, "ModifyDBInstance"},
		{act(world.DocumentIncrease, "Resource", world.ResourceCPU), world.OrdersDB, func(p world.Provision) bool { return p.Class == "db.m6g.2xlarge" }, "ModifyDBInstance"},
		{act(world.DocumentIncrease, "Resource", world.ResourceMemory), world.CatalogCache, func(p world.Provision) bool { return p.Class == "cache.m6g.2xlarge" }, "ModifyCacheCluster"},
		{act(world.DocumentIncrease, "Resource", world.ResourceCapacity), world.Carts, func(p world.Provision) bool { return p.Capacity == 400 }, "UpdateTable"},
		{act(world.DocumentIncrease, "Resource", world.ResourceCPU), world.Orders, func(p world.Provision) bool { return p.CPU == 1024 && p.Memory == 1024 }, "UpdateService"},
		{act(world.DocumentIncrease, "Resource", world.ResourceMemory), world.Orders, func(p world.Provision) bool { return p.CPU == 512 && p.Memory == 2048 }, "UpdateService"},
	} {
		b := mustWorld(t, 5)
		before, _ := b.Provision(tc.service)
		s := seen{bed: b, since: b.now}
		b.mustAct(t, tc.r, tc.service)
		b.ticks(2)
		if p, _ := b.Provision(tc.service); !tc.see(p) || !s.changed(tc.service, tc.operation) {
			t.Errorf("%v on %s: %+v, %s on the trail %v", tc.r, tc.service, p, tc.operation, s.changed(tc.service, tc.operation))
		}
		undo, _ := undone(tc.r)
		b.mustAct(t, undo, tc.service)
		b.ticks(8)
		if p, _ := b.Provision(tc.service); p != before {
			t.Errorf("%v taken back: %+v, and was %+v", tc.r, p, before)
		}
		if e := b.Effects(); len(e) != 2 || e[0].Undo != "" || e[1].Undo != tc.r.Document || e[0].Kind != world.EffectAutomation {
			t.Errorf("effects %+v", e)
		}
	}
	// More storage than is needed is free.
	b := mustWorld(t, 5)
	b.mustAct(t, act(world.DocumentIncrease, "Resource", world.ResourceStorage), world.OrdersDB)
	b.ticks(4)
	s := b.Samples(world.OrdersDB, time.Time{}, b.now.Add(tick))
	if free := s[len(s)-1].Value(incident.MetricFreeStorage) / (1 << 30); free < 120 || free > 128 {
		t.Errorf("%.0f GiB are free, want 124", free)
	}
	if _, ok := b.Provision("nobody"); ok {
		t.Error("nobody has been given something")
	}
}

// TestACircuitBreakerHidesAProvider that still fails: its callers neither wait
// for it nor ask it often.
func TestACircuitBreakerHidesAProvider(t *testing.T) {
	t.Parallel()
	for _, at := range []string{world.PaymentsProvider, world.Payments} {
		b := mustWorld(t, 9)
		bands := b.bands(b.now)
		latest := func() world.Sample {
			s := b.Samples(world.PaymentsProvider, time.Time{}, b.now.Add(tick))
			return s[len(s)-1]
		}
		usual := latest().Value(world.MetricRate)
		b.mustStart(t, world.FaultDependencyFailure)
		b.until(t, "alarm", 15, b.alarmed)
		b.mustRun(t, world.DocumentEnableBreaker, at)
		b.recovers(t, bands)
		b.ticks(5)
		if s := latest(); s.Value(world.MetricErrors) < 0.15 || s.Value(world.MetricRate) > 0.2*usual {
			t.Errorf("breaker at %s: the provider fails %.2f of %.0f requests a second, usually %.0f", at, s.Value(world.MetricErrors), s.Value(world.MetricRate), usual)
		}
		// After a while its owners have repaired it, and nothing is held back.
		for range 130 {
			b.ticks(1)
			if out := b.outside(bands); len(out) > 0 {
				t.Fatalf("breaker at %s: outside of normal: %v", at, out)
			}
		}
		if s, p := latest(), b.State(); s.Value(world.MetricErrors) > 0.01 || s.Value(world.MetricRate) < 0.9*usual || len(p.Held) > 0 {
			t.Errorf("breaker at %s: repaired, and the provider fails %.2f of %.0f requests a second; held %+v", at, s.Value(world.MetricErrors), s.Value(world.MetricRate), p.Held)
		}
		if p, _ := b.Provision(at); p.Breaker {
			t.Errorf("the circuit breaker at %s is still on", at)
		}
	}
}

// TestTrafficIsDrainedInPart: what little is drained helps little.
func TestTrafficIsDrainedInPart(t *testing.T) {
	t.Parallel()
	b := mustWorld(t, 2)
	bands := b.bands(b.now)
	latency := func() float64 {
		s := b.Samples(world.Checkout, time.Time{}, b.now.Add(tick))
		return s[len(s)-1].Value(world.MetricLatency)
	}
	b.mustStart(t, world.FaultNetworkFailure)
	b.ticks(15)
	worst := latency()
	b.mustAct(t, act(world.DocumentDrain, "Percent", "10"), world.Payments)
	b.ticks(15)
	if half := latency(); half > 0.8*worst || half < 0.4*worst || b.State().Faults[0].Phase != "active" {
		t.Errorf("%.0f ms, and %.0f with a tenth of the traffic drained; faults %+v", worst, half, b.State().Faults)
	}
	b.mustAct(t, act(world.DocumentDrain, "Percent", "30"), world.Payments)
	b.recovers(t, bands)
	b.mustAct(t, act(world.DocumentRestoreTraffic), world.Payments)
	b.until(t, "the alarm once more", 22, b.alarmed)
	if again := latency(); again < 0.9*worst {
		t.Errorf("%.0f ms at its worst, and %.0f when all traffic is back", worst, again)
	}
}
