// Package notify tells people: it reads a file of channels, teams, schedules
// and escalation, and routes each notification to the channel that it names,
// in words that suit that kind of channel.
//
// What it promises:
//
//   - A channel is told once for each Notification.Key, as far as can be known.
//     The router remembers, for as long as its process lives, what was told and
//     what may have been; a channel that takes a key of its own (PagerDuty, SNS
//     FIFO, webhooks) is given one, and Slack is asked before something doubtful
//     is said again.
//   - What came from outside (titles, causes, a model's words) is inert: it can
//     mention nobody, link to nothing and break out of no field, and is short.
//   - No channel is told faster than its rate. What would have to wait for long
//     is an activities.NotBeforeError, so that Temporal waits and no worker does.
//   - On every schedule exactly one person is on call at every instant.
//   - What cannot be delivered for good is a Delivery that says so and no error:
//     an incident goes on whether or not somebody could be told.
//
// A Router is safe for concurrent use; it owns its memory and its rates, both
// of this process alone: with n workers a channel may see n times the rate. A
// File never changes. Secrets are in files that the notification file names,
// and are read by the channels at each use.
package notify
