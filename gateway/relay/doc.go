// Package relay brings the event stream into the gateway: it follows the
// stream with one ordered consumer, applies every event to the store, and
// then hands what was new to the hub.
//
// The promise: an event reaches the hub only after the store has it, each one
// once, in the order applied; the hub's position never passes an event that
// it was not given. The store's applied offset is the only bookmark. After any
// error the relay starts again from there, so that stopping it at any moment,
// by whatever means, loses and repeats nothing.
//
// Gaps. An event whose predecessors are missing waits until they have been
// asked of its workflow. While the workflow cannot be asked (no worker, no
// Temporal), everything waits: the offset could not be moved past the event
// otherwise, and a cursor must never say more than it holds. When the
// workflow no longer exists, or does not know the events either, they are
// lost. Then each lost number is given an event that says so (see lost), which
// is stored, shown and counted like any other, and the run goes on behind it:
// what still exists is worth more than the purity of the sequence, and the
// hole stays visible for ever.
//
// Set aside. A message that is no event, or that the store refuses as invalid,
// is logged and counted, and skipped. Its bytes stay in the stream.
//
// Epochs. When the stream is made anew, its epoch changes. The relay notices
// within Config.CheckEvery, reads the new stream from its start (what the
// store has already is skipped by seq) and lets the hub give everyone a
// snapshot. A stream that ends before the applied offset has been restored
// from a backup, whatever its metadata says: it is given a new epoch.
//
// Concurrency. A Relay runs one goroutine for each stream and a few helpers;
// Start and Stop are called once each. Several gateways may relay the same
// stream into one shared store.
package relay
