package activities

import (
	"context"
	"errors"

	"go.temporal.io/sdk/activity"

	"vigil/workflows/event"
	"vigil/workflows/incident"
)

// CallModel makes one model call: where the day's cap allows it, with every
// text redacted, and with what the model says handed on as it says it.
//
// Repeated, it costs again, and a worker that was killed can no longer say that
// it had sent something. So each attempt leaves behind, in its heartbeats, that
// it is about to send, and takes it back when the call ends: Provenance.Lost
// counts the earlier attempts that were sent and whose answer nobody saw.
func (a *Activities) CallModel(ctx context.Context, r ModelRequest) (ModelReply, error) {
	op := "ask the model for " + string(r.Agent)
	if a.Spending != nil {
		if err := a.Spending.Allow(ctx); err != nil {
			return ModelReply{}, failureOf(ctx, op, err)
		}
	}
	r = redactRequest(r)
	before := lostBefore(ctx)
	crashed := before.lost() - before.Lost
	stop := keepAlive(ctx, sending{Lost: before.lost(), InFlight: true})
	reply, err := a.converse(ctx, r)
	stop()
	if err != nil {
		after := sending{Lost: before.lost(), InFlight: ctx.Err() != nil} // given up: it may be answered yet, and paid for
		var paid *PaidError
		if errors.As(err, &paid) {
			after = sending{Lost: before.lost() + 1}
			a.spend(ctx, paid.Provenance.Usage, 1+crashed)
			paid.Provenance = attempt(ctx, paid.Provenance)
			paid.Provenance.Lost = before.lost()
		}
		if activity.IsActivity(ctx) {
			activity.RecordHeartbeat(ctx, after)
		}
		return ModelReply{}, failureOf(ctx, op, err)
	}
	a.spend(ctx, reply.Provenance.Usage, 1+crashed)
	reply.Provenance = attempt(ctx, reply.Provenance)
	reply.Provenance.Lost = before.lost()
	return redactReply(reply), nil
}

// spend counts a call against the day, and those that crashed before it as if
// they had used the same: nobody will ever know what they did.
func (a *Activities) spend(ctx context.Context, used *incident.Usage, times int32) {
	if a.Spending == nil {
		return
	}
	if used == nil {
		used = &incident.Usage{}
	}
	for range times {
		a.Spending.Add(context.WithoutCancel(ctx), *used)
	}
}

func (a *Activities) converse(ctx context.Context, r ModelRequest) (ModelReply, error) {
	if a.Deltas == nil {
		return a.Model.Converse(ctx, r, nil)
	}
	delta := event.ModelDelta{Type: event.TypeModelDelta, IncidentID: r.IncidentID, RunID: r.RunID, Agent: r.Agent, Turn: r.Turn,
		Attempt: attempt(ctx, incident.Provenance{}).Attempt}
	ctx = WithOrigin(ctx, func(o incident.Origin) { delta.Origin = o })
	aloud := &redactor{emit: func(text string) {
		delta.Text = text
		a.Deltas.Delta(delta)
		delta.Index++
	}}
	reply, err := a.Model.Converse(ctx, r, aloud.write)
	if err == nil {
		aloud.flush()
	}
	return reply, err
}

// sending is what the heartbeats of a model call say. It is in the server's
// records: add fields, never change one.
type sending struct {
	Lost     int32 `json:"lost"`      // earlier attempts that were sent and whose answer nobody saw
	InFlight bool  `json:"in_flight"` // this attempt is sent, and has not ended
}

// lost counts the attempt that left s behind, where it did not end.
func (s sending) lost() int32 {
	if s.InFlight {
		return s.Lost + 1
	}
	return s.Lost
}

func lostBefore(ctx context.Context) (s sending) {
	if activity.IsActivity(ctx) && activity.HasHeartbeatDetails(ctx) {
		// What cannot be read is of another version: then nothing is known.
		_ = activity.GetHeartbeatDetails(ctx, &s)
	}
	return s
}
