// Package prometheus reads a service's measures, its neighbours and its
// deployments from a Prometheus, or from anything that speaks its HTTP API
// (Mimir, Thanos, VictoriaMetrics, Amazon Managed Service for Prometheus
// behind a signing proxy). A URL is all it needs.
//
// What a service is called and how it is instrumented is discovered for every
// query: which labels carry the service's name, which of the metrics that
// common libraries and exporters write are there, and how often they are
// scraped. A table (rules.go) says how each measure of Vigil is computed from
// them. Of what the table does not know, the metrics that moved most are
// returned under their own names, so that a program with instrumentation of
// its own is still seen.
//
// # Limits
//
//   - Read-only: queries and nothing else.
//   - An answer is read up to 32 MiB and 240 points a series; a look returns at
//     most 16 series beyond the standard measures, 500 edges and 50 services.
//   - Rates are taken over four scrapes, so a change shows up to four scrapes late.
//   - The CPU use of a process without a known limit is in percent of one core,
//     and the unit of the series says so.
//   - A counter that does not exist before its first error hides that error:
//     Prometheus counts increases only between two samples.
//
// A Source is immutable and safe for concurrent use. Cancelling the context
// ends the look at once.
package prometheus
