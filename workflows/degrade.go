package workflows

import (
	"errors"
	"hash/fnv"
	"strconv"
	"time"

	"go.temporal.io/sdk/workflow"

	"vigil/activities"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// degrade says that the incident goes on without models, and has them asked
// again until they answer. A person's decision to go on without stands.
func (w *run) degrade(ctx workflow.Context, reason string) {
	if !w.view.Degraded {
		w.emit(ctx, &event.IncidentDegraded{Degraded: true, Reason: clip(reason, 500)}, w.provenance())
	}
	w.lookAgain(ctx)
}

// maxSecondLook is how far apart second looks get.
const maxSecondLook = 15 * time.Minute

// lookAgain asks for a diagnosis again, beside the story, ever more seldom.
// When models answer, what they say takes the place of the statistics' own;
// where it names another cause and nothing was done yet, the incident goes
// back to deciding.
func (w *run) lookAgain(ctx workflow.Context) {
	if w.looking {
		return
	}
	w.looking = true
	workflow.Go(w.storyCtx, func(ctx workflow.Context) {
		wait := ms(w.settings.SecondLookMS)
		for n := 1; ; n++ {
			if workflow.Sleep(ctx, w.jittered(wait, n)) != nil || w.view.Execution != nil || w.noModels {
				return
			}
			wait = min(2*wait, maxSecondLook)
			if w.continued {
				return // the next run looks
			}
			d, err := w.reason(ctx, "look again, now that models may answer", true)
			if ctx.Err() != nil {
				return
			}
			if err == nil {
				w.looking = false
				w.rethink(ctx, d)
				return
			}
			workflow.GetLogger(ctx).Info("A second look found no model to ask.", "error", err, "look", n)
		}
	})
}

// rethink takes up a diagnosis that came late.
func (w *run) rethink(ctx workflow.Context, d incident.Diagnosis) {
	before := *w.view.Diagnosis
	w.emit(ctx, &event.IncidentDegraded{Reason: "models answer again"}, w.provenance())
	w.diagnosed(ctx, w.diagnosisTask("looked again"), d)
	if p := w.view.Proposal; w.view.Action != nil || p != nil && p.State == incident.ProposalApproved {
		return // what is done, or decided, stands
	}
	if d.Verdict == before.Verdict && d.Cause == before.Cause && d.Service == before.Service {
		return
	}
	if d.Verdict != incident.VerdictProbable && before.Verdict != incident.VerdictProbable {
		return // a person has it, and has it still
	}
	w.voidProposal(ctx, "a second look came to another diagnosis")
	w.rethought = true
}

// jittered spreads waits between half and one and a half of d, so that many
// incidents do not ask at the same moment. It depends on the run and on n
// alone, so that a replay waits as long.
func (w *run) jittered(d time.Duration, n int) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(w.runID + "/" + strconv.Itoa(n)))
	share := float64(h.Sum64()%1000) / 1000
	return time.Duration((0.5 + share) * float64(d))
}

// unavailable reports whether an agent failed because models cannot be had
// now, rather than because of what they said.
func unavailable(err error) bool {
	switch activities.KindOf(err) {
	case incident.KindUnavailable, incident.KindThrottled, incident.KindBudget, incident.KindDenied, incident.KindNotFound:
		return err != errModelsOff && !errors.Is(err, errBlocked)
	}
	return false
}
