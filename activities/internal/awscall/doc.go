// Package awscall is how every AWS adapter makes a call, so that all of them
// keep the same promises:
//
//   - One HTTP attempt. Retrying is Temporal's business alone; three tries of
//     the SDK under five of Temporal would be fifteen.
//   - Every error is an incident.Error whose kind comes from the exception's
//     type, because HTTP statuses mislead: a quota is 400, a model that is not
//     ready 429 and one that failed 424. The SDK's own error does not leave
//     this package; its text does, redacted and shortened.
//   - Every answer has a provenance: origin (simulated where the server says
//     so by the header X-Vigil-Simulated, live otherwise), request id, latency.
//   - Every call is reported to the activities.Recorder, failed ones included,
//     once it is over; one whose answer is streamed is over with its last piece.
//   - A Recorder that is an activities.Gate too is asked before every call.
//   - The guard of an effect is looked at once more when its connection stands,
//     and a call of an effect that never left is a refusal, see Effect.
//
// A Caller is immutable and safe for concurrent use. Cancelling the context
// ends the call at once.
package awscall
