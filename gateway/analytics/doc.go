// Package analytics computes what incidents cost and what was saved: from the
// events of each incident its figures, and from the figures of many the
// business metrics.
//
// It computes and nothing else: it reads no clock, no file and no store, so
// the same events and the same rates always give the same bytes. A Tally is
// folded from an incident's events as they are applied; events that come twice
// change nothing, because each run numbers its events.
//
// Limits: figures are only as good as what was recorded. Where the events do
// not say something, there is no figure, and never a zero in its place.
package analytics
