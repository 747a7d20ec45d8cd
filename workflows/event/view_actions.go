package event

import (
	"slices"
	"strings"
	"time"

	"vigil/workflows/incident"
)

// ShownDeliveries is how many notifications a view keeps; the events have all.
const ShownDeliveries = 100

// writtenVersion is the version of a review that no person has edited.
const writtenVersion = 1

// DeliveryView is what became of telling somebody, and when.
type DeliveryView struct {
	incident.Delivery
	At time.Time `json:"at"`
}

// approve keeps a person's yes. The same person says it once.
func (v *View) approve(id string, a incident.Approval) {
	if v.Proposal == nil || v.Proposal.ID != id || a.By == "" ||
		slices.ContainsFunc(v.Proposal.Approvals, func(have incident.Approval) bool { return have.By == a.By }) {
		return
	}
	p := *v.Proposal // the event that brought it stays as it was
	p.Approvals = append(slices.Clip(p.Approvals), a)
	v.Proposal = &p
}

// execution keeps how a step of the action, or what takes it back, stands. The
// first one of another action begins the list anew.
func (v *View) execution(x incident.Execution) {
	v.Execution = &x
	if len(v.Executions) > 0 && v.Executions[0].ActionHash != x.ActionHash {
		v.Executions = nil
	}
	i := slices.IndexFunc(v.Executions, func(have incident.Execution) bool { return have.Step == x.Step && have.Undo == x.Undo })
	if i < 0 {
		v.Executions = append(slices.Clip(v.Executions), x)
		return
	}
	v.Executions = slices.Clone(v.Executions)
	v.Executions[i] = x
}

// deliver keeps what became of a notification, in place of what was said of it
// before.
func (v *View) deliver(d DeliveryView) {
	list := slices.DeleteFunc(slices.Clone(v.Deliveries), func(have DeliveryView) bool {
		return have.Key == d.Key && have.Channel == d.Channel
	})
	list = append(list, d)
	v.Deliveries = list[max(0, len(list)-ShownDeliveries):]
}

// edit takes the newest version of the review, whenever and however often the
// others come.
func (v *View) edit(d *ReviewEdited) {
	if d.Version <= v.ReviewVersion {
		return
	}
	v.Review, v.ReviewLines, v.ReviewVersion = reviewText(d.Lines), d.Lines, d.Version
}

func reviewText(lines []incident.ReviewLine) string {
	texts := make([]string, len(lines))
	for i, l := range lines {
		texts[i] = l.Text
	}
	return strings.Join(texts, "\n")
}

// keepUnnumbered keeps what carries no number, of which a workflow does not
// know, when another run goes on.
func (v *View) keepUnnumbered(before View) {
	if before.CauseCorrect != nil {
		v.CauseCorrect, v.ReviewedBy = before.CauseCorrect, before.ReviewedBy
	}
	if before.ReviewVersion > v.ReviewVersion {
		v.Review, v.ReviewLines, v.ReviewVersion = before.Review, before.ReviewLines, before.ReviewVersion
	}
}
