package workflows

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// Sections of a review, in order.
const (
	sectionSummary  = "Summary"
	sectionTimeline = "Timeline"
	sectionCause    = "Cause"
	sectionActions  = "Actions"
	sectionPeople   = "People"
	sectionCost     = "Cost"
)

// maxReviewLines bounds the timeline of a review.
const maxReviewLines = 120

// review writes down what happened, from the events of this run alone: every
// line cites those that it rests on. People edit it later.
func (w *run) review(ctx workflow.Context, end ending) {
	w.begin(ctx, incident.PhaseReview)
	lines := reviewLines(w.log, w.view, end, workflow.Now(ctx))
	var text strings.Builder
	for _, l := range lines {
		text.WriteString(l.Text + "\n")
	}
	w.emit(ctx, &event.ReviewWritten{Text: strings.TrimSpace(text.String()), Lines: lines}, w.provenance())
	w.end(ctx, incident.PhaseReview, incident.PhaseCompleted, "")
}

// reviewer collects the lines of a review.
type reviewer struct {
	timeline, cause, actions, people []incident.ReviewLine
	opened                           string // event that the summary rests on
	calls                            []string
}

func reviewLines(log []event.Event, v event.View, end ending, now time.Time) []incident.ReviewLine {
	r := &reviewer{}
	for _, e := range log {
		if data, err := e.Decode(); err == nil { // which it was made from
			r.take(e, data)
		}
	}
	last := log[len(log)-1].ID
	lines := []incident.ReviewLine{{Section: sectionSummary, Cites: cites(r.opened, last),
		Text: fmt.Sprintf("%s on %s, %s. Open for %s; ended as %s: %s.", v.Title, v.Service, v.Severity, now.Sub(v.OpenedAt).Round(time.Second), end.outcome, end.reason)}}
	if len(r.timeline) > maxReviewLines {
		kept := maxReviewLines / 2
		left := r.timeline[kept : len(r.timeline)-kept]
		gap := incident.ReviewLine{Section: sectionTimeline, Cites: cites(left[0].Cites[0], left[len(left)-1].Cites[0]),
			Text: fmt.Sprintf("%d more, see the timeline.", len(left))}
		r.timeline = append(append(append([]incident.ReviewLine{}, r.timeline[:kept]...), gap), r.timeline[len(r.timeline)-kept:]...)
	}
	lines = append(lines, r.timeline...)
	lines = append(lines, r.cause...)
	lines = append(lines, r.actions...)
	lines = append(lines, r.people...)
	if n := len(r.calls); n > 0 {
		lines = append(lines, incident.ReviewLine{Section: sectionCost, Cites: cites(r.calls[0], r.calls[n-1]),
			Text: fmt.Sprintf("%d model calls, %d repeated, %d without a known price; $%.4f.", v.Cost.ModelCalls, v.Cost.Repeated, v.Cost.UnknownPriced, float64(v.Cost.CostMicros)/1e6)})
	}
	return lines
}

// cites lists event ids, each once.
func cites(ids ...string) []string {
	var out []string
	for _, id := range ids {
		if id != "" && !has(out, id) {
			out = append(out, id)
		}
	}
	return out
}

func (r *reviewer) take(e event.Event, data event.Data) {
	at := func(section *[]incident.ReviewLine, name, format string, args ...any) {
		*section = append(*section, incident.ReviewLine{Section: name, Text: clip(e.At.Format("15:04:05")+" "+fmt.Sprintf(format, args...), 1000), Cites: []string{e.ID}})
	}
	timeline := func(format string, args ...any) { at(&r.timeline, sectionTimeline, format, args...) }
	switch d := data.(type) {
	case *event.IncidentOpened:
		r.opened = e.ID
		timeline("The incident opened: %s.", d.Title)
	case *event.IncidentContinued:
		r.opened = e.ID
		timeline("The incident went on in this run; what came before is in run %s.", d.FromRunID)
	case *event.IncidentSeverityChanged:
		timeline("Severity %s, before %s, by %s. %s", d.To, d.From, d.By, d.Reason)
	case *event.IncidentStatusChanged:
		timeline("Status %s. %s", strings.ReplaceAll(string(d.Status), "_", " "), d.Reason)
	case *event.IncidentEscalated:
		timeline("Escalated to %s: %s.", d.To, d.Reason)
	case *event.IncidentAcknowledged:
		at(&r.people, sectionPeople, "%s acknowledged it.", d.By)
	case *event.IncidentNoted:
		at(&r.people, sectionPeople, "%s: %s", d.By, d.Text)
	case *event.IncidentDegraded:
		timeline("%s", map[bool]string{true: "Models could not be had: " + d.Reason, false: "Models answered again."}[d.Degraded])
	case *event.DiagnosisConcluded:
		at(&r.cause, sectionCause, "%s (%s, by %s, confidence %.2f)", d.Diagnosis.Summary, d.Diagnosis.Cause, d.Diagnosis.Method, d.Diagnosis.Confidence)
	case *event.DecisionMade:
		at(&r.actions, sectionActions, "Decided: %s (score %.2f, %d options, %d excluded, %d of another opinion).", d.Decision.Rationale,
			d.Decision.Score, len(d.Decision.Options), len(d.Decision.Excluded), len(d.Decision.Minority))
	case *event.OptionProposed:
		at(&r.people, sectionPeople, "%s put %s forward: %s", d.By, d.OptionID, d.Reason)
	case *event.PolicyRuled:
		at(&r.actions, sectionActions, "Policy: %s (%s).", strings.ReplaceAll(string(d.Ruling.Autonomy), "_", " "), because(d.Ruling))
	case *event.ApprovalRequested:
		at(&r.actions, sectionActions, "Proposed to %s: %s on %s.", d.Proposal.AskedOf, d.Proposal.Title, d.Proposal.Action.Target)
	case *event.ApprovalGiven:
		at(&r.people, sectionPeople, "%s agreed, %d of %d. %s", d.By, d.Have, d.Need, d.Comment)
	case *event.ApprovalDecided:
		at(&r.people, sectionPeople, "%s by %s. %s", d.State, d.By, d.Comment)
	case *event.ApprovalExpired:
		timeline("Nobody decided on the proposal in time.")
	case *event.ApprovalVoided:
		timeline("The proposal was withdrawn: %s.", d.Reason)
	case *event.ActionStarted:
		at(&r.actions, sectionActions, "Began %s.", d.Effect)
	case *event.ActionFinished:
		what := "Step"
		if d.Execution.Undo {
			what = "Undoing step"
		}
		at(&r.actions, sectionActions, "%s %d %s. %s", what, d.Execution.Step, d.Execution.State, d.Execution.Detail)
	case *event.RemediationChanged:
		if d.Remediation.State.Ended() {
			at(&r.actions, sectionActions, "%s on %s: %s. %s", d.Remediation.Name, d.Remediation.Target, strings.ReplaceAll(string(d.Remediation.State), "_", " "), d.Remediation.Detail)
		}
	case *event.NotificationSent:
		if d.Delivery.State != incident.DeliverySuppressed {
			who := cmp.Or(d.Delivery.Team, "everybody who was told before")
			at(&r.people, sectionPeople, "%s told (%s, %s): %s. %s", who, d.Delivery.Channel, strings.ReplaceAll(string(d.Delivery.Kind), "_", " "), d.Delivery.State, d.Delivery.Detail)
		}
	case *event.ErrorRaised:
		timeline("Went wrong: %s %s", d.Message, d.Recovery)
	case *event.ModelCalled:
		r.calls = append(r.calls, e.ID)
	}
}
