// Package expr evaluates the CEL expressions of the files in which people tell
// Vigil what it may do.
//
// An expression sees its variables and nothing else: it reads no file, no
// clock and no network, and what it may cost is bounded when it runs, so that
// the worst file slows nothing down. Numbers that came through JSON are whole
// where they can be, so that state.desired_count + 1 is what it looks like. A
// Language and an Expression do not change and may be used concurrently.
//
// Besides CEL's standard library there are math.least, math.greatest,
// math.ceil, math.floor and math.round, optional values
// (labels[?"team"].orValue("")) and the string functions of CEL's extensions.
package expr
