// Package harness runs Vigil for end-to-end tests: the real binaries, as one
// process or as five, on free ports, with their state in a directory of the
// test. Nothing is simulated but AWS, and nothing is waited for by sleeping:
// readiness is asked of each part over its own protocol.
//
// Binaries come from the directory in VIGIL_BIN; where that is not set they
// are built into .vigil/bin of the repository, which takes minutes the first
// time. The package links no server, so tests that use it can run with -race.
//
// A Vigil belongs to one test. Its methods may be called from any goroutine of
// that test, but those that start and kill a part one at a time for each part.
// When the test ends everything is stopped; when it failed, the last lines of
// every log are in its output. A data race that a binary built with -race
// reports fails the test.
package harness
