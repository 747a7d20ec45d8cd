package storetest

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vigil/gateway/store"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

func eventsAreFoundByID(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	r := newRun("inc-1", "run-1", "x")
	other := newRun("inc-2", "run-2", "y")
	review := r.review("inc-1-review-a", "ana", true)
	apply(t, s, stream(1, r.events[0], other.events[0], r.add(note(1)), review, other.aborted())...)
	for id, want := range map[string]event.Type{"run-1/1": event.TypeIncidentOpened, "run-1/2": event.TypeIncidentNoted,
		"inc-1-review-a": event.TypeCauseReviewed, "run-2/0": event.TypeIncidentAborted} {
		e := must[event.Event](t)(s.Event(ctx(t), id))
		if e.ID != id || e.Type != want || e.Offset == 0 || e.Epoch != epoch0 {
			t.Errorf("event %s is %s of type %s at %s/%d", id, e.ID, e.Type, e.Epoch, e.Offset)
		}
	}
	for _, id := range []string{"run-1/3", "run-1/0", "run-9/1", "run-1", "", "/", "run-1/-1"} {
		_, err := s.Event(ctx(t), id)
		wantKind(t, err, incident.KindNotFound)
	}
}

func figuresFollowEvents(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	before := must[string](t)(s.FiguresRevision(ctx(t)))
	r := newRun("inc-1", "run-1", "x")
	r.add(&event.IncidentAcknowledged{By: "ana"})
	r.close()
	apply(t, s, stream(1, r.events[:2]...)...)
	middle := must[string](t)(s.FiguresRevision(ctx(t)))
	f := must[event.IncidentFigures](t)(s.IncidentFigures(ctx(t), "inc-1"))
	if f.AcknowledgeSeconds == nil || *f.AcknowledgeSeconds != 1 || f.ResolveSeconds != nil || f.Status.Terminal() {
		t.Errorf("while it is open: %+v", f)
	}
	apply(t, s, stream(3, r.events[2])...)
	after := must[string](t)(s.FiguresRevision(ctx(t)))
	f = must[event.IncidentFigures](t)(s.IncidentFigures(ctx(t), "inc-1"))
	if f.ResolveSeconds == nil || *f.ResolveSeconds != 2 || f.Outcome != incident.OutcomeRemediated || f.Acted {
		t.Errorf("when it is over: %+v", f)
	}
	if before == middle || middle == after {
		t.Errorf("revisions %q, %q, %q do not all differ", before, middle, after)
	}
	_, err := s.IncidentFigures(ctx(t), "none")
	wantKind(t, err, incident.KindNotFound)
}

func figuresPage(t *testing.T, fresh func(testing.TB) Opener) {
	s := fresh(t)(t)
	var offset uint64
	var want []string
	for i := range 7 {
		r := newRun(fmt.Sprint("inc-", i), fmt.Sprint("run-", i), "x") // they open at the same moment
		apply(t, s, stream(offset+1, r.events...)...)
		offset++
		want = append([]string{r.incidentID}, want...)
	}
	var got []string
	for cursor := ""; ; {
		list, next, err := s.Figures(ctx(t), store.FiguresFilter{}, cursor, 3)
		ok(t, err)
		got = append(got, idsOf(list)...)
		if cursor = next; cursor == "" {
			break
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("pages gave %v, want %v", got, want)
	}
	opened := t0.Add(time.Second)
	for name, c := range map[string]struct {
		filter store.FiguresFilter
		want   int
	}{
		"all":      {store.FiguresFilter{}, 7},
		"from":     {store.FiguresFilter{From: opened}, 7},
		"to":       {store.FiguresFilter{To: opened}, 0},
		"service":  {store.FiguresFilter{Service: "checkout"}, 7},
		"another":  {store.FiguresFilter{Service: "x"}, 0},
		"severity": {store.FiguresFilter{Severity: incident.SeverityHigh}, 7},
		"origin":   {store.FiguresFilter{Origin: incident.OriginLive}, 0},
	} {
		list, next, err := s.Figures(ctx(t), c.filter, "", 0)
		if ok(t, err); len(list) != c.want || next != "" {
			t.Errorf("%s: %d figures, next %q, want %d", name, len(list), next, c.want)
		}
	}
	_, _, err := s.Figures(ctx(t), store.FiguresFilter{}, "?", 1)
	wantKind(t, err, incident.KindInvalid)
}

// figuresDoNotDependOnArrival: however the events of incidents interleave, in
// batches of any size, with events that come again, and whenever a gateway is
// opened anew, the figures are the same bytes; as they are after Rebuild.
func figuresDoNotDependOnArrival(t *testing.T, fresh func(testing.TB) Opener) {
	rapid.Check(t, func(rt *rapid.T) {
		runs := drawActing(rt)
		var want string
		for range 2 {
			open := fresh(t)
			s := open(t)
			published := interleave(rt, runs)
			for next := 0; next < len(published); {
				if next > 0 && rapid.IntRange(0, 9).Draw(rt, "restart") == 0 {
					next = rapid.IntRange(0, next-1).Draw(rt, "restart at")
				}
				end := min(len(published), next+rapid.IntRange(1, 6).Draw(rt, "batch"))
				_, gap, err := s.Apply(ctx(t), epoch0, nil, published[next:end])
				if ok(rt, err); gap != nil {
					rt.Fatalf("gap %+v", gap)
				}
				next = end
			}
			got := allFigures(rt, t, s)
			if want == "" {
				want = got
			}
			if got != want {
				rt.Fatalf("another order of arrival gave\n%s\nand not\n%s", got, want)
			}
			ok(rt, s.Rebuild(ctx(t)))
			if again := allFigures(rt, t, s); again != want {
				rt.Fatalf("rebuilding gave\n%s\nand not\n%s", again, want)
			}
			ok(rt, s.Close())
		}
	})
}

func allFigures(rt *rapid.T, t *testing.T, s store.Store) string {
	list, _, err := s.Figures(ctx(t), store.FiguresFilter{}, "", 0)
	ok(rt, err)
	return asJSON(rt, list)
}

// drawActing draws runs in which phases come and go, people and actions do
// things, and people look back.
func drawActing(rt *rapid.T) map[string]*run {
	runs := map[string]*run{}
	action := incident.Action{Target: "checkout", Steps: []incident.Step{{Executor: "ecs", Document: "scale"}}}
	for i := range rapid.IntRange(1, 3).Draw(rt, "incidents") {
		id := fmt.Sprint("run-", i)
		r := newRun(fmt.Sprint("inc-", i), id, "x")
		reviews := 0
		for range rapid.IntRange(0, 12).Draw(rt, "events") {
			phase := rapid.SampledFrom(incident.Phases).Draw(rt, "phase")
			switch rapid.IntRange(0, 8).Draw(rt, "kind") {
			case 0, 1:
				r.add(&event.PhaseChanged{Phase: phase, State: incident.PhaseRunning})
			case 2:
				r.add(&event.PhaseChanged{Phase: phase, State: incident.PhaseCompleted})
			case 3:
				r.add(&event.IncidentAcknowledged{By: "ana"})
			case 4:
				r.add(&event.ApprovalDecided{ProposalID: "P1", State: incident.ProposalApproved, By: "ana"})
			case 5:
				r.add(&event.PredictionConcluded{Prediction: incident.Prediction{Service: "checkout", Metric: incident.MetricLatency, Limit: 2,
					BreachAt: t0.Add(time.Duration(rapid.IntRange(0, 20).Draw(rt, "breach")) * time.Second)}})
			case 6:
				e := action.Effect(1)
				r.add(&event.ActionStarted{Action: action, Effect: e})
				r.add(&event.ActionFinished{Execution: incident.Execution{ActionHash: e.ActionHash, Step: 1, State: incident.ExecutionSucceeded}})
			case 7:
				r.add(&event.VerificationMeasured{Verification: incident.Verification{State: incident.VerificationHelped,
					Checks: []incident.Check{{Service: "checkout", Metric: incident.MetricLatency, Now: float64(rapid.IntRange(0, 3).Draw(rt, "now"))}}}})
			case 8:
				reviews++
			}
		}
		if rapid.Bool().Draw(rt, "closes") {
			r.close()
		}
		for n := range reviews {
			e := r.review(fmt.Sprintf("%s-review-%d", r.incidentID, n), "ana", rapid.Bool().Draw(rt, "correct"))
			e.At = e.At.Add(time.Duration(rapid.IntRange(0, 2).Draw(rt, "later")) * time.Second)
			r.beside = append(r.beside, e)
		}
		runs[id] = r
	}
	return runs
}

// interleave draws an order of arrival. Numbered events keep theirs; what has
// no number comes anywhere after its run began.
func interleave(rt *rapid.T, runs map[string]*run) []event.Event {
	var out []event.Event
	numbered, beside := map[string][]event.Event{}, map[string][]event.Event{}
	total := 0
	for id, r := range runs {
		numbered[id], beside[id] = r.events, r.beside
		if len(r.beside) > 1 {
			beside[id] = rapid.Permutation(r.beside).Draw(rt, "reviews")
		}
		total += len(r.events) + len(r.beside)
	}
	for len(out) < total {
		id := fmt.Sprint("run-", rapid.IntRange(0, len(runs)-1).Draw(rt, "run"))
		from := numbered
		if len(numbered[id]) < len(runs[id].events) && len(beside[id]) > 0 && rapid.Bool().Draw(rt, "beside") {
			from = beside
		}
		if len(from[id]) == 0 {
			continue
		}
		out = append(out, from[id][0])
		from[id] = from[id][1:]
		if rapid.IntRange(0, 4).Draw(rt, "twice") == 0 {
			again := out[rapid.IntRange(0, len(out)-1).Draw(rt, "again")]
			out, total = append(out, again), total+1
		}
	}
	return stream(1, out...)
}

func idsOf(list []event.IncidentFigures) []string {
	var out []string
	for _, f := range list {
		out = append(out, f.IncidentID)
	}
	return out
}
