// Package world is a small world to heal: services that call one another, what
// they stand on (a database, a cache, a table, somebody else's service), their
// metrics, logs, deployments, audit trail, platform events and database load,
// faults that look alike from outside, false alarms, and the actions that end
// them.
//
// # Promise
//
// The world is wall-clock time cut into ticks. A tick computes one sample of
// every measure of every service from the state one tick before, so that a
// symptom needs one tick for every call that it travels up the graph. The same
// seed, tick and sequence of commands give the same world; request-like ids
// that outlive a run (automation executions, event ids) are random.
//
// Faults build up over several ticks, and what a cure undoes takes several
// ticks to drain. A fault is cured only by a remedy of its own cause where it
// may be said to be; any other action runs, is recorded, changes what it says,
// and cures nothing. World.Truth names the remedies of each fault and where to
// run them; World.ClearFault plays a person who knows what is wrong. All times
// are counted in ticks: in the shop an alarm is raised within 15 ticks of a
// fault, in a made world within 22, and telemetry is back within its normal
// spread 15 ticks after the cure was begun. In a false alarm the alarm is
// raised, no service fails more requests than always, and it goes away by
// itself. The tests hold the world to all of it.
//
// # Actions
//
// Two ways lead into the world. World.StartAutomation runs a document (see
// Documents): it looks at its target for two ticks, acts, and is done one tick
// later. World.UpdateService names the state that a service of our own is to
// have; the state is changed at once and the tasks follow over several ticks.
// Both leave what they did on the audit trail, in logs, in what describes the
// services and in World.Effects; World.Tallies compares how often the same was
// asked for with how often it took effect.
//
// Most actions make a change that stays and keeps the fault back, and what
// takes that change back lets the fault come again: a bad version that is
// deployed once more is as bad as before, and a provider that still fails is
// felt again without its circuit breaker. Faults that are held back are in
// State.Held until somebody has repaired them, which those outside do by
// themselves in time, ClearFault does at once, and the next fault implies. A
// restart or an emptied cache ends a fault for good. What takes something back
// succeeds where nothing was done, and says so.
//
// A stubborn fault (World.StartStubbornFault) withstands the first right
// remedies: they go well and do nothing, as often as they are run, and the next
// of another kind ends it, also one of the alternatives that would do nothing
// as a first choice. Kinds are documents, whichever way they came: an earlier
// task definition is a rollback. A Fate makes an execution or a deployment fail
// or hang, before or after it has changed anything.
//
// # The shop and made worlds
//
// By default the world is the shop: ten services under names that everybody
// knows, each fault at its place and of its size, and nothing else going on.
// With Config.Varied every seed makes a world of its own: 8 to 14 services under
// other names, another graph, logs of other kinds, other places, sizes and
// onsets of faults, more or less noise, and red herrings: a harmless deployment
// of another service, a job that keeps a CPU busy, a change of how many tasks
// run, an everyday warning that is more frequent.
//
// # Ownership and concurrency
//
// A World owns all of its data and hands out copies. Every method is safe for
// concurrent use; one mutex serialises them. Time enters only as an argument
// of AdvanceTo: the package never reads a clock and never sleeps.
//
// # Limits
//
// One fault at a time. More tasks, CPU or capacity than a service needs change
// none of its measures, and drained traffic is served by a standby that is not
// part of the graph. Executions, effects and tallies are kept until the world
// begins anew. Series, loads, log lines, trail and platform events are
// rings: the oldest are dropped after about six hours of samples, 20,000 lines
// a log group, 2,000 trail and 500 platform events. A gap in AdvanceTo that is
// longer than what the rings hold is not filled: the world then begins anew at
// the later time, with its history behind it.
package world
