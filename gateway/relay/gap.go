package relay

import (
	"context"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"vigil/gateway/store"
	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// maxHole is how many missing events are asked for. An event further ahead
// than that has a number that no workflow of ours gave it.
const maxHole = 10_000

// errHopeless says that a gap is none that can be closed.
var errHopeless = errors.New("its number is too far ahead of its run")

// fill returns the events between gap.HaveSeq and gap.NextSeq, each of them:
// from the workflow, or as a record that it is lost. It does not return
// before the workflow has answered, or ctx ends. next is the event that
// waits for them.
func (r *Relay) fill(ctx context.Context, gap store.Gap, next event.Event) ([]event.Event, error) {
	missing := gap.NextSeq - gap.HaveSeq - 1
	if missing > maxHole {
		return nil, fmt.Errorf("%w: seq %d after %d", errHopeless, gap.NextSeq, gap.HaveSeq)
	}
	log := r.cfg.Log.With(zap.String("incident", gap.IncidentID), zap.String("run", gap.RunID),
		zap.Int64("have", gap.HaveSeq), zap.Int64("next", gap.NextSeq), zap.Uint64("offset", next.Offset))

	found, err := r.ask(ctx, gap, log)
	if err != nil {
		return nil, err
	}
	r.metrics.filled.Add(float64(len(found)))
	rest := missing - int64(len(found))
	if rest == 0 {
		log.Info("a gap was filled from the workflow", zap.Int("events", len(found)))
		return found, nil
	}
	log.Error("events are lost: the stream does not have them and their workflow cannot give them; their places are marked",
		zap.Int64("lost", rest))
	r.metrics.lost.Add(float64(rest))
	r.status.lost(rest)
	for seq := gap.HaveSeq + 1 + int64(len(found)); seq < gap.NextSeq; seq++ {
		mark, err := lost(gap, seq, next)
		if err != nil {
			return nil, err
		}
		found = append(found, mark)
	}
	return found, nil
}

// ask returns what the workflow has of the gap, from its first event on and
// without holes; nothing where there is no such workflow any more.
func (r *Relay) ask(ctx context.Context, gap store.Gap, log *zap.Logger) ([]event.Event, error) {
	pause := r.cfg.RetryMin
	for try := 1; ; try++ {
		list, err := r.filler.EventsSince(ctx, gap.IncidentID, gap.RunID, gap.HaveSeq)
		if err == nil {
			return prefix(list, gap), nil
		}
		if incident.KindOf(err) == incident.KindNotFound {
			return nil, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if try == 1 {
			log.Warn("a gap cannot be filled yet; events wait until the workflow answers", zap.Error(err))
		}
		r.status.report(fmt.Errorf("incident %s lacks its events after %d, and its workflow does not answer: %w", gap.IncidentID, gap.HaveSeq, err))
		if !sleep(ctx, pause) {
			return nil, ctx.Err()
		}
		pause = min(2*pause, r.cfg.RetryMax)
	}
}

// prefix is the part of list that belongs into the gap and has no hole itself.
// What the workflow has beyond the gap comes by the stream.
func prefix(list []event.Event, gap store.Gap) []event.Event {
	for i, e := range list {
		want := gap.HaveSeq + 1 + int64(i)
		if want == gap.NextSeq || e.Seq != want || e.IncidentID != gap.IncidentID || e.RunID != gap.RunID {
			return list[:i]
		}
	}
	return list
}

// lost makes the event that stands for one that nobody has any more. Where it
// is the first of its run it opens the incident, with defaults and saying so:
// without that, none of the run's later events could be shown.
func lost(gap store.Gap, seq int64, next event.Event) (event.Event, error) {
	what := fmt.Sprintf("event %d of run %s is lost: the stream does not have it, and its workflow cannot give it", seq, gap.RunID)
	var data event.Data = &event.ErrorRaised{Kind: incident.KindNotFound, Message: what,
		Recovery: "the incident is shown without it"}
	if seq == 1 {
		data = &event.IncidentOpened{
			Title: "Incident " + gap.IncidentID, Service: "unknown", Severity: incident.SeverityMedium,
			Description: what + ". Title, service and severity are defaults.",
			Source:      "gateway", StartedAt: next.At,
		}
	}
	origin := next.Provenance.Origin
	if !origin.Valid() {
		origin = incident.OriginLive
	}
	return event.New(data, gap.IncidentID, gap.RunID, seq, next.At,
		incident.Provenance{Origin: origin, Service: "gateway", Operation: "mark_lost_event"})
}
