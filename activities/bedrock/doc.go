// Package bedrock asks language models on Amazon Bedrock (Converse) and checks
// text with a Bedrock guardrail (ApplyGuardrail).
//
// One Converse is one HTTP attempt and one paid answer. What it cost is
// computed from the tokens that the answer reports and a dated table of
// prices; of a model that is not in the table the cost is unknown, never zero.
//
// Model and Guardrail are immutable and safe for concurrent use. Whether a
// failed guardrail lets text pass is the caller's decision: here it is an error.
package bedrock
