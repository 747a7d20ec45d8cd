// Package incident holds the words that every part of Vigil shares: what an
// incident, an alert, a piece of evidence, a diagnosis, a decision and an
// action are, and the contract by which other processes reach an incident's
// workflow (names, inputs, results).
//
// It imports the standard library only and has no behaviour that touches the
// outside: every function is pure, so workflow code may call all of it.
// Values are plain data, safe to copy; none of them is safe for concurrent
// mutation. Fields are only ever added, never renamed or given a new meaning,
// because histories and stored events outlive the code that wrote them.
package incident
