package world

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

// Config says how a world begins. Every field has a default.
type Config struct {
	Tick time.Duration // one step of the world; default 5 s
	Seed uint64        // what all noise is made of; 0 is a seed like any other

	// Varied makes a world of its own of each seed: services and who calls whom,
	// where a fault sits, how large it is, how fast it comes, how noisy
	// everything is, and what else happens at the time. Otherwise it is the shop.
	Varied bool
}

const (
	defaultTick = 5 * time.Second

	historySpan     = 30 * time.Minute
	minHistoryTicks = 180
	maxHistoryTicks = 3600

	sampleSpan     = 6 * time.Hour
	maxSampleTicks = 21600
	logLines       = 20_000 // kept of each log group
	trailEvents    = 2_000

	// maxGapTicks is how far AdvanceTo fills a gap tick by tick.
	maxGapTicks = 200_000
)

// World is the simulated environment. Make one with New.
type World struct {
	mu  sync.Mutex
	cfg Config

	epoch time.Time // of tick 0
	now   time.Time // latest time that AdvanceTo was given
	tick  int64     // latest tick that was computed

	noise *rand.Rand // for samples
	chat  *rand.Rand // for log lines and routine work, so that these never move a metric
	fate  *rand.Rand // for faults: where, how large, what else

	topo    *topology
	drift   map[string]*levels // autocorrelated noise per service and measure
	truth   map[string]flow    // state without noise, one tick back for callers
	samples map[string]*ring[Sample]
	logs    map[string]*ring[LogLine]
	pending []LogLine // of the tick being computed

	deployments map[string][]Deployment
	withdrawn   map[version]bool // what was rolled back from
	nextRoutine int64            // tick of the next harmless deployment
	trail       *ring[TrailEvent]

	loads    map[string]*loads // what each database spends its time on
	events   *ring[PlatformEvent]
	limits   map[string]int     // max_connections of each database
	behind   map[string]float64 // how far the consumer of each queue is
	cold     map[string]float64 // how empty each cache is that was emptied, 0–1
	desired  map[string]int
	moving   map[string]tasks
	ailments []*ailment
	held     []*ailment // that are held back, and that nobody feels
	jobs     []*Execution
	byToken  map[string]*Execution
	effects  []Effect
	tallies  []*Tally
	tallied  map[Tally]*Tally // by what is counted, without the counts

	provisions     map[string]*provision
	configurations map[string]configuration
	alarms         []Alarm // the first is always there
	unclaimed      []Transition
}

// flow is the true state of one service after a tick.
type flow struct{ latency, errors float64 }

// New makes a world whose present is now and which has its history behind it:
// 30 minutes of normal operation, and at least 180 ticks.
func New(cfg Config, now time.Time) (*World, error) {
	if cfg.Tick == 0 {
		cfg.Tick = defaultTick
	}
	if cfg.Tick < 10*time.Millisecond || cfg.Tick > time.Minute {
		return nil, fmt.Errorf("world: tick is %s; use 10ms to 1m", cfg.Tick)
	}
	w := &World{cfg: cfg}
	w.begin(now)
	return w, nil
}

// begin makes everything anew, with the history that ends at now.
func (w *World) begin(now time.Time) {
	now = now.UTC()
	history := clampInt(int64(historySpan/w.cfg.Tick), minHistoryTicks, maxHistoryTicks)
	capacity := int(clampInt(int64(sampleSpan/w.cfg.Tick), 2*history, maxSampleTicks))

	w.epoch = now.Truncate(w.cfg.Tick).Add(-time.Duration(history) * w.cfg.Tick)
	w.now, w.tick = w.epoch, 0
	w.noise = rand.New(rand.NewPCG(w.cfg.Seed, 0x9e3779b97f4a7c15))
	w.chat = rand.New(rand.NewPCG(w.cfg.Seed, 0xbf58476d1ce4e5b9))
	w.fate = rand.New(rand.NewPCG(w.cfg.Seed, 0x94d049bb133111eb))
	w.topo = shop
	if w.cfg.Varied {
		w.topo = made(w.cfg.Seed)
	}
	w.drift, w.truth, w.samples = map[string]*levels{}, map[string]flow{}, map[string]*ring[Sample]{}
	w.logs, w.pending = map[string]*ring[LogLine]{}, nil
	w.deployments, w.withdrawn, w.desired = map[string][]Deployment{}, map[version]bool{}, map[string]int{}
	w.trail, w.events = newRing[TrailEvent](trailEvents), newRing[PlatformEvent](platformEvents)
	w.limits, w.loads, w.behind, w.ailments = map[string]int{}, map[string]*loads{}, map[string]float64{}, nil
	w.jobs, w.byToken, w.effects, w.tallies, w.held = nil, map[string]*Execution{}, nil, nil, nil
	w.tallied = map[Tally]*Tally{}
	w.cold, w.moving, w.provisions, w.configurations = map[string]float64{}, map[string]tasks{}, map[string]*provision{}, map[string]configuration{}
	w.alarms, w.unclaimed = []Alarm{newAlarm(w.topo, w.epoch)}, nil
	for i := range w.topo.nodes {
		n := &w.topo.nodes[i]
		w.drift[n.name] = &levels{}
		w.samples[n.name] = newRing[Sample](capacity)
		w.provisions[n.name] = newProvision(n)
		switch n.kind {
		case KindECS:
			w.desired[n.name] = 3
		case KindDatabase:
			w.limits[n.name] = w.usualLimit(n.name)
			w.loads[n.name] = newLoads(w.topo, n, capacity)
		}
		if g := logGroup(n.name, n.kind); g != "" {
			w.logs[g] = newRing[LogLine](logLines)
		}
	}
	w.oldDeployments()
	w.oldReports()
	// A deployment that did no harm lies within the history: not everything that
	// changed is to blame.
	w.nextRoutine = history / 3
	for range len(w.topo.nodes) { // symptoms travel one call a tick: let them settle
		w.flow()
	}
	w.advance(now)
}

// AdvanceTo computes every tick up to now. Going back in time does nothing.
func (w *World) AdvanceTo(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance(now.UTC())
}

func (w *World) advance(now time.Time) {
	if now.Before(w.now) {
		return
	}
	target := int64(now.Sub(w.epoch) / w.cfg.Tick)
	if target-w.tick > maxGapTicks {
		w.begin(now)
		return
	}
	w.now = now
	for w.tick < target {
		w.step()
	}
}

// Reset begins the world anew at now, with another seed where seed is not nil.
func (w *World) Reset(now time.Time, seed *uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if seed != nil {
		w.cfg.Seed = *seed
	}
	w.begin(now)
}

// Vary says whether the world that the next Reset begins is one of its seed's
// own, or the shop.
func (w *World) Vary(varied bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cfg.Varied = varied
}

// Now is the latest time that the world was advanced to.
func (w *World) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// Tick is the length of one step.
func (w *World) Tick() time.Duration { return w.cfg.Tick }

// at is the time of a tick.
func (w *World) at(tick int64) time.Time { return w.epoch.Add(time.Duration(tick) * w.cfg.Tick) }

// step computes one tick.
func (w *World) step() {
	w.tick++
	w.runJobs()
	kept := w.ailments[:0]
	for _, a := range w.ailments {
		a.step(w)
		switch {
		case !a.over():
			kept = append(kept, a)
		case len(a.holds) > 0:
			a.heldFrom = w.tick
			w.held = append(w.held, a)
		}
	}
	w.ailments = kept
	w.stepHeld()
	for cache, left := range w.cold {
		if w.cold[cache] = left * drain; left < gone {
			delete(w.cold, cache)
		}
	}
	rates, strains := w.flow()
	for i := range w.topo.nodes {
		n := &w.topo.nodes[i]
		s := strains.of(n.name)
		if l := w.loads[n.name]; l != nil {
			l.step(w, rates[n.name]/w.topo.rates[n.name])
		}
		w.samples[n.name].add(w.observe(n, rates[n.name], s))
	}
	w.routine()
	w.chatter(rates)
	w.commitLogs()
	w.judgeAlarms()
}

// flow moves requests down the graph and symptoms one call up it.
func (w *World) flow() (rates map[string]float64, strains *strains) {
	strains = w.strains()
	season := 1 + 0.02*math.Sin(2*math.Pi*float64(w.tick)/720)
	rates = map[string]float64{w.topo.entry: w.topo.rate * season * w.demand()}
	next := make(map[string]flow, len(w.topo.nodes))
	for i := range w.topo.nodes {
		n := &w.topo.nodes[i]
		s := strains.of(n.name)
		latency, served := n.own+s.plus[gLatency], 1-clamp(baseErrors+s.plus[gErrors], 0, 1)
		for _, c := range n.calls {
			callee, way := w.truth[c.to], strains.between(n.name, c.to)
			latency += c.latency * (callee.latency + way.latency)
			served *= 1 - c.errors*clamp(callee.errors+way.errors, 0, 1)
			// A request that failed before its calls makes none.
			rates[c.to] += rates[n.name] * c.fanout * (1 - s.plus[gErrors]) * (1 + way.traffic)
		}
		next[n.name] = flow{latency: latency, errors: 1 - served}
	}
	w.truth = next
	return rates, strains
}

func clampInt(x, lo, hi int64) int64 { return max(lo, min(hi, x)) }
