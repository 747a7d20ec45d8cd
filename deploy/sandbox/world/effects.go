package world

import "math"

// faultSpec is how one fault goes.
type faultSpec struct {
	home   [2]string                                                    // where it sits in the shop: service, and the other end where there is one
	place  func(w *World) (service, callee string)                      // where it sits in a made world
	delay  float64                                                      // ticks before its first effect
	lasts  float64                                                      // ticks after which it ends by itself; 0: never
	mends  int64                                                        // ticks after which somebody else has ended it while it was held back; 0: nobody does
	begin  func(w *World, a *ailment)                                   // what it comes of
	step   func(w *World, a *ailment, age float64)                      // how it goes on; nil: heat rises over the ramp
	strain func(w *World, a *ailment, s *strains)                       // what it does
	talk   func(w *World, a *ailment)                                   // what is logged of it, further up the graph apart
	end    func(w *World, a *ailment)                                   // what a person does to end it
	load   func(a *ailment, l *loads, add func(s, x int, load float64)) // what it does to its database, see load.go
}

// felt is the latency that a strain on service must add for the watched
// service to see the fault in full.
func (w *World) felt(a *ailment, service string) float64 {
	return a.size * w.topo.threshold / math.Max(w.topo.reach[service], 0.3)
}

var faultSpecs map[Fault]faultSpec

// init and not the declaration, because what a fault does leads back to the
// table.
func init() {
	faultSpecs = map[Fault]faultSpec{
		FaultBadDeployment: {
			home: [2]string{Checkout}, place: ownCode,
			delay: 2, // new tasks take so long to start; then traffic shifts
			begin: func(w *World, a *ailment) {
				a.code = w.deploy(a.service, badSummaries[a.tone%len(badSummaries)]).Code
			},
			strain: func(w *World, a *ailment, s *strains) {
				t := s.on(a.service)
				t.plus[gLatency] += w.felt(a, a.service) * a.heat
				t.plus[gErrors] += (0.07 + 0.03*a.size) * a.heat
				t.plus[gCPU] += 8 * a.size * a.heat
			},
			talk: func(w *World, a *ailment) { w.say(a.service, 2.2*a.heat, sayBug(w, a)) },
			end:  func(w *World, a *ailment) { w.rollback(a.service, onCall) },
		},
		FaultConnectionsExhausted: {
			home: [2]string{OrdersDB}, place: busiestDatabase,
			step:   stepConnections,
			strain: strainConnections,
			talk:   talkConnections,
			load: func(a *ailment, l *loads, add func(s, x int, load float64)) {
				for i := range l.statements {
					add(i, waitClientRead, 0.5*a.backlog)
					add(i, waitTransaction, 0.25*a.backlog)
				}
			},
			end: func(w *World, a *ailment) {
				w.auditPerson("RebootDBInstance", a.service, map[string]any{"dBInstanceIdentifier": a.service})
			},
		},
		FaultMemoryLeak: {
			home: [2]string{Payments}, place: ownCode,
			step: stepLeak,
			strain: func(w *World, a *ailment, s *strains) {
				full := collecting(w.topo.byName[a.service].memory + a.memory)
				t := s.on(a.service)
				t.plus[gLatency] += 1.1 * w.felt(a, a.service) * full
				t.plus[gErrors] += 0.09 * full
				t.plus[gCPU] += 50 * full
				t.plus[gMemory] += a.memory
			},
			talk: talkLeak,
		},
		FaultCPUSaturation: {
			home: [2]string{Orders}, place: ownCode,
			strain: func(w *World, a *ailment, s *strains) {
				t := s.on(a.service)
				t.plus[gCPU] += (97.5 - w.topo.byName[a.service].cpu) * math.Sqrt(a.heat)
				t.plus[gLatency] += w.felt(a, a.service) * a.heat
				t.plus[gErrors] += 0.02 * a.size * a.heat
			},
			talk: func(w *World, a *ailment) {
				w.say(a.service, 1.1*a.heat, pick(busyPhrases, a.tone))
				w.say(a.service, 0.6*a.heat, pick(busyPhrases, a.tone+1))
			},
		},
		FaultTrafficSurge: {
			home: [2]string{Web}, place: func(w *World) (string, string) { return w.topo.entry, "" },
			mends: 240,
			step: func(_ *World, a *ailment, age float64) {
				a.heat = a.follow(clamp(age/a.ramp, 0, 1), a.heat)
				a.backlog += 0.5 * (a.heat - a.backlog) // queues fill after the requests are there
			},
			strain: strainSurge,
			talk: func(w *World, a *ailment) {
				w.say(a.service, 0.9*a.backlog, pick(sheddingPhrases, a.tone))
				for _, s := range w.topo.path() {
					w.say(s, 0.4*a.backlog, pick(queuedPhrases, a.tone))
				}
			},
			load: func(a *ailment, l *loads, add func(s, x int, load float64)) {
				for i := range l.statements {
					add(i, waitCPU, 0.25*a.backlog*surgeOf(a))
				}
			},
		},
		FaultStorageFull: {
			home: [2]string{OrdersDB}, place: busiestDatabase,
			step: stepStorage, strain: strainStorage, talk: talkStorage,
			load: func(a *ailment, l *loads, add func(s, x int, load float64)) {
				for i, st := range l.statements {
					if st.writes {
						add(i, waitWALWrite, 0.9*a.heat)
						add(i, waitFileExtend, 0.7*a.heat)
					}
				}
			},
			end: func(w *World, a *ailment) {
				w.auditPerson("ModifyDBInstance", a.service, map[string]any{"dBInstanceIdentifier": a.service, "allocatedStorage": 200, "applyImmediately": true})
				w.report(a.service, "configuration change", "Finished applying modification to allocated storage")
			},
		},
		FaultExpensiveQuery: {
			home: [2]string{OrdersDB}, place: busiestDatabase,
			strain: func(w *World, a *ailment, s *strains) {
				t := s.on(a.service)
				t.plus[gCPU] += (96.5 - w.topo.byName[a.service].cpu) * math.Sqrt(a.heat)
				t.plus[gLatency] += w.felt(a, a.service) * a.heat
				t.plus[gErrors] += 0.03 * a.size * a.heat
				t.times[gReadIOPS] += (1 + 0.6*a.size) * a.heat
				t.times[gReadLatency] += 0.9 * a.heat
				t.times[gDiskQueue] += 2.5 * a.heat
				t.times[gNetworkOut] += 0.4 * a.heat
				t.times[gConnections] += 0.3 * a.heat
				t.times[gFreeMemory] -= 0.12 * a.heat
			},
			talk: talkExpensive,
			load: func(a *ailment, l *loads, add func(s, x int, load float64)) {
				add(l.costly, waitCPU, (3+1.6*a.size)*a.heat)
				add(l.costly, waitFileRead, (0.8+0.4*a.size)*a.heat)
				for i := range l.statements {
					add(i, waitCPU, 0.3*a.heat) // the others wait for the CPU, too
				}
			},
			end: func(w *World, a *ailment) {
				w.write(a.service, w.at(w.tick), sayTerminated(w.chat, w.at(w.tick), ""))
			},
		},
		FaultCacheFailure: {
			home: [2]string{CatalogCache, OrdersDB}, place: cacheAndDatabase,
			strain: strainCache, talk: talkCache,
			load: func(a *ailment, l *loads, add func(s, x int, load float64)) {
				for i, st := range l.statements {
					if st.cached {
						add(i, waitCPU, (1.2+0.7*a.size)*a.heat)
						add(i, waitFileRead, (0.6+0.4*a.size)*a.heat)
						continue
					}
					add(i, waitCPU, 0.2*a.heat)
				}
			},
		},
		FaultDependencyFailure: {
			home: [2]string{PaymentsProvider}, place: onlyOf(KindExternal),
			mends: 120,
			step:  stepDependency, strain: strainDependency,
			talk: func(w *World, a *ailment) {
				for _, c := range w.topo.callers(a.service) {
					w.say(c.name, 1.3*a.heat, pickFor(providerPhrases, a.tone, a.service))
					w.say(c.name, 0.6*a.heat, pickFor(providerPhrases, a.tone+1, a.service))
				}
			},
		},
		FaultThrottled: {
			home: [2]string{Carts}, place: onlyOf(KindTable),
			strain: func(w *World, a *ailment, s *strains) {
				s.on(a.service).plus[gThrottles] += (10 + 8*a.size) * a.heat
				for _, c := range w.topo.callers(a.service) {
					// What was refused is tried again, with pauses.
					s.along(c.name, a.service, way{latency: w.felt(a, a.service) * a.heat, errors: (0.05 + 0.02*a.size) * a.heat})
				}
			},
			talk: func(w *World, a *ailment) {
				for _, c := range w.topo.callers(a.service) {
					w.say(c.name, 1.4*a.heat, pickFor(throttlePhrases, a.tone, a.service))
					w.say(c.name, 0.5*a.heat, pickFor(throttlePhrases, a.tone+1, a.service))
				}
			},
		},
		FaultBadConfiguration: {
			home: [2]string{Orders}, place: ownCode,
			delay: 1, // the setting is read again from time to time
			begin: func(w *World, a *ailment) {
				a.setting = settings[a.tone%len(settings)]
				w.configure(a.service, a.setting, a.setting.bad, "platform-admin")
			},
			strain: func(w *World, a *ailment, s *strains) {
				t := s.on(a.service)
				t.plus[gErrors] += (0.08 + 0.04*a.size) * a.heat
				t.plus[gLatency] += w.felt(a, a.service) * a.heat
				t.plus[gCPU] += 3 * a.heat
			},
			talk: func(w *World, a *ailment) {
				w.say(a.service, 1.6*a.heat, saySetting(a.setting, a.tone))
				w.say(a.service, 0.5*a.heat, saySetting(a.setting, a.tone+1))
			},
			end: func(w *World, a *ailment) { w.configure(a.service, a.setting, a.setting.good, onCall) },
		},
		FaultNetworkFailure: {
			home: [2]string{Checkout, Payments}, place: twoServices,
			mends: 120,
			strain: func(w *World, a *ailment, s *strains) {
				share := 1.0
				for _, c := range w.topo.byName[a.service].calls {
					if c.to == a.callee {
						share = math.Max(c.latency, 0.3)
					}
				}
				s.along(a.service, a.callee, way{latency: w.felt(a, a.service) / share * a.heat,
					errors: (0.12 + 0.06*a.size) * a.heat, traffic: -(0.3 + 0.08*a.size) * a.heat})
			},
			talk: func(w *World, a *ailment) {
				w.say(a.service, 1.5*a.heat, pickFor(networkPhrases, a.tone, a.callee))
				w.say(a.service, 0.6*a.heat, pickFor(networkPhrases, a.tone+1, a.callee))
			},
		},

		FalseAlarmDeployment: {
			home: [2]string{Checkout}, place: func(w *World) (string, string) { return w.topo.watched, "" },
			lasts: 6,
			begin: func(w *World, a *ailment) { w.deploy(a.service, w.routineSummary()) },
			step:  stepBlip(2),
			strain: func(w *World, a *ailment, s *strains) {
				t := s.on(a.service)
				t.plus[gLatency] += 1.1 * w.topo.threshold * a.heat
				t.plus[gCPU] += 22 * a.heat
			},
			talk: func(w *World, a *ailment) { w.say(a.service, 0.5*a.heat, pick(warmUpPhrases, a.tone)) },
		},
		FalseAlarmBatch: {
			home: [2]string{OrdersDB}, place: busiestDatabase,
			lasts: 60,
			begin: func(w *World, a *ailment) { w.alarms = append(w.alarms, newCPUAlarm(a.service, w.at(w.tick))) },
			strain: func(w *World, a *ailment, s *strains) {
				t := s.on(a.service)
				t.plus[gCPU] += (86 - w.topo.byName[a.service].cpu) * a.heat
				t.times[gReadIOPS] += 0.8 * a.heat
				t.times[gNetworkOut] += 0.2 * a.heat
			},
			load: func(a *ailment, l *loads, add func(s, x int, load float64)) {
				add(l.batch, waitCPU, 1.1*a.heat)
				add(l.batch, waitFileRead, 0.3*a.heat)
			},
			talk: func(w *World, a *ailment) { w.say(a.service, 0.15*a.heat, sayAutovacuum) },
		},
		FalseAlarmSpike: {
			home: [2]string{Web}, place: func(w *World) (string, string) { return w.topo.entry, "" },
			lasts: 4,
			step:  stepBlip(0),
			strain: func(w *World, a *ailment, s *strains) {
				s.on(w.topo.watched).plus[gLatency] += 0.95 * w.topo.threshold * a.heat
				for _, p := range w.topo.path() {
					s.on(p).times[gCPU] += 0.15 * a.heat
				}
			},
		},
	}
}

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
