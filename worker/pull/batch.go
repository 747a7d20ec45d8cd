package pull

import (
	"context"
	"errors"
	"time"

	"vigil/activities/sqs"
)

// batcher makes one call for all who ask while the call before is on its way.
type batcher struct {
	do  func(context.Context, []sqs.Message) ([]sqs.Refused, error)
	ask chan request
}

type request struct {
	message sqs.Message
	reply   chan error // has room for one
}

// callTimeout bounds a call of the queue that others wait for.
const callTimeout = 10 * time.Second

// errGone is the answer for a message that is no longer this receiver's.
var errGone = errors.New("it is no longer this receiver's")

func newBatcher(do func(context.Context, []sqs.Message) ([]sqs.Refused, error)) *batcher {
	return &batcher{do: do, ask: make(chan request)}
}

// run answers until ctx ends.
func (b *batcher) run(ctx context.Context) {
	for {
		var batch []request
		select {
		case r := <-b.ask:
			batch = append(batch, r)
		case <-ctx.Done():
			return
		}
		for more := true; more && len(batch) < sqs.MaxBatch; {
			select {
			case r := <-b.ask:
				batch = append(batch, r)
			default:
				more = false
			}
		}
		b.call(ctx, batch)
	}
}

func (b *batcher) call(ctx context.Context, batch []request) {
	var all []sqs.Message
	for _, r := range batch {
		all = append(all, r.message)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	failed, err := b.do(ctx, all)
	not := map[string]sqs.Refused{}
	for _, f := range failed {
		not[f.Message.Receipt] = f
	}
	for _, r := range batch {
		f, ok := not[r.message.Receipt]
		switch {
		case err != nil:
			r.reply <- err
		case ok && f.Gone:
			r.reply <- errGone
		case ok:
			r.reply <- f.Err
		default:
			r.reply <- nil
		}
	}
}

// done returns once it was done to m, or why not.
func (b *batcher) done(ctx context.Context, m sqs.Message) error {
	r := request{m, make(chan error, 1)}
	select {
	case b.ask <- r:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-r.reply:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
