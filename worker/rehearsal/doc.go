// Package rehearsal shows what a catalogue and a policy would do: for each
// action and target whether it fits or why not, the exact calls that would be
// sent and those that would take them back, and who would have to agree.
//
// It takes the way that an incident takes, through activities.PlanOptions,
// Executor.Call, Policy.Judge and incident.Rule, so that what it shows is what
// would happen. It reads targets and sends nothing. Each target is read once
// for each document that acts on it, however many actions there are.
package rehearsal
