// Package workflows is how an incident proceeds. IncidentWorkflow reads top
// to bottom as the story of one incident; RemediationWorkflow carries out one
// action that was decided on, under the leases that LeaseWorkflow hands out;
// ReviewWorkflow and PostmortemWorkflow keep what people say when an incident's
// own workflow may be long over.
//
// Everything here is deterministic: time comes from workflow.Now, chance from
// nowhere, and all that touches the outside is an activity, called by its
// registered name. The workflow's state is the View that its own events add
// up to, so what people see and what the workflow decides by are one thing.
//
// Events are numbered here and leave through one activity at a time
// (publisher), in order and only after the history holds what caused them;
// phases never wait for it.
package workflows
