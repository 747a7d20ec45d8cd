package hub_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vigil/gateway/hub"
)

// TestCrowd lets clients read a little, go and resume, or not read at all,
// all at once, while frames of all sizes are published. The slow ones are
// closed on the way; in the end everyone has everything, gap-free.
func TestCrowd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := startWith(t, hub.Config{QueueFrames: 24, LogFrames: 32, QueueBytes: 48 << 10, LogBytes: 64 << 10, ResumeLimit: 48,
			PositionEvery: 5 * time.Millisecond, CloseWait: 20 * time.Millisecond}, true)
		defer f.stop()
		f.hub.Reset(f.position())

		acts := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) publish {
			return publish{
				act: rapid.SampledFrom([]string{"one", "one", "one", "one", "group", "several", "position", "skip", "epoch"}).Draw(t, "act"),
				n:   rapid.IntRange(1, 12).Draw(t, "n"),
				pad: rapid.SampledFrom([]int{0, 100, 8 << 10}).Draw(t, "pad"),
			}
		}), 20, 200).Draw(t, "acts")
		// How many frames a client reads before it goes and resumes; 0 reads
		// nothing until all is published.
		lives := rapid.SliceOfN(rapid.SliceOfN(rapid.IntRange(0, 30), 1, 5), 1, 6).Draw(t, "lives")

		published := make(chan struct{})
		var running sync.WaitGroup
		watchers := make([]*watcher, len(lives))
		for i, life := range lives {
			w := &watcher{name: fmt.Sprint(i), ledger: f.ledger}
			watchers[i] = w
			running.Go(func() { w.live(t, f, life, published) })
		}
		f.perform(acts)
		close(published)
		running.Wait()
		converge(t, f, watchers)
	})
}

type publish struct {
	act    string
	n, pad int
}

// perform publishes as the relay does: what is stored first, in order.
func (f *fixture) perform(acts []publish) {
	for _, p := range acts {
		switch p.act {
		case "one":
			f.publishPadded(p.pad)
		case "group":
			f.hub.Publish(f.add(1, p.n, 10))
		case "several":
			var epoch string
			var all []hub.Frame
			for range p.n {
				var frames []hub.Frame
				epoch, frames = f.add(2, 1, 10)
				all = append(all, frames...)
			}
			f.hub.Publish(epoch, all)
		case "position":
			at := f.position()
			f.hub.Publish(at.Epoch, []hub.Frame{{Offset: at.Offset}})
		case "skip":
			for range p.n {
				f.add(1, 1, 0)
			}
			f.hub.Reset(f.position())
		case "epoch":
			f.hub.Publish(f.newEpoch(), nil)
		}
		runtime.Gosched()
	}
}

// live is a series of sockets; the last one stays.
func (w *watcher) live(t tb, f *fixture, life []int, published <-chan struct{}) {
	for i, reads := range life {
		w.groupSafe()
		conn := f.join(t, w.cursor)
		if reads == 0 {
			<-published
		}
		w.connect(conn)
		if i == len(life)-1 {
			return
		}
		eventually(t, "client "+w.name+" has read enough", func() bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.read >= reads || isClosed(published) || isClosed(w.ended)
		})
		w.disconnect()
	}
}
