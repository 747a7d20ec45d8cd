package relay

import (
	"context"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"vigil/workflows/event"
)

// followEvents is one attempt: it finds out where store, stream and hub
// stand, brings them together, and then applies what comes, until an error.
func (r *Relay) followEvents(ctx context.Context) error {
	at, err := r.locate(ctx)
	if err != nil {
		return err
	}
	r.status.follow(at)
	if err := r.align(ctx, at.Epoch); err != nil {
		return err
	}

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	messages := make(chan Message, 2*r.cfg.BatchMax)
	ended := make(chan error, 1)
	go func() {
		ended <- r.streams.Events(ctx, at.Offset, func(m Message) {
			select {
			case messages <- m:
			case <-ctx.Done():
			}
		})
	}()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		cancel(r.watch(ctx, at.Epoch))
	}()
	defer func() { // in the end nothing of this attempt is left
		cancel(nil)
		<-ended
		<-watched
	}()

	r.status.report(nil)
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case err := <-ended:
			ended <- err // for the deferred wait
			if err == nil {
				err = errors.New("the consumer ended")
			}
			return fmt.Errorf("read the stream after offset %d: %w", r.status.read().Applied.Offset, err)
		case m := <-messages:
			if err := r.apply(ctx, at.Epoch, collect(m, messages, r.cfg.BatchMax)); err != nil {
				if cause := context.Cause(ctx); cause != nil {
					return cause
				}
				return err
			}
		}
	}
}

// collect takes what is there already, up to limit messages; it never waits.
func collect(first Message, messages <-chan Message, limit int) []Message {
	batch := []Message{first}
	for len(batch) < limit {
		select {
		case m := <-messages:
			batch = append(batch, m)
		default:
			return batch
		}
	}
	return batch
}

// locate returns the position to follow from. It moves the store to the
// stream's epoch, and renews the epoch of a stream that was set back.
func (r *Relay) locate(ctx context.Context) (event.Cursor, error) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.CallWait)
	defer cancel()
	// In this order: a message that another replica applies in between must
	// not make the stream look shorter than the store.
	at, err := r.store.Applied(ctx)
	if err != nil {
		return at, fmt.Errorf("read the applied offset: %w", err)
	}
	state, err := r.streams.State(ctx)
	if err != nil {
		return at, fmt.Errorf("look at the event stream: %w", err)
	}
	switch {
	case state.Epoch != at.Epoch:
		if at.Epoch != "" {
			r.cfg.Log.Warn("the event stream was made anew; reading it from its start",
				zap.String("was", at.Epoch), zap.Uint64("applied", at.Offset), zap.String("is", state.Epoch))
		}
		if _, _, err := r.store.Apply(ctx, state.Epoch, nil, nil); err != nil {
			return at, fmt.Errorf("move the store to epoch %s: %w", state.Epoch, err)
		}
		return event.Cursor{Epoch: state.Epoch}, nil
	case state.Last < at.Offset:
		r.cfg.Log.Error("the event stream ends before what was applied from it, so it was set back; giving it a new epoch",
			zap.String("epoch", at.Epoch), zap.Uint64("applied", at.Offset), zap.Uint64("stream", state.Last))
		if err := r.streams.Renew(ctx); err != nil {
			return at, fmt.Errorf("renew the epoch of the event stream: %w", err)
		}
		return at, errAgain
	}
	return at, nil
}

// watch looks at the stream from time to time. It returns errAgain when the
// stream is not the one that is being followed, and nil when ctx ends. That
// the stream cannot be reached is for the consumer to find out.
func (r *Relay) watch(ctx context.Context, epoch string) error {
	for sleep(ctx, r.cfg.CheckEvery) {
		before := r.status.read().Applied
		call, cancel := context.WithTimeout(ctx, r.cfg.CallWait)
		state, err := r.streams.State(call)
		cancel()
		if err == nil && (state.Epoch != epoch || state.Last < before.Offset) {
			return errAgain
		}
	}
	return nil
}
