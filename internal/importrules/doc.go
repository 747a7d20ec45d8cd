// Package importrules holds the tests that keep the design's import rules: who
// may import whom, and why each ban is there. It has no code of its own.
package importrules
