// Package catalogue reads the file that says which actions there are, and
// makes the exact steps of one for a target.
//
// Nothing is ever done that is not in the file: agents, models included,
// choose an entry and a target, and everything else (what is called, with
// which arguments, how it is taken back) follows from the file and from what
// the target looks like at that moment. default.yaml is the catalogue that
// comes with Vigil and explains every field.
//
// A file is read strictly. A field that there is not, a name that is there
// twice, an expression that cannot be understood, a schema that does not
// compile, a literal argument that its schema forbids: each is a line of one
// error, with file, line and what would be right. What can only be known of a
// target (a field that its state lacks, an argument that comes out too large)
// is an error of kind invalid from Plan or Holds, and nothing is done then.
//
// Expressions are CEL (package expr): bounded in cost, without input but
//
//	target    name of the target
//	state     the target as its executor observes it now
//	planned   the same as it was when the action was planned (precondition only)
//	env       what the worker's configuration says: cluster, region, account, environment
//
// A Catalogue is immutable but for a bounded cache of what it has compiled,
// and may be used concurrently. Plan and Holds take entries and preconditions
// as they are in an incident's history, which may be older than the file.
package catalogue
