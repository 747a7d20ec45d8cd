// Package correlate decides which alerts are one incident: by the keys that
// senders give, and beyond them by rules that people can read and write.
//
// What it promises: the same alert and the same scene give the same answer; a
// rule that fails or costs too much is passed over and counted, and the alert
// becomes a problem of its own, so that a bad rule never loses one. Rules are
// CEL expressions (https://cel.dev), checked when they are loaded. Nothing here
// touches the network or the store.
//
// A Rules is safe for concurrent use.
package correlate
