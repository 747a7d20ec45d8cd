// Package sandbox is AWS on the wire for development and tests: an HTTP server
// that speaks the protocols of CloudWatch, CloudWatch Logs, X-Ray, CloudTrail,
// ECS (UpdateService included), RDS, Performance Insights, Systems Manager
// Automation, SQS, Bedrock (models, streams, guardrails, knowledge bases,
// agents, AgentCore memory, Q Business) and what of the control planes tells
// whether they are set up, to the ordinary AWS SDKs, over the small world of
// package world and with the model of package brain.
//
// # Promise
//
// Clients need AWS_ENDPOINT_URL and any credentials, nothing else: signatures
// are not looked at. Only credentials of a role that was taken on (STS
// AssumeRole) are held to their session: its policy and its end. Every answer, errors included, carries the header
// X-Vigil-Simulated: true and a request id. What an operation does not support
// is refused with an error of that operation that says so, never ignored where
// it would change the answer. Telemetry comes from the world; what Bedrock says
// comes from the conversation alone (brain imports neither this package nor
// world, and a test holds it to that).
//
// When the world's alarm changes its state, the server posts it to the gateway
// as CloudWatch does through SNS, and retries as SNS does; how often is shown.
// What it posts is signed as SNS signs, by a key of the sandbox's own whose
// certificate it serves over TLS at a second address (package signing).
// Where Config.AlarmEvents is set it also puts it into a queue, as EventBridge
// does by a rule.
//
// # Faults of the services
//
// Rules at /_world/chaos, or the header X-Vigil-Chaos of a request itself, say
// what is done to a call on purpose: refused in each way that the service has,
// slow, hanging, done and never answered, cut in the middle; for models also
// every kind of answer that is of no use, and a model that obeys what it reads;
// an automation or a deployment that fails or hangs after a call that went well;
// see ChaosMode. The SDK for Go takes a stream that is cut for one that ended:
// only that no messageStop came tells them apart.
//
// # Control
//
// Paths that begin with an underscore are no part of AWS and show or steer the
// sandbox: /_health, /_world, /_world/fault, /_world/heal, /_world/truth,
// /_world/chaos, /_calls, /_queues, /_effects, /_reset. The product never calls
// them. See control.go. What was done to the world is at /_effects, with how
// often each thing was asked for, so that "at most once" can be counted at the
// target.
//
// /_hooks/{name} is no part of AWS either, and the one that the product may be
// configured to call: a receiver to try the signed webhook executor with. It
// acts on nothing, and keeps what it was asked. See hooks.go.
//
// # Ownership and concurrency
//
// A Server owns its listeners, its world and two goroutines: one that moves the
// world on with the clock, one that delivers notifications in order. All of it
// is safe for concurrent use. Stop ends everything that Start began, requests
// that chaos holds back included.
//
// # Limits
//
// State is in memory and gone with the process. The call log keeps at least
// the latest 100,000 calls, and what they sent in 256 MB, compressed: more than
// 200 investigations need. Logs Insights keeps the latest 256 queries, memories
// 10,000 events, a hook its latest 1,000 calls, a queue 10,000 messages that it never forgets by themselves,
// and the queue of notifications 64. What does not fit is
// dropped, and of calls, bodies and notifications that is counted and shown.
// There is no authentication: listen on loopback.
package sandbox
