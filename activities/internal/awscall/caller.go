package awscall

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptrace"
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
	return DoNoted(ctx, c, name, model, op, in, func(out *Out, call *activities.Call) {
		if usage != nil {
			call.Provenance.Usage = usage(out)
		}
	})
}

// DoNoted makes one call; note adds to its record what the answer says, such
// as what it consumed.
func DoNoted[In, Out, Options any](ctx context.Context, c Caller, name, model string, op Operation[In, Out, Options],
	in *In, note func(*Out, *activities.Call)) (*Out, incident.Provenance, error) {
	r, err := c.begin(ctx, name, model)
	if err != nil {
		return nil, r.call.Provenance, err
	}
	defer r.release()
	out, err := op(r.ctx, in)
	if err != nil {
		failure := r.failed(err)
		return nil, r.call.Provenance, failure
	}
	note(out, &r.call)
	r.succeeded()
	return out, r.call.Provenance, nil
}

// Stream makes one call whose answer comes in pieces: read takes them until
// the last and says what the answer consumed, also where it then fails. The
// call has succeeded when read returns nil; its latency is that of the whole
// answer. A call that fails after its answer began is returned as an
// activities.PaidError: it cost, and nobody can say how much.
func Stream[In, Out, Options any](ctx context.Context, c Caller, name, model string, op Operation[In, Out, Options],
	in *In, read func(*Out) (*incident.Usage, error)) (incident.Provenance, error) {
	r, err := c.begin(ctx, name, model)
	if err != nil {
		return r.call.Provenance, err
	}
	defer r.release()
	out, err := op(r.ctx, in)
	if err != nil {
		failure := r.failed(err)
		return r.call.Provenance, failure
	}
	activities.ReportOrigin(ctx, r.seen.origin)
	if r.call.Provenance.Usage, err = read(out); err != nil {
		if r.call.Provenance.Usage == nil {
			r.call.Provenance.Usage = &incident.Usage{}
		}
		failure := r.failed(err)
		return r.call.Provenance, &activities.PaidError{Provenance: r.call.Provenance, Err: failure}
	}
	r.succeeded()
	return r.call.Provenance, nil
}

// running is a call on its way.
type running struct {
	ctx    context.Context
	caller Caller
	seen   *sighting
	start  time.Time
	leave  func(activities.Call)
	call   activities.Call
	ended  bool
}

// begin asks the gate, where there is one. What the gate holds back is no
// call, and is not recorded as one.
func (c Caller) begin(ctx context.Context, name, model string) (*running, error) {
	seen := &sighting{}
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { seen.connected.Store(true) }})
	r := &running{ctx: context.WithValue(traced, sightingKey{}, seen), caller: c, seen: seen, leave: func(activities.Call) {},
		call: activities.Call{Provenance: incident.Provenance{Service: c.service, Operation: name, Model: model}}}
	if gate, ok := c.recorder.(activities.Gate); ok {
		leave, err := gate.Enter(ctx, c.service, model)
		if err != nil {
			return r, fmt.Errorf("%s: %w", operation(r.call.Provenance), err)
		}
		r.leave = leave
	}
	r.start = time.Now()
	return r, nil
}

// stamp fills in what is known once the call is over.
func (r *running) stamp() {
	p := &r.call.Provenance
	p.Origin, p.RequestID = r.seen.origin, r.seen.requestID
	p.LatencyMS = int64((time.Since(r.start) + time.Millisecond - 1) / time.Millisecond) // rounded up: 0 would read as "not measured"
}

func (r *running) succeeded() {
	r.stamp()
	r.end()
}

func (r *running) failed(err error) *incident.Error {
	r.stamp()
	failure := fail(r.ctx, r.call.Provenance, r.seen, err)
	if !slices.Contains(r.caller.absent, failure.Kind) {
		r.call.Failed, r.call.Error = failure.Kind, failure.Error()
		r.call.Cancelled = errors.Is(failure, context.Canceled)
	}
	r.end()
	return failure
}

func (r *running) end() {
	r.ended = true
	r.leave(r.call)
	if r.caller.recorder != nil {
		r.caller.recorder.Record(r.call)
	}
}

// release leaves the gate also where the call ended in a panic.
func (r *running) release() {
	if !r.ended {
		r.leave(activities.Call{Provenance: r.call.Provenance, Cancelled: true})
	}
}

// Malformed is the error for an answer that came and makes no sense. It may
// be a passing fault of the service, so it is retryable.
func Malformed(p incident.Provenance, format string, args ...any) *incident.Error {
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
