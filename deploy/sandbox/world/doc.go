// Package world is a small world to heal: eight services that call one
// another, their metrics, logs, deployments and audit trail, three faults that
// look alike from outside, and the automation that can cure them.
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
// ticks to drain. A fault is cured only by the remedy of its own cause on its
// own service; any other remedy runs, is recorded, and changes nothing. All
// times are counted in ticks: an alarm is raised within 15 ticks of a fault,
// and telemetry is back within its normal spread 15 ticks after the cure was
// begun. The tests hold the world to both.
//
// # Ownership and concurrency
//
// A World owns all of its data and hands out copies. Every method is safe for
// concurrent use; one mutex serialises them. Time enters only as an argument
// of AdvanceTo: the package never reads a clock and never sleeps.
//
// # Limits
//
// Series, log lines and trail events are rings: the oldest are dropped after
// about six hours of samples, 20,000 lines a log group and 2,000 events. A gap
// in AdvanceTo that is longer than what the rings hold is not filled: the
// world then begins anew at the later time, with its history behind it.
package world
