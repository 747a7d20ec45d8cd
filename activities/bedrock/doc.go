// Package bedrock asks language models on Amazon Bedrock (ConverseStream) and
// checks text with a Bedrock guardrail (ApplyGuardrail).
//
// One Converse is one HTTP attempt and one paid answer. It is always streamed,
// so that people can read along; what counts is the whole answer alone. One
// that broke off, that its model did not finish, or that cannot be acted on is
// an error, which is an activities.PaidError where an answer had begun: it
// cost. Errors say by their kind what helps. Unavailable and throttled: later,
// or another model. Invalid: the answer was whole and of no use, and would be
// the same again; a larger model may do better. Denied: a filter withheld it.
//
// What a call cost is computed from the tokens that the answer reports and a
// dated table of prices; of a model that is not in the table, and of an answer
// that broke off, the cost is unknown, never zero.
//
// Model and Guardrail are immutable and safe for concurrent use. Whether a
// failed guardrail lets text pass is the caller's decision: here it is an error.
package bedrock
