package main

import (
	"fmt"
	"math"
	"strings"
	"time"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// tape records the events of one incident as its workflow and the stream
// would: numbered, dated and with their place in the stream.
type tape struct {
	incidentID string
	runID      string
	now        time.Time
	offset     uint64
	epoch      string
	seq        int64
	events     []event.Event
	err        error // the first one; add does nothing after it
}

// add records data, after has passed since the event before.
func (t *tape) add(after time.Duration, data event.Data, p incident.Provenance) {
	if t.err != nil {
		return
	}
	t.now = t.now.Add(after)
	t.seq++
	t.append(data, t.seq, p)
}

// addUnnumbered records an event that the gateway makes.
func (t *tape) addUnnumbered(after time.Duration, data event.Data, p incident.Provenance) {
	if t.err != nil {
		return
	}
	t.now = t.now.Add(after)
	t.append(data, 0, p)
}

// addReview records a person's look back, whose id is its own workflow's.
func (t *tape) addReview(after time.Duration, key string, d *event.CauseReviewed, p incident.Provenance) {
	t.addUnnumbered(after, d, p)
	if t.err == nil {
		t.events[len(t.events)-1].ID = incident.ReviewID(t.incidentID, key)
	}
}

// addEdit records a person's edit of the review, whose id is its own workflow's.
func (t *tape) addEdit(after time.Duration, d *event.ReviewEdited, p incident.Provenance) {
	t.addUnnumbered(after, d, p)
	if t.err == nil {
		t.events[len(t.events)-1].ID = incident.PostmortemID(t.incidentID, d.Version-1)
	}
}

// cite names the latest event of each of the types.
func (t *tape) cite(types ...event.Type) []string {
	var cited []string
	for _, kind := range types {
		if ids := t.ids(kind); len(ids) > 0 {
			cited = append(cited, ids[len(ids)-1])
		}
	}
	return cited
}

// ids names all events of a type, oldest first.
func (t *tape) ids(kind event.Type) []string {
	var ids []string
	for _, e := range t.events {
		if e.Type == kind {
			ids = append(ids, e.ID)
		}
	}
	return ids
}

func (t *tape) append(data event.Data, seq int64, p incident.Provenance) {
	e, err := event.New(data, t.incidentID, t.runID, seq, t.now, p)
	if err != nil {
		t.err = err
		return
	}
	t.offset++
	e.Epoch, e.Offset, e.PublishedAt = t.epoch, t.offset, e.At.Add(3*time.Millisecond)
	t.events = append(t.events, e)
}

// rerun goes on as a new run of the same incident, as after a reset.
func (t *tape) rerun(runID string) { t.runID, t.seq = runID, 0 }

// view is what the events add up to.
func (t *tape) view() (event.View, error) {
	var v event.View
	for _, e := range t.events {
		if !v.Apply(e) {
			return v, fmt.Errorf("event %s of type %s does not apply", e.ID, e.Type)
		}
	}
	return v, t.err
}

// Provenances as the parts of Vigil write them.

func byWorkflow(o incident.Origin) incident.Provenance {
	return incident.Provenance{Origin: o, Service: "workflow"}
}

func byPerson(o incident.Origin, name string) incident.Provenance {
	return incident.Provenance{Origin: o, Service: "person", Principal: name}
}

func byAWS(o incident.Origin, service, operation string, request int, latencyMS int64) incident.Provenance {
	return incident.Provenance{Origin: o, Service: service, Operation: operation, RequestID: requestID(request), LatencyMS: latencyMS, Attempt: 1}
}

func byModel(o incident.Origin, model string, request int, latencyMS, in, out int64, costMicros *int64) incident.Provenance {
	return incident.Provenance{Origin: o, Service: "bedrock", Operation: "Converse", Model: model, RequestID: requestID(request),
		LatencyMS: latencyMS, Attempt: 1, Usage: &incident.Usage{InputTokens: in, OutputTokens: out, CostMicros: costMicros}}
}

// byGuardrail is a check that was charged, units of text in all policies.
func byGuardrail(o incident.Origin, request int, units int64, costMicros *int64) incident.Provenance {
	p := byAWS(o, "bedrock", "ApplyGuardrail", request, 88)
	p.Usage = &incident.Usage{TextUnits: units, CostMicros: costMicros}
	return p
}

// execution is an effect that succeeded.
func execution(e incident.Effect, started time.Time, took time.Duration, p incident.Provenance) incident.Execution {
	return incident.Execution{ActionHash: e.ActionHash, Step: e.Step, Undo: e.Undo, Executor: e.Executor, Document: e.Document, ClientToken: e.Token(),
		State: incident.ExecutionSucceeded, StartedAt: started, EndedAt: started.Add(took), Provenance: p}
}

func writeReview(t *tape, after time.Duration, lines []incident.ReviewLine, p incident.Provenance) {
	texts := make([]string, len(lines))
	for i, l := range lines {
		texts[i] = l.Text
	}
	t.add(after, &event.ReviewWritten{Text: strings.Join(texts, "\n"), Lines: lines}, p)
}

func requestID(n int) string { return fmt.Sprintf("7d1f6a20-%04d-4c55-9a10-52b6f4e0c%03d", n, n) }

func ptr[T any](v T) *T { return &v }

// ramp is a series that keeps to before until from, then moves to after
// within four points and stays there. The ripple is the same at every run.
func ramp(service string, m incident.Metric, unit string, start time.Time, step time.Duration, n int, from time.Time, before, after float64) incident.Series {
	s := incident.Series{Service: service, Metric: m, Unit: unit, Points: []incident.Point{}}
	for i := range n {
		at := start.Add(time.Duration(i) * step)
		v := before
		if late := at.Sub(from); late >= 0 {
			v += (after - before) * math.Min(1, float64(late/step+1)/4)
		}
		v *= 1 + 0.02*math.Sin(float64(i)*2.1) + 0.015*math.Sin(float64(i*i)*0.7)
		s.Points = append(s.Points, incident.Point{At: at, Value: math.Round(v*10000) / 10000})
	}
	if math.Abs(after-before) > 0.1*before {
		s.Anomaly = &incident.Anomaly{Onset: from, Low: math.Round(before*9e4) / 1e5, High: math.Round(before*11e4) / 1e5, Level: after}
	}
	return s
}
