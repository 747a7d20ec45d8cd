package workflows

import (
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// learn keeps what the incident taught. Its cause is kept only where the
// telemetry confirmed it after an action against it; a person's word comes
// later, by a review.
func (w *run) learn(ctx workflow.Context, end ending) {
	l := w.lesson(end, workflow.Now(ctx).UTC())
	var kept activities.Learned
	if err := workflow.ExecuteActivity(keepOptions(ctx), activities.LearnIncidentName, l).Get(ctx, &kept); err != nil {
		w.emit(ctx, &event.ErrorRaised{Kind: activities.KindOf(err), Message: clip(err.Error(), 1000), Phase: incident.PhaseReview,
			Recoverable: true, Recovery: "later incidents will not find this one"}, w.provenance())
		return
	}
	if len(kept.Into) > 0 {
		w.emit(ctx, &event.LessonLearned{Lesson: l, Into: kept.Into}, w.learned(kept))
	}
}

func (w *run) learned(k activities.Learned) incident.Provenance {
	if k.Provenance.Service == "" {
		return w.provenance()
	}
	return k.Provenance
}

func (w *run) lesson(end ending, closed time.Time) incident.Lesson {
	v := w.view
	l := incident.Lesson{IncidentID: w.id, RunID: w.runID, Title: v.Title, Service: v.Service, Symptoms: clip(w.symptoms(), 500),
		Outcome: end.outcome, Origin: v.Origin, OpenedAt: v.OpenedAt, ClosedAt: closed}
	d := v.Diagnosis
	if d == nil {
		return l
	}
	l.Summary = clip(d.Summary, 1000)
	var found []string
	for _, e := range v.Evidence {
		if e.Found && e.Strength >= 0.5 && e.Kind != incident.EvidenceRanking && e.Kind != incident.EvidencePastIncident && e.Kind != incident.EvidenceRunbook {
			found = append(found, e.Finding)
		}
	}
	slices.Sort(found)
	l.Symptoms = clip(strings.Join(append([]string{l.Symptoms}, slices.Compact(found)...), ". "), 2000)
	if v.Execution != nil && v.Action != nil {
		l.Action = string(v.Action.Type) + " on " + v.Action.Target
	}
	if end.outcome == incident.OutcomeRemediated {
		l.Cause, l.CauseService, l.ConfirmedBy = d.Cause, d.Service, "verification"
	}
	return l
}
