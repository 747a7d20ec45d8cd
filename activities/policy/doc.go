// Package policy says who has to agree to an action, by rules in a file.
//
// The rules are asked in order and the first that is true decides. Where none
// is, and where one cannot be evaluated, two people have to agree: a mistake in
// a file never makes Vigil freer than the rules that work. A change freeze with
// stop: true stands above the rules. What a policy says is a bound from above
// only: incident.Rule keeps Vigil from acting alone where the mode, the
// diagnosis, the votes or the models do not bear it, whatever is written here.
//
// default.yaml is the policy that comes with Vigil and explains every field. A
// file is read strictly, and all that is wrong with it is said at once, with
// file, line and what would be right; comparing a fact with a word that it can
// never be is wrong too, as such a rule would silently never apply.
//
// Rules are CEL (package expr): bounded in cost, without input but the facts
// of the action and the time that Judge is given. A Policy is immutable and may
// be used concurrently.
package policy
