package activities

import "context"

// CallModel makes one model call. It is idempotent in effect; repeated after
// a crash it costs again, which the attempt in its provenance shows.
func (a *Activities) CallModel(ctx context.Context, r ModelRequest) (ModelReply, error) {
	defer keepAlive(ctx)()
	reply, err := a.Model.Converse(ctx, r)
	if err != nil {
		return ModelReply{}, failure("ask the model for "+string(r.Agent), err)
	}
	reply.Provenance = attempt(ctx, reply.Provenance)
	return reply, nil
}
