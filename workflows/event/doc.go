// Package event is the protocol between an incident's workflow, the gateway
// and the browsers: the envelope, the catalogue of event types with their
// data, the frames of the WebSocket, its close codes, and the View that a
// sequence of events adds up to.
//
// The promise: an incident's View is a pure function of its events. The
// workflow derives its own state by View.Apply, the gateway's read model does
// the same, and web/src/store repeats it in TypeScript against the same golden
// files, so the three cannot drift apart.
//
// It imports incident and the standard library. Data structs are the source
// of the JSON Schema and, through it, of web/src/protocol; `task generate`
// makes both, and a test fails while they are stale.
package event

//go:generate go run ./gen
