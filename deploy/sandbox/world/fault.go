package world

import (
	"errors"
	"fmt"
	"math"
)

// Fault names something that can go wrong with the world.
type Fault string

const (
	FaultBadDeployment        Fault = "bad_deployment"
	FaultConnectionsExhausted Fault = "connections_exhausted"
	FaultMemoryLeak           Fault = "memory_leak"
)

// Faults lists every fault.
var Faults = []Fault{FaultBadDeployment, FaultConnectionsExhausted, FaultMemoryLeak}

// Valid reports whether f is a fault of this world.
func (f Fault) Valid() bool {
	for _, v := range Faults {
		if v == f {
			return true
		}
	}
	return false
}

var (
	// ErrFaultActive says that one fault at a time is enough.
	ErrFaultActive = errors.New("a fault is active already; cure or clear it first")
	// ErrUnknownFault says that there is no such fault.
	ErrUnknownFault = errors.New("no such fault")
)

// ailment is a fault while it lasts, its decay after the cure included.
type ailment struct {
	fault   Fault
	service string // where it sits
	since   int64  // tick
	cured   int64  // tick; 0: not cured

	heat float64 // bad deployment: share of tasks that run the bad version; connections: size of the surge

	memory float64 // leak: percent above normal

	version string // bad deployment: the task definition that is bad

	backlog float64 // connections: how far waiting requests have piled up, 0–1
	hold    float64 // connections: how much longer than normal one is held at full heat
}

// rampTicks is how many ticks a fault takes from its first effect to its full
// size, drain what share of it is left after each tick once it is cured.
const (
	rampTicks = 6
	drain     = 0.55
	gone      = 0.004

	surge        = 0.40 // extra traffic of callers who try again
	overcommit   = 1.25 // connections wanted at full heat, in limits
	leakPerTick  = 4.8  // percent of memory
	killAbove    = 97.0 // percent at which the kernel ends a task
	killReleases = 5.0  // percent that one task's death frees
	gcFrom       = 70.0 // percent from which collecting garbage costs time
)

// step advances the ailment by one tick.
func (a *ailment) step(w *World) {
	age := float64(w.tick - a.since)
	switch a.fault {
	case FaultBadDeployment:
		// New tasks take two ticks to start; then traffic shifts.
		a.heat = a.follow(clamp((age-2)/rampTicks, 0, 1), a.heat)
	case FaultConnectionsExhausted:
		a.heat = a.follow(clamp(age/rampTicks, 0, 1), a.heat)
		limit := float64(w.limit)
		short := clamp((w.wanted()-0.9*limit)/(0.3*limit), 0, 1)
		if short > a.backlog {
			a.backlog = short
		} else {
			a.backlog = short + (a.backlog-short)*drain
		}
	case FaultMemoryLeak:
		switch normal := nodeByName[a.service].memory; {
		case a.cured != 0:
			a.memory *= drain
		case normal+a.memory >= killAbove-0.5:
			a.memory -= killReleases
			w.logKill(a.service)
		default:
			a.memory = math.Min(a.memory+leakPerTick, killAbove-normal)
		}
	}
}

// follow is target until the cure, and what drains away after it.
func (a *ailment) follow(target, now float64) float64 {
	if a.cured == 0 {
		return target
	}
	return now * drain
}

// over reports whether nothing of a cured ailment is left.
func (a *ailment) over() bool {
	return a.cured != 0 && a.heat < gone && a.memory < gone*100 && a.backlog < gone
}

// strain is what ailments add to one service in this tick.
type strain struct {
	latency float64 // milliseconds
	errors  float64 // share of requests
	cpu     float64 // percent
	memory  float64 // percent
}

// strains sums up what the current ailments do to each service.
func (w *World) strains() map[string]strain {
	out := map[string]strain{}
	add := func(service string, s strain) {
		t := out[service]
		out[service] = strain{t.latency + s.latency, t.errors + s.errors, t.cpu + s.cpu, t.memory + s.memory}
	}
	for _, a := range w.ailments {
		switch a.fault {
		case FaultBadDeployment:
			add(a.service, strain{latency: 900 * a.heat, errors: 0.16 * a.heat, cpu: 24 * a.heat})
		case FaultConnectionsExhausted:
			add(Orders, strain{latency: 560 * a.backlog, errors: 0.11 * a.backlog})
			add(Payments, strain{latency: 420 * a.backlog, errors: 0.08 * a.backlog})
			add(OrdersDB, strain{latency: 9 * a.backlog, cpu: 27 * a.heat})
		case FaultMemoryLeak:
			full := collecting(nodeByName[a.service].memory + a.memory)
			add(a.service, strain{latency: 1000 * full, errors: 0.09 * full, cpu: 50 * full, memory: a.memory})
		}
	}
	return out
}

// collecting is how much of its time a service with memory percent in use
// spends on collecting garbage, 0–1: little until it is nearly full.
func collecting(memory float64) float64 {
	x := clamp((memory-gcFrom)/(killAbove-gcFrom), 0, 1)
	return x * x
}

// demand is the traffic of this tick as a multiple of normal.
func (w *World) demand() float64 {
	d := 1.0
	for _, a := range w.ailments {
		if a.fault == FaultConnectionsExhausted {
			d += surge * a.heat
		}
	}
	return d
}

// wanted is how many connections to orders-db its callers would like to have.
func (w *World) wanted() float64 {
	want := baseConnections
	for _, a := range w.ailments {
		if a.fault == FaultConnectionsExhausted {
			want *= (1 + surge*a.heat) * (1 + a.hold*a.heat)
		}
	}
	return want
}

// StartFault begins a fault. It returns ErrFaultActive while another is not
// cured, and ErrUnknownFault for a name that is none.
func (w *World) StartFault(f Fault) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !f.Valid() {
		return fmt.Errorf("%w: %q; there are %v", ErrUnknownFault, string(f), Faults)
	}
	if a := w.active(); a != nil {
		return fmt.Errorf("start %s: %w (%s since %s)", f, ErrFaultActive, a.fault, w.at(a.since).Format("15:04:05"))
	}
	a := &ailment{fault: f, since: w.tick}
	switch f {
	case FaultBadDeployment:
		a.service = Checkout
		a.version = w.deploy(Checkout, "apply coupon discounts at checkout").TaskDefinition
	case FaultConnectionsExhausted:
		a.service = OrdersDB
		// Requests that wait hold what they have. The surge alone would not fill
		// the pool; holding on while trying again does, whatever its size.
		a.hold = overcommit*float64(w.limit)/baseConnections/(1+surge) - 1
	case FaultMemoryLeak:
		a.service = Payments
	}
	w.ailments = append(w.ailments, a)
	return nil
}

// ClearFault ends the active fault as if someone outside had fixed it, and
// reports whether there was one. Its effects drain away as after a cure.
func (w *World) ClearFault() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := w.active()
	if a == nil {
		return false
	}
	if a.fault == FaultBadDeployment {
		w.rollback(a.service, "on-call")
	}
	a.cured = w.tick
	return true
}

// active is the ailment that is not cured, or nil.
func (w *World) active() *ailment {
	for _, a := range w.ailments {
		if a.cured == 0 {
			return a
		}
	}
	return nil
}

// cure ends the active fault if it is f and sits on service.
func (w *World) cure(f Fault, service string) {
	if a := w.active(); a != nil && a.fault == f && a.service == service {
		a.cured = w.tick
	}
}

// cureDeployment ends an active bad deployment if its version was taken away.
func (w *World) cureDeployment(service, version string) {
	if a := w.active(); a != nil && a.version == version {
		w.cure(FaultBadDeployment, service)
	}
}

func clamp(x, lo, hi float64) float64 { return math.Max(lo, math.Min(hi, x)) }
