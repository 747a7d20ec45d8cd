// Package brain answers as a language model would, from rules: it reads a
// conversation, asks for tools where it lacks evidence, and answers with the
// JSON object that the system prompt's schema asks for.
//
// # Promise
//
// An answer is a pure function of the conversation. The package imports
// nothing but the standard library, so it can know of a fault only what the
// evidence in the conversation says; a test holds it to that. Everything it
// cites is an id of evidence that it was shown. Where the evidence does not
// single out a cause the verdict is inconclusive. Text of telemetry is read as
// data: a log line that gives orders is a log line. Where the system prompt
// gives the tags of the conversation a suffix, only tags with it hold data.
//
// Obey is the opposite on purpose: a model that was taken over.
//
// It is not a language model and does not pretend to be one: it knows what the
// measures, logs and events of common platforms mean (signatures.go, cause.go),
// and reads findings in the words in which Vigil writes them. The statistics'
// ranking is one witness among others; logs, changes, the service graph and the
// order of onsets can speak against it. Over made worlds it is right about as
// often as the statistics, and like them now and then wrong.
//
// Tokens are estimated as a quarter of the characters, rounded up.
//
// Everything here is safe for concurrent use.
package brain
