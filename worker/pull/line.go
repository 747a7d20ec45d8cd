package pull

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"vigil/activities/sqs"
	"vigil/workflows/incident"
)

const (
	// stuckAfter is how often a message fails, while others are taken, until it
	// is the message that is held to be at fault.
	stuckAfter = 6
	// deleteTries is how often deleting is tried; about two minutes.
	deleteTries = 8
)

// line is one queue on its way to the gateway.
type line struct {
	cfg     Config
	queue   Queue
	gateway *gateway
	metrics *metrics
	log     *zap.Logger
	fifo    bool

	hand    *hand
	slots   chan struct{} // one for each message in hand
	carried sync.WaitGroup
	deletes *batcher
	returns *batcher

	stopping context.Context // receives no more, waits no more
	posts    context.Context // ends hand-overs
	calls    context.Context // ends calls of the queue
}

func (l *line) failed(reason string) {
	l.metrics.failed.WithLabelValues(l.queue.Name(), reason).Inc()
}

// receive takes messages from the queue, while the gateway takes them, until
// stopping ends.
func (l *line) receive() {
	var said incident.Kind // of the trouble that is in the log
	for try := 0; l.stopping.Err() == nil; {
		if open, changed := l.gateway.state(); !open {
			select {
			case <-changed:
			case <-l.stopping.Done():
			}
			continue
		}
		n := l.reserve()
		if n == 0 {
			return
		}
		asked := time.Now()
		got, err := l.queue.Receive(l.stopping, n, l.cfg.Wait, l.cfg.Lease)
		l.free(n - len(got))
		switch {
		case l.stopping.Err() != nil && err != nil:
			return
		case err != nil:
			l.failed(reasonReceive)
			if kind := incident.KindOf(err); kind != said {
				said = kind
				l.log.Error("Cannot receive from the queue of alerts; trying again.", zap.Error(err))
			}
			try++
			pause(l.stopping, backoff(try))
			continue
		case said != "":
			l.log.Info("The queue of alerts answers again.")
		}
		said, try = "", 0
		for _, lane := range l.lanes(got, asked) {
			l.carried.Go(func() { l.carry(lane) })
		}
	}
}

// reserve returns how many messages may be received, once there is room for
// one; 0 where stopping ended.
func (l *line) reserve() int {
	select {
	case l.slots <- struct{}{}:
	case <-l.stopping.Done():
		return 0
	}
	n := 1
	for n < l.cfg.Batch {
		select {
		case l.slots <- struct{}{}:
			n++
		default:
			return n
		}
	}
	return n
}

func (l *line) free(n int) {
	for range n {
		<-l.slots
	}
}

// lanes takes messages into hand. Those of one lane go one after another: of a
// FIFO queue, those of a group.
func (l *line) lanes(got []sqs.Message, asked time.Time) [][]*held {
	var out [][]*held
	of := map[string]int{}
	for _, m := range got {
		l.metrics.received.WithLabelValues(l.queue.Name()).Inc()
		l.metrics.receives.WithLabelValues(l.queue.Name()).Observe(float64(m.Receives))
		// Hidden from when it was received, which was no earlier than asked.
		h := &held{Message: m, since: time.Now(), until: asked.Add(l.cfg.Lease), lost: make(chan struct{})}
		l.hand.add(h)
		if i, ok := of[m.Group]; ok && l.fifo {
			out[i] = append(out[i], h)
			continue
		}
		of[m.Group] = len(out)
		out = append(out, []*held{h})
	}
	return out
}

// carry hands the messages of a lane over, in order, and lets all of them go.
// After one that is not taken the others must not overtake it.
func (l *line) carry(lane []*held) {
	for i, h := range lane {
		switch end := l.handOver(h); end.what {
		case handedOver:
			l.delete(h)
			l.release(h)
		case givenBack:
			l.giveBack(h, end.later)
			for _, rest := range lane[i+1:] {
				l.giveBack(rest, 0)
			}
			return
		case left: // nobody's business here any more
			for _, rest := range lane[i:] {
				l.giveBack(rest, 0)
			}
			return
		}
	}
}

// release takes a message out of hand.
func (l *line) release(h *held) {
	l.hand.drop(h)
	l.free(1)
}

// ending is how a hand-over ended.
type ending struct {
	what  what
	later time.Duration // givenBack: until it may be received again
}

type what int

const (
	handedOver what = iota
	givenBack
	left
)

// handOver offers a message until the gateway takes it or there is a reason to
// let it go.
func (l *line) handOver(h *held) ending {
	for {
		if open, changed := l.gateway.state(); !open {
			if !l.wait(h, changed) {
				return l.letGo(h)
			}
			continue
		}
		select {
		case <-h.lost:
			return l.letGo(h)
		case <-l.stopping.Done():
			return ending{givenBack, 0}
		default:
		}
		a := l.gateway.post(l.posts, h.Message)
		if a.fate == away && l.posts.Err() != nil {
			return ending{givenBack, 0} // ours to end; it says nothing of the gateway
		}
		l.gateway.note(a)
		switch a.fate {
		case taken:
			l.metrics.handedOver.WithLabelValues(l.queue.Name()).Inc()
			if !h.SentAt.IsZero() {
				l.metrics.age.WithLabelValues(l.queue.Name()).Observe(max(0, time.Since(h.SentAt).Seconds()))
			}
			return ending{what: handedOver}
		case refused:
			return l.refuse(h, a)
		}
		l.failed(a.reason)
		if h.tries++; h.tries == 1 {
			h.first = l.gateway.count()
		}
		if h.tries >= stuckAfter && l.gateway.count() > h.first {
			return l.refuse(h, answer{refused, reasonStuck, a.detail + "; others were taken meanwhile"})
		}
		due := make(chan struct{})
		timer := time.AfterFunc(backoff(h.tries), func() { close(due) })
		ok := l.wait(h, due)
		timer.Stop()
		if !ok {
			return l.letGo(h)
		}
	}
}

// wait returns true once due is closed, false where h is to be let go before.
func (l *line) wait(h *held, due <-chan struct{}) bool {
	select {
	case <-due:
		return true
	case <-h.lost:
	case <-l.stopping.Done():
	}
	return false
}

func (l *line) letGo(h *held) ending {
	select {
	case <-h.lost:
		if h.gone {
			l.log.Warn("A message is no longer this worker's; whoever receives it next hands it over.", zap.String("message", h.ID))
			return ending{what: left}
		}
		l.log.Warn("A message was held for as long as SQS allows and is given back.", zap.String("message", h.ID), zap.Int("receives", h.Receives))
	default:
	}
	return ending{givenBack, 0}
}

// refuse gives a message back that will not be taken, so that SQS moves it to
// the dead-letter queue once it was received often enough.
func (l *line) refuse(h *held, a answer) ending {
	l.failed(a.reason)
	later := min(l.cfg.Later<<min(max(h.Receives-1, 0), 10), maxLater)
	l.log.Error("The gateway will not take a message; SQS moves it to the dead-letter queue once it was received as often as the queue's redrive policy says.",
		zap.String("message", h.ID), zap.String("reason", a.reason), zap.String("detail", a.detail), zap.Int("bytes", len(h.Body)),
		zap.Int("receives", h.Receives), zap.Duration("again_in", max(0, later)))
	return ending{givenBack, max(0, later)}
}

// delete deletes a message that was handed over. One that cannot be deleted
// comes again, and the gateway knows it by its content.
func (l *line) delete(h *held) {
	for try := 1; ; try++ {
		err := l.deletes.done(l.calls, h.Message)
		switch {
		case err == nil:
			l.metrics.deleted.WithLabelValues(l.queue.Name()).Inc()
			return
		case l.calls.Err() != nil:
			l.log.Info("Stopped before a message that was handed over could be deleted; it will come again.", zap.String("message", h.ID))
			return
		}
		l.failed(reasonDelete)
		if errors.Is(err, errGone) || try == deleteTries {
			l.log.Warn("Cannot delete a message that was handed over; it will come again.", zap.String("message", h.ID), zap.Error(err))
			return
		}
		pause(l.calls, backoff(try))
	}
}

// giveBack has a message received again after a while, by whoever asks then.
func (l *line) giveBack(h *held, later time.Duration) {
	defer l.release(h)
	select {
	case <-h.lost:
		if h.gone {
			return
		}
	default:
	}
	var err error
	if later == 0 {
		err = l.returns.done(l.calls, h.Message)
	} else {
		var failed []sqs.Refused
		if failed, err = l.queue.Hide(l.calls, []sqs.Message{h.Message}, later); len(failed) > 0 {
			err = failed[0].Err
		}
	}
	if err != nil && l.calls.Err() == nil && !errors.Is(err, errGone) {
		l.log.Warn("Cannot give a message back; it comes again when its time is up.", zap.String("message", h.ID), zap.Error(err))
	}
}

func isFIFO(name string) bool { return strings.HasSuffix(name, ".fifo") }
