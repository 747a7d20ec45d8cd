package pull

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"vigil/activities/sqs"
)

// held is a message in hand.
type held struct {
	sqs.Message
	since time.Time     // when it was received
	until time.Time     // it is hidden at least until then
	lost  chan struct{} // closed where it is no longer to be held
	gone  bool          // lost to another receiver; otherwise held too long. Read after lost is closed
	first int64         // what the gateway had taken when it first failed this one
	tries int
}

// hand is every message that a line holds.
type hand struct {
	mu  sync.Mutex
	all map[*held]bool
}

func (d *hand) add(h *held) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all[h] = true
}

func (d *hand) drop(h *held) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.all, h)
}

// lose tells the holder of h that it is to be held no longer.
func (d *hand) lose(h *held, gone bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.all[h] {
		delete(d.all, h)
		h.gone = gone
		close(h.lost)
	}
}

// oldest is how many messages are in hand, and when the oldest was sent.
func (d *hand) oldest() (n int, sent time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for h := range d.all {
		if !h.SentAt.IsZero() && (sent.IsZero() || h.SentAt.Before(sent)) {
			sent = h.SentAt
		}
	}
	return len(d.all), sent
}

// due are the messages whose time is half over, and those that were held for
// as long as they may be.
func (d *hand) due(now time.Time, lease time.Duration) (renew, old []*held) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for h := range d.all {
		switch {
		case now.Sub(h.since) >= longest:
			old = append(old, h)
		case h.until.Sub(now) <= lease/2:
			renew = append(renew, h)
		}
	}
	return renew, old
}

// keep hides what is in hand for as long as it is. A message that cannot be
// hidden is tried again while its time lasts; after that another receiver may
// have it too, and the gateway gets it twice.
func (l *line) keep(ctx context.Context) {
	for pause(ctx, l.cfg.Lease/4) {
		renew, old := l.hand.due(time.Now(), l.cfg.Lease)
		for _, h := range old {
			l.hand.lose(h, false)
		}
		for len(renew) > 0 && ctx.Err() == nil {
			n := min(len(renew), sqs.MaxBatch)
			l.renew(ctx, renew[:n])
			renew = renew[n:]
		}
	}
}

func (l *line) renew(ctx context.Context, batch []*held) {
	asked := time.Now()
	call, cancel := context.WithTimeout(ctx, min(callTimeout, l.cfg.Lease/4))
	defer cancel()
	failed, err := l.queue.Hide(call, messages(batch), l.cfg.Lease)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		l.failed(reasonLease)
		l.log.Warn("Cannot keep messages hidden; trying again.", zap.Int("messages", len(batch)), zap.Error(err))
		return
	}
	not := map[string]sqs.Refused{}
	for _, f := range failed {
		not[f.Message.Receipt] = f
	}
	for _, h := range batch {
		f, ok := not[h.Receipt]
		switch {
		case !ok:
			l.hand.mu.Lock()
			h.until = asked.Add(l.cfg.Lease)
			l.hand.mu.Unlock()
		case f.Gone:
			l.failed(reasonLease)
			l.hand.lose(h, true)
		default:
			l.failed(reasonLease)
			l.log.Warn("Cannot keep a message hidden; trying again.", zap.Error(f.Err))
		}
	}
}

func messages(hs []*held) []sqs.Message {
	out := make([]sqs.Message, len(hs))
	for i, h := range hs {
		out[i] = h.Message
	}
	return out
}
