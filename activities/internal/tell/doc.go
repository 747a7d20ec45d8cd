// Package tell is what the router of notifications and the channels that it
// sends to have in common: the message, its receipt, and how a channel that
// speaks HTTP makes a call, so that all of them keep the same promises:
//
//   - One HTTP attempt, no redirects: a token goes to the address that was
//     configured and to nobody else. Retrying is Temporal's business alone.
//   - Every error is an incident.Error with a kind. It names no URL, because a
//     webhook's may be a secret, and none of the secrets that were sent, even
//     where the service repeats them.
//   - An error after which the message may have arrived all the same (no
//     answer, or that of a server that failed) is known as such: Doubtful.
//   - 429 with Retry-After is an activities.NotBeforeError of kind throttled.
//   - Every call is reported to the activities.Recorder once it is over. No
//     activities.Gate is asked: nothing can take the place of telling people,
//     so a channel that fails is tried until its turn is over.
//
// Everything here is immutable and safe for concurrent use.
package tell
