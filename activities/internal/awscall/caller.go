package awscall

import (
	"context"
	"errors"
	"slices"
	"time"

	"vigil/activities"
	"vigil/workflows/incident"
)

// Caller makes the calls of one service.
type Caller struct {
	service  string
	recorder activities.Recorder
	absent   []incident.Kind
}

// New is a Caller for service, the name that provenance and metrics carry.
// recorder may be nil.
func New(service string, recorder activities.Recorder) Caller {
	return Caller{service: service, recorder: recorder}
}

// AbsenceIsAnswer returns a Caller for a service that reports "no such thing"
// as an error where the adapter takes it as an answer: such a call is still
// returned as an error of kind not_found, and recorded as a success.
func (c Caller) AbsenceIsAnswer() Caller {
	c.absent = []incident.Kind{incident.KindNotFound}
	return c
}

// Operation is an operation of an SDK client, such as (*ssm.Client).GetAutomationExecution.
type Operation[In, Out, Options any] func(context.Context, *In, ...func(*Options)) (*Out, error)

// Do makes one call.
func Do[In, Out, Options any](ctx context.Context, c Caller, name string, op Operation[In, Out, Options], in *In) (*Out, incident.Provenance, error) {
	return DoMetered(ctx, c, name, "", op, in, nil)
}

// DoMetered makes one call that costs by use: usage reads from the answer
// what it consumed. model may be empty.
func DoMetered[In, Out, Options any](ctx context.Context, c Caller, name, model string, op Operation[In, Out, Options],
	in *In, usage func(*Out) *incident.Usage) (*Out, incident.Provenance, error) {
	seen := &sighting{}
	start := time.Now()
	out, err := op(context.WithValue(ctx, sightingKey{}, seen), in)
	p := incident.Provenance{
		Origin: seen.origin, Service: c.service, Operation: name, Model: model, RequestID: seen.requestID,
		LatencyMS: int64((time.Since(start) + time.Millisecond - 1) / time.Millisecond), // rounded up: 0 would read as "not measured"
	}
	call := activities.Call{Provenance: p}
	if err != nil {
		failure := fail(ctx, p, seen, err)
		if !slices.Contains(c.absent, failure.Kind) {
			call.Failed, call.Error = failure.Kind, failure.Error()
			call.Cancelled = errors.Is(failure, context.Canceled)
		}
		c.record(call)
		return nil, p, failure
	}
	if usage != nil {
		p.Usage = usage(out)
	}
	call.Provenance = p
	c.record(call)
	return out, p, nil
}

func (c Caller) record(call activities.Call) {
	if c.recorder != nil {
		c.recorder.Record(call)
	}
}

// Malformed is the error for an answer that came and makes no sense. It may
// be a passing fault of the service, so it is retryable.
func Malformed(p incident.Provenance, format string, args ...any) error {
	e := incident.Errorf(incident.KindInternal, format, args...)
	e.Op = operation(p)
	if p.RequestID != "" {
		e.Msg += " (request " + p.RequestID + ")"
	}
	return e
}

// Merge sums up the provenance of an answer that took several calls: the last
// call's request id, the whole latency, and simulated where any part is.
func Merge(all incident.Provenance, next incident.Provenance) incident.Provenance {
	if all.Origin == "" {
		return next
	}
	next.LatencyMS += all.LatencyMS
	if all.Origin == incident.OriginSimulated {
		next.Origin = all.Origin
	}
	return next
}
