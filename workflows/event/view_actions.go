package event

import (
	"slices"
	"time"

	"vigil/workflows/incident"
)

// approval adds one yes to the proposal.
func (v *View) approval(d *ApprovalGiven, at time.Time) {
	if v.Proposal == nil || v.Proposal.ID != d.ProposalID {
		return
	}
	p := *v.Proposal
	p.Approvals = append(slices.Clip(p.Approvals), incident.Approval{By: d.By, At: at, Comment: d.Comment})
	v.Proposal = &p
}

// execute keeps an execution as it stands now.
func (v *View) execute(x incident.Execution) {
	v.Execution = &x
	i := slices.IndexFunc(v.Executions, func(o incident.Execution) bool {
		return o.ActionHash == x.ActionHash && o.Step == x.Step && o.Undo == x.Undo
	})
	if v.Executions = slices.Clone(v.Executions); i >= 0 {
		v.Executions[i] = x
	} else {
		v.Executions = append(v.Executions, x)
	}
}

// deliver keeps the latest of what became of telling one channel one thing.
func (v *View) deliver(d incident.Delivery) {
	i := slices.IndexFunc(v.Deliveries, func(o incident.Delivery) bool { return o.Key == d.Key && o.Channel == d.Channel })
	if v.Deliveries = slices.Clone(v.Deliveries); i >= 0 {
		v.Deliveries[i] = d
	} else {
		v.Deliveries = append(v.Deliveries, d)
	}
}
