package world

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"vigil/workflows/incident"
)

// Fault names something that can go wrong with the world, or seem to.
type Fault string

// The faults. Each bears the name of the cause that a right diagnosis gives.
const (
	FaultBadDeployment        = Fault(incident.CauseBadDeployment)
	FaultConnectionsExhausted = Fault(incident.CauseConnectionsExhausted)
	FaultMemoryLeak           = Fault(incident.CauseMemoryLeak)
	FaultCPUSaturation        = Fault(incident.CauseCPUSaturation)
	FaultTrafficSurge         = Fault(incident.CauseTrafficSurge)
	FaultStorageFull          = Fault(incident.CauseStorageFull)
	FaultExpensiveQuery       = Fault(incident.CauseExpensiveQuery)
	FaultCacheFailure         = Fault(incident.CauseCacheFailure)
	FaultDependencyFailure    = Fault(incident.CauseDependencyFailure)
	FaultThrottled            = Fault(incident.CauseThrottled)
	FaultBadConfiguration     = Fault(incident.CauseBadConfiguration)
	FaultNetworkFailure       = Fault(incident.CauseNetworkFailure)
)

// The false alarms: an alarm is raised, and the users notice nothing.
const (
	FalseAlarmDeployment Fault = "false_alarm_deployment" // slow while its new tasks warm up, then as before
	FalseAlarmBatch      Fault = "false_alarm_batch"      // a job keeps the database's CPU busy, and nobody waits for it
	FalseAlarmSpike      Fault = "false_alarm_spike"      // a few moments of more traffic than usual
)

// Faults lists every fault, FalseAlarms every false alarm.
var (
	Faults = []Fault{FaultBadDeployment, FaultConnectionsExhausted, FaultMemoryLeak, FaultCPUSaturation, FaultTrafficSurge, FaultStorageFull,
		FaultExpensiveQuery, FaultCacheFailure, FaultDependencyFailure, FaultThrottled, FaultBadConfiguration, FaultNetworkFailure}
	FalseAlarms = []Fault{FalseAlarmDeployment, FalseAlarmBatch, FalseAlarmSpike}
)

// Valid reports whether f is a fault or a false alarm of this world.
func (f Fault) Valid() bool { return slices.Contains(Faults, f) || f.FalseAlarm() }

// FalseAlarm reports whether nothing is wrong with f.
func (f Fault) FalseAlarm() bool { return slices.Contains(FalseAlarms, f) }

var (
	// ErrFaultActive says that one fault at a time is enough.
	ErrFaultActive = errors.New("a fault is active already; cure or clear it first")
	// ErrUnknownFault says that there is no such fault.
	ErrUnknownFault = errors.New("no such fault")
	// ErrInvalidVariant says that a fault has no such variant.
	ErrInvalidVariant = errors.New("no such variant of a fault")
)

// ailment is a fault while it lasts, its decay after the cure included.
type ailment struct {
	fault   Fault
	service string // where it sits
	callee  string // network: the other end
	since   int64  // tick of its first effect
	from    int64  // tick from which it builds up: since, or when what held it back was taken away
	cured   int64  // tick; 0: not cured
	begun   bool   // what begins it has been done

	stubborn int      // how many kinds of remedies do nothing against it
	tried    []string // documents that did nothing
	holds    []deed   // what keeps it back, and lets it come again when it is taken away

	size float64 // what it does to the alarm's measure at full size, in thresholds
	ramp float64 // ticks from its first effect to its full size
	tone int     // which of several ways to speak of it the logs use

	heat     float64 // how far it has come, as those feel it who depend on it, 0–1
	before   reach   // ill and heat of the tick before
	ill      float64 // dependency: how far it has come at its own place, 0–1
	heldFrom int64   // tick from which nothing of it was felt any more while it was held back
	mended   bool    // somebody ended it while it was held back
	backlog  float64 // what piles up behind it, 0–1
	memory   float64 // leak: percent above normal
	code     int     // bad deployment: the code that is bad
	setting  setting // bad configuration
	hold     float64 // connections: how much longer than normal one is held at full heat

	herrings []herring
}

// The shop's faults all take rampTicks from the first effect to the full size.
// drain is what share is left after each tick once a fault is cured.
const (
	rampTicks = 6
	shopSize  = 3
	drain     = 0.55
	gone      = 0.004

	surge        = 0.40 // extra traffic of callers who try again
	overcommit   = 1.25 // connections wanted at full heat, in limits
	leakPerTick  = 4.8  // percent of memory
	killAbove    = 97.0 // percent at which the kernel ends a task
	killReleases = 5.0  // percent that one task's death frees
	gcFrom       = 70.0 // percent from which collecting garbage costs time
)

// reach is how far an ailment had come: at its own place, and as others felt it.
type reach struct{ ill, heat float64 }

// step advances the ailment by one tick.
func (a *ailment) step(w *World) {
	if w.tick < a.since || (a.cured != 0 && !a.begun) {
		return
	}
	if !a.begun {
		a.begin(w)
	}
	age := float64(w.tick - a.from)
	f := faultSpecs[a.fault]
	switch {
	case f.step != nil:
		f.step(w, a, age)
	default:
		a.heat = a.follow(clamp((age-f.delay)/a.ramp, 0, 1), a.heat)
	}
	if f.lasts > 0 && a.cured == 0 && age >= f.lasts {
		a.cured = w.tick // nobody had to do anything
	}
	for i := range a.herrings {
		a.herrings[i].step(a)
	}
}

// begin does what the fault comes of.
func (a *ailment) begin(w *World) {
	a.begun = true
	if f := faultSpecs[a.fault]; f.begin != nil {
		f.begin(w, a)
	}
}

// follow is target until the cure, less what is held back, and what drains
// away after it.
func (a *ailment) follow(target, now float64) float64 {
	if a.cured == 0 {
		return target * (1 - a.relief())
	}
	return now * drain
}

// over reports whether nothing of a cured ailment is left.
func (a *ailment) over() bool {
	for _, h := range a.herrings {
		if h.heat >= gone {
			return false
		}
	}
	return a.cured != 0 && a.heat < gone && a.memory < gone*100 && a.backlog < gone && (a.ill < gone || len(a.holds) > 0)
}

// demand is the traffic of this tick as a multiple of normal.
func (w *World) demand() float64 {
	d := 1.0
	for _, a := range w.ailments {
		switch a.fault {
		case FaultConnectionsExhausted:
			d += surge * a.heat
		case FaultTrafficSurge:
			d += surgeOf(a) * a.heat
		case FalseAlarmSpike:
			d += 0.6 * a.heat
		}
	}
	return d
}

// wanted is how many connections to a database its callers would like to have.
func (w *World) wanted(database string) float64 {
	want := w.topo.byName[database].base[gConnections]
	for _, a := range w.ailments {
		if a.fault == FaultConnectionsExhausted && a.service == database {
			want *= (1 + surge*a.heat) * (1 + a.hold*a.heat)
		}
	}
	return want
}

// StartFault begins a fault that the first right remedy ends; see
// StartStubbornFault.
func (w *World) StartFault(f Fault) error { return w.StartStubbornFault(f, 0) }

// StartStubbornFault begins a fault against which so many kinds of right
// remedies do nothing: they succeed, and the next one of another kind ends it,
// be it one that would not have been the first choice. It returns
// ErrFaultActive while another fault is not cured, ErrUnknownFault for a name
// that is none, and ErrInvalidVariant for a number that makes no sense.
func (w *World) StartStubbornFault(f Fault, stubborn int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !f.Valid() {
		return fmt.Errorf("%w: %q; there are %v and %v", ErrUnknownFault, string(f), Faults, FalseAlarms)
	}
	if stubborn < 0 || stubborn > 0 && f.FalseAlarm() {
		return fmt.Errorf("%w: %s cannot be stubborn %d times; use 0 or more for a fault and 0 for a false alarm", ErrInvalidVariant, f, stubborn)
	}
	if a := w.active(); a != nil {
		return fmt.Errorf("start %s: %w (%s since %s)", f, ErrFaultActive, a.fault, w.at(a.since).Format("15:04:05"))
	}
	w.mendHeld()
	a := &ailment{fault: f, since: w.tick, stubborn: stubborn, size: shopSize, ramp: rampTicks, tone: w.fate.IntN(12)}
	spec := faultSpecs[f]
	a.service, a.callee = spec.home[0], spec.home[1]
	if w.cfg.Varied {
		a.service, a.callee = spec.place(w)
		a.size = 1.7 + 1.8*w.fate.Float64()
		a.ramp = float64(3 + w.fate.IntN(5))
		a.since += w.fate.Int64N(4)
		w.distract(a)
	}
	a.from = a.since
	if a.since == w.tick {
		a.begin(w)
	}
	w.ailments = append(w.ailments, a)
	return nil
}

// ClearFault ends the active fault as a person would who knows what is wrong,
// and reports whether there was one. Its effects drain away as after a cure.
// Where one is only held back, that needs no holding back any more.
func (w *World) ClearFault() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := w.active()
	if a == nil {
		return w.mendHeld()
	}
	if f := faultSpecs[a.fault]; f.end != nil && a.begun {
		f.end(w, a)
	}
	a.holds = nil
	a.cured = max(w.tick, 1)
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

func clamp(x, lo, hi float64) float64 { return math.Max(lo, math.Min(hi, x)) }
