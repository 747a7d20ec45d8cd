// Package lab has no code of its own: its tests run incidents in Temporal's
// test environment, where hours pass in milliseconds, with the product's own
// adapters speaking over HTTP to the sandbox. Only the workflow engine, the
// event stream and the clock are stand-ins. It is where one incident for each
// way in which a model, a guardrail or an attacker may misbehave is affordable.
package lab
