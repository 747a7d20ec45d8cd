// Package slack tells a Slack channel of incidents, with one message for each.
//
// The first notification of an incident posts its message; every later one
// updates that message in place, so that a channel shows how each incident
// stands and not how it got there. An update rings no bell, so what people
// must notice is also said in the message's thread: who is told next
// (escalated), a proposal and its reminder, a handover, an action that could
// not be taken back, and the end. A proposal that waits has buttons, on the
// message alone: there is one place to click, and it is gone with the proposal.
// A click comes back to the gateway, with the id of the proposal and the hash
// of the exact action, and decides nothing by itself.
//
// Slack has no key by which a repeated post is dropped. Each post carries the
// notification's key as metadata; after an attempt that may have arrived the
// channel, or the thread, is read for that key before anything is posted
// again. Where it cannot be read, a notification that pages is said again, and
// any other is reported as doubtful.
//
// A Channel keeps no state and is safe for concurrent use. The token is read
// from its file for each message.
package slack
