// Package temporal is the gateway's way to incidents' workflows: it starts
// them, signals them, sends updates and asks for their state.
//
// It implements the small interfaces that the gateway and its parts declare,
// on the Temporal SDK's client. It knows a workflow by its names in
// workflows/incident/contract.go alone, never by a Go symbol.
//
// The connection is made by the first call, so that a gateway starts and takes
// alerts while Temporal is away, and it heals by itself. Every call is bounded
// in time and makes one attempt as its caller sees it; whoever calls decides
// about repeating. Errors carry an incident.Kind: unavailable means that
// nothing may be concluded about what happened.
//
// A Client is safe for concurrent use.
package temporal
