// Package world is a small world to heal: services that call one another, what
// they stand on (a database, a cache, a table, somebody else's service), their
// metrics, logs, deployments, audit trail, platform events and database load,
// faults that look alike from outside, false alarms, and the automation that
// can cure some of them.
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
// ticks to drain. A fault is cured only by a remedy of its own cause on its
// own service; any other remedy runs, is recorded, and changes nothing. What
// World.Truth gives no remedy for takes a person, whose part World.ClearFault
// plays. All times are counted in ticks: in the shop an alarm is raised within
// 15 ticks of a fault, in a made world within 22, and telemetry is back within
// its normal spread 15 ticks after the cure was begun. In a false alarm the
// alarm is raised, no service fails more requests than always, and it goes away
// by itself. The tests hold the world to all of it.
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
// One fault at a time. Series, loads, log lines, trail and platform events are
// rings: the oldest are dropped after about six hours of samples, 20,000 lines
// a log group, 2,000 trail and 500 platform events. A gap in AdvanceTo that is
// longer than what the rings hold is not filled: the world then begins anew at
// the later time, with its history behind it.
package world
