// Package gateway is the process that alert sources, people and browsers talk
// to. It takes alerts, answers questions from the read model, passes people's
// decisions to the workflows, relays events to sockets, and serves the
// dashboards.
//
// # What it promises
//
// A 2xx to an alert means that its bytes are on disk; what cannot be stored is
// 503, never a 4xx that a sender would not repeat, and nothing but the store is
// needed for that: Temporal and the stream may be down. Every request but the
// probes and the static files has a principal, who is never read from a body.
// An alert source that proves itself by a means of its own (package sender) goes
// by its name, and credentials are never kept with what they came with.
// A write repeated with the same Idempotency-Key takes effect once. What is
// not known to have happened is answered 503 and nothing is assumed.
//
// What people set for everything at once (mode, dry run, kill switch) and who
// may do what is written to buckets that the workers read before each effect.
// Every change there is a compare-and-set, so none undoes a kill that it has not
// seen; a kill is confirmed only once it is stored, and needs NATS alone.
//
// # How it is put together
//
// New wires the parts, Start starts them in order, Stop ends them in the
// reverse order. The routes, who may use them and their documentation are one
// table (routes.go) from which both the server and the OpenAPI document are
// made. Kinds of errors become HTTP statuses in one file (errors.go). The
// workflows are reached through Engine and known by their names alone; this
// package imports neither activities nor workflows.
//
// # Ownership
//
// A Gateway owns its listener, its store and the goroutines that it starts;
// what Deps hands in stays the caller's. Handlers hold no state between
// requests. Several gateways may run on the same stream and Temporal
// namespace: what each concludes about an aborted workflow goes through the
// stream, so that all of them show the same. Gateways with the same token file
// do not fight over the bucket of principals: each writes what differs, when its
// file has changed.
package gateway
