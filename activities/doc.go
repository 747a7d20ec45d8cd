// Package activities is what an incident does to the outside world: the ports
// through which it looks and acts, and one file for each activity that the
// workflow calls.
//
// Ports are small, speak Vigil's words and know no vendor; each technology
// behind one is a sub-package (bedrock, cloudwatch, xray, …) that imports this
// package and never another adapter. Adapters make exactly one attempt and
// return errors that carry an incident.Kind: retrying is Temporal's business
// alone.
//
// Every activity here may run more than once, so each is idempotent, but for
// ExecuteAction, which is given one attempt and says there what guards it.
// Activities hold no state between calls and are safe for concurrent use when
// their ports are.
package activities
