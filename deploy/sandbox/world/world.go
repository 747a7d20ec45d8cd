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

	drift   map[string]*[6]float64 // autocorrelated noise per service and measure
	truth   map[string]flow        // state without noise, one tick back for callers
	samples map[string]*ring[Sample]
	logs    map[string]*ring[LogLine]
	pending []LogLine // of the tick being computed

	deployments map[string][]Deployment
	withdrawn   map[string]bool // task definitions that were rolled back from
	nextRoutine int64           // tick of the next harmless deployment
	trail       *ring[TrailEvent]

	limit     int // max_connections of orders-db
	desired   map[string]int
	ailments  []*ailment
	jobs      []*Execution
	byToken   map[string]*Execution
	effects   []Effect
	alarm     Alarm
	unclaimed []Transition
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
	w.drift, w.truth, w.samples = map[string]*[6]float64{}, map[string]flow{}, map[string]*ring[Sample]{}
	w.logs, w.pending = map[string]*ring[LogLine]{}, nil
	w.deployments, w.withdrawn, w.desired = map[string][]Deployment{}, map[string]bool{}, map[string]int{}
	w.trail = newRing[TrailEvent](trailEvents)
	w.limit, w.ailments = baseLimit, nil
	w.jobs, w.byToken, w.effects = nil, map[string]*Execution{}, nil
	w.alarm, w.unclaimed = newAlarm(w.epoch), nil
	for _, n := range nodes {
		w.drift[n.name] = &[6]float64{}
		w.samples[n.name] = newRing[Sample](capacity)
		if n.kind == KindECS {
			w.desired[n.name] = 3
		}
		if g := LogGroup(n.name); g != "" {
			w.logs[g] = newRing[LogLine](logLines)
		}
	}
	w.oldDeployments()
	// A deployment that did no harm lies within the history: not everything that
	// changed is to blame.
	w.nextRoutine = history / 3
	for range len(nodes) { // symptoms travel one call a tick: let them settle
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
		if !a.over() {
			kept = append(kept, a)
		}
	}
	w.ailments = kept
	rates, strains := w.flow()
	for _, n := range nodes {
		w.samples[n.name].add(w.observe(n, rates[n.name], strains[n.name]))
	}
	w.routine()
	w.chatter(rates)
	w.commitLogs()
	w.judgeAlarm()
}

// flow moves requests down the graph and symptoms one call up it.
func (w *World) flow() (rates map[string]float64, strains map[string]strain) {
	strains = w.strains()
	season := 1 + 0.02*math.Sin(2*math.Pi*float64(w.tick)/720)
	rates = map[string]float64{Web: baseRate * season * w.demand()}
	next := make(map[string]flow, len(nodes))
	for _, n := range nodes {
		s := strains[n.name]
		latency, served := n.own+s.latency, 1-clamp(baseErrors+s.errors, 0, 1)
		for _, c := range n.calls {
			callee := w.truth[c.to]
			latency += c.latency * callee.latency
			served *= 1 - c.errors*callee.errors
			// A request that failed before its calls makes none.
			rates[c.to] += rates[n.name] * c.fanout * (1 - s.errors)
		}
		next[n.name] = flow{latency: latency, errors: 1 - served}
	}
	w.truth = next
	return rates, strains
}

// observe is what monitoring sees of a service: its true state and some noise.
func (w *World) observe(n node, rate float64, s strain) Sample {
	d := w.drift[n.name]
	for i := range d { // autocorrelated, with unit variance
		d[i] = 0.5*d[i] + math.Sqrt(0.75)*clamp(w.noise.NormFloat64(), -3, 3)
	}
	t := w.truth[n.name]
	load := rate / normalRates[n.name]
	out := Sample{
		At:  w.at(w.tick),
		CPU: clamp((n.cpu*(0.7+0.3*load)+s.cpu)*(1+0.025*d[0]), 0, 99.5),
	}
	switch n.kind {
	case KindECS:
		out.Rate = rate * (1 + 0.02*d[1])
		out.Latency = t.latency * (1 + 0.025*d[2])
		out.Errors = clamp(t.errors+baseErrors*0.3*d[3]+t.errors*0.05*d[3], 0, 1)
		out.Memory = clamp(n.memory+s.memory+0.4*d[4], 0, 99)
	case KindDatabase:
		out.Latency = t.latency * (1 + 0.025*d[2])
		out.Connections = math.Round(clamp(w.wanted()*(1+0.02*d[5]), 0, float64(w.limit)))
	case KindCache:
		out.Connections = math.Round(cacheClients * (1 + 0.02*d[5]))
	}
	return out
}

// normalRates is the traffic of each service when nothing is wrong.
var normalRates = func() map[string]float64 {
	rates := map[string]float64{Web: baseRate}
	for _, n := range nodes {
		for _, c := range n.calls {
			rates[c.to] += rates[n.name] * c.fanout
		}
	}
	return rates
}()

func clampInt(x, lo, hi int64) int64 { return max(lo, min(hi, x)) }
