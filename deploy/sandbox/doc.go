// Package sandbox is AWS on the wire for development and tests: an HTTP server
// that speaks the protocols of CloudWatch, CloudWatch Logs, X-Ray, CloudTrail,
// ECS, Systems Manager Automation and Bedrock Runtime to the ordinary AWS SDKs,
// over the small world of package world and with the model of package brain.
//
// # Promise
//
// Clients need AWS_ENDPOINT_URL and any credentials, nothing else: signatures
// are not looked at. Every answer, errors included, carries the header
// X-Vigil-Simulated: true and a request id. What an operation does not support
// is refused with an error of that operation that says so, never ignored where
// it would change the answer. Telemetry comes from the world; what Bedrock says
// comes from the conversation alone (brain imports neither this package nor
// world, and a test holds it to that).
//
// When the world's alarm changes its state, the server posts it to the gateway
// as CloudWatch does through SNS, and retries as SNS does; how often is shown.
//
// # Control
//
// Paths that begin with an underscore are no part of AWS and show or steer the
// sandbox: /_health, /_world, /_world/fault, /_world/chaos, /_calls, /_effects,
// /_reset. The product never calls them. See control.go.
//
// # Ownership and concurrency
//
// A Server owns its listener, its world and two goroutines: one that moves the
// world on with the clock, one that delivers notifications in order. All of it
// is safe for concurrent use. Stop ends everything that Start began, requests
// that chaos holds back included.
//
// # Limits
//
// State is in memory and gone with the process. The call log keeps at least
// the latest 100,000 calls, Logs Insights the latest 256 queries, and the queue of
// notifications 64; what does not fit is dropped, counted and shown. There is
// no authentication: listen on loopback.
package sandbox
