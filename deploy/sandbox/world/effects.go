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
