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

// execute keeps an execution as it stands now.
func (v *View) execute(x incident.Execution) {
	v.Execution = &x
	i := slices.IndexFunc(v.Executions, func(have incident.Execution) bool {
		return have.ActionHash == x.ActionHash && have.Step == x.Step && have.Undo == x.Undo
	})
	if v.Executions = slices.Clone(v.Executions); i >= 0 {
		v.Executions[i] = x
	} else {
		v.Executions = append(v.Executions, x)
	}
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
	if d.Version <= v.ReviewVer {
		return
	}
	v.Review, v.ReviewLines, v.ReviewVer = reviewText(d.Lines), d.Lines, d.Version
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
	if before.ReviewVer > v.ReviewVer {
		v.Review, v.ReviewLines, v.ReviewVer = before.Review, before.ReviewLines, before.ReviewVer
	}
}
