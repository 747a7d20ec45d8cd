// Package dispatch brings accepted deliveries to incidents: it has the intake
// read what lies in the inbox, and hands each correlation key's alerts, in the
// order in which they were accepted, to the workflow of the key's open
// incident, which it starts where there is none.
//
// What it promises: every accepted delivery ends as quarantined or recorded,
// or each of its dispatches as delivered, as no open problem, or as poisoned
// where a person has to look. Nothing is taken from the inbox before it is
// done, so a crash at any moment repeats an attempt and never loses one;
// workflows know the alerts that they have seen, and a binding in the store
// keeps repetitions and several gateways from opening two incidents. A
// failure that may pass is tried again for ever, with growing pauses; one that
// will not pass is tried a few times and then holds up its key, and only that.
//
// A Dispatcher owns one goroutine that looks for work, when it is woken and at
// least every Config.Every, and up to Config.Workers that deliver, one per key.
// It is safe for concurrent use; Start and Stop are called once each.
package dispatch
