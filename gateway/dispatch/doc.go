// Package dispatch brings accepted deliveries to incidents: it has the intake
// read what lies in the inbox, asks the store which incident each alert belongs
// to, and hands every incident's workflow what is new, starting it where there
// is none. What people decide on the way (alerts moved between incidents,
// silences that end) it carries out.
//
// What it promises: every accepted delivery ends as quarantined or recorded, or
// each of its dispatches as delivered, repeated, silenced, as no open problem,
// or as poisoned where a person has to look. Nothing is taken from the inbox
// before it is done, so a crash at any moment repeats an attempt and never
// loses one; workflows know the alerts that they have seen, and bindings in the
// store keep repetitions and several gateways from opening two incidents. The
// alerts of a correlation key arrive in the order accepted. A failure that may
// pass is tried again for ever, with growing pauses; one that will not pass is
// tried a few times and then holds up its key, and only that.
//
// Alerts for one incident share signals, which are sent the more slowly the
// more of them it had, so that no workflow comes near the number that Temporal
// allows it; beyond store.DetailedAlerts they are only mentioned.
//
// A Dispatcher owns one goroutine that looks for work, when it is woken and at
// least every Config.Every, and up to Config.Workers that deliver, one per
// incident; what it holds in memory is bounded by claimDispatches and
// claimBytes. It is safe for concurrent use; Start and Stop are called once each.
package dispatch
