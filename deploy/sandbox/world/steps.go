package world

import "math"

// How faults go on and what they do, where that is more than a line.

// stepDependency: what is somebody else's stays ill while its callers no longer
// depend on it.
func stepDependency(_ *World, a *ailment, age float64) {
	full := clamp(age/a.ramp, 0, 1)
	a.before = reach{a.ill, a.heat}
	a.heat = a.follow(full, a.heat)
	switch {
	case a.cured == 0 || len(a.holds) > 0:
		a.ill = full
	default:
		a.ill *= drain
	}
}

// strainDependency makes it slow and unreliable, and takes that away again from
// the callers that are held away from it: symptoms reach them one tick later.
func strainDependency(w *World, a *ailment, s *strains) {
	latency, errors := w.felt(a, a.service), 0.1+0.05*a.size
	t := s.on(a.service)
	t.plus[gLatency] += latency * a.ill
	t.plus[gErrors] += errors * a.ill
	hidden := a.before.ill - a.before.heat
	if hidden <= 0 {
		return
	}
	for _, c := range w.topo.callers(a.service) {
		s.along(c.name, a.service, way{latency: -latency * hidden, errors: -errors * hidden, traffic: -0.9 * hidden})
	}
}

// stepBlip is full heat after delay ticks, until the false alarm ends.
func stepBlip(delay float64) func(*World, *ailment, float64) {
	return func(_ *World, a *ailment, age float64) {
		full := 0.0
		if age >= delay {
			full = 1
		}
		a.heat = a.follow(full, a.heat)
	}
}

func surgeOf(a *ailment) float64 { return 0.5 + 0.35*a.size }

// stepConnections: requests that wait hold what they have. The surge alone
// would not fill the pool; holding on while trying again does, whatever its
// size.
func stepConnections(w *World, a *ailment, age float64) {
	if a.cured == 0 {
		a.hold = overcommit*float64(w.limits[a.service])/w.topo.byName[a.service].base[gConnections]/(1+surge) - 1
	}
	a.heat = a.follow(clamp(age/a.ramp, 0, 1), a.heat)
	limit := float64(w.limits[a.service])
	short := clamp((w.wanted(a.service)-0.9*limit)/(0.3*limit), 0, 1)
	if short > a.backlog {
		a.backlog = short
	} else {
		a.backlog = short + (a.backlog-short)*drain
	}
}

func strainConnections(w *World, a *ailment, s *strains) {
	t := s.on(a.service)
	t.plus[gLatency] += 2 * a.backlog
	t.times[gReadLatency] += 0.8 * a.backlog
	t.plus[gCPU] += 20 * a.heat
	var reach float64
	for _, c := range w.topo.callers(a.service) {
		reach += w.topo.reach[c.name]
	}
	for _, c := range w.topo.callers(a.service) {
		if w.topo.reach[c.name] == 0 {
			continue
		}
		u := s.on(c.name)
		u.plus[gLatency] += a.size * w.topo.threshold / math.Max(reach, 0.3) * a.backlog
		u.plus[gErrors] += 0.1 * a.backlog
	}
}

func stepLeak(w *World, a *ailment, _ float64) {
	switch normal := w.topo.byName[a.service].memory; {
	case a.cured != 0:
		a.memory *= drain
	case normal+a.memory >= killAbove-0.5:
		a.memory -= killReleases
		w.logKill(a.service)
	default:
		a.memory = math.Min(a.memory+leakPerTick*rampTicks/math.Min(a.ramp, rampTicks), killAbove-normal)
	}
}

// collecting is how much of its time a service with memory percent in use
// spends on collecting garbage, 0–1: little until it is nearly full.
func collecting(memory float64) float64 {
	x := clamp((memory-gcFrom)/(killAbove-gcFrom), 0, 1)
	return x * x
}

// strainSurge slows down everything that has more to do than it has room for,
// in proportion to the work of its own.
func strainSurge(w *World, a *ailment, s *strains) {
	var work float64
	for _, n := range w.topo.nodes {
		if n.kind == KindECS {
			work += w.topo.reach[n.name] * n.own
		}
	}
	slower := a.size * w.topo.threshold / work * a.backlog
	for _, n := range w.topo.nodes {
		t := s.on(n.name)
		switch n.kind {
		case KindECS:
			t.plus[gLatency] += n.own * slower
			t.plus[gErrors] += 0.012 * a.backlog
			t.times[gCPU] += 0.32 * surgeOf(a) * a.heat
		case KindDatabase:
			t.times[gCPU] += 0.2 * surgeOf(a) * a.heat
			t.times[gConnections] += 0.22 * surgeOf(a) * a.heat
		}
	}
	s.on(a.service).plus[gErrors] += 0.02 * a.backlog // what is turned away at the door
}

// stepStorage fills the disk, and then no write succeeds any more.
func stepStorage(w *World, a *ailment, age float64) {
	before := a.backlog
	a.backlog = a.follow(clamp(age/a.ramp, 0, 1), a.backlog)
	a.heat = a.follow(clamp((age-0.7*a.ramp)/3, 0, 1), a.heat)
	if a.cured != 0 {
		return
	}
	if before < 0.6 && a.backlog >= 0.6 {
		w.report(a.service, "low storage", lowStorage(w, a, a.backlog))
	}
	if before < 1 && a.backlog >= 1 {
		w.report(a.service, "low storage", "Allocated storage has been exhausted. Allocate additional storage to resolve.")
	}
}

func strainStorage(w *World, a *ailment, s *strains) {
	t := s.on(a.service)
	t.times[gFreeStorage] -= 0.9995 * a.backlog
	t.times[gWriteIOPS] += 1.2*a.backlog*(1-a.heat) - 0.7*a.heat
	t.times[gTransactionLogs] += 1.5*a.backlog*(1-a.heat) - 0.8*a.heat
	t.times[gWriteLatency] += 4 * a.heat
	t.times[gDiskQueue] += 3 * a.heat
	t.times[gCPU] -= 0.15 * a.heat
	t.plus[gLatency] += w.felt(a, a.service) * a.heat
	t.plus[gErrors] += (0.2 + 0.1*a.size) * a.heat
}

func strainCache(w *World, a *ailment, s *strains) {
	missing := clamp(0.45+0.12*a.size, 0, 0.86) * a.heat
	t := s.on(a.service)
	t.plus[gHitRate] -= missing
	t.plus[gCPU] += 4 * a.heat
	for _, c := range w.topo.callers(a.service) {
		s.on(c.name).plus[gLatency] += 12 * a.heat
		s.on(c.name).plus[gCPU] += 6 * a.heat
		if w.topo.calls(c.name, a.callee) {
			s.along(c.name, a.callee, way{traffic: missing / (1 - baseHitRate)})
		}
	}
	d := s.on(a.callee)
	d.plus[gCPU] += (90 - w.topo.byName[a.callee].cpu) * 0.85 * a.heat
	d.plus[gLatency] += w.felt(a, a.callee) * a.heat
	d.times[gReadIOPS] += (1 + 0.5*a.size) * a.heat
	d.times[gReadLatency] += 0.7 * a.heat
	d.times[gDiskQueue] += 1.5 * a.heat
	d.times[gConnections] += 0.25 * a.heat
	d.times[gNetworkOut] += 0.5 * a.heat
}
