// Package synthetic makes incidents of known cause, for tests and measurement
// of package rca: a small web shop with a service graph, whose faults build up,
// spread to callers with delay, and share their symptom, a slow checkout.
//
// A case is a function of its Config alone, the seed included. Nothing of it is
// meant to be shown to anybody as telemetry.
package synthetic

import (
	"math"
	"math/rand/v2"
	"time"

	"vigil/activities/rca"
	"vigil/workflows/incident"
)

// Config chooses a case.
type Config struct {
	Cause incident.Cause // empty: healthy
	Tick  time.Duration  // distance between points
	Seed  uint64
}

// Case is an incident and the truth about it. Service and Cause are empty
// where all is well.
type Case struct {
	Input   rca.Input
	Service string
	Cause   incident.Cause
	FaultAt time.Time
}

// Causes are the faults that there are.
var Causes = []incident.Cause{incident.CauseBadDeployment, incident.CauseConnectionsExhausted, incident.CauseMemoryLeak}

// Alerting is the service whose latency raises the alert.
const Alerting = "checkout"

const database = "orders-db"

// Edges is the shop's service graph.
var Edges = []incident.Edge{
	{From: "web", To: "api"}, {From: "api", To: "checkout"}, {From: "api", To: "catalog"},
	{From: "checkout", To: "orders"}, {From: "checkout", To: "payments"}, {From: "orders", To: database},
	{From: "payments", To: database}, {From: "catalog", To: "catalog-cache"}, {From: "catalog", To: database},
}

// order lists the services so that callees come before their callers.
var order = []string{database, "catalog-cache", "orders", "payments", "catalog", "checkout", "api", "web"}

type service struct {
	name            string
	base            float64 // its own latency, milliseconds
	noise           float64 // of its latency, logarithmic
	rate            float64 // requests per second, as a share of the shop's
	cpu, memory     float64
	latency, errors []float64 // what it shows, tick by tick
	slow, fail      []float64 // what a fault adds to itself
	mem, conns, hot []float64
}

type world struct {
	r        *rand.Rand
	cfg      Config
	ticks    int
	fault    int // tick at which it begins
	alarm    int // tick at which the alert is raised
	end      int
	start    time.Time
	load     []float64
	services map[string]*service
	culprit  string
	deployed time.Time
	limit    float64 // connections that the database takes
}

// New makes the case of a configuration.
func New(cfg Config) Case {
	w := &world{r: rand.New(rand.NewPCG(cfg.Seed, 0x9e3779b97f4a7c15)), cfg: cfg,
		start: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), services: map[string]*service{}}
	past := 15 * time.Minute
	if cfg.Tick < 5*time.Second {
		past = 5 * time.Minute
	}
	w.fault = int(past / cfg.Tick)
	w.ticks = 2 * w.fault
	w.setUp()
	w.breakIt()
	w.run()
	w.raise()
	return w.observe()
}

func (w *world) between(low, high float64) float64 { return low + (high-low)*w.r.Float64() }

func (w *world) seconds(low, high float64) int {
	return int(math.Ceil(w.between(low, high) / w.cfg.Tick.Seconds()))
}

func (w *world) setUp() {
	w.load = make([]float64, w.ticks)
	wave, phase, drift := w.between(0.02, 0.12), w.between(0, 6), 0.0
	for t := range w.load {
		drift = 0.98*drift + 0.01*w.r.NormFloat64()
		w.load[t] = w.between(0.97, 1.03) * (1 + drift + wave*math.Sin(phase+float64(t)*w.cfg.Tick.Seconds()/180))
	}
	base := map[string]float64{database: 2, "catalog-cache": 0.8, "orders": 35, "payments": 45, "catalog": 25,
		"checkout": 40, "api": 15, "web": 12}
	share := map[string]float64{database: 3, "catalog-cache": 2, "orders": 0.3, "payments": 0.25, "catalog": 0.9,
		"checkout": 0.3, "api": 1.2, "web": 1}
	for _, name := range order {
		w.services[name] = &service{name: name, base: base[name] * w.between(0.7, 1.4), noise: w.between(0.04, 0.15),
			rate: share[name] * w.between(0.8, 1.2), cpu: w.between(15, 45), memory: w.between(35, 55),
			latency: make([]float64, w.ticks), errors: make([]float64, w.ticks), slow: make([]float64, w.ticks),
			fail: make([]float64, w.ticks), mem: make([]float64, w.ticks), conns: make([]float64, w.ticks),
			hot: make([]float64, w.ticks)}
	}
	w.limit = math.Round(w.between(80, 200))
}

// ramp goes from 0 at the fault to 1 after so many ticks.
func (w *world) ramp(t, after, over int) float64 {
	return math.Max(0, math.Min(1, float64(t-w.fault-after)/float64(max(over, 1))))
}

func (w *world) breakIt() {
	switch w.cfg.Cause {
	case incident.CauseBadDeployment:
		w.culprit = []string{"checkout", "orders", "payments"}[w.r.IntN(3)]
		s := w.services[w.culprit]
		w.deployed = w.at(w.fault).Add(-time.Duration(w.between(0, 20) * float64(time.Second)))
		over := w.seconds(5, 40)
		lost, failing, busy, grown := w.between(350, 1500), w.between(0.04, 0.3), w.between(0, 25), w.between(0, 4)
		for t := range w.ticks {
			x := w.ramp(t, 0, over)
			s.slow[t], s.fail[t], s.hot[t], s.mem[t] = x*lost, x*failing, x*busy, x*grown
			w.services[database].conns[t] = x * w.between(0.1, 0.2) * w.limit // held longer
		}
	case incident.CauseConnectionsExhausted:
		w.culprit = database
		db := w.services[database]
		over := w.seconds(20, 90)
		wait, failing, busy, slower := w.between(350, 1500), w.between(0.02, 0.15), w.between(-3, 12), w.between(0, 0.6)
		for t := range w.ticks {
			x := w.ramp(t, 0, over)
			db.conns[t] = x * w.limit // observe caps it at the limit
			full := w.ramp(t, over/2, over)
			db.slow[t], db.hot[t] = full*slower*db.base, full*busy
			for _, caller := range []string{"orders", "payments", "catalog"} {
				s := w.services[caller]
				s.slow[t], s.fail[t] = full*wait*w.between(0.8, 1.2), full*failing
				s.mem[t] = full * 2
			}
		}
	case incident.CauseMemoryLeak:
		w.culprit = []string{"checkout", "orders", "payments"}[w.r.IntN(3)]
		s := w.services[w.culprit]
		over := w.seconds(120, 420)
		if w.cfg.Tick < 5*time.Second {
			over = w.seconds(60, 180)
		}
		top, lost, failing, busy := w.between(85, 96)-s.memory, w.between(400, 1500), w.between(0, 0.12), w.between(5, 30)
		for t := range w.ticks {
			x := w.ramp(t, 0, over)
			gc := math.Max(0, (x-0.4)/0.6) // collecting garbage takes time only once memory is short
			s.mem[t], s.slow[t], s.hot[t] = x*top, gc*gc*lost, gc*busy
			s.fail[t] = math.Max(0, x-0.8) / 0.2 * failing
		}
	}
}

// run computes what every service shows, callees first: a caller sees its
// callees' latency and errors one tick later.
func (w *world) run() {
	callees := map[string][]string{}
	for _, e := range Edges {
		callees[e.From] = append(callees[e.From], e.To)
	}
	reach := map[string]float64{"api": 0.7, "web": 1} // share of requests that go down the slow path
	for _, name := range order {
		s := w.services[name]
		for t := range w.ticks {
			l := s.base*math.Exp(s.noise*w.r.NormFloat64())*(0.7+0.3*w.load[t]) + s.slow[t]*math.Exp(0.1*w.r.NormFloat64())
			e := 0.0005 + s.fail[t]
			for _, c := range callees[name] {
				from := w.services[c]
				p := 1.0
				if v, ok := reach[name]; ok {
					p = v
				}
				l += p * from.latency[max(t-1, 0)]
				e += 0.8 * p * from.errors[max(t-1, 0)]
			}
			s.latency[t], s.errors[t] = l, math.Min(e, 1)
		}
	}
}

// raise finds the tick at which the alert fires: three slow points of checkout
// in a row, as an alarm on its 95th percentile would have it.
func (w *world) raise() {
	l := w.services[Alerting].latency
	var normal float64
	for _, v := range l[:w.fault/2] {
		normal += v / float64(w.fault/2)
	}
	w.alarm = w.fault
	if w.cfg.Cause != "" {
		for row := 0; w.alarm < w.ticks-1 && row < 3; w.alarm++ {
			if row++; l[w.alarm] < 2*normal+40 {
				row = 0
			}
		}
	}
	w.end = min(w.ticks, w.alarm+3+w.r.IntN(10))
}

func (w *world) at(t int) time.Time { return w.start.Add(time.Duration(t) * w.cfg.Tick) }
